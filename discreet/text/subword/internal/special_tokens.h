#pragma once

#include <string>
#include <vector>

#include "discreet/core/json.h"
#include "discreet/text/subword/internal/pipeline.h"

namespace discreet::text::subword {

/// The token that a configuration names under `key`: "x" or {"content": "x"}; else empty.
std::string named_token(const Json& config, const char* key);

/// Fills parts.special from tokenizer_config.json and special_tokens_map.json.
void find_special(Parts& parts, const Json& config, const Json& map);

/// The configurations' special tokens as added tokens, for folders without tokenizer.json.
std::vector<AddedToken> configured_tokens(const Json& config, const Json& map, const Model& model);

}  // namespace discreet::text::subword
