#include "discreet/stats/attack.h"

namespace discreet {
namespace stats {
namespace {

std::string zlib_ratio_missing(const AttackData& data) {
  if (data.log_prob.empty()) return "a loss of the target model";
  return data.compressed_bytes.empty() ? "the text, or its size under zlib" : "";
}

AttackScores zlib_ratio(const AttackData& data, const core::Config&) {
  AttackScores scores = no_scores(data);
  scores.unscored_reason = "no text";
  for (std::size_t i = 0; i < data.examples; ++i) {
    if (data.audited(i) && data.compressed_bytes[i] > 0) {
      scores.score[i] = data.log_prob[i] / data.compressed_bytes[i];
    }
  }
  return scores;
}

}  // namespace
}  // namespace stats

void register_attack_zlib_ratio(core::Registry& registry) {
  registry.add({.kind = "attack",
                .name = "zlib-ratio",
                .summary = "Mean log-probability of the tokens over the bytes of the text under zlib",
                .reference = "Carlini et al. 2021, section 5.1",
                .make = stats::AttackRule{&stats::zlib_ratio_missing, &stats::zlib_ratio}});
}

}  // namespace discreet
