#include "discreet/nn/token_batches.h"

#include <gtest/gtest.h>

#include "discreet/core/random.h"

namespace discreet::nn {
namespace {

TEST(TokenBatches, TakeAsManyExamplesAsFitAndAlwaysOne) {
  const std::vector<std::int64_t> offsets = {0, 3, 5, 5, 12, 13};
  EXPECT_EQ(batch_end(offsets, 0, 5), 3);   // the empty example costs nothing
  EXPECT_EQ(batch_end(offsets, 0, 4), 1);
  EXPECT_EQ(batch_end(offsets, 3, 4), 4);   // longer than the limit, and alone
  EXPECT_EQ(batch_end(offsets, 0, 100), 5);
  EXPECT_EQ(batch_end(offsets, 0, 100, 2), 2);
  EXPECT_EQ(batch_end(offsets, 4, 1), 5);
  EXPECT_EQ(consecutive(2, 5), (std::vector<std::int64_t>{2, 3, 4}));
  EXPECT_TRUE(consecutive(2, 2).empty());
}

TEST(TokenBatches, BatchesCoverAllExamplesWithinTheLimitAndNoneCouldTakeTheNext) {
  core::ReproducibleRng rng(5);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::int64_t> offsets = {0};
    const auto examples = 1 + rng.below(20);
    for (std::uint64_t i = 0; i < examples; ++i) offsets.push_back(offsets.back() + static_cast<std::int64_t>(rng.below(9)));
    const auto most_tokens = static_cast<std::int64_t>(rng.below(20));
    const auto most_examples = static_cast<std::int64_t>(1 + rng.below(6));
    const auto size = static_cast<std::int64_t>(examples);
    for (std::int64_t begin = 0, end = 0; begin < size; begin = end) {
      end = batch_end(offsets, begin, most_tokens, most_examples);
      const auto tokens = [&](std::int64_t until) { return offsets[static_cast<std::size_t>(until)] - offsets[static_cast<std::size_t>(begin)]; };
      ASSERT_GT(end, begin);
      ASSERT_LE(end, size);
      ASSERT_TRUE(end == begin + 1 || (tokens(end) <= most_tokens && end - begin <= most_examples));
      ASSERT_TRUE(end == size || end - begin == most_examples || tokens(end + 1) > most_tokens);
    }
  }
}

}  // namespace
}  // namespace discreet::nn
