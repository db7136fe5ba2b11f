#include "discreet/stats/near_duplicates.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace discreet::stats {
namespace {

TEST(NearDuplicates, CountsEveryTextOfOneForm) {
  std::vector<std::string> first, second;
  for (int i = 0; i < 120; ++i) {
    first.push_back("Play the song of the week" + std::string(static_cast<std::size_t>(i % 7 + 1), '!'));
    second.push_back("play the song, of the week");
  }
  const NearDuplicates found = near_duplicates(first, second);
  EXPECT_EQ(found.pairs, 120U * 120U);
  EXPECT_EQ(std::count(found.first.begin(), found.first.end(), 1), 120);
  EXPECT_EQ(std::count(found.second.begin(), found.second.end(), 1), 120);
}

TEST(NearDuplicates, DigitsMakeATextAnother) {
  const std::vector<std::string> first = {"call 1007 5"}, second = {"call 9323 8"};
  EXPECT_EQ(near_duplicates(first, second).pairs, 0U);
}

TEST(NearDuplicates, EqualTextsAreNotNear) {
  const std::vector<std::string> first = {"play the song of the week", "other words altogether here"}, second = {first[0]};
  EXPECT_EQ(near_duplicates(first, second).pairs, 0U);
}

TEST(NearDuplicates, OneWordMoreInALongTextIsNear) {
  const std::string text = "please remind me to call the dentist about the appointment on monday morning";
  const std::vector<std::string> first = {text}, second = {text + " now"};
  EXPECT_EQ(near_duplicates(first, second).pairs, 1U);
}

}  // namespace
}  // namespace discreet::stats
