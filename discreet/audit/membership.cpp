#include "discreet/audit/membership.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "discreet/core/error.h"
#include "discreet/core/random.h"

namespace discreet::audit {
namespace {

constexpr std::size_t kLeastExamples = 20;

/// FNV-1a: features need no secrecy, only to be the same everywhere.
std::uint64_t feature_hash(std::string_view text, std::uint64_t hash = 0xcbf29ce484222325ULL) {
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3ULL;
  }
  // The low bits choose the bucket; FNV mixes them least.
  return hash ^ (hash >> 29);
}

std::string interval_text(const stats::AucEstimate& estimate) {
  return fmt::format("{:.3f} [{:.3f}, {:.3f}]", estimate.auc, estimate.ci->low, estimate.ci->high);
}

}  // namespace

MembershipSample sample_members(std::span<const std::string> members,
                                std::span<const std::string> nonmembers, std::size_t most_members,
                                std::uint64_t seed) {
  struct Count {
    std::uint64_t members = 0;
    std::uint64_t nonmembers = 0;
  };
  std::unordered_map<std::string_view, Count> counts;
  for (const std::string& text : members) ++counts[text].members;
  for (const std::string& text : nonmembers) ++counts[text].nonmembers;

  MembershipSample sample;
  const auto keep = [&](const std::string& text, std::size_t place, bool member) {
    const Count& count = counts[text];
    if (count.members > 0 && count.nonmembers > 0) {
      ++sample.across;
    } else if (count.members > 1) {
      ++sample.within_members;
    } else if (count.nonmembers > 1) {
      ++sample.within_nonmembers;
    } else {
      (member ? sample.members : sample.nonmembers).push_back(static_cast<std::int64_t>(place));
    }
  };
  for (std::size_t i = 0; i < members.size(); ++i) keep(members[i], i, true);
  for (std::size_t i = 0; i < nonmembers.size(); ++i) keep(nonmembers[i], i, false);

  if (sample.members.size() > most_members) {
    core::ReproducibleRng rng(seed, "membership sample");
    core::shuffle(std::span<std::int64_t>(sample.members), rng);
    sample.members.resize(most_members);
    std::sort(sample.members.begin(), sample.members.end());
  }
  return sample;
}

stats::FeatureBag text_features(std::span<const std::string> words) {
  stats::FeatureBag features;
  const std::string* before = nullptr;
  for (const std::string& word : words) {
    features.push_back(feature_hash(word));
    features.push_back(feature_hash(word, feature_hash(before == nullptr ? "" : *before) ^ 1));
    before = &word;
  }
  features.push_back(feature_hash(fmt::format("\n{}", std::min<std::size_t>(words.size(), 30))));
  return features;
}

std::string membership_verdict(const stats::AucEstimate& attack, const stats::AucEstimate& blind) {
  if (!attack.ci || !blind.ci) return "No verdict: too few examples for intervals.";
  if (!blind.ci->contains(0.5)) {
    return fmt::format(
        "No verdict: a baseline that sees no model tells the two sides apart (AUC {}), so they "
        "differ "
        "by more than membership.",
        interval_text(blind));
  }
  if (attack.ci->low > 0.5) {
    return fmt::format("Members can be told from others: AUC {}; without the model {}.",
                       interval_text(attack), interval_text(blind));
  }
  if (attack.ci->high < 0.5) {
    return fmt::format(
        "Members score lower than others (AUC {}), which this attack does not expect: look at the "
        "data.",
        interval_text(attack));
  }
  return fmt::format("This attack finds nothing: AUC {}; a stronger attack may.",
                     interval_text(attack));
}

Json membership_results(std::span<const double> member_scores,
                        std::span<const double> nonmember_scores,
                        std::span<const stats::FeatureBag> member_features,
                        std::span<const stats::FeatureBag> nonmember_features,
                        const stats::MembershipOptions& options) {
  if (std::min(member_scores.size(), nonmember_scores.size()) < kLeastExamples) {
    throw bad_data(
        fmt::format("{} members and {} non-members with single texts, expected at least {} of each",
                    member_scores.size(), nonmember_scores.size(), kLeastExamples),
        "Hold out a larger part: train --hold-out 0.1, or use more data.");
  }
  const stats::MembershipResult attack =
      stats::membership(member_scores, nonmember_scores, options);
  const stats::BlindScores blind_scores =
      stats::blind_scores(member_features, nonmember_features, {.seed = options.seed});
  const stats::MembershipResult blind =
      stats::membership(blind_scores.first, blind_scores.second, options);

  Json results = Json::array({stats::membership_json("loss", attack),
                              stats::membership_json("blind bag of words", blind)});
  results[0]["sees_model"] = true;
  results[0]["verdict"] = membership_verdict(attack.auc, blind.auc);
  results[1]["sees_model"] = false;
  // Its scores are ranks: a mean rank is no threshold that anybody would use.
  for (const char* key : {"ppv", "yeom"}) {
    results[1].erase(key);
    core::set_absent(results[1], key, "the baseline has no loss to set a threshold by");
  }
  results[1]["ci"].erase("ppv");
  return results;
}

}  // namespace discreet::audit
