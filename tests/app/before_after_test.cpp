#include "discreet/app/before_after.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "discreet/core/error.h"
#include "discreet/core/files.h"

namespace discreet::app {
namespace {

namespace fs = std::filesystem;

Effect effect(const std::string& better, std::optional<stats::Interval> difference) {
  Effect e{.aspect = "fairness", .metric = "pronoun_log_ratio", .before = 2.0, .after = 0.5};
  e.better = better;
  e.difference_ci = difference;
  e.n = 12;
  e.unit = "profession";
  return e;
}

TEST(BeforeAfter, AVerdictNeedsAnIntervalOnOneSideOfZero) {
  const Json document = before_after({.name = "distill"}, {effect("lower", stats::Interval{-2, -1}),
                                                           effect("higher", stats::Interval{-2, -1}),
                                                           effect("lower", stats::Interval{-2, 0.1}),
                                                           effect("lower", std::nullopt)});
  core::validate_document(document, "test");
  EXPECT_EQ(document["results"][0]["verdict"], "better");
  EXPECT_EQ(document["results"][1]["verdict"], "worse");
  EXPECT_EQ(document["results"][2]["verdict"], "no change shown");
  EXPECT_EQ(document["results"][3]["verdict"], "no interval");
  EXPECT_DOUBLE_EQ(document["results"][0]["difference"].get<double>(), -1.5);
  EXPECT_EQ(document["results"][0]["ci"]["difference"], Json({-2.0, -1.0}));
}

TEST(BeforeAfter, TowardsANeutralValueDistancesAreCompared) {
  Effect e = effect("neutral", std::nullopt);
  e.neutral = 50;
  e.before_ci = stats::Interval{60, 66};
  e.after_ci = stats::Interval{45, 52};
  EXPECT_EQ(before_after({.name = "x"}, {e})["results"][0]["verdict"], "better");
  e.after_ci = stats::Interval{33, 41};  // farther on the other side
  EXPECT_EQ(before_after({.name = "x"}, {e})["results"][0]["verdict"], "no change shown");
  e.after_ci = stats::Interval{20, 30};
  EXPECT_EQ(before_after({.name = "x"}, {e})["results"][0]["verdict"], "worse");
}

TEST(BeforeAfter, WhatIsNotDefinedIsNullWithItsReason) {
  Effect e{.aspect = "utility", .metric = "perplexity", .before = 3.0, .reason = "no test data"};
  const Json document = before_after({.name = "x"}, {e});
  core::validate_document(document, "test");
  EXPECT_TRUE(document["results"][0]["after"].is_null());
  EXPECT_EQ(document["results"][0]["after_reason"], "no test data");
  EXPECT_TRUE(document["results"][0]["difference"].is_null());
}

TEST(BeforeAfter, TheSameModelTwiceIsRefused) {
  const fs::path folder = fs::temp_directory_path() / ("discreet_before_after_" + std::to_string(getpid()));
  fs::create_directories(folder);
  core::write_file_atomically(folder / "a", "weights");
  core::write_file_atomically(folder / "b", "weights");
  core::write_file_atomically(folder / "c", "others");
  const auto pair = [&](const char* after) {
    return before_after({.name = "x", .before = folder / "a", .after = folder / after}, {effect("lower", std::nullopt)});
  };
  EXPECT_THROW(pair("b"), Error);
  const Json document = pair("c");
  core::validate_document(document, "test");
  EXPECT_NE(document["models"]["before"]["sha256"], document["models"]["after"]["sha256"]);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace discreet::app
