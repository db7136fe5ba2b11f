#include <algorithm>

#include <fmt/format.h>

#include "discreet/audit/extraction.h"
#include "discreet/core/registry.h"

namespace discreet {
namespace audit {
namespace {

constexpr double kMostCodes = 1e6;

std::string too_many_codes(const ExtractionProblem& problem) {
  return problem.space() <= kMostCodes ? "" : fmt::format("{:g} codes, more than {:g}", problem.space(), kMostCodes);
}

Extraction run_exhaustive(const ExtractionProblem& problem, const core::Config&, std::uint64_t) {
  const std::vector<double> losses = all_losses(problem, kMostCodes);
  const auto best = std::ranges::min_element(losses) - losses.begin();
  return {.code = code_of_number(problem, static_cast<std::uint64_t>(best)),
          .loss = losses[static_cast<std::size_t>(best)],
          .iterations = 1,
          .evaluations = static_cast<std::int64_t>(losses.size())};
}

}  // namespace
}  // namespace audit

void register_extraction_exhaustive(core::Registry& registry) {
  registry.add({.kind = "extraction",
                .name = "exhaustive",
                .summary = "Every code, up to a million: no attack on the loss finds a smaller one",
                .reference = "Carlini et al. 2019, section 4.3",
                .fields = {},
                .make = audit::ExtractionAttack{&audit::too_many_codes, &audit::run_exhaustive}});
}

}  // namespace discreet
