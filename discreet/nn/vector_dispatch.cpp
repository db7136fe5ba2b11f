#include "discreet/nn/vector_dispatch.h"

#include <cstdlib>
#include <cstring>

namespace discreet::nn {
namespace {

#if defined(__x86_64__) && defined(__GNUC__)
bool is_intel() {
  __builtin_cpu_init();
  return __builtin_cpu_is("intel") != 0;
}
bool has_avx512() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}
#else
bool is_intel() { return false; }
bool has_avx512() { return false; }
#endif

}  // namespace

bool dispatches_by_instructions() {
  static const bool yes = [] {
    const char* asked = std::getenv("DISCREET_MKL");
    return has_avx512() && (asked == nullptr || std::strcmp(asked, "vendor") != 0);
  }();
  return yes;
}

}  // namespace discreet::nn

// MKL's own question, an exported function of libtorch's CPU library. The first definition that the loader finds answers,
// and this library comes before libtorch. No promise of MKL's: where it asks otherwise, this is never called.
extern "C" __attribute__((visibility("default"))) int mkl_serv_intel_cpu_true() {
  return discreet::nn::dispatches_by_instructions() || discreet::nn::is_intel() ? 1 : 0;
}
