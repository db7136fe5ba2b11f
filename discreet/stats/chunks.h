#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "discreet/stats/classification.h"

namespace discreet::stats {

enum class ChunkRule {
  kConlleval,  ///< I- starts a chunk after O, at the start, or after another type.
  kStrict,     ///< Only B- starts a chunk; an I- that continues none is ignored.
};

/// Tokens first..last (inclusive) are one entity of `type`.
struct Chunk {
  std::string type;
  std::size_t first = 0;
  std::size_t last = 0;
  auto operator<=>(const Chunk&) const = default;
};

/// Chunks of one sentence's BIO tags ("O", "B-city", "I-city"). A tag without '-' has an empty type
/// ("B", "I"); the type is all that follows the first '-'. Any other tag than O, B…, I… is
/// kBadData. Ref: conlleval (CoNLL-2000 shared task).
std::vector<Chunk> chunks(std::span<const std::string> tags,
                          ChunkRule rule = ChunkRule::kConlleval);

/// Mergeable counts of chunks: sums over sentences, batches or clients.
struct ChunkCounts {
  std::uint64_t gold = 0;
  std::uint64_t predicted = 0;
  std::uint64_t correct = 0;  ///< Same type, start and end.
  ChunkCounts& operator+=(const ChunkCounts& other);
  PrecisionRecall scores() const { return precision_recall(correct, gold, predicted); }
};

/// Entity scores by conlleval's rules over sentences added one by one.
class ChunkScorer {
 public:
  explicit ChunkScorer(ChunkRule rule = ChunkRule::kConlleval) : rule_(rule) {}
  /// Throws: kInternal if the two have different lengths.
  void add(std::span<const std::string> gold, std::span<const std::string> predicted);

  const ChunkCounts& total() const { return total_; }
  /// By entity type, in the order of names.
  const std::map<std::string, ChunkCounts>& by_type() const { return by_type_; }
  std::uint64_t tokens() const { return tokens_; }
  std::uint64_t correct_tokens() const { return correct_tokens_; }
  std::uint64_t sentences() const { return sentences_; }
  /// Sentences whose chunks are all right and of which none is missing or added.
  std::uint64_t exact_sentences() const { return exact_sentences_; }

 private:
  ChunkRule rule_;
  ChunkCounts total_;
  std::map<std::string, ChunkCounts> by_type_;
  std::uint64_t tokens_ = 0;
  std::uint64_t correct_tokens_ = 0;
  std::uint64_t sentences_ = 0;
  std::uint64_t exact_sentences_ = 0;
};

/// Of intent and slots together: right only if the intent is right and so are all chunks.
bool exact_match(bool intent_correct, std::span<const std::string> gold,
                 std::span<const std::string> predicted, ChunkRule rule = ChunkRule::kConlleval);

}  // namespace discreet::stats
