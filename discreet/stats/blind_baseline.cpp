#include "discreet/stats/blind_baseline.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "discreet/core/error.h"
#include "discreet/core/random.h"

namespace discreet::stats {
namespace {

struct Row {
  std::vector<std::uint32_t> features;
  double scale = 0;  // 1 / sqrt(number of features): long texts do not outvote short ones.
  bool of_first = false;
  int fold = 0;
  double score = 0;
};

/// A logistic regression on sparse rows, trained by AdaGrad; no intercept.
class Regression {
 public:
  explicit Regression(const BlindOptions& options)
      : options_(options), weights_(options.buckets), squares_(options.buckets, 1e-6F) {}

  double margin(const Row& row) const {
    double sum = 0;
    for (const std::uint32_t feature : row.features) sum += weights_[feature];
    return sum * row.scale;
  }

  void learn(const Row& row, double importance) {
    const double target = row.of_first ? 1 : 0;
    const double error = (1 / (1 + std::exp(-margin(row))) - target) * importance * row.scale;
    for (const std::uint32_t feature : row.features) {
      const double gradient = error + options_.l2 * weights_[feature];
      squares_[feature] += static_cast<float>(gradient * gradient);
      weights_[feature] -= static_cast<float>(options_.learning_rate * gradient /
                                              std::sqrt(static_cast<double>(squares_[feature])));
    }
  }

 private:
  const BlindOptions& options_;
  std::vector<float> weights_;
  std::vector<float> squares_;
};

/// Replaces scores of one fold by their ranks, ties at the middle, in (0, 1).
void rank_fold(std::vector<Row*>& rows) {
  std::sort(rows.begin(), rows.end(),
            [](const Row* a, const Row* b) { return a->score < b->score; });
  const double n = static_cast<double>(rows.size());
  std::vector<double> ranks(rows.size());
  for (std::size_t from = 0; from < rows.size();) {
    std::size_t to = from + 1;
    while (to < rows.size() && rows[to]->score == rows[from]->score) ++to;
    const double middle = (static_cast<double>(from) + static_cast<double>(to)) / 2;
    for (std::size_t i = from; i < to; ++i) ranks[i] = middle / n;
    from = to;
  }
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i]->score = ranks[i];
}

void add_rows(std::span<const FeatureBag> bags, bool of_first, const BlindOptions& options,
              core::ReproducibleRng& rng, std::vector<Row>& rows) {
  std::vector<int> folds(bags.size());
  for (std::size_t i = 0; i < folds.size(); ++i) folds[i] = static_cast<int>(i) % options.folds;
  core::shuffle(std::span<int>(folds), rng);
  for (std::size_t i = 0; i < bags.size(); ++i) {
    Row row{.of_first = of_first, .fold = folds[i]};
    for (const std::uint64_t feature : bags[i]) {
      row.features.push_back(static_cast<std::uint32_t>(feature % options.buckets));
    }
    row.scale = row.features.empty() ? 0 : 1 / std::sqrt(static_cast<double>(row.features.size()));
    rows.push_back(std::move(row));
  }
}

/// FNV-1a: features need no secrecy, only to be the same everywhere.
std::uint64_t feature_hash(std::string_view text, std::uint64_t hash = 0xcbf29ce484222325ULL) {
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3ULL;
  }
  // The low bits choose the bucket; FNV mixes them least.
  return hash ^ (hash >> 29);
}

std::string auc_text(const AucEstimate& estimate) {
  return fmt::format("{:.3f} [{:.3f}, {:.3f}]", estimate.auc, estimate.ci->low, estimate.ci->high);
}

}  // namespace

BlindScores blind_scores(std::span<const FeatureBag> first, std::span<const FeatureBag> second,
                         const BlindOptions& options) {
  const std::size_t folds = static_cast<std::size_t>(options.folds);
  if (options.folds < 2 || std::min(first.size(), second.size()) < folds) {
    throw internal_error(
        fmt::format("{} folds of {} and {} examples", options.folds, first.size(), second.size()));
  }
  core::ReproducibleRng rng(options.seed, "blind baseline");
  std::vector<Row> rows;
  add_rows(first, true, options, rng, rows);
  add_rows(second, false, options, rng, rows);
  const double total = static_cast<double>(rows.size());
  const double of_first = total / (2 * static_cast<double>(first.size()));
  const double of_second = total / (2 * static_cast<double>(second.size()));

  std::vector<std::uint32_t> order(rows.size());
  std::iota(order.begin(), order.end(), 0U);
  for (int fold = 0; fold < options.folds; ++fold) {
    Regression regression(options);
    for (int epoch = 0; epoch < options.epochs; ++epoch) {
      core::shuffle(std::span<std::uint32_t>(order), rng);
      for (const std::uint32_t i : order) {
        if (rows[i].fold == fold) continue;
        regression.learn(rows[i], rows[i].of_first ? of_first : of_second);
      }
    }
    std::vector<Row*> held_out;
    for (Row& row : rows) {
      if (row.fold != fold) continue;
      row.score = regression.margin(row);
      held_out.push_back(&row);
    }
    rank_fold(held_out);
  }
  BlindScores scores;
  for (const Row& row : rows) (row.of_first ? scores.first : scores.second).push_back(row.score);
  return scores;
}

FeatureBag text_features(std::span<const std::string> words) {
  FeatureBag features;
  const std::string* before = nullptr;
  for (const std::string& word : words) {
    features.push_back(feature_hash(word));
    features.push_back(feature_hash(word, feature_hash(before == nullptr ? "" : *before) ^ 1));
    before = &word;
  }
  features.push_back(feature_hash(fmt::format("\n{}", std::min<std::size_t>(words.size(), 30))));
  return features;
}

namespace {

/// How much further the baseline's AUC strays from .5 than DeLong's interval of it says, where sides are drawn by
/// lot: DeLong takes scores for independent, and those of cross-validated regressions are not. At least 1.
double straying(std::span<const FeatureBag> members, std::span<const FeatureBag> nonmembers, const MembershipOptions& options) {
  constexpr int kShuffles = 30;
  constexpr std::size_t kMost = 2000;  // examples: the ratio hardly changes with their number
  std::vector<const FeatureBag*> all;
  for (const FeatureBag& bag : members) all.push_back(&bag);
  for (const FeatureBag& bag : nonmembers) all.push_back(&bag);
  const double share = static_cast<double>(members.size()) / static_cast<double>(all.size());
  core::ReproducibleRng rng(options.seed, "blind baseline by lot");
  double squares = 0, expected = 0;
  for (int k = 0; k < kShuffles; ++k) {
    core::shuffle(std::span<const FeatureBag*>(all), rng);
    const std::size_t n = std::min(all.size(), kMost);
    const auto first = static_cast<std::size_t>(std::lround(share * static_cast<double>(n)));
    std::vector<FeatureBag> sides[2];
    for (std::size_t i = 0; i < n; ++i) sides[i < first ? 0 : 1].push_back(*all[i]);
    BlindOptions blind;
    blind.seed = options.seed + static_cast<std::uint64_t>(k) + 1;
    if (std::min(sides[0].size(), sides[1].size()) < static_cast<std::size_t>(blind.folds)) return 1;
    const BlindScores scores = blind_scores(sides[0], sides[1], blind);
    const AucEstimate auc = delong(scores.first, scores.second, options.confidence);
    squares += (auc.auc - 0.5) * (auc.auc - 0.5);
    expected += auc.variance;
  }
  return expected > 0 ? std::max(1.0, std::sqrt(squares / expected)) : 1;
}

}  // namespace

MembershipResult blind_membership(std::span<const FeatureBag> members, std::span<const FeatureBag> nonmembers,
                                  const MembershipOptions& options) {
  const BlindScores scores = blind_scores(members, nonmembers, {.seed = options.seed});
  MembershipResult result = membership(scores.first, scores.second, options);
  if (result.auc.ci) {
    const double wider = straying(members, nonmembers, options);
    result.auc.ci->low = std::max(0.0, result.auc.auc - wider * (result.auc.auc - result.auc.ci->low));
    result.auc.ci->high = std::min(1.0, result.auc.auc + wider * (result.auc.ci->high - result.auc.auc));
  }
  return result;
}

Json blind_membership_json(const std::string& attack, const MembershipResult& blind) {
  Json json = membership_json(attack, blind);
  json["sees_model"] = false;
  for (const char* key : {"ppv", "yeom"}) {
    json.erase(key);
    core::set_absent(json, key, "the baseline has no loss to set a threshold by");
  }
  json["ci"].erase("ppv");
  return json;
}

std::string membership_verdict(const AucEstimate& attack, const AucEstimate& blind) {
  if (!attack.ci || !blind.ci) return "No verdict: too few examples for intervals.";
  if (!blind.ci->contains(0.5)) {
    return fmt::format(
        "No verdict: a baseline that sees no model tells the two sides apart (AUC {}), so they "
        "differ "
        "by more than membership.",
        auc_text(blind));
  }
  if (attack.ci->low > 0.5) {
    return fmt::format("Members can be told from others: AUC {}; without the model {}.",
                       auc_text(attack), auc_text(blind));
  }
  if (attack.ci->high < 0.5) {
    return fmt::format(
        "Members score lower than others (AUC {}), which this attack does not expect: look at the "
        "data.",
        auc_text(attack));
  }
  return fmt::format("This attack finds nothing: AUC {}; a stronger attack may.", auc_text(attack));
}

}  // namespace discreet::stats
