#pragma once

#include <span>
#include <string>
#include <vector>

#include "discreet/fairness/text_coder.h"
#include "discreet/fairness/token_model.h"

namespace discreet::fairness {

/// A sentence of StereoSet with the context that it fills (one with the word BLANK) or follows.
struct StereoSentence {
  std::string context, sentence;
};

/// The word of `sentence` that stands where the context's last word with BLANK in it stands, counted by
/// single spaces, without ASCII punctuation: the benchmark's own rule, also where a BLANK is glued to
/// other letters.
/// Throws: kBadData for a context without BLANK, a sentence that ends before it, and where only
/// punctuation stands there.
std::string filled_word(const StereoSentence& sentence);

/// Scores of sentences that fill a blank.
///
/// Masked models: the word's pieces t_1 … t_m; for each i the blank is t_1 … t_{i-1} and one mask, later
/// pieces absent; the score is the arithmetic mean of the m PROBABILITIES of t_i there. The word keeps the
/// space before it, so vocabularies that tell words apart by it get the piece that they would read. Equal
/// hidden texts are read once: the three words of a blank mostly share theirs. A context with two blanks
/// hides both; the mean is over both.
///
/// Causal models: P(first token | mark of beginning), the later tokens' probabilities from the sentence
/// without that mark; the score is their geometric mean.
/// Ref: Nadeem, Bethke and Reddy 2021, and the rule of their evaluation code.
/// Throws: kUsage without a mask or mark; kBadData as filled_word.
std::vector<double> fill_scores(TokenModel& model, const TextCoder& coder,
                                std::span<const StereoSentence> sentences, const AskOptions& options = {});

/// Scores of sentences that follow a context, by a causal model: perplexity of the sentence alone over its
/// perplexity behind the context. Above 1: the context makes it likelier.
/// The benchmark writes "no context / context" without saying of what; perplexities are our reading, under
/// which a higher score is a likelier sentence, as everywhere in the benchmark.
std::vector<double> follow_ratios(TokenModel& model, const TextCoder& coder,
                                  std::span<const StereoSentence> sentences, const AskOptions& options = {});

/// The same by a masked model: exp of the mean over the sentence's tokens of log P(token | context and all
/// other tokens), one hidden at a time. Not the published rule, which needs a next-sentence head.
std::vector<double> follow_pseudo_scores(TokenModel& model, const TextCoder& coder,
                                         std::span<const StereoSentence> sentences,
                                         const AskOptions& options = {});

/// The same by a next-sentence head: probability of its class 0, "follows". `model` gives intent_logits
/// [B,2] of packed pairs. The published rule for BERT.
std::vector<double> next_sentence_scores(nn::Model& model, const TextCoder& coder,
                                         std::span<const StereoSentence> sentences, std::int64_t longest,
                                         std::int64_t batch_tokens = 4096);

}  // namespace discreet::fairness
