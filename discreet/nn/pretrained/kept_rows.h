#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "discreet/nn/torch.h"

namespace discreet::nn {

/// Rows that a frozen stack gave its examples, [L,d] each, found again by the tokens that went in. At most
/// 1 GiB of them; what comes later is not kept. May be used from several threads.
class KeptRows {
 public:
  /// What an example is known by.
  static std::string key(const std::vector<std::int64_t>& tokens, const std::vector<std::int64_t>& token_types);

  /// Undefined where there are none.
  at::Tensor find(const std::string& key) const;
  void keep(const std::string& key, const at::Tensor& rows);
  std::int64_t bytes() const;

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, at::Tensor> rows_;
  std::int64_t bytes_ = 0;
};

/// While it lives, frozen stacks with the same weights share what they keep, whichever model of this process
/// they belong to: several runs on one encoder put each text through it once. A row may differ in its last
/// bits from that of a run on its own, since it was computed beside other texts; so nothing opens a scope
/// unasked.
class SharedRowsScope {
 public:
  SharedRowsScope();
  ~SharedRowsScope();
  SharedRowsScope(const SharedRowsScope&) = delete;
  SharedRowsScope& operator=(const SharedRowsScope&) = delete;

  /// The rows of stacks with these weights, by name: shared within a scope, else the caller's own. What is
  /// shared outlives its scope, until within one those of other weights are asked for.
  static std::shared_ptr<KeptRows> of(const std::vector<std::pair<std::string, at::Tensor>>& weights);
};

}  // namespace discreet::nn
