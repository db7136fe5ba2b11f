#include "discreet/app/internal/study_curves.h"

#include <gtest/gtest.h>

#include "discreet/app/study.h"
#include "discreet/report/curves.h"

namespace discreet::app {
namespace {

TEST(StudyCurves, TotalsAddUpOverRoundsThatWereNotEvaluatedToo) {
  const Json document = {{"rounds", {{{"round", 1}, {"loss", nullptr}, {"metric", nullptr}, {"examples", 5}, {"bytes_up", 2}, {"bytes_down", 3}, {"local_steps", 1}},
                                     {{"round", 2}, {"loss", 1.5}, {"metric", 0.5}, {"examples", 7}, {"bytes_up", 2}, {"bytes_down", 3}, {"local_steps", 2}}}}};
  const Json rounds = simulation_rounds(document);
  ASSERT_EQ(rounds.size(), 1u);
  EXPECT_EQ(rounds[0]["examples"], 12.0);
  EXPECT_EQ(rounds[0]["bytes"], 10.0);
  EXPECT_EQ(rounds[0]["local_steps"], 3.0);
  EXPECT_TRUE(simulation_curve(rounds, "seconds", "loss").x.empty());
}

TEST(StudyCurves, AreasByHand) {
  const StudyCurve curve{{1, 3}, {4, 2}};
  EXPECT_NEAR(*curve_area(curve, 3), (4 * 1 + 3 * 2) / 3.0, 1e-12);
  EXPECT_NEAR(*curve_area(curve, 2), (4 * 1 + 3.5 * 1) / 2.0, 1e-12);
  EXPECT_NEAR(*curve_area(curve, 5), (4 * 1 + 3 * 2 + 2 * 2) / 5.0, 1e-12);
  EXPECT_FALSE(curve_area(curve, 1));
  EXPECT_FALSE(curve_area({}, 1));
  EXPECT_EQ(curve_at(curve, 0), 4);
  EXPECT_EQ(curve_at(curve, 2), 3);
  EXPECT_EQ(*first_below(curve, 2), 3);
  EXPECT_FALSE(first_below(curve, 1.9));
}

TEST(StudyCurves, PairsAreOfTheSameSeed) {
  const SeedPairs pairs = pair_seeds({{1, 5}, {2, 6}, {4, 1}}, {{2, 1}, {1, 2}, {3, 9}});
  EXPECT_EQ(pairs.difference, (std::vector<double>{3, 5}));
  EXPECT_EQ(paired_p(pairs), 0.5);
  EXPECT_EQ(paired_p({}), 1);
  EXPECT_EQ(mean_with_interval(std::vector<double>{}, 2), "not measured");
  EXPECT_EQ(mean_with_interval(std::vector<double>{1}, 2), "1.00");
}

TEST(Curves, AreStandaloneAndEscapeNames) {
  const std::string svg = report::curves({.title = "a < b", .description = "d", .x_label = "x", .y_label = "y",
                                          .series = {{.name = "one & only", .points = {{0, 1}, {1, 3}, {2, 2}}, .band = {}, .markers = {}}}});
  EXPECT_TRUE(svg.starts_with("<svg xmlns="));
  EXPECT_NE(svg.find("a &lt; b"), std::string::npos);
  EXPECT_NE(svg.find("one &amp; only"), std::string::npos);
  // From the lower left corner (y 1 is the least) to the top in the middle.
  EXPECT_NE(svg.find("64.0,296.0 294.0,36.0 524.0,166.0"), std::string::npos) << svg;
  EXPECT_NE(report::curves({}).find("</svg>"), std::string::npos);
}

}  // namespace
}  // namespace discreet::app
