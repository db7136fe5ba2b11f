#pragma once

#include <span>
#include <string>
#include <vector>

#include "discreet/fairness/text_coder.h"
#include "discreet/fairness/token_model.h"

namespace discreet::fairness {

/// How the sentences of a pair are scored.
enum class PairRule {
  /// Masked models: sum of log P(token | all others) over the tokens that both sentences share, one hidden
  /// at a time: CrowS-Pairs as published. Ref: Nangia et al. 2020.
  kShared,
  /// The same over all tokens: a sentence's pseudo-log-likelihood. Ref: Salazar et al. 2020.
  kAll,
  /// Masked models: mean over tokens of log P(token | whole sentence), nothing hidden: AUL.
  /// Ref: Kaneko and Bollegala 2022.
  kUnmasked,
  /// The same, each token's logarithm times the mean attention (over layers, heads and tokens) that it
  /// gets; the weights are not normalised: AULA, as the authors' code has it.
  kUnmaskedAttention,
  /// Causal models: log P(sentence), from the model's mark of a text's beginning on.
  kSentence,
  /// The same divided by the tokens: the logarithm of their geometric mean.
  kSentenceMean,
};

struct TextPair {
  std::string more, less;
};

struct PairScore {
  double more = 0, less = 0;
  std::uint64_t tokens = 0;  ///< Scored ones of both sentences.
};

/// Scores of pairs. All hidden versions of many sentences are packed into one batch.
/// Throws: kUsage for a rule that the model cannot follow (no mask, no mark of beginning, causal or not);
/// kBadData naming the pair, from 0, that has nothing to score.
std::vector<PairScore> score_pairs(TokenModel& model, const TextCoder& coder, std::span<const TextPair> pairs,
                                   PairRule rule, const AskOptions& options = {});

/// The places of `a` and `b` that stand in blocks which both have, special tokens left out.
struct SharedTokens {
  std::vector<std::int64_t> a, b;
};
SharedTokens shared_tokens(const CodedText& a, const CodedText& b);

/// One text for each place, with a mask there, asked for what stood there.
void append_hidden(const CodedText& text, std::span<const std::int64_t> places, std::int64_t mask,
                   std::vector<AskedText>& to);

/// A text that a causal model is asked for token by token, from the beginning mark on; rows of tokens
/// before `first` are not asked.
AskedText causal_text(const CodedText& text, std::int64_t start, std::size_t first = 0);

}  // namespace discreet::fairness
