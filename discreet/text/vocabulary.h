#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "discreet/core/json.h"

namespace discreet::text {

/// Where a vocabulary's words came from. Only kText depends on the training text.
enum class VocabularyKind { kVectors, kFile, kHashed, kText };

/// Words to ids 0 .. size()-1. Id 0 is the unknown word in every kind but kHashed, where every word
/// has a bucket and none is unknown.
class Vocabulary {
 public:
  static constexpr std::int64_t kUnknown = 0;

  /// `words` take ids 1, 2, …; a repeated word keeps its first id and is dropped.
  static Vocabulary from_words(std::span<const std::string> words, VocabularyKind kind,
                               std::string origin);
  /// One word per line, plain or `.gz`; empty lines are ignored. Throws: kBadData.
  static Vocabulary from_file(const std::filesystem::path& path);
  /// SipHash-2-4 of the word under a key made from `key`, modulo `buckets`: the same on every
  /// machine, and independent of any text. Words share a bucket by chance.
  static Vocabulary hashed(std::int64_t buckets, std::uint64_t key);

  std::int64_t id(std::string_view word) const;
  std::vector<std::int64_t> ids(std::span<const std::string> words) const;
  /// The word of an id; "<unk>" for 0, "<bucket 17>" for a bucket.
  std::string word(std::int64_t id) const;
  std::int64_t size() const;
  VocabularyKind kind() const { return kind_; }
  /// The words of ids 1 .. size()-1; empty for buckets.
  const std::vector<std::string>& words() const { return words_; }

  /// Whether its words were taken from the training text; a private run's statement says so.
  bool from_text() const { return kind_ == VocabularyKind::kText; }

  Json to_json() const;
  static Vocabulary from_json(const Json& document, const std::string& origin);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  VocabularyKind kind_ = VocabularyKind::kHashed;
  std::string origin_;
  std::vector<std::string> words_;
  std::unordered_map<std::string, std::int64_t, Hash, std::equal_to<>> ids_;
  std::int64_t buckets_ = 0;
  std::uint64_t key_ = 0;
};

/// Counts words of a stream of examples, then keeps the most frequent.
class VocabularyBuilder {
 public:
  void add(std::span<const std::string> words);
  /// Words seen at least `min_count` times, most frequent first (ties by spelling), at most
  /// `max_size`.
  Vocabulary build(std::int64_t min_count, std::int64_t max_size) const;

 private:
  std::unordered_map<std::string, std::int64_t> counts_;
};

/// The rule of `data.vocabulary`.
struct VocabularyRule {
  std::string choice = "auto";                  ///< auto, hashed, private, or a file's name.
  bool private_run = false;                     ///< A privacy mechanism is on.
  std::span<const std::string> vector_words{};  ///< Words of public vectors, if any are given.
  std::int64_t buckets = 1 << 15;               ///< For hashed.
  std::uint64_t key = 0;                        ///< For hashed.
};

/// What the rule comes to before any text is read: kText means that a VocabularyBuilder must be fed
/// the training text. auto: the vectors' words if there are any, else buckets if the run is
/// private, else the training text. private: the training text, asked for by name.
VocabularyKind resolve_vocabulary(const VocabularyRule& rule);

/// The vocabulary of a rule that does not resolve to kText. Throws: kInternal if it does.
Vocabulary public_vocabulary(const VocabularyRule& rule);

}  // namespace discreet::text
