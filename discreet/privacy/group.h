#pragma once

#include <cstdint>

#include "discreet/privacy/accountant.h"

namespace discreet::privacy {

/// Epsilon for any `size` units at once, at `delta`.
///
/// Without sampling the sensitivity is `size` times as large, which the accountant counts exactly. With
/// sampling: (epsilon, delta) for one unit gives (k epsilon, delta (exp(k epsilon) - 1)/(exp(epsilon) -
/// 1)) for k, with the smallest epsilon that fits; this holds for every accountant and is loose.
/// Edge cases: size 1 is `accountant.epsilon`; infinity where no epsilon fits.
/// Throws: kUsage for size < 1; kPrivacyRefused if the event is not supported or not an upper bound.
/// Ref: Dwork and Roth 2014, Theorem 2.2; Vadhan 2017, Lemma 2.2.
Bound group_epsilon(const Accountant& accountant, const Event& event, std::int64_t size,
                    Delta delta);

}  // namespace discreet::privacy
