#include "discreet/app/canaries.h"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <map>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/text/reader.h"
#include "tests/core/temporary_folder.h"

namespace discreet::app {
namespace {
namespace fs = std::filesystem;

class CanariesTest : public ::testing::Test {
 protected:
  CanariesTest() {
    std::string lines;
    for (int i = 0; i < 40; ++i) {
      lines += "{\"words\":[\"play\",\"song" + std::to_string(i) + "\"],\"slots\":[\"O\",\"B-title\"],\"intent\":\"" +
               (i % 2 == 0 ? "play" : "stop") + "\",\"user\":\"u" + std::to_string(i % 5) + "\"}\n";
    }
    std::ofstream(folder_ / "data.jsonl") << lines;
  }
  PlantRequest request(const std::string& name = "out") {
    PlantRequest request;
    request.data = (folder_ / "data.jsonl").string();
    request.out = folder_ / (name + ".jsonl");
    request.patterns = {"call {digit:4}"};
    return request;
  }
  static std::vector<text::Example> read(const fs::path& path) {
    return text::read_all(*text::make_reader("", path, {}));
  }
  static std::string words_of(const text::Example& example) {
    std::string joined;
    for (const std::string& word : example.words) joined += word + " ";
    return joined;
  }

  core::TemporaryFolder folder_;
};

TEST_F(CanariesTest, EveryCanaryStandsInTheDataAsOftenAsTheFileSays) {
  PlantRequest plant = request();
  plant.count = 8;
  plant.repetitions = 3;
  plant.inclusion = 0.5;
  const Json document = plant_canaries(plant);
  std::map<std::string, int> times;
  std::vector<std::string> others;
  for (const text::Example& example : read(plant.out)) {
    if (example.words.front() == "call") {
      ++times[words_of(example)];
      EXPECT_EQ(example.tags, (std::vector<std::string>{"O", "B-canary", "I-canary", "I-canary", "I-canary"}));
      EXPECT_TRUE(example.label == "play" || example.label == "stop");
    } else {
      others.push_back(example.words[1]);
    }
  }
  ASSERT_EQ(others.size(), 40U);
  EXPECT_EQ(others.front(), "song0");
  EXPECT_EQ(others.back(), "song39") << "the data keep their order";
  const CanaryFile file = read_canaries(folder_ / "out.canaries.json");
  ASSERT_EQ(file.canaries.size(), 8U);
  EXPECT_EQ(file.inclusion, 0.5);
  int planted = 0;
  for (const Canary& canary : file.canaries) {
    EXPECT_EQ(times[words_of(canary.example)], canary.repetitions) << canary.id;
    EXPECT_EQ(canary.repetitions, canary.planted ? 3 : 0);
    EXPECT_EQ(canary.example.user, canary.id);
    planted += canary.planted ? 1 : 0;
  }
  EXPECT_GT(planted, 0);
  EXPECT_LT(planted, 8);
  EXPECT_EQ(document["lines"], 3 * planted);
}

TEST_F(CanariesTest, DrawsSomeOfTheData) {
  PlantRequest plant = request();
  plant.lines = 10;
  EXPECT_EQ(plant_canaries(plant)["examples"], 10);
  EXPECT_EQ(read(plant.out).size(), 11U);
}

TEST_F(CanariesTest, IsAFunctionOfTheRequest) {
  PlantRequest plant = request("a"), again = request("b"), other = request("c");
  plant.repetitions = again.repetitions = other.repetitions = 5;
  other.seed = 2;
  plant_canaries(plant);
  plant_canaries(again);
  plant_canaries(other);
  EXPECT_EQ(core::read_file(plant.out), core::read_file(again.out));
  EXPECT_NE(core::read_file(plant.out), core::read_file(other.out));
}

TEST_F(CanariesTest, MislabelledExamplesChangeTheirLabelOrLeave) {
  PlantRequest plant = request();
  plant.patterns.clear();
  plant.mislabelled = 20;
  plant.inclusion = 0.5;
  plant_canaries(plant);
  std::map<std::string, std::string> label;
  for (const text::Example& example : read(plant.out)) label[example.words[1]] = example.label;
  int changed = 0, gone = 0;
  for (const Canary& canary : read_canaries(folder_ / "out.canaries.json").canaries) {
    const int number = std::stoi(canary.example.words[1].substr(4));
    EXPECT_NE(canary.example.label, number % 2 == 0 ? "play" : "stop");
    EXPECT_EQ(label.contains(canary.example.words[1]), canary.planted);
    if (canary.planted) {
      EXPECT_EQ(label[canary.example.words[1]], canary.example.label);
    }
    (canary.planted ? changed : gone) += 1;
  }
  EXPECT_EQ(changed + gone, 20);
  EXPECT_EQ(label.size(), 40U - static_cast<std::size_t>(gone));
}

TEST_F(CanariesTest, DecoysStandForWhatIsNotPlanted) {
  PlantRequest plant = request();
  plant.inclusion = 0;
  plant.repetitions = 4;
  plant.decoy = "call {token:4}";
  plant_canaries(plant);
  int decoys = 0;
  for (const text::Example& example : read(plant.out)) {
    if (example.words.front() != "call") continue;
    ++decoys;
    EXPECT_TRUE(example.words[1].starts_with("zq"));
  }
  EXPECT_EQ(decoys, 4);
  EXPECT_FALSE(read_canaries(folder_ / "out.canaries.json").canaries[0].planted);
}

TEST_F(CanariesTest, WritesPlainTextForLanguageModels) {
  PlantRequest plant;
  plant.out = folder_ / "lines.txt";
  plant.patterns = {"my pin is {digit:2}", "i am {name}"};
  plant.repetitions = 2;
  plant_canaries(plant);
  const auto lines = read(plant.out);
  ASSERT_EQ(lines.size(), 4U);
  const CanaryFile file = read_canaries(folder_ / "lines.canaries.json");
  ASSERT_EQ(file.canaries.size(), 2U);
  EXPECT_TRUE(file.canaries[0].example.tags.empty());
  EXPECT_TRUE(file.canaries[0].example.label.empty());
}

TEST_F(CanariesTest, RefusesWhatCannotBe) {
  const auto code = [](const PlantRequest& plant) {
    try {
      plant_canaries(plant);
    } catch (const Error& error) {
      return static_cast<int>(error.code());
    }
    return 0;
  };
  PlantRequest many = request();
  many.patterns = {"call {digit}"};
  many.count = 6;
  EXPECT_EQ(code(many), 2) << "more than half of the sentences";
  PlantRequest mislabelled = request();
  mislabelled.mislabelled = 21;
  EXPECT_EQ(code(mislabelled), 2);
  PlantRequest lines = request();
  lines.lines = 41;
  EXPECT_EQ(code(lines), 2);
  PlantRequest nothing = request();
  nothing.patterns.clear();
  EXPECT_EQ(code(nothing), 2);
  PlantRequest form = request();
  form.out = folder_ / "out.csv";
  EXPECT_EQ(code(form), 2);
  PlantRequest decoy = request();
  decoy.decoy = "call {token}";
  EXPECT_EQ(code(decoy), 2);
  EXPECT_EQ(code(request()), 0);
  EXPECT_EQ(code(request()), 2) << "the file exists";
  PlantRequest plain = request("plain");
  std::ofstream(folder_ / "plain.txt") << "one line\n";
  plain.data = (folder_ / "plain.txt").string();
  plain.mislabelled = 1;
  EXPECT_EQ(code(plain), 3) << "no labels";
}

TEST_F(CanariesTest, ACanaryFileThatDoesNotFitIsNamed) {
  plant_canaries(request());
  const fs::path path = folder_ / "out.canaries.json";
  const Json whole = Json::parse(core::read_file(path));
  const auto with = [&](const std::function<void(Json&)>& change) {
    Json document = whole;
    change(document);
    core::write_file_atomically(path, document.dump());
    try {
      read_canaries(path);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadData);
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(with([](Json&) {}), "");
  EXPECT_NE(with([](Json& d) { d["results"][0]["words"][1] = "x"; }).find("no sentence of its canary pattern"), std::string::npos);
  EXPECT_NE(with([](Json& d) { d["results"][0]["tags"].erase(0); }).find("tags for"), std::string::npos);
  EXPECT_NE(with([](Json& d) { d["results"][0]["planted"] = false; }).find("planted"), std::string::npos);
  EXPECT_NE(with([](Json& d) { d["results"].push_back(d["results"][0]); }).find("two canaries"), std::string::npos);
  EXPECT_NE(with([](Json& d) { d["results"][0].erase("id"); }), "");
}

}  // namespace
}  // namespace discreet::app
