#pragma once

#include <memory>
#include <string>
#include <vector>

#include "discreet/app/run_data.h"

namespace discreet::app {

/// What the task predicts.
bool needs_intents(const Settings& settings);
bool needs_tags(const Settings& settings);
/// Whether the model reads the characters of words.
bool reads_characters(const Settings& settings);
bool predicts_next_token(const Settings& settings);
bool privacy_unit_is_user(const Settings& settings);

std::shared_ptr<const text::Tokenizer> make_run_tokenizer(const Settings& settings);

/// Vocabulary by the rule of data.vocabulary, labels as they occur in `train`; files that were read
/// for it are added to `inputs`.
Encoder build_encoder(const Settings& settings, const std::vector<text::Example>& train,
                      std::shared_ptr<const text::Tokenizer> tokenizer,
                      std::vector<core::InputFile>& inputs);

/// The file of model.vectors; a name known to `discreet data list` is looked up in the cache.
std::filesystem::path vectors_file(const Settings& settings);

/// What a privacy statement must add.
std::vector<std::string> encoder_caveats(const Encoder& encoder);

}  // namespace discreet::app
