#pragma once

#include "discreet/nn/encoder.h"

namespace discreet::nn {

/// Word vectors through layers of LSTM, one direction or two: the encoder of several kinds.
std::shared_ptr<Encoder> make_recurrent_encoder(const EncoderInputs& inputs, bool bidirectional);

}  // namespace discreet::nn
