// Damage at any layer: one example's rows of what one layer hands over are not finite.
#include <gtest/gtest.h>

#include <limits>
#include <numeric>

#include "discreet/dp/plan.h"
#include "small_model.h"

namespace discreet::dp {
namespace {

using testing::random_examples;
using testing::small_model;
using testing::trainable_of;

enum class Place { kGradient, kInput };

/// Hands uses on to a clipper, one of them with `value` in the rows of one segment.
class Poisoner final : public nn::Recorder {
 public:
  Poisoner(SegmentClipper& clipper, int target, Place place, double value)
      : clipper_(clipper), target_(target), place_(place), value_(value) {}

  void expect(std::string_view kind, const std::vector<at::Tensor>& params) override {
    clipper_.expect(kind, params);
  }
  void record(nn::Use use) override {
    if (uses_++ == target_) {
      auto& tensors = place_ == Place::kGradient ? use.gradients : use.inputs;
      for (at::Tensor& tensor : tensors) {
        const auto& offsets = use.segments->offsets;
        if (!tensor.defined() || !tensor.is_floating_point() || tensor.size(0) != offsets.back()) continue;
        const std::int64_t first = offsets[kDamaged], rows = offsets[kDamaged + 1] - first;
        if (rows == 0 || tensor.numel() == 0) continue;
        tensor = tensor.detach().clone();
        tensor.narrow(0, first, rows).fill_(value_);
        hit_ = true;
      }
    }
    clipper_.record(std::move(use));
  }
  int uses() const { return uses_; }
  bool hit() const { return hit_; }

  static constexpr std::size_t kDamaged = 2;  // segment

 private:
  SegmentClipper& clipper_;
  int target_, uses_ = 0;
  Place place_;
  double value_;
  bool hit_ = false;
};

struct Released {
  at::Tensor sum;
  std::int64_t non_finite = 0;
  int uses = 0;
  bool hit = false;
};

/// The clipped sum of `indices`, with use `target` (from 0; -1: none) damaged.
Released release_of(nn::Model& model, const nn::EncodedExamples& data, const std::vector<std::int64_t>& indices,
                    int target, Place place, double value) {
  PrivatePlan plan({.units = 8, .expected_batch_size = 1, .steps = 1, .clip_norm = 0.7,
                    .noise_multiplier = 0.0, .insecure_seed = 1});
  const auto clipper = plan.make_clipper(trainable_of(model));
  std::vector<std::int64_t> offsets(indices.size() + 1);
  std::iota(offsets.begin(), offsets.end(), 0);
  Poisoner poisoner(*clipper, target, place, value);
  clipper->begin(static_cast<std::int64_t>(indices.size()));
  {
    const nn::RecordingScope scope(poisoner);
    model.forward(nn::collate(data, indices, offsets)).loss.sum().backward();
  }
  clipper->finish();
  plan.begin_step(0);
  ClippedSum sum = clipper->take();
  Released released{.non_finite = sum.non_finite(), .uses = poisoner.uses(), .hit = poisoner.hit()};
  std::vector<at::Tensor> pieces;
  for (const at::Tensor& piece : plan.release(sum)) pieces.push_back(piece.flatten().to(at::kDouble));
  released.sum = at::cat(pieces);
  return released;
}

TEST(Faults, ANonFiniteNumberAtAnyLayerTakesItsExampleOutAndNoOther) {
  const std::vector<std::int64_t> lengths{3, 1, 5, 2, 4};
  const double infinity = std::numeric_limits<double>::infinity();
  for (const core::Entry* entry : tensor_registry().list("model")) {
    const auto model = small_model(entry->name, at::kFloat);
    const nn::EncodedExamples data = random_examples(lengths, 5);
    const std::vector<std::int64_t> all{0, 1, 2, 3, 4}, others{0, 1, 3, 4};
    const Released expected = release_of(*model, data, others, -1, Place::kGradient, 0);
    const Released whole = release_of(*model, data, all, -1, Place::kGradient, 0);
    ASSERT_GT(whole.uses, 0) << entry->name;
    EXPECT_GT((whole.sum - expected.sum).norm().item<double>(), 1e-3) << "the damaged example counts otherwise";
    int hits = 0;
    for (int target = 0; target < whole.uses; ++target) {
      for (const Place place : {Place::kGradient, Place::kInput}) {
        for (const double value : {std::numeric_limits<double>::quiet_NaN(), infinity, -infinity}) {
          const Released released = release_of(*model, data, all, target, place, value);
          if (!released.hit) continue;  // a layer whose inputs are ids
          ++hits;
          const std::string what = entry->name + " use " + std::to_string(target) + " value " + std::to_string(value);
          EXPECT_EQ(released.non_finite, 1) << what;
          EXPECT_LE((released.sum - expected.sum).abs().max().item<double>(), 1e-6) << what;
        }
      }
    }
    EXPECT_GE(hits, 3 * whole.uses) << entry->name << ": every use was damaged in its gradient";
  }
}

}  // namespace
}  // namespace discreet::dp
