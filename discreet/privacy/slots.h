#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace discreet::privacy {

/// Which slot of a step each unit falls into: a keyed hash (SipHash-2-4) of step and unit.
///
/// Guarantee: a unit's slot depends on nothing but key, step and itself, never on which other units
/// were drawn, so that adding or removing a unit changes one slot only; uniform over the slots up to
/// 2^-52. Cutting the drawn units into consecutive chunks lacks this: see docs/edp-sgd.md.
/// The key comes from the operating system; it cannot be saved, and a resumed run draws another.
class SlotAssignment {
 public:
  /// Throws: kUsage unless 1 <= slots <= kMostSlots; kPrivacyRefused without entropy. With
  /// `insecure_seed` the slots can be recomputed by who knows it.
  explicit SlotAssignment(std::int64_t slots, std::optional<std::uint64_t> insecure_seed = {});
  ~SlotAssignment();
  SlotAssignment(const SlotAssignment&) = delete;
  SlotAssignment& operator=(const SlotAssignment&) = delete;

  std::int64_t slots() const { return slots_; }
  /// In 0 .. slots - 1.
  std::int64_t slot_of(std::uint64_t step, std::uint64_t unit) const;
  bool secure() const { return secure_; }

  static constexpr std::int64_t kMostSlots = 4096;

 private:
  std::int64_t slots_;
  bool secure_;
  std::array<unsigned char, 16> key_{};
};

}  // namespace discreet::privacy
