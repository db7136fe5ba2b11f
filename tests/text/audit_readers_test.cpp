#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <set>

#include "discreet/core/error.h"
#include "discreet/text/reader.h"
#include "tests/core/temporary_folder.h"

namespace discreet::text {
namespace {

std::vector<Example> read_as(const std::string& format, const std::string& name, const std::string& bytes,
                             const ReaderOptions& options = {}) {
  const core::TemporaryFolder folder;
  return read_all(*make_reader(format, folder.write(name, bytes), options));
}

std::string refusal(const std::string& format, const std::string& name, const std::string& bytes,
                    const ReaderOptions& options = {}) {
  try {
    read_as(format, name, bytes, options);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kBadData);
    return e.what();
  }
  ADD_FAILURE() << "read: " << bytes;
  return "";
}

TEST(HateXplainReader, TakesTheMajorityAndTheTargets) {
  const std::string post = R"({"text":"x","labels":["hatespeech","normal","hatespeech"],"targets":["None","Women","Islam"],"split":"val"})";
  const auto found = read_as("hatexplain", "h.jsonl", post + "\n", {.group = {"target", "Women", "Jewish"}});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].label, "toxic:hatespeech");
  EXPECT_EQ(found[0].groups.at("target"), "several");
  EXPECT_EQ(found[0].groups.at("Women"), "1");
  EXPECT_EQ(found[0].groups.at("Jewish"), "0");
  EXPECT_EQ(found[0].extra.at("split"), "val");
  EXPECT_EQ(read_as("hatexplain", "h.jsonl", post, {.coarse = true})[0].label, "toxic");
  const std::string torn = R"({"text":"x","labels":["hatespeech","normal","offensive"],"targets":["None"]})";
  EXPECT_EQ(read_as("hatexplain", "h.jsonl", torn)[0].label, "undecided");
  const std::string toxic = R"({"text":"x","labels":["hatespeech","offensive"],"targets":["None"]})";
  EXPECT_EQ(read_as("hatexplain", "h.jsonl", toxic, {.coarse = true})[0].label, "toxic");
  EXPECT_EQ(read_as("hatexplain", "h.jsonl", toxic, {.group = {"target"}})[0].groups.at("target"), "none");
  EXPECT_NE(refusal("hatexplain", "h.jsonl", R"({"text":"x","labels":"normal","targets":[]})").find(":1"), std::string::npos);
  refusal("hatexplain", "h.jsonl", R"({"text":"x","labels":[],"targets":[]})");
  refusal("hatexplain", "h.jsonl", "[1]");
}

TEST(CoreferenceReader, MarksWinoBias) {
  const std::string lines =
      "1 [The developer] argued with the designer because [she] did not like the design.\n"
      "2 The developer argued with [the designer] because [his] idea cannot be implemented.\n";
  const auto found = read_as("coreference", "anti_stereotyped_type1.txt.dev", lines, {.group = {"gender", "stereotype", "occupation"}});
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].text,
            "candidateone The developer argued with the candidatetwo designer because thepronoun she did not like the design.");
  EXPECT_EQ(found[0].label, "first");
  EXPECT_EQ(found[0].groups.at("gender"), "female");
  EXPECT_EQ(found[0].groups.at("stereotype"), "anti");
  EXPECT_EQ(found[0].groups.at("occupation"), "developer");
  EXPECT_EQ(found[1].label, "second");
  EXPECT_NE(refusal("coreference", "x.txt", "1 [The developer] slept and [she] left.\n").find("second occupation"), std::string::npos);
  EXPECT_NE(refusal("coreference", "x.txt", "1 [The developer] met the cook.\n").find("expected"), std::string::npos);
  EXPECT_NE(refusal("coreference", "x.txt", lines, {.group = {"age"}}).find("age"), std::string::npos);
}

TEST(CoreferenceReader, MarksGapByCodePoints) {
  const std::string file =
      "ID\tText\tPronoun\tPronoun-offset\tA\tA-offset\tA-coref\tB\tB-offset\tB-coref\tURL\n"
      "1\tCaf\xc3\xa9 Bob met Ann and she left.\tshe\t21\tAnn\t13\tTRUE\tBob\t5\tFALSE\tu\n"
      "2\tCaf\xc3\xa9 Bob met Ann and she left.\tshe\t21\tAnn\t13\tFALSE\tBob\t5\tFALSE\tu\n";
  const auto found = read_as("coreference", "gap.tsv", file, {.group = {"gender"}});
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].text, "Caf\xc3\xa9 candidateone Bob met candidatetwo Ann and thepronoun she left.");
  EXPECT_EQ(found[0].label, "second") << "A is named first in the file, second in the text";
  EXPECT_EQ(found[1].label, "neither");
  std::string wrong = file;
  wrong.replace(wrong.find("\t13\t"), 4, "\t12\t");
  EXPECT_NE(refusal("coreference", "gap.tsv", wrong).find("offset"), std::string::npos);
}

TEST(CoreferenceReader, MarksWinogender) {
  const std::string file =
      "sentid\tsentence\n"
      "technician.customer.1.male.txt\tThe technician told the customer that he could pay with cash.\n"
      "technician.someone.0.neutral.txt\tThe technician told someone that they had finished.\n";
  const auto found = read_as("coreference", "all.tsv", file, {.group = {"gender", "occupation"}});
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].label, "second");
  EXPECT_EQ(found[0].text, "The candidateone technician told the candidatetwo customer that thepronoun he could pay with cash.");
  EXPECT_EQ(found[1].label, "first");
  EXPECT_EQ(found[1].groups.at("gender"), "neutral");
  refusal("coreference", "all.tsv", "sentid\tsentence\ncook.guest.male.txt\tThe cook met the guest, he left.\n");
}

// Every line of the published files is read: counts are those of the files.
TEST(AuditReadersData, ReadThePublishedFiles) {
  const char* folder = std::getenv("DISCREET_DATA");
  if (folder == nullptr) GTEST_SKIP() << "DISCREET_DATA is not set";
  const std::filesystem::path data = folder;
  const auto count = [&](const std::string& format, const std::string& file) {
    return read_all(*make_reader(format, data / file)).size();
  };
  for (const char* side : {"pro", "anti"}) {
    for (const char* type : {"1", "2"}) {
      for (const char* split : {"dev", "test"}) {
        const std::string file = std::string(side) + "_stereotyped_type" + type + ".txt." + split;
        EXPECT_EQ(count("coreference", "winobias/data/" + file), 396u) << file;
      }
    }
  }
  EXPECT_EQ(count("coreference", "winogender/all_sentences.tsv"), 720u);
  EXPECT_EQ(count("coreference", "gap/gap-development.tsv"), 2000u);
  EXPECT_EQ(count("coreference", "gap/gap-test.tsv"), 2000u);
  EXPECT_EQ(count("coreference", "gap/gap-validation.tsv"), 454u);
  EXPECT_EQ(count("hatexplain", "hatexplain/hatexplain_partial.jsonl"), 12260u);
  // Pro and anti are the same sentences with other pronouns: the right candidate stays where it is.
  const auto pro = read_all(*make_reader("coreference", data / "winobias/data/pro_stereotyped_type2.txt.dev"));
  const auto anti = read_all(*make_reader("coreference", data / "winobias/data/anti_stereotyped_type2.txt.dev"));
  std::size_t same = 0;
  for (std::size_t i = 0; i < pro.size(); ++i) same += pro[i].label == anti[i].label;
  EXPECT_GE(same, 390u);
}

}  // namespace
}  // namespace discreet::text
