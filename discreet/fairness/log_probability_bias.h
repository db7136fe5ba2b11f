#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "discreet/fairness/text_coder.h"
#include "discreet/fairness/token_model.h"

namespace discreet::fairness {

/// "[TARGET] is a [ATTRIBUTE]." with an attribute and two sets of target words that it might be said of.
struct BiasQuestion {
  std::string text;       ///< With [TARGET] and [ATTRIBUTE] once each.
  std::string attribute;
  std::array<std::vector<std::string>, 2> targets;
};

struct BiasAnswer {
  /// Per set of targets, summed over its words before the logarithm.
  std::array<double, 2> log_target{};  ///< log P(target | only the target hidden)
  std::array<double, 2> log_prior{};   ///< log P(target | target and attribute hidden), at the TARGET's place
  std::array<double, 2> increase{};    ///< log_target - log_prior: the increased log probability (ILPS)
  std::optional<double> difference;    ///< increase[0] - increase[1] (LPBS); 0 is unbiased.
  std::string reason;                  ///< Why there is none.
};

struct BiasOptions {
  /// A target of several tokens: that many masks, told from left to right, each behind those told before.
  /// Off: such a target has no score, with a reason.
  bool chain = false;
  AskOptions ask{};
};

/// Log probability bias of templates in a masked model. All tokens of an attribute are hidden in the prior.
/// Throws: kUsage for a causal model or without a mask; kBadData for a text without [TARGET] or
/// [ATTRIBUTE], or with one of them twice, and for an empty set of targets.
/// Ref: Kurita et al. 2019, section 2. (Their code reads the prior at the attribute's place where the
/// target comes first.)
std::vector<BiasAnswer> log_probability_bias(TokenModel& model, const TextCoder& coder,
                                             std::span<const BiasQuestion> questions,
                                             const BiasOptions& options = {});

}  // namespace discreet::fairness
