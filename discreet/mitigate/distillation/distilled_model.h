#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "discreet/mitigate/distillation/combination.h"
#include "discreet/mitigate/distillation/loss.h"
#include "discreet/mitigate/distillation/teacher_cache.h"
#include "discreet/nn/model.h"

namespace discreet::mitigate {

/// What a student is to say of each row of its training data.
///
/// Rows: those of a language model's tokens, or one for each example of a classifier. M examples, N rows.
struct TeacherTargets {
  std::shared_ptr<const TeacherCache> original;
  std::shared_ptr<const TeacherCache> reversed;  ///< Null without a combination.
  std::vector<std::int64_t> offsets{0};          ///< [M+1] rows of each example.
  std::vector<std::int64_t> aligned;             ///< [N] the row of `reversed`, or -1: the original is kept.
  std::string combination = "none";
  CombineOn on = CombineOn::kLogProbs;

  /// Target scores of rows (places in 0 .. N-1), [n,V], on `device`.
  at::Tensor scores(std::span<const std::int64_t> rows, at::Device device) const;
};

/// A student that learns from a teacher: in training mode the loss of its examples is the distillation loss against
/// the targets of their places in the data set; else it is the student itself. Its parameters are the student's
/// own, under the same names, so that any `Step` trains it, private ones too: the loss of an example depends on no
/// other example.
///
/// Throws (constructor): kUsage for negative weights, none at all, or a temperature that is not positive;
/// (forward): kUsage where hidden rows of student and teacher have different widths.
class DistilledModel final : public nn::Model {
 public:
  DistilledModel(std::shared_ptr<nn::Model> student, TeacherTargets targets, DistillationWeights weights);

  nn::ModelOutput compute(const nn::PackedBatch& batch) override;
  nn::Prediction decode(const nn::PackedBatch& batch, const nn::ModelOutput& output) override {
    return student_->decode(batch, output);
  }
  void train(bool on = true) override;

 private:
  std::shared_ptr<nn::Model> student_;
  TeacherTargets targets_;
  DistillationWeights weights_;
};

}  // namespace discreet::mitigate
