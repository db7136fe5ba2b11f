#pragma once

#include <memory>
#include <string>
#include <vector>

#include "discreet/app/ops/internal/bench_shapes.h"
#include "discreet/nn/step.h"

namespace discreet::app {

/// One way of training a shape, ready to step; with its own model, so that several can take turns.
struct BenchRun {
  std::shared_ptr<nn::Model> model;
  std::shared_ptr<nn::Step> step;
  nn::LogicalBatch batch;  ///< The whole batch of the shape, in memory.
};

/// The ways that are known, "ordinary" first, since the others are compared with it:
///
/// | mode | step |
/// |---|---|
/// | ordinary | mean gradient, no privacy |
/// | private | DP-SGD: clipping segments are examples, one backward pass |
/// | private-plain-noise | the same without protection of the noise's floating-point values |
/// | edp-sgd | clipping segments are 16 slots, clipped by layer |
/// | loop | the same, one example at a time: what DP-SGD is in its original form |
const std::vector<std::string>& bench_modes();

/// SGD, clip norm 1, noise multiplier 1 from the secure generator. `threads`: for the noise.
/// Model and batch are on `device`.
/// Throws: kUsage for an unknown mode, naming the known ones.
BenchRun make_bench_run(const BenchShape& shape, const std::string& mode, int threads,
                        at::Device device = at::kCPU);

}  // namespace discreet::app
