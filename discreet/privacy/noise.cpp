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

std::optional<std::uint64_t> NoiseSource::reserve(std::uint64_t) { return std::nullopt; }

void NoiseSource::add_reserved(const ReservedNoise&) const {
  throw internal_error("this source of noise has no places to reserve");
}

namespace internal {
namespace {

/// Below this many values a second thread costs more than it gives.
constexpr std::uint64_t kGroupsPerThread = 256;

// Steps of the grid and their reciprocals must be finite, and no smaller noise makes sense.
constexpr double kSmallestStd = 0x1p-900;

template <class T>
normals::AddNormals<T> adder_for(const NormalStream& stream) {
  const normals::Kernel& kernel =
      stream.same_everywhere ? normals::common_kernel() : normals::quickest_kernel();
  const bool grid = stream.protection == NoiseProtection::kGrid;
  if constexpr (std::is_same_v<T, float>) {
    return grid ? kernel.grid_float : kernel.plain_float;
  } else {
    return grid ? kernel.grid_double : kernel.plain_double;
  }
}

void check_std(double std) {
  if (!(std >= 0) || std::isinf(std)) {
    throw usage_error(fmt::format("noise std = {}: expected a finite number >= 0", std));
  }
  if (std > 0 && std < kSmallestStd) {
    throw usage_error(fmt::format("noise std = {}: too small to be told from none", std));
  }
}

}  // namespace

std::uint64_t reserve_normals(NormalStream& stream, std::uint64_t count) {
  const std::uint64_t first = stream.position;
  stream.position += (count + kNormalsPerGroup - 1) / kNormalsPerGroup * kNormalsPerGroup;
  return first;
}

template <class T>
void add_normals(NormalStream& stream, std::span<T> values, double std, int threads) {
  check_std(std);
  if (values.empty() || std == 0) return;
  const normals::AddNormals<T> add = adder_for<T>(stream);
  const std::uint64_t groups = (values.size() + kNormalsPerGroup - 1) / kNormalsPerGroup;
  const std::uint64_t first = reserve_normals(stream, values.size()) / kNormalsPerGroup;
  const auto add_range = [&](std::uint64_t begin, std::uint64_t end) {
    const std::uint64_t offset = begin * kNormalsPerGroup;
    const std::uint64_t count = std::min<std::uint64_t>(end * kNormalsPerGroup, values.size());
    T* data = values.data() + offset;
    add({stream.key.data(), stream.nonce, first + begin, data, data, count - offset, std, 1.0});
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

void add_reserved(const NormalStream& stream, const ReservedNoise& part) {
  check_std(part.std);
  if (part.position % kNormalsPerGroup != 0) {
    throw internal_error("noise can be drawn from the start of a group only");
  }
  if (part.std > 0) {
    adder_for<float>(stream)({stream.key.data(), stream.nonce, part.position / kNormalsPerGroup,
                              part.in, part.out.data(), part.out.size(), part.std, part.scale});
    return;
  }
  for (std::size_t i = 0; i < part.out.size(); ++i) {
    const double value = part.in == nullptr ? 0.0 : static_cast<double>(part.in[i]);
    part.out[i] = static_cast<float>(value * part.scale);
  }
}

NormalPair box_muller(std::uint64_t radius_bits, std::uint64_t angle_bits) {
  double cosine, sine;
  normals::angle(angle_bits, cosine, sine);
  const double radius = normals::radius(radius_bits);
  return {radius * cosine, radius * sine};
}

}  // namespace internal

SecureNoise::SecureNoise(int threads, NoiseProtection protection) : threads_(threads) {
  stream_.same_everywhere = false;
  stream_.protection = protection;
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

bool SecureNoise::floating_point_safe() const {
  return stream_.protection == NoiseProtection::kGrid;
}

std::optional<std::uint64_t> SecureNoise::reserve(std::uint64_t count) {
  return internal::reserve_normals(stream_, count);
}

void SecureNoise::add_reserved(const ReservedNoise& part) const {
  internal::add_reserved(stream_, part);
}

InsecureNoise::InsecureNoise(std::uint64_t seed, const std::string& stream, int threads,
                             NoiseProtection protection)
    : threads_(threads) {
  stream_.protection = protection;
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

bool InsecureNoise::floating_point_safe() const {
  return stream_.protection == NoiseProtection::kGrid;
}

std::optional<std::uint64_t> InsecureNoise::reserve(std::uint64_t count) {
  return internal::reserve_normals(stream_, count);
}

void InsecureNoise::add_reserved(const ReservedNoise& part) const {
  internal::add_reserved(stream_, part);
}

double truncation_delta(double draws, double epsilon, double tail_end) {
  if (draws == 0) return 0;  // Also where epsilon is infinite.
  return draws * std::erfc(tail_end / std::sqrt(2.0)) * (1.0 + std::exp(epsilon));
}

GridCost grid_cost(double draws, double epsilon, double delta) {
  constexpr double kMeanSquare = 0x1p-71, kLargest = 1e-8;
  const double surprise = 100 * std::log(2.0);  // log(1 / 2^-100)
  const double half = kLargest * surprise / 3;
  const double tau = draws * kMeanSquare + half +
                     std::sqrt(half * half + 2 * draws * kMeanSquare * surprise);
  const double beta = 0x1p-100 + draws * std::erfc(kTailEnd / std::sqrt(2.0));
  return {2 * tau, std::expm1(tau) * delta + (std::exp(tau + epsilon) + 1) * beta};
}

}  // namespace discreet::privacy
