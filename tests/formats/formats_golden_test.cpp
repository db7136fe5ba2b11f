#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <optional>

#include "discreet/core/files.h"
#include "discreet/formats/safetensors.h"
#include "discreet/formats/word_vectors.h"
#include "tests/core/temporary_folder.h"

namespace discreet::formats {
namespace {
namespace fs = std::filesystem;

std::optional<fs::path> data_folder() {
  const char* folder = std::getenv("DISCREET_DATA");
  if (folder == nullptr || *folder == '\0') return std::nullopt;
  return fs::path(folder);
}

/// The models of the test data, written by the reference implementation of the format; the numbers
/// of weights are those of their descriptions.
TEST(SafetensorsGolden, ReadsModelsOfTheReferenceImplementation) {
  const auto data = data_folder();
  if (!data) GTEST_SKIP() << "DISCREET_DATA is not set";
  struct Expected {
    const char* name;
    double millions;
    double tolerance;
    DType dtype;
  };
  for (const Expected& e : {Expected{"minilm_l6_v2", 22.7, 0.05, DType::kF16},
                            Expected{"bert_tiny_mlm", 4.4, 0.05, DType::kF16},
                            Expected{"bert_tiny_sst2", 4.4, 0.05, DType::kF16},
                            Expected{"stories260k", 0.26, 0.005, DType::kF32}}) {
    const SafetensorsModel model(*data / "models" / e.name);
    double weights = 0;
    for (const auto& name : model.names()) {
      const TensorView& tensor = model.at(name);
      if (tensor.dtype != e.dtype) continue;
      weights += static_cast<double>(tensor.count());
      std::vector<float> values(static_cast<std::size_t>(tensor.count()));
      copy_to_floats(tensor, values);
      double sum = 0;
      for (const float v : values) sum += static_cast<double>(v) * v;
      ASSERT_TRUE(std::isfinite(sum)) << e.name << " " << name;
    }
    EXPECT_NEAR(weights / 1e6, e.millions, e.tolerance) << e.name;
  }
}

/// The writer lays tensors out as the reference implementation does: the same file, byte for byte,
/// for a file that it wrote.
TEST(SafetensorsGolden, WritesTheBytesOfTheReferenceImplementation) {
  const auto data = data_folder();
  if (!data) GTEST_SKIP() << "DISCREET_DATA is not set";
  const core::TemporaryFolder folder;
  const fs::path path = *data / "models" / "stories260k" / "model.safetensors";
  const SafetensorsFile file(path);
  std::vector<NamedTensorView> tensors;
  for (const auto& name : file.names()) tensors.push_back({name, file.at(name)});
  write_safetensors(folder / "m", tensors, file.metadata());
  EXPECT_EQ(core::read_file(folder / "m"), core::read_file(path));
}

/// GloVe 6B, 100 values: the first words, and cosines of its paper's kind (computed with numpy from
/// the same file).
TEST(WordVectorsGolden, ReadsGlove) {
  const auto data = data_folder();
  if (!data) GTEST_SKIP() << "DISCREET_DATA is not set";
  const fs::path folder = *data / "glove_6b_100d";
  fs::path file;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".gz") file = entry.path();
  }
  ASSERT_FALSE(file.empty());
  const WordVectors vectors = read_word_vectors(file);
  EXPECT_EQ(vectors.dimension, 100u);
  EXPECT_EQ(vectors.words.size(), 50000u);
  EXPECT_EQ(vectors.duplicates, 0u);
  EXPECT_EQ(vectors.words[0], "the");
  EXPECT_FLOAT_EQ(vectors.row(0)[0], -0.038194f);
  const auto index = vectors.index();
  const auto cosine = [&](const std::string& a, const std::string& b) {
    const auto x = vectors.row(index.at(a)), y = vectors.row(index.at(b));
    double xy = 0, xx = 0, yy = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      xy += double{x[i]} * y[i];
      xx += double{x[i]} * x[i];
      yy += double{y[i]} * y[i];
    }
    return xy / std::sqrt(xx * yy);
  };
  EXPECT_NEAR(cosine("king", "queen"), 0.75076908, 1e-5);
  EXPECT_NEAR(cosine("paris", "france"), 0.74815865, 1e-5);
  EXPECT_EQ(read_word_vector_words(file), vectors.words);
}

}  // namespace
}  // namespace discreet::formats
