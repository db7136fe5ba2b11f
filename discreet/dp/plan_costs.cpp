#include "discreet/dp/plan_costs.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <vector>

#include "discreet/dp/internal/kernels.h"
#include "discreet/dp/internal/outer_products.h"

namespace discreet::dp {
namespace {

/// Best of five, nanoseconds for each of `operations`.
template <class Body>
double nanoseconds_each(double operations, const Body& body) {
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 5; ++i) {
    const auto started = std::chrono::steady_clock::now();
    body();
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - started;
    best = std::min(best, took.count());
  }
  return best / operations;
}

}  // namespace

PlanCosts assumed_plan_costs() {
  return {internal::kPairCost, internal::kProductCost, internal::kKeptCost};
}

PlanCosts measured_plan_costs() {
  const at::NoGradGuard no_grad;
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  // A layer of 256 to 512 on 8 segments of 64 rows: rows and tiles out of the second cache.
  constexpr std::int64_t kSegments = 8, kRows = 64, kIn = 256, kOut = 512;
  const at::Tensor x = at::rand({kSegments * kRows, kIn}), dy = at::rand({kSegments * kRows, kOut});
  using internal::RowMatrix;
  const std::vector<RowMatrix<float>> inputs{{x.const_data_ptr<float>(), kIn}};
  const RowMatrix<float> gradient{dy.const_data_ptr<float>(), kOut};
  double sink = 0;
  PlanCosts costs{};
  const double pairs = kSegments * kRows * (kRows + 3) / 2.0;
  costs.pair = nanoseconds_each(pairs * (kIn + kOut), [&] {
    for (std::int64_t s = 0; s < kSegments; ++s) {
      sink += internal::pair_products(std::span<const RowMatrix<float>>(inputs), gradient, s * kRows,
                                      kRows, 1).sum;
    }
  });
  // Every plan makes one weighted product at least; what others do on top is their cost.
  constexpr double kProducts = 1.0 * kSegments * kRows * kIn * kOut, kValues = 1.0 * kSegments * kIn * kOut;
  at::Tensor tile = at::empty({kOut, kIn}), kept = at::empty({kSegments, kOut, kIn});
  at::Tensor sum = at::zeros({kOut, kIn});
  const auto instantiate = [&](std::int64_t s, at::Tensor out) {
    at::mm_out(out, dy.narrow(0, s * kRows, kRows).t(), x.narrow(0, s * kRows, kRows));
  };
  const auto values = [&](const at::Tensor& tensor) {
    return std::span<const float>(tensor.const_data_ptr<float>(), static_cast<std::size_t>(kOut * kIn));
  };
  costs.product = nanoseconds_each(kProducts, [&] {
    for (std::int64_t s = 0; s < kSegments; ++s) instantiate(s, tile);
  });
  const double all = nanoseconds_each(kValues, [&] {
    for (std::int64_t s = 0; s < kSegments; ++s) {
      instantiate(s, kept.select(0, s));
      sink += internal::squared_norm(values(kept.select(0, s)));
    }
    for (std::int64_t s = 0; s < kSegments; ++s) {
      internal::add_scaled(values(kept.select(0, s)), 0.5, sum.data_ptr<float>());
    }
  });
  costs.kept = all - costs.product * kRows;
  at::set_num_threads(threads);
  if (sink < 0) costs.kept = 0;  // never; the sums must not be optimised away
  return costs;
}

}  // namespace discreet::dp
