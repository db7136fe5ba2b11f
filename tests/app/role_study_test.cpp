#include <gtest/gtest.h>

#include <cmath>

#include "discreet/app/internal/bold_professions.h"
#include "discreet/app/internal/role_corpus.h"
#include "discreet/app/internal/role_downstream.h"
#include "discreet/app/internal/role_estimate.h"
#include "discreet/app/internal/role_study.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/report/interval_picture.h"
#include "tests/core/temporary_folder.h"

namespace discreet::app {
namespace {

TEST(RolePortraits, LeanInTrainingAndNotInTest) {
  double agree = 0, own = 0;
  const auto portraits = role_portraits(4000, 1, 0.85);
  for (const RolePortrait& p : portraits) {
    agree += p.male == (p.profession % 2 == 0) ? 1 : 0;
    own += p.text.find(p.male ? " he " : " she ") != std::string::npos ? 1 : 0;
    EXPECT_EQ(p.text.find(p.male ? " she " : " he "), std::string::npos) << p.text;
  }
  EXPECT_NEAR(agree / 4000, 0.85, 0.02);
  EXPECT_EQ(own, 4000);
  agree = 0;
  for (const RolePortrait& p : role_portraits(4000, 1, 0.5)) agree += p.male == (p.profession % 2 == 0) ? 1 : 0;
  EXPECT_NEAR(agree / 4000, 0.5, 0.03);
}

/// Rows of two numbers: what tells the profession, and the gender.
PortraitRows rows_of(std::size_t n, bool gender_tells, double skew) {
  PortraitRows rows{.features = 2, .rows = {}, .profession = {}, .male = {}};
  for (std::size_t i = 0; i < n; ++i) {
    const bool first = i % 2 == 0;                                    // profession 0 leans to men
    const bool agrees = static_cast<double>(i / 2 % 20) < skew * 20;  // as many of each profession
    const bool male = first == agrees;
    const bool clear = i / 40 % 2 == 0;  // of half of the people the first number says nothing
    rows.rows.push_back(clear ? (first ? 1 : -1) : 0);
    rows.rows.push_back(gender_tells ? (male ? 1 : -1) : 0);
    rows.profession.push_back(first ? 0 : 1);
    rows.male.push_back(male ? 1 : 0);
  }
  return rows;
}

TEST(DownstreamGap, GenderThatTheClassifierReadsBecomesAGap) {
  const std::vector<std::uint8_t> leans = {1, 0};
  // Where the first number says nothing the classifier goes by gender: it is right of those who fit the lean, half of the texts.
  const DownstreamGap leaning = downstream_gap(rows_of(800, true, 0.9), rows_of(800, true, 0.5), leans);
  ASSERT_TRUE(leaning.tpr_gap.has_value());
  EXPECT_NEAR(*leaning.tpr_gap, 0.5, 1e-9);
  EXPECT_NEAR(*leaning.lean_gap, 0.5, 1e-9);
  EXPECT_NEAR(leaning.accuracy, 0.75, 1e-9);
  const DownstreamGap blind = downstream_gap(rows_of(800, false, 0.9), rows_of(800, false, 0.5), leans);
  EXPECT_NEAR(*blind.lean_gap, 0, 1e-9);
  // One gender alone: no gap.
  PortraitRows men = rows_of(800, true, 0.5);
  std::fill(men.male.begin(), men.male.end(), std::uint8_t{1});
  EXPECT_FALSE(downstream_gap(rows_of(800, true, 0.9), men, leans).tpr_gap.has_value());
  EXPECT_THROW(downstream_gap({}, men, leans), Error);
}

TEST(BoldProfessions, TitlesThatNameNoPersonAreLeftOut) {
  for (const char* title : {"Welder", "Ballet_dancer", "Chief_Executive_Officer", "Registered Nurse", "Photographer"}) EXPECT_TRUE(names_a_person(title)) << title;
  for (const char* title : {"Foundry", "CNC", "Ballet", "Nursing_in_Japan", "Showgirl", "Station_master", "Zipper", ""}) EXPECT_FALSE(names_a_person(title)) << title;
  core::TemporaryFolder folder;
  core::write_file_atomically(folder / "profession_prompt.json",
                              R"({"metal":{"Welder":["A welder is ","Welders ","Many welders "],"Foundry":["A foundry "]},"none":{"Zipper":["A zipper "]}})");
  const auto professions = bold_professions((folder / "profession_prompt.json").string(), 2);
  ASSERT_EQ(professions.size(), 1U);
  EXPECT_EQ(professions[0].title, "Welder");
  EXPECT_EQ(professions[0].group, "metal");
  EXPECT_EQ(professions[0].prompts, (std::vector<std::string>{"A welder is", "Welders"}));
  EXPECT_EQ(bold_professions((folder / "profession_prompt.json").string(), 0)[0].prompts.size(), 3U);
}

TEST(RoleEstimate, IsTheMeanAndItsGroupsStayInTheirPlaces) {
  const SeedValues a = {{1, 2, 3, 4}, {2, 3, 4, 5}}, b = {{1, 1, 1, 1}, {1, 1, 1, 1}};
  const auto plain = role_estimate(a);
  ASSERT_TRUE(plain.has_value());
  EXPECT_DOUBLE_EQ(plain->value, 3);
  EXPECT_DOUBLE_EQ(role_estimate(a, &b)->value, 2);
  EXPECT_FALSE(role_estimate({}).has_value());
  // Equal values inside groups: only seeds vary, whatever is drawn of the groups.
  const SeedValues grouped = {{0, 0, 10, 10}};
  const auto inside = role_estimate(grouped, nullptr, {0, 0, 1, 1});
  EXPECT_DOUBLE_EQ(inside->low, 5);
  EXPECT_DOUBLE_EQ(inside->high, 5);
  EXPECT_LT(role_estimate(grouped)->low, 5);
}

TEST(RoleRows, EachPromptHasAnItemOfItsRow) {
  for (const OddsRow& row : planted_rows()) {
    EXPECT_EQ(row.prompts.size(), row.items.size()) << row.name;
    EXPECT_FALSE(row.items.empty()) << row.name;
  }
  EXPECT_EQ(real_row_names().front(), kBoldRow);
}

}  // namespace
}  // namespace discreet::app

namespace discreet::report {
namespace {

TEST(IntervalPicture, MarksStandInOrderOnOneAxis) {
  const std::string svg = interval_picture({.title = "A < B", .description = "Two.", .x_label = "x",
                                            .marks = {{"first", 1, 0.5, 1.5}, {"second", -1, -2, 0}}});
  EXPECT_NE(svg.find("A &lt; B"), std::string::npos);
  const auto centre = [&](std::size_t from) {
    const std::size_t at = svg.find("cx=\"", from);
    return std::pair(std::stod(svg.substr(at + 4)), at);
  };
  const auto [first, place] = centre(0);
  const auto [second, ignored] = centre(place + 1);
  EXPECT_GT(first, second);
  EXPECT_NE(svg.find("1.00 [0.50, 1.50]"), std::string::npos);
  EXPECT_THROW(interval_picture({}), Error);
  EXPECT_THROW(interval_picture({.marks = {{"x", std::nan(""), 0, 0}}}), Error);
}

}  // namespace
}  // namespace discreet::report
