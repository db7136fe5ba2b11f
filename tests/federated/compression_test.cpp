#include <gtest/gtest.h>

#include <cmath>

#include "discreet/core/registry.h"
#include "discreet/federated/compression.h"

namespace discreet::federated {
namespace {

TEST(TopK, ErrorFeedbackReferenceValues) {
  const auto top = make_compressor("top-k", {.share = 0.25});
  core::ReproducibleRng rng(1);
  std::vector<float> memory, update = {3, 1, -2, 0.5f};
  EXPECT_EQ(top->apply(update, memory, rng), 8);
  EXPECT_EQ(update, (std::vector<float>{3, 0, 0, 0}));
  EXPECT_EQ(memory, (std::vector<float>{0, 1, -2, 0.5f}));
  update = {0, 1, 0.5f, 0.25f};
  top->apply(update, memory, rng);
  EXPECT_EQ(update, (std::vector<float>{0, 2, 0, 0}));
  EXPECT_EQ(memory, (std::vector<float>{0, 0, -1.5f, 0.75f}));
  EXPECT_TRUE(top->reveals_support());
  EXPECT_FALSE(top->has_own_scale());
  std::vector<float> none, tied = {1, -1, 1, 1};
  top->apply(tied, none, rng);
  EXPECT_EQ(tied, (std::vector<float>{1, 0, 0, 0}));  // ties go to the lower index
}

TEST(Compressors, UnbiasedOnesAreRightOnAverage) {
  const std::vector<float> update = {0.3f, -1.2f, 0, 2.5f, -0.01f, 0.7f, 0.1f};
  for (const auto* entry : core::registry().list("compression")) {
    const auto compressor = make_compressor(entry->name, {.share = 0.4, .levels = 4, .block = 4});
    if (!compressor->is_unbiased()) continue;
    constexpr int kSeeds = 10000;
    std::vector<double> mean(update.size(), 0.0), square(update.size(), 0.0);
    for (int s = 0; s < kSeeds; ++s) {
      core::ReproducibleRng rng(static_cast<std::uint64_t>(s), "compress");
      std::vector<float> sent = update, memory;
      EXPECT_GT(compressor->apply(sent, memory, rng), 0);
      for (std::size_t i = 0; i < sent.size(); ++i) {
        mean[i] += sent[i] / kSeeds;
        square[i] += double(sent[i]) * sent[i] / kSeeds;
      }
    }
    for (std::size_t i = 0; i < update.size(); ++i) {
      const double error = std::sqrt(std::max(0.0, square[i] - mean[i] * mean[i]) / kSeeds);
      EXPECT_NEAR(mean[i], update[i], 5 * error + 1e-6) << entry->name << " " << i;
    }
  }
}

TEST(Qsgd, VarianceStaysBelowItsBound) {
  core::ReproducibleRng rng(4, "qsgd");
  constexpr std::size_t kSize = 256;
  std::vector<float> update(kSize);
  double norm = 0;
  for (float& value : update) {
    value = static_cast<float>(rng.normal());
    norm += double(value) * value;
  }
  const auto qsgd = make_compressor("qsgd", {.levels = 8});
  double error = 0;
  for (int r = 0; r < 200; ++r) {
    std::vector<float> sent = update, memory;
    EXPECT_EQ(qsgd->apply(sent, memory, rng), (kSize * 5 + 7) / 8 + 4);
    for (std::size_t i = 0; i < kSize; ++i) error += std::pow(double(sent[i]) - update[i], 2) / 200;
  }
  EXPECT_LE(error, std::min(kSize / 64.0, std::sqrt(double(kSize)) / 8) * norm);
  EXPECT_GT(error, 0);
}

TEST(Int8, RotationSpreadsAnOutlier) {
  std::vector<float> update(1000, 0.01f);
  update[17] = 100;
  const auto error = [&](bool rotate) {
    const auto int8 = make_compressor("int8", {.rotate = rotate, .block = 1 << 20});
    core::ReproducibleRng rng(2, "int8");
    std::vector<float> sent = update, memory;
    EXPECT_EQ(int8->apply(sent, memory, rng), rotate ? 1024 + 4 + 8 : 1000 + 4);
    double sum = 0;
    for (std::size_t i = 0; i < sent.size(); ++i) sum += std::pow(double(sent[i]) - update[i], 2);
    return sum;
  };
  EXPECT_LT(error(true), error(false));
}

TEST(Hadamard, IsItsOwnInverse) {
  std::vector<float> values = {1, 2, 3, 4, -5, 6, 0, 8};
  const std::vector<float> before = values;
  hadamard(values);
  EXPECT_NEAR(values[0], 19 / std::sqrt(8.0), 1e-5);
  hadamard(values);
  for (std::size_t i = 0; i < 8; ++i) EXPECT_NEAR(values[i], before[i], 1e-5);
}

TEST(Levels, ReferenceValues) {
  core::ReproducibleRng rng(1);
  constexpr std::int64_t kLevels = 1 << 22;
  const std::vector<std::pair<double, std::int64_t>> exact = {{-9, 0}, {-8, 0}, {0, 2097152}, {1.5, 2490368}, {8, 4194304}};
  for (const auto& [x, level] : exact) EXPECT_EQ(to_level(x, 8, kLevels, rng), level);
  EXPECT_EQ(from_level_sum(2490368 + 2097152, 8, kLevels, 2), 1.5);
}

}  // namespace
}  // namespace discreet::federated
