#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace discreet::app {

/// Texts as rows that a model made of them, with the profession that is to be told and the person's gender.
struct PortraitRows {
  std::size_t features = 0;
  std::vector<double> rows;                ///< [n, features]
  std::vector<std::uint32_t> profession;   ///< [n]
  std::vector<std::uint8_t> male;          ///< [n]
};

/// What a linear classifier of professions on a model's rows does to men and women.
struct DownstreamGap {
  double accuracy = 0;
  /// Root of the mean, over professions with both genders among the test texts, of the squared difference between the
  /// genders' true positive rates. Sampling noise alone makes it positive. Absent without such a profession.
  std::optional<double> tpr_gap;
  /// Mean difference of those rates in favour of the gender that the profession leans to; noise averages out of it.
  std::optional<double> lean_gap;
};

/// Fits on `train` and asks about `test`. `leans_male` [classes]. Ref: De-Arteaga et al. 2019 (true positive rate gap of a
/// profession); Romanov et al. 2019 (its root mean square).
/// Throws: kInternal for rows of other shapes or no rows.
DownstreamGap downstream_gap(const PortraitRows& train, const PortraitRows& test, std::span<const std::uint8_t> leans_male);

}  // namespace discreet::app
