#include "discreet/audit/internal/relaxation.h"

#include <algorithm>
#include <cmath>

#include "discreet/nn/model.h"

namespace discreet::audit::internal {
namespace {

/// Logits of one place, a row for each restart, and Adam's moments.
struct Logits {
  at::Tensor value, first, second;
};

constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kAdamEpsilon = 1e-8;

std::vector<Logits> glorot_logits(const ExtractionProblem& problem, std::int64_t restarts, core::ReproducibleRng& rng) {
  std::vector<Logits> all;
  for (const SecretPlace& place : problem.places) {
    const auto k = static_cast<std::int64_t>(place.ids.size());
    const double bound = std::sqrt(6.0 / static_cast<double>(k + static_cast<std::int64_t>(problem.places.size())));
    at::Tensor value = at::empty({restarts, k}, at::kFloat);
    for (std::int64_t i = 0; i < value.numel(); ++i) {
      value.data_ptr<float>()[i] = static_cast<float>((2 * rng.uniform() - 1) * bound);
    }
    all.push_back({value, at::zeros_like(value), at::zeros_like(value)});
  }
  return all;
}

at::Tensor gumbel_noise(at::IntArrayRef sizes, core::ReproducibleRng& rng) {
  at::Tensor noise = at::empty(sizes, at::kFloat);
  for (std::int64_t i = 0; i < noise.numel(); ++i) {
    noise.data_ptr<float>()[i] = static_cast<float>(-std::log(-std::log(rng.uniform() + 0x1p-54)));
  }
  return noise;
}

void adam_step(Logits& logits, const at::Tensor& gradient, std::int64_t step, double rate) {
  logits.first.mul_(kBeta1).add_(gradient, 1 - kBeta1);
  logits.second.mul_(kBeta2).addcmul_(gradient, gradient, 1 - kBeta2);
  const double bias1 = 1 - std::pow(kBeta1, static_cast<double>(step));
  const double bias2 = 1 - std::pow(kBeta2, static_cast<double>(step));
  logits.value.addcdiv_(logits.first, (logits.second / bias2).sqrt_().add_(kAdamEpsilon), -rate / bias1);
}

std::vector<Code> most_likely_codes(const std::vector<Logits>& logits, std::int64_t restarts) {
  std::vector<Code> codes(static_cast<std::size_t>(restarts));
  for (const Logits& place : logits) {
    const at::Tensor best = place.value.argmax(1);
    for (std::int64_t r = 0; r < restarts; ++r) codes[r].push_back(best.const_data_ptr<std::int64_t>()[r]);
  }
  return codes;
}

}  // namespace

FrozenModel::FrozenModel(nn::Model& model) : model_(model), training_(model.is_training()) {
  model_.eval();
  for (at::Tensor parameter : model_.parameters()) {
    if (!parameter.requires_grad()) continue;
    parameter.set_requires_grad(false);
    trainable_.push_back(parameter);
  }
}

FrozenModel::~FrozenModel() {
  for (at::Tensor& parameter : trainable_) parameter.set_requires_grad(true);
  model_.train(training_);
}

nn::PackedBatch copies_of(const ExtractionProblem& problem, std::int64_t copies) {
  const std::vector<std::int64_t> indices(static_cast<std::size_t>(copies), 0);
  return nn::collate(problem.example, indices);
}

std::vector<nn::SoftWords> soft_words(const ExtractionProblem& problem, const std::vector<at::Tensor>& weights) {
  std::vector<nn::SoftWords> words;
  const std::int64_t length = problem.example.offsets.back();
  for (std::size_t p = 0; p < problem.places.size(); ++p) {
    const SecretPlace& place = problem.places[p];
    const std::int64_t copies = weights[p].size(0), k = static_cast<std::int64_t>(place.ids.size());
    nn::SoftWords soft{at::empty({copies}, at::kLong), weights[p], at::empty({k}, at::kLong), place.characters};
    for (std::int64_t r = 0; r < copies; ++r) soft.rows.data_ptr<std::int64_t>()[r] = r * length + place.row;
    std::ranges::copy(place.ids, soft.ids.data_ptr<std::int64_t>());
    words.push_back(std::move(soft));
  }
  return words;
}

at::Tensor soft_losses(const ExtractionProblem& problem, const nn::PackedBatch& batch,
                       const std::vector<nn::SoftWords>& words) {
  const nn::SoftInputScope scope(words);
  return problem.model->forward(batch).loss;
}

std::string no_relaxation(const ExtractionProblem& problem) {
  if (problem.next_token) return "a language model, whose labels are the tokens themselves";
  return {};
}

Extraction relax(const ExtractionProblem& problem, const RelaxationOptions& options, core::ReproducibleRng rng) {
  const FrozenModel frozen(*problem.model);
  std::vector<Logits> logits = glorot_logits(problem, options.restarts, rng);
  const nn::PackedBatch batch = copies_of(problem, options.restarts);
  Extraction result;
  std::vector<Code> codes = most_likely_codes(logits, options.restarts);
  std::int64_t unchanged = 0;
  for (std::int64_t step = 1; step <= options.iterations; ++step) {
    const double progress = static_cast<double>(step - 1) / static_cast<double>(std::max<std::int64_t>(1, options.iterations - 1));
    const double temperature =
        options.start_temperature * std::pow(options.end_temperature / options.start_temperature, progress);
    std::vector<at::Tensor> leaves, weights;
    for (const Logits& place : logits) {
      leaves.push_back(place.value.detach().clone().set_requires_grad(true));
      at::Tensor moved = leaves.back();
      if (options.gumbel) moved = moved + gumbel_noise(moved.sizes(), rng);
      weights.push_back((moved / temperature).softmax(1));
    }
    soft_losses(problem, batch, soft_words(problem, weights)).sum().backward();
    for (std::size_t p = 0; p < logits.size(); ++p) {
      adam_step(logits[p], leaves[p].grad(), step, options.learning_rate);
    }
    ++result.iterations;
    result.evaluations += options.restarts;
    std::vector<Code> now = most_likely_codes(logits, options.restarts);
    unchanged = now == codes ? unchanged + 1 : 0;
    codes = std::move(now);
    if (options.patience > 0 && unchanged >= options.patience) break;
  }
  const std::vector<double> losses = code_losses(problem, codes);
  result.evaluations += options.restarts;
  const auto best = std::ranges::min_element(losses) - losses.begin();
  result.code = codes[static_cast<std::size_t>(best)];
  result.loss = losses[static_cast<std::size_t>(best)];
  return result;
}

}  // namespace discreet::audit::internal
