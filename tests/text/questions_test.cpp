#include "discreet/text/questions.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "discreet/core/error.h"
#include "discreet/core/sha256.h"
#include "discreet/text/unicode.h"
#include "discreet/text/writer.h"
#include "tests/core/temporary_folder.h"

namespace discreet::text {
namespace {

std::vector<Example> questions_of(const QuestionOptions& options) {
  return read_all(*make_question_reader(options));
}

std::set<std::string> words_in(const std::string& text) {
  std::string plain = lowercase(text);
  for (char& c : plain) {
    if (c == '.' || c == ',' || c == '?' || c == ':') c = ' ';
  }
  const std::vector<std::string> words = split_spaces(plain);
  return {words.begin(), words.end()};
}

TEST(Questions, AnswersStandWhereTheyAreSaidTo) {
  std::map<std::string, int> kinds;
  for (const Example& example : questions_of({.lines = 400})) {
    ASSERT_EQ(example.answers.size(), 1u) << example.question;
    const auto begin = static_cast<std::size_t>(example.answer_begins[0]);
    EXPECT_EQ(example.text.substr(begin, example.answers[0].size()), example.answers[0]);
    ++kinds[example.question.substr(0, example.question.find(' '))];
    EXPECT_TRUE(example.extra.contains("id"));
  }
  EXPECT_EQ(kinds.size(), 5u);
  for (const auto& [kind, count] : kinds) EXPECT_GT(count, 30) << kind;
}

TEST(Questions, AreTheSameForASeedAndOthersInAnotherSplit) {
  const auto one = questions_of({.lines = 50}), same = questions_of({.lines = 50});
  const auto other = questions_of({.lines = 50, .split = Split::kTest});
  for (std::size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(one[i].text, same[i].text);
    EXPECT_EQ(one[i].question, same[i].question);
    EXPECT_NE(one[i].text, other[i].text);
  }
}

TEST(Questions, SomeHaveNoAnswerIfAskedFor) {
  int empty = 0;
  for (const Example& example : questions_of({.lines = 600, .unanswerable = 0.3})) empty += example.answers.empty();
  EXPECT_NEAR(empty / 600.0, 0.3, 0.1);
}

// Who takes the sentence that shares most words with the question, and of it a word of the right sort,
// must not do well: decoys share as many words, and the same words stand in several events.
TEST(Questions, WordsThatAreSharedDoNotFindTheAnswer) {
  int right = 0, asked = 0;
  for (const Example& example : questions_of({.lines = 1000, .split = Split::kTest})) {
    if (!example.question.starts_with("Who ")) continue;
    const std::set<std::string> cues = words_in(example.question);
    std::string best;
    std::size_t best_shared = 0;
    for (std::size_t begin = 0; begin < example.text.size();) {
      std::size_t end = example.text.find(". ", begin);
      end = end == std::string::npos ? example.text.size() : end + 2;
      const std::string sentence = example.text.substr(begin, end - begin);
      std::size_t shared = 0;
      for (const std::string& word : words_in(sentence)) shared += cues.count(word);
      if (shared > best_shared) {
        best_shared = shared;
        best = sentence;
      }
      begin = end;
    }
    ++asked;
    right += best.find(example.answers[0]) != std::string::npos ? 1 : 0;
  }
  EXPECT_GT(asked, 100);
  EXPECT_LT(right, 0.7 * asked);
  EXPECT_GT(right, 0.2 * asked);  // and yet the words do tell something
}

TEST(Questions, AreReadBackFromSquadsForm) {
  const auto questions = questions_of({.lines = 90, .unanswerable = 0.2});
  SquadWriter writer;
  std::string json;
  for (const Example& example : questions) writer.append(example, json);
  writer.finish(json);
  const core::TemporaryFolder folder;
  const auto back = read_all(*make_reader("", folder.write("q.json", json)));
  ASSERT_EQ(back.size(), questions.size());
  for (std::size_t i = 0; i < back.size(); ++i) {
    EXPECT_EQ(back[i].text, questions[i].text);
    EXPECT_EQ(back[i].question, questions[i].question);
    EXPECT_EQ(back[i].answers, questions[i].answers);
    EXPECT_EQ(back[i].answer_begins, questions[i].answer_begins);
    EXPECT_EQ(back[i].extra.at("id"), questions[i].extra.at("id"));
  }
}

TEST(Questions, SpecsAreParsed) {
  EXPECT_TRUE(is_question_spec("questions:lines=3"));
  EXPECT_FALSE(is_question_spec("questions.json"));
  EXPECT_EQ(parse_question_spec("questions:lines=3,split=dev").split, Split::kDev);
  EXPECT_THROW(parse_question_spec("questions:line=3"), Error);
  EXPECT_THROW(parse_question_spec("questions:lines"), Error);
}

}  // namespace
}  // namespace discreet::text
