#pragma once

#include "discreet/nn/encoder.h"

namespace discreet::nn {

enum class Cell { kLstm, kGru };

/// Words through recurrent layers, one direction or two: the encoder of several kinds.
/// `characters`: the kind reads them, whether the specification asks or not.
std::shared_ptr<Encoder> make_recurrent_encoder(const EncoderInputs& inputs, Cell cell,
                                                bool bidirectional, bool characters = false);

}  // namespace discreet::nn
