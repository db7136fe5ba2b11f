#include "discreet/core/run_dir.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "discreet/core/config.h"
#include "discreet/core/error.h"
#include "discreet/core/file_lock.h"
#include "discreet/core/files.h"
#include "discreet/core/sha256.h"
#include "tests/core/temporary_folder.h"

namespace discreet::core {
namespace {
namespace fs = std::filesystem;

const Json kConfig = {{"task", "intent-slot"}, {"train", {{"batch_size", 8}}}};

Manifest some_manifest() {
  return {.command_line = {"discreet", "train", "x.toml"},
          .seeds = {{"model", 7}},
          .threads = 2,
          .libtorch = "2.13.0",
          .inputs = {{"train", "data/train.jsonl", 3, sha256("abc")}}};
}

template <class F>
std::string run_failure(ErrorCode code, F work) {
  try {
    work();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), code) << e.what();
    return e.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

std::function<void(const fs::path&)> weights(const std::string& bytes) {
  return [bytes](const fs::path& folder) {
    write_file_atomically(folder / "model.safetensors", bytes);
    write_file_atomically(folder / "optimizer.safetensors", bytes + bytes);
  };
}

void overwrite(const fs::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

TEST(RunDir, KeepsManifestAndConfiguration) {
  const TemporaryFolder folder;
  RunDir::create(folder / "runs/a", some_manifest(), kConfig);
  const RunDir run = RunDir::open(folder / "runs/a");
  const Json manifest = run.manifest();
  EXPECT_EQ(manifest["command_line"][1], "train");
  EXPECT_EQ(manifest["seeds"]["model"], 7);
  EXPECT_EQ(manifest["inputs"][0]["sha256"], sha256("abc"));
  EXPECT_TRUE(manifest["blas"].is_null());
  Config config;
  config.add_toml_file(run.config_file().string());
  EXPECT_EQ(config.values(), kConfig);
}

TEST(RunDir, NeverOverwritesUnasked) {
  const TemporaryFolder folder;
  const auto path = folder / "a";
  RunDir::create(path, some_manifest(), kConfig).append_metric({{"step", 1}});
  const std::string message =
      run_failure(ErrorCode::kUsage, [&] { RunDir::create(path, some_manifest(), kConfig); });
  EXPECT_EQ(message, "run " + path.string() + " exists");
  EXPECT_EQ(RunDir::open(path).metrics().size(), 1u);
  RunDir::create(path, some_manifest(), kConfig, true);
  EXPECT_TRUE(RunDir::open(path).metrics().empty());
}

TEST(RunDir, ForceNeverEmptiesWhatIsNoRun) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "letter.txt", "dear");
  run_failure(ErrorCode::kUsage,
              [&] { RunDir::create(folder.path(), some_manifest(), kConfig, true); });
  EXPECT_EQ(read_file(folder / "letter.txt"), "dear");
  EXPECT_FALSE(fs::exists(folder / "lock"));
  run_failure(ErrorCode::kUsage, [&] { RunDir::open(folder.path()); });
  run_failure(ErrorCode::kUsage, [&] { RunDir::open_for_writing(folder / "absent"); });
}

TEST(RunDir, WhatCouldNotBeginIsTakenBack) {
  const TemporaryFolder folder;
  const fs::path path = folder / "run";
  RunDir::create(path, some_manifest(), kConfig).discard();
  EXPECT_FALSE(fs::exists(path));
  RunDir spent = RunDir::create(path, some_manifest(), kConfig);
  spent.append_ledger({{"step", 1}});
  EXPECT_THROW(std::move(spent).discard(), Error);
  EXPECT_TRUE(RunDir::is_run(path));
}

TEST(RunDir, ACreationCutShortIsTakenOver) {
  const TemporaryFolder folder;
  const fs::path path = folder / "a";
  fs::create_directories(path / "checkpoints");
  overwrite(path / "config.toml", "half");
  overwrite(path / ".tmp-manifest.json-1-0", "half");
  EXPECT_FALSE(RunDir::is_run(path));
  RunDir::create(path, some_manifest(), kConfig);
  EXPECT_EQ(RunDir::open(path).manifest()["seeds"]["model"], 7);
  EXPECT_FALSE(fs::exists(path / ".tmp-manifest.json-1-0"));

  // Work inside, and it is somebody's.
  fs::create_directories(folder / "b/checkpoints");
  overwrite(folder / "b/checkpoints/mine", "x");
  run_failure(ErrorCode::kUsage, [&] { RunDir::create(folder / "b", some_manifest(), kConfig); });
}

TEST(RunDir, OneWriterAtATimeAndReadersBesideIt) {
  const TemporaryFolder folder;
  const auto path = folder / "a";
  {
    RunDir run = RunDir::create(path, some_manifest(), kConfig);
    const std::string message =
        run_failure(ErrorCode::kRuntime, [&] { RunDir::open_for_writing(path); });
    EXPECT_NE(message.find("being written by process " + std::to_string(::getpid()) + " on "),
              std::string::npos)
        << message;
    run_failure(ErrorCode::kRuntime, [&] { RunDir::create(path, some_manifest(), kConfig, true); });
    run.append_metric({{"step", 1}});
    RunDir reader = RunDir::open(path);
    EXPECT_EQ(reader.metrics().size(), 1u);
    run_failure(ErrorCode::kInternal, [&] { reader.append_metric({{"step", 2}}); });
  }
  EXPECT_FALSE(fs::exists(path / "lock"));
  RunDir::open_for_writing(path);
}

TEST(RunDir, LockOfADeadProcessIsTakenOver) {
  const TemporaryFolder folder;
  const auto path = folder / "a";
  RunDir::create(path, some_manifest(), kConfig);
  const pid_t child = ::fork();
  if (child == 0) {
    RunDir run = RunDir::open_for_writing(path);
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_TRUE(fs::exists(path / "lock"));
  EXPECT_NO_THROW(RunDir::open_for_writing(path));
}

TEST(RunDir, MetricsBeyondTheCheckpointAreDroppedAndNothingElse) {
  const TemporaryFolder folder;
  const auto path = folder / "a";
  std::string uninterrupted;
  {
    RunDir run = RunDir::create(path, some_manifest(), kConfig);
    for (int step : {1, 2, 3, 4}) run.append_metric({{"step", step}, {"loss", 0.1 * step}});
    uninterrupted = read_file(path / "metrics.jsonl");
  }
  RunDir run = RunDir::open_for_writing(path);
  run.truncate_metrics(2);
  EXPECT_EQ(run.metrics().back()["step"], 2);
  for (int step : {3, 4}) run.append_metric({{"step", step}, {"loss", 0.1 * step}});
  EXPECT_EQ(read_file(path / "metrics.jsonl"), uninterrupted);
  run_failure(ErrorCode::kInternal, [&] { run.append_metric({{"loss", 1}}); });
}

TEST(RunDir, ReadersSeeWholeLinesOnly) {
  const TemporaryFolder folder;
  const auto path = folder / "a";
  RunDir::create(path, some_manifest(), kConfig).append_ledger({{"sigma", 1.5}});
  overwrite(path / "ledger.jsonl", "{\"sigma\":1.5}\n{\"sig");
  EXPECT_EQ(RunDir::open(path).ledger().size(), 1u);
  RunDir run = RunDir::open_for_writing(path);
  run.append_ledger({{"sigma", 2}});
  EXPECT_EQ(read_file(path / "ledger.jsonl"), "{\"sigma\":1.5}\n{\"sigma\":2}\n");
  overwrite(path / "ledger.jsonl", "{}\nx\n");
  const std::string message = run_failure(ErrorCode::kBadData, [&] { run.ledger(); });
  EXPECT_NE(message.find("ledger.jsonl:2"), std::string::npos);
}

TEST(RunDir, CheckpointsReadBackAndOldOnesGo) {
  const TemporaryFolder folder;
  RunDir run = RunDir::create(folder / "a", some_manifest(), kConfig);
  EXPECT_FALSE(run.latest_checkpoint().has_value());
  for (std::int64_t step : {100, 200, 300, 1500000}) {
    run.write_checkpoint(step, {{"epoch", step / 100}}, weights("w" + std::to_string(step)));
  }
  EXPECT_TRUE(fs::exists(folder / "a/checkpoints/step-000100/state.json"));
  const auto latest = run.latest_checkpoint();
  ASSERT_TRUE(latest.has_value());
  EXPECT_EQ(latest->step, 1500000);
  EXPECT_EQ(latest->state["epoch"], 15000);
  EXPECT_EQ(read_file(latest->folder / "model.safetensors"), "w1500000");
  run.remove_old_checkpoints(2, {100});
  EXPECT_EQ(run.checkpoint_steps(), (std::vector<std::int64_t>{100, 300, 1500000}));
  run.write_checkpoint(300, {{"epoch", 4}}, weights("again"));
  EXPECT_EQ(run.load_checkpoint(300).state["epoch"], 4);
  EXPECT_EQ(read_file(folder / "a/checkpoints/step-000300/model.safetensors"), "again");
}

TEST(RunDir, DamagedCheckpointsAreSkippedAndNamed) {
  const TemporaryFolder folder;
  RunDir run = RunDir::create(folder / "a", some_manifest(), kConfig);
  const auto place = folder / "a/checkpoints";
  for (std::int64_t step : {1, 2, 3, 4, 5, 6}) {
    run.write_checkpoint(step, {{"epoch", 1}}, weights("weights"));
  }
  overwrite(place / "step-000006/model.safetensors", "weightz");
  overwrite(place / "step-000005/model.safetensors", "weight");
  fs::remove(place / "step-000004/optimizer.safetensors");
  fs::remove(place / "step-000003/state.json");
  std::string state = read_file(place / "step-000002/state.json");
  state.replace(state.find("\"epoch\": 1"), 10, "\"epoch\": 2");
  overwrite(place / "step-000002/state.json", state);
  fs::create_directories(place / "step-7");
  fs::create_directories(place / ".tmp-step-000009-1-0");

  std::vector<std::string> skipped;
  const auto latest = run.latest_checkpoint(&skipped);
  ASSERT_TRUE(latest.has_value());
  EXPECT_EQ(latest->step, 1);
  ASSERT_EQ(skipped.size(), 5u);
  EXPECT_NE(skipped[0].find("step-000006/model.safetensors: its SHA-256"), std::string::npos);
  EXPECT_NE(skipped[1].find("expected 7 bytes, got 6"), std::string::npos);
  EXPECT_NE(skipped[2].find("optimizer.safetensors: is missing"), std::string::npos);
  EXPECT_NE(skipped[3].find("state.json: is missing"), std::string::npos);
  EXPECT_NE(skipped[4].find("does not match \"state_sha256\""), std::string::npos);
}

TEST(RunDir, ACheckpointCutShortAtAnyByteGivesWayToTheOneBefore) {
  const TemporaryFolder folder;
  RunDir run = RunDir::create(folder / "a", some_manifest(), kConfig);
  for (std::int64_t step : {1, 2}) run.write_checkpoint(step, {{"epoch", step}}, weights("weights"));
  ASSERT_EQ(run.latest_checkpoint()->step, 2);
  for (const char* name : {"model.safetensors", "optimizer.safetensors", "state.json"}) {
    const auto file = folder / "a/checkpoints/step-000002" / name;
    const std::string bytes = read_file(file);
    // Without its last line break alone, state.json still says all.
    const std::size_t end = bytes.size() - (bytes.ends_with("\n") ? 1 : 0);
    ASSERT_GT(end, 0u);
    for (std::size_t cut = 0; cut < end; ++cut) {
      overwrite(file, bytes.substr(0, cut));
      std::vector<std::string> skipped;
      const auto latest = run.latest_checkpoint(&skipped);
      ASSERT_TRUE(latest.has_value()) << name << " cut at " << cut;
      ASSERT_EQ(latest->step, 1) << name << " cut at " << cut;
      ASSERT_EQ(skipped.size(), 1u);
      EXPECT_NE(skipped[0].find("step-000002"), std::string::npos) << skipped[0];
    }
    overwrite(file, bytes);
  }
  EXPECT_EQ(run.latest_checkpoint()->step, 2);
}

TEST(RunDir, WhatIsWrittenToARunKeptElsewhereGoesNowhere) {
  const TemporaryFolder folder;
  RunDir run = RunDir::kept_elsewhere(folder / "a");
  EXPECT_TRUE(run.elsewhere());
  run.append_metric({{"step", 1}});
  run.append_ledger({{"sigma", 1}});
  run.update_manifest({{"finished", true}});
  run.write_document("result.json", {{"schema", "discreet.train/1"}});
  run.truncate_metrics(0);
  run.write_model([](const fs::path&) { FAIL() << "nothing is to be filled"; });
  EXPECT_EQ(run.write_checkpoint(7, {}, [](const fs::path&) { FAIL(); }).step, 7);
  EXPECT_FALSE(fs::exists(folder / "a"));
}

TEST(RunDir, AFailedCheckpointLeavesNoTrace) {
  const TemporaryFolder folder;
  RunDir run = RunDir::create(folder / "a", some_manifest(), kConfig);
  EXPECT_THROW(run.write_checkpoint(1, {},
                                    [](const fs::path& temporary) {
                                      write_file_atomically(temporary / "model.safetensors",
                                                            "half");
                                      throw runtime_failure("disk full");
                                    }),
               Error);
  EXPECT_TRUE(fs::is_empty(folder / "a/checkpoints"));
}

TEST(RunDir, OpeningForWritingRemovesLeftovers) {
  const TemporaryFolder folder;
  const auto path = folder / "a";
  RunDir::create(path, some_manifest(), kConfig);
  fs::create_directories(path / "checkpoints/.tmp-step-000009-1-0/x");
  fs::create_directories(path / ".old-model");
  write_file_atomically(path / ".old-model" / "config.json", "{}");
  RunDir::open_for_writing(path);
  EXPECT_TRUE(fs::is_empty(path / "checkpoints"));
  EXPECT_EQ(read_file(path / "model/config.json"), "{}");
}

TEST(RunDir, AuditsNeedNoLockAndAnswerAgainInPlace) {
  const TemporaryFolder folder;
  RunDir writer = RunDir::create(folder / "a", some_manifest(), kConfig);
  const RunDir run = RunDir::open(folder / "a");
  Json document = make_document({.schema = "acme.audit/1", .configuration = {{"x", 1}}});
  const fs::path first = run.write_audit(document);
  document["results"].push_back({{"auc", 0.5}});
  EXPECT_EQ(run.write_audit(document), first);
  EXPECT_EQ(run.audit_files(), std::vector<fs::path>{first});
  EXPECT_EQ(read_document(first)["results"].size(), 1u);
}

TEST(RunDir, ManifestTakesLaterFacts) {
  const TemporaryFolder folder;
  RunDir run = RunDir::create(folder / "a", some_manifest(), kConfig);
  run.update_manifest({{"finished", true}, {"note", "x"}});
  run.update_manifest({{"note", nullptr}});
  EXPECT_EQ(run.manifest()["finished"], true);
  EXPECT_FALSE(run.manifest().contains("note"));
  run_failure(ErrorCode::kInternal, [&] { run.update_manifest({{"threads", "many"}}); });
  EXPECT_EQ(run.manifest()["threads"], 2);
}

}  // namespace
}  // namespace discreet::core
