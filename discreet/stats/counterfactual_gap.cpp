#include "discreet/stats/counterfactual_gap.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "discreet/core/error.h"

namespace discreet::stats {
namespace {

struct CounterfactualSet {
  std::optional<double> original;
  std::vector<double> copies;
};

/// Sums over the copies of one original.
struct SetSums {
  double gap = 0, flips = 0, n = 0;
};

}  // namespace

CounterfactualGap counterfactual_gap(const CounterfactualScores& data, double threshold,
                                     const BootstrapOptions& options) {
  if (data.set.size() != data.score.size() || data.original.size() != data.score.size()) {
    throw internal_error("counterfactual scores of unequal length");
  }
  std::vector<CounterfactualSet> sets;
  for (std::size_t i = 0; i < data.score.size(); ++i) {
    if (data.set[i] >= sets.size()) sets.resize(data.set[i] + 1);
    CounterfactualSet& set = sets[data.set[i]];
    if (data.original[i] == 0) set.copies.push_back(data.score[i]);
    else if (set.original) throw bad_data("a set of counterfactuals has two originals");
    else set.original = data.score[i];
  }
  CounterfactualGap found;
  std::vector<SetSums> sums;
  for (const CounterfactualSet& set : sets) {
    if (!set.original) {
      found.without_original += set.copies.empty() ? 0 : 1;
      continue;
    }
    if (set.copies.empty()) {
      ++found.without_copy;
      continue;
    }
    SetSums one;
    one.n = static_cast<double>(set.copies.size());
    for (const double copy : set.copies) {
      one.gap += std::abs(*set.original - copy);
      one.flips += (*set.original >= threshold) != (copy >= threshold) ? 1 : 0;
    }
    found.copies += set.copies.size();
    found.flips += static_cast<std::uint64_t>(one.flips);
    sums.push_back(one);
  }
  found.originals = sums.size();
  const std::vector<Stratum> strata = {whole_sample(sums.size())};
  const auto estimates = bootstrap_many(
      strata, 3,
      [&](std::span<const std::uint32_t> indices, std::span<std::optional<double>> out) {
        if (indices.empty()) return;
        double means = 0;
        SetSums all;
        for (const std::uint32_t i : indices) {
          means += sums[i].gap / sums[i].n;
          all.gap += sums[i].gap;
          all.flips += sums[i].flips;
          all.n += sums[i].n;
        }
        out[0] = means / static_cast<double>(indices.size());
        out[1] = all.gap / all.n;
        out[2] = all.flips / all.n;
      },
      options);
  found.mean_of_means = estimates[0];
  found.pooled = estimates[1];
  found.flip_rate = estimates[2];
  return found;
}

}  // namespace discreet::stats
