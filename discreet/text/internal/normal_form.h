#pragma once

#include <string>
#include <string_view>

#include "discreet/core/fields.h"
#include "discreet/core/json.h"
#include "discreet/text/tokenizer.h"

namespace discreet::text::internal {

/// A token as the options want it: lower case first, then normalisation form C.
std::string normal_form(std::string_view token, const TokenizerOptions& options);

/// What Tokenizer::config gives.
Json tokenizer_config(const std::string& name, const TokenizerOptions& options);

const core::Fields<TokenizerOptions>& tokenizer_fields();

}  // namespace discreet::text::internal
