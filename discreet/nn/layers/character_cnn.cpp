#include "discreet/nn/layers/character_cnn.h"

#include "discreet/core/error.h"
#include "discreet/nn/layers/activation.h"
#include "discreet/nn/layers/pool.h"

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
  const at::Tensor x = table_->forward(batch.characters, words.segments);
  // The greatest of rectified values is the rectified greatest: one value a word, not a character.
  return activate(pool(conv_->forward(x, words), words.offsets, Pooling::kMax), Activation::kRelu);
}

}  // namespace discreet::nn
