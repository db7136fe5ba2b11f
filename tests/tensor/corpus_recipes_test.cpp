// The built-in corpus is as hard for the product's own models as docs/corpus.md says.
#include <gtest/gtest.h>

#include <memory>

#include "discreet/app/loader.h"
#include "discreet/core/files.h"
#include "discreet/core/operation.h"
#include "tests/core/temporary_folder.h"
#include "tests/tensor/child.h"

namespace discreet {
namespace {
namespace fs = std::filesystem;

/// Not the seed that the corpus was tuned with.
constexpr const char* kCorpusSeed = "11";

void call_quietly(const std::string& operation, const Json& request) {
  core::OperationContext context;
  context.quiet = true;
  app::call_operation(operation, request, context);
}

/// Trains on 13,000 lines, keeps another 1,444 back and tests on 4,000 of another stream, without
/// privacy, until the training loss no longer says much. `knobs` are the corpus's, ",key=value".
/// In a child, since tests that fork may follow in this process.
bool train_on_corpus(const fs::path& run, const std::string& kind, int epochs,
                     const std::string& knobs = "") {
  const std::string spec = std::string(",seed=") + kCorpusSeed + knobs;
  const Json request = {
      {"run", run.string()},
      {"set",
       {"data.train=assistant:lines=14444" + spec, "data.test=assistant:lines=4000" + spec,
        "data.hold_out=0.1", "model.kind=" + kind, "model.embedding=64", "model.hidden=64",
        "model.pooling=mean-max", "train.batch_size=32", "train.learning_rate=3e-3",
        "train.epochs=" + std::to_string(epochs), "train.threads=1",
        std::string("run.seed=") + kCorpusSeed}}};
  return testing::run_child([&] { call_quietly("train", request); }).code == 0;
}

/// Share of the 4,000 lines whose intent is right.
double intent_accuracy_of(const fs::path& run) {
  const Json result = Json::parse(core::read_file(run / "result.json"));
  EXPECT_EQ(result["n"], 4000);
  EXPECT_EQ(result["split"], "test");
  const double accuracy = result["metrics"]["intent_accuracy"];
  ::testing::Test::RecordProperty("intent_accuracy", std::to_string(accuracy));
  return accuracy;
}

// Two suites, so that each has its own time limit.
TEST(CorpusHardnessBow, ABagOfWordsMissesWhatWordOrderTells) {
  const core::TemporaryFolder folder;
  ASSERT_TRUE(train_on_corpus(folder / "bow", "bow", 8));
  const double accuracy = intent_accuracy_of(folder / "bow");
  EXPECT_GE(accuracy, 0.85);
  EXPECT_LE(accuracy, 0.93);
}

TEST(CorpusHardnessBow, WithoutLinesOfTwoCommandsAndNoiseItLeavesTheBand) {
  const core::TemporaryFolder folder;
  ASSERT_TRUE(train_on_corpus(folder / "easy", "bow", 8, ",ambiguity=0,label_noise=0"));
  EXPECT_GT(intent_accuracy_of(folder / "easy"), 0.93);
}

/// One converged BiLSTM without privacy, for the band and for the attack.
class CorpusHardnessBilstm : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<core::TemporaryFolder>();
    trained_ = train_on_corpus(bilstm(), "bilstm", 8);
  }
  static void TearDownTestSuite() { folder_.reset(); }
  static fs::path bilstm() { return *folder_ / "bilstm"; }

  static std::unique_ptr<core::TemporaryFolder> folder_;
  static bool trained_;
};

std::unique_ptr<core::TemporaryFolder> CorpusHardnessBilstm::folder_;
bool CorpusHardnessBilstm::trained_ = false;

TEST_F(CorpusHardnessBilstm, ABilstmIsRightButNotAlways) {
  ASSERT_TRUE(trained_);
  const double accuracy = intent_accuracy_of(bilstm());
  EXPECT_GE(accuracy, 0.94);
  EXPECT_LE(accuracy, 0.98);
}

TEST_F(CorpusHardnessBilstm, TheLossAttackFindsMembers) {
  ASSERT_TRUE(trained_);
  const fs::path out = *folder_ / "membership.json";
  const Json request = {{"run", bilstm().string()}, {"out", out.string()}};
  ASSERT_EQ(testing::run_child([&] { call_quietly("membership", request); }).code, 0);
  const Json results = Json::parse(core::read_file(out))["results"];
  ASSERT_EQ(results[0]["attack"], "loss");
  const double auc = results[0]["auc"];
  RecordProperty("auc", std::to_string(auc));
  EXPECT_GE(auc, 0.58);
  // Not because the two sides differ in their words: without the model there is nothing to find.
  ASSERT_EQ(results[1]["attack"], "blind");
  EXPECT_LT(results[1]["auc"].get<double>(), 0.54);
}

}  // namespace
}  // namespace discreet
