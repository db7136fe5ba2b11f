#include "discreet/audit/gradient_canaries.h"

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/operation.h"
#include "discreet/core/registry.h"

namespace discreet {
namespace app {
namespace {

/// Request: noise_multiplier or epsilon; sampling_rate, steps, delta, clip_norm, accountant; canaries; seed (of the
/// coins); insecure_seed; scores (the file to write, as `audit epsilon --scores` reads it). Gives {"epsilon",
/// "mu", "included", "left_out"}.
Json gradient_canaries(const Json& request, core::OperationContext&) {
  dp::PrivacyOptions options;
  options.steps = request.at("steps").get<std::int64_t>();
  options.clip_norm = request.value("clip_norm", 1.0);
  options.delta = request.at("delta").get<double>();
  options.accountant = request.value("accountant", "prv");
  if (request.contains("noise_multiplier")) options.noise_multiplier = request["noise_multiplier"].get<double>();
  if (request.contains("epsilon")) options.epsilon = request["epsilon"].get<double>();
  if (request.contains("insecure_seed")) options.insecure_seed = request["insecure_seed"].get<std::uint64_t>();
  const audit::GradientCanaries found = audit::train_gradient_canaries(
      options, {.canaries = request.value("canaries", std::int64_t{1000}),
                .sampling_rate = request.value("sampling_rate", 1.0),
                .seed = request.value("seed", std::uint64_t{0})});
  std::string lines;
  const auto write = [&](const std::vector<double>& scores, int member) {
    for (const double score : scores) lines += Json({{"member", member}, {"score", score}}).dump() + "\n";
  };
  write(found.included, 1);
  write(found.left_out, 0);
  core::write_file_atomically(request.at("scores").get<std::string>(), lines);
  return {{"epsilon", core::number(found.epsilon)},
          {"mu", found.mu},
          {"included", found.included.size()},
          {"left_out", found.left_out.size()}};
}

}  // namespace
}  // namespace app

void register_operation_gradient_canaries(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "gradient-canaries",
                .summary = "One private training of canaries that are gradients; their scores",
                .reference = "Nasr et al. 2023",
                .make = core::Operation(&app::gradient_canaries)});
}

}  // namespace discreet
