#pragma once

#include <string>

namespace discreet::stats {

/// The stem of an English word in lower case: Porter's suffix stripping with NLTK's amendments
/// (irregular forms; "enjoy" keeps its y; "-ied" and "-ies" of short words keep an e), which is what the
/// package rouge_score stems with. Other characters than letters count as consonants.
/// Cost: O(length). Ref: Porter 1980; NLTK, PorterStemmer in its default mode.
std::string porter_stem(const std::string& word);

}  // namespace discreet::stats
