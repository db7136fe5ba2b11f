// One small cell of the study of fairness metrics, with and without the shared data.
#include <gtest/gtest.h>

#include <cstdlib>

#include "discreet/app/internal/metrics_models.h"
#include "tests/core/temporary_folder.h"

namespace discreet::app {
namespace {

Json measured(const char* base, std::int64_t lines) {
  const core::TemporaryFolder folder;
  core::OperationContext context;
  context.quiet = true;
  return measure_metrics_models({{"base", base}, {"upstream", .9}, {"downstream", {.9}}, {"upstream_lines", lines}, {"upstream_epochs", 1},
                                 {"lines", lines}, {"epochs", 1}, {"test", 200}, {"seed", 1}},
                                folder.path(), context);
}

void expect_numbers(const Json& found, const std::vector<const char*>& names) {
  for (const char* name : names) EXPECT_TRUE(found.contains(name) && found[name].is_number()) << name << " in " << found;
}

const std::vector<const char*> kTaskMetrics = {"tpr gap along the lean", "tpr gap, root mean square", "equalised odds, leaning professions",
                                               "bpsn auc, women", "bnsp auc, women", "counterfactual gap", "counterfactual flip rate"};

TEST(MetricsModels, NeedNoDataButTheBuiltInTexts) {
  const Json found = measured("built-in", 300);
  expect_numbers(found["intrinsic"], {"ilps, task's professions", "seat, task's professions", "ceat, task's professions"});
  EXPECT_EQ(found["intrinsic"].size(), 3u);
  expect_numbers(found["tasks"][0], kTaskMetrics);
}

TEST(MetricsModels, MeasureABertModelBeforeAndAfterFineTuning) {
  const char* data = std::getenv("DISCREET_DATA");
  if (data == nullptr) GTEST_SKIP() << "DISCREET_DATA does not name the test data";
  const core::TemporaryFolder cache;
  std::filesystem::create_directory_symlink(data, cache.path() / "data");
  ::setenv("DISCREET_CACHE", cache.path().c_str(), 1);
  EXPECT_STREQ(metrics_base(), "bert_tiny_mlm");
  const Json found = measured("bert_tiny_mlm", 64);
  ::unsetenv("DISCREET_CACHE");
  expect_numbers(found["intrinsic"], {"ilps, task's professions", "seat, task's professions", "ceat, task's professions",
                                      "ilps, other professions", "seat, names and career", "stereoset, gender", "stereoset, race",
                                      "crows-pairs, gender"});
  const Json& task = found["tasks"][0];
  expect_numbers(task, kTaskMetrics);
  for (const char* name : {"ilps, task's professions", "seat, task's professions", "ceat, task's professions"}) {
    const std::string after = std::string(name) + ", after";
    ASSERT_TRUE(task.contains(after)) << task;
    // Fine-tuning moved the layers that are measured; the base model's figures would be those from before.
    EXPECT_NE(task[after], found["intrinsic"][name]) << name;
  }
}

}  // namespace
}  // namespace discreet::app
