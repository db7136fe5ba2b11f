#include <optional>

#include <fmt/format.h>

#include "discreet/app/ops/internal/processes.h"
#include "discreet/app/ops/internal/request.h"
#include "discreet/app/ops/internal/session.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/registry.h"
#include "discreet/nn/pretrained/kept_rows.h"
#include "discreet/privacy/statement.h"
#include "discreet/stats/intervals.h"

namespace discreet {
namespace app {
namespace {

Json train_once(const Settings& settings, const DistillOptions& distill, bool force,
                const std::shared_ptr<nn::ParallelRun>& parallel, core::OperationContext& context, bool one_of_several = false) {
  Session session = start_session(settings, force, parallel, {}, distill);
  if (one_of_several) session.as_selected = [](privacy::PrivacyRun& stated) { stated.tuned_on_same_data = true; };
  try {
    prepare(session, false, context);
  } catch (...) {
    // So that the corrected configuration may take its name.
    if (leads(session)) std::move(session.run).discard();
    throw;
  }
  return run_to_end(session, {}, context);
}

/// Mean, interval and values of each metric over the seeds.
Json summary_of(const std::vector<Json>& runs) {
  Json summary = Json::object();
  for (const auto& [name, first] : runs.front()["metrics"].items()) {
    std::vector<double> values;
    for (const Json& run : runs) {
      if (run["metrics"].contains(name)) values.push_back(run["metrics"][name].get<double>());
    }
    const stats::MeanEstimate estimate = stats::mean_interval(values);
    Json entry = {{"n", estimate.n}, {"mean", estimate.mean}, {"values", values}};
    if (estimate.standard_deviation) entry["standard_deviation"] = *estimate.standard_deviation;
    if (estimate.ci) entry["ci"] = {estimate.ci->low, estimate.ci->high};
    summary[name] = entry;
  }
  return summary;
}

/// One run for each seed, in RUN/seed-<n>; the document's metrics are the means.
Json train_repeatedly(const Settings& settings, const DistillOptions& distill, std::int64_t times, const Json& request,
                      const std::shared_ptr<nn::ParallelRun>& parallel,
                      core::OperationContext& context) {
  const bool force = request.value("force", false);
  std::vector<Json> runs;
  for (std::int64_t i = 0; i < times; ++i) {
    Settings one = settings;
    one.run.seed += i;
    if (one.privacy.insecure_seed) *one.privacy.insecure_seed += i;
    one.run.dir = (run_folder(settings) / fmt::format("seed-{}", one.run.seed)).string();
    runs.push_back(train_once(one, distill, force, parallel, context, true));
  }
  Json document = runs.front();
  document["run"] = run_folder(settings).string();
  document["repeats"] = summary_of(runs);
  for (const auto& [name, entry] : document["repeats"].items()) document["metrics"][name] = entry["mean"];
  double seconds = 0;
  Json folders = Json::array();
  for (const Json& run : runs) {
    seconds += run["seconds"].get<double>();
    folders.push_back(run["run"]);
  }
  document["seconds"] = seconds;
  document["runs"] = folders;
  if (document["private"].get<bool>()) {
    document["caveats"].push_back(fmt::format(
        "{} models were trained on the same data; epsilon is that of one of them, and publishing "
        "more than one, or the best one, spends more.",
        times));
  }
  if (leads(*parallel)) {
    core::write_file_atomically(run_folder(settings) / "result.json", document.dump(2) + "\n");
  }
  return document;
}

Json train_operation(const Json& request, core::OperationContext& context) {
  const core::Config config = requested_config(request);
  const Settings settings = parse_settings(config);
  const DistillOptions distill = parse_distill(settings, config);
  const std::int64_t times = request.value("repeat", std::int64_t{1});
  // What a study asks for, whose cells train heads on one frozen encoder again and again.
  std::optional<nn::SharedRowsScope> shared;
  if (request.value("share_frozen_rows", false)) shared.emplace();
  return in_processes(settings.train, context,
                      [&](const std::shared_ptr<nn::ParallelRun>& parallel, core::OperationContext& mine) {
                        if (times > 1) return train_repeatedly(settings, distill, times, request, parallel, mine);
                        return train_once(settings, distill, request.value("force", false), parallel, mine);
                      });
}

}  // namespace
}  // namespace app

void register_operation_train(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "train",
                .summary = "Trains a model by a configuration, with or without privacy",
                .make = core::Operation(&app::train_operation)});
}

}  // namespace discreet
