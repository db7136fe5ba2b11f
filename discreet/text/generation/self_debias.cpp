#include "discreet/text/generation/self_debias.h"

#include <algorithm>
#include <cmath>

#include "discreet/core/error.h"

namespace discreet::text {
namespace {

std::vector<double> probabilities_of(std::span<const float> logits) {
  const double most = *std::max_element(logits.begin(), logits.end());
  std::vector<double> p(logits.size());
  double sum = 0;
  for (std::size_t i = 0; i < p.size(); ++i) sum += p[i] = std::exp(logits[i] - most);
  for (double& x : p) x /= sum;
  return p;
}

}  // namespace

void self_debias(std::span<float> plain, std::span<const std::span<const float>> biased, double decay, double floor) {
  std::vector<double> p = probabilities_of(plain), log_alpha(plain.size(), 0);
  const double least = std::log(floor);
  for (const auto& logits : biased) {
    const std::vector<double> q = probabilities_of(logits);
    for (std::size_t i = 0; i < p.size(); ++i) {
      if (p[i] < q[i]) log_alpha[i] = std::min(log_alpha[i], std::max(decay * (p[i] - q[i]), least));
    }
  }
  double sum = 0;
  for (std::size_t i = 0; i < p.size(); ++i) sum += p[i] * std::exp(log_alpha[i]);
  for (std::size_t i = 0; i < p.size(); ++i) {
    plain[i] = static_cast<float>(p[i] > 0 ? std::log(p[i]) + log_alpha[i] - std::log(sum) : -INFINITY);
  }
}

SelfDebias::SelfDebias(NextTokenModel& model, Options options) : model_(model), options_(std::move(options)) {
  if (options_.prefixes.empty()) throw usage_error("self-debias needs a prefix", "A text that asks for what is unwanted.");
  if (!(options_.decay >= 0) || !(options_.floor > 0) || options_.floor > 1) {
    throw usage_error("self-debias: decay must be 0 or more, the floor above 0 and at most 1");
  }
}

std::int64_t SelfDebias::longest() const {
  std::size_t prefix = 0;
  for (const auto& tokens : options_.prefixes) prefix = std::max(prefix, tokens.size());
  const auto more = static_cast<std::int64_t>(prefix) - static_cast<std::int64_t>(options_.shared);
  return model_.longest() - std::max<std::int64_t>(0, more);
}

std::span<float> SelfDebias::start(std::span<const std::vector<std::int64_t>> prompts) {
  std::vector<std::vector<std::int64_t>> all(prompts.begin(), prompts.end());
  for (const auto& prefix : options_.prefixes) {
    for (const auto& prompt : prompts) {
      std::vector<std::int64_t> tokens = prefix;
      const std::size_t skipped = std::min(options_.shared, prompt.size());
      tokens.insert(tokens.end(), prompt.begin() + static_cast<std::ptrdiff_t>(skipped), prompt.end());
      all.push_back(std::move(tokens));
    }
  }
  rows_ = prompts.size();
  return combined(model_.start(all), rows_);
}

std::span<float> SelfDebias::step(std::span<const std::int64_t> parents, std::span<const std::int64_t> tokens) {
  std::vector<std::int64_t> all_parents, all_tokens;
  for (std::size_t k = 0; k <= options_.prefixes.size(); ++k) {
    for (const std::int64_t parent : parents) all_parents.push_back(parent + static_cast<std::int64_t>(k * rows_));
    all_tokens.insert(all_tokens.end(), tokens.begin(), tokens.end());
  }
  rows_ = parents.size();
  return combined(model_.step(all_parents, all_tokens), rows_);
}

std::span<float> SelfDebias::combined(std::span<float> logits, std::size_t rows) const {
  const auto width = static_cast<std::size_t>(model_.vocabulary());
  std::vector<std::span<const float>> biased(options_.prefixes.size());
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t k = 0; k < biased.size(); ++k) biased[k] = logits.subspan(((k + 1) * rows + r) * width, width);
    self_debias(logits.subspan(r * width, width), biased, options_.decay, options_.floor);
  }
  return logits.first(rows * width);
}

}  // namespace discreet::text
