#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace discreet::audit {

/// Which examples an attack may be judged on, by their places.
struct MembershipSample {
  std::vector<std::int64_t> members;     ///< Rising.
  std::vector<std::int64_t> nonmembers;  ///< Rising.
  std::uint64_t within_members = 0;      ///< Removed: the text stands in several members only.
  std::uint64_t within_nonmembers = 0;   ///< Removed: the text stands in several non-members only.
  std::uint64_t across = 0;              ///< Removed, of both sides: the text stands on both.
};

/// Keeps the examples whose text occurs once in all, and at most `most_members` of the members.
///
/// Keeping one of several copies would not do: copies fall on both sides unless all are members, so
/// frequent texts would be members more often than chance, and an attack that knows what is
/// frequent would look good. With single texts alone, both sides are draws from the same texts.
MembershipSample sample_members(std::span<const std::string> members,
                                std::span<const std::string> nonmembers, std::size_t most_members,
                                std::uint64_t seed);

}  // namespace discreet::audit
