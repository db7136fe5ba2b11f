#include "discreet/core/lines.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <vector>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "tests/core/temporary_folder.h"

namespace discreet::core {
namespace {

std::string gzip(const std::string& text, const std::filesystem::path& path) {
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
  gzclose(file);
  return read_file(path);
}

std::vector<std::string> all_lines(const std::filesystem::path& path) {
  LineReader reader(path);
  std::vector<std::string> lines;
  for (std::string line; reader.next(line);) lines.push_back(line);
  return lines;
}

using Lines = std::vector<std::string>;

TEST(LineReader, EndsOfLinesAndOfTheFile) {
  const TemporaryFolder folder;
  const auto lines_of = [&](const std::string& text) {
    write_file_atomically(folder / "a.txt", text);
    return all_lines(folder / "a.txt");
  };
  EXPECT_EQ(lines_of(""), Lines{});
  EXPECT_EQ(lines_of("\n"), Lines{""});
  EXPECT_EQ(lines_of("a"), Lines{"a"});
  EXPECT_EQ(lines_of("a\n"), Lines{"a"});
  EXPECT_EQ(lines_of("a\r\nb\r\n\r\nc"), (Lines{"a", "b", "", "c"}));
  EXPECT_EQ(lines_of("\xEF\xBB\xBF{}\n\xEF\xBB\xBFx"), (Lines{"{}", "\xEF\xBB\xBFx"}));
  EXPECT_EQ(lines_of(std::string("a\0b\n", 4)), Lines{std::string("a\0b", 3)});
}

TEST(LineReader, LinesAcrossBlocksInPlainAndGzip) {
  const TemporaryFolder folder;
  std::string text;
  Lines expected;
  for (int i = 0; i < 60; ++i) {
    expected.push_back(
        std::string(static_cast<std::size_t>(i) * 997, static_cast<char>('a' + i % 26)));
    text += expected.back() + "\n";
  }
  write_file_atomically(folder / "plain", text);
  gzip(text, folder / "packed");
  EXPECT_EQ(all_lines(folder / "plain"), expected);
  EXPECT_EQ(all_lines(folder / "packed"), expected);
}

TEST(LineReader, CountsLinesForErrors) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a.txt", "one\ntwo\n");
  LineReader reader(folder / "a.txt");
  std::string line;
  EXPECT_EQ(reader.line_number(), 0u);
  reader.next(line);
  reader.next(line);
  EXPECT_EQ(reader.where(), (folder / "a.txt").string() + ":2");
  EXPECT_FALSE(reader.next(line));
  EXPECT_EQ(reader.line_number(), 2u);
  EXPECT_EQ(reader.file_bytes_read(), 8u);
}

TEST(LineReader, DamagedGzipIsBadData) {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 5000; ++i) text += std::to_string(i * 7919) + "\n";
  const std::string packed = gzip(text, folder / "a.gz");
  std::string flipped = packed;
  flipped[packed.size() / 2] ^= 0x55;
  for (const std::string& bytes :
       {packed.substr(0, packed.size() / 2), flipped, packed.substr(0, packed.size() - 3)}) {
    write_file_atomically(folder / "b.gz", bytes);
    try {
      all_lines(folder / "b.gz");
      FAIL() << "damaged gzip was read";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kBadData) << e.what();
      EXPECT_NE(std::string(e.what()).find("b.gz: damaged gzip data"), std::string::npos);
    }
  }
}

TEST(LineReader, RefusesWhatIsNoTextFile) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "long", std::string(1001, 'x'));
  LineReader reader(folder / "long", 1000);
  std::string line;
  EXPECT_THROW(reader.next(line), Error);
  EXPECT_THROW(LineReader(folder / "absent"), Error);
  EXPECT_THROW(LineReader(folder / ""), Error);
}

}  // namespace
}  // namespace discreet::core
