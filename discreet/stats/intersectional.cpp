#include "discreet/stats/intersectional.h"

#include <algorithm>

#include "discreet/core/error.h"

namespace discreet::stats {

std::vector<WordBias> intersectional_bias(const WordSet& words, const std::vector<GroupContrast>& intersectional,
                                          const std::vector<GroupContrast>& constituents, double threshold) {
  if (intersectional.empty()) throw internal_error("intersectional bias needs another group to compare with");
  const auto above = [&](const std::optional<double>& effect) { return effect && *effect > threshold; };
  std::vector<WordBias> found;
  for (std::size_t w = 0; w < words.size(); ++w) {
    WordBias bias;
    for (const GroupContrast& contrast : intersectional) bias.intersectional.push_back(wefat(words.row(w), contrast.group, contrast.other));
    for (const GroupContrast& contrast : constituents) bias.constituent.push_back(wefat(words.row(w), contrast.group, contrast.other));
    bias.biased = std::all_of(bias.intersectional.begin(), bias.intersectional.end(), above);
    bias.emergent = bias.biased && std::none_of(bias.constituent.begin(), bias.constituent.end(), above);
    found.push_back(std::move(bias));
  }
  return found;
}

}  // namespace discreet::stats
