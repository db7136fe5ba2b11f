#pragma once

#include <optional>
#include <string>
#include <vector>

#include "discreet/stats/weat.h"

namespace discreet::stats {

/// A group set against another one, each by the vectors of its words (names, terms).
struct GroupContrast {
  WordSet group, other;
};

/// What is known of one word.
struct WordBias {
  std::vector<std::optional<double>> intersectional;  ///< Effect size against each other group.
  std::vector<std::optional<double>> constituent;     ///< For each constituent group.
  bool biased = false;    ///< All intersectional effects are above the threshold.
  bool emergent = false;  ///< Biased, and associated with no constituent group.
};

/// Intersectional bias detection (IBD) and its emergent part (EIBD) on static vectors.
///
/// A word is biased if its WEFAT effect size for the intersectional group against every other group is above
/// `threshold`; emergent if besides no constituent's effect is (for African American women: African Americans
/// against European Americans, women against men). An absent effect (all cosines equal) is not above.
/// Throws: as `wefat`. Ref: Guo and Caliskan 2021, supplement 8.2.
std::vector<WordBias> intersectional_bias(const WordSet& words, const std::vector<GroupContrast>& intersectional,
                                          const std::vector<GroupContrast>& constituents, double threshold);

}  // namespace discreet::stats
