#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <fstream>
#include <limits>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/headeronly/version.h>

#include "discreet/app/ops/internal/bench_modes.h"
#include "discreet/app/ops/internal/device.h"
#include "discreet/core/operation.h"
#include "discreet/core/registry.h"
#include "discreet/nn/device.h"
#include "discreet/nn/layers/attention.h"

namespace discreet {
namespace app {
namespace {

struct BenchRequest {
  std::vector<std::string> shapes, modes;
  std::vector<int> threads;
  std::vector<std::int64_t> examples;  // 0: as many as the shape has
  std::size_t steps, warm_up;
  std::string data;
  bool describe, memory;
  at::Device device;
};

/// A mode's run and what its steps took.
struct TimedRun {
  BenchRun run;
  at::Device device = at::kCPU;
  std::vector<double> milliseconds;      // by the clock
  std::vector<double> cpu_milliseconds;  // of this process: what a busy machine does not change
  std::int64_t number = 0;

  void step() {
    run.step->sample(number);  // draws as training does; the batch is in memory
    const auto started = std::chrono::steady_clock::now();
    const std::clock_t cpu_started = std::clock();
    run.step->run(run.batch, 1e-3);
    nn::wait_for(device);
    cpu_milliseconds.push_back(static_cast<double>(std::clock() - cpu_started) * 1e3 / CLOCKS_PER_SEC);
    const auto took = std::chrono::steady_clock::now() - started;
    milliseconds.push_back(std::chrono::duration<double, std::milli>(took).count());
    ++number;
  }
};

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

double peak_of(const BenchShape& shape, const std::string& mode, int threads) {
  peak_mib(true);
  TimedRun timed{make_bench_run(shape, mode, threads)};
  for (int i = 0; i < 3; ++i) timed.step();
  return peak_mib(false);
}

Json result_of(const TimedRun& timed, std::size_t warm_up) {
  const auto skip = static_cast<std::ptrdiff_t>(warm_up);
  std::vector<double> times(timed.milliseconds.begin() + skip, timed.milliseconds.end());
  std::sort(times.begin(), times.end());
  return {{"steps", times.size()},
          {"minimum_ms", times.front()},
          {"median_ms", times[times.size() / 2]},
          {"minimum_cpu_ms", *std::min_element(timed.cpu_milliseconds.begin() + skip,
                                               timed.cpu_milliseconds.end())}};
}

/// Milliseconds of all attention of a step, forward and back, on the shape's packed rows; 0 for kinds that
/// have none.
double attention_milliseconds(const BenchShape& shape, std::size_t repeats, at::Device device) {
  if (shape.spec.kind != "transformer" && shape.spec.kind != "gpt") return 0;
  const nn::EncodedExamples data = bench_examples(shape);
  std::vector<std::int64_t> all(static_cast<std::size_t>(data.size()));
  std::iota(all.begin(), all.end(), 0);
  const nn::PackedBatch batch = nn::to_device(nn::collate(data, all), device);
  const at::Tensor qkv = at::ones({batch.token_count(), 3 * shape.spec.hidden.front()},
                                  at::TensorOptions().device(device)).set_requires_grad(true);
  const nn::AttentionOptions options{shape.spec.heads, 0, shape.spec.kind == "gpt"};
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < repeats + 3; ++i) {
    const auto started = std::chrono::steady_clock::now();
    const at::Tensor y = nn::attention(qkv, batch, options);
    y.backward(at::ones_like(y));
    nn::wait_for(device);
    const auto took = std::chrono::steady_clock::now() - started;
    least = std::min(least, std::chrono::duration<double, std::milli>(took).count());
  }
  return least * static_cast<double>(shape.spec.layers);
}

/// One result per mode; the modes take turns, so that a busy neighbour slows all alike.
std::vector<Json> time_modes(const BenchShape& shape, const BenchRequest& request, int threads) {
  std::vector<double> peaks;
  if (request.memory) {
    for (const std::string& mode : request.modes) peaks.push_back(peak_of(shape, mode, threads));
  }
  std::vector<TimedRun> runs;
  for (const std::string& mode : request.modes) {
    runs.push_back({make_bench_run(shape, mode, threads, request.device), request.device});
  }
  for (std::size_t i = 0; i < request.warm_up + request.steps; ++i) {
    for (TimedRun& run : runs) run.step();
  }
  const double attention = attention_milliseconds(shape, request.steps, request.device);
  std::vector<Json> results;
  for (std::size_t m = 0; m < runs.size(); ++m) {
    Json result = {{"shape", shape.name},
                   {"mode", request.modes[m]},
                   {"examples", shape.lengths.size()},
                   {"threads", threads},
                   {"device", request.device.str()}};
    result.update(result_of(runs[m], request.warm_up));
    result["peak_mib"] = request.memory ? Json(peaks[m]) : Json();
    if (attention > 0) result["attention_share"] = attention / result["minimum_ms"].get<double>();
    results.push_back(std::move(result));
  }
  return results;
}

BenchRequest read_request(const Json& request) {
  const at::Device device = find_device(request.value("device", "cpu"));
  return {.shapes = request.value("shapes", std::vector<std::string>{}),
          .modes = request.value("modes", std::vector<std::string>{"ordinary", "private"}),
          .threads = request.value("threads", std::vector<int>{1}),
          .examples = request.value("examples", std::vector<std::int64_t>{0}),
          .steps = request.value("steps", std::size_t{15}),
          .warm_up = request.value("warm_up", std::size_t{3}),
          .data = request.value("data", ""),
          .describe = request.value("describe", false),
          .memory = request.value("memory", true) && device.is_cpu(),  // of this process, not of a device
          .device = device};
}

std::vector<BenchShape> chosen_shapes(const BenchRequest& request) {
  const auto known = bench_shapes(request.data);
  if (request.shapes.empty()) return known;
  std::vector<BenchShape> chosen;
  for (const std::string& name : request.shapes) {
    const auto shape = std::find_if(known.begin(), known.end(), [&](const auto& s) { return s.name == name; });
    if (shape == known.end()) {
      std::vector<std::string> names;
      for (const auto& s : known) names.push_back(s.name);
      throw usage_error("no benchmark shape is called '" + name + "'",
                        fmt::format("Known: {}", fmt::join(names, ", ")));
    }
    chosen.push_back(*shape);
  }
  return chosen;
}

/// {"shapes": names or absent, "modes": names, "threads": [1, 2], "examples": [n, …] or absent,
/// "steps": 15, "warm_up": 3, "memory": whether to measure it, "data": folder or absent,
/// "device": as run.device, "describe": only say what the shapes are}
Json bench(const Json& document_request, core::OperationContext& context) {
  const BenchRequest request = read_request(document_request);
  const int before = at::get_num_threads();
  Json document = {{"schema", "discreet.bench/1"}, {"libtorch", TORCH_VERSION},
                   {"shapes", Json::array()}, {"results", Json::array()}};
  for (const BenchShape& shape : chosen_shapes(request)) {
    document["shapes"].push_back(describe(shape));
    if (request.describe) continue;
    for (const std::int64_t examples : request.examples) {
      for (const int count : request.threads) {
        if (context.stopping()) break;
        at::set_num_threads(count);
        const BenchShape sized = examples > 0 ? with_examples(shape, examples) : shape;
        for (const Json& result : time_modes(sized, request, count)) {
          document["results"].push_back(result);
        }
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
                .summary = "Times training steps of several modes, turn by turn.",
                .reference = "",
                .fields = {},
                .make = static_cast<core::Operation>(app::bench)});
}

}  // namespace discreet
