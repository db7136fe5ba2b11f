#include "discreet/federated/engine/round.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/threads.h"
#include "discreet/federated/clipping.h"

namespace discreet::federated {

struct RoundRunner::Outcome {
  ClientReport report;
  double root_mean_square_loss = 0;
  bool finite = true;
  bool clipped = false;
  std::int64_t bytes_up = 0;
  std::vector<float> control_change;
};

namespace {

double accumulation_of(const LocalOptions& options, std::int64_t steps) {
  const double tau = static_cast<double>(steps);
  if (options.optimizer.kind == nn::OptimizerKind::kMomentum) {
    return nova_accumulation(tau, options.optimizer.momentum);
  }
  return nova_accumulation_proximal(tau, options.learning_rate * options.proximal);
}

double squared_norm_of(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += double(value) * value;
  return sum;
}

}  // namespace

RoundRunner::RoundRunner(MakeModel make_model, std::shared_ptr<const nn::EncodedExamples> data,
                         const LocalOptions& options, int threads)
    : options_(options) {
  for (int t = 0; t < std::max(1, threads); ++t) {
    trainers_.push_back(std::make_unique<ClientTrainer>(make_model(), data, options));
  }
}

RoundRunner::Outcome RoundRunner::work(const RoundRequest& request, const ClientJob& job,
                                       const ServerStrategy& strategy, const Compressor& compressor,
                                       ClientMemories& memories, ClientTrainer& trainer,
                                       std::vector<float>& difference) {
  (void)strategy;
  Outcome outcome;
  LocalWork local{.client = job.client, .round = request.round, .examples = job.examples,
                  .start = request.start, .correction = {}};
  std::vector<float> correction;
  const bool controlled = !memories.server_control.empty();
  const auto control = memories.control.find(job.client);
  if (controlled) {
    correction.assign(memories.server_control.begin(), memories.server_control.end());
    if (control != memories.control.end() && !control->second.empty()) {
      for (std::size_t i = 0; i < correction.size(); ++i) correction[i] -= control->second[i];
    }
    local.correction = correction;
  }
  const LocalResult result = trainer.train(local, difference);
  ClientReport& report = outcome.report;
  report.client = job.client;
  report.examples = static_cast<double>(job.examples.size());
  report.weight = job.weight;
  report.local_steps = static_cast<double>(result.steps);
  report.accumulation = accumulation_of(options_, result.steps);
  report.loss = result.loss;
  outcome.root_mean_square_loss = result.root_mean_square_loss;
  if (controlled) {
    // c_i+ - c_i = -c + (w_t - y) / (steps * rate): option II, of what was trained, not of what travels.
    const double scale = 1 / (report.local_steps * options_.learning_rate);
    outcome.control_change.resize(difference.size());
    for (std::size_t i = 0; i < difference.size(); ++i) {
      outcome.control_change[i] =
          static_cast<float>(-memories.server_control[i] - double(difference[i]) * scale);
    }
  }
  core::ReproducibleRng rng(options_.seed, fmt::format("compress.{}.{}", request.round, job.client));
  outcome.bytes_up = compressor.apply(difference, memories.compression.at(job.client), rng);
  if (request.clip_norm > 0) {
    const double norm = clip_update(difference, request.clip_norm);
    outcome.clipped = norm > request.clip_norm;
    outcome.finite = std::isfinite(norm);
  }
  report.squared_norm = squared_norm_of(difference);
  outcome.finite = outcome.finite && std::isfinite(report.squared_norm) && std::isfinite(report.loss);
  return outcome;
}

RoundResult RoundRunner::run(const RoundRequest& request, const ServerStrategy& strategy,
                             const Compressor& compressor, ClientMemories& memories) {
  const auto size = static_cast<std::size_t>(values());
  const std::size_t jobs = request.jobs.size();
  RoundResult result;
  result.bytes_down = static_cast<std::int64_t>(jobs * size * sizeof(float));
  std::vector<ClientReport> planned;
  for (const ClientJob& job : request.jobs) {
    memories.compression[job.client];  // made here, so that threads find it without a lock
    planned.push_back({.client = job.client, .examples = double(job.examples.size()), .weight = job.weight});
  }

  // Longest first: the last to finish is then a short one.
  std::vector<std::size_t> order(jobs);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return request.jobs[a].examples.size() > request.jobs[b].examples.size();
  });
  const bool each = strategy.needs_each();
  std::vector<Outcome> outcomes(jobs);
  std::vector<std::vector<float>> kept(each ? jobs : 0);
  std::vector<std::size_t> free(trainers_.size());
  std::iota(free.begin(), free.end(), 0);
  std::vector<FixedPointSum> sums;
  std::vector<std::vector<float>> buffers;
  for (std::size_t t = 0; t < trainers_.size(); ++t) {
    sums.emplace_back(size, static_cast<std::int64_t>(std::max<std::size_t>(1, jobs)));
    buffers.emplace_back(size, 0.0f);
  }
  std::mutex mutex;
  core::parallel_for(jobs, static_cast<int>(trainers_.size()), [&](std::size_t place) {
    at::set_num_threads(1);
    std::size_t mine = 0;
    {
      const std::lock_guard lock(mutex);
      mine = free.back();
      free.pop_back();
    }
    const std::size_t index = order[place];
    const ClientJob& job = request.jobs[index];
    std::vector<float>& difference = buffers[mine];
    Outcome& outcome = outcomes[index];
    outcome = work(request, job, strategy, compressor, memories, *trainers_[mine], difference);
    if (outcome.finite && each) kept[index] = difference;
    if (outcome.finite && !each) {
      const double factor = request.alike ? 1 : strategy.factor(outcome.report, planned);
      outcome.finite = sums[mine].add(difference, factor);
    }
    const std::lock_guard lock(mutex);
    free.push_back(mine);
  });

  double all_weight = 0, kept_weight = 0;
  std::vector<std::span<const float>> differences;
  std::vector<double> control_sum(memories.server_control.size(), 0.0);
  for (std::size_t index = 0; index < jobs; ++index) {
    Outcome& outcome = outcomes[index];
    result.bytes_up += outcome.bytes_up;
    result.clipped += outcome.clipped;
    all_weight += request.jobs[index].weight;
    if (!outcome.finite) {
      result.dropped.push_back(request.jobs[index].client);
      continue;
    }
    kept_weight += request.jobs[index].weight;
    result.reports.push_back(outcome.report);
    result.root_mean_square_loss.push_back(outcome.root_mean_square_loss);
    if (each) differences.push_back(kept[index]);
    if (control_sum.empty()) continue;
    auto& control = memories.control[request.jobs[index].client];
    if (control.empty()) control.assign(size, 0.0f);
    for (std::size_t i = 0; i < size; ++i) {
      control[i] += outcome.control_change[i];
      control_sum[i] += outcome.control_change[i];
    }
  }
  if (!control_sum.empty()) {
    scaffold::move_server_control(memories.server_control, control_sum, request.all_clients);
  }
  if (each) {
    result.sum = differences.empty() ? std::vector<double>(size, 0.0)
                                     : strategy.combine(differences, result.reports);
    return result;
  }
  FixedPointSum total(size, static_cast<std::int64_t>(std::max<std::size_t>(1, jobs)));
  for (const FixedPointSum& sum : sums) total.merge(sum);
  result.sum = total.values();
  // Who was dropped must not shrink the mean of the others; private sums keep their fixed divisor.
  if (!result.dropped.empty() && kept_weight > 0 && !request.alike && strategy.is_weighted()) {
    const double scale = all_weight / kept_weight;
    for (double& value : result.sum) value *= scale;
    for (ClientReport& report : result.reports) report.weight *= scale;
  }
  return result;
}

}  // namespace discreet::federated
