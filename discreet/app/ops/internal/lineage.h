#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "discreet/app/distill_options.h"
#include "discreet/app/settings.h"
#include "discreet/core/document.h"

namespace discreet::app {

/// Training data behind a run's model: its own, and those of all runs that it began or learnt from, each {"path", "sha256"}.
/// A run keeps the latter in its manifest ("learnt_from"), so that they are known when those runs are gone.
Json data_behind(const std::filesystem::path& run);

/// What the manifest of a run with these settings says of it: the data behind model.start and distill.teacher. A folder that
/// is no run says nothing.
Json learnt_from(const Settings& settings, const DistillOptions& distill);

/// What a private run's statement says of model.start and distill.teacher; empty without either.
/// Guarantee: epsilon counts what the run itself tells of `inputs`, so a model that saw them before may not be behind it.
/// Throws: kPrivacyRefused where training data of `inputs` are among the data behind either.
std::string lineage_gap(const Settings& settings, const DistillOptions& distill, const std::vector<core::InputFile>& inputs);

}  // namespace discreet::app
