// Several processes of the program train what one trains.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "discreet/app/launch.h"
#include "discreet/core/files.h"
#include "discreet/core/json.h"
#include "discreet/core/run_dir.h"
#include "discreet/nn/checkpoint.h"
#include "discreet/privacy/ledger.h"
#include "tests/core/temporary_folder.h"

namespace discreet {
namespace {
namespace fs = std::filesystem;

/// A short run of a small BiLSTM on the built-in corpus, by as many processes as asked for.
class ProcessesTest : public ::testing::Test {
 protected:
  ProcessesTest() { ::setenv("OMP_NUM_THREADS", "1", 1); }

  int call(int processes, std::vector<std::string> arguments) {
    arguments.push_back("--quiet");
    return app::launch({.program = DISCREET_BINARY_DIR "/discreet",
                        .arguments = std::move(arguments),
                        .processes = processes,
                        .quiet = true,
                        .grace_seconds = 10,
                        .stop = nullptr});
  }

  /// Trains into `name`; returns the folder.
  fs::path train(const std::string& name, int processes, std::vector<std::string> more = {}) {
    const fs::path run = folder_ / name;
    std::vector<std::string> arguments = {"train", "--run", run.string()};
    for (const char* setting :
         {"data.train=assistant:lines=300", "data.dev=assistant:lines=101", "model.kind=bilstm",
          "model.embedding=16", "model.hidden=[16]", "model.dropout=0.1", "data.buckets=512",
          "train.batch_size=24", "train.steps=12", "train.learning_rate=1e-4", "train.log_every=1", "train.eval_every=6"}) {
      more.insert(more.begin(), setting);
    }
    for (const std::string& setting : more) {
      arguments.push_back("--set");
      arguments.push_back(setting);
    }
    EXPECT_EQ(call(processes, arguments), 0) << name;
    return run;
  }

  static double distance(const fs::path& a, const fs::path& b) {
    const nn::NamedTensors first = nn::read_tensors(a / "model" / "model.safetensors");
    const nn::NamedTensors second = nn::read_tensors(b / "model" / "model.safetensors");
    EXPECT_EQ(first.size(), second.size());
    double largest = 0;
    for (std::size_t i = 0; i < first.size() && i < second.size(); ++i) {
      EXPECT_EQ(first[i].first, second[i].first);
      largest = std::max(largest, (first[i].second - second[i].second).abs().max().item<double>());
    }
    return largest;
  }

  /// The same lines, up to rounding, in the same order.
  static void expect_same_metrics(const fs::path& a, const fs::path& b) {
    const auto first = core::RunDir::open(a).metrics(), second = core::RunDir::open(b).metrics();
    ASSERT_EQ(first.size(), second.size());
    for (std::size_t i = 0; i < first.size(); ++i) {
      for (const auto& [key, value] : first[i].items()) {
        if (!value.is_number()) continue;
        EXPECT_NEAR(second[i].at(key).get<double>(), value.get<double>(), 1e-4) << i << " " << key;
      }
    }
  }

  core::TemporaryFolder folder_;
};

TEST_F(ProcessesTest, OrdinaryTrainingAgreesAlsoShardedAndResumed) {
  const fs::path one = train("one", 1);
  const fs::path two = train("two", 2), four = train("four", 4, {"train.sharded_optimizer=true"});
  EXPECT_LE(distance(one, two), 1e-6);
  EXPECT_LE(distance(one, four), 1e-6);
  expect_same_metrics(one, two);
  expect_same_metrics(one, four);
  EXPECT_EQ(core::RunDir::open(four).manifest()["processes"]["size"], 4);
  EXPECT_FALSE(core::RunDir::open(one).manifest().contains("processes"));

  // Stopped half way by four processes that keep the optimiser in parts, gone on with by three and by one.
  for (const int processes : {3, 1}) {
    const fs::path resumed = folder_ / ("resumed" + std::to_string(processes));
    fs::copy(four, resumed, fs::copy_options::recursive);
    fs::remove_all(resumed / "checkpoints" / "step-000012");
    fs::remove_all(resumed / "model");
    fs::remove(resumed / "result.json");
    ASSERT_EQ(call(processes, {"resume", resumed.string()}), 0);
    EXPECT_LE(distance(one, resumed), 1e-6) << processes;
    expect_same_metrics(one, resumed);
  }
}

TEST_F(ProcessesTest, PrivateTrainingAgreesAlsoShardedAndResumed) {
  const std::vector<std::string> asked = {"privacy.mechanism=dp-sgd", "privacy.noise_multiplier=1",
                                          "privacy.delta=1e-3", "privacy.accountant=rdp",
                                          "privacy.insecure_seed=7",
                                          // On a grid, rounding may move a sum by a whole step.
                                          "privacy.noise_protection=none"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.end(), asked.begin(), asked.end());
    return more;
  };
  const fs::path one = train("one", 1, asked);
  const fs::path two = train("two", 2, asked);
  const fs::path four = train("four", 4, with({"train.sharded_optimizer=true"}));
  EXPECT_LE(distance(one, two), 1e-6);
  EXPECT_LE(distance(one, four), 1e-6);
  expect_same_metrics(one, two);
  expect_same_metrics(one, four);
  const Json statement = core::parse_json(core::read_file(two / "privacy.json"), "privacy.json");
  const Json alone = core::parse_json(core::read_file(one / "privacy.json"), "privacy.json");
  EXPECT_EQ(statement["assumptions"]["processes"]["size"], 2);
  for (const char* key : {"epsilon", "expected_batch_size", "units", "phases", "event"}) {
    EXPECT_EQ(statement[key], alone[key]) << key;
  }
  EXPECT_EQ(privacy::read_ledger(two / "ledger.jsonl").lines, 12U);

  const fs::path resumed = folder_ / "resumed";
  fs::copy(four, resumed, fs::copy_options::recursive);
  fs::remove_all(resumed / "checkpoints" / "step-000012");
  fs::remove_all(resumed / "model");
  fs::remove(resumed / "result.json");
  ASSERT_EQ(call(3, {"resume", resumed.string()}), 0);
  EXPECT_LE(distance(one, resumed), 1e-6);
  // With a seed the repeated steps release what they released before, but the ledger counts them.
  EXPECT_EQ(privacy::read_ledger(resumed / "ledger.jsonl").lines, 18U);
}

TEST_F(ProcessesTest, ASecurePrivateRunEndsWithinItsBudget) {
  const fs::path run = train("secure", 3, {"privacy.mechanism=dp-sgd", "privacy.epsilon=4",
                                           "privacy.delta=1e-3", "privacy.accountant=rdp"});
  const Json result = core::parse_json(core::read_file(run / "result.json"), "result.json");
  EXPECT_LE(result["epsilon"].get<double>(), 4);
  EXPECT_GT(result["epsilon"].get<double>(), 3.5);
  EXPECT_EQ(privacy::read_ledger(run / "ledger.jsonl").lines, 12U);
}

}  // namespace
}  // namespace discreet
