#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "discreet/core/json.h"
#include "discreet/nn/model.h"

namespace discreet::app {

/// A model and a batch whose training step is timed.
struct BenchShape {
  std::string name;
  nn::ModelSpec spec;
  std::int64_t vocabulary = 0;
  std::int64_t classes = 20;
  bool next_token = false;  ///< A language model: every token's target is a word.
  std::vector<std::int64_t> lengths;  ///< Tokens of each example.
  std::int64_t tags = 0;              ///< Of each token; 0: the model tags nothing.
  bool characters = false;            ///< Each token has 2 to 10 letters.
};

/// The shapes of docs/performance.md. `data`: a folder with snips/, for the lengths of real
/// utterances; empty, or without it: lengths of the built-in corpus.
std::vector<BenchShape> bench_shapes(const std::string& data);

/// The shape with another number of examples: its lengths over and over.
BenchShape with_examples(BenchShape shape, std::int64_t examples);

/// A model of the shape with drawn weights, and its examples; the same on every machine.
std::shared_ptr<nn::Model> bench_model(const BenchShape& shape);
nn::EncodedExamples bench_examples(const BenchShape& shape);

/// What bench/peers needs to build the same with other tools.
Json describe(const BenchShape& shape);

}  // namespace discreet::app
