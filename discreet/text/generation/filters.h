#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "discreet/core/random.h"

namespace discreet::text {

/// Filters on the logits of one next token, in place. Shapes: logits [V], or log probabilities, which
/// differ by a constant; a token that is ruled out gets -infinity. `ids` are the tokens so far, prompt
/// included. Each is what Hugging Face's generate means by the option of that name (transformers 5);
/// search.h applies them in its order, which is that of this page.

/// Of each token that stands in `ids`: a positive logit is divided by `penalty`, a negative one
/// multiplied, once however often it stands there. Ref: Keskar et al. 2019, CTRL.
void penalise_repetition(std::span<float> logits, std::span<const std::int64_t> ids, double penalty);

/// Rules out what would repeat a run of `size` tokens that stands in `ids` already. Ref: Paulus et al. 2018.
void forbid_repeated_ngrams(std::span<float> logits, std::span<const std::int64_t> ids, std::int64_t size);

/// Rules out the last token of each of `words` whose other tokens are the end of `ids`.
/// Throws: kUsage on a token outside of the vocabulary, or a word without tokens.
void forbid_words(std::span<float> logits, std::span<const std::int64_t> ids,
                  std::span<const std::vector<std::int64_t>> words);

/// Rules out the tokens of `forbidden`. Throws: kUsage on a token outside of the vocabulary.
void forbid_tokens(std::span<float> logits, std::span<const std::int64_t> forbidden);

/// Rules out everything but `allowed`, whose logits become 0. Throws: kUsage as above.
void force_tokens(std::span<float> logits, std::span<const std::int64_t> allowed);

/// Divides by `temperature`, which must be above 0.
void scale_by_temperature(std::span<float> logits, double temperature);

/// Keeps the `k` most likely tokens, and what is as likely as the last of them. Ref: Fan et al. 2018.
void keep_top_k(std::span<float> logits, std::int64_t k);

/// Keeps the fewest most likely tokens whose probabilities reach `p` together, at least `keep` of them.
/// Cost: sorts as many tokens as it keeps, about. Ref: Holtzman et al. 2020, nucleus sampling.
void keep_top_p(std::span<float> logits, double p, std::int64_t keep = 1);

/// Keeps tokens with at least `share` of the most likely one's probability, and the `keep` most likely.
/// Ref: Nguyen et al. 2024.
void keep_min_p(std::span<float> logits, double share, std::int64_t keep = 1);

/// Keeps the tokens whose surprise is nearest to the entropy, until their probabilities reach `mass`.
/// Ref: Meister et al. 2023, locally typical sampling.
void keep_typical(std::span<float> logits, double mass, std::int64_t keep = 1);

/// log sum exp of a row, in double.
double log_sum_exp(std::span<const float> logits);

/// The most likely token; of equals the first. `logits` must not be empty.
std::int64_t most_likely(std::span<const float> logits);

/// Draws a token with the probabilities that are the softmax of `logits`; one uniform number of `rng`.
/// Throws: kBadData if nothing is left to draw from, or a logit is NaN.
std::int64_t draw_token(std::span<const float> logits, core::ReproducibleRng& rng);

}  // namespace discreet::text
