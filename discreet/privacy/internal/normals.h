#pragma once

#include <cstdint>
#include <vector>

namespace discreet::privacy::internal::normals {

/// out[i] = (in[i] + std * normal(512 * group + i)) * scale for i < count; `in` may be `out`, and null
/// stands for zeros.
template <class T>
struct Work {
  const std::uint32_t* key;  ///< Eight words; AES-128 takes four.
  std::uint64_t nonce;
  std::uint64_t group;
  const T* in;
  T* out;
  std::uint64_t count;
  double std;
  double scale;
};
template <class T>
using AddNormals = void (*)(const Work<T>&);

/// The loops compiled for one instruction set and one cipher.
///
/// grid: the sum is rounded to a multiple of `Grid::step`, from 64-bit uniforms in double precision.
/// plain: from 32-bit uniforms in single precision, added in the type of the values.
struct Kernel {
  const char* instructions;  ///< "avx512", "avx2", "portable".
  const char* cipher;        ///< "aes128" or "chacha20".
  AddNormals<float> grid_float;
  AddNormals<double> grid_double;
  AddNormals<float> plain_float;
  AddNormals<double> plain_double;
  /// The 512 words of 64 bits from which the grid's group `group` is made.
  void (*fill_words)(const std::uint32_t* key, std::uint64_t nonce, std::uint64_t group,
                     std::uint64_t* words);
  /// The 512 normals of that group, before any rounding.
  void (*fill_normals)(const std::uint32_t* key, std::uint64_t nonce, std::uint64_t group,
                       double* normals);
  /// The word that refines a radius near the end of the tail; pair = 256 group + place.
  std::uint64_t (*extra_word)(const std::uint32_t* key, std::uint64_t nonce, std::uint64_t pair);
};

/// All that this processor runs, fastest first; the last is portable ChaCha20. Kernels of one cipher
/// give the same numbers: on the grid but for a draw that falls within 1e-11 of a boundary between
/// two cells, plain to a relative 1e-6.
const std::vector<Kernel>& kernels();
/// The first of `kernels`, or the first with ChaCha20, whose numbers are the same on every machine.
const Kernel& quickest_kernel();
const Kernel& common_kernel();

/// The grid of noise with this standard deviation: steps of a power of two, 1024 to 2048 to a
/// deviation.
struct Grid {
  double step;     ///< Multiples of this are released, before `scale`.
  double cells;    ///< std / step.
  double inverse;  ///< 1 / step, exact.
};
Grid grid_of(double std);

/// The parts of Box-Muller as the portable kernel has them, for tests.
double radius(std::uint64_t bits);
void angle(std::uint64_t bits, double& cosine, double& sine);
/// The radius of the uniform (bits 2^64 + extra + 1/2) / 2^128.
double refined_radius(std::uint64_t bits, std::uint64_t extra);
inline constexpr std::uint64_t kRefineBelow = 1ull << 40;  ///< Of 64-bit words.
inline constexpr std::uint32_t kRefinePlainBelow = 1u << 8;  ///< Of 32-bit words.

}  // namespace discreet::privacy::internal::normals
