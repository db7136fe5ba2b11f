// A run that is killed anywhere and resumed ends with the bytes of one that was not; where nothing can
// be repeated, with no step forgotten.
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>

#include "discreet/app/loader.h"
#include "discreet/core/files.h"
#include "discreet/core/operation.h"
#include "discreet/core/random.h"
#include "discreet/core/run_dir.h"
#include "discreet/privacy/accountant.h"
#include "discreet/privacy/ledger.h"
#include "discreet/privacy/verify.h"
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

/// A run of three steps, with and without privacy.
class SmallRun : public ::testing::Test {
 protected:
  SmallRun() {
    write_data(folder_ / "train.jsonl");
    request_ = {{"set", {"data.train=" + (folder_ / "train.jsonl").string(), "model.kind=bow",
                         "model.embedding=4", "data.buckets=16", "train.threads=1",
                         "train.batch_size=8", "train.steps=" + std::to_string(kSteps),
                         "train.log_every=1"}}};
  }
  void set(std::initializer_list<const char*> assignments) {
    for (const char* assignment : assignments) request_["set"].push_back(assignment);
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
  /// The same, told to stop at the first occasion.
  void train_and_stop(const fs::path& run) const {
    std::atomic<int> stop{SIGTERM};
    core::OperationContext context;
    context.quiet = true;
    context.stop = &stop;
    Json request = request_;
    request["run"] = run.string();
    app::call_operation("train", request, context);
  }
  static void resume(const fs::path& run) { call("resume", {{"run", run.string()}}); }

  static std::string weights(const fs::path& run) {
    return core::read_file(run / "model" / "model.safetensors");
  }

  core::TemporaryFolder folder_;
  Json request_;
};

class ResumeTest : public SmallRun, public ::testing::WithParamInterface<std::string> {
 protected:
  ResumeTest() {
    set({"train.checkpoint_every=2"});
    if (GetParam() == "dp-ftrl") {
      set({"privacy.mechanism=dp-ftrl", "privacy.noise_multiplier=1", "privacy.delta=1e-3",
           "privacy.accountant=rdp", "privacy.ftrl_bands=3", "privacy.insecure_seed=7",
           "train.optimizer=momentum"});
    } else if (!GetParam().empty()) {
      // What has the most to lose: slots, noise that falls, bounds that follow private counts, moments that
      // know the noise, averages.
      set({"privacy.mechanism=edp-sgd", "privacy.noise_multiplier=1", "privacy.delta=1e-3",
           "privacy.accountant=rdp", "privacy.slots=4", "privacy.clipping=group-wise",
           "privacy.noise_schedule=exponential", "privacy.noise_decay=0.5", "privacy.insecure_seed=7",
           "train.optimizer=adam-bc", "train.average=0.9"});
    }
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
      if (line["split"] == "train") {
        EXPECT_EQ(line["step"].get<std::int64_t>(), ++step) << what;
      }
    }
    EXPECT_EQ(step, kSteps) << what;
    if (!GetParam().empty()) {
      EXPECT_GE(privacy::read_ledger(run / "ledger.jsonl").lines, static_cast<std::uint64_t>(kSteps)) << what;
    }
  }
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
  const auto stopped = run_child([&] { train_and_stop(run); });
  EXPECT_EQ(stopped.code, 143);
  EXPECT_FALSE(core::RunDir::open(run).checkpoint_steps().empty());
  finish_and_compare(run, weights(whole), "stopped");
}

// A suite each, so that each has its own time limit.
INSTANTIATE_TEST_SUITE_P(WithoutPrivacy, ResumeTest, ::testing::Values(""));
INSTANTIATE_TEST_SUITE_P(InsecureSeed, ResumeTest, ::testing::Values("edp-sgd"));
INSTANTIATE_TEST_SUITE_P(CorrelatedNoise, ResumeTest, ::testing::Values("dp-ftrl"));

/// With secret randomness nothing can be repeated: what was spent stays spent.
class SecureResumeTest : public SmallRun {
 protected:
  SecureResumeTest() {
    set({"train.checkpoint_every=1", "privacy.mechanism=dp-sgd", "privacy.noise_multiplier=1",
         "privacy.delta=1e-3", "privacy.accountant=rdp"});
  }

  static privacy::LedgerSum ledger(const fs::path& run) {
    return privacy::read_ledger(run / "ledger.jsonl");
  }
  /// What the noisy steps in the ledger cost.
  static double spent(const fs::path& run) {
    const privacy::LedgerSum sum = ledger(run);
    if (sum.lines == 0) return 0;
    return privacy::make_accountant("rdp")->epsilon(sum.event, privacy::Delta(1e-3)).guarantee();
  }
  static double stated(const fs::path& run) {
    return Json::parse(core::read_file(run / "privacy.json"))["epsilon"];
  }

  /// After a process ended somehow. True if the run then came to its end.
  bool resume_and_count(const fs::path& run, const std::string& what) {
    const std::uint64_t before = ledger(run).lines;
    if (before > 0) {
      EXPECT_GE(stated(run), spent(run) * (1 - 1e-9)) << what;
    }
    const auto end = run_child([&] { resume(run); });
    const std::uint64_t after = ledger(run).lines;
    EXPECT_GE(after, before) << what;
    EXPECT_LE(after, static_cast<std::uint64_t>(kSteps)) << what << ": more than was planned";
    if (end.code == 0) {
      EXPECT_NEAR(stated(run), spent(run), 1e-9 * spent(run)) << what;
      for (const auto& check : privacy::verify_privacy(run)) {
        EXPECT_TRUE(check.ok) << what << ": " << check.name << ": " << check.detail;
      }
      return true;
    }
    // Refused: either all that was planned is spent, or the run had not begun.
    EXPECT_FALSE(fs::exists(run / "model")) << what;
    if (end.code == 5) {
      EXPECT_EQ(after, static_cast<std::uint64_t>(kSteps)) << what;
    } else {
      EXPECT_EQ(before, 0u) << what;
    }
    return false;
  }
};

TEST_F(SecureResumeTest, AnErrorOrAKillAtAnyWriteForgetsNoStepAndSpendsNoMore) {
  long points = 0, finished = 0;
  for (long at = 1;; ++at, ++points) {
    const std::string kind = at % 2 == 0 ? "kill" : "error";
    const fs::path run = folder_ / ("run" + std::to_string(at));
    if (run_child([&] { train(run); }, at, kind).code == 0) {
      EXPECT_EQ(ledger(run).lines, static_cast<std::uint64_t>(kSteps));
      break;
    }
    if (core::RunDir::is_run(run)) {
      finished += resume_and_count(run, kind + " at point " + std::to_string(at)) ? 1 : 0;
    }
    fs::remove_all(run);
    if (HasFatalFailure()) break;
  }
  EXPECT_GT(points, 25);
  EXPECT_GT(finished, 15);
}

TEST_F(SecureResumeTest, NoiseIsNeverReplayed) {
  const fs::path one = folder_ / "one", other = folder_ / "other";
  ASSERT_EQ(run_child([&] { train_and_stop(one); }).code, 143);
  ASSERT_LT(ledger(one).lines, static_cast<std::uint64_t>(kSteps));
  fs::copy(one, other, fs::copy_options::recursive);
  const std::uint64_t before = ledger(one).lines;
  for (const fs::path& run : {one, other}) {
    ASSERT_TRUE(resume_and_count(run, run.string()));
    EXPECT_EQ(ledger(run).lines, static_cast<std::uint64_t>(kSteps)) << before << " before";
  }
  EXPECT_NE(weights(one), weights(other));
}

}  // namespace
}  // namespace discreet
