#include "discreet/nn/average.h"

#include <algorithm>

#include "discreet/core/error.h"
#include "discreet/nn/checkpoint.h"
#include "discreet/nn/distributed/data_parallel.h"
#include "discreet/nn/distributed/share.h"

namespace discreet::nn {

WeightAverage::WeightAverage(NamedTensors parameters, double decay)
    : parameters_(std::move(parameters)), decay_(decay) {
  if (!(decay >= 0 && decay < 1)) {
    throw usage_error("a moving average's decay must lie in [0, 1), got " + std::to_string(decay));
  }
  for (const auto& [name, parameter] : parameters_) averages_.push_back(parameter.detach().clone());
}

void WeightAverage::update() {
  const at::NoGradGuard no_gradients;
  const auto t = static_cast<double>(++steps_);
  const double decay = std::min(decay_, (1 + t) / (10 + t));
  for (std::size_t i = 0; i < averages_.size(); ++i) {
    averages_[i].lerp_(parameters_[i].second.detach(), 1 - decay);
  }
}

NamedTensors WeightAverage::state() const {
  NamedTensors state = {{"steps", at::full({1}, steps_, at::kLong)}};
  for (std::size_t i = 0; i < averages_.size(); ++i) {
    state.emplace_back(parameters_[i].first, averages_[i]);
  }
  return state;
}

void WeightAverage::load(const NamedTensors& state) {
  std::vector<at::Tensor> found;
  for (const auto& [name, target] : this->state()) {
    const auto source = std::find_if(state.begin(), state.end(),
                                     [&name](const auto& item) { return item.first == name; });
    if (source == state.end() || source->second.sizes() != target.sizes()) {
      throw bad_data("the averaged weights have no tensor '" + name + "' of the model's size",
                     "They were written for another model.");
    }
    found.push_back(source->second);
  }
  const at::NoGradGuard no_gradients;
  steps_ = found.front().to(at::kLong).item<std::int64_t>();
  for (std::size_t i = 0; i < averages_.size(); ++i) averages_[i].copy_(found[i + 1]);
}

WeightAverage::InPlace::InPlace(const WeightAverage& average) : average_(average) {
  const at::NoGradGuard no_gradients;
  for (std::size_t i = 0; i < average_.averages_.size(); ++i) {
    at::Tensor parameter = average_.parameters_[i].second.detach();
    own_.push_back(parameter.clone());
    parameter.copy_(average_.averages_[i]);
  }
}

WeightAverage::InPlace::~InPlace() {
  const at::NoGradGuard no_gradients;
  for (std::size_t i = 0; i < own_.size(); ++i) {
    average_.parameters_[i].second.detach().copy_(own_[i]);
  }
}

AveragedStep::AveragedStep(std::shared_ptr<Step> step, NamedTensors parameters, double decay,
                           std::shared_ptr<ParallelRun> parallel)
    : step_(std::move(step)), average_(std::move(parameters), decay), parallel_(std::move(parallel)) {
  if (parallel_ == nullptr) parallel_ = std::make_shared<ParallelRun>();
}

StepReport AveragedStep::run(const LogicalBatch& batch, double learning_rate) {
  const StepReport report = step_->run(batch, learning_rate);
  average_.update();
  return report;
}

Json AveragedStep::save(const std::filesystem::path& folder) const {
  write_tensors(folder / "average.safetensors", average_.state());
  Json state = step_->save(folder);
  state["averaged"] = true;
  return state;
}

void AveragedStep::load(const std::filesystem::path& folder, const Json& state) {
  if (!state.value("averaged", false)) {
    throw bad_data(folder.string() + ": the checkpoint holds no averaged weights",
                   "Resume with the configuration that the run was started with.");
  }
  step_->load(folder, state);
  ProcessGroup& group = *parallel_->group;
  NamedTensors tensors;
  if (group.leads()) tensors = read_tensors(folder / "average.safetensors");
  average_.load(share_tensors(group, std::move(tensors)));
}

}  // namespace discreet::nn
