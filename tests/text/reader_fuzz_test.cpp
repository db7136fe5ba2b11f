// Each reader must answer any bytes with examples or with an Error of code bad data: never with a
// crash, another exception, unequal words and tags, or text that is not UTF-8.
#include <gtest/gtest.h>

#include <algorithm>

#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/text/reader.h"
#include "discreet/text/unicode.h"
#include "tests/core/temporary_folder.h"

namespace discreet::text {
namespace {

struct Seed {
  const char* format;
  std::string bytes;
};

const std::vector<Seed>& seeds() {
  static const std::vector<Seed> all = {
      {"jsonl",
       "{\"words\":[\"play\",\"caf\\u00e9\"],\"tags\":[\"O\",\"B-x\"],\"label\":\"a\",\"user\":3}\n"
       "{\"text\":\"h\xc3\xa9llo \xf0\x9f\x98\x80\",\"slots\":\"O O\",\"label\":null}\n"},
      {"csv", "text,label,slots\n\"a \"\"b\"\"\",x,O O\r\n\"c\nd\",y,\"O O\"\n"},
      {"tsv", "text\tlabel\n\"a\tb\"\tx\ncaf\xc3\xa9\ty\n"},
      {"conll", "-DOCSTART- O\n\nEU\tB-ORG\nsays\tO\n\n caf\xc3\xa9\tO\n"},
      {"text", "one caf\xc3\xa9\n\n two \"three\"\r\n"},
      {"labelled", "4 What county is it ?\n0 caf\xc3\xa9\n"},
      {"hatexplain", "{\"text\":\"caf\\u00e9\",\"labels\":[\"normal\",\"offensive\"],\"targets\":[\"None\"],\"split\":\"val\"}\n"
       "{\"text\":\"b\",\"labels\":[\"normal\"],\"targets\":[]}\n"},
      {"coreference", "1 [The nurse] told the farmer that [she] won caf\xc3\xa9.\n2 The cook met [the guard] and hit [him].\n"},
      {"coreference",
       "ID\tText\tPronoun\tPronoun-offset\tA\tA-offset\tA-coref\tB\tB-offset\tB-coref\tURL\n"
       "1\tCaf\xc3\xa9 Ann met Bob and she left.\tshe\t21\tAnn\t5\tTRUE\tBob\t13\tFALSE\tu\n"
       "2\tAnn met Bob and he left.\the\t16\tAnn\t0\tFALSE\tBob\t8\tTRUE\tu\n"},
      {"coreference", "sentid\tsentence\ncook.guest.0.male.txt\tThe cook told the guest that he won.\n"
       "cook.someone.1.female.txt\tThe cook told someone that she won.\n"},
      {"squad",
       "{\"data\":[{\"paragraphs\":[{\"context\":\"caf\\u00e9 x\",\"qas\":[{\"id\":\"1\",\"question\":\"q\","
       "\"answers\":[{\"text\":\"x\",\"answer_start\":5}]},{\"id\":\"2\",\"question\":\"r\",\"answers\":[]}]}]}]}\n"},
  };
  return all;
}

std::string mutated(std::string bytes, core::ReproducibleRng& rng) {
  static const std::string kAwkward[] = {"\"",
                                         ",",
                                         "\t",
                                         "\n",
                                         "\r\n",
                                         "{",
                                         "}",
                                         "[",
                                         "\\u",
                                         "\xff",
                                         "\xed\xa0\x80",
                                         "\xc0\xaf",
                                         std::string(1, '\0'),
                                         "\\ud800",
                                         "1e999",
                                         "null",
                                         "\xef\xbb\xbf"};
  for (std::uint64_t edits = 1 + rng.below(4); edits > 0; --edits) {
    const std::size_t at = rng.below(bytes.size() + 1);
    switch (rng.below(5)) {
      case 0:
        bytes.insert(at, kAwkward[rng.below(std::size(kAwkward))]);
        break;
      case 1:
        if (at < bytes.size()) bytes[at] = static_cast<char>(rng.below(256));
        break;
      case 2:
        bytes.erase(at, rng.below(6));
        break;
      case 3:
        bytes.resize(at);
        break;
      default:
        bytes.insert(at, bytes.substr(at / 2, rng.below(20)));
        break;
    }
  }
  return bytes;
}

// Returns how many examples came before the end or the error.
std::size_t check_bytes(const Seed& seed, const std::string& bytes, const core::TemporaryFolder& folder) {
  std::size_t count = 0;
  try {
    const auto reader = make_reader(seed.format, folder.write("input", bytes));
    for (Example example; reader->next(example); ++count) {
      EXPECT_TRUE(example.tags.empty() || example.tags.size() == example.words.size());
      EXPECT_EQ(find_invalid_utf8(example.text + example.label + example.user), std::string::npos);
      for (const auto& word : example.words) {
        EXPECT_EQ(find_invalid_utf8(word), std::string::npos);
      }
      EXPECT_GT(example.line, 0);
    }
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kBadData) << e.what();
    EXPECT_NE(std::string(e.what()).find("input"), std::string::npos) << e.what();
  }
  return count;
}

TEST(ReaderFuzz, SeedsAreValid) {
  const core::TemporaryFolder folder;
  for (const Seed& seed : seeds()) EXPECT_EQ(check_bytes(seed, seed.bytes, folder), 2u);
}

TEST(ReaderFuzz, AnyBytesGiveExamplesOrBadData) {
  const core::TemporaryFolder folder;
  core::ReproducibleRng rng(2026, "reader fuzz");
  for (const Seed& seed : seeds()) {
    for (int i = 0; i < 1500; ++i) {
      const std::string bytes = mutated(seed.bytes, rng);
      check_bytes(seed, bytes, folder);
      if (HasFailure()) {
        FAIL() << seed.format << " input: " << testing::PrintToString(bytes);
      }
    }
  }
}

TEST(ReaderFuzz, DeepNestingIsRefusedOrReadWithoutAStackOverflow) {
  const core::TemporaryFolder folder;
  const std::string deep =
      "{\"text\":" + std::string(200000, '[') + std::string(200000, ']') + "}\n";
  EXPECT_EQ(check_bytes({"jsonl", ""}, deep, folder), 0u);
}

}  // namespace
}  // namespace discreet::text
