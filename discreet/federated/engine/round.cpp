#include "discreet/federated/engine/round.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/threads.h"
#include "discreet/federated/clipping.h"
#include "discreet/nn/distributed/share.h"
#include "discreet/nn/model.h"

namespace discreet::federated {

struct RoundRunner::Outcome {
  ClientReport report;
  double root_mean_square_loss = 0;
  bool finite = true;
  bool clipped = false;
  std::int64_t bytes_up = 0;
  double seconds = 0;
};

/// What one thread works with, kept from round to round.
struct RoundRunner::Worker {
  Worker(ClientTrainer& own, std::size_t size) : trainer(own), sum(size, 1) {}
  ClientTrainer& trainer;
  std::unique_ptr<SmallTrainer> small;
  bool in_pieces = false;         // this round's updates are those of `small`, and `difference` is not used
  std::vector<float> difference;  // zero outside of `parts`
  std::vector<FlatRange> parts;   // of the difference that may not be zero
  std::vector<float> correction, control_change;
  FixedPointSum sum;
  std::unique_ptr<FixedPointSum> control_sum;
};

namespace {

/// L1 norm of FedNova's accumulation vector, whose entries are in rates of the round.
double accumulation_of(const LocalOptions& options, const LocalWork& work, std::int64_t steps) {
  const double tau = static_cast<double>(steps);
  const double momentum = options.optimizer.kind == nn::OptimizerKind::kMomentum ? options.optimizer.momentum : 0;
  const nn::Schedule schedule = local_schedule(options, work, steps);
  if (schedule.kind == nn::ScheduleKind::kConstant && schedule.warmup_steps == 0) {
    if (momentum > 0) return nova_accumulation(tau, momentum);
    return nova_accumulation_proximal(tau, schedule.peak * options.proximal);
  }
  double sum = 0, velocity = 0;
  for (std::int64_t step = 0; step < steps; ++step) {
    const double rate = nn::learning_rate_at(schedule, step);
    velocity = momentum * velocity + 1;
    sum = (momentum > 0 ? sum : sum * (1 - rate * options.proximal)) + rate / schedule.peak * velocity;
  }
  return sum;
}

/// Sum of the rates of a client's steps: what a difference must be divided by to be a mean gradient.
double sum_of_rates(const LocalOptions& options, const LocalWork& work, std::int64_t steps) {
  const nn::Schedule schedule = local_schedule(options, work, steps);
  double sum = 0;
  for (std::int64_t step = 0; step < steps; ++step) sum += nn::learning_rate_at(schedule, step);
  return sum;
}

/// In eight sums, so that the loop vectorises; the same on every machine.
double squared_norm_of(std::span<const float> values, std::span<const FlatRange> parts) {
  constexpr std::size_t kLanes = 8;
  double lanes[kLanes] = {};
  for (const FlatRange& part : parts) {
    std::size_t i = part.begin;
    for (; i + kLanes <= part.end; i += kLanes) {
      for (std::size_t l = 0; l < kLanes; ++l) lanes[l] += double(values[i + l]) * values[i + l];
    }
    for (std::size_t l = 0; i < part.end; ++i, ++l) lanes[l] += double(values[i]) * values[i];
  }
  return std::accumulate(lanes, lanes + kLanes, 0.0);
}

/// Whether a fixed-point sum of `terms` such vectors takes it.
bool is_moderate(std::span<const float> values, std::int64_t terms) {
  const double most = std::ldexp(1.0, 62 - 40) / static_cast<double>(terms);
  return std::ranges::all_of(values, [most](float value) { return std::abs(value) <= most; });
}

// A round's exchange between processes: numbers as their bits, of which only one process has any.
constexpr std::size_t kSlots = 8;
std::int64_t bits_of_number(double value) { return std::bit_cast<std::int64_t>(value); }
double number_of_bits(std::int64_t bits) { return std::bit_cast<double>(bits); }

/// Adds up all processes' buffers of integers, in place. Collective.
void add_over_processes(nn::ProcessGroup& group, std::vector<std::int64_t>& buffer) {
  const auto size = static_cast<std::int64_t>(buffer.size());
  const std::int64_t part = (size + group.size() - 1) / group.size();
  buffer.resize(static_cast<std::size_t>(part * group.size()), 0);
  const at::Tensor rows = at::from_blob(buffer.data(), {group.size(), part}, at::kLong);
  at::Tensor received = at::empty({group.size(), part}, at::kLong);
  group.exchange(rows, received);
  const at::Tensor mine = received.sum(0).contiguous();
  at::Tensor all = at::empty({group.size(), part}, at::kLong);
  group.gather_all(mine, all);
  std::memcpy(buffer.data(), all.const_data_ptr<std::int64_t>(), buffer.size() * sizeof(std::int64_t));
  buffer.resize(static_cast<std::size_t>(size));
}

std::size_t float_words(std::size_t values) { return (values + 1) / 2; }

}  // namespace

RoundRunner::RoundRunner(MakeModel make_model, std::shared_ptr<const nn::EncodedExamples> data,
                         const LocalOptions& options, int threads)
    : options_(options), crew_(std::max(1, threads)) {
  for (int t = 0; t < std::max(1, threads); ++t) {
    trainers_.push_back(std::make_unique<ClientTrainer>(make_model(), data, options));
    workers_.push_back(std::make_unique<Worker>(
        *trainers_.back(), static_cast<std::size_t>(trainers_.back()->values())));
  }
  personal_start_.resize(static_cast<std::size_t>(first().personal_values()));
  first().read_personal(personal_start_);
}

RoundRunner::~RoundRunner() = default;

bool RoundRunner::is_alone() const { return group_ == nullptr || group_->alone(); }

void RoundRunner::use_small(const nn::stacked::Shape& shape,
                            std::shared_ptr<const nn::StackedData> data) {
  for (auto& worker : workers_) {
    worker->small = std::make_unique<SmallTrainer>(shape, data, options_);
    if (worker->small->values() != values()) throw internal_error("a small trainer of another shape");
  }
  small_ = true;
}

void RoundRunner::train_personal(const RoundRequest& request, const ClientJob& job,
                                 std::span<const float> start, ClientMemories& memories,
                                 Worker& worker) {
  std::vector<float>& model = memories.personal.at(job.client);
  if (model.empty()) model.assign(start.begin(), start.end());
  std::vector<float> moved(model.size());
  const LocalWork local{.client = job.client,
                        .round = request.round,
                        .examples = job.examples,
                        .start = model,
                        .correction = {},
                        .learning_rate = request.learning_rate,
                        .anchor = start,
                        .pull = options_.ditto,
                        .stream = "personal"};
  worker.trainer.train(local, moved);
  for (std::size_t i = 0; i < model.size(); ++i) model[i] += moved[i];
}

void RoundRunner::report_training(const LocalWork& work, const LocalResult& result, Outcome& outcome) const {
  outcome.report.local_steps = static_cast<double>(result.steps);
  outcome.report.accumulation = accumulation_of(options_, work, result.steps);
  outcome.report.loss = result.loss;
  outcome.root_mean_square_loss = result.root_mean_square_loss;
}

/// Who takes part must not tell what it holds, so a client with nothing, or nothing finite, to say sends its
/// noise like all others.
void RoundRunner::send_noise(const RoundRequest& request, const ClientJob& job, Outcome& outcome, Worker& worker) const {
  const std::span<float> difference = worker.difference;
  request.client_noise(job.client, difference.first(static_cast<std::size_t>(sent_values())));
  worker.parts.assign(1, {0, difference.size()});
  if (outcome.bytes_up == 0) outcome.bytes_up = sent_values() * static_cast<std::int64_t>(sizeof(float));
  outcome.report.squared_norm = squared_norm_of(difference, worker.parts);
  outcome.finite = std::isfinite(outcome.report.squared_norm);
}

RoundRunner::Outcome RoundRunner::work(const RoundRequest& request, const ClientJob& job,
                                       const ServerStrategy& strategy, const Compressor& compressor,
                                       ClientMemories& memories, Worker& worker) {
  Outcome outcome;
  std::shared_ptr<const nn::EncodedExamples> made;
  std::vector<std::int64_t> places;
  LocalWork local{.client = job.client,
                  .round = request.round,
                  .examples = job.examples,
                  .start = job.start ? std::span<const float>(*job.start) : request.start,
                  .correction = {},
                  .learning_rate = request.learning_rate};
  if (source_) {
    made = source_(job.client);
    places.resize(static_cast<std::size_t>(made->size()));
    std::iota(places.begin(), places.end(), 0);
    local.data = made.get();
    local.examples = places;
  }
  ClientReport& report = outcome.report;
  report.client = job.client;
  report.examples = static_cast<double>(local.examples.size());
  report.weight = job.weight;
  report.lag = job.lag;
  worker.parts.assign(1, {0, worker.difference.size()});
  if (local.examples.empty()) {  // nothing to learn from, nothing to say
    std::fill(worker.difference.begin(), worker.difference.end(), 0.0F);
    outcome.finite = false;
    if (request.client_noise) send_noise(request, job, outcome, worker);
    return outcome;
  }
  if (worker.in_pieces) {
    const LocalResult result = worker.small->train(local);
    report_training(local, result, outcome);
    outcome.bytes_up = *compressor.bytes_unchanged(static_cast<std::size_t>(sent_values()), worker.small->pieces());
    report.squared_norm = worker.small->meter().squared_norm();
    outcome.finite = std::isfinite(report.squared_norm) && std::isfinite(report.loss);
    return outcome;
  }
  const bool controlled = !memories.server_control.empty();
  const auto control = memories.control.find(job.client);
  if (controlled) {
    worker.correction.assign(memories.server_control.begin(), memories.server_control.end());
    if (control != memories.control.end() && !control->second.empty()) {
      for (std::size_t i = 0; i < worker.correction.size(); ++i) {
        worker.correction[i] -= control->second[i];
      }
    }
    local.correction = worker.correction;
  }
  const auto personal = memories.personal.find(job.client);
  if (!personal_start_.empty()) local.personal = personal->second;

  const bool small = worker.small != nullptr && !controlled;
  const LocalResult result =
      small ? worker.small->train(local, worker.difference) : worker.trainer.train(local, worker.difference);
  if (small) worker.parts.assign(worker.small->parts().begin(), worker.small->parts().end());
  if (options_.ditto > 0) train_personal(request, job, local.start, memories, worker);
  report_training(local, result, outcome);
  if (controlled) {
    // c_i+ - c_i = -c + (w_t - y) / (sum of the steps' rates): option II, of what was trained, not of what travels.
    const double scale = 1 / sum_of_rates(options_, local, result.steps);
    worker.control_change.resize(worker.difference.size());
    for (std::size_t i = 0; i < worker.difference.size(); ++i) {
      worker.control_change[i] =
          static_cast<float>(-memories.server_control[i] - double(worker.difference[i]) * scale);
    }
  }
  // Train, error feedback and compression, clipping of what the server will decode, noise: in this order
  // the norm bound holds for what arrives.
  std::string stream = fmt::format("compress.{}", request.round);
  if (!request.one_draw) stream += "." + stream_name(options_, job.client);
  core::ReproducibleRng rng(options_.seed, stream);
  std::vector<float> nothing;
  std::vector<float>& memory = compressor.keeps_memory() ? memories.compression.at(job.client) : nothing;
  const std::span<float> difference = worker.difference;
  // The weights of exact LoRA are the server's to make: they do not travel.
  const auto sent = difference.first(static_cast<std::size_t>(sent_values()));
  if (small && compressor.keeps_zeros()) {
    outcome.bytes_up = compressor.apply_parts(sent, worker.parts, memory, rng);
  } else {
    outcome.bytes_up = compressor.apply(sent, memory, rng);
    worker.parts.assign(1, {0, difference.size()});
  }
  if (request.clip_norm > 0) {
    const double norm = clip_update(sent, request.clip_norm);
    outcome.clipped = norm > request.clip_norm;
    outcome.finite = std::isfinite(norm);
    if (request.client_noise) {
      send_noise(request, job, outcome, worker);
      return outcome;
    }
  }
  if (strategy.mixes_models() && job.start != nullptr) {
    for (std::size_t i = 0; i < difference.size(); ++i) difference[i] += (*job.start)[i] - request.start[i];
    worker.parts.assign(1, {0, difference.size()});
  }
  report.squared_norm = squared_norm_of(difference, worker.parts);
  outcome.finite = outcome.finite && std::isfinite(report.squared_norm) && std::isfinite(report.loss);
  return outcome;
}

std::vector<std::size_t> RoundRunner::my_jobs(const RoundRequest& request, bool sticky) const {
  // Longest first: the last to finish is then a short one (Graham 1969).
  std::vector<std::size_t> order(request.jobs.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return request.jobs[a].examples.size() > request.jobs[b].examples.size();
  });
  if (is_alone()) return order;
  const auto processes = static_cast<std::size_t>(group_->size());
  std::vector<std::size_t> mine, load(processes, 0);
  for (const std::size_t index : order) {
    const ClientJob& job = request.jobs[index];
    const auto least = static_cast<std::size_t>(std::min_element(load.begin(), load.end()) - load.begin());
    const std::size_t who = sticky ? static_cast<std::size_t>(job.client) % processes : least;
    load[who] += job.examples.size() + 1;
    if (who == static_cast<std::size_t>(group_->rank())) mine.push_back(index);
  }
  return mine;
}

void RoundRunner::on_workers(std::size_t count,
                             const std::function<void(std::size_t place, Worker& worker)>& work) {
  constexpr double kHandedSeconds = 100e-6;
  std::size_t grain = 1;
  if (seconds_per_client_ > 0 && seconds_per_client_ < kHandedSeconds) {
    // As much as pays the handing over, and still two runs for each thread.
    const auto most = std::max<std::size_t>(1, count / (2 * workers_.size()));
    grain = std::clamp<std::size_t>(static_cast<std::size_t>(kHandedSeconds / seconds_per_client_), 1, most);
  }
  crew_.run(count, grain, [&](std::size_t place, std::size_t seat) {
    if (at::get_num_threads() != 1) at::set_num_threads(1);
    work(place, *workers_[seat]);
  });
}

RoundResult RoundRunner::run(const RoundRequest& request, const ServerStrategy& strategy,
                             const Compressor& compressor, ClientMemories& memories) {
  const auto size = static_cast<std::size_t>(values());
  const std::size_t jobs = request.jobs.size();
  const auto terms = static_cast<std::int64_t>(std::max<std::size_t>(1, jobs));
  const bool controlled = !memories.server_control.empty();
  const bool keeps_personal = options_.ditto > 0 || !personal_start_.empty();
  const bool each = strategy.needs_each();
  RoundResult result;
  result.bytes_down = static_cast<std::int64_t>(jobs) * sent_values() * 4;
  std::vector<ClientReport> planned;
  for (const ClientJob& job : request.jobs) {
    // Made here, so that threads find them without a lock.
    if (compressor.keeps_memory()) memories.compression[job.client];
    if (controlled) memories.control[job.client].resize(size, 0.0F);
    if (keeps_personal) {
      std::vector<float>& own = memories.personal[job.client];
      if (own.empty()) own = personal_start_;
    }
    planned.push_back({.client = job.client,
                       .examples = double(job.examples.size()),
                       .weight = job.weight,
                       .lag = job.lag});
  }
  const auto order = my_jobs(request, controlled || keeps_personal || compressor.keeps_memory());
  std::vector<Outcome> outcomes(jobs);
  std::vector<std::vector<float>> kept(each ? jobs : 0);
  // Updates that are summed as they are need no flat vector: their pieces go straight into the sum.
  const bool in_pieces = small_ && !controlled && !each && request.clip_norm == 0 && !strategy.mixes_models() &&
                         compressor.bytes_unchanged(0, {}).has_value();
  for (auto& worker : workers_) {
    worker->sum.reset(terms);
    worker->in_pieces = in_pieces;
    if (!in_pieces) worker->difference.resize(size, 0.0F);
    if (controlled) worker->control_sum = std::make_unique<FixedPointSum>(size, terms);
  }
  on_workers(order.size(), [&](std::size_t place, Worker& worker) {
    const std::size_t index = order[place];
    const ClientJob& job = request.jobs[index];
    Outcome& outcome = outcomes[index];
    const auto began = std::chrono::steady_clock::now();
    outcome = work(request, job, strategy, compressor, memories, worker);
    outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    if (outcome.finite && controlled) outcome.finite = is_moderate(worker.control_change, terms);
    if (outcome.finite && each) kept[index] = worker.difference;
    if (outcome.finite && !each) {
      const double factor = request.alike ? 1 : strategy.factor(outcome.report, planned);
      outcome.finite = worker.in_pieces
                           ? worker.sum.add(worker.small->pieces(), factor, worker.small->meter().largest())
                           : worker.sum.add(worker.difference, factor, worker.parts);
    }
    if (outcome.finite && controlled) {
      worker.control_sum->add(worker.control_change, 1);
      std::vector<float>& control = memories.control.at(job.client);
      for (std::size_t i = 0; i < size; ++i) control[i] += worker.control_change[i];
    }
    if (worker.small != nullptr && !worker.in_pieces) {  // it counts on zeros outside of what it writes
      for (const FlatRange& part : worker.parts) {
        std::fill(worker.difference.begin() + static_cast<std::ptrdiff_t>(part.begin),
                  worker.difference.begin() + static_cast<std::ptrdiff_t>(part.end), 0.0F);
      }
    }
  });
  if (!order.empty()) {
    double seconds = 0;
    for (const std::size_t index : order) seconds += outcomes[index].seconds;
    seconds_per_client_ = seconds / static_cast<double>(order.size());
  }
  for (std::size_t t = 1; t < workers_.size(); ++t) {
    workers_[0]->sum.take(workers_[t]->sum);
    if (controlled) workers_[0]->control_sum->merge(*workers_[t]->control_sum);
  }

  if (!is_alone()) {
    // One flat buffer: sums, then what is told of each client, then whole updates if they are wanted.
    const std::size_t sums = controlled ? 2 * size : size;
    const std::size_t words = each ? float_words(size) : 0;
    std::vector<std::int64_t> buffer(sums + jobs * (kSlots + words), 0);
    std::copy_n(workers_[0]->sum.raw().begin(), size, buffer.begin());
    if (controlled) {
      std::copy_n(workers_[0]->control_sum->raw().begin(), size, buffer.begin() + static_cast<std::ptrdiff_t>(size));
    }
    for (const std::size_t index : order) {
      const Outcome& outcome = outcomes[index];
      std::int64_t* slot = buffer.data() + sums + index * kSlots;
      slot[0] = (outcome.finite ? 1 : 0) + (outcome.clipped ? 2 : 0);
      slot[1] = outcome.bytes_up;
      slot[2] = bits_of_number(outcome.report.local_steps);
      slot[3] = bits_of_number(outcome.report.accumulation);
      slot[4] = bits_of_number(outcome.report.squared_norm);
      slot[5] = bits_of_number(outcome.report.loss);
      slot[6] = bits_of_number(outcome.root_mean_square_loss);
      slot[7] = bits_of_number(outcome.report.examples);
      if (each && outcome.finite) {
        std::memcpy(buffer.data() + sums + jobs * kSlots + index * words, kept[index].data(),
                    size * sizeof(float));
      }
    }
    add_over_processes(*group_, buffer);
    std::copy_n(buffer.begin(), size, workers_[0]->sum.raw().begin());
    if (controlled) {
      std::copy_n(buffer.begin() + static_cast<std::ptrdiff_t>(size), size, workers_[0]->control_sum->raw().begin());
    }
    for (std::size_t index = 0; index < jobs; ++index) {
      Outcome& outcome = outcomes[index];
      const std::int64_t* slot = buffer.data() + sums + index * kSlots;
      outcome.finite = (slot[0] & 1) != 0;
      outcome.clipped = (slot[0] & 2) != 0;
      outcome.bytes_up = slot[1];
      outcome.report = planned[index];
      outcome.report.local_steps = number_of_bits(slot[2]);
      outcome.report.accumulation = number_of_bits(slot[3]);
      outcome.report.squared_norm = number_of_bits(slot[4]);
      outcome.report.loss = number_of_bits(slot[5]);
      outcome.root_mean_square_loss = number_of_bits(slot[6]);
      outcome.report.examples = number_of_bits(slot[7]);
      if (each && outcome.finite) {
        kept[index].resize(size);
        std::memcpy(kept[index].data(), buffer.data() + sums + jobs * kSlots + index * words,
                    size * sizeof(float));
      }
    }
  }

  double all_weight = 0, kept_weight = 0;
  std::vector<std::span<const float>> differences;
  for (std::size_t index = 0; index < jobs; ++index) {
    Outcome& outcome = outcomes[index];
    result.bytes_up += outcome.bytes_up;
    result.client_seconds += outcome.seconds;
    result.clipped += outcome.clipped;
    all_weight += request.jobs[index].weight;
    if (!outcome.finite) {
      result.dropped.push_back(request.jobs[index].client);
      continue;
    }
    result.below += outcome.clipped ? -0.5 : 0.5;
    kept_weight += request.jobs[index].weight;
    result.reports.push_back(outcome.report);
    result.root_mean_square_loss.push_back(outcome.root_mean_square_loss);
    if (each) differences.push_back(kept[index]);
  }
  if (controlled) {
    scaffold::move_server_control(memories.server_control, workers_[0]->control_sum->values(),
                                  request.all_clients);
  }
  if (each) {
    const bool enough = static_cast<std::int64_t>(differences.size()) >= std::max<std::int64_t>(1, strategy.least_updates());
    result.sum = enough ? strategy.combine(differences, result.reports) : std::vector<double>(size, 0.0);
    return result;
  }
  result.sum = std::move(spare_);
  result.sum.resize(size);
  workers_[0]->sum.take_values(result.sum);
  // Who was dropped must not shrink the mean of the others; private sums keep their fixed divisor.
  if (!result.dropped.empty() && kept_weight > 0 && !request.alike && strategy.is_weighted()) {
    const double scale = all_weight / kept_weight;
    for (double& value : result.sum) value *= scale;
    for (ClientReport& report : result.reports) report.weight *= scale;
  }
  return result;
}

RoundRunner::Gradients RoundRunner::client_gradients(std::span<const float> start,
                                                     const std::vector<ClientJob>& jobs,
                                                     std::int64_t width) {
  const std::size_t rank = is_alone() ? 0 : static_cast<std::size_t>(group_->rank());
  const std::size_t processes = is_alone() ? 1 : static_cast<std::size_t>(group_->size());
  const std::size_t begin = jobs.size() * rank / processes, end = jobs.size() * (rank + 1) / processes;
  Gradients mine;
  mine.sketches.assign((end - begin) * static_cast<std::size_t>(width), 0.0F);
  mine.norms.assign(end - begin, 0.0);
  on_workers(end - begin, [&](std::size_t place, Worker& worker) {
    std::vector<float> own(static_cast<std::size_t>(values()));
    worker.trainer.gradient(start, jobs[begin + place].examples, own);
    float* sketch = mine.sketches.data() + place * static_cast<std::size_t>(width);
    double squares = 0;
    for (std::size_t i = 0; i < own.size(); ++i) {
      if (own[i] == 0) continue;
      squares += double(own[i]) * own[i];
      if (width == 0) continue;
      const SketchPlace to = sketch_place(i, width);
      sketch[to.bucket] += to.sign * own[i];
    }
    mine.norms[place] = std::sqrt(squares);
  });
  if (is_alone()) return mine;
  return {nn::join(*group_, mine.sketches), nn::join(*group_, mine.norms)};
}

}  // namespace discreet::federated
