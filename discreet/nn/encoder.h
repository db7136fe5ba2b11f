#pragma once

#include <memory>

#include "discreet/nn/model.h"

namespace discreet::nn {

/// What an encoder makes of a batch.
struct Encoded {
  at::Tensor tokens;  ///< [N, token_width()]; undefined unless a tagger asked for it
  at::Tensor pooled;  ///< [B, pooled_width()]; undefined unless a classifier asked for it
};

/// From token ids to what the heads read. One kind of model is one encoder in nn/model/<kind>.cpp;
/// embedding, heads and losses are shared (nn/model.cpp).
class Encoder : public torch::nn::Module {
 public:
  virtual Encoded forward(const PackedBatch& batch, const DropoutKey& dropout,
                          const DropoutKey& word_dropout) = 0;
  virtual std::int64_t token_width() const = 0;
  virtual std::int64_t pooled_width() const = 0;
};

/// What an encoder is made from. `sizes.tags` and `sizes.intents` say what it will be asked for.
struct EncoderInputs {
  const ModelSpec& spec;
  const ModelSizes& sizes;
  const at::Tensor& vectors;
  core::ReproducibleRng& rng;
};

/// The function of a registry entry of kind "model".
struct ModelKind {
  std::shared_ptr<Encoder> (*make_encoder)(const EncoderInputs&);
  bool random_field = false;  ///< tags by a CRF instead of one softmax per token
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
