#include "discreet/text/corpus.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "discreet/core/error.h"
#include "discreet/core/sha256.h"
#include "discreet/text/internal/grammar.h"
#include "discreet/text/internal/lexicon.h"
#include "discreet/text/unicode.h"
#include "discreet/text/writer.h"
#include "tests/core/temporary_folder.h"

namespace discreet::text {
namespace {

std::vector<Example> corpus_lines(const CorpusOptions& options) {
  return read_all(*make_corpus_reader(options));
}

std::string corpus_bytes(const CorpusOptions& options) {
  std::string bytes;
  for (const Example& e : corpus_lines(options)) append_jsonl(e, bytes);
  return bytes;
}

std::string spec_failure(const std::string& spec) {
  try {
    make_corpus_reader(parse_corpus_spec(spec));
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kUsage);
    return std::string(e.what()) + " | " + e.hint();
  }
  return "no error";
}

TEST(Corpus, SpecsSayWhatToDraw) {
  EXPECT_TRUE(is_corpus_spec("assistant"));
  EXPECT_TRUE(is_corpus_spec("assistant:lines=3"));
  EXPECT_FALSE(is_corpus_spec("assistants"));
  EXPECT_FALSE(is_corpus_spec("my/assistant"));
  EXPECT_EQ(parse_corpus_spec("assistant").lines, 13000);
  const auto options = parse_corpus_spec("assistant:lines=7,seed=3,split=test,drift=0");
  EXPECT_EQ(options.lines, 7);
  EXPECT_EQ(options.seed, 3u);
  EXPECT_EQ(options.split, Split::kTest);
  EXPECT_EQ(corpus_lines(options).size(), 7u);
}

TEST(Corpus, BadSpecsAreUsageErrors) {
  EXPECT_NE(spec_failure("assistant:linse=3").find("Did you mean 'lines'?"), std::string::npos);
  EXPECT_NE(spec_failure("assistant:lines").find("expected key=value, got 'lines'"),
            std::string::npos);
  EXPECT_NE(spec_failure("assistant:lines=0").find(">= 1"), std::string::npos);
  EXPECT_NE(spec_failure("assistant:typos=2").find("[0, 1]"), std::string::npos);
  EXPECT_NE(spec_failure("assistant:lines=10,secrets=6").find("6 secrets, 1 times each, in 10"),
            std::string::npos);
  EXPECT_NE(spec_failure("assistant:secrets=90,secret_digits=2").find("90 different secrets"),
            std::string::npos);
  EXPECT_NE(spec_failure("snips").find("not the built-in corpus"), std::string::npos);
}

TEST(Corpus, IsTheSameForASeedOnEveryMachine) {
  const CorpusOptions options{.lines = 500, .seed = 1};
  const std::string bytes = corpus_bytes(options);
  EXPECT_EQ(corpus_bytes(options), bytes);
  EXPECT_EQ(core::sha256(bytes),
            "0b63f16d2d64245ebc6aca1f9869b801e1151c56f978b9a9024f429b9cfa150a");
  EXPECT_NE(corpus_bytes({.lines = 500, .seed = 2}), bytes);
  EXPECT_NE(corpus_bytes({.lines = 500, .seed = 1, .split = Split::kDev}), bytes);
  EXPECT_NE(corpus_bytes({.lines = 500, .seed = 1, .split = Split::kTest}), bytes);
}

TEST(Corpus, SplitsShareNextToNothing) {
  std::set<std::string> train;
  for (const Example& e : corpus_lines({})) train.insert(e.text);
  std::size_t shared = 0;
  const auto test = corpus_lines({.lines = 2000, .split = Split::kTest});
  for (const Example& e : test) shared += train.count(e.text);
  // Short commands do recur, as they do among people.
  EXPECT_LT(shared, test.size() / 4);
}

TEST(Corpus, IsLargeEnoughToMeanSomething) {
  std::set<std::string> types, intents, slots, users, devices;
  for (const Example& e : corpus_lines({})) {
    types.insert(e.words.begin(), e.words.end());
    intents.insert(e.label);
    users.insert(e.user);
    devices.insert(e.extra.at("device"));
    for (const auto& tag : e.tags) {
      if (tag != "O") slots.insert(tag.substr(2));
    }
  }
  EXPECT_GE(types.size(), 5000u);
  EXPECT_GE(intents.size(), 12u);
  EXPECT_GE(slots.size(), 30u);
  EXPECT_GT(users.size(), 300u);
  EXPECT_GT(devices.size(), 200u);
  const auto named_intents = corpus_intent_names();
  const auto named_slots = corpus_slot_names();
  EXPECT_EQ(intents, std::set<std::string>(named_intents.begin(), named_intents.end()));
  EXPECT_EQ(slots, std::set<std::string>(named_slots.begin(), named_slots.end()));
}

TEST(Corpus, LinesAreWellFormed) {
  std::string previous;
  std::int64_t line = 0;
  for (const Example& e : corpus_lines(
           {.lines = 5000, .slot_noise = 0.1, .typos = 0.2, .disfluencies = 0.5, .secrets = 3})) {
    EXPECT_EQ(e.line, ++line);
    ASSERT_EQ(e.words.size(), e.tags.size());
    ASSERT_FALSE(e.words.empty());
    for (std::size_t i = 0; i < e.words.size(); ++i) {
      EXPECT_FALSE(e.words[i].empty());
      EXPECT_EQ(e.words[i].find_first_of(" []{}<>|~%*_"), std::string::npos) << e.text;
      if (e.tags[i].starts_with("I-")) {
        ASSERT_GT(i, 0u);
        EXPECT_EQ(e.tags[i - 1].substr(2), e.tags[i].substr(2)) << e.text;
      } else {
        EXPECT_TRUE(e.tags[i] == "O" || e.tags[i].starts_with("B-")) << e.tags[i];
      }
    }
    EXPECT_LE(previous, e.extra.at("time"));
    previous = e.extra.at("time");
  }
  EXPECT_EQ(line, 5000);
}

TEST(Corpus, AFileOfItReadsBackEqual) {
  CorpusOptions options{.lines = 300, .secrets = 2, .counterfactuals = true};
  const core::TemporaryFolder folder;
  const auto path = folder.write("a.jsonl", corpus_bytes(options));
  const auto drawn = corpus_lines(options);
  const auto found = read_all(*make_reader("", path, {.group = {"gender", "dialect"}}));
  ASSERT_EQ(found.size(), drawn.size());
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    EXPECT_EQ(found[i].words, drawn[i].words);
    EXPECT_EQ(found[i].tags, drawn[i].tags);
    EXPECT_EQ(found[i].text, drawn[i].text);
    EXPECT_EQ(found[i].label, drawn[i].label);
    EXPECT_EQ(found[i].user, drawn[i].user);
    EXPECT_EQ(found[i].groups, drawn[i].groups);
    EXPECT_EQ(found[i].extra, drawn[i].extra);
    EXPECT_EQ(found[i].line, drawn[i].line);
  }
}

TEST(Corpus, SecretsStandAsOftenAsAsked) {
  const CorpusOptions options{.lines = 2000, .secrets = 5, .secret_repeats = 4, .secret_digits = 6};
  std::map<std::string, std::map<std::string, int>> found;  // secret, then its text
  const auto lines = corpus_lines(options);
  for (const Example& e : lines) {
    if (e.extra.count("secret") == 0) {
      // No other line is such a sequence of digits.
      const bool digits = std::all_of(e.words.begin() + 1, e.words.end(),
                                      [](const auto& w) { return w.size() == 1; });
      EXPECT_FALSE(e.words.size() > 4 && e.words[0] == "call" && digits) << e.text;
      continue;
    }
    ++found[e.extra.at("secret")][e.text];
    EXPECT_EQ(e.words.size(), 7u);
    EXPECT_EQ(e.words[0], "call");
    EXPECT_EQ(e.tags[1], "B-phone_number");
    EXPECT_EQ(e.tags[6], "I-phone_number");
    EXPECT_EQ(e.label, "call_contact");
  }
  ASSERT_EQ(found.size(), 5u);
  std::set<std::string> texts;
  for (const auto& [secret, of_secret] : found) {
    ASSERT_EQ(of_secret.size(), 1u);
    EXPECT_EQ(of_secret.begin()->second, 4);
    texts.insert(of_secret.begin()->first);
  }
  EXPECT_EQ(texts.size(), 5u);
  // Other lines are as they were without secrets, and a held-out split has none.
  CorpusOptions plain = options;
  plain.secrets = 0;
  const auto without = corpus_lines(plain);
  std::size_t changed = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) changed += lines[i].text != without[i].text;
  EXPECT_EQ(changed, 20u);
  CorpusOptions test = options;
  test.split = Split::kTest;
  for (const Example& e : corpus_lines(test)) EXPECT_EQ(e.extra.count("secret"), 0u);
}

TEST(Corpus, CounterfactualsDifferInGenderedWordsOnly) {
  std::map<std::string, std::set<std::string>> swaps = {
      {"she", {"he"}},         {"he", {"she"}},       {"her", {"him", "his"}},
      {"him", {"her"}},        {"his", {"her"}},      {"sister", {"brother"}},
      {"brother", {"sister"}}, {"mom", {"dad"}},      {"dad", {"mom"}},
      {"wife", {"husband"}},   {"husband", {"wife"}}, {"daughter", {"son"}},
      {"son", {"daughter"}},   {"aunt", {"uncle"}},   {"uncle", {"aunt"}}};
  for (const auto& pair : internal::first_names()) {
    swaps[pair.female].insert(pair.male);
    swaps[pair.male].insert(pair.female);
  }
  int pairs = 0, lines = 0;
  for (const Example& e : corpus_lines({.lines = 4000,
                          .typos = 0,
                          .disfluencies = 0.5,
                          .dialect_share = 0,
                          .counterfactuals = true})) {
    ++lines;
    const auto other = e.extra.find("counterfactual");
    const bool gendered = std::any_of(e.words.begin(), e.words.end(),
                                      [&](const auto& word) { return swaps.count(word) > 0; });
    if (other == e.extra.end()) {
      EXPECT_FALSE(gendered) << e.text;
      continue;
    }
    ++pairs;
    const auto words = split_spaces(other->second);
    ASSERT_EQ(words.size(), e.words.size());
    int differ = 0;
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (words[i] == e.words[i]) continue;
      ++differ;
      EXPECT_TRUE(swaps.count(e.words[i]) > 0 && swaps.at(e.words[i]).count(words[i]) > 0)
          << e.words[i] << " -> " << words[i];
    }
    EXPECT_GT(differ, 0);
  }
  EXPECT_GT(pairs, lines / 10);
  EXPECT_LT(pairs, lines / 2);
}

TEST(Corpus, MemoryIsThatOfTheOptionsNotOfTheLines) {
  // The reader holds no line: a long corpus begins to flow at once.
  const auto reader = make_corpus_reader({.lines = 1000000000000});
  Example example;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(reader->next(example));
  EXPECT_EQ(example.line, 100);
}

TEST(Lexicon, CoinsDifferentWords) {
  for (const auto kind : {internal::PoolKind::kSurname, internal::PoolKind::kPlace,
                          internal::PoolKind::kBrand, internal::PoolKind::kTitle}) {
    const auto words = internal::coin_words(kind, 1000);
    EXPECT_EQ(std::set<std::string>(words.begin(), words.end()).size(), 1000u);
  }
}

TEST(Lexicon, NamesAndLeansAreBalanced) {
  std::set<std::string> names;
  for (const auto& pair : internal::first_names()) {
    EXPECT_TRUE(names.insert(pair.female).second) << pair.female;
    EXPECT_TRUE(names.insert(pair.male).second) << pair.male;
  }
  int female = 0;
  for (const auto& profession : internal::professions()) female += profession.leans_female;
  EXPECT_EQ(2 * female, static_cast<int>(internal::professions().size()));
}

TEST(Lexicon, DialectFormsAndTypos) {
  EXPECT_EQ(internal::dialect_form("the", 0), "da");
  EXPECT_EQ(internal::dialect_form("on", 0), "on");
  EXPECT_EQ(internal::dialect_form("turn", 0), "tirn");
  EXPECT_EQ(internal::dialect_form("going", 1), "guin");
  core::ReproducibleRng rng(1, "typos");
  for (int i = 0; i < 200; ++i) {
    const std::string wrong = internal::with_typo("kitchen", rng);
    EXPECT_LE(wrong.size(), 8u);
    EXPECT_GE(wrong.size(), 6u);
    EXPECT_EQ(internal::with_typo("on", rng), "on");
    EXPECT_EQ(internal::with_typo("o'clock", rng), "o'clock");
  }
}

TEST(GrammarNotation, DrawsChoicesSlotsAndWeights) {
  const std::vector<internal::RuleText> rules = {{"x", {"3* a [b|]", "c"}}};
  internal::Grammar grammar(rules, 0.5);
  const int rule = grammar.compile({"go {slot=x} end"});
  core::ReproducibleRng rng(1, "grammar");
  std::map<std::string, int> counts;
  for (int i = 0; i < 4000; ++i) {
    internal::Draft draft;
    grammar.draw(rule, {}, rng, draft);
    std::string line;
    for (std::size_t k = 0; k < draft.words.size(); ++k) {
      line += draft.words[k] + "/" + draft.tags[k] + " ";
    }
    ++counts[line];
  }
  ASSERT_EQ(counts.size(), 3u);
  EXPECT_NEAR(counts["go/O a/B-slot b/I-slot end/O "], 1500, 170);
  EXPECT_NEAR(counts["go/O a/B-slot end/O "], 1500, 170);
  EXPECT_NEAR(counts["go/O c/B-slot end/O "], 1000, 150);
}

TEST(GrammarNotation, RefusesWhatItCannotRead) {
  for (const char* text : {"a [b|c", "<nothing>", "{nothing}", "%nothing", "~nothing"}) {
    internal::Grammar grammar({}, 0.5);
    EXPECT_THROW(grammar.compile({text}), Error) << text;
  }
}

}  // namespace
}  // namespace discreet::text
