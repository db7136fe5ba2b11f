#include "discreet/text/vocabulary.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <cstring>

#include "discreet/core/error.h"
#include "discreet/core/lines.h"
#include "discreet/text/unicode.h"

namespace discreet::text {
namespace {

constexpr const char* kVocabularySchema = "discreet.vocabulary/1";
constexpr const char* kKindNames[] = {"vectors", "file", "hashed", "text"};

std::uint64_t siphash(std::string_view word, std::uint64_t key) {
  unsigned char bytes[crypto_shorthash_KEYBYTES] = {};
  static_assert(crypto_shorthash_KEYBYTES == 16 && crypto_shorthash_BYTES == 8);
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<unsigned char>(key >> (8 * i));
  unsigned char digest[8];
  crypto_shorthash(digest, reinterpret_cast<const unsigned char*>(word.data()), word.size(), bytes);
  std::uint64_t value = 0;
  for (int i = 7; i >= 0; --i) value = (value << 8) | digest[i];
  return value;
}

}  // namespace

Vocabulary Vocabulary::from_words(std::span<const std::string> words, VocabularyKind kind,
                                  std::string origin) {
  Vocabulary vocabulary;
  vocabulary.kind_ = kind;
  vocabulary.origin_ = std::move(origin);
  vocabulary.ids_.reserve(words.size());
  for (const std::string& word : words) {
    const auto id = static_cast<std::int64_t>(vocabulary.words_.size()) + 1;
    if (vocabulary.ids_.emplace(word, id).second) vocabulary.words_.push_back(word);
  }
  return vocabulary;
}

Vocabulary Vocabulary::from_file(const std::filesystem::path& path) {
  core::LineReader lines(path);
  std::vector<std::string> words;
  for (std::string line; lines.next(line);) {
    if (line.empty()) continue;
    if (find_invalid_utf8(line) != std::string::npos) require_utf8(line, lines.where());
    words.push_back(line);
  }
  if (words.empty()) {
    throw bad_data(fmt::format("{}: holds no words", path.string()),
                   "A vocabulary file has one word per line.");
  }
  return from_words(words, VocabularyKind::kFile, path.string());
}

Vocabulary Vocabulary::hashed(std::int64_t buckets, std::uint64_t key) {
  if (buckets < 1) {
    throw usage_error(fmt::format("a vocabulary of {} buckets", buckets),
                      "Ask for at least one; tens of thousands keep words apart.");
  }
  Vocabulary vocabulary;
  vocabulary.kind_ = VocabularyKind::kHashed;
  vocabulary.buckets_ = buckets;
  vocabulary.key_ = key;
  return vocabulary;
}

std::int64_t Vocabulary::id(std::string_view word) const {
  if (kind_ == VocabularyKind::kHashed) {
    return static_cast<std::int64_t>(siphash(word, key_) % static_cast<std::uint64_t>(buckets_));
  }
  if (const auto found = ids_.find(word); found != ids_.end()) return found->second;
  // Public vectors mostly know words in small letters: a capital at a sentence's start hides none.
  if (kind_ != VocabularyKind::kVectors) return kUnknown;
  const auto found = ids_.find(lowercase(word));
  return found == ids_.end() ? kUnknown : found->second;
}

std::vector<std::int64_t> Vocabulary::ids(std::span<const std::string> words) const {
  std::vector<std::int64_t> ids;
  ids.reserve(words.size());
  for (const std::string& word : words) ids.push_back(id(word));
  return ids;
}

std::string Vocabulary::word(std::int64_t id) const {
  if (id < 0 || id >= size()) {
    throw internal_error(fmt::format("word id {} outside of 0 … {}", id, size() - 1));
  }
  if (kind_ == VocabularyKind::kHashed) return fmt::format("<bucket {}>", id);
  return id == kUnknown ? "<unk>" : words_[static_cast<std::size_t>(id - 1)];
}

std::int64_t Vocabulary::size() const {
  return kind_ == VocabularyKind::kHashed ? buckets_ : static_cast<std::int64_t>(words_.size()) + 1;
}

Json Vocabulary::to_json() const {
  Json document = {
      {"schema", kVocabularySchema}, {"kind", kKindNames[static_cast<int>(kind_)]}, {"origin", origin_}};
  if (kind_ == VocabularyKind::kHashed) {
    document["buckets"] = buckets_;
    // A string: not every reader of JSON keeps 64-bit integers.
    document["key"] = std::to_string(key_);
  } else {
    document["words"] = words_;
  }
  return document;
}

Vocabulary Vocabulary::from_json(const Json& document, const std::string& origin) {
  try {
    if (document.at("schema") != kVocabularySchema) {
      throw bad_data(
          fmt::format("{}: schema {}, expected {}", origin, document.at("schema").dump(), kVocabularySchema));
    }
    const std::string name = document.at("kind");
    const auto* known = std::find(std::begin(kKindNames), std::end(kKindNames), name);
    if (known == std::end(kKindNames)) {
      throw bad_data(fmt::format("{}: unknown kind of vocabulary '{}'", origin, name));
    }
    const auto kind = static_cast<VocabularyKind>(known - std::begin(kKindNames));
    if (kind == VocabularyKind::kHashed) {
      return hashed(document.at("buckets").get<std::int64_t>(),
                    std::stoull(document.at("key").get<std::string>()));
    }
    return from_words(document.at("words").get<std::vector<std::string>>(), kind,
                      document.at("origin").get<std::string>());
  } catch (const Json::exception& e) {
    throw bad_data(fmt::format("{}: not a vocabulary: {}", origin, e.what()),
                   "The file was written by another program or is damaged.");
  } catch (const std::logic_error&) {
    throw bad_data(fmt::format("{}: not a vocabulary: its key is no number", origin),
                   "The file was written by another program or is damaged.");
  }
}

void VocabularyBuilder::add(std::span<const std::string> words) {
  for (const std::string& word : words) ++counts_[word];
}

Vocabulary VocabularyBuilder::build(std::int64_t min_count, std::int64_t max_size) const {
  std::vector<const std::pair<const std::string, std::int64_t>*> kept;
  for (const auto& entry : counts_) {
    if (entry.second >= min_count) kept.push_back(&entry);
  }
  std::sort(kept.begin(), kept.end(), [](const auto* a, const auto* b) {
    return a->second != b->second ? a->second > b->second : a->first < b->first;
  });
  std::vector<std::string> words;
  for (const auto* entry : kept) {
    if (static_cast<std::int64_t>(words.size()) >= max_size) break;
    words.push_back(entry->first);
  }
  return Vocabulary::from_words(words, VocabularyKind::kText, "training text");
}

VocabularyKind resolve_vocabulary(const VocabularyRule& rule) {
  if (rule.choice == "auto") {
    if (!rule.vector_words.empty()) return VocabularyKind::kVectors;
    return rule.private_run ? VocabularyKind::kHashed : VocabularyKind::kText;
  }
  if (rule.choice == "hashed") return VocabularyKind::kHashed;
  if (rule.choice == "private") return VocabularyKind::kText;
  if (!std::filesystem::exists(rule.choice)) {
    throw usage_error(
        fmt::format("data.vocabulary = '{}': neither auto, hashed nor private, and no "
                    "such file",
                    rule.choice),
        "Name a file with one word per line, or one of the three words.");
  }
  return VocabularyKind::kFile;
}

Vocabulary public_vocabulary(const VocabularyRule& rule) {
  switch (resolve_vocabulary(rule)) {
    case VocabularyKind::kVectors:
      return Vocabulary::from_words(rule.vector_words, VocabularyKind::kVectors, "word vectors");
    case VocabularyKind::kFile:
      return Vocabulary::from_file(rule.choice);
    case VocabularyKind::kHashed:
      return Vocabulary::hashed(rule.buckets, rule.key);
    case VocabularyKind::kText:
      break;
  }
  throw internal_error("a vocabulary of the training text needs its builder");
}

}  // namespace discreet::text
