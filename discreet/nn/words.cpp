#include "discreet/nn/words.h"

#include "discreet/core/error.h"
#include "discreet/nn/layers/pool.h"
#include "discreet/nn/soft_inputs.h"

namespace discreet::nn {

WordInput::WordInput(torch::nn::Module& owner, const EncoderInputs& in, bool characters) {
  const ModelSpec& spec = in.spec;
  embedding_ = owner.register_module(
      "embedding", Embedding(EmbeddingOptions{in.sizes.vocabulary, spec.embedding, in.vectors,
                                              spec.freeze_vectors},
                             in.rng));
  if (!characters && spec.char_embedding == 0) return;
  if (in.sizes.characters <= 0) {
    throw usage_error("model.kind '" + spec.kind + "' reads characters, but the data have none");
  }
  characters_ = owner.register_module(
      "characters",
      CharacterCnn(
          CharacterCnnOptions{.characters = in.sizes.characters,
                              .embedding = spec.char_embedding > 0 ? spec.char_embedding : 30,
                              .filters = spec.char_filters,
                              .width = spec.char_width},
          in.rng));
}

at::Tensor WordInput::rows(const PackedBatch& batch, const DropoutKey& key) {
  const auto look_up = [this](const at::Tensor& ids, const Rows& rows) { return embedding_->forward(ids, rows); };
  at::Tensor x = mix_tokens(look_up(batch.tokens, batch.token_segments), look_up);
  if (characters_) x = at::cat({x, characters_->forward(batch)}, 1);
  return word_dropout(x, batch, key, kDropoutWords);
}

at::Tensor WordInput::mean(const PackedBatch& batch) {
  if (SoftInputScope::active()) return pool(rows(batch, {}), batch, Pooling::kMean);
  const at::Tensor words = embedding_->mean(batch);
  if (!characters_) return words;
  return at::cat({words, pool(characters_->forward(batch), batch, Pooling::kMean)}, 1);
}

}  // namespace discreet::nn
