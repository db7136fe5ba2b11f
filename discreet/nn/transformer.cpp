#include "discreet/nn/transformer.h"

#include "discreet/core/error.h"
#include "discreet/nn/layers/attention_cache.h"
#include "discreet/nn/soft_inputs.h"

namespace discreet::nn {
namespace {

bool is_rotary(const std::string& positions) {
  if (positions.empty() || positions == "learned") return false;
  if (positions == "rotary") return true;
  throw usage_error("unknown positions '" + positions + "'", "Choose learned or rotary.");
}

TransformerBlockOptions block_options(const ModelSpec& spec, std::int64_t width, bool causal) {
  return {.width = width,
          .heads = spec.heads,
          .kv_heads = spec.kv_heads,
          .feed_forward = spec.feed_forward > 0 ? spec.feed_forward : 4 * width,
          .pre_norm = spec.pre_norm,
          .activation = parse_activation(spec.activation.empty() ? "gelu" : spec.activation),
          .norm = parse_norm(spec.norm),
          .causal = causal,
          .rotary = is_rotary(spec.positions)};
}

}  // namespace

TransformerEncoder::TransformerEncoder(const EncoderInputs& in, bool causal)
    : pooling_(parse_pooling(in.spec.pooling.empty() ? "mean" : in.spec.pooling)),
      pre_norm_(in.spec.pre_norm),
      pools_(in.wants_pooled()),
      tags_(in.wants_tokens()),
      skip_(in.spec.skip),
      longest_(in.spec.longest) {
  const ModelSpec& spec = in.spec;
  make_table(in, in.sizes.next_token && spec.tied);
  width_ = spec.hidden.empty() ? words_width_ : spec.hidden.front();
  const TransformerBlockOptions options = block_options(spec, width_, causal);
  if (words_width_ != width_) {
    widen_ = register_module("widen", Linear(LinearOptions{words_width_, width_}, in.rng));
  }
  if (!options.rotary) {
    positions_ = register_module(
        "positions", Embedding(EmbeddingOptions{longest_, width_, {}, false, 0.02}, in.rng));
  }
  for (std::int64_t i = 0; i < spec.layers; ++i) {
    blocks_.push_back(register_module("block" + std::to_string(i),
                                      std::make_shared<TransformerBlock>(options, in.rng)));
  }
  if (spec.mix_layers) mix_ = register_module("mix", ScalarMix(spec.layers + 1));
  final_norm_ = register_module("final_norm", Norm(width_, options.norm));
}

void TransformerEncoder::make_table(const EncoderInputs& in, bool tied) {
  const ModelSpec& spec = in.spec;
  if (!tied) {
    // A table that only ever feeds a stack of blocks has their width, unless vectors decide it.
    const bool own_width = in.sizes.next_token && !spec.hidden.empty() && !in.vectors.defined();
    embedding_ = register_module(
        "embedding",
        Embedding(EmbeddingOptions{in.sizes.vocabulary, own_width ? spec.hidden.front() : spec.embedding,
                                   in.vectors, spec.freeze_vectors},
                  in.rng));
    words_width_ = embedding_->width();
    return;
  }
  const std::int64_t width = spec.hidden.empty() ? spec.embedding : spec.hidden.front();
  if (in.vectors.defined() && in.vectors.size(1) != width && !spec.hidden.empty()) {
    throw usage_error("a tied output layer needs word vectors of the model's width " +
                          std::to_string(width) + ", got " + std::to_string(in.vectors.size(1)),
                      "Set model.tied = false, or model.hidden to the vectors' width.");
  }
  tied_ = register_module("embedding", TiedEmbedding(TiedEmbeddingOptions{.entries = in.sizes.vocabulary,
                                                                          .width = width,
                                                                          .bias = true,
                                                                          .vectors = in.vectors},
                                                     in.rng));
  if (spec.freeze_vectors) tied_->weight.set_requires_grad(false);
  words_width_ = tied_->width();
}

Encoded TransformerEncoder::forward(const PackedBatch& batch, const DropoutKey& dropout_key,
                                    const DropoutKey& word_key) {
  const Rows& rows = batch.token_segments;
  const auto look_up = [this](const at::Tensor& ids, const Rows& of) {
    return tied_ ? tied_->forward(ids, of) : embedding_->forward(ids, of);
  };
  at::Tensor x = mix_tokens(look_up(batch.tokens, rows), look_up);
  x = word_dropout(x, batch, word_key, kDropoutWords);
  Encoded out;
  if (skip_) out.words = x;
  if (widen_) x = widen_->forward(x, rows);
  const at::Tensor places = position_ids(batch);  // refuses what is too long
  if (positions_) x = x + positions_->forward(places, rows);
  // A post-norm transformer normalises its input, a pre-norm one its output.
  if (!pre_norm_) x = final_norm_->forward(x, rows);
  x = dropout(x, batch, dropout_key, kDropoutVectors);
  std::vector<at::Tensor> layers{x};
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    x = blocks_[i]->forward(x, batch, dropout_key, static_cast<std::uint32_t>(kDropoutHidden + 2 * i));
    if (mix_) layers.push_back(x);
  }
  if (mix_) x = mix_->forward(layers, rows);
  if (pre_norm_) x = final_norm_->forward(x, rows);
  if (tags_) out.tokens = x;
  if (pools_) out.pooled = pool(x, batch, pooling_);
  return out;
}

at::Tensor TransformerEncoder::position_ids(const PackedBatch& batch) const {
  at::Tensor ids = at::empty({batch.token_count()}, at::kLong);
  auto* to = ids.data_ptr<std::int64_t>();
  for (std::int64_t e = 0; e < batch.examples(); ++e) {
    const std::int64_t first = tokens_before(e);
    const std::int64_t length = first + batch.offsets[e + 1] - batch.offsets[e];
    if (length > longest_) {
      throw bad_data("an example has " + std::to_string(length) + " tokens, the model at most " +
                         std::to_string(longest_),
                     "Shorten the example, raise model.longest, or cut a text by data.block.");
    }
    for (std::int64_t i = first; i < length; ++i) *to++ = i;
  }
  return ids.to(batch.tokens.device());
}

}  // namespace discreet::nn
