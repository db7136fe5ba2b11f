#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "discreet/app/run_data.h"
#include "discreet/app/scores.h"

namespace discreet::nn {
class Model;
struct EncodedExamples;
}  // namespace discreet::nn

namespace discreet::core {
class RunDir;
}  // namespace discreet::core

namespace discreet::app {

/// A run as other operations meet it: its configuration, its encoder and its final model, ready for
/// evaluation. Needs none of libtorch's headers; include nn/model.h to call the model yourself.
struct RunModel {
  Settings settings;
  Encoder encoder;
  std::shared_ptr<nn::Model> model;
  std::int64_t trainable_values = 0;
};

/// Opens RUN/model on a device (find_device, internal/device.h). Throws: kUsage if `run` is no run or has no model yet; kBadData if the model's
/// files do not fit each other.
RunModel open_run_model(const std::filesystem::path& run, const std::string& device = "cpu");

/// The numbers of a data set, as models take them. Labels that are not known stand as 0: mask what
/// depends on them.
nn::EncodedExamples to_examples(const EncodedData& data);

/// Runs the model over the data without gradients and without dropout. The batches have no effect on
/// the result.
Scores score(nn::Model& model, const EncodedData& data, std::int64_t batch_size = 256);

/// What was found out about a run: to request["out"] if that is given, else into the run's audits/.
void write_finding(const Json& request, const core::RunDir& run, const Json& document);
/// The same of a model that may be a run's or a folder's (`run` empty), which has no audits/: what was
/// found of a folder is written only if request["out"] is given. The document names the run.
void write_model_finding(const Json& request, const std::filesystem::path& run, Json& document);

}  // namespace discreet::app
