#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "discreet/core/random.h"

namespace discreet::core {

/// Damages bytes as a fuzzer does, the same way for the same seed: flips, overwrites, inserts,
/// removes, repeats and cuts, and inserts tokens that mean something to the parser.
class Mutator {
 public:
  Mutator(std::uint64_t seed, std::vector<std::string> tokens)
      : rng_(seed, "mutator"), tokens_(std::move(tokens)) {}

  std::string operator()(std::string bytes) {
    for (std::uint64_t n = 1 + rng_.below(4); n > 0; --n) mutate(bytes);
    return bytes;
  }

 private:
  void mutate(std::string& bytes) {
    const std::size_t at = rng_.below(bytes.size() + 1);
    const std::size_t length = rng_.below(std::min<std::size_t>(bytes.size() - at, 16) + 1);
    switch (rng_.below(7)) {
      case 0:
        if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << rng_.below(8)));
        break;
      case 1:
        if (at < bytes.size()) bytes[at] = static_cast<char>(rng_.below(256));
        break;
      case 2:
        bytes.insert(at, 1, static_cast<char>(rng_.below(256)));
        break;
      case 3:
        bytes.erase(at, length);
        break;
      case 4:
        bytes.insert(at, bytes.substr(at, length));
        break;
      case 5:
        bytes.insert(at, tokens_[rng_.below(tokens_.size())]);
        break;
      default:
        if (rng_.below(8) == 0) bytes.resize(at);
    }
  }

  ReproducibleRng rng_;
  std::vector<std::string> tokens_;
};

}  // namespace discreet::core
