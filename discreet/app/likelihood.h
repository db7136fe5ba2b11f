#pragma once

#include <filesystem>

#include "discreet/core/json.h"

namespace discreet::app {

/// StereoSet from a file of scores: a discreet.fairness.likelihood/1 document with one result per split
/// (intrasentence, intersentence, overall) and bias type, and one over all types.
///
/// `data`: JSON lines with type, id, bias_type, target and three sentences with id and gold_label, or
/// the benchmark's own JSON. `scores`: {"intrasentence": [{"id", "score"}], …} or JSON lines
/// {"id", "score"}; the score is a probability or likelihood, higher = likelier.
/// Throws: kBadData naming file and entry: an example without its three labels, a doubled id, a
/// sentence without a score, a score of no known sentence, a score that is not finite.
Json stereoset_of_scores(const std::filesystem::path& data, const std::filesystem::path& scores);

/// CrowS-Pairs from a file of scores: results by bias type and overall.
///
/// `data`: the benchmark's CSV, pairs numbered from 0 in its order. `scores`: JSON lines or CSV with the
/// columns id, score_more and score_less (pseudo-log-likelihoods of the tokens that both sentences
/// share). `round_to`: see stats/crows_pairs.h. Throws: as above.
Json crows_pairs_of_scores(const std::filesystem::path& data, const std::filesystem::path& scores,
                           int round_to);

}  // namespace discreet::app
