#pragma once

#include <functional>
#include <vector>

#include "discreet/nn/batch.h"
#include "discreet/nn/torch.h"

namespace discreet::nn {

/// Tokens of a batch that are mixtures of words instead of one word each.
///
/// Shapes: U tokens, k candidates. `rows` int64 [U], each once; `weights` [U,k], a row per token, may require a
/// gradient; `ids` int64 [k] in the table of vectors; `characters` the ids of each candidate's characters, [k] or
/// empty where the model reads none.
///
/// The token's vector is the mean of the candidates' vectors by its weights. Of characters: where all
/// candidates have as many as the token that stands in the batch, the characters' vectors are mixed likewise, place
/// by place, before the convolution; else what the convolution says of each candidate is mixed.
struct SoftWords {
  at::Tensor rows;
  at::Tensor weights;
  at::Tensor ids;
  std::vector<std::vector<std::int64_t>> characters;
};

/// Makes tokens of the next forward passes of this thread mixtures, for the scope's life. Every encoder here looks
/// at it where it looks words up; what it changes is the input alone. Not for training: a recorder would be told of
/// look-ups that stand for the candidates.
class SoftInputScope {
 public:
  explicit SoftInputScope(const std::vector<SoftWords>& words);
  ~SoftInputScope();
  SoftInputScope(const SoftInputScope&) = delete;
  SoftInputScope& operator=(const SoftInputScope&) = delete;

  /// Whether one lives on this thread.
  static bool active();

 private:
  const std::vector<SoftWords>* previous_;
};

/// Rows of ids [k], as the encoder would look them up: its table, scaled as it scales.
using LookUp = std::function<at::Tensor(const at::Tensor& ids, const Rows& rows)>;

/// The rows of a batch's tokens [N,d] with those of the soft tokens mixed; `rows` itself without a scope.
at::Tensor mix_tokens(const at::Tensor& rows, const LookUp& look_up);

/// The same of the characters' rows [C,d], where candidates are as long as what they stand for;
/// `character_offsets` [N+1].
at::Tensor mix_characters(const at::Tensor& rows, const std::vector<std::int64_t>& character_offsets,
                          const LookUp& look_up);

/// The same of what characters say of each word [N,f], where they are not: `read` gives that of the candidates,
/// from their characters' rows.
using ReadWords = std::function<at::Tensor(const at::Tensor& ids, const Sequences& words)>;
at::Tensor mix_words(const at::Tensor& rows, const std::vector<std::int64_t>& character_offsets,
                     const ReadWords& read);

}  // namespace discreet::nn
