#include "discreet/core/files.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "discreet/core/error.h"
#include "discreet/core/internal/fault_plan.h"
#include "discreet/core/run_dir.h"
#include "tests/core/temporary_folder.h"

namespace discreet::core {
namespace {
namespace fs = std::filesystem;

enum class Outcome { kDone, kFailed, kKilled };

/// Runs `work` in a child whose n-th fault point fails.
Outcome run_with_fault(long at, bool kill, bool no_exchange, const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    internal::fault_plan() = {.at = at, .kill = kill, .no_exchange = no_exchange};
    try {
      work();
    } catch (const Error& e) {
      ::_exit(std::string(e.what()).find("injected") != std::string::npos ? 1 : 2);
    } catch (...) {
      ::_exit(2);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) return Outcome::kKilled;
  EXPECT_LE(WEXITSTATUS(status), 1) << "another error than the injected one";
  return WEXITSTATUS(status) == 0 ? Outcome::kDone : Outcome::kFailed;
}

struct FaultCase {
  std::function<void(const fs::path&)> prepare;
  std::function<void(const fs::path&)> work;
  /// Called after each fault with what happened; checks that nothing is half.
  std::function<void(const fs::path&, Outcome)> check;
  bool no_exchange = false;
};

/// Each point from the first on, until the work gets through. Returns how many points there were.
long sweep(const FaultCase& c) {
  long points = 0;
  for (const bool kill : {false, true}) {
    for (long at = 1;; ++at) {
      const TemporaryFolder folder;
      c.prepare(folder.path());
      const Outcome outcome =
          run_with_fault(at, kill, c.no_exchange, [&] { c.work(folder.path()); });
      SCOPED_TRACE("point " + std::to_string(at) + (kill ? " killed" : " failed"));
      if (outcome != Outcome::kDone) {
        EXPECT_EQ(outcome == Outcome::kKilled, kill);
      }
      c.check(folder.path(), outcome);
      if (outcome == Outcome::kDone || at > 500 || testing::Test::HasFailure()) {
        points = at - 1;
        break;
      }
    }
  }
  return points;
}

std::size_t entries_of(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), {}));
}

const std::string kOld(3000, 'o'), kNew(5000, 'n');

TEST(AtomicFile, EveryFaultLeavesTheOldFileOrTheNewOne) {
  const long points = sweep({
      .prepare = [](const fs::path& f) { write_file_atomically(f / "a", kOld); },
      .work = [](const fs::path& f) { write_file_atomically(f / "a", kNew); },
      .check =
          [](const fs::path& f, Outcome outcome) {
            EXPECT_EQ(read_file(f / "a"), outcome == Outcome::kDone ? kNew : kOld);
            if (outcome == Outcome::kFailed) {
              EXPECT_EQ(entries_of(f), 1u) << "a leftover";
            }
            remove_temporaries(f);
            EXPECT_EQ(entries_of(f), 1u);
          },
  });
  EXPECT_EQ(points, 3);  // write, sync, rename
}

void fill_folder(const fs::path& folder, const std::string& text) {
  write_file_atomically(folder / "one", text);
  fs::create_directories(folder / "sub");
  write_file_atomically(folder / "sub" / "two", text);
}

void check_whole(const fs::path& folder, const std::string& a, const std::string& b) {
  const std::string one = read_file(folder / "one");
  EXPECT_TRUE(one == a || one == b);
  EXPECT_EQ(read_file(folder / "sub" / "two"), one);
  EXPECT_EQ(entries_of(folder), 2u);
}

TEST(AtomicFolder, EveryFaultLeavesTheOldFolderOrTheNewOne) {
  for (const bool no_exchange : {false, true}) {
    const long points = sweep({
        .prepare =
            [](const fs::path& f) {
              write_folder_atomically(f / "a", [](const fs::path& to) { fill_folder(to, kOld); });
            },
        .work =
            [](const fs::path& f) {
              write_folder_atomically(f / "a", [](const fs::path& to) { fill_folder(to, kNew); });
            },
        .check =
            [&](const fs::path& f, Outcome outcome) {
              // Where folders can be exchanged, no moment is without a whole one.
              if (!no_exchange) {
                check_whole(f / "a", kOld, kNew);
              }
              recover_folder(f / "a");
              check_whole(f / "a", kOld, kNew);
              if (outcome == Outcome::kDone) {
                EXPECT_EQ(read_file(f / "a/one"), kNew);
              }
              remove_temporaries(f);
              EXPECT_EQ(entries_of(f), 1u);
            },
        .no_exchange = no_exchange,
    });
    EXPECT_GE(points, 10);
  }
}

TEST(AtomicFolder, EveryFaultLeavesAWholeNewFolderOrNone) {
  sweep({
      .prepare = [](const fs::path&) {},
      .work =
          [](const fs::path& f) {
            write_folder_atomically(f / "a", [](const fs::path& to) { fill_folder(to, kNew); });
          },
      .check =
          [](const fs::path& f, Outcome outcome) {
            if (outcome == Outcome::kDone || fs::exists(f / "a")) {
              check_whole(f / "a", kNew, kNew);
            }
          },
  });
}

TEST(RemoveFolder, EveryFaultLeavesItWholeOrGone) {
  sweep({
      .prepare =
          [](const fs::path& f) {
            fs::create_directories(f / "a");
            fill_folder(f / "a", kOld);
          },
      .work = [](const fs::path& f) { remove_folder_atomically(f / "a"); },
      .check =
          [](const fs::path& f, Outcome outcome) {
            if (outcome == Outcome::kDone) {
              EXPECT_FALSE(fs::exists(f / "a"));
            }
            if (fs::exists(f / "a")) {
              check_whole(f / "a", kOld, kOld);
            }
          },
  });
}

/// A resumed run after any fault in the middle of its life: checkpoints load, metrics end where the
/// checkpoint does, and no ledger line that was promised is lost.
TEST(RunDirFaults, EveryFaultLeavesARunThatGoesOn) {
  const auto work = [](const fs::path& f) {
    RunDir run = RunDir::open_for_writing(f / "run");
    const auto from = run.latest_checkpoint();
    const std::int64_t first = from ? from->step + 1 : 1;
    run.truncate_metrics(first - 1);
    for (std::int64_t step = first; step <= 2; ++step) {
      run.append_ledger({{"step", step}});
      run.append_metric({{"step", step}});
      run.write_checkpoint(step, {{"step", step}}, [&](const fs::path& to) {
        write_file_atomically(to / "weights", std::to_string(step));
      });
    }
    run.remove_old_checkpoints(1);
  };
  const long points = sweep({
      .prepare =
          [](const fs::path& f) {
            RunDir::create(f / "run", {}, {{"task", "x"}});
          },
      .work = work,
      .check =
          [&](const fs::path& f, Outcome) {
            std::vector<std::string> skipped;
            const auto latest = RunDir::open(f / "run").latest_checkpoint(&skipped);
            EXPECT_TRUE(skipped.empty());
            const std::size_t spent = RunDir::open(f / "run").ledger().size();
            EXPECT_GE(static_cast<std::int64_t>(spent), latest ? latest->step : 0);
            work(f);
            const RunDir run = RunDir::open(f / "run");
            EXPECT_EQ(read_file(f / "run/metrics.jsonl"), "{\"step\":1}\n{\"step\":2}\n");
            EXPECT_EQ(run.checkpoint_steps(), std::vector<std::int64_t>{2});
            EXPECT_EQ(read_file(run.load_checkpoint(2).folder / "weights"), "2");
            EXPECT_GE(run.ledger().size(), spent);
            EXPECT_EQ(entries_of(f / "run/checkpoints"), 1u);
          },
  });
  EXPECT_GE(points, 20);
}

TEST(AppendFile, AFailedLineIsNotThereAndTheNextOneIsWhole) {
  sweep({
      .prepare = [](const fs::path& f) { AppendFile(f / "a").append_synced("first"); },
      .work =
          [](const fs::path& f) {
            AppendFile file(f / "a");
            file.append("second");
            file.append_synced("third");
          },
      .check =
          [](const fs::path& f, Outcome outcome) {
            const std::string text = read_file(f / "a");
            EXPECT_EQ(std::string("first\nsecond\nthird\n").rfind(text, 0), 0u) << text;
            EXPECT_EQ(text.back(), '\n');
            if (outcome == Outcome::kDone) {
              EXPECT_EQ(text, "first\nsecond\nthird\n");
            }
          },
  });
}

TEST(AppendFile, ATornLastLineIsCutOff) {
  const TemporaryFolder folder;
  for (const auto& [before, after] : {std::pair{"a\nb\nhalf", "a\nb\nnew\n"},
                                      {"half", "new\n"},
                                      {"", "new\n"},
                                      {"a\n", "a\nnew\n"}}) {
    std::ofstream(folder / "a") << before;
    AppendFile(folder / "a").append("new");
    EXPECT_EQ(read_file(folder / "a"), after);
  }
  AppendFile file(folder / "a");
  EXPECT_THROW(file.append("two\nlines"), Error);
}

TEST(AppendFile, AFullDiskLeavesNoHalfLine) {
  const TemporaryFolder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{10, 10};
    AppendFile file(folder / "a");
    file.append("12345");
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      file.append("67890");
    } catch (const Error& e) {
      ::_exit(e.code() == ErrorCode::kRuntime ? 0 : 2);
    }
    ::_exit(1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(read_file(folder / "a"), "12345\n");
}

TEST(Files, ErrorsNameTheFileAndTheReason) {
  const TemporaryFolder folder;
  const auto failure = [](const std::function<void()>& work) -> std::string {
    try {
      work();
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kRuntime);
      return e.what();
    }
    return "";
  };
  const std::string absent = (folder / "no/a").string();
  EXPECT_EQ(failure([&] { read_file(absent); }),
            absent + ": cannot read: No such file or directory");
  EXPECT_EQ(failure([&] { read_file(folder.path()); }),
            folder.path().string() + ": cannot read: Is a directory");
  EXPECT_EQ(failure([&] { write_file_atomically(absent, ""); }),
            absent + ": cannot write: No such file or directory");
  EXPECT_EQ(failure([&] { AppendFile file(absent); }),
            absent + ": cannot open: No such file or directory");
}

TEST(Files, PartsAreJoined) {
  const TemporaryFolder folder;
  const std::string_view parts[] = {"ab", "", "cd"};
  write_file_atomically(folder / "a", std::span<const std::string_view>(parts));
  EXPECT_EQ(read_file(folder / "a"), "abcd");
}

}  // namespace
}  // namespace discreet::core
