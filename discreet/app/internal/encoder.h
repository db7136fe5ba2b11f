#pragma once

#include <memory>
#include <string>
#include <vector>

#include "discreet/app/distill_options.h"
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
Encoder build_encoder(const Settings& settings, const DistillOptions& distill, const std::vector<text::Example>& train,
                      std::shared_ptr<const text::Tokenizer> tokenizer,
                      std::vector<core::InputFile>& inputs);

/// The folder of distill.teacher's model, and how it reads texts.
/// Throws: kUsage if there is no model in it.
std::filesystem::path teacher_folder(const DistillOptions& distill);
Encoder teacher_encoder(const Settings& settings, const DistillOptions& distill);
/// Whether the run's vocabulary is its teacher's.
bool takes_teacher_vocabulary(const Settings& settings, const DistillOptions& distill);

/// The file of model.vectors; a name known to `discreet data list` is looked up in the cache.
std::filesystem::path vectors_file(const Settings& settings);

}  // namespace discreet::app
