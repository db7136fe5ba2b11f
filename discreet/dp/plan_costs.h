#pragma once

namespace discreet::dp {

/// What the plans of a matrix product's rule cost (SegmentPlan) beyond the one weighted product that every
/// plan makes; nanoseconds on one core. The choice of a plan looks at their ratios alone.
struct PlanCosts {
  double pair;     ///< kGram: one multiply-add of the products of row pairs
  double product;  ///< kTiles: one multiply-add of an instantiated tile
  double kept;     ///< kKeep: one value that is written, squared, read again and added
};

/// The constants that plans are chosen by, on every machine alike (docs/adr/plan-costs-are-constants.md).
PlanCosts assumed_plan_costs();

/// The same measured here, on one thread. Cost: about 20 ms.
PlanCosts measured_plan_costs();

}  // namespace discreet::dp
