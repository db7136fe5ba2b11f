#pragma once

#include <memory>

#include "discreet/app/run_data.h"
#include "discreet/nn/model.h"

namespace discreet::app {

struct Encoder;

/// As make_run_model (session.h) does it, with a copy of vectors that `start_vectors` gave: for many models of one
/// configuration.
std::shared_ptr<nn::Model> make_run_model(const Settings& settings, const Encoder& encoder, const at::Tensor& vectors);

}  // namespace discreet::app
