#include "discreet/core/fields.h"

#include <gtest/gtest.h>

namespace discreet::core {
namespace {

enum class Colour { kRed, kBlue };
struct Options {
  std::int64_t batch_size = 32;
  double rate = 0.5;
  Colour colour = Colour::kRed;
  std::optional<double> epsilon;
  std::vector<std::string> names;
};

Fields<Options> fields() {
  return Fields<Options>("train")
      .add("batch_size", &Options::batch_size, {.min = 1, .unit = "examples", .doc = "Batch."})
      .add("rate", &Options::rate, {.min = 0, .max = 1, .above_min = true, .doc = "Rate."})
      .add("colour", &Options::colour, {.choices = {"red", "blue"}, .doc = "Colour."})
      .add("epsilon", &Options::epsilon, {.min = 0, .doc = "Budget."})
      .add("names", &Options::names, {.doc = "Names."});
}

std::string failure(const std::string& toml) {
  Config config;
  config.add_toml_text(toml, "x.toml");
  try {
    fields().parse(config);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kUsage);
    return std::string(e.what()) + " | " + e.hint();
  }
  return "";
}

TEST(Fields, ReadsEveryType) {
  Config config;
  config.add_toml_text("[train]\nbatch_size=8\nrate=1\ncolour='blue'\nepsilon=2\nnames=['a','b']",
                       "x");
  const Options o = fields().parse(config);
  EXPECT_EQ(o.batch_size, 8);
  EXPECT_EQ(o.rate, 1.0);
  EXPECT_EQ(o.colour, Colour::kBlue);
  EXPECT_EQ(o.epsilon, 2.0);
  EXPECT_EQ(o.names, (std::vector<std::string>{"a", "b"}));
}

TEST(Fields, DumpReadsBackEqual) {
  Options o;
  o.colour = Colour::kBlue;
  o.rate = 0.1;
  Config config;
  config.add_toml_text(to_toml({{"train", fields().dump(o)}}), "dump");
  const Options again = fields().parse(config);
  EXPECT_EQ(again.colour, o.colour);
  EXPECT_EQ(again.rate, o.rate);
  EXPECT_FALSE(again.epsilon.has_value());
}

TEST(Fields, ErrorsNameFileLineBoundsAndNearestKey) {
  EXPECT_EQ(
      failure("[train]\n\nbatch_size=0"),
      "x.toml:3: train.batch_size = 0: expected integer, >= 1 (examples) | batch_size: Batch.");
  EXPECT_EQ(failure("[train]\nbatchsize=1"),
            "x.toml:2: unknown key 'train.batchsize' | Did you mean 'batch_size'?");
  EXPECT_NE(failure("[train]\nrate=0").find("expected number, (0, 1]"), std::string::npos);
  EXPECT_NE(failure("[train]\ncolour='rad'").find("Did you mean \"red\"?"), std::string::npos);
  EXPECT_NE(failure("[train]\nbatch_size='8'").find("expected integer"), std::string::npos);
}

TEST(Config, LaterSourcesOverrideEarlierOnes) {
  Config config;
  config.add_toml_text("[train]\nbatch_size=1\nrate=0.25", "a.toml");
  config.add_assignment("train.batch_size=2");
  EXPECT_EQ(config.at("train.batch_size"), 2);
  EXPECT_EQ(config.at("train.rate"), 0.25);
  EXPECT_EQ(config.origin("train.rate"), "a.toml:3");
  EXPECT_EQ(config.origin("train.batch_size"), "--set train.batch_size=2");
  EXPECT_TRUE(config.at("train.none").is_null());
}

TEST(Nearest, SwappedNeighboursCountOnce) {
  EXPECT_EQ(nearest("rpd", {"pld", "prv", "rdp"}), "rdp");
  EXPECT_EQ(nearest("batchsize", {"batch_size", "steps"}), "batch_size");
  EXPECT_EQ(nearest("zzzzzz", {"batch_size", "steps"}), std::nullopt);
}

}  // namespace
}  // namespace discreet::core
