#include "discreet/app/ops/internal/bench_modes.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discreet/core/error.h"
#include "discreet/dp/layers.h"
#include "discreet/dp/mechanism.h"
#include "discreet/dp/private_step.h"
#include "discreet/nn/ordinary_step.h"

namespace discreet::app {
namespace {

constexpr std::int64_t kBenchSlots = 16;

dp::PrivacyOptions bench_privacy(std::size_t examples, int threads) {
  return {.units = examples,
          .expected_batch_size = static_cast<double>(examples) / 2,
          .steps = 1000,
          .clip_norm = 1,
          .noise_multiplier = 1.0,
          .threads = threads};
}

/// Slots of equal size in the order of the examples. Training draws them; the cost is the same.
std::vector<std::int64_t> bench_slots(std::int64_t examples) {
  const std::int64_t count = std::min(kBenchSlots, examples);
  std::vector<std::int64_t> offsets;
  for (std::int64_t s = 0; s <= count; ++s) offsets.push_back(s * examples / count);
  return offsets;
}

}  // namespace

const std::vector<std::string>& bench_modes() {
  static const std::vector<std::string> modes = {"ordinary", "private", "private-plain-noise", "edp-sgd",
                                                  "loop"};
  return modes;
}

BenchRun make_bench_run(const BenchShape& shape, const std::string& mode, int threads, at::Device device) {
  const auto& known = bench_modes();
  if (std::find(known.begin(), known.end(), mode) == known.end()) {
    throw usage_error("no benchmark mode is called '" + mode + "'",
                      fmt::format("Known: {}", fmt::join(known, ", ")));
  }
  BenchRun run;
  run.model = bench_model(shape);
  run.model->move_to(device);
  const auto data = std::make_shared<nn::EncodedExamples>(bench_examples(shape));
  const std::int64_t examples = data->size();
  run.batch.indices.resize(static_cast<std::size_t>(examples));
  run.batch.segment_offsets.resize(static_cast<std::size_t>(examples) + 1);
  std::iota(run.batch.indices.begin(), run.batch.indices.end(), 0);
  std::iota(run.batch.segment_offsets.begin(), run.batch.segment_offsets.end(), 0);
  if (mode == "edp-sgd") run.batch.segment_offsets = bench_slots(examples);
  // The whole batch is packed once, as a loader that works ahead would have it; parts are cut out.
  const auto packed = std::make_shared<nn::PackedBatch>(
      nn::to_device(nn::collate(*data, run.batch.indices, run.batch.segment_offsets), device));
  const auto collate = [data, packed, examples](std::span<const std::int64_t> indices,
                                                std::span<const std::int64_t> offsets) {
    const bool whole = static_cast<std::int64_t>(indices.size()) == examples;
    return whole ? *packed : nn::collate(*data, indices, offsets);
  };
  run.batch.collate = collate;
  if (mode == "ordinary") {
    run.step = std::make_shared<nn::OrdinaryStep>(
        *run.model, collate,
        nn::OrdinaryStepOptions{.examples = examples, .batch_size = examples, .lengths = shape.lengths});
    return run;
  }
  dp::PrivacyOptions options = bench_privacy(shape.lengths.size(), threads);
  if (mode == "private-plain-noise") options.noise_protection = privacy::NoiseProtection::kNone;
  if (mode == "edp-sgd") {
    options.mechanism = mode;
    options.slots = static_cast<std::int64_t>(run.batch.segment_offsets.size()) - 1;
    options.clipping.rule = "per-layer";
    const std::int64_t first[] = {0}, offsets[] = {0, 1};
    options.layers = dp::find_layers(*run.model, nn::trainable_parameters(*run.model), nn::collate(*data, first, offsets));
  }
  const std::int64_t part_tokens = mode == "loop" ? 1 : nn::kPhysicalTokens;
  run.step = std::make_shared<dp::PrivateStep>(
      *run.model, dp::make_plan(std::move(options)), dp::PrivateStep::Data{shape.lengths, {}, collate},
      dp::PrivateStepOptions{.part_tokens = part_tokens}, nullptr);
  return run;
}

}  // namespace discreet::app
