// The noisy update: what reaches the parameters, whatever threads, blocks and sparse rows do below.
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>

#include "discreet/dp/plan.h"
#include "discreet/nn/layers/embedding.h"
#include "tensor_registry.h"

namespace discreet::dp {
namespace {

constexpr std::int64_t kRows = 300, kTableWidth = 40;  // No multiple of a block or a group of normals.
constexpr double kRate = 0.5, kSigmas = 5.33;
// A row's mean square over its expectation: 40 squares leave these bounds with a chance of 1e-9
// (Chernoff's bound on chi square).
constexpr double kRowLeast = 0.1, kRowMost = 3.2;

/// A table of which few rows are used, and weights without a use of their own.
struct Fixture {
  nn::OptimizerKind kind = nn::OptimizerKind::kSgd;
  double noise_multiplier = 1;
  std::unique_ptr<privacy::NoiseSource> noise;
  bool dense = false;

  at::Tensor table, released;
  std::unique_ptr<nn::Optimizer> optimizer;

  Fixture() {
    tensor_registry();
    table = at::linspace(-1, 1, kRows * kTableWidth).reshape({kRows, kTableWidth}).set_requires_grad(true);
    optimizer = std::make_unique<nn::Optimizer>(nn::NamedTensors{{"table", table}},
                                                nn::OptimizerOptions{.kind = kind});
  }

  std::unique_ptr<PrivatePlan> plan() {
    return std::make_unique<PrivatePlan>(
        PrivacyOptions{.units = 8, .expected_batch_size = 4, .steps = 10, .clip_norm = 1.5,
                       .noise_multiplier = noise_multiplier, .insecure_seed = 9},
        nullptr, std::move(noise));
  }

  /// The clipped sum of two examples that use words 0, 3, 3 and 299, 3, in one step or two parts.
  ClippedSum clipped(SegmentClipper& clipper, int parts) const {
    const at::Tensor ids = at::tensor(std::vector<std::int64_t>{0, 3, 3, 299, 3});
    const auto part = [&](std::int64_t first, std::int64_t last, std::vector<std::int64_t> offsets) {
      auto segments = std::make_shared<nn::Segments>();
      segments->offsets = std::move(offsets);
      clipper.begin(segments->count());
      nn::RecordingScope scope(clipper);
      const at::Tensor y = nn::embedding(ids.narrow(0, first, last - first), table, segments);
      const at::Tensor weights = at::linspace(1, 2, 5 * kTableWidth).reshape({5, kTableWidth});
      (y * weights.narrow(0, first, last - first)).sum().backward();
      clipper.finish();
    };
    if (parts == 1) {
      part(0, 5, {0, 3, 5});
    } else {
      part(0, 3, {0, 3});
      part(3, 5, {0, 2});
    }
    return clipper.take();
  }

  /// The table after one step from its start.
  at::Tensor step(bool empty = false, int parts = 1) {
    const auto plan_ = plan();
    const auto clipper = plan_->make_clipper(optimizer->parameters());
    ClippedSum sum = empty ? clipper->take() : clipped(*clipper, parts);
    plan_->begin_step(0);
    plan_->update(sum, *optimizer, kRate);
    clipper->recycle(std::move(sum));
    return table.detach().clone();
  }

  /// What the optimiser would be fed: the noisy mean gradient from the dense path.
  at::Tensor stepped_by_release() {
    const auto plan_ = plan();
    const auto clipper = plan_->make_clipper(optimizer->parameters());
    ClippedSum sum = clipped(*clipper, 1);
    plan_->begin_step(0);
    optimizer->step(plan_->release(sum), kRate);
    return table.detach().clone();
  }
};

const std::vector<nn::OptimizerKind> kKinds{nn::OptimizerKind::kSgd, nn::OptimizerKind::kMomentum,
                                            nn::OptimizerKind::kAdam, nn::OptimizerKind::kAdamW};

TEST(NoisyUpdate, IsTheReleasedSumFedToTheOptimiser) {
  for (const nn::OptimizerKind kind : kKinds) {
    for (const double multiplier : {0.0, 1.0}) {
      const auto make = [&] {
        Fixture fixture;
        fixture.noise_multiplier = multiplier;
        fixture.optimizer = std::make_unique<nn::Optimizer>(
            nn::NamedTensors{{"table", fixture.table}}, nn::OptimizerOptions{.kind = kind});
        return fixture;
      };
      Fixture fused = make(), whole = make();
      const at::Tensor difference = fused.step() - whole.stepped_by_release();
      EXPECT_LE(difference.abs().max().item<double>(), 2e-6) << nn::optimizer_name(kind);
    }
  }
}

TEST(NoisyUpdate, ThreadsAndPhysicalPartsChangeNothing) {
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  Fixture one;
  const at::Tensor expected = one.step();
  for (const int threads : {2, 3}) {
    at::set_num_threads(threads);
    Fixture fixture;
    EXPECT_TRUE(at::equal(fixture.step(), expected)) << threads;
  }
  at::set_num_threads(before);
  Fixture two_parts;
  EXPECT_TRUE(at::equal(two_parts.step(false, 2), expected));
}

TEST(NoisyUpdate, EveryRowOfATableGetsNoiseAndUsedRowsTheirGradientBesides) {
  for (const bool empty : {true, false}) {
    Fixture with, without;
    without.noise_multiplier = 0;
    const at::Tensor start = with.table.detach().clone();
    const at::Tensor noise = with.step(empty) - without.step(empty);
    const double deviation = kRate * 1.5 / 4;
    const at::Tensor per_row = (noise.to(at::kDouble) / deviation).square().mean(1);
    EXPECT_LE(per_row.max().item<double>(), kRowMost) << "empty " << empty;
    EXPECT_GE(per_row.min().item<double>(), kRowLeast) << "empty " << empty;
    const double all = per_row.mean().item<double>();
    EXPECT_NEAR(all, 1, kSigmas * std::sqrt(2.0 / (kRows * kTableWidth)));
    const at::Tensor moved = (without.table.detach() - start).abs().sum(1);
    EXPECT_EQ(at::count_nonzero(moved).item<std::int64_t>(), empty ? 0 : 3);
  }
}

TEST(NoisyUpdate, DenseAndSparseSumsMeet) {
  at::Tensor buffer = at::empty({6, 3});
  GradientSink sink(buffer);
  std::vector<std::int64_t> places;
  const std::vector<std::int64_t> ids{5, 2, 5};
  std::vector<float> scratch(18);
  EXPECT_EQ(sink.part(0, 18, scratch.data()), nullptr);
  at::Tensor& rows = sink.rows(ids, places);
  for (std::size_t i = 0; i < ids.size(); ++i) rows[places[i]].add_(static_cast<double>(i + 1));
  EXPECT_EQ(sink.part(0, 6, scratch.data()), nullptr) << "rows 0 and 1 were not touched";
  const float* part = sink.part(4, 10, scratch.data());
  ASSERT_NE(part, nullptr);
  EXPECT_EQ(std::vector<float>(part, part + 10), (std::vector<float>{0, 0, 2, 2, 2, 0, 0, 0, 0, 0}));
  sink.add_product(at::ones({2, 6}), at::ones({2, 3}));
  at::Tensor expected = at::full({6, 3}, 2.0);
  expected[5].add_(4.0);
  expected[2].add_(2.0);
  EXPECT_TRUE(at::equal(sink.sum(), expected));
  sink.rows(ids, places)[places[1]].add_(1.0);
  expected[2].add_(1.0);
  EXPECT_TRUE(at::equal(sink.sum(), expected));
  sink.reset();
  EXPECT_EQ(sink.part(0, 18, scratch.data()), nullptr);
  sink.rows(ids, places);
  EXPECT_EQ(at::count_nonzero(sink.sum()).item<std::int64_t>(), 0) << "rows are zero when new";
}

TEST(NoisyUpdate, ManyRowsGrowTheSums) {
  GradientSink sink(at::empty({1000, 2}));
  std::vector<std::int64_t> places, ids(700);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int64_t>((i * 37) % 1000);
  for (int round = 0; round < 2; ++round) {
    at::Tensor& rows = sink.rows(ids, places);
    for (std::size_t i = 0; i < ids.size(); ++i) rows[places[i]].add_(static_cast<double>(ids[i]));
  }
  const at::Tensor sum = sink.sum();
  for (const std::int64_t id : ids) ASSERT_EQ(sum[id][1].item<double>(), 2.0 * static_cast<double>(id));
  EXPECT_EQ(at::count_nonzero(sum).item<std::int64_t>(), 2 * 699);
}

// ---- planted faults: the checks above must see them ------------------------------------------------

/// The noise of an empty step against the plan's size: the whole table's mean square, in standard
/// deviations from 1, and the least row's.
struct Size {
  double sigmas, least_row;
};
Size size_of(std::unique_ptr<privacy::NoiseSource> noise) {
  Fixture fixture;
  fixture.noise = std::move(noise);
  const at::Tensor start = fixture.table.detach().clone();
  const at::Tensor change = (fixture.step(true) - start).to(at::kDouble) / (kRate * 1.5 / 4);
  const at::Tensor per_row = change.square().mean(1);
  return {(per_row.mean().item<double>() - 1) / std::sqrt(2.0 / (kRows * kTableWidth)),
          per_row.min().item<double>()};
}

struct Planted : privacy::NoiseSource {
  privacy::InsecureNoise inner{4, "planted"};
  void begin_step(std::uint64_t step) override { inner.begin_step(step); }
  void add_gaussian(std::span<float> values, double std) override { inner.add_gaussian(values, std); }
  void add_gaussian(std::span<double> values, double std) override { inner.add_gaussian(values, std); }
  bool secure() const override { return false; }
};

struct OncePerPart final : Planted {
  void add_gaussian(std::span<float> values, double std) override {
    inner.add_gaussian(values, std);
    inner.add_gaussian(values, std);
  }
};

/// Two ranks that each add their share of the variance, from one key.
struct SharedByRanks final : Planted {
  privacy::InsecureNoise other{4, "planted"};
  void begin_step(std::uint64_t step) override {
    inner.begin_step(step);
    other.begin_step(step);
  }
  void add_gaussian(std::span<float> values, double std) override {
    inner.add_gaussian(values, std / std::sqrt(2.0));
    other.add_gaussian(values, std / std::sqrt(2.0));
  }
};

/// Noise only where there is something to hide: a row without a gradient stays as it is.
struct MissingInRows final : Planted {
  std::int64_t seen = 0;
  void add_gaussian(std::span<float> values, double std) override {
    const std::vector<float> before(values.begin(), values.end());
    inner.add_gaussian(values, std);
    for (std::size_t i = 0; i < values.size(); ++i, ++seen) {
      if (seen / kTableWidth == 123) values[i] = before[i];
    }
  }
};

TEST(NoisyUpdatePlanted, ARightSourcePasses) {
  const Size size = size_of(std::make_unique<Planted>());
  EXPECT_LE(std::abs(size.sigmas), kSigmas);
  EXPECT_GE(size.least_row, kRowLeast);
}

TEST(NoisyUpdatePlanted, NoiseOncePerPartIsSeen) {
  EXPECT_GT(size_of(std::make_unique<OncePerPart>()).sigmas, kSigmas);
}

TEST(NoisyUpdatePlanted, NoiseSharedByRanksIsSeen) {
  EXPECT_GT(size_of(std::make_unique<SharedByRanks>()).sigmas, kSigmas);
}

TEST(NoisyUpdatePlanted, ARowWithoutNoiseIsSeen) {
  EXPECT_LT(size_of(std::make_unique<MissingInRows>()).least_row, kRowLeast);
}

}  // namespace
}  // namespace discreet::dp
