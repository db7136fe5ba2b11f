#include "discreet/fairness/pair_likelihood.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/stats/sequence_matcher.h"

namespace discreet::fairness {
namespace {

std::vector<std::int64_t> own_tokens(const CodedText& text) {
  std::vector<std::int64_t> places;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!text.special(i)) places.push_back(static_cast<std::int64_t>(i));
  }
  return places;
}

void check_rule(const TokenModel& model, const TextCoder& coder, PairRule rule) {
  const bool causal_rule = rule == PairRule::kSentence || rule == PairRule::kSentenceMean;
  if (causal_rule != model.causal()) {
    throw usage_error(model.causal() ? "a causal model cannot be asked for hidden tokens"
                                     : "a masked model gives no probability of a whole sentence",
                      model.causal() ? "Take the sentence's likelihood." : "Take a pseudo-likelihood.");
  }
  if (causal_rule && coder.start() < 0) {
    throw usage_error("the tokenizer names no token that a text begins with",
                      "Add bos_token or eos_token to tokenizer_config.json.");
  }
  if (!causal_rule && (rule == PairRule::kShared || rule == PairRule::kAll) && coder.mask() < 0) {
    throw usage_error("the tokenizer names no mask", "Add mask_token to tokenizer_config.json.");
  }
}

/// What is asked for one sentence, as runs of `texts` and the weights of its answers.
struct SentenceAsk {
  std::size_t first = 0, last = 0;  ///< Its texts.
  std::uint64_t tokens = 0;
};

SentenceAsk ask_sentence(const CodedText& text, const std::vector<std::int64_t>& places, const TextCoder& coder,
                         PairRule rule, std::vector<AskedText>& texts) {
  SentenceAsk ask{texts.size(), 0, places.size()};
  switch (rule) {
    case PairRule::kShared:
    case PairRule::kAll:
      append_hidden(text, places, coder.mask(), texts);
      break;
    case PairRule::kUnmasked:
    case PairRule::kUnmaskedAttention: {
      AskedText asked{text.ids, text.types, places, {}};
      for (const std::int64_t place : places) asked.ids.push_back(text.ids[static_cast<std::size_t>(place)]);
      texts.push_back(std::move(asked));
      break;
    }
    case PairRule::kSentence:
    case PairRule::kSentenceMean:
      texts.push_back(causal_text(text, coder.start()));
      break;
  }
  ask.last = texts.size();
  return ask;
}

/// For each text the attention that each of its tokens gets.
std::vector<std::vector<double>> attention_of(TokenModel& model, const std::vector<AskedText>& texts,
                                              const AskOptions& options) {
  std::vector<std::vector<double>> attention;
  for_each_batch(model, texts, options.tokens, [&](const nn::PackedBatch& batch, std::size_t, std::size_t) {
    const at::Tensor host = model.attention_received(batch).to(at::kCPU, at::kDouble).contiguous();
    const double* values = host.const_data_ptr<double>();
    for (std::int64_t e = 0; e < batch.examples(); ++e) {
      attention.emplace_back(values + batch.offsets[e], values + batch.offsets[e + 1]);
    }
  });
  return attention;
}

}  // namespace

SharedTokens shared_tokens(const CodedText& a, const CodedText& b) {
  SharedTokens shared;
  for (const stats::EqualBlock& block : stats::equal_blocks(a.ids, b.ids)) {
    for (std::size_t i = 0; i < block.a_end - block.a_begin; ++i) {
      const std::size_t in_a = block.a_begin + i, in_b = block.b_begin + i;
      if (a.special(in_a) || b.special(in_b)) continue;
      shared.a.push_back(static_cast<std::int64_t>(in_a));
      shared.b.push_back(static_cast<std::int64_t>(in_b));
    }
  }
  return shared;
}

void append_hidden(const CodedText& text, std::span<const std::int64_t> places, std::int64_t mask,
                   std::vector<AskedText>& to) {
  for (const std::int64_t place : places) {
    AskedText asked{text.ids, text.types, {place}, {text.ids[static_cast<std::size_t>(place)]}};
    asked.tokens[static_cast<std::size_t>(place)] = mask;
    to.push_back(std::move(asked));
  }
}

AskedText causal_text(const CodedText& text, std::int64_t start, std::size_t first) {
  AskedText asked;
  asked.tokens.push_back(start);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.special(i)) continue;
    if (i >= first) {
      asked.rows.push_back(static_cast<std::int64_t>(asked.tokens.size()) - 1);
      asked.ids.push_back(text.ids[i]);
    }
    asked.tokens.push_back(text.ids[i]);
  }
  asked.tokens.pop_back();  // nothing is asked behind the last one
  return asked;
}

std::vector<PairScore> score_pairs(TokenModel& model, const TextCoder& coder, std::span<const TextPair> pairs,
                                   PairRule rule, const AskOptions& options) {
  check_rule(model, coder, rule);
  std::vector<AskedText> texts;
  std::vector<std::pair<SentenceAsk, SentenceAsk>> asks;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const CodedText more = coder.code(pairs[i].more), less = coder.code(pairs[i].less);
    SharedTokens places;
    if (rule == PairRule::kShared) {
      places = shared_tokens(more, less);
    } else {
      places = {own_tokens(more), own_tokens(less)};
    }
    if (places.a.empty() || places.b.empty()) {
      throw bad_data(fmt::format("pair {}: {}", i,
                                 rule == PairRule::kShared ? "the two sentences share no token"
                                                           : "a sentence has no token"),
                     "Every sentence of the benchmark is needed; is the file whole?");
    }
    SentenceAsk of_more = ask_sentence(more, places.a, coder, rule, texts);
    asks.emplace_back(of_more, ask_sentence(less, places.b, coder, rule, texts));
  }
  const auto answers = log_probs(model, texts, options);
  std::vector<std::vector<double>> attention;
  if (rule == PairRule::kUnmaskedAttention) attention = attention_of(model, texts, options);
  const bool mean = rule != PairRule::kShared && rule != PairRule::kAll && rule != PairRule::kSentence;
  const auto sum_of = [&](const SentenceAsk& ask) {
    double sum = 0;
    for (std::size_t t = ask.first; t < ask.last; ++t) {
      for (std::size_t k = 0; k < answers[t].size(); ++k) {
        const double weight = attention.empty() ? 1 : attention[t][static_cast<std::size_t>(texts[t].rows[k])];
        sum += weight * answers[t][k];
      }
    }
    return mean ? sum / static_cast<double>(ask.tokens) : sum;
  };
  std::vector<PairScore> scores;
  for (const auto& [more, less] : asks) scores.push_back({sum_of(more), sum_of(less), more.tokens + less.tokens});
  return scores;
}

}  // namespace discreet::fairness
