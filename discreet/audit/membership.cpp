#include "discreet/audit/membership.h"

#include <algorithm>
#include <unordered_map>

#include "discreet/core/random.h"

namespace discreet::audit {
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

}  // namespace discreet::audit
