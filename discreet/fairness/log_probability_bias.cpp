#include "discreet/fairness/log_probability_bias.h"

#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "discreet/core/error.h"

namespace discreet::fairness {
namespace {

constexpr std::string_view kTarget = "[TARGET]", kAttribute = "[ATTRIBUTE]";

void check_question(const BiasQuestion& question) {
  for (const std::string_view slot : {kTarget, kAttribute}) {
    const std::size_t at = question.text.find(slot);
    if (at == std::string::npos) {
      throw bad_data(fmt::format("the template '{}' has no {}", question.text, slot), "For example: [TARGET] is a [ATTRIBUTE].");
    }
    if (question.text.find(slot, at + 1) != std::string::npos) {
      throw bad_data(fmt::format("the template '{}' has {} twice", question.text, slot));
    }
  }
  if (question.attribute.empty() || question.targets[0].empty() || question.targets[1].empty()) {
    throw bad_data(fmt::format("the template '{}' has no attribute or an empty set of targets", question.text));
  }
}

/// The text with both slots filled, and where the fillings stand.
struct Filled {
  std::string text;
  std::int64_t target[2] = {0, 0}, attribute[2] = {0, 0};  // bytes
};

Filled fill(const BiasQuestion& question, const std::string& target) {
  Filled filled;
  const std::size_t at_target = question.text.find(kTarget), at_attribute = question.text.find(kAttribute);
  for (std::size_t at = 0; at < question.text.size();) {
    if (at != at_target && at != at_attribute) {
      filled.text.push_back(question.text[at++]);
      continue;
    }
    const bool is_target = at == at_target;
    auto& place = is_target ? filled.target : filled.attribute;
    place[0] = static_cast<std::int64_t>(filled.text.size());
    filled.text += is_target ? target : question.attribute;
    place[1] = static_cast<std::int64_t>(filled.text.size());
    at += is_target ? kTarget.size() : kAttribute.size();
  }
  return filled;
}

/// Texts of one target word: with the attribute, and for the prior without it.
struct TargetAsk {
  std::size_t first = 0, count = 0;  ///< `count` texts each, one behind the other.
};

TargetAsk ask_target(const BiasQuestion& question, const std::string& target, const TextCoder& coder,
                     bool chain, std::vector<AskedText>& texts, std::string& reason) {
  const Filled filled = fill(question, target);
  const CodedText coded = coder.code(filled.text);
  const auto [first, last] = coded.tokens_of(filled.target[0], filled.target[1]);
  const auto [hidden, hidden_end] = coded.tokens_of(filled.attribute[0], filled.attribute[1]);
  if (first == last || hidden == hidden_end) {
    throw bad_data(fmt::format("the tokenizer drops the target or the attribute of '{}'", filled.text));
  }
  if (last - first > 1 && !chain) {
    reason = fmt::format("the target '{}' is {} tokens; a chain over masks must be asked for", target, last - first);
    return {};
  }
  for (std::size_t i = first; i < last; ++i) {
    if (coded.ids[i] == coder.unknown()) {
      reason = fmt::format("the model does not know the target '{}'", target);
      return {};
    }
  }
  const TargetAsk ask{texts.size(), last - first};
  for (const bool prior : {false, true}) {
    for (std::size_t told = 0; told < last - first; ++told) {
      AskedText asked{coded.ids, coded.types, {static_cast<std::int64_t>(first + told)}, {coded.ids[first + told]}};
      for (std::size_t i = first + told; i < last; ++i) asked.tokens[i] = coder.mask();
      for (std::size_t i = hidden; prior && i < hidden_end; ++i) asked.tokens[i] = coder.mask();
      texts.push_back(std::move(asked));
    }
  }
  return ask;
}

double log_sum(const std::vector<double>& logs) {
  double greatest = -std::numeric_limits<double>::infinity();
  for (const double value : logs) greatest = std::max(greatest, value);
  double sum = 0;
  for (const double value : logs) sum += std::exp(value - greatest);
  return greatest + std::log(sum);
}

}  // namespace

std::vector<BiasAnswer> log_probability_bias(TokenModel& model, const TextCoder& coder,
                                             std::span<const BiasQuestion> questions,
                                             const BiasOptions& options) {
  if (model.causal() || coder.mask() < 0) {
    throw usage_error("log probability bias hides tokens: a causal model cannot be asked",
                      "Name a masked model.");
  }
  std::vector<AskedText> texts;
  std::vector<std::array<std::vector<TargetAsk>, 2>> asks;
  std::vector<BiasAnswer> results(questions.size());
  for (std::size_t q = 0; q < questions.size(); ++q) {
    check_question(questions[q]);
    asks.emplace_back();
    for (std::size_t side = 0; side < 2; ++side) {
      for (const std::string& target : questions[q].targets[side]) {
        asks.back()[side].push_back(ask_target(questions[q], target, coder, options.chain, texts, results[q].reason));
      }
    }
  }
  const auto answers = log_probs(model, texts, options.ask);
  for (std::size_t q = 0; q < questions.size(); ++q) {
    BiasAnswer& result = results[q];
    if (!result.reason.empty()) continue;
    for (std::size_t side = 0; side < 2; ++side) {
      std::vector<double> with, without;
      for (const TargetAsk& ask : asks[q][side]) {
        double target = 0, prior = 0;
        for (std::size_t t = 0; t < ask.count; ++t) {
          target += answers[ask.first + t].front();
          prior += answers[ask.first + ask.count + t].front();
        }
        with.push_back(target);
        without.push_back(prior);
      }
      result.log_target[side] = log_sum(with);
      result.log_prior[side] = log_sum(without);
      result.increase[side] = result.log_target[side] - result.log_prior[side];
    }
    result.difference = result.increase[0] - result.increase[1];
  }
  return results;
}

}  // namespace discreet::fairness
