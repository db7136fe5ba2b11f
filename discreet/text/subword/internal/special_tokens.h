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

/// What a folder of vocab.txt, or of vocab.json with merges.txt, says of its tokens: `defaults` of its class,
/// tokenizer_config.json over them and special_tokens_map.json over that, which is not read beside an
/// added_tokens_decoder. In it `named_token` finds the seven names.
Json folder_config(const Json& config, const Json& map, const Json& defaults);

/// The added tokens of such a folder, in transformers' order: those of added_tokens_decoder (or of `added`, the content of
/// added_tokens.json) by their ids, then named ones, then additional ones. A token that the model lacks gets the next id
/// behind it, whatever id is stated. `config` is a folder_config. Throws: kBadData.
std::vector<AddedToken> folder_tokens(const Json& config, const Json& added, const Model& model);

/// The special tokens that a SentencePiece file's configurations name, as added tokens, those with an id of their own or
/// of the model.
std::vector<AddedToken> configured_tokens(const Json& config, const Json& map, const Model& model);

}  // namespace discreet::text::subword
