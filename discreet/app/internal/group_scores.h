#pragma once

#include <optional>
#include <vector>

#include "discreet/app/group_table.h"

namespace discreet::app::internal {

Json interval_or_null(const std::optional<stats::Interval>& ci);

/// Appends gaps to `results`; keys[g] is the group's columns and values. `extra` goes into each.
void add_gaps(const std::vector<stats::GroupGap>& gaps, const std::vector<Json>& keys, Json& document,
              const Json& extra = Json::object());

/// Recall of each class by group (`by_class`) and its gaps.
void add_class_recall(const stats::GroupedPredictions& data, const std::vector<std::string>& classes,
                      const stats::GroupOptions& options, const std::vector<Json>& keys, Json& document);

/// Subgroup AUCs, calibration and distances: of the groups, and of `identity` subgroups (`by_identity`).
void add_subgroup_scores(const stats::GroupedPredictions& data, const GroupQuestion& question,
                         const std::vector<std::vector<std::uint8_t>>& identity, const std::vector<Json>& keys,
                         Json& document);

/// The counterfactual token fairness gap and its relatives.
void add_counterfactuals(const std::vector<double>& score, const std::vector<std::uint32_t>& set,
                         const std::vector<std::uint8_t>& original, const GroupQuestion& question, Json& document);

}  // namespace discreet::app::internal
