#include "discreet/nn/tag_rules.h"

#include <algorithm>
#include <limits>

namespace discreet::nn {
namespace {

constexpr float kForbidden = -std::numeric_limits<float>::infinity();

/// Tags that may stand before each tag.
std::vector<std::vector<std::int32_t>> predecessors(const TagRules& rules, std::size_t tags) {
  std::vector<std::vector<std::int32_t>> before(tags);
  for (std::size_t a = 0; a < tags; ++a) {
    for (std::size_t b = 0; b < tags; ++b) {
      if (rules.follows[a * tags + b] != 0) before[b].push_back(static_cast<std::int32_t>(a));
    }
  }
  return before;
}

}  // namespace

TagRules bio_rules(std::span<const std::string> names) {
  const std::size_t n = names.size();
  TagRules rules{std::vector<std::uint8_t>(n, 1), std::vector<std::uint8_t>(n * n, 1)};
  for (std::size_t b = 0; b < n; ++b) {
    if (!names[b].starts_with("I-")) continue;
    rules.start[b] = 0;
    const std::string type = names[b].substr(2);
    for (std::size_t a = 0; a < n; ++a) {
      rules.follows[a * n + b] = names[a] == "B-" + type || names[a] == "I-" + type ? 1 : 0;
    }
  }
  return rules;
}

std::vector<std::int64_t> decode_by_rules(const at::Tensor& emissions,
                                          std::span<const std::int64_t> offsets,
                                          const TagRules& rules) {
  const std::size_t tags = rules.start.size();
  const auto before = predecessors(rules, tags);
  const at::Tensor host = emissions.detach().to(at::kCPU, at::kFloat).contiguous();
  const float* scores = host.const_data_ptr<float>();
  std::vector<std::int64_t> best(static_cast<std::size_t>(host.size(0)));
  std::vector<float> now(tags), last(tags);
  std::vector<std::int32_t> from;
  for (std::size_t s = 0; s + 1 < offsets.size(); ++s) {
    const std::int64_t begin = offsets[s], length = offsets[s + 1] - begin;
    if (length == 0) continue;
    from.assign(static_cast<std::size_t>(length) * tags, 0);
    for (std::size_t k = 0; k < tags; ++k) last[k] = rules.start[k] ? scores[begin * tags + k] : kForbidden;
    for (std::int64_t t = 1; t < length; ++t) {
      for (std::size_t k = 0; k < tags; ++k) {
        float highest = kForbidden;
        std::int32_t place = 0;
        for (const std::int32_t p : before[k]) {
          if (last[p] > highest) highest = last[p], place = p;
        }
        now[k] = highest + scores[(begin + t) * tags + k];
        from[t * tags + k] = place;
      }
      std::swap(now, last);
    }
    auto tag = static_cast<std::int64_t>(std::ranges::max_element(last) - last.begin());
    for (std::int64_t t = length - 1; t >= 0; --t) {
      best[begin + t] = tag;
      tag = from[t * tags + tag];
    }
  }
  return best;
}

}  // namespace discreet::nn
