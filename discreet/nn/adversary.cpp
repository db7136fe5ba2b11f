#include "discreet/nn/adversary.h"

#include "discreet/core/error.h"
#include "discreet/nn/checkpoint.h"
#include "discreet/nn/hidden_rows.h"
#include "discreet/nn/layers/loss.h"

namespace discreet::nn {

at::Tensor reverse_gradient(const at::Tensor& x, double weight) {
  // The detached part makes the value x again: x (-w) + x (1 + w).
  return x * -weight + (x * (1 + weight)).detach();
}

AdversarialLoss::AdversarialLoss(std::vector<std::int64_t> attribute, const AdversaryOptions& options,
                                 std::shared_ptr<LossRule> base)
    : attribute_(std::move(attribute)), options_(options), base_(std::move(base)) {}

void AdversarialLoss::make(std::int64_t width) {
  core::ReproducibleRng rng(options_.seed, "adversary");
  hidden_ = Linear(LinearOptions{width + options_.labels, options_.hidden}, rng);
  output_ = Linear(LinearOptions{options_.hidden, options_.classes}, rng);
  optimizer_ = std::make_unique<Optimizer>(NamedTensors{{"hidden.weight", hidden_->weight},
                                                        {"hidden.bias", hidden_->bias},
                                                        {"output.weight", output_->weight},
                                                        {"output.bias", output_->bias}},
                                           options_.optimizer);
}

at::Tensor AdversarialLoss::losses(Model& model, const PackedBatch& batch) {
  at::Tensor own, rows;
  {
    const HiddenRowsScope scope;
    own = base_ ? base_->losses(model, batch) : model.forward(batch).loss;
    rows = scope.rows();
  }
  if (!rows.defined() || rows.size(0) != batch.examples()) {
    throw usage_error("mitigate.adversary: the model has no row for each text that a classifier reads");
  }
  if (!optimizer_) make(rows.size(1));
  at::Tensor seen = reverse_gradient(rows, options_.weight);
  if (options_.labels > 0) {
    seen = at::cat({seen, at::one_hot(batch.intent, options_.labels).to(seen.scalar_type())}, 1);
  }
  std::vector<std::int64_t> known(batch.indices.size()), attribute(batch.indices.size());
  for (std::size_t i = 0; i < batch.indices.size(); ++i) {
    const std::int64_t value = attribute_.at(static_cast<std::size_t>(batch.indices[i]));
    known[i] = value >= 0 ? 1 : 0;
    attribute[i] = value >= 0 ? value : 0;
  }
  const auto tensor_of = [](const std::vector<std::int64_t>& values) {
    const at::Tensor tensor = at::empty({static_cast<std::int64_t>(values.size())}, at::kLong);
    std::copy(values.begin(), values.end(), tensor.data_ptr<std::int64_t>());
    return tensor;
  };
  const at::Tensor inner = at::relu(hidden_->forward(seen, batch.example_segments));
  const at::Tensor logits = output_->forward(inner, batch.example_segments);
  const at::Tensor told = cross_entropy(logits, tensor_of(attribute)) * tensor_of(known).to(logits.scalar_type());
  // What is reported and compared stays the model's own loss.
  return own + told - told.detach();
}

void AdversarialLoss::step(double learning_rate) {
  std::vector<at::Tensor> gradients;
  for (const auto& [name, parameter] : optimizer_->parameters()) {
    gradients.push_back(parameter.grad());
  }
  optimizer_->step(gradients, learning_rate);
  for (const auto& [name, parameter] : optimizer_->parameters()) parameter.mutable_grad().reset();
  if (base_) base_->step(learning_rate);
}

void AdversarialLoss::save(const std::filesystem::path& folder) const {
  if (!optimizer_) return;
  NamedTensors tensors = optimizer_->parameters();
  for (const auto& [name, tensor] : optimizer_->state()) tensors.emplace_back("optimizer." + name, tensor);
  write_tensors(folder / "adversary.safetensors", tensors);
}

void AdversarialLoss::load(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "adversary.safetensors";
  if (!std::filesystem::exists(file)) return;  // a checkpoint before the first step
  NamedTensors state;
  const at::NoGradGuard no_gradients;
  const NamedTensors tensors = read_tensors(file);
  for (const auto& [name, tensor] : tensors) {
    if (name == "hidden.weight" && !optimizer_) make(tensor.size(1) - options_.labels);
  }
  if (!optimizer_) throw bad_data(file.string() + ": there is no hidden.weight in it");
  for (const auto& [name, tensor] : tensors) {
    if (name.rfind("optimizer.", 0) == 0) state.emplace_back(name.substr(10), tensor);
    for (const auto& [ours, parameter] : optimizer_->parameters()) {
      if (ours == name) parameter.copy_(tensor);
    }
  }
  optimizer_->load(state);
}

}  // namespace discreet::nn
