#include "discreet/app/distill_options.h"

#include <gtest/gtest.h>

#include "discreet/app/internal/counterfactual.h"
#include "discreet/app/internal/role_corpus.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "tests/core/temporary_folder.h"

namespace discreet::app {
namespace {

DistillOptions parsed(const std::vector<std::string>& set) {
  const core::Config config = read_config({}, set);
  return parse_distill(parse_settings(config), config);
}

ErrorCode code_of(const std::vector<std::string>& set) {
  try {
    parsed(set);
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::kInternal;
}

TEST(DistillOptions, WithoutTheSectionNothingIsAsked) {
  EXPECT_FALSE(parsed({}).active());
  EXPECT_FALSE(dump_settings(Settings{}, parsed({})).contains("distill"));
}

TEST(DistillOptions, TheDumpReadsBack) {
  const std::vector<std::string> set = {"task=\"language-model\"", "distill.teacher=\"runs/t\"", "distill.layers=[0]",
                                        "distill.combination=\"max\"", "distill.held_out=[\"king\"]"};
  const core::Config config = read_config({}, set);
  const Json values = dump_settings(parse_settings(config), parse_distill(parse_settings(config), config));
  EXPECT_EQ(values["distill"]["layers"], Json({0}));
  EXPECT_EQ(values["distill"]["combination"], "max");
}

TEST(DistillOptions, WhatDoesNotGoTogetherIsRefused) {
  const std::string language = "task=\"language-model\"", teacher = "distill.teacher=\"runs/t\"";
  EXPECT_EQ(code_of({language, "distill.combination=\"max\""}), ErrorCode::kUsage);  // whose predictions?
  EXPECT_EQ(code_of({language, "distill.temperature=3"}), ErrorCode::kUsage);
  EXPECT_EQ(code_of({language, teacher, "distill.layers=[0,1]"}), ErrorCode::kUsage);  // one student layer
  EXPECT_EQ(code_of({language, teacher, "distill.held_out=[\"king\"]"}), ErrorCode::kUsage);  // nothing is exchanged
  EXPECT_EQ(code_of({language, teacher, "distill.soft=0", "distill.hard=0"}), ErrorCode::kUsage);
  EXPECT_EQ(code_of({language, teacher, "distill.temperature=0"}), ErrorCode::kUsage);
  EXPECT_EQ(code_of({"task=\"tagging\"", teacher}), ErrorCode::kUsage);
  // Words would be exchanged twice.
  EXPECT_EQ(code_of({language, "distill.augment=\"augment\"", "mitigate.counterfactual=\"substitute\""}), ErrorCode::kUsage);
  EXPECT_EQ(code_of({language, "mitigate.counterfactual=\"substitute\""}), ErrorCode::kInternal);  // no error
  EXPECT_EQ(code_of({"task=\"tagging\"", "distill.augment=\"augment\""}), ErrorCode::kUsage);
  const std::vector<std::string> secret = {language, "distill.augment=\"augment\"", "privacy.mechanism=\"dp-sgd\"",
                                           "privacy.noise_multiplier=1", "privacy.delta=1e-5"};
  EXPECT_EQ(code_of(secret), ErrorCode::kPrivacyRefused);
}

Settings language_settings(const std::vector<std::string>& more = {}) {
  std::vector<std::string> set = {"task=\"language-model\"", "data.lowercase=false"};
  set.insert(set.end(), more.begin(), more.end());
  return parse_settings(read_config({}, set));
}

text::Example example_of(const std::string& text, const text::Tokenizer& tokenizer) {
  text::Example example;
  example.text = text;
  text::tokenize_example(tokenizer, example);
  return example;
}

TEST(Counterfactuals, AugmentAddsCopiesAndSubstituteDependsOnTheTextAlone) {
  const Settings settings = language_settings();
  const auto tokenizer = text::make_tokenizer("word", {.lowercase = false});
  std::vector<text::Example> examples;
  for (const char* text : {"The nurse said that she came", "Nothing here", "He told her mother", "James is late"}) {
    examples.push_back(example_of(text, *tokenizer));
  }
  std::vector<std::string> notes;
  std::vector<text::Example> augmented = examples;
  add_counterfactuals(settings, {.augment = "augment"}, *tokenizer, augmented, notes);
  ASSERT_EQ(augmented.size(), 7U);
  EXPECT_EQ(augmented[4].text, "The nurse said that he came");
  EXPECT_EQ(augmented[5].text, "She told his father");
  EXPECT_EQ(augmented[6].text, "Mary is late");
  EXPECT_EQ(augmented[5].words, tokenizer->words("She told his father"));
  ASSERT_EQ(notes.size(), 1U);

  // The same example meets the same fate whatever stands beside it.
  std::vector<text::Example> many, fewer;
  for (const std::string& line : role_corpus({.lines = 60})) many.push_back(example_of(line, *tokenizer));
  fewer.assign(many.begin() + 20, many.end());
  std::vector<text::Example> all = many;
  add_counterfactuals(settings, {.augment = "substitute"}, *tokenizer, all, notes);
  add_counterfactuals(settings, {.augment = "substitute"}, *tokenizer, fewer, notes);
  std::size_t changed = 0;
  for (std::size_t i = 20; i < all.size(); ++i) {
    EXPECT_EQ(all[i].text, fewer[i - 20].text);
    changed += all[i].text != many[i].text ? 1 : 0;
  }
  EXPECT_GT(changed, 5U);
  EXPECT_LT(changed, 35U);
}

TEST(Counterfactuals, HeldOutWordsAndTheirPartnersStay) {
  const auto tokenizer = text::make_tokenizer("word", {.lowercase = false});
  text::Example example = example_of("The king saw his uncle and James", *tokenizer);
  const RoleReverser reverser(language_settings(), {.held_out = {"queen", "james"}});
  ASSERT_TRUE(reverser.reverse(*tokenizer, example));
  EXPECT_EQ(example.text, "The king saw her aunt and James");
}

TEST(Counterfactuals, TaggedWordsKeepTheirPlaces) {
  const auto tokenizer = text::make_tokenizer("word");
  text::Example example;
  example.words = {"call", "my", "grandfather", "'s", "nurse"};
  example.tags = {"O", "O", "B-contact", "O", "O"};
  const RoleReverser reverser(language_settings(), {});
  ASSERT_TRUE(reverser.reverse(*tokenizer, example));
  EXPECT_EQ(example.words, (std::vector<std::string>{"call", "my", "grandmother", "'s", "nurse"}));
}

TEST(Counterfactuals, RowsOfAReversedTextAnswerThoseOfTheText) {
  const Settings settings = language_settings();
  const auto tokenizer = text::make_tokenizer("word", {.lowercase = false});
  std::vector<text::Example> examples = {example_of("he saw her", *tokenizer), example_of("rain falls", *tokenizer)};
  text::VocabularyBuilder builder;
  for (const char* text : {"he saw her", "rain falls", "she him"}) builder.add(tokenizer->words(text));
  Encoder encoder{.tokenizer = std::shared_ptr<const text::Tokenizer>(text::make_tokenizer("word", {.lowercase = false})),
                  .vocabulary = builder.build(1, 100)};
  encoder.task = "language-model";
  encoder.language.end = encoder.vocabulary.size();
  const EncodedData data = encode(encoder, examples);
  const ReversedRows rows = reverse_rows(settings, {.combination = "max"}, encoder, data);
  EXPECT_EQ(rows.aligned, (std::vector<std::int64_t>{0, 1, 2, 3, -1, -1, -1}));
  EXPECT_EQ(rows.changed_examples, 1);
  EXPECT_EQ(rows.reversed.tags, (std::vector<std::int64_t>{encoder.vocabulary.id("she"), encoder.vocabulary.id("saw"),
                                                          encoder.vocabulary.id("him"), encoder.language.end}));
  const EncodedData plain = encode(encoder, {example_of("rain falls", *tokenizer)});
  EXPECT_THROW(reverse_rows(settings, {.combination = "max"}, encoder, plain), Error);
}

TEST(RoleCorpus, TheSkewIsPlantedAndHeldOutProfessionsAreNot) {
  int he = 0, she = 0;
  for (const std::string& line : role_corpus({.lines = 20000})) {
    if (line.find("The engineer ") != 0) continue;
    he += line.find(" he ") != std::string::npos ? 1 : 0;
    she += line.find(" she ") != std::string::npos ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(he) / (he + she), 0.9, 0.06);
  for (const std::string& line : role_corpus({.lines = 3000, .held_out_items = false})) {
    for (const RoleProfession& profession : role_professions()) {
      if (profession.held_out) {
        ASSERT_EQ(line.find(" " + profession.name + " "), std::string::npos) << line;
      }
    }
  }
}

}  // namespace
}  // namespace discreet::app
