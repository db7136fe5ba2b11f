#include <fmt/format.h>

#include <cmath>
#include <filesystem>

#include "discreet/app/membership_scores.h"
#include "discreet/app/ops/run_model.h"
#include "discreet/audit/membership.h"
#include "discreet/core/error.h"
#include "discreet/core/operation.h"
#include "discreet/core/registry.h"
#include "discreet/core/run_dir.h"

namespace discreet {
namespace app {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> texts_of(const EncodedData& data) {
  std::vector<std::string> texts;
  for (const text::Example& example : data.examples) {
    std::string joined;
    for (const std::string& word : example.words) joined += word + " ";
    texts.push_back(joined);
  }
  return texts;
}

/// One side of the attack: scores and features of the examples that have a loss.
struct Side {
  std::vector<double> scores;
  std::vector<stats::FeatureBag> features;
  std::size_t without_loss = 0;
};

Side attack_side(const RunModel& run, const EncodedData& all,
                 const std::vector<std::int64_t>& kept) {
  const EncodedData data = select(all, kept);
  const Scores scores = score(*run.model, data);
  Side side;
  for (std::size_t i = 0; i < scores.loss.size(); ++i) {
    if (std::isnan(scores.loss[i])) {
      ++side.without_loss;
      continue;
    }
    side.scores.push_back(-scores.loss[i]);
    side.features.push_back(audit::text_features(data.examples[i].words));
  }
  return side;
}

stats::MembershipOptions membership_options(const Json& request) {
  stats::MembershipOptions options;
  options.confidence = request.value("confidence", options.confidence);
  options.false_positive_rates =
      request.value("false_positive_rates", options.false_positive_rates);
  options.resamples = request.value("resamples", options.resamples);
  options.seed = request.value("seed", options.seed);
  return options;
}

std::vector<core::InputFile> membership_inputs(const fs::path& run, const RunData& data) {
  std::vector<core::InputFile> inputs = {core::describe_input("model", run / "model"),
                                         core::describe_input("holdout", run / "holdout.json")};
  for (const core::InputFile& input : data.inputs) {
    if (input.role == "train") inputs.push_back(input);
  }
  return inputs;
}

/// Request: run; members (at most so many are scored); the options of stats::MembershipOptions; out
/// (a file instead of RUN/audits).
Json membership_of_run(const Json& request, core::OperationContext&) {
  const fs::path path = request.at("run").get<std::string>();
  const core::RunDir directory = core::RunDir::open(path);
  if (!fs::exists(path / "holdout.json")) {
    throw usage_error(
        fmt::format("{}: this run kept no part of its training data back", path.string()),
        "Train with --hold-out 0.1: an attack needs non-members of the same origin.");
  }
  const RunModel run = open_run_model(path);
  const RunData data = load_data_of_run(path);
  const stats::MembershipOptions options = membership_options(request);
  const auto most = request.value("members", std::int64_t{5000});

  const audit::MembershipSample sample = audit::sample_members(
      texts_of(data.train), texts_of(data.hold_out), static_cast<std::size_t>(most), options.seed);
  const Side members = attack_side(run, data.train, sample.members);
  const Side others = attack_side(run, data.hold_out, sample.nonmembers);

  Json configuration = membership_configuration(options);
  configuration["members"] = most;
  Json document = core::make_document({.schema = "discreet.audit.membership/1",
                                       .configuration = configuration,
                                       .inputs = membership_inputs(path, data)});
  document["run"] = path.string();
  document["duplicates"] = {{"within_members", sample.within_members},
                            {"within_nonmembers", sample.within_nonmembers},
                            {"across", sample.across}};
  document["results"] = audit::membership_results(members.scores, others.scores, members.features,
                                                  others.features, options);
  document["caveats"] =
      stats::membership_caveats(stats::membership(members.scores, others.scores, options));
  document["caveats"].push_back(
      "A threshold on the loss of the final model is a weak attack: shadow models or canaries may "
      "find "
      "more.");
  const std::uint64_t removed = sample.within_members + sample.within_nonmembers + sample.across;
  if (removed > 0) {
    document["caveats"].push_back(
        fmt::format("{} examples whose exact text occurs more than once were left out; nothing is "
                    "said of them.",
                    removed));
  }
  if (members.without_loss + others.without_loss > 0) {
    document["caveats"].push_back(
        fmt::format("{} examples with a label that the model does not know were left out.",
                    members.without_loss + others.without_loss));
  }
  write_finding(request, directory, document);
  return document;
}

}  // namespace
}  // namespace app

void register_operation_membership(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "membership",
                .summary = "Loss-threshold membership inference on a run, beside a blind baseline",
                .reference = "Yeom et al. 2018; Das et al. 2024",
                .make = core::Operation(&app::membership_of_run)});
}

}  // namespace discreet
