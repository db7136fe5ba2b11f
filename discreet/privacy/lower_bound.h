#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace discreet::privacy {

/// What an attack's answers came to: of the trials with the canary tp were called so, fn were not; of
/// those without, fp were called so, tn were not.
struct AttackCounts {
  std::uint64_t tp = 0, fn = 0, fp = 0, tn = 0;
  bool operator==(const AttackCounts&) const = default;
};

/// Lower bounds on the epsilon of a mechanism from an attack on it: at the significance `alpha` (one
/// minus the confidence) a mechanism whose epsilon is below the bound would have done this well. An
/// attack that fails gives 0, which says nothing. All need a decision rule that was fixed before the
/// scores were seen, or a correction for those that were tried.
///
/// Throws, all of them: kUsage for counts of an empty side, alpha outside (0, 0.5), delta outside
/// [0, 1).

/// ln((TPR - delta) / FPR) with TPR's lower and FPR's upper Clopper-Pearson end, each at alpha/2.
/// `reversed`: also ln((TNR - delta) / FNR), from the same two ends, whichever is larger.
/// Ref: Jagielski, Ullman and Oprea 2020, section 4; Nasr et al. 2021.
double clopper_pearson_epsilon(const AttackCounts& counts, double delta, double alpha,
                               bool reversed = false);

/// Approximate intervals of a ratio of two rates.
enum class RatioMethod { kKatzLog, kAdjustedLog, kBailey, kInverseSinh };
inline constexpr RatioMethod kRatioMethods[] = {RatioMethod::kKatzLog, RatioMethod::kAdjustedLog,
                                                RatioMethod::kBailey, RatioMethod::kInverseSinh};
/// "katz-log", "adjusted-log", "bailey", "inverse-sinh".
std::string_view name(RatioMethod method);
/// Lower end, at level alpha, of TPR/FPR: exp(epsilon) for delta 0. Approximate, by a normal limit.
/// Edge cases: without true positives, or where a method has no value, 0; without false positives
/// half a one is counted.
/// Ref: Katz et al. 1978; Walter 1975; Bailey 1987; Newcombe 2001.
double ratio_lower_bound(const AttackCounts& counts, RatioMethod method, double alpha);

/// mu of Gaussian differential privacy: the largest Phi^-1(1 - FPR) - Phi^-1(FNR) over the rules in
/// `counts`, each rate at its upper end at alpha/(2k), k rules; at least 0. (Its absolute value, which
/// some audits take, is no bound: upper ends near 1 would count as evidence.) Holds for mechanisms
/// that are mu-GDP, as Gaussian noise without sampling is. Ref: Nasr et al. 2023; Dong, Roth and Su
/// 2022, equation 6.
double gdp_mu_lower_bound(std::span<const AttackCounts> counts, double alpha);
/// epsilon(delta) of that mu. Throws also: kUsage for delta 0.
double gdp_epsilon_lower_bound(std::span<const AttackCounts> counts, double delta, double alpha);

/// One training run with many canaries, each included by its own fair coin.
struct OneRun {
  std::uint64_t canaries = 0;  ///< All of them, included or not.
  std::uint64_t guesses = 0;   ///< How many the attacker answered; fixed before seeing the scores.
  std::uint64_t correct = 0;
};
/// Probability that an (epsilon, delta)-DP run would let so many guesses be correct, at most 1.
/// Cost: O(correct). Ref: Steinke, Nasr and Jagielski 2023, Theorem 5.2 and Algorithm 2.
double one_run_p_value(const OneRun& run, double epsilon, double delta);
/// Largest epsilon with a p-value below alpha, or `known` if it is not above that (which saves a search
/// where many rules are tried). Throws also: kUsage unless correct <= guesses <= canaries and canaries
/// > 0.
double one_run_epsilon(const OneRun& run, double delta, double alpha, double known = 0);
/// The same by the trade-off curve of the Gaussian mechanism that has (epsilon, delta): larger where
/// the mechanism is Gaussian, and valid only for those. Throws also: kUsage for delta 0.
/// Ref: Mahloujifar, Melis and Chaudhuri 2024, Algorithm 3.
double one_run_gaussian_epsilon(const OneRun& run, double delta, double alpha, double known = 0);

/// Counts at the thresholds that matter: "canary" is said at or above a threshold; thresholds are all
/// distinct scores and infinity, reduced to the vertices of the upper convex hull of (FN, TN), which
/// hold the best rule of any linear trade-off. Ascending. NaN must not be among the scores.
std::vector<AttackCounts> threshold_hull(std::span<const double> with,
                                         std::span<const double> without);
/// Counts at one threshold.
AttackCounts counts_at(std::span<const double> with, std::span<const double> without,
                       double threshold);

}  // namespace discreet::privacy
