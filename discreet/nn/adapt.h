#pragma once

#include <functional>
#include <string>
#include <vector>

#include "discreet/core/random.h"
#include "discreet/nn/torch.h"

namespace discreet::nn {

struct LoraOptions {
  std::int64_t rank = 0;  ///< 0: no LoRA
  double alpha = 16;
  std::vector<std::string> targets;  ///< patterns of linear layers ("*.qkv"); empty: all of them
};

/// Puts a low-rank update beside every linear layer whose name fits a pattern, and freezes all other
/// parameters. Names of layers are paths, as in "encoder.block0.qkv".
/// Throws: kUsage if a pattern fits no linear layer; lists their names.
void add_lora(torch::nn::Module& model, const LoraOptions& options, core::ReproducibleRng& rng);

/// Freezes every parameter whose name fits no pattern, those of LoRA apart. What is frozen already
/// stays so, except that `thaw` lets a pattern undo the freezing of `add_lora`.
/// Throws: kUsage if a pattern fits no parameter; lists their names.
void keep_trainable(torch::nn::Module& model, const std::vector<std::string>& patterns, bool thaw);

/// Learning rates that fall from the top of a stack of blocks downwards, by the names of parameters:
/// "encoder.block<i>.…" of L blocks decay^(L - i), what stands before the blocks decay^(L + 1), all else 1.
/// Ref: Howard and Ruder 2018, section 3.2 (discriminative fine-tuning); Clark et al. 2020, appendix B.
std::function<double(const std::string&)> layer_rates(const torch::nn::Module& model, double decay);

}  // namespace discreet::nn
