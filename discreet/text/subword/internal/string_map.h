#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace discreet::text::subword {

inline std::uint64_t hash_bytes(std::string_view s) {
  constexpr std::uint64_t kMultiplier = 0x9E3779B97F4A7C15ull;
  const auto mix = [](std::uint64_t a, std::uint64_t b) {
    const auto product = static_cast<unsigned __int128>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  };
  std::uint64_t h = s.size() * kMultiplier + 0x2545F4914F6CDD1Dull;
  std::size_t i = 0;
  for (; i + 8 <= s.size(); i += 8) {
    std::uint64_t block;
    std::memcpy(&block, s.data() + i, 8);
    h = mix(h ^ block, kMultiplier);
  }
  std::uint64_t tail = 0;
  if (i < s.size()) std::memcpy(&tail, s.data() + i, s.size() - i);
  return mix(h ^ tail, kMultiplier ^ 0xD6E8FEB86659FD93ull);
}

/// Strings to numbers; open addressing, the strings in one block. Grows with what is put in.
class StringMap {
 public:
  static constexpr std::int32_t kNone = -1;

  std::size_t size() const { return count_; }
  std::size_t bytes() const { return keys_.size(); }
  void clear() {
    slots_.assign(slots_.size(), Slot{});
    keys_.clear();
    count_ = 0;
  }

  std::int32_t find(std::string_view key) const { return find(key, hash_bytes(key)); }
  std::int32_t find(std::string_view key, std::uint64_t hash) const {
    if (slots_.empty()) return kNone;
    const std::size_t mask = slots_.size() - 1;
    const auto tag = static_cast<std::uint32_t>(hash >> 32);
    for (std::size_t i = hash & mask;; i = (i + 1) & mask) {
      const Slot& slot = slots_[i];
      if (slot.value == kNone) return kNone;
      if (slot.tag == tag && slot.size == key.size() &&
          std::memcmp(keys_.data() + slot.offset, key.data(), key.size()) == 0) {
        return slot.value;
      }
    }
  }

  /// `value` >= 0. A key that is there keeps its place and gets the new value.
  void set(std::string_view key, std::int32_t value) { set(key, value, hash_bytes(key)); }
  void set(std::string_view key, std::int32_t value, std::uint64_t hash) {
    if ((count_ + 1) * 2 > slots_.size()) grow();
    const std::size_t mask = slots_.size() - 1;
    const auto tag = static_cast<std::uint32_t>(hash >> 32);
    for (std::size_t i = hash & mask;; i = (i + 1) & mask) {
      Slot& slot = slots_[i];
      if (slot.value == kNone) {
        slot = {tag, value, static_cast<std::uint32_t>(keys_.size()), static_cast<std::uint32_t>(key.size())};
        keys_.append(key);
        ++count_;
        return;
      }
      if (slot.tag == tag && slot.size == key.size() &&
          std::memcmp(keys_.data() + slot.offset, key.data(), key.size()) == 0) {
        slot.value = value;
        return;
      }
    }
  }

 private:
  struct Slot {
    std::uint32_t tag = 0;
    std::int32_t value = kNone;
    std::uint32_t offset = 0, size = 0;
  };

  void grow() {
    std::vector<Slot> old(slots_.empty() ? 16 : slots_.size() * 2);
    old.swap(slots_);
    const std::size_t mask = slots_.size() - 1;
    for (const Slot& slot : old) {
      if (slot.value == kNone) continue;
      std::size_t i = hash_bytes(std::string_view(keys_).substr(slot.offset, slot.size)) & mask;
      while (slots_[i].value != kNone) i = (i + 1) & mask;
      slots_[i] = slot;
    }
  }

  std::vector<Slot> slots_;
  std::string keys_;
  std::size_t count_ = 0;
};

/// Pairs of ids to (rank, id); open addressing.
class PairMap {
 public:
  struct Value {
    std::int32_t rank = -1;
    std::int32_t id = -1;
  };

  void reserve(std::size_t count) {
    std::size_t size = 16;
    while (size < count * 2 + 2) size *= 2;
    slots_.assign(size, Slot{});
  }
  /// Reserved for. A pair that is there is replaced.
  void set(std::int32_t left, std::int32_t right, Value value) {
    const std::uint64_t key = key_of(left, right);
    std::size_t i = place(key);
    while (slots_[i].value.rank >= 0 && slots_[i].key != key) i = (i + 1) & (slots_.size() - 1);
    slots_[i] = {key, value};
  }
  Value find(std::int32_t left, std::int32_t right) const {
    const std::uint64_t key = key_of(left, right);
    for (std::size_t i = place(key);; i = (i + 1) & (slots_.size() - 1)) {
      if (slots_[i].value.rank < 0) return {};
      if (slots_[i].key == key) return slots_[i].value;
    }
  }

 private:
  struct Slot {
    std::uint64_t key = 0;
    Value value;
  };
  static std::uint64_t key_of(std::int32_t left, std::int32_t right) {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 | static_cast<std::uint32_t>(right);
  }
  std::size_t place(std::uint64_t key) const {
    return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15ull) >> 20) & (slots_.size() - 1);
  }
  std::vector<Slot> slots_ = std::vector<Slot>(16);
};

}  // namespace discreet::text::subword
