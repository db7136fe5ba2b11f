#include "discreet/core/json_schema.h"

#include <gtest/gtest.h>

#include "discreet/core/error.h"

namespace discreet::core {
namespace {

using Problems = std::vector<std::string>;

Problems problems(const char* schema, const char* value) {
  return schema_problems(Json::parse(schema), Json::parse(value));
}

struct SchemaCase {
  const char* schema;
  const char* good;
  const char* bad;
  const char* message;
};

class JsonSchemaKeyword : public testing::TestWithParam<SchemaCase> {};

TEST_P(JsonSchemaKeyword, TakesTheGoodAndNamesTheBad) {
  const SchemaCase& c = GetParam();
  EXPECT_EQ(problems(c.schema, c.good), Problems{});
  EXPECT_EQ(problems(c.schema, c.bad), Problems{c.message});
}

INSTANTIATE_TEST_SUITE_P(
    Each, JsonSchemaKeyword,
    testing::Values(
        SchemaCase{R"({"type":"integer"})", "3.0", "3.5", "(document): expected integer, got 3.5"},
        SchemaCase{R"({"type":["number","null"]})", "null", "\"x\"",
                   "(document): expected number or null, got \"x\""},
        SchemaCase{R"({"const":1})", "1.0", "2", "(document): expected 1, got 2"},
        SchemaCase{R"({"enum":["a","b"]})", "\"b\"", "\"c\"",
                   "(document): expected one of [\"a\",\"b\"], got \"c\""},
        SchemaCase{R"({"minimum":0,"maximum":1})", "1", "1.5",
                   "(document): expected <= 1, got 1.5"},
        SchemaCase{R"({"exclusiveMinimum":0})", "0.1", "0", "(document): expected > 0, got 0"},
        SchemaCase{R"({"exclusiveMaximum":0})", "-1", "0", "(document): expected < 0, got 0"},
        SchemaCase{R"({"minLength":2})", "\"\u00e4\u00e4\"", "\"\u00e4\"",
                   "(document): expected at least 2 characters, got 1"},
        SchemaCase{R"({"pattern":"^[ab]+$"})", "\"ab\"", "\"abc\"",
                   "(document): expected a match of \"^[ab]+$\", got \"abc\""},
        SchemaCase{R"({"items":{"type":"string"}})", R"(["a"])", R"(["a",1])",
                   "1: expected string, got 1"},
        SchemaCase{R"({"minItems":1,"maxItems":2})", "[1]", "[1,2,3]",
                   "(document): expected at most 2 items, got 3"},
        SchemaCase{R"({"required":["a"]})", R"({"a":1})", "{}", "a: is missing"},
        SchemaCase{R"({"properties":{"a":{"properties":{"b":{"type":"null"}}}}})", R"({"a":{}})",
                   R"({"a":{"b":0}})", "a/b: expected null, got 0"},
        SchemaCase{R"({"properties":{"a":{}},"additionalProperties":false})", R"({"a":1})",
                   R"({"b":1})", "b: is not a key of this schema"},
        SchemaCase{R"({"additionalProperties":{"type":"number"}})", R"({"a":1})", R"({"a":"x"})",
                   "a: expected number, got \"x\""},
        SchemaCase{R"({"patternProperties":{"^x":{"type":"number"}}})", R"({"y":"s"})",
                   R"({"xy":"s"})", "xy: expected number, got \"s\""},
        SchemaCase{R"({"minProperties":1})", R"({"a":1})", "{}",
                   "(document): expected at least 1 keys, got 0"},
        SchemaCase{R"({"anyOf":[{"type":"null"},{"minimum":1}]})", "1", "0",
                   "(document): fits no alternative ((document): expected null, got 0; (document): "
                   "expected >= 1, got 0)"},
        SchemaCase{R"({"oneOf":[{"minimum":0},{"minimum":5}]})", "1", "6",
                   "(document): fits 2 alternatives, expected one"},
        SchemaCase{R"({"allOf":[{"minimum":0},{"maximum":5}]})", "1", "6",
                   "(document): expected <= 5, got 6"},
        SchemaCase{R"({"not":{"const":1}})", "2", "1", "(document): 1 is excluded"},
        SchemaCase{R"({"properties":{"a":false}})", R"({"b":1})", R"({"a":1})",
                   "a: must not stand here"}));

TEST(JsonSchema, FollowsReferences) {
  const Json common = Json::parse(
      R"({"definitions":{"n":{"type":"number"},"list":{"items":{"$ref":"#/definitions/n"}}}})");
  const auto lookup = [&](const std::string& file) {
    return file == "common.json" ? &common : nullptr;
  };
  const Json schema = Json::parse(
      R"({"properties":{"x":{"$ref":"common.json#/definitions/list"},"y":{"$ref":"#/definitions/y"}},
          "definitions":{"y":{"type":"null"}}})");
  EXPECT_EQ(schema_problems(schema, Json::parse(R"({"x":[1],"y":null})"), lookup), Problems{});
  EXPECT_EQ(schema_problems(schema, Json::parse(R"({"x":["a"],"y":1})"), lookup),
            (Problems{"x/0: expected number, got \"a\"", "y: expected null, got 1"}));
  // Inside an alternative, "#" is still the file in which the alternative stands.
  const Json choice = Json::parse(R"({"anyOf":[{"$ref":"common.json#/definitions/list"}]})");
  EXPECT_EQ(schema_problems(choice, Json::parse("[1]"), lookup), Problems{});
  EXPECT_EQ(schema_problems(choice, Json::parse("[null]"), lookup).size(), 1u);
}

TEST(JsonSchema, SelfReferenceDescribesTreesAndEndsOnCircles) {
  const char* tree = R"({"type":"object","properties":{"children":{"items":{"$ref":"#"}}}})";
  EXPECT_EQ(problems(tree, R"({"children":[{"children":[{}]}]})"), Problems{});
  EXPECT_EQ(problems(tree, R"({"children":[{"children":[3]}]})"),
            Problems{"children/0/children/0: expected object, got 3"});
  EXPECT_EQ(problems(R"({"$ref":"#"})", "1"), Problems{"(document): is nested too deeply"});
}

TEST(JsonSchema, RefusesWhatItWouldIgnore) {
  EXPECT_THROW(problems(R"({"minimun":1})", "1"), Error);
  EXPECT_THROW(problems(R"({"type":"float"})", "1"), Error);
  EXPECT_THROW(problems(R"({"$ref":"other.json#/definitions/x"})", "1"), Error);
  EXPECT_THROW(problems(R"({"$ref":"#/definitions/x"})", "1"), Error);
}

TEST(JsonSchema, ListsEveryProblemAndShortensLongValues) {
  const auto found =
      problems(R"({"required":["a","b"],"properties":{"c":{"type":"null"}}})",
               R"({"c":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24]})");
  ASSERT_EQ(found.size(), 3u);
  EXPECT_LT(found[2].size(), 100u);
  EXPECT_NE(found[2].find("..."), std::string::npos);
}

TEST(JsonSchema, LongStringsDoNotReachTheMatcher) {
  const Json schema = {{"pattern", "(a|b)*"}};
  EXPECT_EQ(schema_problems(schema, std::string(1000000, 'a')).size(), 1u);
}

}  // namespace
}  // namespace discreet::core
