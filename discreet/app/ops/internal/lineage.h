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

/// A folder that `model export` or `mitigate project` wrote says the same in this file, beside how the data were protected:
/// {"schema": "discreet.origin/1", "learnt_from": [...], "protected": words}.
inline constexpr const char* kOriginFile = "discreet-origin.json";
void write_origin(const std::filesystem::path& run, const std::filesystem::path& folder);

/// What the manifest of a run with these settings says of it: the data behind model.start, model.path, model.adapter and
/// distill.teacher. A folder without an origin says nothing.
Json learnt_from(const Settings& settings, const DistillOptions& distill);

/// What a private run's statement says of model.start, model.path, model.adapter and distill.teacher; empty without any.
/// Guarantee: epsilon counts what the run itself tells of `inputs`, so a model that saw them before may not be behind it.
/// Throws: kPrivacyRefused where training data of `inputs` are among the data behind one of them.
std::string lineage_gap(const Settings& settings, const DistillOptions& distill, const std::vector<core::InputFile>& inputs);

}  // namespace discreet::app
