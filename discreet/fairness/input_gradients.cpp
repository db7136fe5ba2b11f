#include "discreet/fairness/input_gradients.h"

#include "discreet/core/error.h"
#include "discreet/nn/tape.h"

namespace discreet::fairness {
namespace {

/// Keeps what comes back to the vectors of a batch's tokens, and lets all else go.
class TokenRecorder final : public nn::Recorder {
 public:
  explicit TokenRecorder(const nn::PackedBatch& batch) : batch_(batch) {}

  void expect(std::string_view, const std::vector<at::Tensor>&) override {}

  void record(nn::Use use) override {
    if (use.inputs.empty() || !use.inputs[0].is_same(batch_.tokens)) return;
    at::Tensor gradient = use.gradients[0];
    if (use.kind == "embedding_bag") {
      // The mean: each of an example's tokens has its share of the bag's gradient.
      const at::Tensor lengths = batch_.offsets_tensor.diff();
      gradient = (gradient / lengths.clamp_min(1).unsqueeze(1)).repeat_interleave(lengths, 0);
    } else if (use.kind != "embedding" && use.kind != "tied_embedding") {
      return;
    }
    table = use.params[0];
    rows = rows.defined() ? rows + gradient : gradient;
  }

  at::Tensor rows;   ///< [N,d]
  at::Tensor table;

 private:
  const nn::PackedBatch& batch_;
};

/// Frozen tables hand over nothing, so for a while none is frozen; parameters get no gradient under a
/// recorder.
class Watched {
 public:
  explicit Watched(nn::Model& model) : model_(model), training_(model.is_training()) {
    for (at::Tensor& parameter : model.parameters()) {
      if (!parameter.requires_grad()) frozen_.push_back(parameter.set_requires_grad(true));
    }
    model.eval();
  }
  ~Watched() {
    for (at::Tensor& parameter : frozen_) parameter.set_requires_grad(false);
    model_.train(training_);
  }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

 private:
  nn::Model& model_;
  bool training_;
  std::vector<at::Tensor> frozen_;
};

at::Tensor outputs_of(nn::Model& model, const nn::PackedBatch& batch, ClassOutputs outputs) {
  const at::Tensor logits = model.forward(batch).intent_logits;
  if (!logits.defined()) {
    throw usage_error("prediction sensitivity needs a model that predicts a class",
                      "Train with task = \"text-classification\" or \"intent-slot\".");
  }
  return outputs == ClassOutputs::kLogits ? logits : logits.softmax(1);
}

nn::PackedBatch without_labels(nn::PackedBatch batch) {
  batch.intent = batch.tags = at::Tensor();
  return batch;
}

/// One pass; `seeds_of` makes [B,K] of the outputs.
template <typename SeedsOf>
at::Tensor one_pass(nn::Model& model, const nn::PackedBatch& batch, ClassOutputs outputs,
                    const SeedsOf& seeds_of, InputGradients& found) {
  TokenRecorder recorder(batch);
  const nn::RecordingScope scope(recorder);
  const at::AutoGradMode gradients(true);
  const at::Tensor f = outputs_of(model, batch, outputs);
  found.outputs = f.detach();
  f.backward(seeds_of(found.outputs));
  if (!recorder.rows.defined()) {
    throw internal_error("a model whose tokens' vectors come from no table that records its use");
  }
  found.table = recorder.table;
  return recorder.rows;
}

at::Tensor one_hot(const at::Tensor& classes, const at::Tensor& like) {
  return at::zeros_like(like).scatter_(1, classes.unsqueeze(1), 1);
}

at::Tensor features_of(const at::Tensor& gradient, InputFeatures features) {
  if (features == InputFeatures::kTokenL2) return gradient.norm(2, {1}, true);
  return features == InputFeatures::kTokenL1 ? gradient.abs().sum(1, true) : gradient.abs();
}

/// The weights w [B,K], and how many passes they take: column by column, or at once.
struct Passes {
  at::Tensor weights;
  bool at_once = false;
};

Passes passes_of(const at::Tensor& f, const at::Tensor& labels, const GradientOptions& options) {
  const std::int64_t classes = f.size(1);
  const bool opposite = options.outputs == ClassOutputs::kProbabilities && classes == 2;
  switch (options.classes) {
    case ClassWeights::kPredicted: return {one_hot(f.argmax(1), f), true};
    case ClassWeights::kTrue:
      if (!labels.defined()) throw internal_error("weights of the true class, but the batch has no labels");
      return {one_hot(labels, f), true};
    case ClassWeights::kUniform:
    case ClassWeights::kOnes: break;
  }
  const double each = options.classes == ClassWeights::kOnes ? 1.0 : 1.0 / static_cast<double>(classes);
  if (!opposite) return {at::full_like(f, each), false};
  // |∂p_0| = |∂p_1|: one class stands for both.
  at::Tensor weights = at::zeros_like(f);
  weights.select(1, 1).fill_(2 * each);
  return {weights, true};
}

}  // namespace

InputGradients input_gradients(nn::Model& model, const nn::PackedBatch& labelled,
                               const GradientOptions& options) {
  const Watched watched(model);
  const nn::PackedBatch batch = without_labels(labelled);
  InputGradients found;
  Passes passes;
  const at::Tensor first = one_pass(
      model, batch, options.outputs,
      [&](const at::Tensor& f) {
        passes = passes_of(f, labelled.intent, options);
        if (passes.at_once) return passes.weights;
        at::Tensor seeds = at::zeros_like(f);
        seeds.select(1, 0).copy_(passes.weights.select(1, 0));
        return seeds;
      },
      found);
  found.rows = features_of(first, options.features);
  for (std::int64_t k = 1; !passes.at_once && k < found.outputs.size(1); ++k) {
    at::Tensor seeds = at::zeros_like(found.outputs);
    seeds.select(1, k).copy_(passes.weights.select(1, k));
    const at::Tensor next =
        one_pass(model, batch, options.outputs, [&](const at::Tensor&) { return seeds; }, found);
    found.rows.add_(features_of(next, options.features));
  }
  return found;
}

at::Tensor signed_input_gradient(nn::Model& model, const nn::PackedBatch& labelled, const at::Tensor& seeds,
                                 ClassOutputs outputs) {
  const Watched watched(model);
  const nn::PackedBatch batch = without_labels(labelled);
  InputGradients found;
  return one_pass(model, batch, outputs, [&](const at::Tensor&) { return seeds; }, found);
}

}  // namespace discreet::fairness
