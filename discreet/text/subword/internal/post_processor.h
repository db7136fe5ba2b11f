#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "discreet/core/json.h"

namespace discreet::text::subword {

/// What a post-processor puts together: special tokens and the texts' tokens.
struct TemplateItem {
  int sequence = -1;  ///< 0 or 1: the tokens of a text; -1: a special token
  std::int32_t id = -1;
  std::string token;
  std::int32_t type_id = 0;
  bool keeps_type_ids = false;  ///< of a text
};

/// All post-processors come down to a template for one text and one for a pair, and to how offsets
/// are trimmed.
struct PostProcessor {
  std::vector<TemplateItem> single{{.sequence = 0, .keeps_type_ids = true}};
  std::vector<TemplateItem> pair{{.sequence = 0, .keeps_type_ids = true},
                                 {.sequence = 1, .keeps_type_ids = true}};
  /// White space at the ends of byte-level tokens is not part of their offsets, once for each entry;
  /// true: but a space that the pre-tokeniser added is not there to trim.
  std::vector<bool> trims;
};

/// Of tokenizer.json's form; null gives the plain one. Throws: kBadData for an unknown kind or option.
PostProcessor make_post_processor(const Json& json, const std::string& where);

}  // namespace discreet::text::subword
