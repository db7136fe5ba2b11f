// Counts of public data sets, as their own pages state them: SNIPS (Coucke et al. 2018, the split
// of Goo et al. 2018), W-NUT 2017 (Derczynski et al. 2017), TREC (Li and Roth 2002), SST-2 (Socher
// et al. 2013, GLUE's form), E2E NLG (Novikova et al. 2017), IMDb (Maas et al. 2011). Exact.
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "discreet/text/label_set.h"
#include "discreet/text/reader.h"
#include "discreet/text/tokenizer.h"
#include "discreet/text/unicode.h"
#include "discreet/text/vocabulary.h"

namespace discreet::text {
namespace {

class TextGolden : public testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("DISCREET_DATA");
    if (folder == nullptr) GTEST_SKIP() << "DISCREET_DATA does not name the test data";
    data_ = folder;
  }
  std::vector<Example> examples(const std::string& path, const ReaderOptions& options = {},
                                const std::string& format = "") const {
    return read_all(*make_reader(format, data_ / path, options));
  }
  std::filesystem::path data_;
};

TEST_F(TextGolden, Snips) {
  LabelSetBuilder intents, slots;
  std::set<std::string> types;
  const std::pair<const char*, std::size_t> parts[] = {
      {"train", 13084}, {"dev", 700}, {"test", 700}};
  for (const auto& [part, count] : parts) {
    const auto found = examples(std::string("snips/") + part);
    EXPECT_EQ(found.size(), count);
    for (const Example& e : found) {
      EXPECT_EQ(e.words.size(), e.tags.size());
      EXPECT_FALSE(e.words.empty());
      intents.add(e.label);
      slots.add(e.tags);
      types.insert(e.words.begin(), e.words.end());
    }
  }
  EXPECT_EQ(intents.build().size(), 7);
  EXPECT_EQ(slots.build().size(), 72);
  EXPECT_EQ(slots.build().name(0), "O");
  EXPECT_EQ(intents.build().name(0), "AddToPlaylist");
  EXPECT_GT(types.size(), 11000u);
}

TEST_F(TextGolden, Wnut17) {
  const std::pair<const char*, std::size_t> parts[] = {
      {"wnut17train.conll", 3394}, {"emerging.dev.conll", 1009}, {"emerging.test.annotated", 1287}};
  std::set<std::string> tags;
  for (const auto& [file, count] : parts) {
    const auto found = examples(std::string("wnut17/") + file, {}, "conll");
    EXPECT_EQ(found.size(), count) << file;
    for (const Example& e : found) tags.insert(e.tags.begin(), e.tags.end());
  }
  EXPECT_EQ(tags.size(), 13u);  // six types, B- and I-, and O
}

TEST_F(TextGolden, TrecNeedsItsOldEncoding) {
  const ReaderOptions latin{.encoding = FileEncoding::kLatin1};
  EXPECT_EQ(examples("trec/TREC.train.all", latin, "labelled").size(), 5452u);
  EXPECT_EQ(examples("trec/TREC.test.all", {}, "labelled").size(), 500u);
  try {
    examples("trec/TREC.train.all", {}, "labelled");
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("(0xf0) is not UTF-8"), std::string::npos) << e.what();
  }
}

TEST_F(TextGolden, SeparatedFiles) {
  EXPECT_EQ(examples("sst2/train.tsv").size(), 67349u);
  EXPECT_EQ(examples("sst2/dev.tsv").size(), 872u);
  EXPECT_EQ(examples("sst2/test.tsv").size(), 1821u);
  EXPECT_EQ(examples("e2e_nlg/trainset.csv", {.text = "ref"}).size(), 42061u);
  EXPECT_EQ(examples("e2e_nlg/testset_w_refs.csv", {.text = "ref"}).size(), 4693u);
  EXPECT_EQ(examples("edos/edos_labelled_aggregated.csv").size(), 20000u);
  EXPECT_EQ(examples("crows_pairs/crows_pairs_anonymized.csv", {.text = "sent_more"}).size(),
            1508u);
  EXPECT_EQ(examples("hatecheck/test_suite_cases.csv", {.text = "test_case"}).size(), 3728u);
  EXPECT_EQ(examples("gap/gap-test.tsv", {.text = "Text"}).size(), 2000u);
  for (const char* kind : {"airline", "books"}) {
    SCOPED_TRACE(kind);
    EXPECT_EQ(examples(std::string("multidomain_sentiment/") + kind + "/train.tsv").size(), 1700u);
    EXPECT_EQ(examples(std::string("multidomain_sentiment/") + kind + "/test-labeled.tsv").size(),
              2000u);
  }
}

TEST_F(TextGolden, GzipJsonLines) {
  const auto found = examples("imdb/val.jsonl.gz");
  ASSERT_EQ(found.size(), 5000u);
  EXPECT_EQ(found[0].label, "neg");
  EXPECT_EQ(found[0].extra.at("id"), "10002_1");
}

TEST_F(TextGolden, SnipsWordsAreMostlyInTheVectorsVocabulary) {
  std::set<std::string> bert;
  const auto vocabulary = Vocabulary::from_file(data_ / "bert_base_uncased_vocab" / "vocab.txt");
  EXPECT_EQ(vocabulary.size(), 30522 + 1);
  std::int64_t known = 0, all = 0;
  for (const Example& e : examples("snips/test")) {
    for (const auto id : vocabulary.ids(e.words)) {
      known += id != Vocabulary::kUnknown;
      ++all;
    }
  }
  EXPECT_GT(known, all * 9 / 10);
  EXPECT_LT(known, all);
}

TEST_F(TextGolden, TokenisingReviewsLosesNoCharacter) {
  const auto tokenizer = make_tokenizer("word");
  auto reader = make_reader("", data_ / "imdb" / "val.jsonl.gz");
  Example example;
  for (int i = 0; i < 500 && reader->next(example); ++i) {
    std::size_t at = 0;
    for (const Token& token : tokenizer->tokenize(example.text)) {
      EXPECT_TRUE(
          split_spaces(std::string_view(example.text).substr(at, token.begin - at)).empty());
      EXPECT_LT(token.begin, token.end);
      at = token.end;
    }
  }
}

}  // namespace
}  // namespace discreet::text
