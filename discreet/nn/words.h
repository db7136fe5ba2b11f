#pragma once

#include "discreet/nn/encoder.h"
#include "discreet/nn/layers/character_cnn.h"
#include "discreet/nn/layers/embedding.h"

namespace discreet::nn {

/// What an encoder knows of each word: its vector and, where the model reads characters, what they
/// say beside it.
class WordInput {
 public:
  /// Puts the layers into `owner`, as "embedding" and "characters". `characters`: the kind always
  /// reads them; else spec.char_embedding > 0 asks for them.
  /// Throws: kUsage if characters are asked for, but the data have none.
  WordInput(torch::nn::Module& owner, const EncoderInputs& in, bool characters = false);

  std::int64_t width() const { return embedding_->width() + character_width(); }
  std::int64_t character_width() const { return characters_ ? characters_->width() : 0; }

  /// [N, width()], whole words hidden by `word_dropout`.
  at::Tensor rows(const PackedBatch& batch, const DropoutKey& word_dropout);
  /// The mean of each example's rows, [B, width()]; makes no row per token of the word vectors.
  at::Tensor mean(const PackedBatch& batch);

 private:
  Embedding embedding_{nullptr};
  CharacterCnn characters_{nullptr};
};

}  // namespace discreet::nn
