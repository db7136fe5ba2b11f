#include "discreet/dp/stacked.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/dp/internal/kernels.h"
#include "discreet/dp/internal/table_rows.h"

namespace discreet::dp {
namespace {

using nn::stacked::Use;

std::span<const float> row_of(const float* rows, std::int64_t width, std::int64_t row) {
  return {rows + row * width, static_cast<std::size_t>(width)};
}

/// Terms that cancel are added up again from doubles; see reference in dp/internal/kernels.h.
double lstm_norm(const Use& use, std::int64_t first, std::int64_t count) {
  const std::int64_t hidden = use.out / 4;
  const internal::RowMatrix<float> activations[] = {{use.input, use.in}, {use.previous, hidden}};
  const internal::PairSum sum =
      internal::pair_products(activations, {use.gradient, use.out}, first, count, 1);
  if (std::isfinite(sum.sum) && sum.magnitude <= 1e3 * std::abs(sum.sum)) return sum.sum;
  const auto doubles = [&](const float* rows, std::int64_t width) {
    return std::vector<double>(rows + first * width, rows + (first + count) * width);
  };
  const auto input = doubles(use.input, use.in), previous = doubles(use.previous, hidden);
  const auto gradient = doubles(use.gradient, use.out);
  const internal::RowMatrix<double> exact[] = {{input.data(), use.in}, {previous.data(), hidden}};
  return std::max(0.0, internal::pair_products(exact, {gradient.data(), use.out}, 0, count, 1).sum);
}

/// |g|^2 / T^2 times the squares of how often each word stands in the example.
double bag_norm(const Use& use, const nn::stacked::Pass& pass, std::int64_t e,
                std::vector<std::int64_t>& sorted) {
  const auto place = static_cast<std::size_t>(e);
  const auto begin = pass.ids().begin();
  sorted.assign(begin + pass.offsets()[place], begin + pass.offsets()[place + 1]);
  if (sorted.empty()) return 0;
  std::sort(sorted.begin(), sorted.end());
  double squares = 0, run = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    ++run;
    if (i + 1 < sorted.size() && sorted[i + 1] == sorted[i]) continue;
    squares += run * run;
    run = 0;
  }
  const auto tokens = static_cast<double>(sorted.size());
  return internal::squared_norm(row_of(use.gradient, use.out, e)) * squares / (tokens * tokens);
}

double embedding_norm(const Use& use, const nn::stacked::Pass& pass, std::int64_t first,
                      std::int64_t last, std::vector<double>& scratch) {
  std::vector<internal::TableEntry> entries;
  for (std::int64_t n = first; n < last; ++n)
    entries.push_back({pass.ids()[static_cast<std::size_t>(n)], n, 1});
  return internal::table_norm(std::span(entries), internal::RowMatrix<float>{use.gradient, use.out},
                              scratch);
}

}  // namespace

void add_squared_norms(const nn::stacked::Pass& pass, std::span<double> squared) {
  std::vector<std::int64_t> sorted;
  std::vector<double> scratch;
  for (const Use& use : pass.uses()) {
    for (std::int64_t e = 0; e < pass.examples(); ++e) {
      const auto place = static_cast<std::size_t>(e);
      const std::int64_t first = pass.offsets()[place], last = pass.offsets()[place + 1];
      switch (use.kind) {
        case Use::Kind::kLinear:
          squared[place] += (internal::squared_norm(row_of(use.input, use.in, e)) + 1) *
                            internal::squared_norm(row_of(use.gradient, use.out, e));
          break;
        case Use::Kind::kBag:
          squared[place] += bag_norm(use, pass, e, sorted);
          break;
        case Use::Kind::kEmbedding:
          squared[place] += embedding_norm(use, pass, first, last, scratch);
          break;
        case Use::Kind::kLstm:
          squared[place] += lstm_norm(use, first, last - first);
          break;
      }
    }
  }
}

struct StackedPrivateTrainer::Worker {
  Worker(const nn::stacked::Shape& shape, const nn::NamedTensors& parameters)
      : pass(shape), buffers(shape) {
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const auto sizes = parameters[i].second.sizes();
      gradients.push_back(buffers.tensors()[i].view(sizes.slice(1)));
    }
  }
  nn::stacked::Pass pass;
  nn::stacked::GradientBuffers buffers;
  std::vector<at::Tensor> gradients;  // views of the buffers in the parameters' shapes
};

StackedPrivateTrainer::StackedPrivateTrainer(nn::StackedModel& model,
                                             std::shared_ptr<const nn::StackedData> data,
                                             std::vector<nn::StackedMember> members,
                                             std::vector<std::unique_ptr<PrivatePlan>> plans,
                                             const StackedPrivateOptions& options, Charge charge)
    : model_(model),
      data_(std::move(data)),
      members_(std::move(members)),
      plans_(std::move(plans)),
      options_(options),
      charge_(std::move(charge)) {
  const auto models = static_cast<std::size_t>(model_.models());
  if (members_.size() != models || plans_.size() != models) {
    throw usage_error(fmt::format("{} members and {} plans for {} stacked models", members_.size(),
                                  plans_.size(), models));
  }
  if (data_->view.labels == nullptr)
    throw usage_error("stacked models are trained on intents; the data have none");
  for (std::size_t k = 0; k < models; ++k) {
    const PrivacyOptions& asked = plans_[k]->options();
    if (asked.units != members_[k].examples.size()) {
      throw usage_error(
          fmt::format("stacked model {}: the plan is for {} units, the member has {} examples", k,
                      asked.units, members_[k].examples.size()));
    }
    for (const std::int64_t e : members_[k].examples) {
      if (e < 0 || e >= data_->view.size)
        throw internal_error(fmt::format("example {} of {}", e, data_->view.size));
    }
    rules_.push_back(plans_[k]->make_rule());
    if (asked.unit != privacy::Unit::kExample || asked.slots > 0 || rules_.back()->by_layer() ||
        rules_.back()->counts()) {
      throw usage_error(
          fmt::format("stacked model {}: its plan has users, slots, or a clipping rule by layer "
                      "or with counts",
                      k),
          "Stacked private training knows units of one example and one norm for all layers.");
    }
    optimizers_.emplace_back(model_.parameters_of(static_cast<std::int64_t>(k)),
                             options_.optimizer);
  }
}

StackedPrivateTrainer::~StackedPrivateTrainer() = default;

double StackedPrivateTrainer::epsilon(std::int64_t model) const {
  return plans_[static_cast<std::size_t>(model)]->epsilon(steps_);
}

void StackedPrivateTrainer::step_of(std::size_t k, Worker& worker) {
  PrivatePlan& plan = *plans_[k];
  std::vector<std::int64_t> batch;
  for (const std::uint64_t unit : plan.begin_step(static_cast<std::uint64_t>(steps_))) {
    batch.push_back(members_[k].examples[unit]);
  }
  const std::vector<float*> parameters = model_.pointers_of(static_cast<std::int64_t>(k));
  nn::stacked::Pass& pass = worker.pass;
  pass.forward(parameters, data_->view, batch);
  pass.losses(data_->view, 1);
  pass.backward(parameters);
  std::vector<double> factors(batch.size(), 0.0);
  add_squared_norms(pass, factors);
  ClippedSum sum;
  for (double& factor : factors) {
    const double norm = std::sqrt(factor);
    factor = std::isfinite(norm) ? rules_[k]->factor(0, norm) : 0;
    sum.clipped_ += factor < 1;
    sum.non_finite_ += !std::isfinite(norm);
  }
  sum.segments_ = static_cast<std::int64_t>(batch.size());
  pass.scale(factors);
  pass.gradients(worker.buffers.pointers());
  sum.bounds_ = rules_[k]->bounds();
  sum.layer_of_.assign(worker.gradients.size(), 0);
  sum.unit_sensitivity_ = unit_sensitivity(plan.relation(), plan.holds());
  sum.relation_ = plan.relation();
  for (const at::Tensor& gradient : worker.gradients)
    sum.sinks_.push_back(GradientSink::holding(gradient));
  nn::Schedule schedule = options_.schedule;
  schedule.peak = members_[k].learning_rate;
  plan.update(sum, optimizers_[k], nn::learning_rate_at(schedule, steps_));
  // Noise fell on every row of the table, and the next pass adds to zeros.
  if (pass.shape().table) worker.gradients[*pass.shape().table].zero_();
}

void StackedPrivateTrainer::step() {
  // Ledgers know of all steps before any parameter moves.
  for (std::size_t k = 0; charge_ && k < plans_.size(); ++k) {
    charge_(static_cast<std::int64_t>(k), static_cast<std::uint64_t>(steps_),
            plans_[k]->step_event(steps_));
  }
  workers_.resize(std::max(workers_.size(), static_cast<std::size_t>(at::get_num_threads())));
  at::parallel_for(0, model_.models(), 1, [&](std::int64_t begin, std::int64_t end) {
    const at::NoGradGuard no_gradients;
    auto& worker = workers_[static_cast<std::size_t>(at::get_thread_num())];
    if (worker == nullptr) worker = std::make_unique<Worker>(model_.shape(), model_.parameters());
    for (std::int64_t k = begin; k < end; ++k) step_of(static_cast<std::size_t>(k), *worker);
  });
  ++steps_;
}

}  // namespace discreet::dp
