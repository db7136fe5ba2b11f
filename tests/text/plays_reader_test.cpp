#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "discreet/core/error.h"
#include "discreet/text/reader.h"
#include "tests/core/temporary_folder.h"

namespace discreet::text {
namespace {

TEST(PlaysReader, SpokenLinesWithRoleAndAct) {
  const core::TemporaryFolder folder;
  std::ofstream(folder.path() / "b.txt") << "\tB\n\nDRAMATIS PERSONAE\n\nKING\ta king.\n\n\tB\n\nACT I\n\nSCENE I\tA hall.\n\n\t[Enter KING, and\n\tothers]\n\n"
                                            "KING\tWho's [Aside] there?\n\tSpeak.\n\n\t[Exeunt [all]\n\nFOOL\t[Singing]  Nobody.\n\n\tB\n\nACT V\n\nSCENE II\tA field.\n\n"
                                            "KING\tFarewell.\n";
  std::ofstream(folder.path() / "a.txt") << "A poem\n\tof two lines\n";
  std::ofstream(folder.path() / "notes.md") << "ACT I\nX\ty\n";
  auto reader = make_reader("plays", folder.path());
  const auto lines = read_all(*reader);
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[0].text, "Who's  there?");
  EXPECT_EQ(lines[0].user, "b/KING");
  EXPECT_EQ(lines[0].groups.at("act"), "1");
  EXPECT_EQ(lines[0].line, 16);
  EXPECT_EQ(lines[1].text, "Speak.");
  EXPECT_EQ(lines[2].user, "b/FOOL");
  EXPECT_EQ(lines[2].text, "Nobody.");
  EXPECT_EQ(lines[3].groups.at("act"), "5");
  EXPECT_THROW(make_reader("plays", folder.path() / "none.txt")->next(*std::make_unique<Example>()), Error);
}

TEST(PlaysReader, TheFolderOfPlays) {
  const char* data = std::getenv("DISCREET_DATA");
  if (data == nullptr) GTEST_SKIP() << "DISCREET_DATA is not set";
  auto reader = make_reader("plays", std::filesystem::path(data) / "shakespeare_plays");
  std::map<std::string, std::int64_t> roles;
  std::set<std::string> plays;
  std::int64_t lines = 0;
  for (Example example; reader->next(example); ++lines) {
    ++roles[example.user];
    plays.insert(example.user.substr(0, example.user.find('/')));
  }
  std::int64_t heavy = 0;
  for (const auto& [role, count] : roles) heavy += count >= 20;
  EXPECT_EQ(plays.size(), 37u);
  EXPECT_NEAR(double(lines), 107660, 1000);
  EXPECT_NEAR(double(roles.size()), 1351, 50);
  EXPECT_NEAR(double(heavy), 719, 25);
}

}  // namespace
}  // namespace discreet::text
