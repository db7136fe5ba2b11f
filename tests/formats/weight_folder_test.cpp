#include "discreet/formats/weight_folder.h"

#include <gtest/gtest.h>

#include <cmath>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "tests/core/mutate.h"
#include "tests/core/temporary_folder.h"

namespace discreet::formats {
namespace {

WeightToWrite counting(const std::string& name, std::vector<std::int64_t> shape, float first) {
  return {name, std::move(shape), [first](std::span<float> out) {
            for (std::size_t i = 0; i < out.size(); ++i) out[i] = first + static_cast<float>(i);
          }};
}

/// Three weights of 24, 16 and 8 bytes.
const std::vector<WeightToWrite>& three_weights() {
  static const std::vector<WeightToWrite> weights = {
      counting("c", {2, 3}, 0), counting("a", {4}, 100), counting("b", {2}, -3)};
  return weights;
}

std::string folder_refusal(const std::filesystem::path& path) {
  try {
    WeightFolder weights(path);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kBadData) << e.what();
    return e.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

TEST(WeightFolder, OneFileOrShardsReadTheSame) {
  const core::TemporaryFolder folder;
  for (const std::uint64_t limit : {1000, 40, 24, 1}) {
    const auto path = folder / std::to_string(limit);
    std::filesystem::create_directory(path);
    write_weights(path, three_weights(), {.max_file_bytes = limit});
    EXPECT_EQ(std::filesystem::exists(path / "model.safetensors"), limit == 1000);
    EXPECT_EQ(std::filesystem::exists(path / "model-00001-of-00002.safetensors"),
              limit == 40 || limit == 24);
    EXPECT_EQ(std::filesystem::exists(path / "model-00003-of-00003.safetensors"), limit == 1);
    const WeightFolder weights(path);
    EXPECT_EQ(weights.count(), 12);
    EXPECT_EQ(weights.shape("c"), (std::vector<std::int64_t>{2, 3}));
    EXPECT_EQ(weights.read_float("a"), (std::vector<float>{100, 101, 102, 103}));
    std::vector<float> two(2), three(3);
    weights.read_float("b", two);
    EXPECT_EQ(two, (std::vector<float>{-3, -2}));
    EXPECT_THROW(weights.read_float("b", three), Error);
    EXPECT_THROW(weights.read_float("bb"), Error);
  }
  const Json index =
      core::parse_json(core::read_file(folder / "1/model.safetensors.index.json"), "index");
  EXPECT_EQ(index["metadata"]["total_size"], 48);
}

TEST(WeightFolder, NarrowDtypesHoldWhatFits) {
  const core::TemporaryFolder folder;
  std::filesystem::create_directory(folder / "h");
  write_weights(folder / "h", three_weights(), {.dtype = DType::kBF16, .max_file_bytes = 12});
  EXPECT_EQ(WeightFolder(folder / "h").dtype("c"), DType::kBF16);
  EXPECT_EQ(WeightFolder(folder / "h").read_float("a")[1], 101.0f);
  const std::vector<WeightToWrite> large = {counting("x", {2}, 65504)};
  EXPECT_THROW(write_weights(folder / "h", large, {.dtype = DType::kF16}), Error);
  const std::vector<WeightToWrite> not_a_number = {
      {"x", {1}, [](std::span<float> out) { out[0] = std::nanf(""); }}};
  EXPECT_THROW(write_weights(folder / "h", not_a_number), Error);
}

TEST(WeightFolder, OtherFormatsAreRefusedByName) {
  const core::TemporaryFolder folder;
  folder.write("p/pytorch_model.bin", "x");
  EXPECT_NE(folder_refusal(folder / "p").find("the weights are in pytorch_model.bin"),
            std::string::npos);
  folder.write("n/config.json", "{}");
  EXPECT_NE(folder_refusal(folder / "n").find("has neither"), std::string::npos);
}

TEST(WeightFolder, AnIndexThatIsNotItsShardsIsRefused) {
  const core::TemporaryFolder folder;
  std::filesystem::create_directory(folder / "m");
  write_weights(folder / "m", three_weights(), {.max_file_bytes = 1});
  const auto index = folder / "m/model.safetensors.index.json";
  const std::string good = core::read_file(index);
  const auto with = [&](const std::string& text) {
    core::write_file_atomically(index, text);
    return folder_refusal(folder / "m");
  };
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    return with(text);
  };
  const std::string first = "model-00001-of-00003.safetensors";
  EXPECT_NE(changed("\"c\"", "\"d\"").find("has no tensor \"d\""), std::string::npos);
  EXPECT_NE(changed("\"c\": \"" + first + "\"", "\"c\": \"../" + first + "\"")
                .find("no file of this folder"),
            std::string::npos);
  EXPECT_NE(
      changed("\"c\": \"" + first + "\"", "\"a\": \"" + first + "\"").find("names \"a\" twice"),
      std::string::npos);
  // A shard with a tensor that the index does not name.
  write_safetensors(
      folder / "m" / first,
      std::vector<NamedTensorView>{{"c", {DType::kU8, {0}, {}}}, {"z", {DType::kU8, {0}, {}}}});
  EXPECT_NE(with(good).find("has a tensor \"z\", which"), std::string::npos);
  write_safetensors(
      folder / "m" / first,
      std::vector<NamedTensorView>{{"c", {DType::kU8, {0}, {}}}, {"a", {DType::kU8, {0}, {}}}});
  EXPECT_NE(with(good).find("looks for in another file"), std::string::npos);
  EXPECT_NE(with("{}").find("has no \"weight_map\""), std::string::npos);
  EXPECT_NE(with("[]").find("is not a JSON object"), std::string::npos);
}

TEST(WeightFolderFuzz, DamagedIndicesAreRefusedOrReadWhole) {
  const core::TemporaryFolder folder;
  std::filesystem::create_directory(folder / "m");
  write_weights(folder / "m", three_weights(), {.max_file_bytes = 1});
  const auto index = folder / "m/model.safetensors.index.json";
  const std::string good = core::read_file(index);
  core::Mutator mutator(
      20261126, {"../", "\"a\":", "{", "null", "1e999", "model-00001-of-00003.safetensors"});
  int read = 0, refused = 0;
  for (int i = 0; i < 400; ++i) {
    std::ofstream(index, std::ios::binary) << mutator(good);
    try {
      const WeightFolder weights(folder / "m");
      EXPECT_EQ(weights.count(), 12);
      ++read;
    } catch (const Error& e) {
      // A name of a shard that is not there is the system's error.
      ASSERT_TRUE(e.code() == ErrorCode::kBadData || e.code() == ErrorCode::kRuntime) << e.what();
      ++refused;
    }
  }
  EXPECT_GT(read, 20);
  EXPECT_GT(refused, 100);
}

}  // namespace
}  // namespace discreet::formats
