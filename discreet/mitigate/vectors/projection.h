#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "discreet/core/config.h"

namespace discreet::mitigate {

/// Rows of a representation and what marks a protected attribute in them.
struct ProjectionData {
  std::size_t dimension = 0;
  std::vector<double> rows;           ///< [n, dimension]
  std::vector<std::uint32_t> labels;  ///< [n] class of the attribute, 0..classes-1; empty: pairs alone.
  std::size_t classes = 0;
  /// Rows that differ in the attribute and, as far as can be had, in nothing else.
  std::vector<std::pair<std::size_t, std::size_t>> pairs;

  std::size_t size() const { return dimension == 0 ? 0 : rows.size() / dimension; }
  std::span<const double> row(std::size_t i) const { return {rows.data() + i * dimension, dimension}; }
};

/// x -> A x + b on columns x of `dimension` values.
struct AffineMap {
  std::size_t dimension = 0;
  std::vector<double> matrix;  ///< A, [dimension, dimension] row-major.
  std::vector<double> offset;  ///< b, [dimension].
  std::size_t removed = 0;     ///< Rank of I - A: directions that are gone.
  /// What the method found out on its way, in words.
  std::vector<std::string> notes;

  bool linear() const;  ///< b is 0.
  std::vector<double> apply(std::span<const double> rows) const;
};

/// A method of removing an attribute. Entries of kind "projection".
struct ProjectionMethod {
  /// Throws: kBadData where there is nothing to remove (rank 0) or nothing would remain (full rank), and where
  /// labels or pairs lack; kUsage for options.
  AffineMap (*fit)(const ProjectionData& data, const core::Config& options);
  bool needs_pairs = false;   ///< Else labels.
  bool unit_length = false;   ///< Made for rows of length 1, static vectors: then words are equalised too.
};

/// I minus the projector on the span of `directions` [k, dimension]; directions within `tolerance` of the span
/// of those before add nothing. Its square is itself, it is symmetric, and it takes each direction to 0.
AffineMap without_span(std::span<const double> directions, std::size_t dimension, double tolerance = 1e-9);

/// The `components` directions in which the two rows of a pair differ most: rows scaled to length 1, each pair
/// centred on its own mean, principal components. Adds the share of the differences that they explain to `notes`.
/// Throws: kBadData without pairs, if no pair differs, or if fewer directions differ than are asked for.
std::vector<double> pair_directions(const ProjectionData& data, std::size_t components, std::vector<std::string>& notes);

/// Zero rows, and rows that equal an earlier one: what a fit should be told about.
struct OddRows {
  std::size_t zero = 0, repeated = 0;
};
OddRows count_odd_rows(const ProjectionData& data);

/// Throws: kBadData where `map` removes nothing, or all that rows of rank `rank` hold.
void check_rank(const AffineMap& map, std::size_t rank, const std::string& method);
/// Rank of the rows about their mean.
std::size_t centered_rank(const ProjectionData& data);

}  // namespace discreet::mitigate
