// Every instruction set that this machine has, called by name: bits against the published test vectors
// and OpenSSL, normals against each other, and what reaches the values on the grid.
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/privacy/internal/normals.h"
#include "discreet/privacy/noise.h"

namespace discreet::privacy {
namespace {

namespace normals = internal::normals;
using normals::Kernel;

constexpr std::uint32_t kKey[8] = {9, 8, 7, 6, 5, 4, 3, 2};

std::string name_of(const Kernel& kernel) {
  return std::string(kernel.instructions) + " " + kernel.cipher;
}

/// The kernel of the same cipher with the fewest instructions.
const Kernel& plainest(const Kernel& kernel) {
  const Kernel* found = &kernel;
  for (const Kernel& other : normals::kernels()) {
    if (std::string(other.cipher) == kernel.cipher) found = &other;
  }
  return *found;
}

template <class T>
std::vector<T> noisy(normals::AddNormals<T> add, const std::vector<T>& in, double std,
                     std::uint64_t group, double scale = 1) {
  std::vector<T> out(in.size());
  add({kKey, 42, group, in.data(), out.data(), in.size(), std, scale});
  return out;
}

std::vector<std::uint64_t> words_of(const Kernel& kernel, std::uint64_t nonce, std::uint64_t group) {
  std::vector<std::uint64_t> words(512);
  kernel.fill_words(kKey, nonce, group, words.data());
  return words;
}

// One block, in the plainest form (RFC 8439, section 2.3, with a 64-bit counter and nonce).
std::array<std::uint32_t, 16> plain_chacha(const std::uint32_t* key, std::uint64_t counter,
                                           std::uint64_t nonce) {
  std::array<std::uint32_t, 16> start = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
  for (int i = 0; i < 8; ++i) start[4 + i] = key[i];
  start[12] = static_cast<std::uint32_t>(counter), start[13] = static_cast<std::uint32_t>(counter >> 32);
  start[14] = static_cast<std::uint32_t>(nonce), start[15] = static_cast<std::uint32_t>(nonce >> 32);
  auto x = start;
  const auto quarter = [&x](int a, int b, int c, int d) {
    x[a] += x[b], x[d] = std::rotl(x[d] ^ x[a], 16);
    x[c] += x[d], x[b] = std::rotl(x[b] ^ x[c], 12);
    x[a] += x[b], x[d] = std::rotl(x[d] ^ x[a], 8);
    x[c] += x[d], x[b] = std::rotl(x[b] ^ x[c], 7);
  };
  for (int round = 0; round < 10; ++round) {
    quarter(0, 4, 8, 12), quarter(1, 5, 9, 13), quarter(2, 6, 10, 14), quarter(3, 7, 11, 15);
    quarter(0, 5, 10, 15), quarter(1, 6, 11, 12), quarter(2, 7, 8, 13), quarter(3, 4, 9, 14);
  }
  for (int i = 0; i < 16; ++i) x[i] += start[i];
  return x;
}

TEST(NoiseKernels, ChaCha20IsThePublishedOne) {
  // RFC 8439, section 2.3.2: counter 1 and nonce 00:00:00:09:00:00:00:4a:00:00:00:00.
  std::uint32_t rfc_key[8];
  for (std::uint32_t i = 0; i < 8; ++i) rfc_key[i] = 0x03020100u + 0x04040404u * i;
  const auto rfc = plain_chacha(rfc_key, 0x0900000000000001ull, 0x000000004a000000ull);
  EXPECT_EQ(rfc[0], 0xe4e7f110u);
  EXPECT_EQ(rfc[15], 0x4e3c50a2u);

  const std::uint64_t nonce = (77ull << 32) + 1, group = (1ull << 27) - 1;  // The counter carries.
  // Word w of block b of each run of 16 blocks stands at 16 w + b.
  std::vector<std::uint64_t> expected(512);
  for (std::size_t run = 0; run < 4; ++run) {
    for (std::size_t b = 0; b < 16; ++b) {
      const auto block = plain_chacha(kKey, group * 64 + run * 16 + b, nonce);
      for (std::size_t w = 0; w < 16; ++w) {
        const std::size_t place = run * 256 + 16 * w + b;
        expected[place / 2] |= static_cast<std::uint64_t>(block[w]) << (32 * (place % 2));
      }
    }
  }
  const auto first = plain_chacha(kKey, (1ull << 63) | (16 * 12345), nonce);
  const auto second = plain_chacha(kKey, (1ull << 63) | (16 * 12345 + 1), nonce);
  const std::uint64_t extra = first[0] | (static_cast<std::uint64_t>(second[0]) << 32);
  int tested = 0;
  for (const Kernel& kernel : normals::kernels()) {
    if (std::string(kernel.cipher) != "chacha20") continue;
    EXPECT_EQ(words_of(kernel, nonce, group), expected) << name_of(kernel);
    EXPECT_EQ(kernel.extra_word(kKey, nonce, 12345), extra) << name_of(kernel);
    ++tested;
  }
  EXPECT_GE(tested, 1);
}

/// AES-128 of one block by OpenSSL; the block is (nonce, counter), the lower half first.
std::array<std::uint64_t, 2> openssl_block(const std::uint32_t* key, std::uint64_t nonce,
                                           std::uint64_t counter) {
  const std::uint64_t block[2] = {nonce, counter};
  std::array<std::uint64_t, 2> out{};
  int written = 0;
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  EVP_EncryptInit_ex(context, EVP_aes_128_ecb(), nullptr,
                     reinterpret_cast<const unsigned char*>(key), nullptr);
  EVP_CIPHER_CTX_set_padding(context, 0);
  EVP_EncryptUpdate(context, reinterpret_cast<unsigned char*>(out.data()), &written,
                    reinterpret_cast<const unsigned char*>(block), 16);
  EVP_CIPHER_CTX_free(context);
  EXPECT_EQ(written, 16);
  return out;
}

TEST(NoiseKernels, AesIsThePublishedOneAndOpenSsls) {
  for (const Kernel& kernel : normals::kernels()) {
    if (std::string(kernel.cipher) != "aes128") continue;
    // FIPS 197, appendix C.1: key 00 01 … 0f, block 00 11 … ff, cipher 69c4e0d86a7b0430
    // d8cdb78070b4c55a. A group is 256 counters.
    std::uint32_t key[8] = {};
    for (std::uint32_t i = 0; i < 4; ++i) key[i] = 0x03020100u + 0x04040404u * i;
    const std::uint64_t counter = 0xffeeddccbbaa9988ull;
    std::vector<std::uint64_t> words(512);
    kernel.fill_words(key, 0x7766554433221100ull, counter >> 8, words.data());
    EXPECT_EQ(words[2 * (counter & 0xff)], 0x30047b6ad8e0c469ull) << name_of(kernel);
    EXPECT_EQ(words[2 * (counter & 0xff) + 1], 0x5ac5b47080b7cdd8ull) << name_of(kernel);

    const std::uint64_t nonce = 0x123456789abcdef0ull, group = 98765;
    kernel.fill_words(kKey, nonce, group, words.data());
    for (std::uint64_t block = 0; block < 256; ++block) {
      const auto expected = openssl_block(kKey, nonce, group * 256 + block);
      ASSERT_EQ(words[2 * block], expected[0]) << name_of(kernel);
      ASSERT_EQ(words[2 * block + 1], expected[1]) << name_of(kernel);
    }
    EXPECT_EQ(kernel.extra_word(kKey, nonce, 7), openssl_block(kKey, nonce, (1ull << 63) | 7)[0]);
  }
}

TEST(NoiseKernels, EveryInstructionSetIsAmongThoseThatThisMachineHas) {
  std::set<std::string> names;
  for (const Kernel& kernel : normals::kernels()) names.insert(name_of(kernel));
  EXPECT_EQ(names.size(), normals::kernels().size());
  EXPECT_TRUE(names.count("portable chacha20"));
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
  EXPECT_EQ(names.count("avx512 chacha20") == 1, __builtin_cpu_supports("avx512dq") != 0);
  EXPECT_EQ(names.count("avx2 chacha20") == 1, __builtin_cpu_supports("avx2") != 0);
#endif
  EXPECT_STREQ(normals::common_kernel().cipher, "chacha20");
}

TEST(NoiseKernels, KernelsOfOneCipherGiveTheSameNoise) {
  const std::vector<float> floats(300'003, 0.37f);
  const std::vector<double> doubles(300'003, -4.25);
  for (const Kernel& kernel : normals::kernels()) {
    const Kernel& other = plainest(kernel);
    const auto count_different = [&](const auto& a, const auto& b) {
      std::size_t different = 0;
      for (std::size_t i = 0; i < a.size(); ++i) different += a[i] != b[i];
      return different;
    };
    // A draw within 1e-11 of a boundary between cells may fall on either side.
    EXPECT_LE(count_different(noisy(kernel.grid_float, floats, 1.5, 3),
                              noisy(other.grid_float, floats, 1.5, 3)), 1u) << name_of(kernel);
    EXPECT_LE(count_different(noisy(kernel.grid_double, doubles, 0.3, 3),
                              noisy(other.grid_double, doubles, 0.3, 3)), 1u) << name_of(kernel);
    const auto plain = noisy(kernel.plain_double, doubles, 1.0, 3);
    const auto expected = noisy(other.plain_double, doubles, 1.0, 3);
    for (std::size_t i = 0; i < plain.size(); ++i) {
      ASSERT_NEAR(plain[i], expected[i], 2e-5) << name_of(kernel) << " " << i;
    }
  }
}

TEST(NoiseKernels, NormalsAreBoxMullerOfTheWordsToTheLastDigits) {
  // What the bound on the grid's cells rests on (docs/privacy.md).
  constexpr long double kTurn = 6.283185307179586476925286766559L;
  for (const Kernel& kernel : normals::kernels()) {
    std::vector<double> values(512);
    long double worst = 0;
    for (std::uint64_t group = 0; group < 200; ++group) {
      const auto words = words_of(kernel, 42, group);
      kernel.fill_normals(kKey, 42, group, values.data());
      for (std::size_t i = 0; i < 256; ++i) {
        ASSERT_GE(words[i], normals::kRefineBelow);
        const long double u = (static_cast<long double>(words[i]) + 0.5L) * 0x1p-64L;
        const long double radius = std::sqrt(-2 * std::log(u));
        const long double turn = kTurn * (static_cast<long double>(words[256 + i]) * 0x1p-64L - 0.125L);
        const long double pair[2] = {radius * std::cos(turn), radius * std::sin(turn)};
        for (const std::size_t half : {0u, 1u}) {
          const long double error = std::abs(pair[half] - static_cast<long double>(values[256 * half + i]));
          const long double z = std::abs(pair[half]);
          const long double allowed = 9e-16L * z + 3.6e-16L * radius + 1.8e-16L * z / (radius * radius);
          worst = std::max(worst, error / allowed);
        }
      }
    }
    EXPECT_LE(worst, 1.0L) << name_of(kernel);
    EXPECT_GE(worst, 0.1L) << name_of(kernel) << ": the bound is not the kernel's";
  }
}

/// A group whose first half holds a word below `limit`, and its place there: one in 65,536 groups has
/// one. A group of plain noise, from 32-bit words, takes half of the words that a group of the grid does.
struct SmallWord {
  std::uint64_t group;
  std::size_t place;
};

SmallWord small_word(const Kernel& kernel) {
  std::vector<std::uint64_t> words(512);
  for (std::uint64_t group = 0;; ++group) {
    kernel.fill_words(kKey, 42, group, words.data());
    const auto found = std::find_if(words.begin(), words.begin() + 256, [](std::uint64_t word) {
      return word < normals::kRefineBelow;
    });
    if (found != words.begin() + 256) {
      return {group, static_cast<std::size_t>(found - words.begin())};
    }
  }
}

SmallWord small_plain_word(const Kernel& kernel) {
  std::vector<std::uint64_t> words(512);
  for (std::uint64_t pair_of_groups = 0;; ++pair_of_groups) {
    kernel.fill_words(kKey, 42, pair_of_groups, words.data());
    for (const std::uint64_t half : {0u, 1u}) {
      std::vector<std::uint32_t> plain(512);
      std::memcpy(plain.data(), words.data() + 256 * half, 2048);
      for (std::size_t i = 0; i < 256; ++i) {
        if (plain[i] < normals::kRefinePlainBelow) return {2 * pair_of_groups + half, i};
      }
    }
  }
}

TEST(NoiseKernels, TheLastCellsOfTheUniformTakeMoreBits) {
  for (const Kernel& kernel : normals::kernels()) {
    if (std::string(kernel.instructions) == "portable") continue;  // Slow to find; avx2's code.
    const SmallWord at = small_word(kernel);
    const std::uint64_t word = words_of(kernel, 42, at.group)[at.place];
    const std::uint64_t extra = kernel.extra_word(kKey, 42, at.group * 256 + at.place);
    const double radius = normals::refined_radius(word, extra);
    EXPECT_GT(radius, 5.7);
    std::vector<double> values(512);
    kernel.fill_normals(kKey, 42, at.group, values.data());
    EXPECT_NEAR(std::hypot(values[at.place], values[256 + at.place]), radius, 1e-14 * radius)
        << name_of(kernel);

    const SmallWord plain = small_plain_word(kernel);
    const auto noise = noisy(kernel.plain_double, std::vector<double>(512, 0.0), 1, plain.group);
    const double found = std::hypot(noise[plain.place], noise[256 + plain.place]);
    std::vector<std::uint32_t> half(512);
    const auto both = words_of(kernel, 42, plain.group / 2);
    std::memcpy(half.data(), both.data() + 256 * (plain.group % 2), 2048);
    const std::uint64_t more = kernel.extra_word(kKey, 42, plain.group * 256 + plain.place);
    const double expected = normals::refined_radius(
        (std::uint64_t{half[plain.place]} << 32) | (more >> 32), more << 32);
    EXPECT_NEAR(found, expected, 1e-6 * expected) << name_of(kernel);
    EXPECT_GT(found, 5.7);
  }
}

TEST(NoiseGrid, ReleasesMultiplesOfAPowerOfTwo) {
  core::ReproducibleRng rng(4);
  std::vector<float> sums(5000);
  for (float& v : sums) v = static_cast<float>(30 * rng.normal());
  for (const Kernel& kernel : normals::kernels()) {
    for (const double std : {1e-12, 0.3, 1.0, 1.9999, 7e8}) {
      const normals::Grid grid = normals::grid_of(std);
      EXPECT_EQ(std::exp2(std::round(std::log2(grid.step))), grid.step);
      EXPECT_GE(grid.cells, 1024);
      EXPECT_LT(grid.cells, 2048);
      EXPECT_DOUBLE_EQ(grid.cells * grid.step, std);
      const auto plain = noisy(kernel.plain_float, sums, std, 5);
      const auto values = noisy(kernel.grid_float, sums, std, 5);
      std::size_t off_grid = 0;
      for (std::size_t i = 0; i < sums.size(); ++i) {
        const double cell = static_cast<double>(values[i]) / grid.step;
        ASSERT_EQ(cell, std::nearbyint(cell)) << name_of(kernel) << " std " << std;
        const double other = static_cast<double>(plain[i]) / grid.step;
        off_grid += other != std::nearbyint(other);
      }
      // Large sums in float are on the grid anyway; the unprotected noise is not where it matters.
      if (std >= 0.3 && std < 2) {
        EXPECT_GT(off_grid, sums.size() / 2);
      }
    }
  }
}

TEST(NoiseGrid, RoundsTheSumOfValueAndNoise) {
  // The noise of a value is that of zero, moved by the value and rounded once: never the sum of two
  // roundings, so a value's fraction of a cell counts.
  const std::vector<double> zeros(4096, 0.0);
  for (const Kernel& kernel : normals::kernels()) {
    const double std = 1;
    const double step = normals::grid_of(std).step;
    const auto at_zero = noisy(kernel.grid_double, zeros, std, 9);
    double moved = 0;
    for (const double fraction : {0.25, 0.5, 0.75}) {
      const auto shifted =
          noisy(kernel.grid_double, std::vector<double>(4096, fraction * step), std, 9);
      double up = 0;
      for (std::size_t i = 0; i < zeros.size(); ++i) {
        const double cells = (shifted[i] - at_zero[i]) / step;
        ASSERT_TRUE(cells == 0 || cells == 1) << cells;
        up += cells;
      }
      // A share `fraction` of the draws crosses a boundary; 5.33 standard deviations.
      EXPECT_NEAR(up / 4096, fraction, 5.33 * 0.5 / 64) << name_of(kernel);
      EXPECT_GT(up, moved);
      moved = up;
    }
  }
}

TEST(NoiseGrid, LargeValuesAndScalesSurvive) {
  for (const Kernel& kernel : normals::kernels()) {
    const std::vector<float> sums = {1e30f, -3e38f, 0.0f, 5.0f};
    const auto values = noisy(kernel.grid_float, sums, 1e-3, 0);
    EXPECT_EQ(values[0], 1e30f) << name_of(kernel);
    EXPECT_EQ(values[1], -3e38f);
    EXPECT_NEAR(values[2], 0, 0.01);
    EXPECT_NEAR(values[3], 5, 0.01);
    const auto scaled = noisy(kernel.grid_float, sums, 1e-3, 0, 0.25);
    EXPECT_EQ(scaled[2], values[2] * 0.25f);
    EXPECT_EQ(scaled[3], values[3] * 0.25f);
    // No input stands for zeros, in place works, and so does every length.
    for (const std::size_t size : {1, 255, 511, 512, 513, 1500}) {
      const std::vector<float> zeros(size, 0.0f);
      const auto expected = noisy(kernel.grid_float, zeros, 1, 2);
      std::vector<float> out(size, 7.0f), in_place(size, 0.0f);
      kernel.grid_float({kKey, 42, 2, nullptr, out.data(), size, 1, 1});
      kernel.grid_float({kKey, 42, 2, in_place.data(), in_place.data(), size, 1, 1});
      EXPECT_EQ(out, expected) << name_of(kernel) << " " << size;
      EXPECT_EQ(in_place, expected) << name_of(kernel) << " " << size;
      out.assign(size, 7.0f);
      kernel.plain_float({kKey, 42, 2, nullptr, out.data(), size, 1, 1});
      EXPECT_EQ(out, noisy(kernel.plain_float, zeros, 1, 2)) << name_of(kernel) << " " << size;
    }
  }
}

TEST(NoiseReserved, PartsInAnyOrderGiveWhatOneCallGives) {
  InsecureNoise whole(3, "x"), parts(3, "x");
  std::vector<float> expected(3000, 2.5f), out(3000, 0.0f);
  whole.add_gaussian(std::span<float>(expected), 0.5);
  const std::vector<float> in(3000, 2.5f);
  const auto place = parts.reserve(3000);
  ASSERT_TRUE(place.has_value());
  for (const std::size_t first : {2560u, 0u, 1024u}) {
    const std::size_t size = first == 2560 ? 440 : first == 0 ? 1024 : 1536;
    parts.add_reserved({*place + first, in.data() + first, std::span(out).subspan(first, size), 0.5, 1});
  }
  EXPECT_EQ(out, expected);
  // What comes next is new noise, from the same place for both.
  std::vector<float> next(600, 0.0f), other(600, 0.0f);
  whole.add_gaussian(std::span<float>(next), 1);
  parts.add_gaussian(std::span<float>(other), 1);
  EXPECT_EQ(next, other);
  EXPECT_THROW(parts.add_reserved({*place + 1, nullptr, std::span(out), 1, 1}), Error);
  EXPECT_THROW(parts.add_reserved({*place, nullptr, std::span(out), -1, 1}), Error);
  parts.add_reserved({*place, in.data(), std::span(out), 0, 2});
  EXPECT_EQ(out, std::vector<float>(3000, 5.0f));
}

TEST(NoiseReserved, SaysWhetherItIsProtected) {
  // … and is what it says: multiples of the grid's step or not.
  const auto on_grid = [](NoiseSource& noise) {
    std::vector<float> values(2000, 0.3f);
    noise.add_gaussian(std::span<float>(values), 1);
    return std::count_if(values.begin(), values.end(), [](float v) {
      return v * 1024 == std::nearbyint(v * 1024);
    });
  };
  SecureNoise grid, plain(1, NoiseProtection::kNone);
  InsecureNoise seeded_grid(1), seeded_plain(1, "", 1, NoiseProtection::kNone);
  EXPECT_EQ(on_grid(grid), 2000);
  EXPECT_EQ(on_grid(seeded_grid), 2000);
  EXPECT_LT(on_grid(plain), 100);
  EXPECT_LT(on_grid(seeded_plain), 100);
  EXPECT_TRUE(SecureNoise().floating_point_safe());
  EXPECT_FALSE(SecureNoise(1, NoiseProtection::kNone).floating_point_safe());
  EXPECT_FALSE(InsecureNoise(1, "", 1, NoiseProtection::kNone).floating_point_safe());
}

}  // namespace
}  // namespace discreet::privacy
