#include <gtest/gtest.h>

#include "discreet/core/error.h"
#include "discreet/formats/model_import.h"
#include "tests/core/mutate.h"
#include "tests/formats/gguf_bytes.h"

namespace discreet::formats {
namespace {

/// Every byte that a file shows is touched, and what can be imported is filled.
void use_gguf(const std::string& bytes, int& read) {
  const GgufFile file("g", std::as_bytes(std::span(bytes)));
  for (const std::string& name : file.names()) {
    const GgufTensor& tensor = file.at(name);
    std::vector<float> values(static_cast<std::size_t>(tensor.count()));
    dequantize(tensor, values);
  }
  ++read;
  const ImportedModel model = import_gguf(file);
  for (const WeightToWrite& weight : model.weights) {
    std::size_t count = 1;
    for (const auto size : weight.shape) count *= static_cast<std::size_t>(size);
    std::vector<float> values(count);
    weight.fill(values);
  }
}

TEST(GgufFuzz, DamagedFilesAreRefusedOrReadWhole) {
  GgufBytes kinds;
  kinds.boolean("b", true).texts("t", {"x", "yz"}).list<double>("d", 12, {1, 2});
  kinds.tensor("q4", {2, 32}, 3, std::string(40, '\x11'));
  kinds.tensor("q6", {256}, 14, std::string(210, '\x22'));
  const std::vector<std::string> corpus = {small_llama_gguf().bytes(), kinds.bytes(),
                                           GgufBytes(2).bytes()};
  core::Mutator mutator(20261126,
                        {std::string(8, '\xff'), std::string(7, '\0') + "\x10", "GGUF",
                         GgufBytes::raw<std::uint32_t>(9), GgufBytes::raw<std::uint64_t>(1),
                         GgufBytes::raw_text("llama.expert_count"), "\x80"});
  int read = 0, imported = 0, refused = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::string bytes = mutator(corpus[static_cast<std::size_t>(i) % corpus.size()]);
    try {
      use_gguf(bytes, read);
      ++imported;
    } catch (const Error& e) {
      ASSERT_EQ(e.code(), ErrorCode::kBadData) << e.what();
      ++refused;
    }
  }
  EXPECT_GT(read, 1000);
  EXPECT_GT(imported, 200);
  EXPECT_GT(refused, 5000);
}

TEST(GgufFuzz, DamagedCheckpointsOfLlama2cAreRefusedOrReadWhole) {
  std::string checkpoint;
  for (const std::int32_t size : {8, 6, 1, 2, 1, 261, 4}) checkpoint += GgufBytes::raw(size);
  checkpoint.resize(28 + 4 * (261 * 8 + 2 * 8 + 8 * (2 * 8 + 2 * 4) + 3 * 6 * 8 + 8 + 4 * 4));
  std::string tokenizer = GgufBytes::raw<std::int32_t>(6);
  for (int id = 0; id < 261; ++id) {
    const std::string token = id == 259 ? "a" : id == 260 ? "ab" : "<" + std::to_string(id) + ">";
    tokenizer += GgufBytes::raw(-static_cast<float>(id)) +
                 GgufBytes::raw(static_cast<std::int32_t>(token.size())) + token;
  }
  core::Mutator mutator(20261127, {std::string(4, '\xff'), std::string(4, '\0'), "\x80"});
  int read = 0, refused = 0;
  for (int i = 0; i < 3000; ++i) {
    const std::string damaged = i % 2 == 0 ? mutator(checkpoint) : checkpoint;
    const std::string pieces = i % 2 == 1 ? mutator(tokenizer) : tokenizer;
    try {
      const ImportedModel model = import_llama2c("c", std::as_bytes(std::span(damaged)), "t",
                                                 std::as_bytes(std::span(pieces)));
      for (const WeightToWrite& weight : model.weights) {
        std::size_t count = 1;
        for (const auto size : weight.shape) count *= static_cast<std::size_t>(size);
        std::vector<float> values(count);
        weight.fill(values);
      }
      ++read;
    } catch (const Error& e) {
      ASSERT_EQ(e.code(), ErrorCode::kBadData) << e.what();
      ++refused;
    }
  }
  EXPECT_GT(read, 200);
  EXPECT_GT(refused, 500);
}

}  // namespace
}  // namespace discreet::formats
