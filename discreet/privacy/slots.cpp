#include "discreet/privacy/slots.h"

#include <sodium.h>

#include <cstring>
#include <span>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/random.h"

namespace discreet::privacy {

static_assert(crypto_shorthash_KEYBYTES == 16 && crypto_shorthash_BYTES == 8);

SlotAssignment::SlotAssignment(std::int64_t slots, std::optional<std::uint64_t> insecure_seed)
    : slots_(slots), secure_(!insecure_seed.has_value()) {
  if (slots < 1 || slots > kMostSlots) {
    throw usage_error(fmt::format("slots = {}: expected an integer in [1, {}]", slots, kMostSlots));
  }
  if (secure_) {
    core::SecureRng().fill(std::as_writable_bytes(std::span(key_)));
    return;
  }
  core::ReproducibleRng rng(*insecure_seed, "slots");
  for (std::size_t i = 0; i < key_.size(); i += 8) {
    const std::uint64_t word = rng();
    std::memcpy(key_.data() + i, &word, 8);
  }
}

SlotAssignment::~SlotAssignment() { sodium_memzero(key_.data(), key_.size()); }

std::int64_t SlotAssignment::slot_of(std::uint64_t step, std::uint64_t unit) const {
  const std::uint64_t input[2] = {step, unit};
  unsigned char bytes[8];
  crypto_shorthash(bytes, reinterpret_cast<const unsigned char*>(input), sizeof(input), key_.data());
  std::uint64_t hash;
  std::memcpy(&hash, bytes, 8);
  // The high part of hash * slots: every slot has floor or ceiling of 2^64 / slots hashes.
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::int64_t>((static_cast<Wide>(hash) * static_cast<Wide>(slots_)) >> 64);
}

}  // namespace discreet::privacy
