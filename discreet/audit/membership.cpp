#include "discreet/audit/membership.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "discreet/core/error.h"
#include "discreet/core/random.h"

namespace discreet::audit {
namespace {

constexpr std::size_t kLeastExamples = 20;

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
  const stats::MembershipResult blind = stats::blind_membership(member_features, nonmember_features, options);

  Json results = Json::array({stats::membership_json("loss", attack),
                              stats::blind_membership_json("blind bag of words", blind)});
  results[0]["sees_model"] = true;
  results[0]["verdict"] = stats::membership_verdict(attack.auc, blind.auc);
  return results;
}

}  // namespace discreet::audit
