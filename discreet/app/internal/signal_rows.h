#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "discreet/app/membership_signals.h"

namespace discreet::app::internal {

/// The two forms of `read_membership_signals`.
MembershipSignals signals_from_lines(const std::filesystem::path& path, const std::vector<std::string>& slices);
MembershipSignals signals_from_tensors(const std::filesystem::path& path);

/// In what form outputs stand in a file.
enum class OutputKind { kLogits, kProbabilities, kLoss, kLogProb, kSignal, kTokens };
inline constexpr const char* kOutputKeys[] = {"logits",   "probabilities", "loss",
                                              "log_prob", "signal",        "token_log_probs"};

/// One output of a model on one example.
struct ModelOutput {
  double log_prob = 0;
  double signal = 0;
  std::vector<float> log_posterior;  ///< [K] of logits and probabilities.
};

/// `values`: K of them for logits and probabilities, T for tokens, else one. Throws: kBadData naming `where`
/// for values that are no finite numbers, a label outside 0..K-1, probabilities that do not sum to 1 within
/// 1e-3, a log-probability above 0 (a loss below 0) by more than rounding.
ModelOutput read_output(OutputKind kind, const std::vector<double>& values, std::int64_t label,
                        const std::string& where);

/// Chooses what LiRA models: of losses and log-probabilities the logit of the label, of tokens the mean
/// log-probability; a signal stays as it is.
void choose_signal(OutputKind kind, stats::AttackData& data);

}  // namespace discreet::app::internal
