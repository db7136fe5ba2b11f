#include "discreet/core/random.h"

#include <pthread.h>
#include <sodium.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <numbers>

#include "discreet/core/error.h"

namespace discreet::core {
namespace {

constexpr std::size_t kBufferWords = 512;

double to_unit(std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1.0p-53; }

// FNV-1a, mixed: streams need only be distinct, not secret.
std::uint64_t hash(std::string_view text) {
  std::uint64_t h = 0xcbf29ce484222325ull;
  for (const unsigned char c : text) h = (h ^ c) * 0x100000001b3ull;
  return h;
}

}  // namespace

ReproducibleRng::ReproducibleRng(std::uint64_t seed, std::string_view stream)
    : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)} {
  const std::uint64_t h = hash(stream);
  counter_[2] = static_cast<std::uint32_t>(h);
  counter_[3] = static_cast<std::uint32_t>(h >> 32);
}

void ReproducibleRng::refill() {
  auto key = key_;
  auto x = counter_;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = 0xD2511F53ull * x[0], p1 = 0xCD9E8D57ull * x[2];
    x = {static_cast<std::uint32_t>(p1 >> 32) ^ x[1] ^ key[0], static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32) ^ x[3] ^ key[1], static_cast<std::uint32_t>(p0)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  block_ = x;
  used_ = 0;
  if (++counter_[0] == 0) ++counter_[1];
}

ReproducibleRng::result_type ReproducibleRng::operator()() {
  if (used_ > 2) refill();
  const std::uint64_t value = block_[used_] | (static_cast<std::uint64_t>(block_[used_ + 1]) << 32);
  used_ += 2;
  return value;
}

double ReproducibleRng::uniform() { return to_unit((*this)()); }

std::uint64_t ReproducibleRng::below(std::uint64_t bound) {
  if (bound == 0) throw internal_error("ReproducibleRng::below(0)");
  const std::uint64_t limit = max() - max() % bound;
  for (;;) {
    const std::uint64_t value = (*this)();
    if (value < limit) return value % bound;
  }
}

double ReproducibleRng::normal() {
  const double u = 1.0 - uniform(), v = uniform();
  return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v);
}

ReproducibleRng::State ReproducibleRng::state() const { return {key_, counter_, used_}; }

void ReproducibleRng::restore(const State& state) {
  key_ = state.key;
  counter_ = state.counter;
  used_ = 4;
  if (state.used >= 4) return;
  // The block in use was made from the counter before the present one.
  if (counter_[0]-- == 0) --counter_[1];
  refill();
  used_ = state.used;
}

namespace {

std::atomic<unsigned> fork_count{0};

/// A forked child would otherwise draw its parent's numbers.
void watch_forks() {
  static const int failed = ::pthread_atfork(
      nullptr, nullptr, [] { fork_count.fetch_add(1, std::memory_order_relaxed); });
  if (failed != 0)
    throw privacy_refused("cannot watch for forks of the process", "Free some memory.");
}

constexpr unsigned char kNoNonce[crypto_stream_chacha20_NONCEBYTES] = {};

}  // namespace

SecureRng::SecureRng() : buffer_(kBufferWords) {
  if (sodium_init() < 0) {
    throw privacy_refused("the operating system gives no entropy for a cryptographic generator",
                          "Check that getrandom() or /dev/urandom works.");
  }
  watch_forks();
  draw_key();
}

SecureRng::~SecureRng() {
  sodium_memzero(key_.data(), key_.size());
  sodium_memzero(buffer_.data(), buffer_.size() * sizeof(std::uint64_t));
}

void SecureRng::draw_key() {
  forks_ = fork_count.load(std::memory_order_relaxed);
  randombytes_buf(key_.data(), key_.size());
  used_ = buffer_.size();
}

void SecureRng::refill() {
  // Each key is used for one buffer, so the nonce need not change.
  auto* bytes = reinterpret_cast<unsigned char*>(buffer_.data());
  crypto_stream_chacha20(bytes, buffer_.size() * sizeof(std::uint64_t), kNoNonce, key_.data());
  std::memcpy(key_.data(), bytes, key_.size());
  sodium_memzero(bytes, key_.size());
  used_ = key_.size() / sizeof(std::uint64_t);
}

SecureRng::result_type SecureRng::operator()() {
  if (forks_ != fork_count.load(std::memory_order_relaxed)) draw_key();
  if (used_ == buffer_.size()) refill();
  return buffer_[used_++];
}

void SecureRng::fill(std::span<std::byte> bytes) {
  std::array<std::uint64_t, 4> key;
  for (auto& word : key) word = (*this)();
  crypto_stream_chacha20(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), kNoNonce,
                         reinterpret_cast<const unsigned char*>(key.data()));
  sodium_memzero(key.data(), sizeof(key));
}

double SecureRng::uniform() { return to_unit((*this)()); }

}  // namespace discreet::core
