#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <fstream>
#include <numeric>
#include <sstream>

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/headeronly/version.h>

#include "discreet/app/ops/internal/bench_shapes.h"
#include "discreet/core/operation.h"
#include "discreet/core/registry.h"
#include "discreet/dp/private_step.h"
#include "discreet/nn/ordinary_step.h"

namespace discreet {
namespace app {
namespace {

/// One way of training a shape, ready to step; with its own model, so that two can take turns.
struct BenchRun {
  std::shared_ptr<nn::Model> model;
  std::shared_ptr<nn::Step> step;
  nn::LogicalBatch batch;
  std::vector<double> milliseconds;      // by the clock
  std::vector<double> cpu_milliseconds;  // of this process: what a busy machine does not change
  std::int64_t number = 0;

  void run() {
    step->sample(number);  // draws as training does; the batch is in memory
    const auto started = std::chrono::steady_clock::now();
    const std::clock_t cpu_started = std::clock();
    step->run(batch, 1e-3);
    cpu_milliseconds.push_back(static_cast<double>(std::clock() - cpu_started) * 1e3 / CLOCKS_PER_SEC);
    const auto took = std::chrono::steady_clock::now() - started;
    milliseconds.push_back(std::chrono::duration<double, std::milli>(took).count());
    ++number;
  }
};

/// SGD, clip norm 1, noise multiplier 1.
BenchRun make_run(const BenchShape& shape, bool is_private, int threads) {
  BenchRun run;
  run.model = bench_model(shape);
  const auto packed = std::make_shared<nn::PackedBatch>(bench_batch(shape));
  const auto collate = [packed](auto, auto) { return *packed; };
  const std::int64_t examples = packed->examples();
  run.batch.indices.resize(static_cast<std::size_t>(examples));
  run.batch.segment_offsets.resize(static_cast<std::size_t>(examples) + 1);
  std::iota(run.batch.indices.begin(), run.batch.indices.end(), 0);
  std::iota(run.batch.segment_offsets.begin(), run.batch.segment_offsets.end(), 0);
  run.batch.collate = collate;
  if (!is_private) {
    run.step = std::make_shared<nn::OrdinaryStep>(
        *run.model, collate,
        nn::OrdinaryStepOptions{.examples = examples, .batch_size = examples});
    return run;
  }
  auto plan = std::make_unique<dp::PrivatePlan>(
      dp::PrivacyOptions{.units = static_cast<std::uint64_t>(examples),
                         .expected_batch_size = static_cast<double>(examples) / 2,
                         .steps = 1000,
                         .clip_norm = 1,
                         .noise_multiplier = 1.0,
                         .threads = threads});
  dp::PrivateStep::Data data{shape.lengths, {}, collate};
  run.step = std::make_shared<dp::PrivateStep>(*run.model, std::move(plan), std::move(data),
                                               dp::PrivateStepOptions{.part_tokens = 1 << 20}, nullptr);
  return run;
}

/// Largest resident size of this process since the last `reset`, MiB; 0 where the system cannot say.
double peak_mib(bool reset) {
  if (reset) {
    malloc_trim(0);
    std::ofstream("/proc/self/clear_refs") << "5";
    return 0;
  }
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmHWM:", 0) != 0) continue;
    return std::stod(line.substr(6)) / 1024;
  }
  return 0;
}

double peak_of(const BenchShape& shape, bool is_private, int threads) {
  peak_mib(true);
  BenchRun run = make_run(shape, is_private, threads);
  for (int i = 0; i < 3; ++i) run.run();
  return peak_mib(false);
}

Json result_of(const BenchShape& shape, const std::string& mode, int threads, BenchRun& run,
               std::size_t warm_up) {
  std::vector<double> times(run.milliseconds.begin() + static_cast<std::ptrdiff_t>(warm_up),
                            run.milliseconds.end());
  std::sort(times.begin(), times.end());
  const double cpu = *std::min_element(
      run.cpu_milliseconds.begin() + static_cast<std::ptrdiff_t>(warm_up), run.cpu_milliseconds.end());
  return {{"shape", shape.name},
          {"mode", mode},
          {"threads", threads},
          {"steps", times.size()},
          {"minimum_ms", times.front()},
          {"median_ms", times[times.size() / 2]},
          {"minimum_cpu_ms", cpu},
          {"peak_mib", nullptr}};
}

/// {"shapes": names or absent, "threads": [1, 2], "steps": 15, "warm_up": 3, "data": folder or absent,
/// "describe": only say what the shapes are}
Json bench(const Json& request, core::OperationContext& context) {
  const auto wanted = request.value("shapes", std::vector<std::string>{});
  const auto threads = request.value("threads", std::vector<int>{1});
  const auto steps = request.value("steps", std::size_t{15});
  const auto warm_up = request.value("warm_up", std::size_t{3});
  const int before = at::get_num_threads();
  Json document = {{"schema", "discreet.bench/1"}, {"libtorch", TORCH_VERSION},
                   {"shapes", Json::array()}, {"results", Json::array()}};
  const auto known = bench_shapes(request.value("data", ""));
  for (const std::string& name : wanted) {
    if (std::none_of(known.begin(), known.end(), [&](const auto& s) { return s.name == name; })) {
      std::string names;
      for (const auto& shape : known) names += (names.empty() ? "" : ", ") + shape.name;
      throw usage_error("no benchmark shape is called '" + name + "'", "Known: " + names);
    }
  }
  for (const BenchShape& shape : known) {
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), shape.name) == wanted.end()) continue;
    document["shapes"].push_back(describe(shape));
    if (request.value("describe", false)) continue;
    for (const int count : threads) {
      if (context.stopping()) break;
      at::set_num_threads(count);
      const double ordinary_peak = peak_of(shape, false, count);
      const double private_peak = peak_of(shape, true, count);
      // Turn by turn, so that a busy neighbour slows both alike.
      BenchRun ordinary = make_run(shape, false, count), with_privacy = make_run(shape, true, count);
      for (std::size_t i = 0; i < warm_up + steps; ++i) {
        ordinary.run();
        with_privacy.run();
      }
      Json first = result_of(shape, "ordinary", count, ordinary, warm_up);
      Json second = result_of(shape, "private", count, with_privacy, warm_up);
      first["peak_mib"] = ordinary_peak;
      second["peak_mib"] = private_peak;
      for (const Json& result : {first, second}) {
        document["results"].push_back(result);
        if (context.emit) context.emit(result);
      }
    }
  }
  at::set_num_threads(before);
  return document;
}

}  // namespace
}  // namespace app

void register_operation_bench(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "bench",
                .summary = "Times ordinary and private training steps, turn by turn.",
                .reference = "",
                .fields = {},
                .make = static_cast<core::Operation>(app::bench)});
}

}  // namespace discreet
