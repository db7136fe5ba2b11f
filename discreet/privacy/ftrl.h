#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "discreet/privacy/matrix_mechanism.h"

namespace discreet::privacy {

/// What DP-FTRL is told: follow the regularised leader by prefix sums with correlated noise.
struct FtrlOptions {
  std::string matrix = "banded";  ///< "banded" or "tree".
  std::int64_t bands = 0;         ///< Banded: 0: 16, or as many as the separation allows.
  bool honaker = true;            ///< Tree: nodes are also estimated from their children.
  bool cyclic_poisson = false;    ///< Banded: groups in turn, Poisson sampling in each.
  std::uint64_t order_seed = 0;   ///< Public: the order of the units.
  double momentum = 0;            ///< Of the optimiser, to which the bands are fitted.
};

/// Bands of a run whose units take part `separation` steps apart at least.
/// Throws: kPrivacyRefused if `options.bands` are more than that.
std::int64_t chosen_bands(const FtrlOptions& options, std::int64_t steps, std::int64_t separation);

/// The strategy of a run: optimal bands; or trees, one over the whole run or one for each pass,
/// whichever has the smaller error in prefix sums at equal privacy.
/// Throws: kUsage on an unknown matrix; kPrivacyRefused if the pattern allows no bound.
std::shared_ptr<const NoiseStrategy> make_strategy(const FtrlOptions& options, std::int64_t steps,
                                                   const Participation& participation);

}  // namespace discreet::privacy
