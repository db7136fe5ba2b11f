#pragma once

#include <memory>

#include "discreet/nn/model.h"

namespace discreet::nn {

/// What an encoder makes of a batch.
struct Encoded {
  at::Tensor tokens;  ///< [N, token_width()]; undefined unless a tagger asked for it
  at::Tensor pooled;  ///< [B, pooled_width()]; undefined unless a pooled row was asked for
  at::Tensor words;   ///< [N, word_width()] bare vectors; undefined unless `skip` asked for them
};

/// From token ids to what the heads read. One kind of model is one encoder in nn/model/<kind>.cpp;
/// embedding, heads and losses are shared (nn/model.cpp).
class Encoder : public torch::nn::Module {
 public:
  virtual Encoded forward(const PackedBatch& batch, const DropoutKey& dropout,
                          const DropoutKey& word_dropout) = 0;
  virtual std::int64_t token_width() const = 0;
  virtual std::int64_t pooled_width() const = 0;
  /// 0: the token rows are the bare vectors, there is nothing to skip to.
  virtual std::int64_t word_width() const { return 0; }
  /// Of a causal kind: whether this very encoder is causal too (a pretrained folder decides).
  virtual bool is_causal() const { return true; }
  /// Whether the table of its vectors is a language model's output layer too.
  virtual bool ties_output() const { return false; }
  /// That layer: rows [N, token_width()] to logits [N,V]; for encoders that tie it alone.
  virtual at::Tensor output_logits(const at::Tensor&, const Rows&) { return {}; }
};

/// What an encoder is made from. `wants_tokens` and `wants_pooled` say what it will be asked for.
struct EncoderInputs {
  const ModelSpec& spec;
  const ModelSizes& sizes;
  const at::Tensor& vectors;
  core::ReproducibleRng& rng;

  bool wants_tokens() const { return sizes.tags > 0 || sizes.next_token; }
  bool wants_pooled() const { return sizes.intents > 0 || (sizes.tags > 0 && spec.tag_sentence); }
};

/// The function of a registry entry of kind "model".
struct ModelKind {
  std::shared_ptr<Encoder> (*make_encoder)(const EncoderInputs&);
  bool random_field = false;  ///< tags by a CRF instead of one softmax per token
  bool causal = false;        ///< a token's row depends on no later token
};

/// Numbers that tell apart the dropouts of one model; stable, since masks depend on them.
enum DropoutLayer : std::uint32_t {
  kDropoutWords = 0,
  kDropoutVectors = 1,
  kDropoutPooled = 2,
  kDropoutTokens = 3,
  kDropoutHidden = 16,  ///< + number of the hidden layer
};

}  // namespace discreet::nn
