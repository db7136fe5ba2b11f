#include "discreet/federated/analytics/heavy_hitters.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>

#include <fmt/format.h>

#include "discreet/core/error.h"

namespace discreet::federated {
namespace {

/// An end that no item can hold, so that "cat" and "cats" are different candidates.
constexpr char kEnd = '\n';

void check_hitter_options(const HeavyHitterOptions& options) {
  if (options.alphabet.empty() || options.alphabet.find(kEnd) != std::string::npos) {
    throw usage_error("an alphabet without letters, or with a line's end");
  }
  if (options.longest < 1 || options.longest > 100) throw usage_error(fmt::format("items of {} bytes", options.longest));
  if (options.most_items < 1 || options.most_prefixes < 1) throw usage_error("at least one item and one prefix");
  if (!(options.threshold >= 0) || !(options.noise_multiplier >= 0) || std::isinf(options.noise_multiplier)) {
    throw usage_error("threshold and noise multiplier are at least 0");
  }
  if (options.noise_multiplier == 0 && options.threshold > 0 && options.threshold < 2) {
    throw usage_error(fmt::format("a threshold of {:g} without noise tells what a single device holds", options.threshold),
                      "Take 2 at least, or noise: --epsilon with --delta.");
  }
  if (!(options.sampling_rate > 0 && options.sampling_rate <= 1)) {
    throw usage_error(fmt::format("a sampling rate of {}", options.sampling_rate));
  }
}

/// A device's countable items with their ends, different, the first `most_items`.
std::vector<std::string> countable(const std::vector<std::string>& items, const HeavyHitterOptions& options) {
  std::vector<std::string> kept;
  for (const std::string& item : items) {
    if (static_cast<std::int64_t>(kept.size()) == options.most_items) break;
    const bool known = !item.empty() && item.size() <= static_cast<std::size_t>(options.longest) &&
                       item.find_first_not_of(options.alphabet) == std::string::npos;
    if (known && std::find(kept.begin(), kept.end(), item + kEnd) == kept.end()) kept.push_back(item + kEnd);
  }
  return kept;
}

std::vector<std::string> grow(const std::vector<std::string>& survivors, const HeavyHitterOptions& options, bool last) {
  std::vector<std::string> candidates;
  for (const std::string& prefix : survivors) {
    if (!prefix.empty()) candidates.push_back(prefix + kEnd);
    if (last) continue;
    for (const char letter : options.alphabet) candidates.push_back(prefix + letter);
  }
  return candidates;
}

/// P(N(0, 1) > t) <= exp(-t^2 / 2): over all counts that there can be, together at most 1 %.
double safe_threshold(double deviation, const HeavyHitterOptions& options) {
  if (deviation == 0) return 2;
  const double counts = double(options.longest + 1) * double(options.most_prefixes) * double(options.alphabet.size() + 1);
  return deviation * std::sqrt(2 * std::log(counts / 0.01));
}

}  // namespace

HeavyHitters find_heavy_hitters(std::span<const std::vector<std::string>> devices, const HeavyHitterOptions& options,
                                privacy::NoiseSource& noise, const std::function<double()>& uniform) {
  check_hitter_options(options);
  HeavyHitters found;
  found.deviation = options.noise_multiplier * std::sqrt(static_cast<double>(options.most_items));
  found.threshold = options.threshold > 0 ? options.threshold : safe_threshold(found.deviation, options);
  found.rounds = options.longest + 1;
  std::vector<std::vector<std::string>> held;
  for (const auto& items : devices) held.push_back(countable(items, options));
  std::vector<std::string> survivors = {""};
  for (int length = 1; length <= options.longest + 1; ++length) {
    const auto candidates = grow(survivors, options, length == options.longest + 1);
    std::unordered_map<std::string, std::size_t> place;
    for (std::size_t i = 0; i < candidates.size(); ++i) place[candidates[i]] = i;
    std::vector<double> counts(candidates.size(), 0.0);
    for (const auto& items : held) {
      if (options.sampling_rate < 1 && uniform() >= options.sampling_rate) continue;
      std::set<std::size_t> told;  // a prefix that two items share counts once
      for (const std::string& item : items) {
        const auto at = place.find(item.substr(0, static_cast<std::size_t>(length)));
        if (at != place.end()) told.insert(at->second);
      }
      for (const std::size_t i : told) counts[i] += 1;
    }
    noise.begin_step(static_cast<std::uint64_t>(length));
    noise.add_gaussian(std::span<double>(counts), found.deviation);
    std::vector<std::pair<double, std::string>> passed;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (counts[i] < found.threshold) continue;
      if (candidates[i].back() == kEnd) {
        found.items.push_back({candidates[i].substr(0, candidates[i].size() - 1), counts[i] / options.sampling_rate});
      } else {
        passed.emplace_back(-counts[i], candidates[i]);
      }
    }
    std::sort(passed.begin(), passed.end());
    const auto most = static_cast<std::size_t>(options.most_prefixes);
    if (passed.size() > most) {
      found.truncated += static_cast<std::int64_t>(passed.size() - most);
      passed.resize(most);
    }
    survivors.clear();
    for (auto& [count, prefix] : passed) survivors.push_back(std::move(prefix));
  }
  std::sort(found.items.begin(), found.items.end(), [](const HeavyHitter& a, const HeavyHitter& b) {
    return a.devices != b.devices ? a.devices > b.devices : a.item < b.item;
  });
  if (options.noise_multiplier > 0) {
    const auto one = privacy::Event::gaussian(privacy::NoiseMultiplier(options.noise_multiplier));
    const auto asked = options.sampling_rate < 1
                           ? privacy::Event::poisson_sampled(privacy::SamplingRate(options.sampling_rate), one)
                           : one;
    found.event = privacy::Event::self_composed(asked, found.rounds);
  }
  return found;
}

}  // namespace discreet::federated
