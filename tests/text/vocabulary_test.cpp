#include "discreet/text/vocabulary.h"

#include <gtest/gtest.h>

#include <set>

#include "discreet/core/error.h"
#include "discreet/text/label_set.h"
#include "tests/core/temporary_folder.h"

namespace discreet::text {
namespace {

using Names = std::vector<std::string>;

TEST(Vocabulary, GivesIdsInOrderAndOneForTheUnknown) {
  const Names words = {"play", "jazz", "play", "stop"};
  const auto v = Vocabulary::from_words(words, VocabularyKind::kVectors, "x");
  EXPECT_EQ(v.size(), 4);
  EXPECT_EQ(v.ids(words), (std::vector<std::int64_t>{1, 2, 1, 3}));
  EXPECT_EQ(v.id("jaz"), Vocabulary::kUnknown);
  EXPECT_EQ(v.word(0), "<unk>");
  EXPECT_EQ(v.word(3), "stop");
  EXPECT_THROW(v.word(4), Error);
  EXPECT_FALSE(v.from_text());
}

TEST(Vocabulary, WordsOfVectorsAreFoundInSmallLettersToo) {
  const Names words = {"jazz", "Jazz", "paris"};
  const auto vectors = Vocabulary::from_words(words, VocabularyKind::kVectors, "x");
  EXPECT_EQ(vectors.id("Jazz"), 2) << "as it is written, where it stands so";
  EXPECT_EQ(vectors.id("JAZZ"), 1);
  EXPECT_EQ(vectors.id("Paris"), 3);
  EXPECT_EQ(vectors.id("Rome"), Vocabulary::kUnknown);
  // Words of a text or a file mean what is written there.
  EXPECT_EQ(Vocabulary::from_words(words, VocabularyKind::kText, "x").id("Paris"), Vocabulary::kUnknown);
}

// The reference: SipHash-2-4 of Aumasson and Bernstein 2012, appendix A, whose 64-bit result for
// key 00 01 … 0f and input 00 01 … 0e is a129ca6149be45e5. Ours has zeros behind the first eight
// bytes of the key, so the values below were computed once with an independent implementation.
TEST(Vocabulary, BucketsAreTheSameOnEveryMachine) {
  const auto v = Vocabulary::hashed(1000003, 42);
  EXPECT_EQ(v.size(), 1000003);
  EXPECT_EQ(v.id("play"), 985779);
  EXPECT_EQ(v.id(""), 55300);
  EXPECT_EQ(v.id("caf\xc3\xa9"), 163398);
  EXPECT_NE(Vocabulary::hashed(1000003, 43).id("play"), v.id("play"));
  EXPECT_EQ(v.word(5), "<bucket 5>");
  EXPECT_TRUE(v.words().empty());
  EXPECT_FALSE(v.from_text());
  EXPECT_THROW(Vocabulary::hashed(0, 1), Error);
}

TEST(Vocabulary, BucketsFillEvenly) {
  constexpr int kBuckets = 64, kWords = 64000;
  const auto v = Vocabulary::hashed(kBuckets, 7);
  std::vector<int> counts(kBuckets);
  for (int i = 0; i < kWords; ++i)
    ++counts[static_cast<std::size_t>(v.id("w" + std::to_string(i)))];
  double chi2 = 0;
  for (const int n : counts) chi2 += (n - 1000.0) * (n - 1000.0) / 1000.0;
  EXPECT_LT(chi2, 137.0);  // 63 degrees of freedom: exceeded with probability 2e-7
}

TEST(Vocabulary, BuilderKeepsTheMostFrequent) {
  VocabularyBuilder builder;
  builder.add(Names{"b", "a", "c", "a", "b", "d"});
  EXPECT_EQ(builder.build(1, 100).words(), (Names{"a", "b", "c", "d"}));
  EXPECT_EQ(builder.build(2, 100).words(), (Names{"a", "b"}));
  EXPECT_EQ(builder.build(1, 3).words(), (Names{"a", "b", "c"}));
  EXPECT_TRUE(builder.build(1, 3).from_text());
}

TEST(Vocabulary, RuleOfTheConfiguration) {
  const Names vectors = {"x", "y"};
  EXPECT_EQ(resolve_vocabulary({.private_run = true}), VocabularyKind::kHashed);
  EXPECT_EQ(resolve_vocabulary({.private_run = false}), VocabularyKind::kText);
  EXPECT_EQ(resolve_vocabulary({.private_run = true, .vector_words = vectors}),
            VocabularyKind::kVectors);
  EXPECT_EQ(resolve_vocabulary({.choice = "hashed", .vector_words = vectors}),
            VocabularyKind::kHashed);
  EXPECT_EQ(resolve_vocabulary({.choice = "private", .private_run = true}), VocabularyKind::kText);
  EXPECT_EQ(public_vocabulary({.vector_words = vectors}).words(), vectors);
  EXPECT_EQ(public_vocabulary({.private_run = true, .buckets = 9}).size(), 9);
  EXPECT_THROW(public_vocabulary({.choice = "private"}), Error);
  const core::TemporaryFolder folder;
  const auto path = folder.write("words.txt", "one\n\ntwo\r\none\n");
  const VocabularyRule file{.choice = path.string(), .private_run = true};
  EXPECT_EQ(resolve_vocabulary(file), VocabularyKind::kFile);
  EXPECT_EQ(public_vocabulary(file).words(), (Names{"one", "two"}));
  try {
    resolve_vocabulary({.choice = "hashd"});
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kUsage);
    EXPECT_NE(std::string(e.what()).find("'hashd'"), std::string::npos);
  }
}

TEST(Vocabulary, FilesAreChecked) {
  const core::TemporaryFolder folder;
  EXPECT_THROW(Vocabulary::from_file(folder.write("empty", "\n\n")), Error);
  try {
    Vocabulary::from_file(folder.write("bad", "ok\nno\xff\n"));
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("bad:2: byte 3"), std::string::npos) << e.what();
  }
}

TEST(Vocabulary, ReadsBackWhatItWrote) {
  const Names words = {"a", "b\n", "\"c\""};
  for (const auto& v : {Vocabulary::from_words(words, VocabularyKind::kText, "training text"),
                        Vocabulary::hashed(77, ~0ull)}) {
    const auto again = Vocabulary::from_json(Json::parse(v.to_json().dump()), "x.json");
    EXPECT_EQ(again.kind(), v.kind());
    EXPECT_EQ(again.size(), v.size());
    EXPECT_EQ(again.from_text(), v.from_text());
    for (const auto* word : {"a", "b\n", "\"c\"", "zz"}) EXPECT_EQ(again.id(word), v.id(word));
  }
  for (const char* text :
       {"{}", "[]", R"({"schema":"x"})", R"({"schema":"discreet.vocabulary/1","kind":"odd"})",
        R"({"schema":"discreet.vocabulary/1","kind":"hashed","buckets":3,"key":"q"})",
        R"({"schema":"discreet.vocabulary/1","kind":"file","words":[1]})"}) {
    EXPECT_THROW(Vocabulary::from_json(Json::parse(text), "x.json"), Error) << text;
  }
}

TEST(LabelSet, SortsWithTheOutsideTagFirst) {
  LabelSetBuilder builder;
  builder.add(Names{"B-x", "O", "I-y", "B-x"});
  EXPECT_EQ(builder.build().names(), (Names{"O", "B-x", "I-y"}));
  EXPECT_EQ(builder.build(true).names(), (Names{"O", "B-x", "B-y", "I-x", "I-y"}));
  EXPECT_EQ(builder.build().id("B-x"), 1);
  EXPECT_EQ(builder.build().find("B-z"), -1);
  EXPECT_TRUE(builder.build().from_data());
}

TEST(LabelSet, FromAFileItTakesNothingFromTheData) {
  const core::TemporaryFolder folder;
  const auto labels = LabelSet::from_file(folder.write("labels", "play\nstop\n"));
  EXPECT_EQ(labels.names(), (Names{"play", "stop"}));
  EXPECT_FALSE(labels.from_data());
  EXPECT_THROW(LabelSet::from_file(folder.write("twice", "a\na\n")), Error);
  try {
    labels.id("stpo");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kBadData);
    EXPECT_EQ(e.hint(), "Did you mean 'stop'?");
  }
  const auto again = LabelSet::from_json(labels.to_json(), "x");
  EXPECT_EQ(again.names(), labels.names());
  EXPECT_FALSE(again.from_data());
  EXPECT_THROW(LabelSet::from_json(Json::parse(R"({"schema":"discreet.labels/1"})"), "x"), Error);
  EXPECT_THROW(labels.name(2), Error);
}

}  // namespace
}  // namespace discreet::text
