#include "discreet/stats/membership.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "discreet/core/random.h"
#include "discreet/stats/bootstrap.h"

namespace discreet::stats {
namespace {

constexpr std::size_t kLeastForSplit = 4;

/// The largest TPR - FPR of resamples, by counting scores' ranks instead of sorting each time.
class MaximumAdvantage {
 public:
  MaximumAdvantage(std::span<const double> members, std::span<const double> nonmembers)
      : n_members_(members.size()) {
    std::vector<double> scores(members.begin(), members.end());
    scores.insert(scores.end(), nonmembers.begin(), nonmembers.end());
    std::vector<double> distinct = scores;
    std::sort(distinct.begin(), distinct.end());
    distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
    balance_.resize(distinct.size());
    for (const double score : scores) {
      ranks_.push_back(static_cast<std::uint32_t>(
          std::lower_bound(distinct.begin(), distinct.end(), score) - distinct.begin()));
    }
    gain_ = 1 / static_cast<double>(members.size());
    loss_ = 1 / static_cast<double>(nonmembers.size());
  }

  double operator()(std::span<const std::uint32_t> indices) {
    std::fill(balance_.begin(), balance_.end(), 0.0);
    for (const std::uint32_t i : indices) balance_[ranks_[i]] += i < n_members_ ? gain_ : -loss_;
    double sum = 0;
    double best = 0;
    for (std::size_t rank = balance_.size(); rank-- > 0;) {
      sum += balance_[rank];
      best = std::max(best, sum);
    }
    return best;
  }

 private:
  std::size_t n_members_;
  double gain_;
  double loss_;
  std::vector<std::uint32_t> ranks_;
  std::vector<double> balance_;
};

std::uint64_t count_at_least(std::span<const double> scores, double threshold) {
  return static_cast<std::uint64_t>(std::count_if(
      scores.begin(), scores.end(), [threshold](double score) { return score >= threshold; }));
}

struct Halves {
  std::vector<double> first;
  std::vector<double> second;
};

Halves split(std::span<const double> scores, core::ReproducibleRng& rng) {
  std::vector<double> mixed(scores.begin(), scores.end());
  core::shuffle(std::span<double>(mixed), rng);
  const auto middle = mixed.begin() + static_cast<std::ptrdiff_t>(mixed.size() / 2);
  return {{mixed.begin(), middle}, {middle, mixed.end()}};
}

/// Each half is judged at the threshold that was best on the other.
void held_out_advantage(std::span<const double> members, std::span<const double> nonmembers,
                        MembershipResult& result) {
  if (std::min(members.size(), nonmembers.size()) < kLeastForSplit) return;
  core::ReproducibleRng rng(result.options.seed, "membership split");
  const Halves in = split(members, rng);
  const Halves out = split(nonmembers, rng);
  const double for_second = roc_curve(in.first, out.first).best().threshold;
  const double for_first = roc_curve(in.second, out.second).best().threshold;
  const std::uint64_t hits =
      count_at_least(in.first, for_first) + count_at_least(in.second, for_second);
  const std::uint64_t alarms =
      count_at_least(out.first, for_first) + count_at_least(out.second, for_second);
  result.advantage_held_out = static_cast<double>(hits) / static_cast<double>(members.size()) -
                              static_cast<double>(alarms) / static_cast<double>(nonmembers.size());
  result.advantage_held_out_ci = newcombe_difference(hits, members.size(), alarms,
                                                     nonmembers.size(), result.options.confidence);
}

std::optional<ThresholdAttack> yeom_attack(std::span<const double> members,
                                           std::span<const double> nonmembers, double confidence) {
  const double mean =
      std::accumulate(members.begin(), members.end(), 0.0) / static_cast<double>(members.size());
  if (!std::isfinite(mean)) return std::nullopt;
  ThresholdAttack attack;
  attack.threshold = mean;
  attack.true_positives = count_at_least(members, mean);
  attack.false_positives = count_at_least(nonmembers, mean);
  attack.tpr = static_cast<double>(attack.true_positives) / static_cast<double>(members.size());
  attack.fpr = static_cast<double>(attack.false_positives) / static_cast<double>(nonmembers.size());
  attack.advantage = attack.tpr - attack.fpr;
  attack.advantage_ci = newcombe_difference(attack.true_positives, members.size(),
                                            attack.false_positives, nonmembers.size(), confidence);
  const std::uint64_t called = attack.true_positives + attack.false_positives;
  if (called > 0) {
    attack.ppv = static_cast<double>(attack.true_positives) / static_cast<double>(called);
    attack.ppv_ci = clopper_pearson(attack.true_positives, called, confidence);
  }
  return attack;
}

Json interval_json(const std::optional<Interval>& ci) {
  return ci ? Json::array({ci->low, ci->high}) : Json();
}

Json curve_json(const Roc& roc, std::size_t most) {
  const std::size_t n = roc.points.size();
  const std::size_t best = static_cast<std::size_t>(&roc.best() - roc.points.data());
  std::vector<std::size_t> kept;
  if (n <= most) {
    kept.resize(n);
    std::iota(kept.begin(), kept.end(), std::size_t{0});
  } else {
    // Half of the points evenly along the curve, half where the FPR is low: on log axes that is
    // where the chart needs them.
    const std::size_t half = most / 2;
    for (std::size_t k = 0; k < half; ++k) kept.push_back(k * (n - 1) / (half - 1));
    const double span = std::log(static_cast<double>(n));
    for (std::size_t k = 0; k + 1 < half; ++k) {
      kept.push_back(static_cast<std::size_t>(
                         std::exp(span * static_cast<double>(k) / static_cast<double>(half - 1))) -
                     1);
    }
    kept.push_back(best);
    std::sort(kept.begin(), kept.end());
    kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
  }
  Json curve = Json::array();
  for (const std::size_t i : kept) {
    curve.push_back(Json::array({roc.fpr(roc.points[i]), roc.tpr(roc.points[i])}));
  }
  return curve;
}

}  // namespace

MembershipResult membership(std::span<const double> members, std::span<const double> nonmembers,
                            const MembershipOptions& options) {
  MembershipResult result;
  result.options = options;
  result.n_members = members.size();
  result.n_nonmembers = nonmembers.size();
  result.roc = roc_curve(members, nonmembers);
  result.auc = delong(members, nonmembers, options.confidence);
  result.advantage = result.roc.advantage();
  held_out_advantage(members, nonmembers, result);

  std::vector<Stratum> strata = {whole_sample(members.size()), whole_sample(nonmembers.size())};
  for (std::uint32_t& index : strata[1]) index += static_cast<std::uint32_t>(members.size());
  MaximumAdvantage maximum(members, nonmembers);
  const BootstrapEstimate boot = bootstrap(
      strata,
      [&maximum](std::span<const std::uint32_t> indices) -> std::optional<double> {
        return maximum(indices);
      },
      {.resamples = options.resamples, .confidence = options.confidence, .seed = options.seed});
  const double low = result.advantage_held_out_ci ? result.advantage_held_out_ci->low : 0;
  result.advantage_ci = {std::clamp(low, 0.0, result.advantage),
                         std::max(boot.ci ? boot.ci->high : 1.0, result.advantage)};

  for (const double fpr : options.false_positive_rates) {
    result.tpr_at_fpr.push_back(tpr_at_fpr(result.roc, fpr, options.confidence));
  }
  result.yeom = yeom_attack(members, nonmembers, options.confidence);
  return result;
}

Json membership_json(const std::string& attack, const MembershipResult& result,
                     std::size_t curve_points) {
  Json json = {{"attack", attack}, {"auc", result.auc.auc}, {"advantage", result.advantage}};
  Json ci = {{"auc", interval_json(result.auc.ci)},
             {"advantage", interval_json(result.advantage_ci)}};
  if (result.advantage_held_out) {
    json["advantage_held_out"] = *result.advantage_held_out;
    ci["advantage_held_out"] = interval_json(result.advantage_held_out_ci);
  } else {
    core::set_absent(json, "advantage_held_out", "needs at least 4 examples on each side");
  }
  Json rates = Json::object();
  Json reasons = Json::object();
  Json rate_ci = Json::object();
  Json fpr_ci = Json::object();
  for (const TprAtFpr& at : result.tpr_at_fpr) {
    const std::string key = fmt::format("{}", at.fpr);
    rates[key] = at.tpr ? Json(*at.tpr) : Json();
    if (!at.tpr) {
      reasons[key] = at.reason;
      continue;
    }
    rate_ci[key] = interval_json(at.ci);
    fpr_ci[key] = interval_json(at.fpr_ci);
  }
  json["tpr_at_fpr"] = rates;
  if (!reasons.empty()) json["tpr_at_fpr_reason"] = reasons;
  ci["tpr_at_fpr"] = rate_ci;
  ci["fpr"] = fpr_ci;
  if (result.yeom) {
    const ThresholdAttack& y = *result.yeom;
    if (y.ppv) {
      json["ppv"] = *y.ppv;
      ci["ppv"] = interval_json(y.ppv_ci);
    } else {
      core::set_absent(json, "ppv", "the threshold calls nobody a member");
    }
    json["yeom"] = {{"threshold", y.threshold},
                    {"tpr", y.tpr},
                    {"fpr", y.fpr},
                    {"advantage", y.advantage},
                    {"ci", {{"advantage", interval_json(y.advantage_ci)}}}};
  } else {
    core::set_absent(json, "ppv", "the members' mean score is not finite");
    core::set_absent(json, "yeom", "the members' mean score is not finite");
  }
  json["ci"] = ci;
  if (!result.auc.ci) json["ci_reason"] = "an interval of the AUC needs two examples on each side";
  json["confidence"] = result.options.confidence;
  json["n_members"] = result.n_members;
  json["n_nonmembers"] = result.n_nonmembers;
  json["roc"] = curve_json(result.roc, curve_points);
  return json;
}

std::vector<std::string> membership_caveats(const MembershipResult& result) {
  std::vector<std::string> caveats = {
      "advantage is the largest TPR - FPR over all thresholds of these data, so it errs upwards; "
      "advantage_held_out judges each half at the threshold that was best on the other.",
      fmt::format("ppv is of these {} members and {} non-members; where members are rarer it is "
                  "lower.",
                  result.n_members, result.n_nonmembers)};
  for (const TprAtFpr& at : result.tpr_at_fpr) {
    if (!at.tpr) caveats.push_back(fmt::format("TPR at FPR {} is absent: {}.", at.fpr, at.reason));
  }
  return caveats;
}

}  // namespace discreet::stats
