// What the engine does with plain arrays: sums over parts, runs, kept examples, rounds in time.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "discreet/federated/compression.h"
#include "discreet/federated/fixed_point.h"
#include "discreet/federated/storage.h"

namespace discreet::federated {
namespace {

TEST(FixedPointPieces, EqualTheWholeInAnyOrderAndEmptyAfterwards) {
  core::ReproducibleRng rng(2, "pieces");
  std::vector<float> start(1000), own(1000), difference(1000, 0.0F);
  for (std::size_t i = 0; i < own.size(); ++i) {
    start[i] = static_cast<float>(rng.normal());
    own[i] = start[i] + static_cast<float>(rng.normal());
  }
  const std::vector<FlatRange> parts = {{10, 41}, {500, 501}, {904, 1000}};
  UpdateMeter meter;
  std::vector<FlatPiece> pieces;
  double squares = 0, largest = 0;
  for (const std::size_t p : {2u, 0u, 1u}) {
    const std::size_t begin = parts[p].begin, size = parts[p].end - begin;
    for (std::size_t i = begin; i < begin + size; ++i) {
      difference[i] = own[i] - start[i];
      squares += double(difference[i]) * difference[i];
      largest = std::max(largest, std::abs(double(difference[i])));
    }
    meter.subtract({own.data() + begin, size}, start.data() + begin);
    pieces.push_back({begin, size, own.data() + begin});
  }
  for (std::size_t i = 10; i < 41; ++i) ASSERT_EQ(own[i], difference[i]);
  EXPECT_NEAR(meter.squared_norm(), squares, 1e-9 * squares);
  EXPECT_EQ(double(meter.largest()), largest);
  for (const double factor : {1.0, 0.37, 3000.0}) {
    FixedPointSum whole(1000, 4), sum(1000, 4), other(1000, 4);
    ASSERT_TRUE(whole.add(difference, factor));
    ASSERT_TRUE(other.add(pieces, factor, meter.largest()));
    sum.take(other);
    EXPECT_EQ(other.values(), std::vector<double>(1000, 0.0));
    EXPECT_EQ(sum.terms(), 1);
    std::vector<double> values(1000);
    sum.take_values(values);
    EXPECT_EQ(values, whole.values());
    EXPECT_EQ(sum.values(), std::vector<double>(1000, 0.0));
    sum.reset(2);
    ASSERT_TRUE(sum.add(pieces, factor, meter.largest()));
    EXPECT_EQ(sum.values(), values);
  }
}

TEST(FixedPointPieces, RefuseWhatIsNotFiniteOrTooLarge) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 1e20F}) {
    for (const std::size_t at : {0u, 7u, 8u, 12u}) {
      std::vector<float> own(13, 1.0F);
      own[at] = bad;
      const std::vector<float> start(13, 0.5F);
      UpdateMeter meter;
      meter.subtract(own, start.data());
      const FlatPiece piece{3, own.size(), own.data()};
      FixedPointSum sum(20, 4);
      EXPECT_FALSE(sum.add({&piece, 1}, 1, meter.largest())) << bad << " at " << at;
      EXPECT_EQ(sum.terms(), 0);
      EXPECT_EQ(sum.values(), std::vector<double>(20, 0.0));
    }
  }
}

TEST(FixedPointParts, EqualTheWholeAndRoundAsLlrintDoes) {
  core::ReproducibleRng rng(1, "parts");
  std::vector<float> values(1000, 0.0F);
  const std::vector<FlatRange> parts = {{10, 40}, {500, 501}, {900, 1000}};
  for (const FlatRange& part : parts) {
    for (std::size_t i = part.begin; i < part.end; ++i) values[i] = static_cast<float>(rng.normal());
  }
  for (const double factor : {1.0, 0.37, 3000.0}) {  // the last leaves the fast way of rounding
    FixedPointSum whole(1000, 4), part(1000, 4);
    ASSERT_TRUE(whole.add(values, factor));
    ASSERT_TRUE(part.add(values, factor, parts));
    EXPECT_EQ(whole.values(), part.values());
    const double scale = std::ldexp(1.0, 40);
    for (std::size_t i = 0; i < values.size(); ++i) {
      ASSERT_EQ(whole.values()[i], double(std::llrint(double(values[i]) * (factor * scale))) / scale);
    }
  }
  // Ties go to the even number, as llrint's do.
  FixedPointSum ties(2, 1, 0);
  ASSERT_TRUE(ties.add(std::vector<float>{0.5F, 1.5F}, 1));
  EXPECT_EQ(ties.values(), (std::vector<double>{0, 2}));
}

TEST(FixedPointParts, RefuseWhatIsNotFiniteAndBeginAnew) {
  FixedPointSum sum(4, 2);
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinite = std::numeric_limits<float>::infinity();
  for (const float bad : {nan, infinite, 1e30F}) {
    EXPECT_FALSE(sum.add(std::vector<float>{1, bad, 1, 1}, 1));
  }
  EXPECT_FALSE(sum.add(std::vector<float>{1, nan, 1, 1}, 0));
  EXPECT_FALSE(sum.add(std::vector<float>{1, infinite, 1, 1}, 0));
  EXPECT_EQ(sum.terms(), 0);
  ASSERT_TRUE(sum.add(std::vector<float>{1, 2, 3, 4}, 1));
  sum.reset(5);
  EXPECT_EQ(sum.terms(), 0);
  EXPECT_EQ(sum.values(), (std::vector<double>{0, 0, 0, 0}));
}

TEST(Runs, CountBytesOfWhatChanged) {
  const auto compressor = make_compressor("runs");
  core::ReproducibleRng rng(1, "runs");
  std::vector<float> memory, update(100, 0.0F);
  EXPECT_EQ(compressor->apply(update, memory, rng), 0);
  for (std::size_t i = 20; i < 30; ++i) update[i] = 1;  // a run of ten
  update[70] = 1;                                        // and one alone
  const std::vector<float> before = update;
  EXPECT_EQ(compressor->apply(update, memory, rng), 8 + 40 + 8 + 4);
  EXPECT_EQ(update, before);
  update[32] = 1;  // a gap of two zeros is cheaper sent than cut
  EXPECT_EQ(compressor->apply(update, memory, rng), 8 + 4 * 13 + 8 + 4);
  const std::vector<FlatRange> parts = {{20, 33}, {70, 71}};
  EXPECT_EQ(compressor->apply_parts(update, parts, memory, rng), 8 + 4 * 13 + 8 + 4);
  std::vector<FlatPiece> pieces;  // the same in another order
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    pieces.push_back({part->begin, part->end - part->begin, update.data() + part->begin});
  }
  EXPECT_EQ(compressor->bytes_unchanged(update.size(), pieces), 8 + 4 * 13 + 8 + 4);
  EXPECT_TRUE(compressor->reveals_support());
}

TEST(Replay, KeepsWhatHasTheMeanOfAll) {
  // Two groups of gradients: kept examples must stand for both.
  std::vector<float> rows;
  for (int i = 0; i < 6; ++i) rows.insert(rows.end(), {i < 4 ? 1.0F : -2.0F, 0.01F * float(i)});
  const auto kept = nearest_mean(rows, 2, 3);
  ASSERT_EQ(kept.size(), 3u);
  EXPECT_EQ(std::count_if(kept.begin(), kept.end(), [](std::size_t k) { return k < 4; }), 2);
  EXPECT_EQ(nearest_mean(rows, 2, 10).size(), 6u);
  EXPECT_TRUE(nearest_mean({}, 2, 3).empty());
}

TEST(Replay, ForgetsAtTheEndOfThePeriodForGood) {
  DeviceStore store(parse_storage("replay:2"), 1, "0");
  store.arrive(1, {5, 6, 7});
  EXPECT_EQ(store.count(), 3);
  EXPECT_TRUE(store.is_over_full());
  store.end_period([](const std::vector<std::int64_t>& items, std::size_t keep) {
    EXPECT_EQ(items, (std::vector<std::int64_t>{5, 6, 7}));
    EXPECT_EQ(keep, 2u);
    return std::vector<std::size_t>{2, 0};
  });
  EXPECT_EQ(store.items(), (std::vector<std::int64_t>{5, 7}));
  store.arrive(2, {8});
  EXPECT_EQ(store.items(), (std::vector<std::int64_t>{5, 7, 8}));  // 6 never comes back
  DeviceStore again(parse_storage("replay:2"), 1, "0");
  again.restore(store.held());
  EXPECT_EQ(again.items(), store.items());
  DeviceStore all(parse_storage("keep-all"), 1, "0");
  all.arrive(1, {1, 2, 3});
  EXPECT_FALSE(all.is_over_full());
}

}  // namespace
}  // namespace discreet::federated
