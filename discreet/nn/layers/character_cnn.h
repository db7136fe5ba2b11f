#pragma once

#include "discreet/nn/layers/conv1d.h"
#include "discreet/nn/layers/embedding.h"

namespace discreet::nn {

struct CharacterCnnOptions {
  std::int64_t characters;      ///< entries of the table
  std::int64_t embedding = 30;  ///< width of a character's vector
  std::int64_t filters = 30;    ///< width of what a word gets
  std::int64_t width = 3;       ///< characters that a filter sees at once
};

/// A word's row from its characters: their vectors, a convolution along the word, the greatest
/// value of each filter, rectified. Uses "embedding" and "conv1d"; the characters of all of an
/// example's words are rows of that example.
///
/// Ref: dos Santos and Zadrozny 2014; Ma and Hovy 2016, section 2.1.
class CharacterCnnImpl : public torch::nn::Module {
 public:
  CharacterCnnImpl(const CharacterCnnOptions& options, core::ReproducibleRng& rng);
  /// Returns [N, filters]. Throws: kInternal if the batch has no characters.
  at::Tensor forward(const PackedBatch& batch);
  std::int64_t width() const { return conv_->options().out; }

 private:
  /// Rows of characters [C,d] to rows of words.
  at::Tensor read(const at::Tensor& characters, const Sequences& words);

  Embedding table_{nullptr};
  Conv1d conv_{nullptr};
};
TORCH_MODULE(CharacterCnn);

}  // namespace discreet::nn
