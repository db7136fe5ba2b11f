#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "discreet/dp/clipper.h"
#include "discreet/dp/plan.h"
#include "small_model.h"
#include "tests/nn/places.h"
#include "toy_layers.h"

// A model's clipped sum against the loop over batches of one.
namespace discreet::dp::testing {

/// A plan without noise and with divisor 1, so that what it releases is the clipped sum itself.
inline PrivatePlan bare_plan(double clip_norm) {
  return PrivatePlan({.units = 4,
                      .expected_batch_size = 1,
                      .steps = 1,
                      .clip_norm = clip_norm,
                      .noise_multiplier = 0.0,
                      .insecure_seed = 1});
}

/// The clipped sum, parameters side by side in double.
inline at::Tensor clipped_sum(SegmentClipper& clipper, double clip_norm) {
  PrivatePlan plan = bare_plan(clip_norm);
  return released_of(plan, clipper);
}

/// One physical part: a recorded backward pass over the examples at `indices`.
inline void clip_part(SegmentClipper& clipper, nn::Model& model, const nn::EncodedExamples& data,
                      const std::vector<std::int64_t>& indices,
                      const std::vector<std::int64_t>& segment_offsets) {
  const nn::PackedBatch batch = nn::collate(data, indices, segment_offsets);
  clipper.begin(static_cast<std::int64_t>(segment_offsets.size()) - 1);
  {
    nn::RecordingScope scope(clipper);
    model.forward(batch).loss.sum().backward();
  }
  clipper.finish();
}

/// How the examples of a data set, in their order, fall into segments and these into physical parts.
struct Division {
  std::vector<std::int64_t> segment_offsets;  ///< [S+1]
  std::vector<std::size_t> parts;             ///< ends, in segments
};

/// Expects norms and clipped sum of each segment as the loop over batches of one gives them, at a clip
/// norm that clips some segments, not all; wherever it can be computed here. Returns the norms [S].
inline std::vector<double> expect_the_loop(nn::Model& model, const nn::EncodedExamples& data,
                                           const Division& division, double tolerance,
                                           const RuleOptions& options = {}) {
  const auto& offsets = division.segment_offsets;
  const std::size_t segments = offsets.size() - 1;
  std::vector<double> norms;
  std::vector<at::Tensor> gradients;
  for (std::size_t s = 0; s < segments; ++s) {
    std::vector<std::int64_t> members;
    for (auto i = offsets[s]; i < offsets[s + 1]; ++i) members.push_back(i);
    gradients.push_back(plain_gradient(model, data, members));
    norms.push_back(gradients.back().defined() ? gradients.back().norm().item<double>() : 0);
  }
  std::vector<double> sorted = norms;
  std::sort(sorted.begin(), sorted.end());
  const double clip_norm = 0.9 * sorted[segments / 2] + 1e-3;

  nn::test::for_places([&](const nn::test::Place& place) {
    SCOPED_TRACE(place.name);
    model.move_to(place.device);
    SegmentClipper clipper(trainable_of(model), privacy::ClipNorm(clip_norm), options);
    at::Tensor expected;
    std::size_t first = 0;
    for (const std::size_t last : division.parts) {
      const auto begin = offsets[first];
      std::vector<std::int64_t> indices, part_offsets;
      for (auto i = begin; i < offsets[last]; ++i) indices.push_back(i);
      for (std::size_t s = first; s <= last; ++s) part_offsets.push_back(offsets[s] - begin);
      clip_part(clipper, model, data, indices, part_offsets);
      for (std::size_t s = first; s < last; ++s) {
        EXPECT_NEAR(clipper.norms()[s - first], norms[s], tolerance * (1 + norms[s]))
            << "segment " << s;
        if (!gradients[s].defined()) continue;
        const at::Tensor scaled = gradients[s] * clip_factor(norms[s], clip_norm);
        expected = expected.defined() ? expected + scaled : scaled;
      }
      first = last;
    }
    const double error = (clipped_sum(clipper, clip_norm).cpu() - expected).norm().item<double>();
    EXPECT_LE(error, tolerance * (1 + expected.norm().item<double>()));
  });
  model.move_to(at::kCPU);
  return norms;
}

}  // namespace discreet::dp::testing
