#include "discreet/core/random.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <type_traits>

#include "discreet/core/error.h"

namespace discreet::core {
namespace {

using Words = std::array<std::uint32_t, 4>;

/// Salmon et al. 2011, Random123's kat_vectors for philox4x32-10.
TEST(ReproducibleRng, KnownAnswersOfPhilox) {
  const auto words = [](Words counter, std::array<std::uint32_t, 2> key) {
    ReproducibleRng rng(0);
    rng.restore({key, counter, 4});
    const std::uint64_t a = rng(), b = rng();
    return Words{static_cast<std::uint32_t>(a), static_cast<std::uint32_t>(a >> 32),
                 static_cast<std::uint32_t>(b), static_cast<std::uint32_t>(b >> 32)};
  };
  EXPECT_EQ(words({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const std::uint32_t ones = 0xffffffff;
  EXPECT_EQ(words({ones, ones, ones, ones}, {ones, ones}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(words({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(ReproducibleRng, SeedAndStreamDecideAndNothingElse) {
  EXPECT_EQ(ReproducibleRng(1, "a")(), ReproducibleRng(1, "a")());
  std::set<std::uint64_t> first;
  for (const std::uint64_t seed : {0ull, 1ull, 1ull << 32, ~0ull}) {
    for (const char* stream : {"", "a", "b", "ab", "weights", "shuffle"}) {
      first.insert(ReproducibleRng(seed, stream)());
    }
  }
  EXPECT_EQ(first.size(), 24u);
}

TEST(ReproducibleRng, SavedStateGoesOnExactly) {
  for (int drawn = 0; drawn < 9; ++drawn) {
    ReproducibleRng rng(5, "x");
    for (int i = 0; i < drawn; ++i) rng();
    ReproducibleRng other(6);
    other.restore(rng.state());
    for (int i = 0; i < 9; ++i) ASSERT_EQ(rng(), other()) << drawn;
  }
  // Where the low word of the counter has just wrapped around.
  ReproducibleRng rng(5);
  rng.restore({{1, 2}, {0xffffffff, 7, 0, 0}, 4});
  rng();
  ReproducibleRng other(6);
  other.restore(rng.state());
  for (int i = 0; i < 5; ++i) EXPECT_EQ(rng(), other());
}

TEST(ReproducibleRng, BelowStaysBelow) {
  ReproducibleRng rng(3);
  for (const std::uint64_t bound : {1ull, 2ull, 3ull, 10ull, (1ull << 63) + 1, ~0ull}) {
    for (int i = 0; i < 100; ++i) ASSERT_LT(rng.below(bound), bound);
  }
  EXPECT_THROW(rng.below(0), Error);
}

TEST(SecureRng, CannotBeCopiedMovedSeededOrMistakenForTheOther) {
  static_assert(!std::is_copy_constructible_v<SecureRng> &&
                !std::is_move_constructible_v<SecureRng>);
  static_assert(!std::is_copy_assignable_v<SecureRng> && !std::is_move_assignable_v<SecureRng>);
  static_assert(!std::is_constructible_v<SecureRng, std::uint64_t>);
  static_assert(!std::is_convertible_v<ReproducibleRng, SecureRng>);
  static_assert(!std::is_convertible_v<SecureRng, ReproducibleRng>);
  static_assert(!std::is_convertible_v<ReproducibleRng&, SecureRng&>);
}

/// 200,000 words of 64 bits repeat with probability 1e-9.
TEST(SecureRng, NeverRepeats) {
  std::set<std::uint64_t> seen;
  SecureRng a, b;
  for (int i = 0; i < 50000; ++i) {
    seen.insert(a());
    seen.insert(b());
  }
  std::vector<std::uint64_t> filled(50000);
  a.fill(std::as_writable_bytes(std::span(filled)));
  seen.insert(filled.begin(), filled.end());
  a.fill(std::as_writable_bytes(std::span(filled)));
  seen.insert(filled.begin(), filled.end());
  EXPECT_EQ(seen.size(), 200000u);
}

TEST(SecureRng, AForkedChildDrawsItsOwn) {
  SecureRng rng;
  rng();  // leaves a buffer that parent and child share
  int pipe_ends[2];
  ASSERT_EQ(::pipe(pipe_ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const std::uint64_t word = rng();
    ::_exit(::write(pipe_ends[1], &word, sizeof(word)) == sizeof(word) ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  std::uint64_t of_child = 0;
  ASSERT_EQ(::read(pipe_ends[0], &of_child, sizeof(of_child)), 8);
  EXPECT_NE(of_child, rng());
  ::close(pipe_ends[0]);
  ::close(pipe_ends[1]);
}

TEST(Shuffle, KeepsTheItemsAndFollowsTheSeed) {
  const auto shuffled = [](std::uint64_t seed) {
    std::vector<int> items(100);
    for (int i = 0; i < 100; ++i) items[static_cast<std::size_t>(i)] = i;
    ReproducibleRng rng(seed);
    shuffle(std::span(items), rng);
    return items;
  };
  EXPECT_EQ(shuffled(1), shuffled(1));
  EXPECT_NE(shuffled(1), shuffled(2));
  const auto items = shuffled(1);
  EXPECT_EQ(std::set<int>(items.begin(), items.end()).size(), 100u);
}

}  // namespace
}  // namespace discreet::core
