// Tokeniser files from elsewhere give a tokeniser that encodes and decodes, or an Error of code bad data that
// names the file: never a crash, another exception, or memory for what a damaged file claims.
#include <gtest/gtest.h>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/json.h"
#include "discreet/text/subword/internal/byte_level.h"
#include "discreet/text/subword/subword_tokenizer.h"
#include "discreet/text/unicode.h"
#include "tests/core/mutate.h"
#include "tests/core/temporary_folder.h"

namespace discreet::text {
namespace {

const std::vector<std::string> kTexts = {"Hello, w\xC3\xB6rld! 12 [MASK] <s>", "", " a\t\xE6\x97\xA5\xE6\x9C\xAC\xF0\x9F\x98\x80 don't",
                                         std::string(300, 'x'), std::string("\0\x01 \xCC\x81", 5)};

// Loads and uses a file; false if it was refused.
bool use(const std::filesystem::path& path) {
  try {
    const auto tokenizer = SubwordTokenizer::load(path);
    for (const std::string& text : kTexts) {
      try {
        const SubwordEncoding e = tokenizer.encode(text, {.offsets = OffsetUnit::kBytes, .tokens = true});
        EXPECT_EQ(e.ids.size(), e.offsets.size());
        EXPECT_EQ(e.ids.size(), e.tokens.size());
        for (const auto& [begin, end] : e.offsets) {
          EXPECT_LE(begin, end);
          EXPECT_LE(end, text.size());
        }
        EXPECT_EQ(find_invalid_utf8(tokenizer.decode(e.ids, false)), std::string::npos);
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kBadData) << error.what();
      }
    }
    return true;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadData) << error.what();
    EXPECT_NE(std::string(error.what()).find("okeni"), std::string::npos) << error.what();
    return false;
  }
}

Json golden(const std::string& name) {
  const std::string file = std::string(DISCREET_SOURCE_DIR) + "/tests/golden/tokenizers/" + name + ".json";
  return core::parse_json(core::read_file(file), file);
}

void fuzz(const std::string& bytes, const std::string& file, int rounds, core::Mutator mutate, const core::TemporaryFolder& folder) {
  folder.write(file, bytes);
  ASSERT_TRUE(use(folder / file)) << file;
  int refused = 0;
  for (int i = 0; i < rounds; ++i) {
    const std::string damaged = mutate(bytes);
    folder.write(file, damaged);
    refused += use(folder / file) ? 0 : 1;
    if (testing::Test::HasFailure()) FAIL() << testing::PrintToString(damaged.substr(0, 4000));
  }
  EXPECT_GT(refused, 0) << file;
}

const std::vector<std::string> kJsonTokens = {"\"",        "{",     "}",    "[",     "]",           ":",          ",",     "null",  "-1",
                                              "999999999", "1e300", "\"\"", "\\u00", "\"Sequence\"", "\"Regex\"", "(a+)+", "[[a]]", "\\\\p{L}",
                                              "true",      "\xFF",  "0.5",  "\\ud800"};

TEST(SubwordFuzz, TokenizerJson) {
  const core::TemporaryFolder folder;
  std::uint64_t seed = 1;
  for (const char* name : {"bpe_suffix", "llama3", "llama2", "unigram", "template", "split_contiguous", "added_bert", "byte_level_digits"}) {
    fuzz(golden(name)["tokenizer"].get<std::string>(), "tokenizer.json", 100, core::Mutator(seed++, kJsonTokens), folder);
  }
}

// The components are a small part of such a file: damage them alone, with the vocabulary left as it is.
TEST(SubwordFuzz, Components) {
  const core::TemporaryFolder folder;
  std::uint64_t seed = 100;
  for (const char* name : {"bpe_prefix", "roberta_111", "unigram_bytes", "split_words", "added_unigram"}) {
    const std::string text = golden(name)["tokenizer"].get<std::string>();
    const std::size_t model = text.find("\"model\":");
    core::Mutator mutate(seed++, kJsonTokens);
    for (int i = 0; i < 100; ++i) {
      folder.write("tokenizer.json", mutate(text.substr(0, model)) + text.substr(model));
      use(folder / "tokenizer.json");
      if (HasFailure()) FAIL() << name;
    }
  }
}

TEST(SubwordFuzz, SentencePieceModels) {
  const core::TemporaryFolder folder;
  std::uint64_t seed = 200;
  for (const char* name : {"sentencepiece_unigram", "sentencepiece_unigram_bytes", "sentencepiece_bpe", "sentencepiece_bpe_bytes"}) {
    const std::string model = subword::decode_base64(golden(name)["model"].get<std::string>(), name);
    fuzz(model, "tokenizer.model", 150, core::Mutator(seed++, {std::string("\xFF\xFF\xFF\xFF\x0F"), std::string("\0\0\0\0", 4), "\x0A", "\x1A\x02", "\x80"}),
         folder);
  }
}

std::string llama2c_file() {
  std::string bytes("\x10\0\0\0", 4);
  const auto add = [&](const std::string& piece, float score) {
    const auto size = static_cast<std::uint32_t>(piece.size());
    bytes.append(reinterpret_cast<const char*>(&score), 4).append(reinterpret_cast<const char*>(&size), 4).append(piece);
  };
  for (const char* piece : {"<unk>", "\n<s>\n", "\n</s>\n"}) add(piece, 0);
  for (int b = 0; b < 256; ++b) {
    char name[8];
    std::snprintf(name, sizeof name, "<0x%02X>", b);
    add(name, 0);
  }
  float score = 0;
  for (const char* piece : {" H", "el", "lo", " Hel", " ", "H", "e", "l", "o", "x", "xx"}) add(piece, --score);
  return bytes;
}

TEST(SubwordFuzz, Llama2cFiles) {
  const core::TemporaryFolder folder;
  fuzz(llama2c_file(), "tokenizer.bin", 150, core::Mutator(400, {std::string("\xFF\xFF\xFF\xFF"), std::string("\0\0\0\0", 4)}), folder);
  const auto tokenizer = (folder.write("own/tokenizer.bin", llama2c_file()), SubwordTokenizer::load(folder / "own"));
  EXPECT_EQ(tokenizer.encode("Hello", {.tokens = true}).tokens, (std::vector<std::string>{"<s>", "\xE2\x96\x81Hel", "lo"}));
  EXPECT_EQ(tokenizer.decode(tokenizer.ids("Hello \n")), "Hello \n");
}

TEST(SubwordFuzz, VocabularyFiles) {
  const core::TemporaryFolder folder;
  fuzz("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\n##lo\nx\n##x\n\xE6\x97\xA5\n", "tokeniser/vocab.txt", 150,
       core::Mutator(300, {"\n", "\r\n", "\xFF", "##"}), folder);
  const core::TemporaryFolder other;
  other.write("tokeniser/merges.txt", "#version: 0.2\nh e\nl l\nhe ll\n");
  fuzz("{\"h\":0,\"e\":1,\"l\":2,\"he\":3,\"ll\":4,\"hell\":5}", "tokeniser/vocab.json", 150, core::Mutator(301, kJsonTokens), other);
  other.write("tokeniser/vocab.json", "{\"h\":0,\"e\":1,\"l\":2,\"he\":3,\"ll\":4,\"hell\":5}");
  core::Mutator mutate(302, {"\n", " ", "\xFF", "#version"});
  for (int i = 0; i < 150; ++i) {
    other.write("tokeniser/merges.txt", mutate("#version: 0.2\nh e\nl l\nhe ll\n"));
    use(other / "tokeniser/vocab.json");
  }
}

TEST(SubwordFuzz, HostileFilesAreRefusedByName) {
  const core::TemporaryFolder folder;
  const auto refused = [&](const std::string& file, const std::string& bytes, const std::string& expected) {
    folder.write(file, bytes);
    try {
      SubwordTokenizer::load(folder / file);
      ADD_FAILURE() << expected;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kBadData);
      EXPECT_NE(std::string(e.what()).find(expected), std::string::npos) << e.what();
    }
  };
  refused("tokenizer.json", std::string(100000, '['), "nested too deeply");
  std::string keys = "{";
  for (int i = 0; i < 6000; ++i) keys += "\"" + std::to_string(i) + "\":0,";
  refused("tokenizer.json", keys + "\"x\":0}", "too many keys");
  const std::string start = "{\"version\":\"1.0\",\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1},\"merges\":[";
  refused("tokenizer.json", start + "\"a b\"]}}", "merges[0]: 'ab' is not in the vocabulary");
  refused("tokenizer.json", start + "\"a\"]}}", "model: merges, entry 0: expected two tokens");
  refused("tokenizer.json", "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":-1},\"merges\":[]}}", "expected an id from 0");
  refused("tokenizer.json", "{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",0]],\"unk_id\":4}}", "unk_id = 4");
  refused("tokenizer.json", "{\"model\":{\"type\":\"Dictionary\",\"vocab\":{}}}", "expected WordPiece, BPE, Unigram or WordLevel");
  refused("tokenizer.json",
          "{\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(?<=a+)b\"},\"behavior\":\"Isolated\"},"
          "\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0}}}",
          "pre_tokenizer.pattern: pattern '(?<=a+)b'");
  // A piece of 2 GiB in a file of a few bytes.
  refused("tokenizer.model", std::string("\x0A\xFF\xFF\xFF\xFF\x07x", 7), "byte 6: a field of 2147483647 bytes, 1 are left");
  refused("tokenizer.model", "", "none of 0 pieces is the unknown one");
}

}  // namespace
}  // namespace discreet::text
