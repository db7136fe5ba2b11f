#include "discreet/core/config.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <stdlib.h>

#include <cmath>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "tests/core/mutate.h"
#include "tests/core/temporary_folder.h"

namespace discreet::core {
namespace {

Config of_toml(const std::string& text) {
  Config config;
  config.add_toml_text(text, "a.toml");
  return config;
}

std::string usage_failure(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kUsage) << e.what();
    return e.what();
  }
  return "";
}

std::string toml_failure(const std::string& text) {
  return usage_failure([&] { of_toml(text); });
}

TEST(ConfigToml, SeveralFilesMergeTableByTable) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a.toml", "task = 'x'\n[train]\nsteps = 1\nthreads = 2\n");
  write_file_atomically(folder / "b.toml", "[train]\nsteps = 3\n[data]\ntrain = 'f'\n");
  Config config;
  config.add_toml_file((folder / "a.toml").string());
  config.add_toml_file((folder / "b.toml").string());
  EXPECT_EQ(config.values().dump(),
            R"({"task":"x","train":{"steps":3,"threads":2},"data":{"train":"f"}})");
  EXPECT_EQ(config.origin("train.steps"), (folder / "b.toml").string() + ":2");
  EXPECT_EQ(config.origin("train.threads"), (folder / "a.toml").string() + ":4");
}

TEST(ConfigToml, ErrorsNameFileAndLine) {
  EXPECT_EQ(toml_failure("x = 1\ny = \n").rfind("a.toml:2: ", 0), 0u);
  EXPECT_EQ(toml_failure("x = 1\nx = 2\n").rfind("a.toml:2: ", 0), 0u);
  EXPECT_EQ(toml_failure("\nx = nan"), "a.toml:2: nan is no value");
  EXPECT_EQ(toml_failure("x = 2026-01-02"),
            "a.toml:1: dates and times are not configuration values");
  EXPECT_EQ(toml_failure("[[x]]\na = 1"),
            "a.toml:1: a list of tables is not a configuration value");
  EXPECT_EQ(toml_failure("\"a.b\" = 1"), "a.toml:1: \"a.b\" is not a key");
  EXPECT_EQ(toml_failure("\"\" = 1"), "a.toml:1: \"\" is not a key");
  EXPECT_NE(toml_failure("x = \"\xFF\""), "");
  EXPECT_EQ(toml_failure("a.b = 1\n'c-d_e' = \"\xC3\xA4\""), "");
}

TEST(ConfigAssignment, ReadsTomlElseText) {
  Config config;
  const auto set = [&](const std::string& value) {
    config.add_assignment("a.b=" + value);
    return config.at("a.b");
  };
  EXPECT_EQ(set("3"), 3);
  EXPECT_EQ(set("0.5"), 0.5);
  EXPECT_EQ(set(".5"), 0.5);
  EXPECT_EQ(set(".5x"), ".5x");
  EXPECT_EQ(set("true"), true);
  EXPECT_EQ(set("inf"), "inf");
  EXPECT_EQ(set("\"3\""), "3");
  EXPECT_EQ(set("[1, 2]"), Json({1, 2}));
  EXPECT_EQ(set("bilstm-crf"), "bilstm-crf");
  EXPECT_EQ(set("data/a=b.jsonl"), "data/a=b.jsonl");
  EXPECT_EQ(set("2026-01-02"), "2026-01-02");
  EXPECT_EQ(set(""), "");
  EXPECT_EQ(set("1\nc = 2"), "1\nc = 2");
}

TEST(ConfigAssignment, RefusesWhatIsNoPath) {
  Config config = of_toml("x = 1");
  for (const char* bad :
       {"", "=1", "a", "a..b=1", ".a=1", "a.=1", "a b=1", "x.y=1", "a=nan", "a=\xFF"}) {
    EXPECT_NE(usage_failure([&] { config.add_assignment(bad); }), "") << bad;
  }
  EXPECT_EQ(config.values().dump(), R"({"x":1})");
}

TEST(ConfigEnvironment, SetsKeysOfSectionsAndNothingElse) {
  const std::vector<std::pair<const char*, const char*>> variables = {
      {"DISCREET_TRAIN_BATCH_SIZE", "64"},
      {"DISCREET_DATA", "/somewhere"},
      {"DISCREET_DATA_TRAIN", "a.jsonl"},
      {"DISCREET_TORCH", "/opt/torch"},
      {"DISCREET_TRAIN", "x"},
      {"DISCREET_TRAIN_", "x"}};
  const char* data = ::getenv("DISCREET_DATA");
  const std::string data_before = data == nullptr ? "" : data;
  for (const auto& [name, value] : variables) ::setenv(name, value, 1);
  Config config;
  config.add_environment({"data", "train"});
  for (const auto& [name, value] : variables) ::unsetenv(name);
  if (!data_before.empty()) ::setenv("DISCREET_DATA", data_before.c_str(), 1);
  EXPECT_EQ(config.values(),
            Json::parse(R"({"train":{"batch_size":64},"data":{"train":"a.jsonl"}})"));
  EXPECT_EQ(config.origin("train.batch_size"), "DISCREET_TRAIN_BATCH_SIZE");
}

rc::Gen<Json> leaf() {
  return rc::gen::oneOf(
      rc::gen::map(rc::gen::arbitrary<bool>(), [](bool b) { return Json(b); }),
      rc::gen::map(rc::gen::arbitrary<std::int64_t>(), [](std::int64_t i) { return Json(i); }),
      rc::gen::map(rc::gen::arbitrary<double>(),
                   [](double d) { return Json(std::isfinite(d) ? d : 0.5); }),
      rc::gen::map(rc::gen::container<std::string>(rc::gen::inRange('\x01', '\x7F')),
                   [](const std::string& s) { return Json(s + "\x7F\xC3\xA4"); }),
      rc::gen::map(rc::gen::container<std::vector<std::string>>(
                       rc::gen::element<std::string>("a", "\n", "\"")),
                   [](const std::vector<std::string>& list) { return Json(list); }));
}

/// What to_toml writes reads back equal, whatever the values hold.
TEST(ConfigProperty, TomlReadsBackEqual) {
  EXPECT_TRUE(rc::check([] {
    Json values = Json::object();
    const auto key = rc::gen::nonEmpty(
        rc::gen::container<std::string>(rc::gen::element('a', 'B', '7', '_', '-')));
    for (int i = *rc::gen::inRange(0, 4); i > 0; --i) values[*key] = *leaf();
    for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
      Json table = Json::object();
      for (int j = *rc::gen::inRange(0, 4); j > 0; --j) table[*key] = *leaf();
      table["sub"] = {{"x", *leaf()}};
      values[*key] = table;
    }
    const std::string text = to_toml(values);
    RC_ASSERT(nlohmann::json(of_toml(text).values()) == nlohmann::json(values));
  }));
}

TEST(ConfigFuzz, DamagedFilesAreUsageErrorsOrRead) {
  const std::string seed =
      "task = \"intent-slot\"\n[train]\nsteps = 10\nrate = 1e-3\nnames = [\"a\", "
      "'b']\n[data.more]\nx = true\n";
  Mutator mutator(3, {"[[", "]]", "\"\"\"", "\n", "=", ".", "nan", "1979-05-27", "{", "}",
                      "\\u0000", "'", "0x"});
  int read = 0;
  for (int i = 0; i < 20000; ++i) {
    try {
      const Config config = of_toml(mutator(seed));
      of_toml(to_toml(config.values()));
      ++read;
    } catch (const Error& e) {
      ASSERT_EQ(e.code(), ErrorCode::kUsage) << e.what();
    }
  }
  EXPECT_GT(read, 1000);
}

}  // namespace
}  // namespace discreet::core
