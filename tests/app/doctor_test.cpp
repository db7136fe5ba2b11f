#include "discreet/app/doctor.h"

#include <gtest/gtest.h>

namespace discreet::app {
namespace {

MachineFacts good() {
  return {.cpu_features = {"avx2", "fma"}, .cores = 4, .gflops_one_thread = 100};
}

/// The one warning that `facts` must cause.
std::string only_warning(const MachineFacts& facts) {
  const auto warnings = warnings_of(facts);
  EXPECT_EQ(warnings.size(), 1u);
  return warnings.empty() ? "" : warnings.front();
}

TEST(Doctor, AGoodMachineHasNoWarning) {
  EXPECT_TRUE(warnings_of(good()).empty());
  MachineFacts facts = good();
  facts.omp_num_threads = "4";
  EXPECT_TRUE(warnings_of(facts).empty());
  facts.architecture = "aarch64";
  facts.cpu_features = {"asimd"};
  EXPECT_TRUE(warnings_of(facts).empty());
}

TEST(Doctor, EachFaultHasItsWarning) {
  const struct {
    void (*spoil)(MachineFacts&);
    const char* expected;
  } cases[] = {
      {[](MachineFacts& f) { f.optimised = false; }, "not optimised"},
      {[](MachineFacts& f) { f.sanitized = true; }, "checks its memory"},
      {[](MachineFacts& f) { f.cpu_features = {"sse2"}; }, "no AVX2"},
      {[](MachineFacts& f) { f.omp_num_threads = "8"; }, "OMP_NUM_THREADS=8 is more than the 4"},
      {[](MachineFacts& f) { f.omp_num_threads = "1"; }, "OMP_NUM_THREADS=1 leaves some of 4"},
      {[](MachineFacts& f) { f.cores = 0.5, f.omp_num_threads = "1"; }, "more than the 0.5 cores"},
      {[](MachineFacts& f) { f.tensors = false; }, "libdiscreet was not found"},
      {[](MachineFacts& f) { f.gflops_one_thread = 3; }, "3.0 GFLOP/s on one thread, below 20"},
      {[](MachineFacts& f) { f.cuda_device = true; }, "this libtorch cannot use it"},
      {[](MachineFacts& f) { f.ccache = false; }, "ccache is not installed"},
  };
  for (const auto& c : cases) {
    MachineFacts facts = good();
    c.spoil(facts);
    EXPECT_NE(only_warning(facts).find(c.expected), std::string::npos) << c.expected;
  }
}

}  // namespace
}  // namespace discreet::app
