#include "discreet/formats/tensorboard.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "tests/core/temporary_folder.h"

namespace discreet::formats {
namespace {
namespace fs = std::filesystem;

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), {}));
}

void overwrite(const fs::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

/// RFC 3720, section B.4, and the check value of the CRC catalogue.
TEST(Crc32c, KnownVectors) {
  EXPECT_EQ(crc32c(""), 0u);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43u);
  std::string rising;
  for (int i = 0; i < 32; ++i) rising.push_back(static_cast<char>(i));
  EXPECT_EQ(crc32c(rising), 0x46DD794Eu);
}

TEST(EventWriter, ReadsBackWhatItWrote) {
  const core::TemporaryFolder folder;
  const std::vector<ScalarEvent> events = {{1e9 + 0.25, 0, "train/loss", 0.5f},
                                           {1e9 + 1, 300, "train/loss", -1e-30f},
                                           {1e9 + 2, 1LL << 40, "\xC3\xA4", INFINITY}};
  fs::path file;
  {
    EventWriter writer(folder.path());
    for (const auto& event : events) writer.add(event);
    file = writer.file();
  }
  EXPECT_EQ(file.filename().string().rfind("events.out.tfevents.", 0), 0u);
  EXPECT_EQ(read_events(file), events);
}

/// The first record of any event file of version 2: bytes as the format demands them.
TEST(EventWriter, FirstRecordStatesTheVersion) {
  const core::TemporaryFolder folder;
  const std::string bytes = core::read_file(EventWriter(folder.path()).file());
  ASSERT_EQ(bytes.size(), 12u + 24u + 4u);
  EXPECT_EQ(bytes.substr(0, 8), std::string("\x18\0\0\0\0\0\0\0", 8));
  // The checksum that every record of 24 bytes has over its length.
  EXPECT_EQ(bytes.substr(8, 4), "\xA3\x7F\x4B\x22");
  EXPECT_EQ(bytes[12], '\x09');  // field 1, 64 bits
  EXPECT_EQ(bytes.substr(21, 15),
            "\x1A\x0D"
            "brain.Event:2");  // field 3, 13 bytes
}

TEST(EventWriter, MetricsBecomeTags) {
  const Json metric = {{"step", 10},       {"split", "train"}, {"loss", 0.5},
                       {"epsilon", "inf"}, {"note", "x"},      {"list", {1, 2}}};
  const auto scalars = scalars_of(metric);
  ASSERT_EQ(scalars.size(), 2u);
  EXPECT_EQ(scalars[0], (std::pair<std::string, double>("train/loss", 0.5)));
  EXPECT_EQ(scalars[1].first, "train/epsilon");
  EXPECT_TRUE(std::isinf(scalars[1].second));
}

TEST(EventWriter, AResumedRunHasOneFileWithItsWholeHistory) {
  const core::TemporaryFolder folder;
  const auto line = [](int step) {
    return Json{{"step", step}, {"split", "dev"}, {"f1", 0.1 * step}};
  };
  {
    EventWriter first(folder.path());
    for (int step : {1, 2, 3}) first.add(line(step));
  }
  EventWriter second(folder.path(), {line(1), line(2)});
  second.add(line(3));
  EXPECT_EQ(files_in(folder.path()), 1u);
  const auto events = read_events(second.file());
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[2].step, 3);
  EXPECT_EQ(events[2].tag, "dev/f1");
}

TEST(EventFile, CutOffAnywhereGivesWhatIsWhole) {
  const core::TemporaryFolder folder;
  fs::path file;
  {
    EventWriter writer(folder.path());
    for (int i = 0; i < 5; ++i) writer.add(ScalarEvent{1.0, i, "x", 1.0f});
    file = writer.file();
  }
  const std::string bytes = core::read_file(file);
  std::size_t before = 0;
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    overwrite(folder / "cut", bytes.substr(0, size));
    const std::size_t count = read_events(folder / "cut").size();
    EXPECT_GE(count, before);
    before = count;
  }
  EXPECT_EQ(before, 5u);
}

TEST(EventFile, AnyFlippedBitIsSeen) {
  const core::TemporaryFolder folder;
  fs::path file;
  {
    EventWriter writer(folder.path());
    writer.add(ScalarEvent{1.0, 1, "x", 1.0f});
    file = writer.file();
  }
  const std::string bytes = core::read_file(file);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 << (i % 8)));
    overwrite(folder / "damaged", damaged);
    try {
      read_events(folder / "damaged");
      ADD_FAILURE() << "byte " << i;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kBadData);
    }
  }
}

}  // namespace
}  // namespace discreet::formats
