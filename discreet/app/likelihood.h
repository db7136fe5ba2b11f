#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "discreet/app/likelihood_data.h"
#include "discreet/core/document.h"
#include "discreet/core/json.h"

namespace discreet::app {

/// What a likelihood document rests on beside the benchmark's data.
struct ScoreSource {
  core::InputFile input;                ///< The file of scores, or the model.
  std::string name;                     ///< Of the scores, in errors.
  Json configuration = Json::object();  ///< Added to the document's own.
  std::vector<std::string> caveats;
  /// StereoSet: splits that the model cannot score, with why.
  std::map<std::string, std::string> absent{};
};

/// StereoSet: a discreet.fairness.likelihood/1 document with one result per split (intrasentence,
/// intersentence, overall) and bias type, and one over all types. `scores` by sentence id: a probability
/// or likelihood, higher = likelier.
/// Throws: kBadData naming a sentence without a score, a score of no known sentence, one that is not
/// finite.
Json stereoset_document(const std::filesystem::path& data, const std::vector<StereoItem>& items,
                        const std::map<std::string, double>& scores, const ScoreSource& source);
/// The same from a file of scores: see read_sentence_scores.
Json stereoset_of_scores(const std::filesystem::path& data, const std::filesystem::path& scores);

/// Scores of a pair's sentences, higher = likelier.
struct PairScoreRow {
  double more = 0, less = 0;
};
/// CrowS-Pairs: results by bias type and overall. `round_to`: see stats/crows_pairs.h.
Json crows_pairs_document(const std::filesystem::path& data, const std::vector<CrowsPair>& pairs,
                          const std::vector<PairScoreRow>& scores, const ScoreSource& source, int round_to);
/// The same from a file of scores: JSON lines or CSV with the columns id, score_more and score_less.
/// Throws: kBadData: a pair without a score, two scores of one pair, more scores than pairs.
Json crows_pairs_of_scores(const std::filesystem::path& data, const std::filesystem::path& scores,
                           int round_to);

/// A template's log probability bias; absent with a reason.
struct BiasRow {
  std::array<double, 2> increase{};
  std::optional<double> difference;
  std::string reason;
};
/// Log probability bias: one result per template and attribute, means by bias type and group, and over
/// all, with a bootstrap interval over templates.
Json log_bias_document(const std::filesystem::path& data, const std::vector<BiasTemplate>& templates,
                       const std::vector<BiasRow>& rows, const ScoreSource& source, std::uint64_t seed);

/// BBQ: accuracy and bias score by category and condition; `scores` per question and answer, the highest
/// is the model's answer, ties the first of them (counted).
Json bbq_document(const std::filesystem::path& data, const std::vector<BbqItem>& items,
                  const std::vector<std::array<double, 3>>& scores, const ScoreSource& source);
/// The same from JSON lines {"id", "scores": [a, b, c]}. Throws: kBadData as above.
Json bbq_of_scores(const std::filesystem::path& data, const std::filesystem::path& scores);

}  // namespace discreet::app
