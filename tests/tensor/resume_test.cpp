// A run that is killed anywhere and resumed ends with the bytes of one that was not.
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>

#include "discreet/app/loader.h"
#include "discreet/core/files.h"
#include "discreet/core/operation.h"
#include "discreet/core/random.h"
#include "discreet/core/run_dir.h"
#include "discreet/privacy/ledger.h"
#include "tests/core/temporary_folder.h"
#include "tests/tensor/child.h"

namespace discreet {
namespace {
namespace fs = std::filesystem;
using testing::run_child;

constexpr std::int64_t kSteps = 3;

/// Twenty-four short examples of two intents.
void write_data(const fs::path& path) {
  std::ofstream out(path);
  for (int i = 0; i < 24; ++i) {
    const bool play = i % 2 == 0;
    out << "{\"words\":[\"" << (play ? "play" : "will") << "\",\"w" << i % 5 << "\"],\"tags\":[\"O\",\""
        << (play ? "B-song" : "B-day") << "\"],\"intent\":\"" << (play ? "play" : "weather") << "\"}\n";
  }
}

class ResumeTest : public ::testing::TestWithParam<std::string> {
 protected:
  ResumeTest() {
    write_data(folder_ / "train.jsonl");
    request_ = {{"set", {"data.train=" + (folder_ / "train.jsonl").string(), "model.kind=bow",
                         "model.embedding=4", "data.buckets=16", "train.threads=1",
                         "train.batch_size=8", "train.steps=" + std::to_string(kSteps),
                         "train.checkpoint_every=2", "train.log_every=1"}}};
    if (GetParam() == "dp-ftrl") {
      for (const char* more : {"privacy.mechanism=dp-ftrl", "privacy.noise_multiplier=1",
                               "privacy.delta=1e-3", "privacy.accountant=rdp", "privacy.ftrl_bands=3",
                               "privacy.insecure_seed=7", "train.optimizer=momentum"}) {
        request_["set"].push_back(more);
      }
    } else if (!GetParam().empty()) {
      // What has the most to lose: slots, noise that falls, bounds that follow private counts, moments that
      // know the noise, averages.
      for (const char* more : {"privacy.mechanism=edp-sgd", "privacy.noise_multiplier=1",
                               "privacy.delta=1e-3", "privacy.accountant=rdp", "privacy.slots=4",
                               "privacy.clipping=group-wise", "privacy.noise_schedule=exponential",
                               "privacy.noise_decay=0.5", "privacy.insecure_seed=7",
                               "train.optimizer=adam-bc", "train.average=0.9"}) {
        request_["set"].push_back(more);
      }
    }
  }

  static void call(const std::string& operation, const Json& request) {
    core::OperationContext context;
    context.quiet = true;
    app::call_operation(operation, request, context);
  }
  void train(const fs::path& run, bool force = false) const {
    Json request = request_;
    request["run"] = run.string();
    request["force"] = force;
    call("train", request);
  }
  static void resume(const fs::path& run) { call("resume", {{"run", run.string()}}); }

  static std::string weights(const fs::path& run) {
    return core::read_file(run / "model" / "model.safetensors");
  }

  /// After a process ended somehow: go on, as a user would, and compare.
  void finish_and_compare(const fs::path& run, const std::string& expected, const std::string& what) {
    if (run_child([&] { resume(run); }).code != 0) {
      // Nothing to go on from: then nothing but an unfinished start may lie there.
      ASSERT_FALSE(fs::exists(run / "model")) << what;
      if (!core::RunDir::is_run(run)) fs::remove_all(run);  // what the error says to do
      ASSERT_EQ(run_child([&] { train(run, core::RunDir::is_run(run)); }).code, 0) << what;
    }
    EXPECT_EQ(weights(run), expected) << what;
    // One line for each step, as if nothing had happened.
    std::int64_t step = 0;
    for (const Json& line : core::RunDir::open(run).metrics()) {
      if (line["split"] == "train") EXPECT_EQ(line["step"].get<std::int64_t>(), ++step) << what;
    }
    EXPECT_EQ(step, kSteps) << what;
    if (!GetParam().empty()) {
      EXPECT_GE(privacy::read_ledger(run / "ledger.jsonl").lines, static_cast<std::uint64_t>(kSteps)) << what;
    }
  }

  core::TemporaryFolder folder_;
  Json request_;
};

TEST_P(ResumeTest, AnErrorOrAKillAtAnyWriteLosesNothing) {
  const fs::path whole = folder_ / "whole";
  ASSERT_EQ(run_child([&] { train(whole); }).code, 0);
  const std::string expected = weights(whole);
  long points = 0;
  for (long at = 1;; ++at, ++points) {
    const std::string kind = at % 2 == 0 ? "kill" : "error";
    const fs::path run = folder_ / ("run" + std::to_string(at));
    const auto end = run_child([&] { train(run); }, at, kind);
    if (end.code == 0) break;  // the run has fewer writes than that
    EXPECT_EQ(end.code, kind == "kill" ? -1 : 1) << "point " << at;
    finish_and_compare(run, expected, kind + " at point " + std::to_string(at));
    fs::remove_all(run);
    if (HasFatalFailure()) break;
  }
  EXPECT_GT(points, 25);
}

TEST_P(ResumeTest, KillsAtTwentyRandomTimesLoseNothing) {
  const fs::path whole = folder_ / "whole";
  const pid_t timed = testing::start_child([&] { train(whole); });
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_EQ(testing::wait_for(timed).code, 0);
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - begin);
  const std::string expected = weights(whole);
  core::ReproducibleRng rng(1, "kill times");
  for (int i = 0; i < 20; ++i) {
    const fs::path run = folder_ / ("run" + std::to_string(i));
    const pid_t child = testing::start_child([&] { train(run); });
    ::usleep(static_cast<useconds_t>(rng.uniform() * static_cast<double>(took.count())));
    ::kill(child, SIGKILL);
    testing::wait_for(child);
    finish_and_compare(run, expected, "kill " + std::to_string(i));
    if (HasFatalFailure()) break;
  }
}

TEST_P(ResumeTest, ASignalSavesTheStepAndTheExitCodeSaysWhich) {
  const fs::path whole = folder_ / "whole", run = folder_ / "run";
  ASSERT_EQ(run_child([&] { train(whole); }).code, 0);
  const auto stopped = run_child([&] {
    std::atomic<int> stop{SIGTERM};
    core::OperationContext context;
    context.quiet = true;
    context.stop = &stop;
    Json request = request_;
    request["run"] = run.string();
    app::call_operation("train", request, context);
  });
  EXPECT_EQ(stopped.code, 143);
  EXPECT_FALSE(core::RunDir::open(run).checkpoint_steps().empty());
  finish_and_compare(run, weights(whole), "stopped");
}

// A suite each, so that each has its own time limit.
INSTANTIATE_TEST_SUITE_P(WithoutPrivacy, ResumeTest, ::testing::Values(""));
INSTANTIATE_TEST_SUITE_P(InsecureSeed, ResumeTest, ::testing::Values("edp-sgd"));
INSTANTIATE_TEST_SUITE_P(CorrelatedNoise, ResumeTest, ::testing::Values("dp-ftrl"));

}  // namespace
}  // namespace discreet
