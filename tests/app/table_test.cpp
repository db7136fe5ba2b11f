#include "discreet/app/table.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <fstream>

#include "discreet/core/error.h"

namespace discreet::app {
namespace {

std::filesystem::path table_file(const std::string& name, const std::string& text) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("discreet_table_" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / name, std::ios::binary) << text;
  return folder / name;
}

std::string complaint(const std::string& name, const std::string& text,
                      const std::vector<std::string>& columns) {
  try {
    read_table(table_file(name, text), columns);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kBadData);
    return std::string(e.what()) + " | " + e.hint();
  }
  return "";
}

TEST(Table, ReadsQuotedCellsAndPicksColumns) {
  const Table table = read_table(
      table_file("a.csv", "x,\"a \"\"b\"\"\",y\r\n1,\"p, q\",2\r\n\r\n3,\"two\nlines\",4\r\n"),
      {"y", "a \"b\""});
  ASSERT_EQ(table.rows(), 2U);
  EXPECT_EQ(table.column("y"), (std::vector<std::string>{"2", "4"}));
  EXPECT_EQ(table.column("a \"b\""), (std::vector<std::string>{"p, q", "two\nlines"}));
  EXPECT_EQ(table.lines, (std::vector<std::int64_t>{2, 4}));
}

TEST(Table, ReadsTabsAndJsonLines) {
  EXPECT_EQ(read_table(table_file("a.tsv", "x\ty\n1\t2,3\n"), {"y"}).column("y").front(), "2,3");
  const Table json = read_table(
      table_file("a.jsonl", "{\"x\":1,\"y\":null}\n\n{\"y\":true,\"x\":\"s\"}\n"), {"x", "y"});
  EXPECT_EQ(json.column("x"), (std::vector<std::string>{"1", "s"}));
  EXPECT_EQ(json.column("y"), (std::vector<std::string>{"", "true"}));
  EXPECT_EQ(json.lines.back(), 3);
}

TEST(Table, NamesWhatIsWrongAndWhere) {
  EXPECT_NE(complaint("b.csv", "label,p\n1,2\n", {"lable"}).find("Did you mean 'label'"),
            std::string::npos);
  EXPECT_NE(complaint("b.csv", "x,y\n1,2\n1\n", {"x"}).find(":3: row of 1 cells, expected 2"),
            std::string::npos);
  EXPECT_NE(complaint("b.csv", "x,y\n1,\"2\n", {"x"}).find(":2: a quoted cell"), std::string::npos);
  EXPECT_NE(complaint("b.csv", "", {"x"}).find("empty"), std::string::npos);
  EXPECT_NE(complaint("b.jsonl", "{\"x\":1}\n[1]\n", {"x"}).find(":2: expected a JSON object"),
            std::string::npos);
  EXPECT_NE(complaint("b.jsonl", "{\"x\":[1]}\n", {"x"}).find("is an array"), std::string::npos);
  EXPECT_NE(complaint("b.jsonl", "{\"x\":1}\nnonsense\n", {"x"}).find(":2"), std::string::npos);
}

TEST(Table, Numbers) {
  const Table table =
      read_table(table_file("c.csv", "x\n1.5\n-inf\n1e3\nnan\n1.5x\n\"\"\n"), {"x"});
  EXPECT_EQ(table.number(0, "x"), 1.5);
  EXPECT_EQ(table.number(1, "x"), -INFINITY);
  EXPECT_EQ(table.number(2, "x"), 1000);
  for (std::size_t row = 3; row < 6; ++row) EXPECT_THROW(table.number(row, "x"), Error);
}

}  // namespace
}  // namespace discreet::app
