#include "discreet/app/internal/role_downstream.h"

#include <array>
#include <cmath>

#include "discreet/core/error.h"
#include "discreet/stats/probe.h"

namespace discreet::app {

DownstreamGap downstream_gap(const PortraitRows& train, const PortraitRows& test, std::span<const std::uint8_t> leans_male) {
  if (train.profession.empty() || test.profession.empty() || test.features != train.features) {
    throw internal_error("portraits of different shapes, or none");
  }
  const std::size_t classes = leans_male.size();
  const stats::Probe classifier(train.rows, train.features, train.profession, classes, {.l2 = 1e-3});
  const std::vector<std::uint32_t> told = classifier.predict(test.rows);
  struct Share {
    double right = 0, n = 0;
    double rate() const { return right / n; }
  };
  std::vector<std::array<Share, 2>> shares(classes);  // by profession and gender
  DownstreamGap gap;
  for (std::size_t i = 0; i < told.size(); ++i) {
    const bool right = told[i] == test.profession[i];
    Share& share = shares.at(test.profession[i])[test.male[i] != 0 ? 1 : 0];
    share.right += right ? 1 : 0;
    ++share.n;
    gap.accuracy += (right ? 1.0 : 0.0) / static_cast<double>(told.size());
  }
  double square = 0, lean = 0, counted = 0;
  for (std::size_t c = 0; c < classes; ++c) {
    const auto& [women, men] = shares[c];
    if (women.n == 0 || men.n == 0) continue;
    const double difference = men.rate() - women.rate();
    square += difference * difference;
    lean += leans_male[c] != 0 ? difference : -difference;
    ++counted;
  }
  if (counted == 0) return gap;
  gap.tpr_gap = std::sqrt(square / counted);
  gap.lean_gap = lean / counted;
  return gap;
}

}  // namespace discreet::app
