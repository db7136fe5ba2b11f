#include "discreet/app/generation.h"

#include <gtest/gtest.h>

#include <cmath>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "tests/core/temporary_folder.h"

namespace discreet::app {
namespace {

GenerationRecord record(const char* group, const char* completion, const char* stereotype = "") {
  return {"", group, "", completion, "", stereotype};
}

const Json& found(const Json& document, const std::string& metric, const std::string& group) {
  for (const Json& result : document["results"]) {
    if (result["metric"] == metric && result["group"] == group) return result;
  }
  throw internal_error("no result " + metric + " of " + group);
}

GenerationQuestion few() {
  GenerationQuestion question;
  question.least = 2;
  question.resamples = 50;
  return question;
}

TEST(GenerationDocument, CountsWordsOfTheCompletionAlone) {
  std::vector<GenerationRecord> records = {record("a", "He said his name."), record("a", "she left"), record("a", "it rained"),
                                           record("b", "She's here; her hat."), record("b", "the girls sang")};
  records[2].prompt = "she";
  const Json document = generation_document(records, {}, few(), {}, Json::object());
  const Json& a = found(document, "gender_polarity_words", "a");
  EXPECT_EQ(a["male"], 1);
  EXPECT_EQ(a["female"], 1);
  EXPECT_EQ(a["neutral"], 1);
  EXPECT_DOUBLE_EQ(a["value"].get<double>(), 0);
  EXPECT_DOUBLE_EQ(found(document, "gender_polarity_words", "b")["value"].get<double>(), 1);
  EXPECT_DOUBLE_EQ(found(document, "gender_polarity_words", "largest difference")["value"].get<double>(), 1);
  EXPECT_DOUBLE_EQ(found(document, "gender_polarity_words", "overall")["value"].get<double>(), .4);
  // he his : she she her girls, eight words in each list.
  EXPECT_NEAR(found(document, "demographic_representation", "overall")["value"].get<double>(), 4.0 / 6 - .5, 1e-12);
}

TEST(GenerationDocument, NothingIsZeroThatIsNotKnown) {
  const std::vector<GenerationRecord> records = {record("a", "it rained"), record("a", "all day")};
  const Json document = generation_document(records, {}, few(), {}, Json::object());
  for (const char* metric : {"demographic_representation", "stereotypical_association", "cooccurrence"}) {
    const Json& result = found(document, metric, "overall");
    EXPECT_TRUE(result["value"].is_null()) << metric;
    EXPECT_FALSE(result["value_reason"].get<std::string>().empty());
    EXPECT_TRUE(result["ci"].is_null());
  }
  EXPECT_TRUE(found(document, "gender_polarity_words", "largest difference")["value"].is_null());
}

TEST(GenerationDocument, HonestCountsCompletionsNotWords) {
  const core::TemporaryFolder folder;
  core::write_file_atomically(folder / "hurt.txt", "nasty\n\nVile\nbad word\n");
  GenerationQuestion question = few();
  question.hurtful = folder / "hurt.txt";
  // Five templates with two completions each, three with a hurtful word: .3.
  std::vector<GenerationRecord> records;
  for (int i = 0; i < 10; ++i) records.push_back(record(i % 2 ? "x" : "y", i == 0 ? "a vile, nasty thing" : i == 1 ? "a bad word" : i < 3 ? "nasty" : "a word, bad"));
  const Json document = generation_document(records, {}, question, {}, Json::object());
  EXPECT_DOUBLE_EQ(found(document, "honest", "overall")["value"].get<double>(), .3);
  EXPECT_EQ(found(document, "honest", "y")["count"], 2);
}

TEST(GenerationDocument, RealisticUseLooksAtWhoseWorkItIs) {
  const std::vector<GenerationRecord> records = {record("nurse", "she ran", "female"), record("nurse", "he ran", "female"),
                                                 record("driver", "he ran", "male"), record("driver", "it ran", "male")};
  const Json document = generation_document(records, {}, few(), {}, Json::object());
  EXPECT_DOUBLE_EQ(found(document, "neutrality", "overall")["value"].get<double>(), .25);
  EXPECT_NEAR(found(document, "skew", "overall")["value"].get<double>(), 2.0 / 3, 1e-12);
  EXPECT_NEAR(found(document, "stereotype", "overall")["value"].get<double>(), 2.0 / 3, 1e-12);
  EXPECT_EQ(found(document, "skew", "overall")["n"], 3);
}

TEST(GenerationDocument, SharesOfClassesAndTheirGap) {
  std::vector<GenerationRecord> records(4, record("a", "x"));
  records.insert(records.end(), 4, record("b", "y"));
  ClassifierLabels labels{"toxicity", {"fine", "toxic"}, {1, 1, 0, 0, 0, 0, 0, 1}, {"toxicity_classifier", "m", 1, std::string(64, '0')}};
  const Json document = generation_document(records, {labels}, few(), {}, Json::object());
  for (const Json& result : document["results"]) {
    if (result["metric"] != "toxicity" || result["class"] != "toxic") continue;
    const double value = result["value"].get<double>();
    if (result["group"] == "a") {
      EXPECT_DOUBLE_EQ(value, .5);
    } else if (result["group"] == "largest difference") {
      EXPECT_DOUBLE_EQ(value, .25);
    }
  }
  labels.labels.pop_back();
  EXPECT_THROW(generation_document(records, {labels}, few(), {}, Json::object()), Error);
}

TEST(GenerationDocument, RenamingGroupsAndReorderingRowsChangesNoFigure) {
  std::vector<GenerationRecord> records;
  for (int i = 0; i < 40; ++i) {
    records.push_back(record(i % 3 == 0 ? "a" : "b", i % 2 ? "he is kind and brave" : i % 5 ? "she is kind" : "they are brave"));
  }
  const auto figures = [&](const std::vector<GenerationRecord>& some, const char* a) {
    const Json document = generation_document(some, {}, few(), {}, Json::object());
    return std::vector<double>{found(document, "gender_polarity_words", a)["value"], found(document, "cooccurrence", "overall")["value"],
                               found(document, "gender_polarity_words", "largest difference")["value"]};
  };
  std::vector<GenerationRecord> renamed(records.rbegin(), records.rend());
  for (GenerationRecord& one : renamed) one.group = one.group == "a" ? "zz" : "y";
  const auto before = figures(records, "a"), after = figures(renamed, "zz");
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_NEAR(before[i], after[i], 1e-12);
}

TEST(GenerationDocument, PolarityAlongSheMinusHe) {
  const core::TemporaryFolder folder;
  core::write_file_atomically(folder / "v.txt", "she 1 0\nhe -1 0\nnurse 1 1\ntree 0 1\n");
  GenerationQuestion question = few();
  question.vectors = folder / "v.txt";
  const std::vector<GenerationRecord> records = {record("a", "Nurse tree"), record("a", "unknown words"), record("b", "he"), record("b", "tree")};
  const Json document = generation_document(records, {}, question, {}, Json::object());
  EXPECT_NEAR(found(document, "gender_polarity_maximum", "a")["value"].get<double>(), std::sqrt(.5), 1e-6);
  EXPECT_EQ(found(document, "gender_polarity_maximum", "a")["n"], 1);
  EXPECT_NEAR(found(document, "gender_polarity_average", "b")["value"].get<double>(), -1, 1e-6);
  core::write_file_atomically(folder / "v.txt", "she 1 0\nnurse 1 1\n");
  EXPECT_THROW(generation_document(records, {}, question, {}, Json::object()), Error);
}

TEST(Prompts, ComeFromFilesAndBuiltInSets) {
  const core::TemporaryFolder folder;
  core::write_file_atomically(folder / "gender_prompt.json", R"({"actors": {"Jo_Doe": ["Jo Doe is "]}, "actresses": {"A_B": ["A B was", "A B had"]}})");
  std::vector<GenerationRecord> got;
  const auto take = [&](const GenerationRecord& one) { got.push_back(one); };
  for_each_prompt((folder / "gender_prompt.json").string(), take);
  ASSERT_EQ(got.size(), 3u);
  EXPECT_EQ(got[0].mention, "Jo Doe");
  EXPECT_EQ(got[0].domain, "gender");
  EXPECT_EQ(got[2].group, "actresses");
  core::write_file_atomically(folder / "t.tsv", "template_masked\traw\tidentity\tnumber\tcategory\ttype\nthe woman works as a [M].\tx\tthe woman\tsingular\tfemale\toccupation\n");
  got.clear();
  for_each_prompt((folder / "t.tsv").string(), take);
  EXPECT_EQ(got.at(0).prompt, "the woman works as a");
  got.clear();
  for_each_prompt("ruted", take);
  EXPECT_EQ(got.size(), 120u);
  for (const GenerationRecord& one : got) EXPECT_EQ(one.prompt.find('{'), std::string::npos) << one.prompt;
  EXPECT_THROW(for_each_prompt("nothing-of-the-kind", take), Error);
  core::write_file_atomically(folder / "p.jsonl", "{\"prompt\": \"x\"}\n");
  EXPECT_THROW(for_each_prompt((folder / "p.jsonl").string(), take), Error);
  core::write_file_atomically(folder / "g.jsonl", "{\"group\": \"x\", \"prompt\": \"y\"}\n");
  EXPECT_THROW(read_generations(folder / "g.jsonl"), Error);
}

}  // namespace
}  // namespace discreet::app
