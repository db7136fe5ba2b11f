#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace discreet::app::internal {

/// What a target and shadow models say of examples, as `read_membership_signals` reads it from a file.
///
/// Shapes: N examples, M shadow models, K classes, F features, T tokens. What is not known is empty. One of
/// `logits`, `loss` and `token_log_probs` is there; of tokens the shadow models' means stand in `shadow_loss`.
struct SignalTable {
  std::vector<std::int8_t> member;  ///< [N] 1, 0, or -1: population.
  std::vector<std::int64_t> id;     ///< [N] each once.
  std::vector<std::int64_t> label;  ///< [N]
  std::vector<std::int64_t> user;   ///< [N] a number for each user.
  std::vector<double> length;       ///< [N]
  std::size_t classes = 0, models = 0, feature_count = 0;
  std::vector<float> logits;              ///< [N*K]
  std::vector<double> loss;               ///< [N] nats
  std::vector<float> shadow_logits;       ///< [N*M*K]
  std::vector<double> shadow_loss;        ///< [N*M]
  std::vector<std::uint8_t> in;           ///< [N*M]
  std::vector<double> features;           ///< [N*F]
  std::vector<std::int64_t> offsets;      ///< [N+1] of tokens
  std::vector<double> token_log_probs;    ///< [T]
  std::vector<double> token_means;        ///< [T]
  std::vector<double> token_deviations;   ///< [T]
  std::vector<double> zlib_bytes;         ///< [N]
  std::vector<std::vector<double>> neighbours;  ///< [N] mean log-probabilities of perturbed copies.

  std::size_t size() const { return member.size(); }
  bool tokens() const { return !offsets.empty(); }
};

/// A .safetensors file, or JSON lines where there are tokens, which are ragged: `path` gets the ending.
/// Whole or not at all. Returns the file. No texts are written. Throws: kInternal for parts that do not fit.
std::filesystem::path write_signals(std::filesystem::path path, const SignalTable& table);

/// Bytes of a text under zlib.
double zlib_bytes_of(const std::string& text);

}  // namespace discreet::app::internal
