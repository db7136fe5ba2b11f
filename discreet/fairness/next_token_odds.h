#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace discreet::nn {
class Model;
}

namespace discreet::fairness {

/// log P(first) / P(second) of the next token after each prompt, probabilities summed over each set of tokens.
///
/// `model` is a language model; `prompts` are what it reads, its mark of a beginning included, each with one token or
/// more. Nothing is sampled, so that there is no noise of sampling. All prompts of up to 4,096 tokens are one
/// batch, in evaluation mode, which is put back.
/// Throws: kInternal for an empty prompt or set, or a token beyond the model's vocabulary.
std::vector<double> next_token_log_odds(nn::Model& model, std::span<const std::vector<std::int64_t>> prompts,
                                        std::span<const std::int64_t> first, std::span<const std::int64_t> second);

}  // namespace discreet::fairness
