#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "discreet/core/document.h"
#include "discreet/fairness/text_coder.h"
#include "discreet/fairness/token_model.h"

namespace discreet::app {

/// A language model that a measurement was given: a folder of the Hugging Face layout, or a run.
struct LanguageSource {
  std::unique_ptr<fairness::TokenModel> model;
  std::unique_ptr<fairness::TextCoder> coder;
  core::InputFile input;       ///< Role "model": hash of its folder.
  std::filesystem::path path;  ///< As given.
  bool run = false;
  std::string kind;            ///< "masked" or "causal"
};

/// Throws: kUsage for a run that is no language model's, kBadData for files that do not fit.
LanguageSource open_language(const std::filesystem::path& path);

/// The next-sentence head of a BERT folder with its encoder; null where the folder has none. `longest`
/// receives the tokens that it reads at most.
std::shared_ptr<nn::Model> open_next_sentence(const std::filesystem::path& folder, std::int64_t& longest);

/// The share of tokens of `texts` that the model does not know, as a sentence; empty where it knows all.
std::string unknown_note(const fairness::TextCoder& coder, const std::vector<std::string>& texts);

}  // namespace discreet::app
