#include "discreet/nn/pretrained/kept_rows.h"

#include <cstring>
#include <string_view>

#include "discreet/core/sha256.h"

namespace discreet::nn {
namespace {

constexpr std::int64_t kMostBytes = std::int64_t{1} << 30;

/// What the scopes of this process have in common: how many live, and the rows of the last weights.
struct SharedRows {
  std::mutex mutex;
  int scopes = 0;
  std::string weights;
  std::shared_ptr<KeptRows> rows;
};

SharedRows& shared_rows() {
  static SharedRows shared;
  return shared;
}

/// The same for equal weights under equal names.
std::string fingerprint(const std::vector<std::pair<std::string, at::Tensor>>& weights) {
  std::string parts;
  for (const auto& [name, tensor] : weights) {
    const at::Tensor values = tensor.detach().cpu().contiguous();
    const std::string_view bytes(static_cast<const char*>(values.const_data_ptr()), values.nbytes());
    parts += name + " " + core::sha256(bytes) + "\n";
  }
  return core::sha256(parts);
}

}  // namespace

std::string KeptRows::key(const std::vector<std::int64_t>& tokens, const std::vector<std::int64_t>& token_types) {
  std::string key(8 * (tokens.size() + token_types.size()), '\0');
  std::memcpy(key.data(), tokens.data(), 8 * tokens.size());
  std::memcpy(key.data() + 8 * tokens.size(), token_types.data(), 8 * token_types.size());
  return std::to_string(tokens.size()) + ":" + key;
}

at::Tensor KeptRows::find(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = rows_.find(key);
  return found == rows_.end() ? at::Tensor() : found->second;
}

void KeptRows::keep(const std::string& key, const at::Tensor& rows) {
  const auto bytes = static_cast<std::int64_t>(rows.nbytes() + key.size());
  const std::lock_guard lock(mutex_);
  if (bytes_ + bytes > kMostBytes) return;
  if (rows_.try_emplace(key, rows.clone()).second) bytes_ += bytes;
}

std::int64_t KeptRows::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

SharedRowsScope::SharedRowsScope() {
  const std::lock_guard lock(shared_rows().mutex);
  ++shared_rows().scopes;
}

SharedRowsScope::~SharedRowsScope() {
  const std::lock_guard lock(shared_rows().mutex);
  --shared_rows().scopes;
}

std::shared_ptr<KeptRows> SharedRowsScope::of(
    const std::vector<std::pair<std::string, at::Tensor>>& weights) {
  SharedRows& shared = shared_rows();
  const std::lock_guard lock(shared.mutex);
  if (shared.scopes == 0) return std::make_shared<KeptRows>();
  const std::string found = fingerprint(weights);
  if (!shared.rows || shared.weights != found) {
    shared.weights = found;
    shared.rows = std::make_shared<KeptRows>();
  }
  return shared.rows;
}

}  // namespace discreet::nn
