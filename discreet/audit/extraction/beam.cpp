#include <algorithm>
#include <numeric>

#include "discreet/audit/extraction.h"
#include "discreet/core/fields.h"
#include "discreet/core/registry.h"

namespace discreet {
namespace audit {
namespace {

struct BeamOptions {
  std::int64_t beams = 100;
};

const core::Fields<BeamOptions>& beam_fields() {
  static const auto fields = core::Fields<BeamOptions>("beam").add(
      "beams", &BeamOptions::beams, {.min = 1, .max = 1e6, .doc = "Beginnings that are kept at each place."});
  return fields;
}

std::string no_beam(const ExtractionProblem& problem) {
  return problem.next_token ? "" : "no language model: its loss does not come from left to right";
}

/// The problem up to place `p`, which is the last thing that is predicted.
ExtractionProblem up_to(const ExtractionProblem& problem, std::size_t p) {
  ExtractionProblem part;
  part.model = problem.model;
  part.next_token = true;
  const auto rows = static_cast<std::size_t>(problem.places[p].label_row + 1);
  const nn::EncodedExamples& whole = problem.example;
  part.example.tokens.assign(whole.tokens.begin(), whole.tokens.begin() + static_cast<std::ptrdiff_t>(rows));
  part.example.tags.assign(whole.tags.begin(), whole.tags.begin() + static_cast<std::ptrdiff_t>(rows));
  part.example.offsets.push_back(static_cast<std::int64_t>(rows));
  for (std::size_t i = 0; i <= p; ++i) {
    part.places.push_back(problem.places[i]);
    if (part.places.back().row >= static_cast<std::int64_t>(rows)) part.places.back().row = -1;
  }
  return part;
}

Extraction run_beam(const ExtractionProblem& problem, const core::Config& config, std::uint64_t) {
  const BeamOptions options = beam_fields().parse(config);
  Extraction result;
  std::vector<Code> beams{{}};
  for (std::size_t p = 0; p < problem.places.size(); ++p) {
    std::vector<Code> longer;
    for (const Code& beam : beams) {
      for (std::size_t c = 0; c < problem.places[p].ids.size(); ++c) {
        longer.push_back(beam);
        longer.back().push_back(static_cast<std::int64_t>(c));
      }
    }
    const std::vector<double> losses = code_losses(up_to(problem, p), longer);
    result.evaluations += static_cast<std::int64_t>(longer.size());
    ++result.iterations;
    std::vector<std::size_t> order(longer.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, [&](auto a, auto b) { return losses[a] < losses[b]; });
    order.resize(std::min(order.size(), static_cast<std::size_t>(options.beams)));
    beams.clear();
    for (const std::size_t i : order) beams.push_back(longer[i]);
  }
  // What stands behind the last place has its say too.
  const std::vector<double> losses = code_losses(problem, beams);
  result.evaluations += static_cast<std::int64_t>(beams.size());
  const auto best = static_cast<std::size_t>(std::ranges::min_element(losses) - losses.begin());
  result.code = beams[best];
  result.loss = losses[best];
  return result;
}

}  // namespace
}  // namespace audit

void register_extraction_beam(core::Registry& registry) {
  registry.add({.kind = "extraction",
                .name = "beam",
                .summary = "Language models: the most likely candidates from left to right, several beginnings at a time",
                .reference = "Carlini et al. 2019, section 6",
                .fields = audit::beam_fields().info(),
                .make = audit::ExtractionAttack{&audit::no_beam, &audit::run_beam}});
}

}  // namespace discreet
