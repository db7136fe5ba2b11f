#include "discreet/nn/tag_parts.h"

#include <gtest/gtest.h>

#include <vector>

namespace discreet::nn {
namespace {

TEST(TagParts, ATagIsItsLetterItsTypeAndItself) {
  const std::vector<std::string> names = {"I-b", "O", "B-a", "I-a", "B-b", "misc"};
  const at::Tensor parts = tag_parts(names);
  ASSERT_EQ(parts.size(0), 6);
  ASSERT_EQ(parts.size(1), 2 + 2 + 6);
  const auto shared = [&](int a, int b) { return (parts[a] * parts[b]).sum().item<float>(); };
  for (int a = 0; a < 6; ++a) EXPECT_EQ(shared(a, a), a == 1 || a == 5 ? 1 : 3) << names[a];
  EXPECT_EQ(shared(2, 3), 1) << "a type";
  EXPECT_EQ(shared(2, 4), 1) << "a letter";
  EXPECT_EQ(shared(0, 2), 0) << "I-b and B-a have nothing in common";
  for (const int alone : {1, 5}) {
    for (int other = 0; other < 6; ++other) {
      if (other == alone) continue;
      EXPECT_EQ(shared(alone, other), 0) << names[alone] << ' ' << names[other];
    }
  }
}

}  // namespace
}  // namespace discreet::nn
