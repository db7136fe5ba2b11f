#include "discreet/nn/recurrent.h"

#include "discreet/nn/layered_encoder.h"
#include "discreet/nn/layers/gru.h"
#include "discreet/nn/layers/lstm.h"

namespace discreet::nn {
namespace {

/// `Layer` is Lstm or Gru, `Options` what it is made from.
template <class Layer, class Options>
class RecurrentEncoder final : public LayeredEncoder<Layer> {
 public:
  RecurrentEncoder(const EncoderInputs& in, bool bidirectional, bool characters)
      : LayeredEncoder<Layer>(in, "mean", characters) {
    const std::int64_t hidden = in.spec.hidden.empty() ? 128 : in.spec.hidden.front();
    for (std::int64_t i = 0; i < in.spec.layers; ++i) {
      this->add_layer(Layer(Options{this->token_width(), hidden, bidirectional}, in.rng));
    }
  }
};

}  // namespace

std::shared_ptr<Encoder> make_recurrent_encoder(const EncoderInputs& inputs, Cell cell,
                                                bool bidirectional, bool characters) {
  if (cell == Cell::kGru) {
    return std::make_shared<RecurrentEncoder<Gru, GruOptions>>(inputs, bidirectional, characters);
  }
  return std::make_shared<RecurrentEncoder<Lstm, LstmOptions>>(inputs, bidirectional, characters);
}

}  // namespace discreet::nn
