#pragma once

#include <optional>
#include <string>

#include "discreet/core/json.h"
#include "discreet/core/operation.h"
#include "discreet/federated/selection.h"
#include "discreet/text/reader.h"

namespace discreet::app {

/// What `federated selection` asks: each strategy on devices of given sizes, before anything is trained.
struct SelectionQuestion {
  std::string input;  ///< Data whose users are the devices; empty: sizes by Zipf's law.
  std::string format;
  text::ReaderOptions reader;
  std::int64_t clients = 100;
  std::int64_t examples = 10000;
  double zipf = 1.2;
  federated::SelectionOptions options;
  std::int64_t values = 100000;  ///< Numbers of the model, for bytes.
  std::int64_t rounds = 100;
  double noise_multiplier = 1, delta = 1e-5;
  std::int64_t seed = 1;
};

/// For every strategy: the chances of devices to be in a round and how well they are known, what a round
/// costs beyond training, and what an accountant may use (discreet.federated.selection/1).
Json explain_selection(const SelectionQuestion& question, core::OperationContext& context);

}  // namespace discreet::app
