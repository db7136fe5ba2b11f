#include "discreet/privacy/ledger.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/privacy/accountant.h"
#include "discreet/privacy/budget_report.h"
#include "discreet/privacy/statement.h"
#include "discreet/privacy/verify.h"

namespace discreet::privacy {
namespace {

class Folder : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() /
            ("discreet-ledger-" + std::to_string(::getpid()) + "-" +
             ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  void TearDown() override { std::filesystem::remove_all(path_); }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
  }

  std::filesystem::path path_;
};

Event step_of(double z = 1.0, double q = 0.01) {
  return Event::poisson_sampled(SamplingRate(q), Event::gaussian(NoiseMultiplier(z)));
}

double rdp_of_event(const Event& event) {
  return make_accountant("rdp")->epsilon(event, Delta(1e-5)).value;
}

std::string lines_of(std::uint64_t steps) {
  std::string text;
  for (std::uint64_t i = 1; i <= steps; ++i) text += ledger_line(i, step_of()).dump() + "\n";
  return text;
}

using Ledger = Folder;
using Budget = Folder;
using Verify = Folder;

TEST_F(Ledger, AddsUpAbandonedAndRepeatedSteps) {
  // 1000 steps, then a crash back to step 900 and 100 steps once more.
  std::string text = lines_of(1000);
  for (std::uint64_t i = 901; i <= 1000; ++i) text += ledger_line(i, step_of()).dump() + "\n";
  write("ledger.jsonl", text);
  const LedgerSum sum = read_ledger(path_ / "ledger.jsonl");
  EXPECT_EQ(sum.lines, 1100u);
  EXPECT_EQ(sum.repeated, 100u);
  EXPECT_EQ(sum.last_step, 1000u);
  EXPECT_EQ(flatten(sum.event).phases, (std::vector<Phase>{{1.0, 0.01, 1100}}));
  EXPECT_GT(rdp_of_event(sum.event), rdp_of_event(event_of({{1.0, 0.01, 1000}})));
}

TEST_F(Ledger, MissingIsEmptyTornEndsCountIfWholeAndRubbishIsNamed) {
  EXPECT_EQ(read_ledger(path_ / "none.jsonl").lines, 0u);
  EXPECT_EQ(rdp_of_event(read_ledger(path_ / "none.jsonl").event), 0);
  write("torn.jsonl", lines_of(3) + R"({"step":4,"event":{"ki)");
  EXPECT_EQ(read_ledger(path_ / "torn.jsonl").lines, 3u);
  std::string whole = lines_of(3);
  whole.pop_back();
  write("whole.jsonl", whole);
  EXPECT_EQ(read_ledger(path_ / "whole.jsonl").lines, 3u);
  for (const char* bad : {"{}", "[]", "nonsense", R"({"step":-1,"event":{"kind":"non_private"}})",
                          R"({"step":1,"event":{"kind":"gaussian","noise_multiplier":-1}})"}) {
    write("bad.jsonl", lines_of(2) + bad + "\n" + lines_of(1));
    try {
      read_ledger(path_ / "bad.jsonl");
      ADD_FAILURE() << bad;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kBadData);
      EXPECT_NE(std::string(e.what()).find("bad.jsonl:3"), std::string::npos) << e.what();
    }
  }
}

BudgetLedger::Terms terms_of(double epsilon) {
  BudgetLedger::Terms terms;
  terms.epsilon = epsilon;
  terms.delta = 1e-5;
  return terms;
}

TEST_F(Budget, AddsUpRunsAndRefusesTheOneThatGoesBeyond) {
  const auto path = path_ / "data.budget.jsonl";
  const Event run = event_of({{1.0, 0.01, 1000}});  // Epsilon 2.1014.
  BudgetLedger first(path, terms_of(2.8));
  EXPECT_EQ(first.spent(), 0);
  first.charge("a", run);
  EXPECT_NEAR(first.spent(), 2.10136527, 1e-6);
  BudgetLedger second(path, terms_of(2.8));
  EXPECT_EQ(second.charges().size(), 1u);
  try {
    second.charge("b", run);
    ADD_FAILURE() << "two runs cost " << second.spent_with(run);
  } catch (const Error& e) {
    EXPECT_EQ(e.exit_code(), 5);
    EXPECT_NE(std::string(e.what()).find("run 'b'"), std::string::npos);
  }
  EXPECT_EQ(BudgetLedger(path).charges().size(), 1u) << "a refused charge is not recorded";
  second.charge("c", event_of({{2.0, 0.01, 100}}));
  EXPECT_EQ(BudgetLedger(path).charges().size(), 2u);
  // An object opened before somebody else's charge sees it when it charges.
  EXPECT_THROW(first.charge("d", run), Error);
  EXPECT_EQ(first.charges().size(), 2u);
}

TEST_F(Ledger, CutAtAnyByteIsAPrefixOrAnError) {
  const std::string whole = lines_of(5);
  const auto path = path_ / "ledger.jsonl";
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    write("ledger.jsonl", whole.substr(0, size));
    const LedgerSum sum = read_ledger(path);
    const auto newlines = std::count(whole.begin(), whole.begin() + static_cast<long>(size), '\n');
    // The last line counts as soon as it is whole, with or without its newline.
    EXPECT_GE(sum.lines, static_cast<std::uint64_t>(newlines)) << size;
    EXPECT_LE(sum.lines, static_cast<std::uint64_t>(newlines) + 1) << size;
  }
}

TEST_F(Ledger, LostStepsAreCountedAndALedgerThatLostLinesIsRefused) {
  write("ledger.jsonl", lines_of(10));
  const LedgerSum sum = read_ledger(path_ / "ledger.jsonl");
  EXPECT_EQ(lost_steps(sum, 7), 3);
  EXPECT_EQ(lost_steps(sum, 10), 0);
  try {
    lost_steps(sum, 11);
    ADD_FAILURE() << "a step was spent that the ledger does not hold";
  } catch (const Error& e) {
    EXPECT_EQ(e.exit_code(), 5);
  }
}

TEST_F(Budget, CutAtAnyByteOrEditedIsRefused) {
  const auto path = path_ / "b.jsonl";
  BudgetLedger ledger(path, terms_of(20));
  for (const char* run : {"a", "b", "c"}) ledger.charge(run, event_of({{1.0, 0.01, 100}}));
  const std::string whole = core::read_file(path);
  ASSERT_EQ(BudgetLedger(path).charges().size(), 3u);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    write("b.jsonl", whole.substr(0, size));
    try {
      BudgetLedger read(path);
      ADD_FAILURE() << "cut at " << size << " it says " << read.spent();
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kBadData) << size;
    }
  }
  // A line taken out or changed, with the count put right.
  std::string fewer = whole;
  fewer.erase(fewer.rfind("{\"run\":\"c\""));
  fewer.replace(fewer.find("\"charges\":3"), 11, "\"charges\":2");
  write("b.jsonl", fewer);
  EXPECT_THROW(BudgetLedger{path}, Error);
  std::string less = whole;
  less.replace(less.find("\"count\":100"), 11, "\"count\":001");
  write("b.jsonl", less);
  EXPECT_THROW(BudgetLedger{path}, Error);
  write("b.jsonl", whole);
  EXPECT_NEAR(BudgetLedger(path).spent(), ledger.spent(), 1e-12);
}

TEST_F(Budget, ChargesMustHoldForTheLedgersRelation) {
  BudgetLedger ledger(path_ / "r", terms_of(20));
  const Event fixed = Event::sampled_without_replacement(100, 10, Event::gaussian(NoiseMultiplier(1)));
  try {
    ledger.charge("fixed", fixed);
    ADD_FAILURE() << "add_or_remove_one was charged with a guarantee for replace_one";
  } catch (const Error& e) {
    EXPECT_EQ(e.exit_code(), 5);
  }
  EXPECT_EQ(ledger.charges().size(), 0u);
}

TEST_F(Budget, ReportsChargesSumsAndPlans) {
  const auto path = path_ / "b.jsonl";
  BudgetLedger ledger(path, terms_of(2.8));
  const Event run = event_of({{1.0, 0.01, 1000}});
  ledger.charge((path_ / "run").string(), run);
  std::filesystem::create_directories(path_ / "run");
  write("run/ledger.jsonl", lines_of(1000));
  Json report = report_budgets({path}, run);
  EXPECT_NEAR(report["results"][0]["spent"].get<double>(), 2.10136527, 1e-6);
  EXPECT_NEAR(report["results"][0]["charges"][0]["spent"].get<double>(), 2.10136527, 1e-6);
  EXPECT_TRUE(report["results"][0]["warnings"].empty());
  EXPECT_FALSE(planned_fits(report));
  EXPECT_TRUE(planned_fits(report_budgets({path}, event_of({{2.0, 0.01, 100}}))));
  // More steps than were charged are found.
  write("run/ledger.jsonl", lines_of(1001));
  EXPECT_EQ(report_budgets({path}, std::nullopt)["results"][0]["warnings"].size(), 1u);
}

TEST_F(Budget, KindsOfGuaranteeAndDataDoNotMix) {
  const auto path = path_ / "b";
  BudgetLedger::Terms terms = terms_of(1);
  terms.data_sha256 = std::string(64, 'a');
  BudgetLedger made(path, terms);
  auto user = terms;
  user.unit = Unit::kUser;
  EXPECT_THROW(BudgetLedger(path, user), Error);
  auto replace = terms;
  replace.relation = Relation::kReplaceOne;
  EXPECT_THROW(BudgetLedger(path, replace), Error);
  auto data = terms;
  data.data_sha256 = std::string(64, 'b');
  EXPECT_THROW(BudgetLedger(path, data), Error);
  auto other = terms_of(100);  // The budget that stands is the first one's.
  EXPECT_EQ(BudgetLedger(path, other).terms().epsilon, 1);
  EXPECT_THROW(BudgetLedger(path_ / "absent"), Error);
  EXPECT_THROW(made.charge("x", Event::non_private()), Error);
  write("rubbish", "{}\n");
  EXPECT_THROW(BudgetLedger(path_ / "rubbish"), Error);
  write("empty", "");
  EXPECT_THROW(BudgetLedger(path_ / "empty"), Error);
}

PrivacyRun run_of(std::int64_t steps) {
  PrivacyRun run;
  run.delta = 1e-5;
  run.phases = {{1.0, 0.01, steps}};
  return run;
}

bool all_ok(const std::vector<VerifyCheck>& checks, std::string* failed = nullptr) {
  bool ok = true;
  for (const auto& check : checks) {
    if (!check.ok && failed != nullptr) *failed += check.name + "; ";
    ok &= check.ok;
  }
  return ok;
}

TEST_F(Verify, AHonestRunPasses) {
  EXPECT_TRUE(all_ok(verify_privacy(path_))) << "no claim, nothing to check";
  write("ledger.jsonl", lines_of(200));
  EXPECT_FALSE(all_ok(verify_privacy(path_))) << "spent, but privacy.json is missing";
  write("privacy.json", state_privacy(run_of(200)).document.dump());
  std::string failed;
  EXPECT_TRUE(all_ok(verify_privacy(path_), &failed)) << failed;
}

TEST_F(Verify, EveryLieIsFound) {
  const Json honest = state_privacy(run_of(200)).document;
  write("ledger.jsonl", lines_of(200));
  const auto failing = [&](const Json& document) {
    write("privacy.json", document.dump());
    std::string failed;
    all_ok(verify_privacy(path_), &failed);
    return failed;
  };
  Json lower = honest;
  lower["epsilon"] = honest["epsilon"].get<double>() / 2;
  EXPECT_NE(failing(lower).find("stated events"), std::string::npos);
  Json phases = honest;  // Fewer steps in the phases than in the tree and the ledger.
  phases["phases"][0]["steps"] = 100;
  phases["epsilon"] = state_privacy(run_of(100)).epsilon.value;
  EXPECT_NE(failing(phases).find("event tree"), std::string::npos);
  EXPECT_NE(failing(phases).find("ledger"), std::string::npos);
  // A finished run whose ledger lost its end.
  Json finished = honest;
  finished["status"] = "spent";
  EXPECT_EQ(failing(finished), "");
  write("ledger.jsonl", lines_of(150));
  EXPECT_EQ(failing(finished), "ledger is whole; ");
  write("ledger.jsonl", lines_of(200));
  Json short_run = state_privacy(run_of(199)).document;  // Consistent, but one step was spent more.
  EXPECT_EQ(failing(short_run), "ledger spends no more than is stated; ");
  Json seeded = honest;
  seeded["assumptions"]["insecure_seed"] = true;
  EXPECT_NE(failing(seeded).find("claimed only"), std::string::npos);
  Json broken = honest;
  broken.erase("event");
  EXPECT_THROW(failing(broken), Error);
}

}  // namespace
}  // namespace discreet::privacy
