#include "discreet/app/study.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>

#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/registry.h"
#include "tests/core/temporary_folder.h"

namespace discreet::app {
namespace {
namespace fs = std::filesystem;

int measured = 0;       // cells that were really measured
int factor = 1;         // part of each request
std::string failing;    // this cell throws
std::atomic<int> stop_signal{0};
int stop_after = -1;    // raise the signal after so many cells

std::vector<StudyCell> square_cells(StudyPreset preset) {
  std::vector<StudyCell> cells;
  for (int i = 1; i <= (preset == StudyPreset::kQuick ? 3 : 5); ++i) {
    cells.push_back({"square-" + std::to_string(i), {{"value", i}, {"factor", factor}}});
  }
  return cells;
}

Json measure_square(const Json& request, const fs::path& scratch, core::OperationContext&) {
  EXPECT_TRUE(fs::is_empty(scratch));
  core::write_file_atomically(scratch / "left-over", "x");
  ++measured;
  if (measured == stop_after) stop_signal = 15;
  const int value = request["value"];
  if ("square-" + std::to_string(value) == failing) throw bad_data("cell broke");
  return {{"square", value * value * request["factor"].get<int>()}};
}

Json analyse_squares(StudyPreset, const StudyResults& finished) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, result] : finished) rows.push_back({name, result["square"].dump()});
  return {{"tables", {study_table("Squares", {"cell", "square"}, rows)}},
          {"verdicts", {study_verdict("squares grow", finished.size() == 3 ? "reproduced" : "inconclusive", "seen")}},
          {"results", Json::array()},
          {"pictures", {{{"name", "squares"}, {"title", "A square"}, {"svg", "<svg/>"}}}},
          {"caveats", {"small numbers"}}};
}

Study make_squares() {
  return {"Squares", "Do squares grow?", square_cells, measure_square, analyse_squares};
}

class StudyTest : public ::testing::Test {
 protected:
  StudyTest() {
    if (!core::registry().contains("study", "test-squares")) {
      core::registry().add({.kind = "study", .name = "test-squares", .summary = "Of tests", .reference = "",
                            .fields = {}, .make = MakeStudy(&make_squares)});
    }
    measured = 0;
    factor = 1;
    failing.clear();
    stop_signal = 0;
    stop_after = -1;
    context_.quiet = true;
    context_.stop = &stop_signal;
  }
  Json run() { return run_study("test-squares", {.folder = folder_.path()}, context_); }

  core::TemporaryFolder folder_;
  core::OperationContext context_;
};

TEST_F(StudyTest, MeasuresEachCellOnceAndWritesDocumentAndPage) {
  const Json document = run();
  EXPECT_EQ(measured, 3);
  EXPECT_EQ(document["finished"], 3);
  EXPECT_EQ(core::read_document(folder_.path() / "study.json")["verdicts"][0]["verdict"], "reproduced");
  const std::string page = core::read_file(folder_.path() / "page.md");
  EXPECT_NE(page.find("| square-3 | 9 |"), std::string::npos) << page;
  EXPECT_NE(page.find("quick preset"), std::string::npos);
  EXPECT_NE(page.find("![A square](squares.svg)"), std::string::npos);
  EXPECT_EQ(core::read_file(folder_.path() / "squares.svg"), "<svg/>");
  EXPECT_FALSE(document["pictures"][0].contains("svg"));
  EXPECT_FALSE(fs::exists(folder_.path() / "scratch"));
  run();
  EXPECT_EQ(measured, 3);  // all cells were found
}

TEST(StudyPage, ABarInACellEndsNoCell) {
  const Json document = {{"study", "s"}, {"title", "T"}, {"question", "Q"}, {"preset", "full"}, {"date", "2026-01-01"},
                         {"version", "1"}, {"cores", 1.0}, {"cpu", {{"model", "m"}}}, {"finished", 1}, {"cells", 1},
                         {"missing", Json::array()}, {"failed", Json::array()},
                         {"verdicts", Json::array()}, {"caveats", Json::array()}, {"results", Json::array()},
                         {"tables", Json::array({study_table("Table", {"p of |r|"}, {std::vector<std::string>{"a|b"}})})}};
  const std::string page = study_page(document);
  EXPECT_NE(page.find("| p of \\|r\\| |"), std::string::npos) << page;
  EXPECT_NE(page.find("| a\\|b |"), std::string::npos) << page;
}

TEST_F(StudyTest, AChangedRequestIsMeasuredAgain) {
  run();
  factor = 2;
  EXPECT_EQ(run()["tables"][0]["rows"][2][1], "18");
  EXPECT_EQ(measured, 6);
}

TEST_F(StudyTest, FinishedCellsTravelInOneFileOfLines) {
  const fs::path lines = folder_.path() / "kept" / "squares.jsonl";
  const auto run_in = [&](const char* folder, StudyPreset preset) {
    return run_study("test-squares", {.preset = preset, .folder = folder_.path() / folder, .cells = lines}, context_);
  };
  run_in("a", StudyPreset::kFull);
  EXPECT_EQ(measured, 5);
  const std::string all = core::read_file(lines);
  EXPECT_EQ(run_in("b", StudyPreset::kQuick)["tables"][0]["rows"][2][1], "9");
  EXPECT_EQ(measured, 5);
  EXPECT_EQ(core::read_file(lines), all);  // a smaller preset takes nothing away
  factor = 2;
  EXPECT_EQ(run_in("b", StudyPreset::kQuick)["tables"][0]["rows"][2][1], "18");
  EXPECT_EQ(measured, 8);
  EXPECT_EQ(run_in("c", StudyPreset::kQuick)["tables"][0]["rows"][2][1], "18");
  EXPECT_EQ(measured, 8);
  core::write_file_atomically(lines, all + "{\"cell\":\"square-9\"}\n");
  try {
    run_in("d", StudyPreset::kQuick);
    FAIL() << "a line without a result was taken";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("squares.jsonl:6"), std::string::npos) << error.what();
  }
}

TEST_F(StudyTest, AFailedCellIsListedAndTriedAgain) {
  failing = "square-2";
  Json document = run();
  EXPECT_EQ(document["finished"], 2);
  ASSERT_EQ(document["failed"].size(), 1u);
  EXPECT_EQ(document["failed"][0]["cell"], "square-2");
  EXPECT_EQ(document["verdicts"][0]["verdict"], "inconclusive");
  failing.clear();
  document = run();
  EXPECT_EQ(document["finished"], 3);
  EXPECT_EQ(measured, 4);  // 3, then the failed one alone
}

TEST_F(StudyTest, TwoSharesMeasureEachCellOnceAndTheLastAnalysesAll) {
  StudyOptions first{.folder = folder_.path(), .share = 1, .shares = 2};
  Json document = run_study("test-squares", first, context_);
  EXPECT_EQ(document["finished"], 2);
  EXPECT_EQ(document["missing"], Json({"square-2"}));
  StudyOptions second{.folder = folder_.path(), .share = 2, .shares = 2};
  document = run_study("test-squares", second, context_);
  EXPECT_EQ(document["finished"], 3);
  EXPECT_EQ(measured, 3);
}

TEST_F(StudyTest, OnlyNamedCellsAreMeasured) {
  StudyOptions options{.folder = folder_.path(), .only = {"*-3"}};
  const Json document = run_study("test-squares", options, context_);
  EXPECT_EQ(document["finished"], 1);
  EXPECT_EQ(document["missing"], Json({"square-1", "square-2"}));
  EXPECT_NE(core::read_file(folder_ / "page.md").find("- square-{1, 2}: not begun in the time given"), std::string::npos);
  options.only = {"cube-*"};
  EXPECT_THROW(run_study("test-squares", options, context_), Error);
}

TEST(StudyPage, ManyMissingCellsShareALineByTheirFirstWord) {
  Json document = {{"title", "t"}, {"question", "q"}, {"study", "s"}, {"preset", "full"}, {"date", "d"}, {"version", "v"},
                   {"cores", 2.0}, {"cpu", {{"model", "m"}}}, {"finished", 0}, {"cells", 60}, {"verdicts", Json::array()},
                   {"tables", Json::array()}, {"caveats", Json::array()}, {"failed", Json::array()}};
  for (const char* word : {"cost", "train"}) {
    for (int size = 0; size < 15; ++size) {
      for (const char* seed : {"-1", "-2"}) document["missing"].push_back(std::string(word) + "-b" + std::to_string(size) + seed);
    }
  }
  EXPECT_TRUE(study_page(document).ends_with("## Not measured\n- cost-*, 30 cells: not begun in the time given\n"
                                             "- train-*, 30 cells: not begun in the time given\n"));
}

TEST_F(StudyTest, AStoppedStudyKeepsWhatIsFinishedAndGoesOn) {
  stop_after = 1;
  EXPECT_THROW(run(), Error);
  EXPECT_EQ(core::read_document(folder_.path() / "study.json")["missing"].size(), 2u);
  stop_signal = 0;
  stop_after = -1;
  EXPECT_EQ(run()["finished"], 3);
  EXPECT_EQ(measured, 3);
}

TEST_F(StudyTest, TheRealStudiesHaveCellsOfDistinctNamesThatAreFileNames) {
  for (const core::Entry* entry : core::registry().list("study")) {
    const Study study = core::registry().make<MakeStudy>("study", entry->name)();
    for (const StudyPreset preset : {StudyPreset::kQuick, StudyPreset::kFull}) {
      std::map<std::string, Json> seen;
      for (const StudyCell& cell : study.cells(preset)) {
        EXPECT_TRUE(seen.emplace(cell.name, cell.request).second) << cell.name;
        EXPECT_EQ(cell.name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-."),
                  std::string::npos) << cell.name;
      }
      EXPECT_FALSE(seen.empty());
    }
    // Nothing finished: every table is empty, no verdict is more than inconclusive.
    const Json nothing = study.analyse(StudyPreset::kQuick, {});
    for (const Json& verdict : nothing["verdicts"]) {
      EXPECT_TRUE(verdict["verdict"] == "inconclusive" || verdict["verdict"] == "not testable") << verdict;
    }
  }
}

}  // namespace
}  // namespace discreet::app
