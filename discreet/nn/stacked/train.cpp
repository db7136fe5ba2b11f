#include "discreet/nn/stacked/train.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/random.h"

namespace discreet::nn {
namespace stacked {

GradientBuffers::GradientBuffers(const Shape& shape) {
  for (const std::int64_t size : shape.sizes) {
    tensors_.push_back(at::zeros({size}));
    pointers_.push_back(tensors_.back().data_ptr<float>());
  }
}

void GradientBuffers::clear(const Pass& pass) {
  if (!pass.shape().table) return;
  float* table = pointers_[*pass.shape().table];
  for (const std::int64_t id : pass.touched())
    std::fill_n(table + id * pass.shape().width, pass.shape().width, 0.0F);
}

}  // namespace stacked

struct StackedTrainer::Worker {
  explicit Worker(const stacked::Shape& shape) : pass(shape), buffers(shape) {}
  stacked::Pass pass;
  stacked::GradientBuffers buffers;
  std::vector<std::int64_t> rows;
};

StackedTrainer::StackedTrainer(StackedModel& model, std::shared_ptr<const StackedData> data,
                               std::vector<StackedMember> members,
                               const StackedTrainOptions& options)
    : model_(model),
      data_(std::move(data)),
      members_(std::move(members)),
      options_(options),
      orders_(members_.size()),
      epochs_(members_.size(), -1) {
  if (static_cast<std::int64_t>(members_.size()) != model_.models()) {
    throw usage_error(
        fmt::format("{} members for {} stacked models", members_.size(), model_.models()));
  }
  if (options_.batch_size < 1) throw usage_error("batch_size must be at least 1");
  if (data_->view.labels == nullptr)
    throw usage_error("stacked models are trained on intents; the data have none");
  for (std::size_t k = 0; k < members_.size(); ++k) {
    if (members_[k].examples.empty())
      throw usage_error(fmt::format("stacked model {} has no examples", k));
    for (const std::int64_t e : members_[k].examples) {
      if (e < 0 || e >= data_->view.size)
        throw internal_error(fmt::format("example {} of {}", e, data_->view.size));
    }
    optimizers_.emplace_back(model_.parameters_of(static_cast<std::int64_t>(k)),
                             options_.optimizer);
  }
  // A row that no step has touched has moments of zero, and stays as it is; decay would move it.
  const stacked::Shape& shape = model_.shape();
  if (shape.table && options_.optimizer.weight_decay == 0) {
    touched_.assign(members_.size(), std::vector<std::uint8_t>(static_cast<std::size_t>(shape.sizes[*shape.table] / shape.width)));
  } else {
    touched_.resize(members_.size());
  }
}

StackedTrainer::~StackedTrainer() = default;

/// As OrdinaryStep: an epoch is a permutation by (seed, epoch), cut into batches.
std::span<const std::int64_t> StackedTrainer::batch_of(std::size_t k) {
  const StackedMember& member = members_[k];
  const auto examples = static_cast<std::int64_t>(member.examples.size());
  const std::int64_t per_epoch = (examples + options_.batch_size - 1) / options_.batch_size;
  const std::int64_t epoch = steps_ / per_epoch;
  std::vector<std::int64_t>& order = orders_[k];
  if (epoch != epochs_[k]) {
    order.resize(member.examples.size());
    std::iota(order.begin(), order.end(), 0);
    core::ReproducibleRng rng(member.seed, fmt::format("shuffle/{}", epoch));
    core::shuffle(std::span(order), rng);
    for (std::int64_t& place : order) place = member.examples[static_cast<std::size_t>(place)];
    epochs_[k] = epoch;
  }
  const std::int64_t first = steps_ % per_epoch * options_.batch_size;
  const std::int64_t size = std::min(options_.batch_size, examples - first);
  return std::span<const std::int64_t>(order).subspan(static_cast<std::size_t>(first),
                                                      static_cast<std::size_t>(size));
}

/// Row by row: the last bits depend on where a piece begins and ends, and which rows follow each other is not in the state.
void StackedTrainer::update_touched(std::size_t k, std::size_t table, Worker& worker) {
  std::vector<std::uint8_t>& touched = touched_[k];
  const std::int64_t width = model_.shape().width;
  for (const std::int64_t row : worker.pass.touched()) touched[static_cast<std::size_t>(row)] = 1;
  const float* gradient = worker.buffers.pointers()[table];
  const std::uint8_t* const end = touched.data() + touched.size();
  const auto next = [end](const std::uint8_t* from) {
    return from == end ? nullptr : static_cast<const std::uint8_t*>(std::memchr(from, 1, static_cast<std::size_t>(end - from)));
  };
  for (const std::uint8_t* at = next(touched.data()); at != nullptr; at = next(at + 1)) {
    const std::int64_t first = (at - touched.data()) * width;
    optimizers_[k].update(table, first, {gradient + first, static_cast<std::size_t>(width)});
  }
}

double StackedTrainer::step_of(std::int64_t k, Worker& worker) {
  const auto place = static_cast<std::size_t>(k);
  const auto batch = batch_of(place);
  const std::vector<float*> parameters = model_.pointers_of(k);
  stacked::Pass& pass = worker.pass;
  pass.forward(parameters, data_->view, batch);
  const double loss = pass.losses(data_->view, 1.0F / static_cast<float>(batch.size()));
  if (!std::isfinite(loss)) {
    throw runtime_failure(
        fmt::format("stacked model {}, step {}: the training loss is not finite", k, steps_ + 1),
        "Lower its learning rate.");
  }
  pass.backward(parameters);
  pass.gradients(worker.buffers.pointers());

  const stacked::Shape& shape = model_.shape();
  double factor = 1;
  if (options_.max_norm > 0) {
    double squares = 0;
    for (const at::Tensor& gradient : worker.buffers.tensors()) {
      const double norm = gradient.norm().item<double>();
      squares += norm * norm;
    }
    if (squares > options_.max_norm * options_.max_norm)
      factor = options_.max_norm / std::sqrt(squares);
  }
  Optimizer& optimizer = optimizers_[place];
  Schedule schedule = options_.schedule;
  schedule.peak = members_[place].learning_rate;
  optimizer.begin_step(learning_rate_at(schedule, steps_));
  // Where a zero gradient leaves a number alone, untouched rows of the table need no visit.
  const bool rows_alone =
      options_.optimizer.kind == OptimizerKind::kSgd && options_.optimizer.weight_decay == 0;
  for (std::size_t i = 0; i < shape.sizes.size(); ++i) {
    const std::span<float> gradient(worker.buffers.pointers()[i],
                                    static_cast<std::size_t>(shape.sizes[i]));
    if (factor != 1) {
      for (float& value : gradient) value *= static_cast<float>(factor);
    }
    if (shape.table != i || (!rows_alone && touched_[place].empty())) {
      optimizer.update(i, 0, gradient);
      continue;
    }
    if (!rows_alone) {
      update_touched(place, i, worker);
      continue;
    }
    worker.rows.assign(pass.touched().begin(), pass.touched().end());
    std::sort(worker.rows.begin(), worker.rows.end());
    worker.rows.erase(std::unique(worker.rows.begin(), worker.rows.end()), worker.rows.end());
    for (const std::int64_t row : worker.rows) {
      optimizer.update(i, row * shape.width,
                       gradient.subspan(static_cast<std::size_t>(row * shape.width),
                                        static_cast<std::size_t>(shape.width)));
    }
  }
  worker.buffers.clear(pass);
  return loss / static_cast<double>(batch.size());
}

std::vector<double> StackedTrainer::step() {
  std::vector<double> losses(members_.size());
  workers_.resize(std::max(workers_.size(), static_cast<std::size_t>(at::get_num_threads())));
  at::parallel_for(0, model_.models(), 1, [&](std::int64_t begin, std::int64_t end) {
    const at::NoGradGuard no_gradients;
    auto& worker = workers_[static_cast<std::size_t>(at::get_thread_num())];
    if (worker == nullptr) worker = std::make_unique<Worker>(model_.shape());
    for (std::int64_t k = begin; k < end; ++k)
      losses[static_cast<std::size_t>(k)] = step_of(k, *worker);
  });
  ++steps_;
  return losses;
}

NamedTensors StackedTrainer::state() const {
  NamedTensors state = {{"steps", at::full({1}, steps_, at::kLong)}};
  for (const auto& [name, value] : model_.parameters())
    state.emplace_back("parameters/" + name, value);
  for (std::size_t k = 0; k < optimizers_.size(); ++k) {
    for (const auto& [name, value] : optimizers_[k].state()) {
      state.emplace_back(fmt::format("{}/{}", k, name), value);
    }
  }
  return state;
}

void StackedTrainer::load(const NamedTensors& saved) {
  std::vector<at::Tensor> found;
  for (const auto& [name, target] : state()) {
    const auto source = std::find_if(saved.begin(), saved.end(),
                                     [&name](const auto& item) { return item.first == name; });
    if (source == saved.end() || source->second.sizes() != target.sizes()) {
      throw bad_data("the state of the stacked models has no tensor '" + name + "' of their size",
                     "It was written for other models.");
    }
    found.push_back(source->second);
  }
  const at::NoGradGuard no_gradients;
  steps_ = found[0].item<std::int64_t>();
  for (std::size_t i = 0; i < model_.parameters().size(); ++i) {
    model_.parameters()[i].second.copy_(found[i + 1]);
  }
  std::size_t next = 1 + model_.parameters().size();
  for (Optimizer& optimizer : optimizers_) {
    NamedTensors own;
    for (const auto& [name, target] : optimizer.state()) own.emplace_back(name, found[next++]);
    optimizer.load(own);
  }
  std::fill(epochs_.begin(), epochs_.end(), -1);
  for (std::vector<std::uint8_t>& touched : touched_) std::fill(touched.begin(), touched.end(), 1);  // it is not in the state
}

}  // namespace discreet::nn
