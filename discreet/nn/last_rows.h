#pragma once

namespace discreet::nn {

/// While one lives, forward passes of this thread give logits of the next token after each example alone, [B,V], where
/// they else give those after each token, [N,V]: of a large vocabulary most of the work. For batches without labels, whose
/// loss is over all tokens.
class LastRowsScope {
 public:
  LastRowsScope() { ++living_; }
  ~LastRowsScope() { --living_; }
  LastRowsScope(const LastRowsScope&) = delete;
  LastRowsScope& operator=(const LastRowsScope&) = delete;

  static bool lives() { return living_ > 0; }

 private:
  static inline thread_local int living_ = 0;
};

}  // namespace discreet::nn
