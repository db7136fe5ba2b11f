#include "discreet/formats/word_vectors.h"

#include <gtest/gtest.h>

#include <fstream>

#include "discreet/core/error.h"
#include "tests/core/mutate.h"
#include "tests/core/temporary_folder.h"

namespace discreet::formats {
namespace {

using Words = std::vector<std::string>;
using Values = std::vector<float>;

class WordVectorFile : public testing::Test {
 protected:
  WordVectors read(const std::string& text, const WordVectorOptions& options = {}) {
    std::ofstream(folder_ / "v.txt", std::ios::binary) << text;
    return read_word_vectors(folder_ / "v.txt", options);
  }
  std::string failure(const std::string& text) {
    try {
      read(text);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kBadData) << e.what();
      return std::string(e.what()).substr((folder_ / "v.txt").string().size());
    }
    return "";
  }
  core::TemporaryFolder folder_;
};

TEST_F(WordVectorFile, GloveAndWord2vecForms) {
  for (const char* text :
       {"a 1 2\nb -0.5 1e-3\n", "2 2\na 1 2 \nb -0.5 1e-3 \n", "a\t1\t2\nb\t-0.5 1e-3"}) {
    const WordVectors vectors = read(text);
    EXPECT_EQ(vectors.dimension, 2u);
    EXPECT_EQ(vectors.words, (Words{"a", "b"}));
    EXPECT_EQ(vectors.values, (Values{1, 2, -0.5f, 1e-3f}));
  }
}

TEST_F(WordVectorFile, WordsMayBeNumbersOrHoldSpaces) {
  EXPECT_EQ(read("1990 1 2\n7 3 4\n").words, (Words{"1990", "7"}));
  EXPECT_EQ(read(". . . 1.5 2.5\nat name@x.com 3 4\nc 5 6\n").words,
            (Words{". . .", "at name@x.com", "c"}));
  EXPECT_EQ(read("3 1\nx 1\ny 2\nz 3\n").words, (Words{"x", "y", "z"}));
}

TEST_F(WordVectorFile, TheFirstOfTwoLinesCounts) {
  const WordVectors vectors = read("a 1 2\na 3 4\nb 5 6\n");
  EXPECT_EQ(vectors.words, (Words{"a", "b"}));
  EXPECT_EQ(vectors.values, (Values{1, 2, 5, 6}));
  EXPECT_EQ(vectors.duplicates, 1u);
  EXPECT_EQ(vectors.row(1)[0], 5.0f);
  EXPECT_EQ(vectors.index().at("b"), 1u);
}

TEST_F(WordVectorFile, LimitAndWantedWords) {
  const std::string text = "a 1\nb 2\nc 3\nd broken\n";
  EXPECT_EQ(read(text, {.limit = 2}).words, (Words{"a", "b"}));
  EXPECT_EQ(read(text, {.wanted = [](const std::string& w) { return w == "c"; }}).values,
            Values{3});
  EXPECT_EQ(read(text, {.limit = 1, .wanted = [](const std::string& w) { return w > "a"; }}).words,
            Words{"b"});
  EXPECT_EQ(read_word_vector_words(folder_ / "v.txt", 3), (Words{"a", "b", "c"}));
}

TEST_F(WordVectorFile, ErrorsNameFileAndLine) {
  EXPECT_EQ(failure("a 1 2\nb 1\n"), ":2: expected a word and 2 values, got 2 fields");
  EXPECT_EQ(failure("a 1 2\nb 1 2 3\n"), ":2: expected a word and 2 values, got 4 fields");
  EXPECT_EQ(failure("a 1 2\n\n"), ":2: expected a word and 2 values, got 0 fields");
  EXPECT_EQ(failure("a 1 2\nb 1 x\n"), ":2: value 2 is no finite number");
  EXPECT_EQ(failure("a 1 2\nb nan 1\n"), ":2: value 1 is no finite number");
  EXPECT_EQ(failure("a 1 2\nb 1 1e99\n"), ":2: value 2 is no finite number");
  EXPECT_EQ(failure("3 1\na 1\nb 2\n"), ":3: the first line says 3 words, the file has 2");
  EXPECT_EQ(failure("1 1\na 1\nb 2\n"), ":3: the first line says 1 words, the file has 2");
  EXPECT_EQ(failure(""), ":0: the file is empty");
  EXPECT_EQ(failure("word\n"), ":1: expected a word and numbers");
  EXPECT_EQ(failure("0 5\n"), ":1: the file has no vectors");
}

TEST_F(WordVectorFile, TinyValuesAreZeroNotErrors) {
  EXPECT_EQ(read("a 1e-60 1\n").values, (Values{0, 1}));
}

TEST(WordVectorsFuzz, DamagedFilesAreRefusedOrRead) {
  const core::TemporaryFolder folder;
  core::Mutator mutator(7, {"\n", " ", "nan", "1e999", "\t", "-", "2 2\n", "\r\n", "\x1f\x8b"});
  const Words corpus = {"2 2\na 1 2\nb 3 4\n", "a 1 2\nb 3 4\nc 5 6\n", ". . 1 2\n"};
  int read = 0;
  for (int i = 0; i < 600; ++i) {
    std::ofstream(folder / "v", std::ios::binary)
        << mutator(corpus[static_cast<std::size_t>(i) % 3]);
    try {
      const WordVectors vectors = read_word_vectors(folder / "v");
      ASSERT_EQ(vectors.values.size(), vectors.words.size() * vectors.dimension);
      ++read;
    } catch (const Error& e) {
      ASSERT_EQ(e.code(), ErrorCode::kBadData) << e.what();
    }
  }
  EXPECT_GT(read, 50);
}

}  // namespace
}  // namespace discreet::formats
