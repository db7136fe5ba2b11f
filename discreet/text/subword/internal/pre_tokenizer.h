#pragma once

#include <memory>
#include <string>

#include "discreet/core/json.h"
#include "discreet/text/subword/internal/aligned.h"

namespace discreet::text::subword {

/// Cuts the parts that are no added tokens into smaller ones; may change their text. No part that it
/// leaves is empty. Stateless, thread-safe.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  virtual void apply(Splits& splits) const = 0;
  /// Looks at where parts came from, so that they must know.
  virtual bool needs_origins() const { return false; }
};

using PreTokenizerPtr = std::unique_ptr<const PreTokenizer>;

/// Of tokenizer.json's form; null gives null. With `raw_bytes` a last ByteLevel leaves the bytes as
/// they are and sets Splits::byte_level, which spares the model the detour over characters.
/// Throws: kBadData for an unknown kind or option.
PreTokenizerPtr make_pre_tokenizer(const Json& json, const std::string& where, bool raw_bytes, int depth = 0);

}  // namespace discreet::text::subword
