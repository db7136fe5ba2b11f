#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "discreet/core/json.h"

namespace discreet::formats {

/// generation_config.json of the Hugging Face layout. What is absent there is absent here; what
/// transformers then takes stands in the comment.
struct GenerationConfig {
  std::optional<std::int64_t> max_length;      ///< Prompt included (20, above the prompt).
  std::optional<std::int64_t> max_new_tokens;  ///< Has precedence over max_length.
  std::optional<std::int64_t> min_length, min_new_tokens;
  std::optional<bool> do_sample;          ///< false
  std::optional<std::int64_t> num_beams;  ///< 1
  std::optional<double> temperature;      ///< 1
  std::optional<std::int64_t> top_k;      ///< 50; 0 for all.
  std::optional<double> top_p, min_p, typical_p;
  std::optional<double> epsilon_cutoff, eta_cutoff;
  std::optional<double> repetition_penalty;  ///< 1
  std::optional<double> length_penalty;      ///< 1
  std::optional<std::int64_t> no_repeat_ngram_size;
  /// Beam search ends at num_beams finished beams ("true"), when no better one is likely ("false"),
  /// or when none is possible ("never"); empty if absent.
  std::string early_stopping;
  std::optional<std::int64_t> num_return_sequences;
  std::optional<bool> renormalize_logits;

  std::optional<std::int64_t> bos_token_id, pad_token_id, decoder_start_token_id;
  std::vector<std::int64_t> eos_token_ids;
  std::optional<std::int64_t> forced_bos_token_id;
  std::vector<std::int64_t> forced_eos_token_ids;
  std::vector<std::int64_t> suppress_tokens, begin_suppress_tokens;
  std::vector<std::vector<std::int64_t>> bad_words_ids;

  /// Keys that are known and ask for what we lack (contrastive search, groups of beams,
  /// constraints, guidance, watermarks, assistants …), each with its value: who generates refuses
  /// them by name.
  Json unsupported = Json::object();
  /// Keys that are not known, with their values; written again.
  Json ignored = Json::object();
};

/// `path`: a folder or the file. In a folder without generation_config.json, what its config.json
/// says about generation (as files of before 2023 do); empty if that says nothing. Throws:
/// kRuntime; kBadData naming file, key, what was found and expected.
GenerationConfig read_generation_config(const std::filesystem::path& path);
GenerationConfig parse_generation_config(const Json& json, const std::string& origin);

/// What is there, in transformers' names.
Json to_json(const GenerationConfig& config);

}  // namespace discreet::formats
