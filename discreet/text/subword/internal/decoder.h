#pragma once

#include <memory>
#include <string>
#include <vector>

#include "discreet/core/json.h"

namespace discreet::text::subword {

/// Tokens to parts of text, which are put together without anything between them.
class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual void apply(std::vector<std::string>& tokens) const = 0;
};

using DecoderPtr = std::unique_ptr<const Decoder>;

/// Of tokenizer.json's form; null gives null (tokens are then put together with spaces).
/// Throws: kBadData for an unknown kind or option.
DecoderPtr make_decoder(const Json& json, const std::string& where, int depth = 0);

/// UTF-8 with U+FFFD for each longest part that is not.
std::string utf8_or_replacements(const std::string& bytes);

}  // namespace discreet::text::subword
