#include <algorithm>
#include <chrono>
#include <vector>

#include <ATen/Parallel.h>

#include "discreet/core/operation.h"
#include "discreet/core/registry.h"
#include "discreet/dp/plan.h"
#include "discreet/nn/optimizer.h"
#include "discreet/privacy/internal/normals.h"

namespace discreet {
namespace app {
namespace {

namespace normals = privacy::internal::normals;

constexpr std::uint64_t kDraws = 16 * privacy::internal::kNormalsPerGroup;  // In the first cache.
constexpr std::int64_t kParameters = 1 << 20;

/// Least nanoseconds per value over `repeats` calls of work(i).
template <class Work>
double least(int repeats, double values, const Work& work) {
  double best = 0;
  for (int i = 0; i < repeats; ++i) {
    const auto started = std::chrono::steady_clock::now();
    work(static_cast<std::uint64_t>(i));
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - started;
    best = i == 0 ? took.count() : std::min(best, took.count());
  }
  return best / values;
}

Json kernel_results(int repeats) {
  Json results = Json::array();
  const std::uint32_t key[8] = {3, 1, 4, 1, 5, 9, 2, 6};
  std::vector<float> in(kDraws, 0.01F), out(kDraws);
  for (const normals::Kernel& kernel : normals::kernels()) {
    const auto time = [&](normals::AddNormals<float> add) {
      return least(repeats, kDraws, [&](std::uint64_t i) {
        add({key, 1, i * (kDraws / 512), in.data(), out.data(), kDraws, 1.0, 0.5});
      });
    };
    std::vector<std::uint64_t> words(512);
    const double bits = least(repeats, 512, [&](std::uint64_t i) {
      kernel.fill_words(key, 1, i, words.data());
    });
    results.push_back({{"instructions", kernel.instructions},
                       {"cipher", kernel.cipher},
                       {"plain_ns", time(kernel.plain_float)},
                       {"grid_ns", time(kernel.grid_float)},
                       {"words_ns", bits}});
  }
  return results;
}

/// The whole update of 2^20 parameters from an empty batch: noise, division, optimiser.
double update_ns(nn::OptimizerKind kind, privacy::NoiseProtection protection, int repeats) {
  dp::PrivatePlan plan({.units = 1000,
                        .expected_batch_size = 10,
                        .steps = 1000,
                        .noise_multiplier = 1.0,
                        .noise_protection = protection});
  nn::Optimizer optimizer({{"w", at::zeros({kParameters})}}, {.kind = kind});
  const auto clipper = plan.make_clipper(optimizer.parameters());
  dp::ClippedSum sum = clipper->take();
  return least(repeats, static_cast<double>(kParameters), [&](std::uint64_t step) {
    plan.begin_step(step);
    plan.update(sum, optimizer, 0.1);
  });
}

/// {"threads": [1, 2], "steps": 15}
Json bench_noise(const Json& request, core::OperationContext& context) {
  const int steps = request.value("steps", 15);
  const int before = at::get_num_threads();
  Json document = {{"schema", "discreet.bench_noise/1"},
                   {"kernels", kernel_results(100 * steps)},
                   {"updates", Json::array()}};
  for (const int threads : request.value("threads", std::vector<int>{1})) {
    at::set_num_threads(threads);
    for (const nn::OptimizerKind kind :
         {nn::OptimizerKind::kSgd, nn::OptimizerKind::kMomentum, nn::OptimizerKind::kAdam}) {
      if (context.stopping()) break;
      document["updates"].push_back(
          {{"optimizer", nn::optimizer_name(kind)},
           {"threads", threads},
           {"plain_ns", update_ns(kind, privacy::NoiseProtection::kNone, steps)},
           {"grid_ns", update_ns(kind, privacy::NoiseProtection::kGrid, steps)}});
    }
  }
  at::set_num_threads(before);
  return document;
}

}  // namespace
}  // namespace app

void register_operation_bench_noise(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "bench-noise",
                .summary = "Times draws of noise by instruction set, and the noisy update.",
                .reference = "",
                .fields = {},
                .make = static_cast<core::Operation>(app::bench_noise)});
}

}  // namespace discreet
