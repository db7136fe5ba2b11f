#include <algorithm>
#include <chrono>
#include <functional>
#include <numeric>

#include <torch/headeronly/version.h>

#include "discreet/app/ops/internal/bench_shapes.h"
#include "discreet/app/ops/internal/processes.h"
#include "discreet/core/registry.h"
#include "discreet/dp/private_step.h"
#include "discreet/nn/distributed/data_parallel.h"
#include "discreet/nn/ordinary_step.h"

namespace discreet {
namespace app {
namespace {

using Parallel = std::shared_ptr<nn::ParallelRun>;

struct Timing {
  std::size_t rounds = 15, warm_up = 3;
};

/// Minimum and median of `round`, milliseconds; processes start each round together.
Json time_rounds(const Timing& timing, const std::function<void(std::size_t)>& round) {
  std::vector<double> times;
  for (std::size_t i = 0; i < timing.warm_up + timing.rounds; ++i) {
    const auto started = std::chrono::steady_clock::now();
    round(i);
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - started;
    if (i >= timing.warm_up) times.push_back(took.count());
  }
  std::sort(times.begin(), times.end());
  return {{"minimum_ms", times.front()}, {"median_ms", times[times.size() / 2]}};
}

/// One exchange of gradients: reduced to the owners and gathered again, as in a training step.
Json time_exchange(const Parallel& parallel, std::int64_t elements, const Timing& timing) {
  nn::DataParallel exchange(parallel, {{"parameters", at::zeros({elements})}});
  const std::vector<at::Tensor> gradients = {at::ones({elements})};
  Json result = time_rounds(timing, [&](std::size_t) {
    exchange.reduce(gradients);
    exchange.gather();
  });
  result["elements"] = elements;
  result["bytes"] = 4 * elements;
  return result;
}

/// Training steps of a shape, whose whole batch each process has: work grows with their number.
Json time_training(const Parallel& parallel, const BenchShape& shape, const std::string& mode,
                   const Timing& timing) {
  const auto model = bench_model(shape);
  const nn::EncodedExamples examples = bench_examples(shape);
  const std::int64_t mine = examples.size(), all = mine * parallel->group->size();
  nn::LogicalBatch batch;
  batch.indices.resize(static_cast<std::size_t>(mine));
  std::iota(batch.indices.begin(), batch.indices.end(), 0);
  batch.segment_offsets.resize(static_cast<std::size_t>(mine) + 1);
  std::iota(batch.segment_offsets.begin(), batch.segment_offsets.end(), 0);
  const auto packed = std::make_shared<const nn::PackedBatch>(
      nn::collate(examples, batch.indices, batch.segment_offsets));
  const nn::OrdinaryStep::Collate collate = [packed](auto, auto) { return *packed; };
  batch.collate = collate;
  std::shared_ptr<nn::Step> step;
  if (mode == "ordinary") {
    step = std::make_shared<nn::OrdinaryStep>(
        *model, collate,
        nn::OrdinaryStepOptions{.examples = all, .batch_size = all, .parallel = parallel});
  } else {
    auto plan = std::make_unique<dp::PrivatePlan>(
        dp::PrivacyOptions{.units = static_cast<std::uint64_t>(all),
                           .expected_batch_size = static_cast<double>(all) / 2,
                           .steps = 1000,
                           .clip_norm = 1,
                           .noise_multiplier = 1.0,
                           .shard = {static_cast<std::uint64_t>(parallel->group->rank()),
                                     static_cast<std::uint64_t>(parallel->group->size())}});
    std::vector<std::int64_t> lengths;
    for (std::int64_t i = 0; i < all; ++i) {
      lengths.push_back(shape.lengths[static_cast<std::size_t>(i % mine)]);
    }
    step = std::make_shared<dp::PrivateStep>(*model, std::move(plan),
                                             dp::PrivateStep::Data{std::move(lengths), {}, collate},
                                             dp::PrivateStepOptions{.part_tokens = 1 << 20, .parallel = parallel},
                                             nullptr);
  }
  Json result = time_rounds(timing, [&](std::size_t i) {
    step->sample(static_cast<std::int64_t>(i));
    step->run(batch, 1e-3);
  });
  result["shape"] = shape.name;
  result["mode"] = mode;
  result["examples"] = all;
  result["parameters"] = nn::trainable_values(*model);
  result["examples_per_second"] = static_cast<double>(all) / result["minimum_ms"].get<double>() * 1e3;
  return result;
}

/// {"shapes": names or absent, "elements": [...], "threads": 1, "steps": 15, "warm_up": 3, "data": folder or
/// absent}
Json bench_processes(const Json& request, core::OperationContext& context) {
  return in_processes({}, context, [&](const Parallel& parallel, core::OperationContext& mine) {
    const auto wanted = request.value("shapes", std::vector<std::string>{});
    const auto elements =
        request.value("elements", std::vector<std::int64_t>{10'000, 1'000'000, 11'000'000});
    const auto threads = request.value("threads", 1);
    const int before = at::get_num_threads();
    at::set_num_threads(threads);
    const Timing timing{request.value("steps", std::size_t{15}), request.value("warm_up", std::size_t{3})};
    Json document = {{"schema", "discreet.bench.processes/1"},
                     {"libtorch", TORCH_VERSION},
                     {"processes", parallel->group->size()},
                     {"backend", parallel->group->backend()},
                     {"threads", at::get_num_threads()},
                     {"exchange", Json::array()},
                     {"results", Json::array()}};
    for (const std::int64_t count : elements) {
      document["exchange"].push_back(time_exchange(parallel, count, timing));
    }
    for (const BenchShape& shape : bench_shapes(request.value("data", ""))) {
      if (!wanted.empty() && std::ranges::find(wanted, shape.name) == wanted.end()) continue;
      for (const char* mode : {"ordinary", "private"}) {
        document["results"].push_back(time_training(parallel, shape, mode, timing));
      }
    }
    at::set_num_threads(before);
    return document;
  });
}

}  // namespace
}  // namespace app

void register_operation_bench_processes(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "bench-processes",
                .summary = "Times the exchange of gradients and training steps of several processes.",
                .reference = "",
                .fields = {},
                .make = static_cast<core::Operation>(app::bench_processes)});
}

}  // namespace discreet
