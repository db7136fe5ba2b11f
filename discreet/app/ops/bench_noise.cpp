#include <ATen/Parallel.h>

#include "discreet/core/operation.h"
#include "discreet/core/registry.h"
#include "discreet/dp/plan.h"
#include "discreet/nn/optimizer.h"
#include "discreet/privacy/noise_speed.h"

namespace discreet {
namespace app {
namespace {

constexpr std::int64_t kParameters = 1 << 20;

Json kernel_results(int repeats) {
  Json results = Json::array();
  for (const privacy::NoiseSpeed& speed : privacy::noise_speeds(repeats)) {
    results.push_back({{"instructions", speed.instructions},
                       {"cipher", speed.cipher},
                       {"plain_ns", speed.plain_ns},
                       {"grid_ns", speed.grid_ns},
                       {"words_ns", speed.words_ns}});
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
  return privacy::least_ns(repeats, static_cast<double>(kParameters), [&](int step) {
    plan.begin_step(static_cast<std::uint64_t>(step));
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
