// parse_json against the library's own parser, and its errors.
#include "discreet/core/json.h"

#include <gtest/gtest.h>

#include "discreet/core/error.h"

namespace discreet::core {
namespace {

std::string refusal_of(const std::string& text) {
  try {
    parse_json(text, "x.json");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadData);
    return error.what();
  }
  return "";
}

TEST(ParseJson, IsTheLibrarysParser) {
  for (const std::string text :
       {"null", "true", "-7", "18446744073709551615", "0.1", "1e-300", R"("a\u00e9\n")", "[]", "{}", " [1, [2, {}], []] ",
        R"({"b": 1, "a": {"z": [1.5, null, "x"], "": false}, "c": []})",
        // The first of repeated keys keeps its place and takes the last one's value.
        R"({"b": 1, "a": 2, "b": {"deep": [3]}, "c": 4, "a": 5, "b": 6})", R"([{"k": 1, "k": 2}, {"k": {"k": 1, "k": 3}}])"}) {
    const Json expected = Json::parse(text), got = parse_json(text, "x.json");
    EXPECT_EQ(got, expected) << text;
    EXPECT_EQ(got.dump(), expected.dump()) << text;
  }
}

TEST(ParseJson, AnObjectMayHaveVeryManyKeys) {
  // Half a million look-ups of each key among those before it would take minutes.
  std::string text = "{";
  for (int i = 0; i < 500000; ++i) text += "\"key" + std::to_string(i % 499990) + "\":" + std::to_string(i) + ",";
  text.back() = '}';
  const Json object = parse_json(text, "x.json");
  EXPECT_EQ(object.size(), 499990u);
  EXPECT_EQ(object.begin().value(), 499990);
  EXPECT_EQ(object.begin().key(), "key0");
}

TEST(ParseJson, ErrorsNameTheFileAndTheByte) {
  EXPECT_EQ(refusal_of(R"({"a": })"), "x.json: not valid JSON at byte 7");
  EXPECT_EQ(refusal_of("[1, 2"), "x.json: not valid JSON at byte 6");
  EXPECT_NE(refusal_of("[1e999]").find("x.json: not readable JSON"), std::string::npos);
  EXPECT_NE(refusal_of(std::string(600, '[')).find("nested more than 500 deep at byte 501"), std::string::npos);
  EXPECT_EQ(refusal_of("{}"), "");
}

}  // namespace
}  // namespace discreet::core
