#include "discreet/app/text_metrics.h"

#include <gtest/gtest.h>

#include "discreet/core/error.h"

namespace discreet::app {
namespace {

TEST(TextMetrics, AreMeansOverWhatHasReferences) {
  const Json metrics = text_metrics({"the cat sat on mat", "lost", "a b c d"},
                                    {{"the cat sat on the mat today"}, {}, {"x", "a b c d"}});
  EXPECT_NEAR(metrics["rouge_1"].get<double>(), (10.0 / 12 + 1) / 2, 1e-12);
  EXPECT_NEAR(metrics["rouge_l"].get<double>(), (10.0 / 12 + 1) / 2, 1e-12);
  EXPECT_GT(metrics["bleu"].get<double>(), 50);
  EXPECT_EQ(metrics.size(), 5u);
}

TEST(TextMetrics, OfNothingAreNone) {
  EXPECT_TRUE(text_metrics({"a"}, {{}}).empty());
  EXPECT_THROW(text_metrics({"a"}, {}), Error);
}

}  // namespace
}  // namespace discreet::app
