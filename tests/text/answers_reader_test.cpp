#include <gtest/gtest.h>

#include "discreet/core/error.h"
#include "discreet/text/reader.h"
#include "discreet/text/references.h"
#include "tests/core/temporary_folder.h"

namespace discreet::text {
namespace {

using Texts = std::vector<std::string>;
using Begins = std::vector<std::int64_t>;

std::vector<Example> examples_in(const std::string& name, const std::string& bytes,
                                 const ReaderOptions& options = {}) {
  const core::TemporaryFolder folder;
  return read_all(*make_reader("", folder.write(name, bytes), options));
}

std::string failure_in(const std::string& name, const std::string& bytes,
                       const ReaderOptions& options = {}) {
  try {
    examples_in(name, bytes, options);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kBadData);
    return e.what();
  }
  ADD_FAILURE() << "read: " << bytes;
  return "";
}

constexpr const char* kSquad =
    "{\"version\":\"v2\",\"data\":[{\"title\":\"[{x\\\"\",\"paragraphs\":[\n"
    "{\"context\":\"Caf\\u00e9 Ada opened in 1990. Ada closed it in 1995.\",\"qas\":[\n"
    "{\"id\":\"q1\",\"question\":\"Who closed it?\",\"answers\":[{\"text\":\"Ada\",\"answer_start\":25},"
    "{\"text\":\"Ada\",\"answer_start\":5}]},"
    "{\"id\":\"q2\",\"question\":\"Where?\",\"answers\":[],\"is_impossible\":true,"
    "\"plausible_answers\":[{\"text\":\"1990\",\"answer_start\":19}]}]}]},\n"
    "{\"paragraphs\":[{\"context\":\"One } two\",\"qas\":[{\"question\":\"What?\","
    "\"answers\":[{\"text\":\"two\",\"answer_start\":5}]}]}]}]}\n";

TEST(SquadReader, ReadsQuestionsWithTheirAnswersInBytes) {
  const auto examples = examples_in("a.json", kSquad);
  ASSERT_EQ(examples.size(), 3u);
  EXPECT_EQ(examples[0].question, "Who closed it?");
  EXPECT_EQ(examples[0].extra.at("id"), "q1");
  EXPECT_EQ(examples[0].answers, (Texts{"Ada", "Ada"}));
  EXPECT_EQ(examples[0].answer_begins, (Begins{26, 6}));  // the accent takes two bytes
  EXPECT_EQ(examples[0].text.substr(26, 3), "Ada");
  EXPECT_EQ(examples[0].line, 2);
  EXPECT_TRUE(examples[1].answers.empty());
  // A place that is one off is mended by the nearest one.
  EXPECT_EQ(examples[2].answer_begins, (Begins{6}));
}

TEST(SquadReader, NamesWhatIsWrong) {
  EXPECT_NE(failure_in("a.json", "{\"data\":[{\"paragraphs\":[{\"context\":\"x\"")
                .find("a.json:1: not SQuAD's JSON: a paragraph does not end"), std::string::npos);
  EXPECT_NE(failure_in("a.json", "{\"data\":[]}").find("not SQuAD's JSON"), std::string::npos);
  EXPECT_NE(failure_in("a.json", "{\"data\":[{\"paragraphs\":[{\"qas\":[]}]}]}")
                .find("expected a string \"context\""), std::string::npos);
  EXPECT_NE(failure_in("a.json", "{\"data\":[{\"paragraphs\":[{\"context\":\"x\",\"qas\":[{\"question\":"
                                 "\"q\",\"answers\":[{\"text\":\"x\",\"answer_start\":-1}]}]}]}]}")
                .find("answer_start is -1"), std::string::npos);
  EXPECT_NE(failure_in("a.json", "{\"data\":[{\"paragraphs\":[{\"context\":1e999,\"qas\":[]}]}]}")
                .find("is not JSON"), std::string::npos);
}

TEST(AnswersReader, JsonLinesHaveThemInFourForms) {
  const ReaderOptions options{.text = "context", .question = "question", .answers = "answers"};
  const std::string head = "{\"context\":\"a b a\",\"question\":\"q\",\"answers\":";
  const auto examples = examples_in(
      "a.jsonl", head + "\"b\"}\n" + head + "[\"a\",\"z\"]}\n" +
                     head + "[{\"text\":\"a\",\"answer_start\":4}]}\n" +
                     head + "{\"text\":[\"a\"],\"answer_start\":[4]}}\n" + head + "null}\n", options);
  ASSERT_EQ(examples.size(), 5u);
  EXPECT_EQ(examples[0].answer_begins, (Begins{2}));
  EXPECT_EQ(examples[1].answer_begins, (Begins{0, -1}));
  EXPECT_EQ(examples[2].answer_begins, (Begins{4}));
  EXPECT_EQ(examples[3].answer_begins, (Begins{4}));
  EXPECT_TRUE(examples[4].answers.empty());
  EXPECT_EQ(examples[4].question, "q");
  EXPECT_NE(failure_in("a.jsonl", head + "7}", options).find("a.jsonl:1: 'answers' is not a list"),
            std::string::npos);
  EXPECT_NE(failure_in("a.jsonl", "{\"context\":\"a\",\"answers\":\"a\"}", options).find("no key 'question'"),
            std::string::npos);
}

TEST(AnswersReader, RowsHaveOne) {
  const auto examples = examples_in("a.csv", "mr,ref\n\"name[X], eat[y]\",X is y.\n\"name[Z]\",\n",
                                    {.text = "mr", .answers = "ref"});
  ASSERT_EQ(examples.size(), 2u);
  EXPECT_EQ(examples[0].text, "name[X], eat[y]");
  EXPECT_EQ(examples[0].answers, (Texts{"X is y."}));
  EXPECT_EQ(examples[0].answer_begins, (Begins{-1}));
  EXPECT_TRUE(examples[1].answers.empty());
}

TEST(MergedByText, CollectsTheReferencesOfASource) {
  const auto merged = merged_by_text(examples_in(
      "a.csv", "mr,ref\na,one\nb,two\na,three\na,one\n", {.text = "mr", .answers = "ref"}));
  ASSERT_EQ(merged.size(), 2u);
  EXPECT_EQ(merged[0].answers, (Texts{"one", "three"}));
  EXPECT_EQ(merged[0].answer_begins.size(), 2u);
  EXPECT_EQ(merged[1].text, "b");
  EXPECT_EQ(merged[1].line, 3);
}

TEST(CoarseLabels, EndBeforeTheColon) {
  const std::string lines = "DESC:manner How ?\nHUM Who ?\n";
  const core::TemporaryFolder folder;
  const auto path = folder.write("x", lines);
  const auto coarse = read_all(*make_reader("labelled", path, {.coarse = true}));
  EXPECT_EQ(coarse[0].label, "DESC");
  EXPECT_EQ(coarse[1].label, "HUM");
  EXPECT_EQ(read_all(*make_reader("labelled", path))[0].label, "DESC:manner");
  EXPECT_EQ(examples_in("a.csv", "text,label\nx,a:b\n", {.coarse = true})[0].label, "a");
  EXPECT_EQ(examples_in("a.jsonl", "{\"text\":\"x\",\"label\":\"a:b\"}", {.coarse = true})[0].label, "a");
}

}  // namespace
}  // namespace discreet::text
