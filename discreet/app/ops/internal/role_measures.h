#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "discreet/app/before_after.h"
#include "discreet/app/ops/run_model.h"
#include "discreet/core/operation.h"

namespace discreet::app {

/// A text that a language model goes on with, and what it is about.
struct RolePrompt {
  std::string text, item;
  bool held_out = false;  ///< The item took no part in what balanced the training text.
};

/// Prompts about the professions of the built-in corpus.
std::vector<RolePrompt> corpus_prompts();
/// Of JSON lines {"text", "item", "held_out"}. Throws: kBadData naming file and line.
std::vector<RolePrompt> read_prompts(const std::filesystem::path& file);
std::vector<RolePrompt> prompts_of(const Json& list);

/// log P(first)/P(second) after each prompt (fairness/next_token_odds.h). Words are tokens of the model each.
/// Throws: kUsage for a model that predicts no next token, kBadData for a word that is no token of it.
std::vector<double> log_odds_after(const RunModel& model, const std::vector<RolePrompt>& prompts,
                                   const std::vector<std::string>& first, const std::vector<std::string>& second);

/// The mean of each sentence's last hidden rows, [sentences][width].
std::vector<std::vector<double>> sentence_vectors(const RunModel& model, const std::vector<std::string>& sentences);

struct MeasuredRun {
  RunModel model;
  std::filesystem::path run;  ///< Empty: a folder of a model, no run.
};

/// What changed from one model to the other on what the second one was trained for: of language models
/// the pronouns' |log P(he)/P(she)| by item and perplexity, of classifiers accuracy and the distance between
/// predictions of a text and of its role-reversed copy; of both the loss attack where both runs held data out.
/// Each model cuts the texts itself. `caveats` receives what the prompts could not ask.
std::vector<Effect> role_effects(const MeasuredRun& before, const MeasuredRun& after,
                                 const std::vector<RolePrompt>& prompts, std::vector<std::string>& caveats,
                                 core::OperationContext& context);

}  // namespace discreet::app
