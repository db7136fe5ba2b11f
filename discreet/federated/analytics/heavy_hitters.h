#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "discreet/privacy/event.h"
#include "discreet/privacy/noise.h"

namespace discreet::federated {

struct HeavyHitterOptions {
  std::string alphabet = "abcdefghijklmnopqrstuvwxyz'";  ///< Public; items with other bytes do not count.
  int longest = 12;               ///< Bytes of an item; longer ones do not count.
  std::int64_t most_items = 1;    ///< Different items of one device: the first ones of a longer list.
  double threshold = 0;           ///< Least (noisy) number of devices; 0: chosen, see below.
  std::int64_t most_prefixes = 200;  ///< Kept at each length, those with the largest counts.
  double noise_multiplier = 0;    ///< 0: exact counts, and no guarantee beyond the threshold.
  double sampling_rate = 1;       ///< With which each device is asked at each length, by itself.
};

struct HeavyHitter {
  std::string item;
  double devices = 0;  ///< Noisy, scaled up by 1 / sampling_rate.
};

struct HeavyHitters {
  std::vector<HeavyHitter> items;  ///< By falling count, then by name.
  double threshold = 0;            ///< In devices that were asked.
  double deviation = 0;            ///< Of the noise on a count of devices that were asked.
  privacy::Event event = privacy::Event::non_private();
  std::int64_t rounds = 0;
  std::int64_t truncated = 0;  ///< Prefixes that passed the threshold and fell to `most_prefixes`.
};

/// Finds items that many devices hold, without a list of items to ask for: prefixes grow by one letter
/// at a time, and only those that enough devices share are asked further (the tree of TrieHH, Zhu et al.
/// 2020, with Gaussian noise on the counts instead of its sampling argument).
///
/// What leaves a device at length l: one of each candidate prefix that some item of it begins with, or
/// that is one of its items with its end. Candidates are survivors times the public alphabet, so that
/// nothing is asked that data alone made up.
/// Guarantee: add or remove a device; it moves at most most_items counts by 1, norm sqrt(most_items), in
/// each of longest + 1 rounds: so many Gaussian mechanisms (Poisson sampled below a rate of 1). The number
/// of rounds does not depend on the data: rounds without survivors still count.
/// Without a threshold: so high that with 99 % chance no count of zero passes in any round; without noise
/// it is 2. Throws: kUsage for options out of range.
/// `uniform`: for sampling; of a SecureRng where a guarantee is claimed.
HeavyHitters find_heavy_hitters(std::span<const std::vector<std::string>> devices,
                                const HeavyHitterOptions& options, privacy::NoiseSource& noise,
                                const std::function<double()>& uniform);

}  // namespace discreet::federated
