#include "discreet/privacy/noise.h"

#include <sodium.h>

#include <algorithm>
#include <cmath>
#include <thread>
#include <type_traits>
#include <vector>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/privacy/internal/normals.h"

namespace discreet::privacy {
namespace internal {
namespace {

/// Below this many values a second thread costs more than it gives.
constexpr std::uint64_t kGroupsPerThread = 256;

const normals::Kernel& kernel_for(const NormalStream& stream) {
  static const normals::Kernel same_everywhere = normals::kernels().front();
  static const normals::Kernel quickest = normals::quickest_kernel();
  return stream.same_everywhere ? same_everywhere : quickest;
}

}  // namespace

template <class T>
void add_normals(NormalStream& stream, std::span<T> values, double std, int threads) {
  if (!(std >= 0) || std::isinf(std)) {
    throw usage_error(fmt::format("noise std = {}: expected a finite number >= 0", std));
  }
  if (values.empty() || std == 0) return;
  normals::AddNormals<T> add;
  if constexpr (std::is_same_v<T, float>) {
    add = kernel_for(stream).add_float;
  } else {
    add = kernel_for(stream).add_double;
  }
  const std::uint64_t groups = (values.size() + kNormalsPerGroup - 1) / kNormalsPerGroup;
  const std::uint64_t first = stream.position / kNormalsPerGroup;
  stream.position += groups * kNormalsPerGroup;
  const auto add_range = [&](std::uint64_t begin, std::uint64_t end) {
    const std::uint64_t offset = begin * kNormalsPerGroup;
    const std::uint64_t count = std::min<std::uint64_t>(end * kNormalsPerGroup, values.size());
    add(stream.key.data(), stream.nonce, first + begin, values.data() + offset, count - offset,
        std);
  };
  const std::uint64_t parts = std::clamp<std::uint64_t>(
      groups / kGroupsPerThread, 1, static_cast<std::uint64_t>(std::max(threads, 1)));
  std::vector<std::jthread> workers;
  for (std::uint64_t part = 1; part < parts; ++part) {
    workers.emplace_back(add_range, groups * part / parts, groups * (part + 1) / parts);
  }
  add_range(0, groups / parts);
}

template void add_normals(NormalStream&, std::span<float>, double, int);
template void add_normals(NormalStream&, std::span<double>, double, int);

NormalPair box_muller(std::uint64_t radius_bits, std::uint64_t angle_bits) {
  double cosine, sine;
  normals::angle(angle_bits, cosine, sine);
  const double radius = normals::radius(radius_bits);
  return {radius * cosine, radius * sine};
}

}  // namespace internal

SecureNoise::SecureNoise(int threads) : threads_(threads) {
  stream_.same_everywhere = false;
  core::SecureRng rng;
  rng.fill(std::as_writable_bytes(std::span(stream_.key)));
}

SecureNoise::~SecureNoise() { sodium_memzero(stream_.key.data(), sizeof(stream_.key)); }

void SecureNoise::begin_step(std::uint64_t) {
  // The key serves this object alone and positions only grow, so there is nothing to separate.
}

void SecureNoise::add_gaussian(std::span<float> values, double std) {
  internal::add_normals(stream_, values, std, threads_);
}

void SecureNoise::add_gaussian(std::span<double> values, double std) {
  internal::add_normals(stream_, values, std, threads_);
}

InsecureNoise::InsecureNoise(std::uint64_t seed, const std::string& stream, int threads)
    : threads_(threads) {
  core::ReproducibleRng rng(seed, "noise/" + stream);
  for (auto& word : stream_.key) word = static_cast<std::uint32_t>(rng());
  begin_step(0);
}

void InsecureNoise::begin_step(std::uint64_t step) {
  stream_.nonce = step;
  stream_.position = 0;
}

void InsecureNoise::add_gaussian(std::span<float> values, double std) {
  internal::add_normals(stream_, values, std, threads_);
}

void InsecureNoise::add_gaussian(std::span<double> values, double std) {
  internal::add_normals(stream_, values, std, threads_);
}

double truncation_delta(double draws, double epsilon, double tail_end) {
  return draws * std::erfc(tail_end / std::sqrt(2.0)) * (1.0 + std::exp(epsilon));
}

}  // namespace discreet::privacy
