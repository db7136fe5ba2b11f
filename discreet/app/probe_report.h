#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "discreet/app/before_after.h"
#include "discreet/mitigate/vectors/projection.h"

namespace discreet::app {

/// How rows are probed.
struct ProbePlan {
  std::size_t folds = 5;
  std::size_t hidden = 32;  ///< Units of the non-linear probe.
  std::uint64_t seed = 0;
};

/// Folds in which rows of one `unit` stay together, classes as even as units allow. Returns [n] in 0..folds-1.
std::vector<std::uint32_t> probe_folds(const std::vector<std::uint32_t>& unit, std::size_t folds, std::uint64_t seed);

/// Right predictions of `labels` from rows before and after, as effects "<what>_linear_probe" and
/// "<what>_network_probe" on fairness: an attribute that can be told from a row can be acted on. Better is towards
/// the largest class's share. Intervals are Wilson's; that of the difference is Newcombe's as of independent
/// samples, wider than paired ones would be.
///
/// `rows_after(k)`: all rows after the mitigation as fold k is to see them; a projection is fitted without the rows of
/// that fold, so that no probe is asked of rows that the projection was made from.
std::vector<Effect> probe_effects(const std::string& what, const mitigate::ProjectionData& data,
                                  const std::vector<std::uint32_t>& fold, const ProbePlan& plan,
                                  const std::function<std::vector<double>(std::size_t fold)>& rows_after);

/// `data` without the rows of fold k; pairs that lose a row are gone.
mitigate::ProjectionData without_fold(const mitigate::ProjectionData& data, const std::vector<std::uint32_t>& fold, std::size_t k);

/// "nearest_ten_<unit>s_kept": of the nearest ten rows by cosine of a sample of rows, the share that stays among them;
/// rows beyond the first 20,000 are not looked at. Shapes: [n, dimension] each.
Effect nearest_ten_kept(const std::string& unit, std::span<const double> before, std::span<const double> after, std::size_t dimension);

/// "projection": method, directions removed of how many, odd rows, notes.
Json describe_projection(const std::string& method, const mitigate::AffineMap& map, const mitigate::ProjectionData& data);

}  // namespace discreet::app
