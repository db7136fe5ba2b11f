#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/headeronly/version.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>

#include "discreet/app/ops/internal/device.h"
#include "discreet/core/operation.h"
#include "discreet/core/registry.h"
#include "discreet/dp/plan_costs.h"
#include "discreet/nn/distributed/process_group.h"
#include "discreet/nn/torch.h"
#include "discreet/nn/vector_dispatch.h"

namespace discreet {
namespace app {
namespace {

/// Best rate of a float32 matrix product in about `seconds`, the first product left out.
///
/// Cost: three 1024 x 1024 matrices.
double product_gflops(double seconds) {
  constexpr std::int64_t kSize = 1024;
  const at::Tensor a = at::rand({kSize, kSize}), b = at::rand({kSize, kSize});
  at::Tensor c = at::mm(a, b);
  using Clock = std::chrono::steady_clock;
  double best = 0, spent = 0;
  while (spent < seconds) {
    const auto started = Clock::now();
    at::mm_out(c, a, b);
    const double took = std::chrono::duration<double>(Clock::now() - started).count();
    spent += took;
    best = std::max(best, 2.0 * kSize * kSize * kSize / took / 1e9);
  }
  return best;
}

/// On how many threads this library's own loops run: one, if it was built without OpenMP.
int loop_threads() {
  std::atomic<int> parts = 0;
  at::parallel_for(0, at::get_num_threads(), 1, [&](std::int64_t, std::int64_t) { ++parts; });
  return parts;
}

Json costs_json(const dp::PlanCosts& costs) {
  return {{"pair", costs.pair}, {"product", costs.product}, {"kept", costs.kept}};
}

Json doctor_tensors(const Json&, core::OperationContext&) {
  const at::NoGradGuard no_grad;
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const double one = product_gflops(0.2);
  at::set_num_threads(threads);
  const double all = threads > 1 ? product_gflops(0.2) : one;
  const std::string blas = at::hasMKL() ? at::get_mkl_version() : "the BLAS of libtorch, not MKL";
  const char* by = nn::dispatches_by_instructions() ? "instructions" : "vendor";
  return {{"libtorch", TORCH_VERSION},
          {"threads", threads},
          {"loop_threads", loop_threads()},
          {"cpu_capability", at::get_cpu_capability()},
          {"blas", blas},
          {"blas_code_by", at::hasMKL() ? Json(by) : Json()},
          {"gflops_one_thread", one},
          {"gflops", all},
          {"plan_costs_assumed_ns", costs_json(dp::assumed_plan_costs())},
          {"plan_costs_measured_ns", costs_json(dp::measured_plan_costs())},
          {"cuda_devices", static_cast<int>(at::getNumGPUs())},
          {"process_backends", nn::process_backends()}};
}

/// Request {"device": as run.device}, answer the same with its number. Throws as find_device.
Json device_operation(const Json& request, core::OperationContext&) {
  return {{"device", find_device(request.at("device").get<std::string>()).str()}};
}

}  // namespace
}  // namespace app

void register_operation_doctor_tensors(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "doctor_tensors",
                .summary = "libtorch's version, threads and devices, and the speed of its matrix "
                           "product.",
                .make = static_cast<core::Operation>(app::doctor_tensors)});
  registry.add({.kind = "operation",
                .name = "device",
                .summary = "Which device a name means on this machine",
                .make = static_cast<core::Operation>(app::device_operation)});
}

}  // namespace discreet
