#include "discreet/privacy/noise_speed.h"

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "discreet/privacy/internal/normals.h"

namespace discreet::privacy {

double least_ns(int repeats, double values, const std::function<void(int)>& work) {
  double best = 0;
  for (int i = 0; i < repeats; ++i) {
    const auto started = std::chrono::steady_clock::now();
    work(i);
    const std::chrono::duration<double, std::nano> took =
        std::chrono::steady_clock::now() - started;
    best = i == 0 ? took.count() : std::min(best, took.count());
  }
  return best / values;
}

std::vector<NoiseSpeed> noise_speeds(int repeats) {
  namespace normals = internal::normals;
  constexpr std::uint64_t kGroup = 512, kValues = 16 * kGroup;
  const std::uint32_t key[8] = {3, 1, 4, 1, 5, 9, 2, 6};
  std::vector<float> in(kValues, 0.01F), out(kValues);
  std::vector<std::uint64_t> words(kGroup);
  std::vector<NoiseSpeed> speeds;
  for (const normals::Kernel& kernel : normals::kernels()) {
    const auto time = [&](normals::AddNormals<float> add) {
      return least_ns(repeats, kValues, [&](int i) {
        const std::uint64_t group = static_cast<std::uint64_t>(i) * (kValues / kGroup);
        add({key, 1, group, in.data(), out.data(), kValues, 1.0, 0.5});
      });
    };
    const double bits = least_ns(repeats, kGroup, [&](int i) {
      kernel.fill_words(key, 1, static_cast<std::uint64_t>(i), words.data());
    });
    speeds.push_back({kernel.instructions, kernel.cipher, time(kernel.plain_float),
                      time(kernel.grid_float), bits});
  }
  return speeds;
}

}  // namespace discreet::privacy
