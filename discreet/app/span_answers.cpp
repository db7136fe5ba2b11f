#include "discreet/app/span_answers.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

namespace discreet::app {
namespace {

constexpr std::size_t kBestEnds = 20;

/// The rows of a window that may be an end, best first.
std::vector<std::int64_t> best_rows(const std::vector<float>& logits, const EncodedData& data,
                                    std::int64_t begin, std::int64_t end) {
  std::vector<std::int64_t> rows;
  for (std::int64_t n = begin; n < end; ++n) {
    if (data.tags[n] >= 0 && data.places[n].begin >= 0) rows.push_back(n);
  }
  const auto better = [&](std::int64_t a, std::int64_t b) {
    return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
  };
  const std::size_t kept = std::min(kBestEnds, rows.size());
  std::partial_sort(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(kept), rows.end(), better);
  rows.resize(kept);
  return rows;
}

void add_window(const Encoder& encoder, const EncodedData& data, const Scores& scores, std::int64_t w,
                const std::string& text, std::vector<SpanAnswer>& found) {
  const std::int64_t begin = data.offsets[w], end = data.offsets[w + 1];
  const auto starts = best_rows(scores.starts, data, begin, end);
  const auto ends = best_rows(scores.ends, data, begin, end);
  for (const std::int64_t first : starts) {
    for (const std::int64_t last : ends) {
      if (last < first || last - first >= encoder.lengths.answer) continue;
      const std::int64_t from = data.places[first].begin, to = data.places[last].end;
      if (to <= from) continue;
      found.push_back({text.substr(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from)),
                       from, to, static_cast<double>(scores.starts[first]) + scores.ends[last]});
    }
  }
}

void keep_best(std::vector<SpanAnswer>& answers, std::size_t n) {
  std::stable_sort(answers.begin(), answers.end(),
                   [](const SpanAnswer& a, const SpanAnswer& b) { return a.score > b.score; });
  std::set<std::string> seen;
  std::erase_if(answers, [&](const SpanAnswer& answer) { return !seen.insert(answer.text).second; });
  if (answers.size() > n) answers.resize(n);
  double total = 0;
  for (SpanAnswer& answer : answers) {
    answer.probability = std::exp(answer.score - answers.front().score);
    total += answer.probability;
  }
  for (SpanAnswer& answer : answers) answer.probability /= total;
}

}  // namespace

std::vector<std::vector<SpanAnswer>> best_answers(const Encoder& encoder, const EncodedData& data,
                                                  const Scores& scores, std::size_t n) {
  std::vector<std::vector<SpanAnswer>> best(data.examples.size());
  std::vector<double> nothing(data.examples.size(), INFINITY);
  for (std::int64_t w = 0; w < data.size(); ++w) {
    const std::int64_t owner = data.owners.empty() ? w : data.owners[w];
    const std::int64_t first = data.offsets[w];
    add_window(encoder, data, scores, w, data.examples[owner].text, best[owner]);
    nothing[owner] = std::min(nothing[owner], static_cast<double>(scores.starts[first]) + scores.ends[first]);
  }
  for (std::size_t i = 0; i < best.size(); ++i) {
    if (encoder.nothing_answers || best[i].empty()) best[i].push_back({"", -1, -1, nothing[i]});
    keep_best(best[i], n);
  }
  return best;
}

}  // namespace discreet::app
