#include "discreet/stats/chunks.h"

#include <fmt/format.h>

#include <algorithm>

#include "discreet/core/error.h"

namespace discreet::stats {
namespace {

struct TagParts {
  char prefix;
  std::string_view type;
};

TagParts split_tag(const std::string& tag) {
  const std::size_t dash = tag.find('-');
  const std::string_view whole = tag;
  const std::string_view prefix = whole.substr(0, dash);
  if (prefix != "O" && prefix != "B" && prefix != "I") {
    throw bad_data(fmt::format("tag '{}' is not of the BIO scheme", tag),
                   "Tags are O, B-type or I-type.");
  }
  return {prefix[0], dash == std::string::npos ? std::string_view() : whole.substr(dash + 1)};
}

}  // namespace

std::vector<Chunk> chunks(std::span<const std::string> tags, ChunkRule rule) {
  std::vector<Chunk> found;
  bool open = false;
  for (std::size_t i = 0; i < tags.size(); ++i) {
    const TagParts tag = split_tag(tags[i]);
    const bool continues = tag.prefix == 'I' && open && found.back().type == tag.type;
    if (continues) {
      found.back().last = i;
      continue;
    }
    open = tag.prefix == 'B' || (tag.prefix == 'I' && rule == ChunkRule::kConlleval);
    if (open) found.push_back({std::string(tag.type), i, i});
  }
  return found;
}

ChunkCounts& ChunkCounts::operator+=(const ChunkCounts& other) {
  gold += other.gold;
  predicted += other.predicted;
  correct += other.correct;
  return *this;
}

void ChunkScorer::add(std::span<const std::string> gold, std::span<const std::string> predicted) {
  if (gold.size() != predicted.size()) {
    throw internal_error(
        fmt::format("a sentence of {} gold and {} predicted tags", gold.size(), predicted.size()));
  }
  const std::vector<Chunk> gold_chunks = chunks(gold, rule_);
  const std::vector<Chunk> predicted_chunks = chunks(predicted, rule_);
  ++sentences_;
  if (gold_chunks == predicted_chunks) ++exact_sentences_;
  tokens_ += gold.size();
  for (std::size_t i = 0; i < gold.size(); ++i) correct_tokens_ += gold[i] == predicted[i] ? 1 : 0;
  for (const Chunk& chunk : gold_chunks) ++by_type_[chunk.type].gold;
  for (const Chunk& chunk : predicted_chunks) {
    ++by_type_[chunk.type].predicted;
    // Chunks do not overlap, so they stand in the order of their starts.
    const auto same = std::lower_bound(
        gold_chunks.begin(), gold_chunks.end(), chunk.first,
        [](const Chunk& candidate, std::size_t first) { return candidate.first < first; });
    if (same != gold_chunks.end() && *same == chunk) {
      ++by_type_[chunk.type].correct;
      ++total_.correct;
    }
  }
  total_.gold += gold_chunks.size();
  total_.predicted += predicted_chunks.size();
}

bool exact_match(bool intent_correct, std::span<const std::string> gold,
                 std::span<const std::string> predicted, ChunkRule rule) {
  return intent_correct && chunks(gold, rule) == chunks(predicted, rule);
}

}  // namespace discreet::stats
