#include "discreet/audit/gradient_canaries.h"

#include <cmath>

#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/dp/mechanism.h"
#include "discreet/dp/private_step.h"
#include "discreet/nn/layers/embedding.h"
#include "discreet/nn/model.h"

namespace discreet::audit {
namespace {

constexpr double kBeyondTheBound = 1e3;  // clip norms; a canary's gradient before clipping

/// A number for each canary; an example is one token, the canary's own, and its loss that number.
class DiracModel final : public nn::Model {
 public:
  DiracModel(std::int64_t canaries, double slope) : slope_(slope) {
    core::ReproducibleRng rng(1, "dirac");
    table_ = register_module(
        "table", nn::Embedding(nn::EmbeddingOptions{canaries, 1, at::zeros({canaries, 1}), false, 0.0}, rng));
  }
  nn::ModelOutput compute(const nn::PackedBatch& batch) override {
    nn::ModelOutput out;
    // Falling along the canary's own coordinate: the update raises it.
    out.loss = table_->forward(batch.tokens, batch.token_segments).squeeze(1) * -slope_;
    return out;
  }
  nn::Prediction decode(const nn::PackedBatch&, const nn::ModelOutput&) override { return {}; }
  const at::Tensor& numbers() const { return table_->weight; }

 private:
  double slope_;
  nn::Embedding table_{nullptr};
};

}  // namespace

GradientCanaries train_gradient_canaries(dp::PrivacyOptions options, const GradientCanaryOptions& how,
                                         const PlanMaker& make_plan) {
  if (how.canaries < 10) throw usage_error("an audit by gradient canaries needs at least 10 of them");
  if (options.mechanism != "dp-sgd" || options.clipping.rule != "flat") {
    throw usage_error("gradient canaries audit the mechanism dp-sgd with flat clipping");
  }
  core::ReproducibleRng coins(how.seed, "gradient-canaries/coins");
  std::vector<bool> in;
  nn::EncodedExamples data;
  for (std::int64_t canary = 0; canary < how.canaries; ++canary) {
    in.push_back(coins.uniform() < 0.5);
    if (!in.back()) continue;
    data.tokens.push_back(canary);
    data.offsets.push_back(static_cast<std::int64_t>(data.tokens.size()));
  }
  if (data.size() == 0) throw usage_error("no coin put a canary in: take more, or another seed");
  options.units = static_cast<std::uint64_t>(data.size());
  options.expected_batch_size = how.sampling_rate * static_cast<double>(data.size());
  options.unit = privacy::Unit::kExample;

  DiracModel model(how.canaries, kBeyondTheBound * options.clip_norm);
  auto plan = make_plan ? make_plan(options) : dp::make_plan(options);
  GradientCanaries result;
  result.epsilon = plan->epsilon(options.steps);
  const double noise = plan->noise_multiplier() * std::sqrt(static_cast<double>(options.steps));
  const double deviation = noise > 0 ? noise * options.clip_norm / options.expected_batch_size : 1;
  if (how.sampling_rate == 1 && noise > 0) result.mu = static_cast<double>(options.steps) / noise;
  dp::PrivateStepOptions step_options;
  step_options.optimizer.kind = nn::OptimizerKind::kSgd;
  dp::PrivateStep step(model, std::move(plan),
                       {.lengths = std::vector<std::int64_t>(static_cast<std::size_t>(data.size()), 1),
                        .user_examples = {},
                        .collate = [&data](std::span<const std::int64_t> indices,
                                           std::span<const std::int64_t> offsets) {
                          return nn::collate(data, indices, offsets);
                        }},
                       step_options, [](std::uint64_t, const privacy::Event&) {});
  for (std::int64_t number = 0; number < options.steps; ++number) {
    const nn::LogicalBatch batch = step.sample(number);
    step.run(batch, 1.0);
  }
  const at::Tensor numbers = model.numbers().detach().flatten().to(at::kDouble).contiguous();
  for (std::int64_t canary = 0; canary < how.canaries; ++canary) {
    (in[static_cast<std::size_t>(canary)] ? result.included : result.left_out)
        .push_back(numbers.const_data_ptr<double>()[canary] / deviation);
  }
  return result;
}

}  // namespace discreet::audit
