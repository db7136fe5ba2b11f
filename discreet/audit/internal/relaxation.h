#pragma once

#include <string>

#include "discreet/audit/extraction.h"
#include "discreet/core/random.h"
#include "discreet/nn/soft_inputs.h"
#include "discreet/nn/torch.h"

namespace discreet::audit::internal {

/// A model in evaluation mode whose parameters take no gradients, while this lives.
class FrozenModel {
 public:
  explicit FrozenModel(nn::Model& model);
  ~FrozenModel();
  FrozenModel(const FrozenModel&) = delete;
  FrozenModel& operator=(const FrozenModel&) = delete;

 private:
  nn::Model& model_;
  bool training_;
  std::vector<at::Tensor> trainable_;
};

/// The problem's example, `copies` times, as a batch; copy r's token n is row r L + n, L its tokens.
nn::PackedBatch copies_of(const ExtractionProblem& problem, std::int64_t copies);

/// Place p of every copy as a mixture by `weights` [copies, k_p]. Shapes: n places; weights [n].
std::vector<nn::SoftWords> soft_words(const ExtractionProblem& problem, const std::vector<at::Tensor>& weights);

/// Losses [copies] of the batch with those mixtures, as part of the graph.
at::Tensor soft_losses(const ExtractionProblem& problem, const nn::PackedBatch& batch,
                       const std::vector<nn::SoftWords>& words);

struct RelaxationOptions {
  std::int64_t iterations = 1000;
  double learning_rate = 0.02;
  std::int64_t patience = 100;     ///< Ends once no code changed in so many iterations; 0: never.
  std::int64_t restarts = 1;
  double start_temperature = 1, end_temperature = 1;  ///< Falls geometrically over the iterations.
  bool gumbel = false;             ///< Fresh Gumbel noise on the logits in each iteration.
};

/// Logits over the candidates of each place, moved by Adam against the loss of the mixtures that their softmax
/// makes. All restarts are copies in one batch; of their most likely codes the one with the smallest loss is
/// the answer.
Extraction relax(const ExtractionProblem& problem, const RelaxationOptions& options, core::ReproducibleRng rng);

/// "its labels are the tokens themselves" of language models, and other reasons why there is no relaxation.
std::string no_relaxation(const ExtractionProblem& problem);

}  // namespace discreet::audit::internal
