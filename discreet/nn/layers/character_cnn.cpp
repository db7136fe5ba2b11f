#include "discreet/nn/layers/character_cnn.h"

#include "discreet/core/error.h"
#include "discreet/nn/layers/activation.h"
#include "discreet/nn/layers/pool.h"
#include "discreet/nn/soft_inputs.h"

namespace discreet::nn {

CharacterCnnImpl::CharacterCnnImpl(const CharacterCnnOptions& options, core::ReproducibleRng& rng) {
  table_ = register_module("table", Embedding(EmbeddingOptions{.entries = options.characters,
                                                               .width = options.embedding,
                                                               .deviation = 0.1},
                                              rng));
  conv_ = register_module("conv", Conv1d(Conv1dOptions{.in = options.embedding,
                                                       .out = options.filters,
                                                       .windowing = Windowing::same(options.width)},
                                         rng));
}

at::Tensor CharacterCnnImpl::forward(const PackedBatch& batch) {
  if (!batch.characters.defined()) {
    throw internal_error("a model that reads characters got a batch without them");
  }
  const Sequences words = batch.character_sequences();
  const auto look_up = [this](const at::Tensor& ids, const Rows& rows) { return table_->forward(ids, rows); };
  const at::Tensor x = mix_characters(look_up(batch.characters, words.segments), words.offsets, look_up);
  return mix_words(read(x, words), words.offsets, [&](const at::Tensor& ids, const Sequences& candidates) {
    return read(look_up(ids, candidates.segments), candidates);
  });
}

at::Tensor CharacterCnnImpl::read(const at::Tensor& characters, const Sequences& words) {
  // The greatest of rectified values is the rectified greatest: one value a word, not a character.
  return activate(pool(conv_->forward(characters, words), words.offsets, Pooling::kMax), Activation::kRelu);
}

}  // namespace discreet::nn
