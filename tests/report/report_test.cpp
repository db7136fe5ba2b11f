#include "discreet/report/internal/read_run.h"
#include "discreet/report/report.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/run_dir.h"
#include "discreet/stats/membership.h"

namespace discreet::report {
namespace {

namespace fs = std::filesystem;

const std::string kHostile = "</title><script>alert(1)</script>\"'&";

class Report : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() /
              (std::string("discreet_report_") + std::to_string(getpid()) + "_" +
               testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path make_run(const std::string& name, const std::string& model) {
    core::RunDir run =
        core::RunDir::create(folder_ / name, {.command_line = {"discreet", "train"}},
                             {{"task", "intent-slot"}, {"model", {{"kind", model}}}});
    for (int step = 10; step <= 1000; step += 10) {
      run.append_metric({{"step", step}, {"split", "train"}, {"loss", 1.0 / step}});
    }
    run.append_metric(
        {{"step", 1000}, {"split", "dev"}, {"loss", 0.5}, {"intent_accuracy", 0.875}});
    run.write_document("result.json", {{"schema", "discreet.train/1"},
                                       {"run", name},
                                       {"private", false},
                                       {"epsilon", nullptr},
                                       {"delta", nullptr},
                                       {"steps", 1000},
                                       {"seconds", 12.5},
                                       {"split", "test"},
                                       {"n", 700},
                                       {"metrics", {{"intent_accuracy", 0.8125}}}});
    return folder_ / name;
  }

  void attack(const fs::path& run) {
    std::vector<double> in, out;
    for (int i = 0; i < 200; ++i) {
      in.push_back(i % 17 + 3);
      out.push_back(i % 19);
    }
    Json document = core::make_document({.schema = "discreet.audit.membership/1"});
    document["results"].push_back(
        stats::membership_json("loss", stats::membership(in, out, {.resamples = 100})));
    document["caveats"].push_back("a caveat of the audit");
    core::RunDir::open(run).write_audit(document);
  }

  fs::path folder_;
};

TEST_F(Report, CarriesWhatTheRunSays) {
  const fs::path run = make_run("one", "bilstm");
  attack(run);
  const Json report = build_report({run});
  core::validate_document(report, "test");
  const Json& entry = report["results"][0];
  EXPECT_EQ(entry["model"], "bilstm");
  EXPECT_EQ(entry["private"], false);
  EXPECT_TRUE(entry["privacy"].is_null());
  EXPECT_EQ(entry["training"]["metrics"]["intent_accuracy"], 0.8125);
  EXPECT_EQ(entry["curves"]["loss"]["train"].size(), 100U);
  EXPECT_EQ(entry["curves"]["metric"]["name"], "intent_accuracy");
  EXPECT_EQ(entry["membership"][0]["results"][0]["n_members"], 200);
  EXPECT_EQ(entry["caveats"][0]["text"], "a caveat of the audit");
  EXPECT_NE(entry["summary"]["leaks"].get<std::string>().find("AUC"), std::string::npos);
}

TEST(ReportHeadlines, TakeTheStrongestAttackAndTheWidestGap) {
  const Json audits = {{{"results", {{{"attack", "loss"}, {"auc", 0.55}}, {{"attack", "blind"}, {"auc", 0.99}, {"sees_model", false}}}}},
                       {{"results", {{{"attack", "rmia"}, {"auc", nullptr}}, {{"attack", "lira"}, {"auc", 0.91}, {"sees_model", true}}}}}};
  ASSERT_NE(internal::strongest_attack(audits), nullptr);
  EXPECT_EQ((*internal::strongest_attack(audits))["attack"], "lira");
  EXPECT_EQ(internal::strongest_attack(Json::array()), nullptr);

  const auto comparison = [](const char* column, const Json& value) {
    return Json{{"configuration", {{"group", {column}}}}, {"results", {{{"metric", "accuracy_difference"}, {"value", value}}}}};
  };
  const Json groups = {comparison("gender", 0.004), comparison("dialect", 0.072), comparison("age", nullptr)};
  const internal::Gap gap = internal::widest_gap(groups);
  ASSERT_NE(gap.result, nullptr);
  EXPECT_EQ((*gap.result)["value"], 0.072);
  EXPECT_EQ(gap.columns, "dialect");
}

TEST_F(Report, ShowsExposureAndExtractionOfCanaries) {
  const fs::path run = make_run("one", "bilstm");
  const Json absent = {{"n", 0}, {"mean_exposure", nullptr}, {"mean_exposure_reason", "every canary was planted"}};
  Json exposure = core::make_document({.schema = "discreet.audit.canary/1"});
  exposure.update({{"run", "one"}, {"not_private", true}, {"patterns", Json::array()}});
  exposure["summary"] = {{"planted", {{"n", 1}, {"mean_exposure", 13.29}, {"rank_1", {{"n", 1}, {"count", 1}, {"share", 1}, {"ci", {0.025, 1}}}}}},
                         {"not_planted", absent}};
  exposure["results"].push_back({{"canary", "canary-1"}, {"kind", "pattern"}, {"pattern", "call {digit:4}"}, {"planted", true},
                                 {"repetitions", 100}, {"loss", 0.5}, {"method", "exact"}, {"rank", 1}, {"exposure", 13.29}});
  Json extraction = core::make_document({.schema = "discreet.audit.extract/1"});
  extraction.update({{"run", "one"}, {"not_private", true}, {"unavailable", Json::array()}});
  extraction["canaries"].push_back({{"canary", "canary-1"}, {"pattern", "call {digit:4}"}, {"planted", true}, {"repetitions", 100},
                                    {"candidates", 10000}, {"rank", 1}});
  extraction["results"].push_back({{"attack", "relaxed"}, {"evaluations", 1000}, {"n", 1}, {"accuracy", 0.75}, {"ci", {{"accuracy", {0.025, 1}}}},
                                   {"hamming", 0.125}, {"random_accuracy", 0.0001}, {"random_hamming", 0.9}, {"p_value", 0.0001},
                                   {"not_planted", {{"n", 0}, {"accuracy", nullptr}, {"accuracy_reason", "every canary was planted"}}}});
  core::RunDir::open(run).write_audit(exposure);
  core::RunDir::open(run).write_audit(extraction);
  const Json report = build_report({run});
  core::validate_document(report, "test");
  EXPECT_EQ(report["results"][0]["canaries"].size(), 1U);
  EXPECT_EQ(report["results"][0]["extraction"][0]["results"][0]["attack"], "relaxed");
  const std::string page = render_page(report);
  for (const char* shown : {"<h3>Canaries</h3>", "13.29", "call {digit:4}", "1 of 1", "relaxed", "0.75", "not private"}) {
    EXPECT_NE(page.find(shown), std::string::npos) << shown;
  }
}

TEST_F(Report, PageHoldsTheNumbersAndAsksNobody) {
  const fs::path run = make_run("one", "bilstm");
  attack(run);
  const std::string page = render_page(build_report({run}));
  for (const char* shown : {"0.812", "Loss over steps", "log axes", "a caveat of the audit",
                            "no guarantee", "700 test examples"}) {
    EXPECT_NE(page.find(shown), std::string::npos) << shown;
  }
  for (const char* foreign : {"<script", "http://", "https://", "src=", "@import", "url("}) {
    EXPECT_EQ(page.find(foreign), std::string::npos) << foreign;
  }
}

TEST_F(Report, NamesFromDataDoNotBreakOut) {
  const fs::path run = make_run("one", kHostile);
  Json document = core::make_document({.schema = "else.where/1"});
  document["caveats"].push_back(kHostile);
  core::write_document(run / "audits" / "other.json", document);
  const std::string page = render_page(build_report({run}));
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_NE(page.find("&lt;script&gt;"), std::string::npos);
}

TEST_F(Report, SeveralRunsAreCompared) {
  const Json report = build_report({make_run("one", "bow"), make_run("two", "bilstm")});
  ASSERT_EQ(report["results"].size(), 2U);
  const std::string page = render_page(report);
  EXPECT_NE(page.find("2 runs compared"), std::string::npos);
  EXPECT_NE(page.find("not attacked"), std::string::npos);
  EXPECT_EQ(default_page({folder_ / "one", folder_ / "two"}), fs::path("report.html"));
}

TEST_F(Report, AFolderOfRepeatsStandsForItsRuns) {
  make_run("b", "bow");
  make_run("a", "bow");
  core::write_document(
      folder_ / "result.json",
      {{"schema", "discreet.train/1"},
       {"run", "all"},
       {"private", false},
       {"epsilon", nullptr},
       {"delta", nullptr},
       {"steps", 1000},
       {"seconds", 1},
       {"metrics", Json::object()},
       {"repeats", {{"intent_accuracy", {{"n", 2}, {"mean", 0.625}, {"values", {0.5, 0.75}}}}}}});
  const Json report = build_report({folder_});
  EXPECT_EQ(report["results"][0]["name"], "a");
  EXPECT_EQ(report["repeats"][0]["metrics"]["intent_accuracy"]["mean"], 0.625);
  EXPECT_NE(render_page(report).find("0.625"), std::string::npos);
}

TEST_F(Report, ARunThatHasOnlyBegunSaysSo) {
  { core::RunDir::create(folder_ / "new", {}, {{"task", "tagging"}}); }
  const Json report = build_report({folder_ / "new"});
  core::validate_document(report, "test");
  EXPECT_NE(report["results"][0]["summary"]["trained"].get<std::string>().find("has not ended"),
            std::string::npos);
  EXPECT_NE(render_page(report).find("No training curve"), std::string::npos);
}

TEST_F(Report, LongCurvesAreThinnedWithTheirEnds) {
  fs::path path;
  {
    core::RunDir run = core::RunDir::create(folder_ / "long", {}, Json::object());
    for (int step = 1; step <= 3000; ++step) {
      run.append_metric({{"step", step}, {"split", "train"}, {"loss", step}});
    }
  }
  const Json report = build_report({folder_ / "long"});
  const Json& curve = report["results"][0]["curves"]["loss"]["train"];
  EXPECT_EQ(curve.size(), 400U);
  EXPECT_EQ(curve.front()[0], 1);
  EXPECT_EQ(curve.back()[0], 3000);
}

TEST_F(Report, WritesPageAndNumbersTogether) {
  const fs::path run = make_run("one", "bow");
  const Json report = build_report({run});
  write_report(default_page({run}), report);
  EXPECT_EQ(core::read_document(run / "report.json"), report);
  EXPECT_NE(core::read_file(run / "report.html").find("</html>"), std::string::npos);
  EXPECT_THROW(write_report(run / "x.json", report), Error);
}

TEST_F(Report, RefusesWhatIsNoRunAndWhatIsDamaged) {
  EXPECT_THROW(build_report({folder_}), Error);
  EXPECT_THROW(build_report({folder_ / "nowhere"}), Error);
  EXPECT_THROW(build_report({}), Error);
  const fs::path run = make_run("one", "bow");
  fs::create_directories(run / "audits");
  std::ofstream(run / "audits" / "broken.json") << "{\"schema\": \"discreet.audit.membership/1\"}";
  try {
    build_report({run});
    FAIL() << "a damaged audit was read";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kBadData);
    EXPECT_NE(std::string(e.what()).find("broken.json"), std::string::npos);
  }
}

}  // namespace
}  // namespace discreet::report
