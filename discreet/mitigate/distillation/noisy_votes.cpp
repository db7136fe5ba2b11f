#include "discreet/mitigate/distillation/noisy_votes.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/sha256.h"

namespace discreet::mitigate {

std::int64_t part_of(std::string_view identity, std::uint64_t key, std::int64_t parts) {
  const std::string hash = core::sha256(fmt::format("part/{}/{}", key, identity));
  return static_cast<std::int64_t>(std::stoull(hash.substr(0, 15), nullptr, 16) % static_cast<std::uint64_t>(parts));
}

NoisyVotes noisy_max(const std::vector<std::vector<double>>& counts, double standard_deviation,
                     privacy::NoiseSource& noise) {
  if (!(standard_deviation > 0) || !std::isfinite(standard_deviation)) {
    throw privacy_refused("votes without noise have no guarantee", "Give a positive standard deviation of the votes' noise.");
  }
  if (counts.empty() || counts.front().empty()) throw usage_error("there is nothing to vote on");
  const double multiplier = standard_deviation / std::numbers::sqrt2;
  NoisyVotes votes{.winners = {},
                   .event = privacy::Event::self_composed(privacy::Event::gaussian(privacy::NoiseMultiplier(multiplier)),
                                                          static_cast<std::int64_t>(counts.size())),
                   .noise_multiplier = multiplier};
  for (std::size_t query = 0; query < counts.size(); ++query) {
    std::vector<double> noisy = counts[query];
    noise.begin_step(query);
    noise.add_gaussian(std::span<double>(noisy), standard_deviation);
    votes.winners.push_back(std::max_element(noisy.begin(), noisy.end()) - noisy.begin());
  }
  return votes;
}

}  // namespace discreet::mitigate
