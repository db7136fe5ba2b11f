#include "discreet/app/contexts.h"

#include <gtest/gtest.h>

#include <set>

#include "discreet/core/files.h"
#include "tests/core/temporary_folder.h"

namespace discreet::app {
namespace {

TEST(Contexts, KeepsTheWordsAroundAndTheirPlace) {
  const core::TemporaryFolder folder;
  core::write_file_atomically(folder / "a.txt", "one two three four five six seven eight nine\nA nurse, he said.\n");
  const auto found = sample_contexts(folder / "a.txt", {"five", "nurse", "Nurse", "absent"}, {.window = 2});
  ASSERT_EQ(found.of.at("five").size(), 1u);
  const WordContext& five = found.of.at("five")[0];
  EXPECT_EQ(five.text, "three four five six seven");
  EXPECT_EQ(five.text.substr(five.begin, five.end - five.begin), "five");
  const WordContext& nurse = found.of.at("nurse")[0];
  EXPECT_EQ(nurse.text.substr(nurse.begin, nurse.end - nurse.begin), "nurse");
  EXPECT_EQ(found.of.count("Nurse"), 0u);
  EXPECT_EQ(found.seen.at("absent"), 0u);
  const auto whole = sample_contexts(folder / "a.txt", {"FIVE"}, {.window = 0, .lowercase = true});
  EXPECT_EQ(whole.of.at("FIVE")[0].text, "one two three four five six seven eight nine");
}

TEST(Contexts, SamplesUniformlyWhateverElseIsAskedFor) {
  const core::TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 400; ++i) text += "n" + std::to_string(i) + " she\n";
  core::write_file_atomically(folder / "a.txt", text);
  std::vector<int> times(400);
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto found = sample_contexts(folder / "a.txt", {"she"}, {.most = 20, .window = 1, .seed = seed});
    EXPECT_EQ(found.of.at("she").size(), 20u);
    EXPECT_EQ(found.seen.at("she"), 400u);
    std::set<std::string> distinct;
    for (const WordContext& context : found.of.at("she")) {
      distinct.insert(context.text);
      ++times[std::stoul(context.text.substr(1))];
    }
    EXPECT_EQ(distinct.size(), 20u);
  }
  // Each line is kept 10 times of 200 on average; halves of the file alike (deviation of a half's sum: 31).
  int first = 0, last = 0;
  for (int i = 0; i < 200; ++i) first += times[i];
  for (int i = 200; i < 400; ++i) last += times[i];
  EXPECT_EQ(first + last, 4000);
  EXPECT_NEAR(first, 2000, 6 * 31);
  const auto alone = sample_contexts(folder / "a.txt", {"she"}, {.most = 5, .seed = 3});
  const auto beside = sample_contexts(folder / "a.txt", {"n7", "she", "zz"}, {.most = 5, .seed = 3});
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(alone.of.at("she")[i].text, beside.of.at("she")[i].text);
}

}  // namespace
}  // namespace discreet::app
