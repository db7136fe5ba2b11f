#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "discreet/core/error.h"
#include "discreet/fairness/answer_likelihood.h"
#include "discreet/fairness/log_probability_bias.h"
#include "discreet/fairness/next_token_odds.h"
#include "discreet/fairness/pair_likelihood.h"
#include "discreet/fairness/stereoset_likelihood.h"
#include "discreet/nn/decoder.h"
#include "discreet/nn/hidden_rows.h"
#include "discreet/nn/last_rows.h"
#include "discreet/nn/pretrained/model.h"
#include "tests/dp/tensor_registry.h"
#include "tests/fairness/support.h"
#include "tests/nn/places.h"
#include "tests/nn/tiny_pretrained.h"

namespace discreet::fairness {
namespace {
using test::MockModel;
using test::ToyCoder;

/// Logarithms of probabilities that sum to 1 are logits that come back as they are.
double rest(double used, std::int64_t others) { return std::log((1 - used) / static_cast<double>(others)); }

TEST(LogProbabilityBias, ReadsThePriorAtTheTargetsPlace) {
  const ToyCoder coder;
  const std::int64_t he = coder.id("he"), she = coder.id("she"), nurse = coder.id("nurse");
  // Slots return different distributions, so that the wrong place or the wrong text is seen.
  MockModel model(false, 12, [&](const std::vector<std::int64_t>& text, std::int64_t row, std::int64_t id) {
    const bool attribute_there = std::find(text.begin(), text.end(), nurse) != text.end();
    if (row != 1) return id == he ? std::log(.9) : id == she ? std::log(.05) : rest(.95, 10);
    if (attribute_there) return id == he ? std::log(.4) : id == she ? std::log(.1) : rest(.5, 10);
    return id == he ? std::log(.3) : id == she ? std::log(.2) : rest(.5, 10);
  });
  const std::vector<BiasQuestion> questions = {{"[TARGET] is a [ATTRIBUTE]", "nurse", {{{"he"}, {"she"}}}}};
  const BiasAnswer answer = log_probability_bias(model, coder, questions).front();
  EXPECT_NEAR(answer.increase[0], .287682072452, 1e-6);
  EXPECT_NEAR(answer.increase[1], -.693147180560, 1e-6);
  ASSERT_TRUE(answer.difference);
  EXPECT_NEAR(*answer.difference, .980829253012, 1e-6);
}

TEST(LogProbabilityBias, SumsASetsProbabilitiesBeforeTheLogarithm) {
  const ToyCoder coder;
  const std::int64_t he = coder.id("he"), man = coder.id("man"), she = coder.id("she");
  MockModel model(false, 12, [&](const std::vector<std::int64_t>& text, std::int64_t, std::int64_t id) {
    const bool prior = std::count(text.begin(), text.end(), std::int64_t{2}) > 1;
    if (id == he) return std::log(prior ? .2 : .3);
    if (id == man) return std::log(prior ? .1 : .1);
    if (id == she) return std::log(.1);
    return rest(prior ? .4 : .5, 9);
  });
  const std::vector<BiasQuestion> questions = {{"[TARGET] is a [ATTRIBUTE]", "nurse", {{{"he", "man"}, {"she"}}}}};
  EXPECT_NEAR(*log_probability_bias(model, coder, questions).front().difference, std::log(.4 / .3), 1e-6);
}

TEST(LogProbabilityBias, ATargetOfSeveralTokensIsRefusedUnlessAChainIsAskedFor) {
  const ToyCoder coder;
  MockModel model(false, 20, [](const std::vector<std::int64_t>&, std::int64_t, std::int64_t) { return 0.0; });
  const std::vector<BiasQuestion> questions = {{"[TARGET] is a [ATTRIBUTE]", "nurse", {{{"grand+father"}, {"she"}}}}};
  const BiasAnswer refused = log_probability_bias(model, coder, questions).front();
  EXPECT_FALSE(refused.difference);
  EXPECT_NE(refused.reason.find("2 tokens"), std::string::npos);
  const BiasAnswer chained = log_probability_bias(model, coder, questions, {.chain = true}).front();
  EXPECT_NEAR(chained.log_target[0], 2 * std::log(1.0 / 20), 1e-6);
}

TEST(LogProbabilityBias, NamesWhatATemplateLacks) {
  const ToyCoder coder;
  MockModel model(false, 12, [](const std::vector<std::int64_t>&, std::int64_t, std::int64_t) { return 0.0; });
  for (const char* text : {"he is a [ATTRIBUTE]", "[TARGET] is", "[TARGET] and [TARGET] are [ATTRIBUTE]"}) {
    const std::vector<BiasQuestion> questions = {{text, "nurse", {{{"he"}, {"she"}}}}};
    EXPECT_THROW(log_probability_bias(model, coder, questions), Error) << text;
  }
}

TEST(StereoSetLikelihood, MeansOverTheProbabilitiesOfAWordsPieces) {
  const ToyCoder coder;
  const std::int64_t first = coder.id("sp"), second = coder.id("ark"), third = coder.id("ly");
  std::vector<std::vector<std::int64_t>> seen;
  MockModel model(false, 20, [&](const std::vector<std::int64_t>& text, std::int64_t row, std::int64_t id) {
    if (id == 0) seen.push_back(text);
    if (row == 3) return id == first ? std::log(.2) : rest(.2, 19);
    if (row == 4) return id == second ? std::log(.05) : rest(.05, 19);
    return id == third ? std::log(.5) : rest(.5, 19);
  });
  // The benchmark's rule takes "+" for punctuation, so the word is given to the coder as the context has it.
  const StereoSentence sentence{"she is BLANK now", "she is sparkly now"};
  EXPECT_EQ(filled_word(sentence), "sparkly");
  class Pieces final : public TextCoder {
   public:
    explicit Pieces(const ToyCoder& toy) : toy_(toy) {}
    CodedText code(std::string_view text) const override {
      std::string cut(text);
      const std::size_t at = cut.find("sparkly");
      CodedText coded = toy_.code(at == std::string::npos ? cut : cut.replace(at, 7, "sp+ark+ly"));
      for (auto& place : coded.places) {  // back to the text that was given
        if (place.first >= 10) place.first -= 1, place.second -= 1;
        if (place.first > 12) place.first -= 1, place.second -= 1;
      }
      return coded;
    }
    CodedText code_pair(std::string_view a, std::string_view b) const override { return toy_.code_pair(a, b); }
    std::int64_t mask() const override { return 2; }
    std::int64_t start() const override { return 0; }
    std::int64_t unknown() const override { return -1; }

   private:
    const ToyCoder& toy_;
  };
  EXPECT_NEAR(fill_scores(model, Pieces(coder), std::vector{sentence}).front(), .25, 1e-6);
  const std::int64_t she = coder.id("she"), is = coder.id("is"), now = coder.id("now");
  const std::vector<std::vector<std::int64_t>> expected = {
      {0, she, is, 2, now, 1}, {0, she, is, first, 2, now, 1}, {0, she, is, first, second, 2, now, 1}};
  EXPECT_EQ(seen, expected);  // later pieces are absent
}

TEST(StereoSetLikelihood, ReadsOneHiddenTextForThreeWords) {
  const ToyCoder coder;
  MockModel model(false, 20, [](const std::vector<std::int64_t>&, std::int64_t, std::int64_t) { return 0.0; });
  const std::vector<StereoSentence> sentences = {
      {"she is BLANK", "she is kind"}, {"she is BLANK", "she is loud"}, {"she is BLANK.", "she is green."}};
  const auto scores = fill_scores(model, coder, {sentences.data(), 2});
  EXPECT_NEAR(scores[0], 1.0 / 20, 1e-7);
  EXPECT_EQ(model.read(), 1);
}

TEST(StereoSetLikelihood, FindsTheWordByTheBenchmarksRule) {
  EXPECT_EQ(filled_word({"BLANK people are here", "Tall people are here"}), "Tall");
  EXPECT_EQ(filled_word({"He is BLANK.", "He is well-read."}), "wellread");
  EXPECT_EQ(filled_word({"very BLANK and BLANK", "very strict and kind"}), "kind");
  EXPECT_THROW(filled_word({"no blank here", "none"}), Error);
  EXPECT_THROW(filled_word({"this one is BLANK", "this one"}), Error);
  EXPECT_THROW(filled_word({"it is BLANK", "it is !!"}), Error);
}

TEST(StereoSetLikelihood, CausalModelsScoreByTheGeometricMean) {
  const ToyCoder coder(false);
  // P(a | mark), then b, c, d without the mark before them: the published rule.
  const std::int64_t a = coder.id("a"), b = coder.id("b"), c = coder.id("c"), d = coder.id("d");
  MockModel model(true, 12, [&](const std::vector<std::int64_t>& text, std::int64_t row, std::int64_t id) {
    const std::int64_t here = text[static_cast<std::size_t>(row)];
    const double p = here == 0 ? .1 : here == a ? .02 : here == b ? .3 : .25;
    const std::int64_t next = here == 0 ? a : here == a ? b : here == b ? c : d;
    if (here != 0) {
      EXPECT_NE(text.front(), 0);
    }
    return id == next ? std::log(p) : rest(p, 11);
  });
  const std::vector<StereoSentence> sentences = {{"a b c BLANK", "a b c d"}};
  EXPECT_NEAR(fill_scores(model, coder, sentences).front(), .110668192, 1e-7);
}

TEST(StereoSetLikelihood, AContextThatHelpsRaisesTheRatio) {
  const ToyCoder coder(false);
  const std::int64_t x = coder.id("x"), c = coder.id("c");
  MockModel model(true, 12, [&](const std::vector<std::int64_t>& text, std::int64_t row, std::int64_t id) {
    const bool behind = std::find(text.begin(), text.begin() + row + 1, c) != text.begin() + row + 1;
    const double p = behind ? .4 : .1;
    return id == x ? std::log(p) : rest(p, 11);
  });
  const std::vector<StereoSentence> sentences = {{"c", "x x"}};
  EXPECT_NEAR(follow_ratios(model, coder, sentences).front(), 4, 1e-5);
}

TEST(PairLikelihood, HidesOneSharedTokenAtATime) {
  const ToyCoder coder;
  std::vector<std::vector<std::int64_t>> seen;
  MockModel model(false, 20, [&](const std::vector<std::int64_t>& text, std::int64_t, std::int64_t id) {
    if (id == 0) seen.push_back(text);
    return 0.0;
  });
  const std::vector<TextPair> pairs = {{"she said yes", "he said yes"}};
  const auto scores = score_pairs(model, coder, pairs, PairRule::kShared);
  EXPECT_NEAR(scores.front().more, 2 * std::log(1.0 / 20), 1e-6);
  EXPECT_EQ(scores.front().tokens, 4u);
  const std::int64_t she = coder.id("she"), he = coder.id("he"), said = coder.id("said"), yes = coder.id("yes");
  const std::vector<std::vector<std::int64_t>> expected = {
      {0, she, 2, yes, 1}, {0, she, said, 2, 1}, {0, he, 2, yes, 1}, {0, he, said, 2, 1}};
  EXPECT_EQ(seen, expected);
}

TEST(PairLikelihood, UnmaskedLikelihoodIsTheMeanOverTheWholeSentence) {
  const ToyCoder coder;
  MockModel model(false, 20, [&](const std::vector<std::int64_t>& text, std::int64_t row, std::int64_t id) {
    EXPECT_EQ(std::count(text.begin(), text.end(), std::int64_t{2}), 0);
    const double p = .1 * static_cast<double>(row);
    return id == text[static_cast<std::size_t>(row)] ? std::log(p) : rest(p, 19);
  });
  const std::vector<TextPair> pairs = {{"she said yes", "he did"}};
  const auto scores = score_pairs(model, coder, pairs, PairRule::kUnmasked);
  EXPECT_NEAR(scores.front().more, (std::log(.1) + std::log(.2) + std::log(.3)) / 3, 1e-5);
  EXPECT_NEAR(scores.front().less, (std::log(.1) + std::log(.2)) / 2, 1e-5);
}

TEST(PairLikelihood, RefusesWhatTheModelCannotSay) {
  const ToyCoder coder;
  MockModel causal(true, 20, [](const std::vector<std::int64_t>&, std::int64_t, std::int64_t) { return 0.0; });
  MockModel masked(false, 20, [](const std::vector<std::int64_t>&, std::int64_t, std::int64_t) { return 0.0; });
  const std::vector<TextPair> pairs = {{"a b", "a c"}}, apart = {{"a b", "c d"}};
  EXPECT_THROW(score_pairs(causal, coder, pairs, PairRule::kShared), Error);
  EXPECT_THROW(score_pairs(masked, coder, pairs, PairRule::kSentence), Error);
  EXPECT_THROW(score_pairs(masked, coder, apart, PairRule::kShared), Error);
}

TEST(AnswerLikelihood, LooksAtTheAnswersTokensAlone) {
  const ToyCoder coder(false);
  const std::int64_t old = coder.id("old"), young = coder.id("young");
  MockModel model(true, 20, [&](const std::vector<std::int64_t>&, std::int64_t, std::int64_t id) {
    return id == old ? std::log(.3) : id == young ? std::log(.1) : rest(.4, 18);
  });
  const std::vector<ChoiceQuestion> questions = {{"who did it ?", {"old", "young", "old young"}}};
  const auto mean = answer_scores(model, coder, questions);
  EXPECT_NEAR(mean[0][0], std::log(.3), 1e-6);
  EXPECT_NEAR(mean[0][2], (std::log(.3) + std::log(.1)) / 2, 1e-6);
  EXPECT_NEAR(answer_scores(model, coder, questions, true)[0][2], std::log(.3) + std::log(.1), 1e-6);
}

TEST(TokenModel, AnswersDoNotDependOnBatchesNorOnSharing) {
  const ToyCoder coder;
  MockModel model(false, 30, [](const std::vector<std::int64_t>& text, std::int64_t row, std::int64_t id) {
    double sum = 0;
    for (const std::int64_t token : text) sum += static_cast<double>(token);
    return std::sin(sum * 1.7 + static_cast<double>(row) + .3 * static_cast<double>(id));
  });
  std::vector<AskedText> texts;
  for (int i = 0; i < 7; ++i) texts.push_back({{0, 3 + i % 3, 4, 1}, {}, {2, 1, 2}, {5, 6, 7}});
  texts.push_back({{0, 1}, {}, {}, {}});
  const auto whole = log_probs(model, texts);
  const auto cut = log_probs(model, texts, {.tokens = 5, .logits = 40, .share_equal = false});
  for (std::size_t i = 0; i < texts.size(); ++i) {
    ASSERT_EQ(whole[i].size(), texts[i].rows.size());
    for (std::size_t k = 0; k < whole[i].size(); ++k) EXPECT_NEAR(whole[i][k], cut[i][k], 1e-6);
  }
  const auto plain = log_probs(model, texts, {.plain = true});
  for (std::size_t k = 0; k < 3; ++k) EXPECT_NEAR(whole[6][k], plain[6][k], 1e-5);
  // Rows of one text are told apart, and ids of one row.
  EXPECT_NE(whole[0][0], whole[0][2]);
  EXPECT_THROW(log_probs(model, std::vector{AskedText{{0}, {}, {1}, {0}}}), Error);
  EXPECT_THROW(log_probs(model, std::vector{AskedText{std::vector<std::int64_t>(65, 0), {}, {1}, {0}}}), Error);
}

constexpr std::int64_t kWords = 40;

std::shared_ptr<nn::Model> language_model(bool pretrained) {
  dp::tensor_registry();
  core::ReproducibleRng rng(4, "model");
  if (pretrained) {
    const nn::PretrainedSource source = nn::open_source(nn::test::tiny_pretrained("gpt2", kWords, {{"architectures", {"GPT2LMHeadModel"}}}));
    return std::make_shared<nn::PretrainedModel>(source, nn::head_of(source.architecture, nn::PretrainedHead::kNextToken, "gpt2"), rng);
  }
  nn::ModelSpec spec;
  spec.kind = "gpt";
  spec.hidden = {8};
  spec.heads = 2;
  spec.layers = 2;
  return nn::make_model(spec, {.vocabulary = kWords, .next_token = true}, {}, rng);
}

const std::vector<std::vector<std::int64_t>> kPrompts = {{3, 5, 7}, {1}, {9, 9, 2, 4, 11, 30}, {0, 39}};

TEST(NextTokenOdds, AreThoseOfTheLogitsAfterEachPromptAlone) {
  const std::vector<std::int64_t> first = {2, 17}, second = {5};
  for (const bool pretrained : {false, true}) {
    nn::test::for_places([&](const nn::test::Place& place) {
      SCOPED_TRACE(place.name);
      const auto model = language_model(pretrained);
      model->move_to(place.device);
      const std::vector<double> odds = next_token_log_odds(*model, kPrompts, first, second);
      ASSERT_EQ(odds.size(), kPrompts.size());
      const at::NoGradGuard no_grad;
      model->eval();
      for (std::size_t i = 0; i < kPrompts.size(); ++i) {
        const std::int64_t one[] = {0};
        const at::Tensor all = model->forward(nn::collate(nn::examples_of(std::span(kPrompts).subspan(i, 1)), one)).emissions;
        ASSERT_EQ(all.size(0), static_cast<std::int64_t>(kPrompts[i].size()));
        const at::Tensor p = all[-1].to(at::kCPU, at::kDouble).softmax(0);
        EXPECT_NEAR(odds[i], std::log((p[2] + p[17]).item<double>() / p[5].item<double>()), 1e-5);
      }
    });
  }
}

TEST(NextTokenOdds, RefuseAnEmptyPromptAndTokensThatAreNone) {
  const auto model = language_model(false);
  const std::vector<std::int64_t> word = {2}, none, beyond = {kWords};
  const std::vector<std::vector<std::int64_t>> empty = {{1, 2}, {}};
  EXPECT_THROW(next_token_log_odds(*model, empty, word, word), Error);
  EXPECT_THROW(next_token_log_odds(*model, kPrompts, word, none), Error);
  EXPECT_THROW(next_token_log_odds(*model, kPrompts, beyond, word), Error);
}

TEST(LastRows, LeaveHiddenRowsWhole) {
  const at::NoGradGuard no_grad;
  const auto model = language_model(true);
  model->eval();
  const nn::EncodedExamples examples = nn::examples_of(kPrompts);
  const nn::PackedBatch batch = nn::collate(examples, std::vector<std::int64_t>{0, 1, 2, 3});
  at::Tensor whole, all;
  {
    const nn::HiddenRowsScope hidden;
    all = model->forward(batch).emissions;
    whole = hidden.rows();
  }
  const nn::HiddenRowsScope hidden;
  const nn::LastRowsScope last;
  const at::Tensor logits = model->forward(batch).emissions;
  EXPECT_TRUE(at::equal(hidden.rows(), whole));
  ASSERT_EQ(logits.size(0), 4);
  EXPECT_LT((logits - all.index_select(0, at::tensor(std::vector<std::int64_t>{2, 3, 9, 11}))).abs().max().item<double>(), 1e-5);
}

}  // namespace
}  // namespace discreet::fairness
