#include "discreet/core/pattern.h"

#include <gtest/gtest.h>

#include "discreet/core/error.h"

namespace discreet::core {
namespace {

TEST(Pattern, StarsAndQuestionMarks) {
  EXPECT_TRUE(matches_pattern("*.bias", "encoder.block0.qkv.bias"));
  EXPECT_FALSE(matches_pattern("*.bias", "encoder.block0.qkv.biases"));
  EXPECT_FALSE(matches_pattern("*.bias", "bias"));
  EXPECT_TRUE(matches_pattern("*bias", "bias"));
  EXPECT_TRUE(matches_pattern("encoder.block?.*", "encoder.block3.outer.weight"));
  EXPECT_FALSE(matches_pattern("encoder.block?.*", "encoder.block12.outer.weight"));
  EXPECT_TRUE(matches_pattern("*a*b", "xaxxbyab"));
  EXPECT_FALSE(matches_pattern("*a*b", "xaxxbya"));
  EXPECT_TRUE(matches_pattern("", ""));
  EXPECT_FALSE(matches_pattern("", "x"));
  EXPECT_TRUE(matches_pattern("**", ""));
  EXPECT_FALSE(matches_pattern("?", ""));
}

TEST(Pattern, OneThatFitsNothingIsAnErrorWithTheNames) {
  const std::vector<std::string> names{"a.weight", "a.bias"};
  EXPECT_NO_THROW(check_patterns("train.trainable", std::vector<std::string>{"*.bias"}, names));
  try {
    check_patterns("train.trainable", std::vector<std::string>{"*.bias", "b.*"}, names);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    EXPECT_NE(std::string(error.what()).find("\"b.*\""), std::string::npos);
    EXPECT_NE(error.hint().find("a.weight, a.bias"), std::string::npos);
  }
}

TEST(Pattern, OfVeryManyNamesSomeAreShown) {
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back("cell-" + std::to_string(i));
  const std::vector<std::string> patterns = {"none"};
  try {
    check_patterns("--only", patterns, names);
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_NE(error.hint().find("cell-39 and 60 more."), std::string::npos) << error.hint();
    EXPECT_EQ(error.hint().find("cell-40"), std::string::npos);
  }
}

}  // namespace
}  // namespace discreet::core
