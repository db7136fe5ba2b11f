#include "discreet/federated/engine/client_trainer.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/nn/model.h"
#include "discreet/nn/ordinary_step.h"

namespace discreet::federated {
namespace {

std::span<float> values_of(const at::Tensor& tensor) {
  return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

double limit_gradients(std::span<const at::Tensor> gradients, double most) {
  double squares = 0;
  for (const at::Tensor& gradient : gradients) {
    if (!gradient.defined()) continue;
    const double norm = gradient.norm().item<double>();
    squares += norm * norm;
  }
  const double norm = std::sqrt(squares);
  if (most > 0 && norm > most) {
    for (const at::Tensor& gradient : gradients) {
      if (gradient.defined()) gradient.mul_(most / norm);
    }
  }
  return norm;
}

}  // namespace

ClientTrainer::ClientTrainer(std::shared_ptr<nn::Model> model,
                             std::shared_ptr<const nn::EncodedExamples> data,
                             const LocalOptions& options)
    : model_(std::move(model)), data_(std::move(data)), options_(options) {
  for (const auto& [name, parameter] : nn::trainable_parameters(*model_)) {
    if (!parameter.is_contiguous() || parameter.scalar_type() != at::kFloat || !parameter.is_cpu()) {
      throw internal_error("parameter " + name + " is not a plain float32 tensor on the CPU");
    }
    parameters_.emplace_back(name, parameter);
    values_ += parameter.numel();
  }
  if (values_ == 0) throw usage_error("the model has no trainable parameter");
}

void ClientTrainer::read(std::span<float> flat) const {
  std::size_t place = 0;
  for (const auto& [name, parameter] : parameters_) {
    const auto values = values_of(parameter);
    std::copy(values.begin(), values.end(), flat.begin() + static_cast<std::ptrdiff_t>(place));
    place += values.size();
  }
}

void ClientTrainer::write(std::span<const float> flat) {
  std::size_t place = 0;
  for (const auto& [name, parameter] : parameters_) {
    const auto values = values_of(parameter);
    std::copy_n(flat.begin() + static_cast<std::ptrdiff_t>(place), values.size(), values.begin());
    place += values.size();
  }
}

double ClientTrainer::measure(std::span<const std::int64_t> examples) {
  const at::NoGradGuard no_gradients;
  model_->eval();
  double sum = 0;
  constexpr std::size_t kBatch = 256;
  for (std::size_t begin = 0; begin < examples.size(); begin += kBatch) {
    const auto part = examples.subspan(begin, std::min(kBatch, examples.size() - begin));
    sum += model_->forward(nn::collate(*data_, part)).loss.sum().item<double>();
  }
  return sum / static_cast<double>(examples.size());
}

void ClientTrainer::move_gradients(const LocalWork& work, std::span<const at::Tensor> gradients) {
  if (options_.proximal == 0 && work.correction.empty()) return;
  std::size_t place = 0;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto values = values_of(parameters_[i].second);
    if (!gradients[i].defined()) {
      place += values.size();
      continue;
    }
    const auto gradient = values_of(gradients[i]);
    for (std::size_t j = 0; j < values.size(); ++j, ++place) {
      if (options_.proximal != 0) {
        gradient[j] += static_cast<float>(options_.proximal) * (values[j] - work.start[place]);
      }
      if (!work.correction.empty()) gradient[j] += work.correction[place];
    }
  }
}

LocalResult ClientTrainer::train(const LocalWork& work, std::span<float> difference) {
  write(work.start);
  LocalResult result;
  const double at_start = options_.measure_loss ? measure(work.examples) : 0;
  const std::string stream = fmt::format("client.{}.{}", work.round, work.client);
  core::ReproducibleRng rng(options_.seed, stream);
  const std::uint64_t dropout_seed = rng();
  nn::Optimizer optimizer(parameters_, options_.optimizer);
  std::vector<std::int64_t> order(work.examples.begin(), work.examples.end());
  double loss_sum = 0, square_sum = 0;
  const auto done = [&] { return options_.most_steps > 0 && result.steps >= options_.most_steps; };
  const bool corrects = options_.proximal != 0 || !work.correction.empty();
  model_->train();
  std::int64_t seen = 0;
  for (std::int64_t epoch = 0; epoch < options_.epochs && !done(); ++epoch) {
    core::shuffle(std::span<std::int64_t>(order), rng);
    for (std::size_t begin = 0; begin < order.size() && !done();
         begin += static_cast<std::size_t>(options_.batch_size)) {
      const auto part = std::span<const std::int64_t>(order).subspan(
          begin, std::min<std::size_t>(static_cast<std::size_t>(options_.batch_size),
                                       order.size() - begin));
      model_->set_dropout(dropout_seed, static_cast<std::uint64_t>(result.steps));
      for (const auto& [name, parameter] : parameters_) parameter.mutable_grad().reset();
      const at::Tensor losses = model_->forward(nn::collate(*data_, part)).loss;
      if (epoch == 0) {
        const at::Tensor plain = losses.detach().to(at::kDouble);
        loss_sum += plain.sum().item<double>();
        square_sum += plain.square().sum().item<double>();
        seen += static_cast<std::int64_t>(part.size());
      }
      (losses.sum() / static_cast<double>(part.size())).backward();
      std::vector<at::Tensor> gradients;
      for (const auto& [name, parameter] : parameters_) {
        at::Tensor gradient = parameter.grad();
        if (corrects && !gradient.defined()) gradient = at::zeros_like(parameter);
        gradients.push_back(gradient.defined() ? gradient.contiguous() : gradient);
      }
      limit_gradients(gradients, options_.gradient_clip);
      {
        const at::NoGradGuard no_gradients;
        move_gradients(work, gradients);
      }
      optimizer.step(gradients, options_.learning_rate);
      ++result.steps;
    }
  }
  read(difference);
  for (std::size_t i = 0; i < difference.size(); ++i) difference[i] -= work.start[i];
  result.loss = options_.measure_loss ? at_start : loss_sum / static_cast<double>(seen);
  result.root_mean_square_loss = std::sqrt(square_sum / static_cast<double>(seen));
  return result;
}

}  // namespace discreet::federated
