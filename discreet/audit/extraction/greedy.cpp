#include <algorithm>
#include <numeric>

#include "discreet/audit/internal/relaxation.h"
#include "discreet/core/fields.h"
#include "discreet/core/registry.h"

namespace discreet {
namespace audit {
namespace {

struct GreedyOptions {
  std::int64_t restarts = 8;
  std::int64_t sweeps = 50;
  std::int64_t proposals = 256;
};

const core::Fields<GreedyOptions>& greedy_fields() {
  static const auto fields =
      core::Fields<GreedyOptions>("greedy")
          .add("restarts", &GreedyOptions::restarts, {.min = 1, .max = 4096, .doc = "Random codes to start from."})
          .add("sweeps", &GreedyOptions::sweeps, {.min = 1, .max = 1e5, .doc = "Exchanges of one token at most, for each start."})
          .add("proposals", &GreedyOptions::proposals,
               {.min = 1, .max = 1e6, .unit = "candidates",
                .doc = "Tried at each place: all, if there are no more; else those that the gradient of their weight "
                       "puts first (language models: the first of a random order)."});
  return fields;
}

/// Candidates worth a try at each place of `code`.
std::vector<std::vector<std::int64_t>> proposals_at(const ExtractionProblem& problem, const Code& code,
                                                    std::int64_t most, core::ReproducibleRng& rng) {
  std::vector<std::vector<std::int64_t>> proposals;
  bool all = true;
  for (const SecretPlace& place : problem.places) {
    proposals.emplace_back(place.ids.size());
    std::iota(proposals.back().begin(), proposals.back().end(), 0);
    all = all && static_cast<std::int64_t>(place.ids.size()) <= most;
  }
  if (all) return proposals;
  std::vector<at::Tensor> weights;
  if (!problem.next_token) {
    for (std::size_t p = 0; p < code.size(); ++p) {
      at::Tensor one = at::zeros({1, static_cast<std::int64_t>(problem.places[p].ids.size())}, at::kFloat);
      one.data_ptr<float>()[code[p]] = 1;
      weights.push_back(one.set_requires_grad(true));
    }
    const internal::FrozenModel frozen(*problem.model);
    internal::soft_losses(problem, internal::copies_of(problem, 1), internal::soft_words(problem, weights))
        .sum()
        .backward();
  }
  for (std::size_t p = 0; p < code.size(); ++p) {
    if (static_cast<std::int64_t>(proposals[p].size()) <= most) continue;
    if (problem.next_token) {
      core::shuffle(std::span(proposals[p]), rng);
    } else {
      const at::Tensor slope = weights[p].grad();
      const auto* value = slope.const_data_ptr<float>();
      std::ranges::stable_sort(proposals[p], [&](auto a, auto b) { return value[a] < value[b]; });
    }
    proposals[p].resize(static_cast<std::size_t>(most));
  }
  return proposals;
}

/// From one code to a code that no exchange of one token betters.
Extraction descend(const ExtractionProblem& problem, Code code, const GreedyOptions& options, core::ReproducibleRng& rng) {
  Extraction result{.code = code, .loss = code_losses(problem, std::vector<Code>{code}).front()};
  result.evaluations = 1;
  for (std::int64_t sweep = 0; sweep < options.sweeps; ++sweep) {
    std::vector<Code> tries;
    const auto proposals = proposals_at(problem, result.code, options.proposals, rng);
    for (std::size_t p = 0; p < proposals.size(); ++p) {
      for (const std::int64_t candidate : proposals[p]) {
        if (candidate == result.code[p]) continue;
        tries.push_back(result.code);
        tries.back()[p] = candidate;
      }
    }
    if (tries.empty()) break;
    const std::vector<double> losses = code_losses(problem, tries);
    result.evaluations += static_cast<std::int64_t>(tries.size());
    ++result.iterations;
    const auto best = static_cast<std::size_t>(std::ranges::min_element(losses) - losses.begin());
    if (!(losses[best] < result.loss)) break;
    result.loss = losses[best];
    result.code = tries[best];
  }
  return result;
}

Extraction run_greedy(const ExtractionProblem& problem, const core::Config& config, std::uint64_t seed) {
  const GreedyOptions options = greedy_fields().parse(config);
  core::ReproducibleRng rng(seed, "extraction/greedy");
  Extraction best;
  std::int64_t iterations = 0, evaluations = 0;
  for (std::int64_t restart = 0; restart < options.restarts; ++restart) {
    Code code;
    for (const SecretPlace& place : problem.places) code.push_back(static_cast<std::int64_t>(rng.below(place.ids.size())));
    Extraction found = descend(problem, std::move(code), options, rng);
    iterations += found.iterations;
    evaluations += found.evaluations;
    if (best.code.empty() || found.loss < best.loss) best = std::move(found);
  }
  best.iterations = iterations;
  best.evaluations = evaluations;
  return best;
}

}  // namespace
}  // namespace audit

void register_extraction_greedy(core::Registry& registry) {
  registry.add({.kind = "extraction",
                .name = "greedy",
                .summary = "Exchanges one token at a time for the one that lowers the loss most, from several starts",
                .reference = "Ebrahimi et al. 2018; Zou et al. 2023 (greedy coordinate gradient)",
                .fields = audit::greedy_fields().info(),
                .make = audit::ExtractionAttack{[](const audit::ExtractionProblem&) { return std::string(); },
                                                &audit::run_greedy}});
}

}  // namespace discreet
