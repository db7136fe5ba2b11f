#include "discreet/report/html.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "discreet/report/chart.h"

namespace discreet::report {
namespace {

TEST(Html, EscapesWhatHasMeaning) {
  EXPECT_EQ(escape("<a href=\"x\">'&</a>"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&lt;/a&gt;");
  EXPECT_EQ(escape("größe 😀"), "größe 😀");
  EXPECT_EQ(escape("a\nb"), "a b");
}

TEST(Html, ReplacesWhatIsNoText) {
  const std::string mark = "\xef\xbf\xbd";
  EXPECT_EQ(escape(std::string("a\0b", 3)), "a" + mark + "b");
  EXPECT_EQ(escape("\xff"), mark);
  EXPECT_EQ(escape("\xc0\xaf"), mark + mark);             // overlong slash
  EXPECT_EQ(escape("\xed\xa0\x80"), mark + mark + mark);  // surrogate
  EXPECT_EQ(escape("\xf0\x9f\x98"), mark + mark + mark);  // cut off
}

RC_GTEST_PROP(Html, NoInputLeavesMarkup, (const std::string& text)) {
  const std::string safe = escape(text);
  RC_ASSERT(safe.find_first_of("<>\"'") == std::string::npos);
  RC_ASSERT(Json::parse(Json(safe).dump()) == Json(safe));  // valid UTF-8, else dump throws
}

TEST(Html, Numbers) {
  EXPECT_EQ(show(0.97571), "0.976");
  EXPECT_EQ(show(7.9), "7.90");
  EXPECT_EQ(show(1234.4), "1,234");
  EXPECT_EQ(show(1e-5), "1e-05");
  EXPECT_EQ(show(0.0), "0");
  EXPECT_EQ(show(Json("inf")), "∞");
  EXPECT_EQ(show(Json(13084)), "13,084");
  EXPECT_EQ(show(Json()), "n/a");
  EXPECT_EQ(show_interval(Json::array({0.1, 0.2})), " [0.100, 0.200]");
  EXPECT_EQ(show_interval(Json()), "");
  EXPECT_EQ(thousands(-1234567), "-1,234,567");
}

TEST(Html, AnUpperBoundIsRoundedUp) {
  EXPECT_EQ(show_upper(2.2301), "2.24");
  EXPECT_EQ(show_upper(8.0), "8");
  EXPECT_EQ(show_upper(7.9), "7.9");
  EXPECT_EQ(show_upper(0.12341), "0.124");
  EXPECT_EQ(show_upper(1120.5), "1,130");
  EXPECT_EQ(show_upper(Json("inf")), "∞");
}

TEST(Chart, SkipsWhatIsNotFiniteAndNeedsSomething) {
  EXPECT_EQ(line_chart({}, {.title = "t"}), "");
  EXPECT_EQ(line_chart({{.name = "a", .points = {{1, NAN}}}}, {.title = "t"}), "");
  const std::string svg = line_chart({{.name = "a", .points = {{1, 2}, {2, NAN}, {3, 4}}}},
                                     {.title = "t", .x_label = "x", .y_label = "y"});
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_NE(svg.find("<title>t</title>"), std::string::npos);
}

TEST(Chart, ConstantAndSinglePointsAreDrawn) {
  const std::string flat = line_chart({{.name = "a", .points = {{1, 5}, {2, 5}}}}, {.title = "t"});
  EXPECT_NE(flat.find("<path class=\"line s0\""), std::string::npos);
  const std::string one = line_chart({{.name = "a", .points = {{7, 0}}}}, {.title = "t"});
  EXPECT_NE(one.find("<circle"), std::string::npos);
  EXPECT_EQ(one.find("inf"), std::string::npos);
}

TEST(Chart, LogAxesHoldZeroAtTheFloor) {
  const std::string svg =
      line_chart({{.name = "roc", .points = {{0, 0}, {0.01, 0.1}, {1, 1}}}},
                 {.title = "t", .log_axes = true, .floor = 1e-2, .chance_line = true});
  EXPECT_EQ(svg.find("inf"), std::string::npos);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_NE(svg.find(">0.01<"), std::string::npos);
  EXPECT_NE(svg.find("chance"), std::string::npos);
}

TEST(Chart, LongLabelsAreCutAtWholeLetters) {
  const std::string svg = interval_chart(
      {{.label = "äöüäöüäöüäöüäöüäöü", .value = 0.5, .note = "n 3"}, {.label = "<b>"}},
      {.title = "t"});
  EXPECT_NE(svg.find("…"), std::string::npos);
  EXPECT_EQ(svg.find("\xef\xbf\xbd"), std::string::npos);
  EXPECT_NE(svg.find("&lt;b&gt;"), std::string::npos);
  EXPECT_NE(svg.find("no value"), std::string::npos);
}

}  // namespace
}  // namespace discreet::report
