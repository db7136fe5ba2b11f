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

TEST(PlaysReader, LongNamesProloguesAndWhoEntersAlone) {
  const core::TemporaryFolder folder;
  std::ofstream(folder.path() / "c.txt") << "\tC\n\nDRAMATIS PERSONAE\n\nDROMIO\ta servant.\n\n\tINDUCTION\n\nSLY\tI'll pheeze you.\n\n\tPROLOGUE\n\n\tTwo houses.\n\n"
                                            "ACT I\n\nSCENE I\tA mart.\n\n\t[Enter LADY GOWER, alone]\n\n\tTo sing a song.\n\nANTIPHOLUS\nOF SYRACUSE\tGo bear it.\n\tStay.\n\n"
                                            "DROMIO\nOF SYRACUSE\tMany a man.\n\n\tSONG.\n\n\tHey ho.\n\nANTIPHOLUS\n\n\tACT II\n\nACT II\n\nSCENE I\tThe same.\n\n"
                                            "\t[Enter KING and FOOL]\n\n\tNobody's words.\n\n\tEPILOGUE\n\n\tAll is said.\n";
  std::vector<std::string> found;
  auto reader = make_reader("plays", folder.path());
  for (const Example& line : read_all(*reader)) found.push_back(line.groups.at("act") + " " + line.user + ": " + line.text);
  EXPECT_EQ(found, (std::vector<std::string>{"1 c/SLY: I'll pheeze you.", "1 c/PROLOGUE: Two houses.", "1 c/LADY GOWER: To sing a song.",
                                             "1 c/ANTIPHOLUS OF SYRACUSE: Go bear it.", "1 c/ANTIPHOLUS OF SYRACUSE: Stay.",
                                             "1 c/DROMIO OF SYRACUSE: Many a man.", "1 c/DROMIO OF SYRACUSE: Hey ho.",
                                             "2 c/EPILOGUE: All is said."}));
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
  // Of some 125,000 lines that are not blank the others are poems and lists of persons (8,400), directions
  // (6,500), titles and headings.
  EXPECT_NEAR(double(lines), 107893, 50);
  EXPECT_NEAR(double(roles.size()), 1375, 5);
  EXPECT_NEAR(double(heavy), 726, 3);
}

}  // namespace
}  // namespace discreet::text
