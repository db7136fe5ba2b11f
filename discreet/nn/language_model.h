#pragma once

#include "discreet/nn/encoder.h"

namespace discreet::nn {

/// A model of the next token over a causal encoder: `batch.tags` [N] are the tokens that come next, -1
/// where none is scored. The output layer is the encoder's own table where it ties one, else linear.
///
/// forward: loss [B], each example's mean over its own scored tokens; without tags `emissions` [N,V]
/// instead, the logits; while an AttentionCache is current only each example's last row, [B,V]. With tags these are not given out: their memory becomes their gradient.
/// Throws: kUsage if the kind is not causal.
std::shared_ptr<Model> make_language_model(const ModelKind& kind, const EncoderInputs& inputs);

}  // namespace discreet::nn
