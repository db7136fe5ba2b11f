#include "discreet/nn/vector_dispatch.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "discreet/nn/torch.h"

namespace discreet::nn {
namespace {

TEST(VectorDispatch, MklsQuestionIsAnsweredHere) {
  void* question = dlsym(RTLD_DEFAULT, "mkl_serv_intel_cpu_true");
  ASSERT_NE(question, nullptr);
  Dl_info where;
  ASSERT_NE(dladdr(question, &where), 0);
  EXPECT_TRUE(std::filesystem::path(where.dli_fname).filename().string().starts_with("libdiscreet")) << where.dli_fname;
}

TEST(VectorDispatch, MklTakesTheInstructionsThatThereAre) {
  const at::Tensor a = at::randn({64, 64});
  const at::Tensor exact = a.to(at::kDouble).mm(a.to(at::kDouble));
  EXPECT_TRUE(at::allclose(a.mm(a).to(at::kDouble), exact, 1e-4, 1e-4));
  auto* detect = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "mkl_serv_cpu_detect"));
  if (detect != nullptr && dispatches_by_instructions()) {
    EXPECT_NE(detect(), 0) << "0 is the code for processors that MKL does not know";
  }
}

}  // namespace
}  // namespace discreet::nn
