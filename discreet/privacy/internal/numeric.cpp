#include "discreet/privacy/internal/numeric.h"

#include <bit>

// Targets by pragma are GCC's; other compilers get the portable loops.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define DISCREET_X86_TARGETS
#endif

namespace discreet::privacy::internal {

namespace portable {
#include "discreet/privacy/internal/numeric_loops.h"
constexpr NumericLoops kLoops{"portable", mixture_curves, power_sum, multiply_power,
                              pass2,      pass3,          pass4,     pass5};
}  // namespace portable

#ifdef DISCREET_X86_TARGETS
#pragma GCC push_options
#pragma GCC target("avx2,fma")
namespace avx2 {
#include "discreet/privacy/internal/numeric_loops.h"
constexpr NumericLoops kLoops{"avx2", mixture_curves, power_sum, multiply_power,
                              pass2,  pass3,          pass4,     pass5};
}  // namespace avx2
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,fma,prefer-vector-width=512")
namespace avx512 {
#include "discreet/privacy/internal/numeric_loops.h"
constexpr NumericLoops kLoops{"avx512", mixture_curves, power_sum, multiply_power,
                              pass2,    pass3,          pass4,     pass5};
}  // namespace avx512
#pragma GCC pop_options
#endif

std::vector<NumericLoops> numeric_loops() {
  std::vector<NumericLoops> known;
#ifdef DISCREET_X86_TARGETS
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma")) {
    known.push_back(avx512::kLoops);
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) known.push_back(avx2::kLoops);
#endif
  known.push_back(portable::kLoops);
  return known;
}

const NumericLoops& quickest_loops() {
  static const NumericLoops loops = numeric_loops().front();
  return loops;
}

}  // namespace discreet::privacy::internal
