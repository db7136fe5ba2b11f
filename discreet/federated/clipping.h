#pragma once

#include <span>

namespace discreet::federated {

/// Scales `update` to L2 norm at most `clip_norm` and returns the norm it had. A zero update stays
/// zero; one with a value that is not finite becomes zero, and infinity is returned.
double clip_update(std::span<float> update, double clip_norm);

/// A clip norm that follows a quantile of the clients' norms, by private counts of who stayed below.
///
/// Count: b_k = 1 if |D_k| <= C, recentred to +-1/2, so that one client moves the sum by 1/2:
/// s = sum (b_k - 1/2) + noise, share = s/m + 1/2 with the public expected cohort m, then
/// C <- C exp(-rate (share - quantile)). The noise of a round uses the C that clipped that round.
/// Ref: Andrew et al. 2021.
class AdaptiveClip {
 public:
  AdaptiveClip(double initial, double quantile = 0.5, double rate = 0.2)
      : clip_norm_(initial), quantile_(quantile), rate_(rate) {}
  double clip_norm() const { return clip_norm_; }
  /// What one client adds to the count.
  double count_of(double norm) const { return norm <= clip_norm_ ? 0.5 : -0.5; }
  /// `noisy_count`: the sum of `count_of` over the cohort, with its noise. Returns the share below.
  double move(double noisy_count, double expected_cohort);

 private:
  double clip_norm_;
  double quantile_;
  double rate_;
};

/// The noise multiplier of the differences such that they and the count together cost what
/// `noise_multiplier` alone would: (z^-2 - (2 sb)^-2)^(-1/2), `count_noise` sb being the standard
/// deviation on the count. Throws: kUsage if 2 sb <= z.
double split_noise(double noise_multiplier, double count_noise);

}  // namespace discreet::federated
