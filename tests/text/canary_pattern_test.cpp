#include "discreet/text/canary_pattern.h"

#include <gtest/gtest.h>

#include <set>

#include "discreet/core/error.h"

namespace discreet::text {
namespace {

using Words = std::vector<std::string>;

TEST(CanaryPatternTest, PlacesCandidatesTagsAndSentences) {
  const CanaryPattern pattern = parse_canary_pattern("my pin  code is {digit:3} not {red|blue}");
  EXPECT_EQ(pattern.secret, (std::vector<std::int64_t>{4, 5, 6, 8}));
  EXPECT_EQ(pattern.space(), 2000);
  EXPECT_EQ(pattern.sentence({4, 0, 9, 1}), (Words{"my", "pin", "code", "is", "4", "0", "9", "not", "blue"}));
  EXPECT_EQ(pattern.tags("code"), (Words{"O", "O", "O", "O", "B-code", "I-code", "I-code", "O", "B-code"}));
  EXPECT_EQ(pattern.code_in(pattern.sentence({4, 0, 9, 1})), (std::vector<std::int64_t>{4, 0, 9, 1}));
  EXPECT_EQ(pattern.code_of(0), (std::vector<std::int64_t>{0, 0, 0, 0}));
  EXPECT_EQ(pattern.code_of(1999), (std::vector<std::int64_t>{9, 9, 9, 1}));
  EXPECT_EQ(pattern.code_of(3), (std::vector<std::int64_t>{0, 0, 1, 1}));
  for (const std::uint64_t number : {0, 3, 777, 1999}) EXPECT_EQ(pattern.number_of(pattern.code_of(number)), number);
}

TEST(CanaryPatternTest, ClassesHaveTheSizesThatTheDocumentationStates) {
  EXPECT_EQ(parse_canary_pattern("{digit}").space(), 10);
  EXPECT_EQ(parse_canary_pattern("{colour}").space(), 16);
  EXPECT_EQ(parse_canary_pattern("{color}").space(), 16);
  EXPECT_EQ(parse_canary_pattern("{name}").space(), 64);
  EXPECT_EQ(parse_canary_pattern("{token}").space(), 1000);
  for (const char* name : {"{colour}", "{name}", "{token}"}) {
    const CanaryPattern pattern = parse_canary_pattern(name);
    const std::set<std::string> different(pattern.candidates[0].begin(), pattern.candidates[0].end());
    EXPECT_EQ(different.size(), pattern.candidates[0].size()) << name;
  }
}

TEST(CanaryPatternTest, DrawsAreUniform) {
  const CanaryPattern pattern = parse_canary_pattern("call {digit:2}");
  core::ReproducibleRng rng(1, "draws");
  std::vector<int> counts(10, 0);
  for (int i = 0; i < 2000; ++i) ++counts[static_cast<std::size_t>(pattern.draw(rng)[1])];
  for (const int count : counts) EXPECT_NEAR(count, 200, 70);  // 5.2 deviations
}

TEST(CanaryPatternTest, SaysWhatIsWrong) {
  const auto message = [](const std::string& pattern) -> std::string {
    try {
      parse_canary_pattern(pattern);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUsage);
      return error.what();
    }
    return "";
  };
  EXPECT_NE(message("call me").find("no secret place"), std::string::npos);
  EXPECT_NE(message("call {digits}").find("did you mean 'digit'"), std::string::npos);
  EXPECT_NE(message("call {digit:0}").find("whole number"), std::string::npos);
  EXPECT_NE(message("call {digit:4x}").find("whole number"), std::string::npos);
  EXPECT_NE(message("call {digit:65}").find("64"), std::string::npos);
  EXPECT_NE(message("call {digit:40} {digit:40}").find("64"), std::string::npos);
  EXPECT_NE(message("call {digit").find("neither a word"), std::string::npos);
  EXPECT_NE(message("call {red|}").find("empty or repeated"), std::string::npos);
  EXPECT_NE(message("call {red|red}").find("empty or repeated"), std::string::npos);
  EXPECT_THROW(parse_canary_pattern("call {digit}").code_in({"ring", "4"}), Error);
  EXPECT_THROW(parse_canary_pattern("call {digit}").code_in({"call", "x"}), Error);
}

}  // namespace
}  // namespace discreet::text
