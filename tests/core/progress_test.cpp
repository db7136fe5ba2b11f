#include "discreet/core/progress.h"

#include <gtest/gtest.h>

#include <vector>

#include "discreet/core/log.h"
#include "discreet/core/operation.h"

namespace discreet::core {
namespace {

struct FakeScreen {
  double now = 100;
  std::vector<std::string> drawn, printed;

  ProgressScreen screen(bool terminal, int columns = 200) {
    return {.terminal = terminal,
            .columns = columns,
            .seconds = [this] { return now; },
            .draw = [this](const std::string& text) { drawn.push_back(text); },
            .print_line = [this](std::string_view text) { printed.emplace_back(text); }};
  }
};

using Texts = std::vector<std::string>;

TEST(Progress, ALogGetsALineEveryFiveSecondsAndALastOne) {
  FakeScreen fake;
  Progress progress({.label = "train", .total = 4000}, fake.screen(false));
  for (int step = 1; step <= 1000; ++step) {
    fake.now += 0x1p-6;
    progress.update(step, {.loss = 0.5, .epsilon = 3.214});
  }
  fake.now = 120;
  progress.finish({.loss = 0.25});
  EXPECT_TRUE(fake.drawn.empty());
  const std::string facts = "  64.0/s  loss 0.5000  epsilon 3.21  left ";
  EXPECT_EQ(fake.printed, (Texts{"train  320/4000 steps  8%" + facts + "0:58",
                                 "train  640/4000 steps  16%" + facts + "0:53",
                                 "train  960/4000 steps  24%" + facts + "0:48",
                                 "train  1000 steps  loss 0.2500  in 0:20"}));
}

TEST(Progress, ATerminalLineIsRewrittenAtMostTenTimesASecondAndRemoved) {
  FakeScreen fake;
  Progress progress({.label = "train"}, fake.screen(true));
  for (int step = 1; step <= 1000; ++step) {
    fake.now += 0.001;
    progress.update(step);
  }
  EXPECT_GE(fake.drawn.size(), 9u);
  EXPECT_LE(fake.drawn.size(), 11u);
  EXPECT_TRUE(fake.printed.empty());
  progress.finish();
  EXPECT_EQ(fake.drawn.back(), "");
  EXPECT_EQ(fake.printed, Texts{"train  1000 steps  in 0:01"});
}

TEST(Progress, ALineNeverWraps) {
  FakeScreen fake;
  Progress progress({.label = "train"}, fake.screen(true, 20));
  progress.update(1, {.note = std::string(100, 'x')});
  EXPECT_EQ(fake.drawn.back().size(), 19u);
}

TEST(Progress, AnExceptionTakesTheLineAway) {
  FakeScreen fake;
  {
    Progress progress({.label = "train"}, fake.screen(true));
    progress.update(1);
  }
  EXPECT_EQ(fake.drawn.back(), "");
  EXPECT_TRUE(fake.printed.empty());
}

TEST(Progress, QuietShowsNothing) {
  FakeScreen fake;
  for (bool terminal : {false, true}) {
    Progress progress({.label = "train", .quiet = true}, fake.screen(terminal));
    fake.now += 10;
    progress.update(1);
    progress.finish();
  }
  EXPECT_TRUE(fake.drawn.empty());
  EXPECT_TRUE(fake.printed.empty());
}

TEST(Progress, TimeLeftFollowsTheRecentRateAndCountsNoResumedSteps) {
  FakeScreen fake;
  Progress progress({.label = "train", .total = 2000, .start = 1000}, fake.screen(false));
  // Ten steps a second for a minute, then one a second.
  for (int i = 1; i <= 60; ++i) {
    fake.now += 1;
    progress.update(1000 + 10 * i);
  }
  EXPECT_NE(fake.printed.back().find("  10.0/s  left 0:40"), std::string::npos)
      << fake.printed.back();
  for (int i = 1; i <= 60; ++i) {
    fake.now += 1;
    progress.update(1600 + i);
  }
  EXPECT_NE(fake.printed.back().find("  1.0/s  left 5:40"), std::string::npos)
      << fake.printed.back();
  fake.now += 1000;
  progress.update(1661);
  EXPECT_NE(fake.printed.back().find(" s each"), std::string::npos) << fake.printed.back();
}

TEST(ClockTime, ReadsLikeAClock) {
  EXPECT_EQ(clock_time(-1), "0:00");
  EXPECT_EQ(clock_time(18.4), "0:18");
  EXPECT_EQ(clock_time(725), "12:05");
  EXPECT_EQ(clock_time(3 * 3600 + 4 * 60 + 5), "3:04:05");
}

TEST(Log, LinesGoToStderrByLevel) {
  const LogLevel before = log_level();
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  set_log_level(LogLevel::kWarning);
  log_info("hidden {}", 1);
  log_warning("seen {}", 2);
  set_log_level(LogLevel::kDebug);
  log_info("plain");
  log_debug("low");
  log(LogLevel::kError, "braces {} stay");
  set_log_level(before);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "warning: seen 2\nplain\ndebug: low\nerror: braces {} stay\n");
}

TEST(Interrupted, ExitCodeIsTheSignals) {
  std::atomic<int> stop{2};
  OperationContext context;
  context.stop = &stop;
  EXPECT_EQ(interrupted(context, "").exit_code(), 130);
  stop = 15;
  EXPECT_EQ(interrupted(context, "saved").exit_code(), 143);
  EXPECT_EQ(interrupted(context, "saved").hint(), "saved");
}

}  // namespace
}  // namespace discreet::core
