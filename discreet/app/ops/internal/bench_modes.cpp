#include "discreet/app/ops/internal/bench_modes.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discreet/core/error.h"
#include "discreet/dp/private_step.h"
#include "discreet/nn/ordinary_step.h"

namespace discreet::app {
namespace {

/// A step over the examples of `data`, all of which the caller's batch holds.
std::shared_ptr<nn::Step> private_step(nn::Model& model, dp::PrivateStep::Data data, int threads,
                                       std::int64_t part_tokens) {
  const std::size_t examples = data.lengths.size();
  auto plan = std::make_unique<dp::PrivatePlan>(
      dp::PrivacyOptions{.units = examples,
                         .expected_batch_size = static_cast<double>(examples) / 2,
                         .steps = 1000,
                         .clip_norm = 1,
                         .noise_multiplier = 1.0,
                         .threads = threads});
  return std::make_shared<dp::PrivateStep>(model, std::move(plan), std::move(data),
                                           dp::PrivateStepOptions{.part_tokens = part_tokens},
                                           nullptr);
}

}  // namespace

const std::vector<std::string>& bench_modes() {
  static const std::vector<std::string> modes = {"ordinary", "private", "loop"};
  return modes;
}

BenchRun make_bench_run(const BenchShape& shape, const std::string& mode, int threads) {
  const auto& known = bench_modes();
  if (std::find(known.begin(), known.end(), mode) == known.end()) {
    throw usage_error("no benchmark mode is called '" + mode + "'",
                      fmt::format("Known: {}", fmt::join(known, ", ")));
  }
  BenchRun run;
  run.model = bench_model(shape);
  const auto data = std::make_shared<nn::EncodedExamples>(bench_examples(shape));
  const std::int64_t examples = data->size();
  run.batch.indices.resize(static_cast<std::size_t>(examples));
  run.batch.segment_offsets.resize(static_cast<std::size_t>(examples) + 1);
  std::iota(run.batch.indices.begin(), run.batch.indices.end(), 0);
  std::iota(run.batch.segment_offsets.begin(), run.batch.segment_offsets.end(), 0);
  // The whole batch is packed once, as a loader that works ahead would have it; parts are cut out.
  const auto packed = std::make_shared<nn::PackedBatch>(nn::collate(*data, run.batch.indices));
  const auto collate = [data, packed, examples](std::span<const std::int64_t> indices,
                                                std::span<const std::int64_t> offsets) {
    const bool whole = static_cast<std::int64_t>(indices.size()) == examples;
    return whole ? *packed : nn::collate(*data, indices, offsets);
  };
  run.batch.collate = collate;
  if (mode == "ordinary") {
    run.step = std::make_shared<nn::OrdinaryStep>(
        *run.model, collate, nn::OrdinaryStepOptions{.examples = examples, .batch_size = examples});
  } else {
    const std::int64_t part_tokens = mode == "loop" ? 1 : std::int64_t{1} << 20;
    run.step = private_step(*run.model, {shape.lengths, {}, collate}, threads, part_tokens);
  }
  return run;
}

}  // namespace discreet::app
