#pragma once

#include <cstdint>
#include <string>

#include "discreet/app/distill_options.h"
#include "discreet/app/ops/run_model.h"

namespace discreet::app {

/// Data that number a teacher's classes, "0", "1", in the order that their names have, are taken to mean these: the teacher's classes
/// get the numbers as names. At most ten, since labels are kept sorted.
void name_classes_as(const text::LabelSet& labels, RunModel& teacher);

/// A model to learn from, in evaluation mode: of a run, or of a folder of the Hugging Face layout (language models, and
/// classifiers with a head of their own), on the device that `settings` name.
RunModel open_teacher(const Settings& settings, const DistillOptions& distill);

/// Log of what distillation did with the teacher's outputs: for result.json and the study.
struct TeacherReport {
  std::int64_t rows = 0, reversed_rows = 0, changed_examples = 0, aligned_rows = 0, unaligned_rows = 0;
  double kept_divergence = 0;  ///< Mean KL(exact || kept) at distill.temperature over the rows that were checked.
  std::int64_t checked_rows = 0;
  bool from_cache = false;
};

}  // namespace discreet::app
