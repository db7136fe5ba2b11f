#include <gtest/gtest.h>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/formats/safetensors.h"
#include "tests/core/mutate.h"
#include "tests/core/temporary_folder.h"

namespace discreet::formats {
namespace {

std::string file_with(const std::string& header, const std::string& data) {
  const std::uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + header + data;
}

/// Damaged files are refused as bad data or read whole; nothing else happens (the sanitizer build
/// sees reads outside the file). Every byte that a view shows is touched.
TEST(SafetensorsFuzz, DamagedFilesAreRefusedOrReadWhole) {
  const core::TemporaryFolder folder;
  const std::vector<float> floats = {1, 2, 3, 4};
  write_safetensors(folder / "seed",
                    {{{"weight", view_of(floats, {2, 2})}, {"bias", view_of(floats, {4})}}},
                    {{"format", "pt"}});
  const std::vector<std::string> corpus = {
      core::read_file(folder / "seed"), file_with("{}", ""),
      file_with(R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}})", "abc"),
      file_with(
          R"({"a":{"dtype":"BF16","shape":[0,9],"data_offsets":[0,0]},"\u0000":{"dtype":"I8","shape":[],"data_offsets":[0,1]}})",
          "x")};
  core::Mutator mutator(
      20261122, {"F32", "data_offsets", "[0,", "18446744073709551616", "-1", "1e9", "{", "\"a\":"});
  int read = 0, refused = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::string bytes = mutator(corpus[static_cast<std::size_t>(i) % corpus.size()]);
    try {
      const SafetensorsFile file("m", std::as_bytes(std::span(bytes)));
      unsigned sum = 0;
      for (const auto& name : file.names()) {
        for (const std::byte b : file.at(name).bytes) sum += static_cast<unsigned>(b);
        std::vector<float> values(static_cast<std::size_t>(file.at(name).count()));
        copy_to_floats(file.at(name), values);
      }
      ++read;
    } catch (const Error& e) {
      ASSERT_EQ(e.code(), ErrorCode::kBadData) << e.what();
      ++refused;
    }
  }
  // Both happen, or the mutations are too tame or too wild to mean anything.
  EXPECT_GT(read, 500);
  EXPECT_GT(refused, 5000);
}

/// A header of thirty thousand names is read in the time that its size asks for.
TEST(SafetensorsFuzz, ManyNamesAreReadOrRefused) {
  std::string header = "{";
  for (int i = 0; i < 30'000; ++i) {
    header += "\"" + std::to_string(i) + R"(":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},)";
  }
  const std::string doubled = header + R"("7":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})";
  header.back() = '}';
  const std::string whole = file_with(header, "");
  EXPECT_EQ(SafetensorsFile("m", std::as_bytes(std::span(whole))).names().size(), 30'000u);
  const std::string twice = file_with(doubled, "");
  EXPECT_THROW(SafetensorsFile("m", std::as_bytes(std::span(twice))), Error);
}

}  // namespace
}  // namespace discreet::formats
