#include "discreet/text/subword/train.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <queue>
#include <unordered_map>

#include "discreet/core/error.h"
#include "discreet/core/json.h"
#include "discreet/text/subword/internal/byte_level.h"
#include "discreet/text/subword/internal/normalizer.h"
#include "discreet/text/subword/internal/pre_tokenizer.h"
#include "discreet/text/subword/internal/string_map.h"
#include "discreet/text/unicode.h"

namespace discreet::text {

using namespace subword;

namespace {

constexpr const char* kContinuing = "##";
constexpr const char* kTrainer = "vocabulary training";

std::uint64_t pair_key(std::int32_t left, std::int32_t right) {
  return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 | static_cast<std::uint32_t>(right);
}

/// A pair to merge, how often it was seen when this was written, and the words that it came up in.
struct Candidate {
  std::uint64_t pair;
  std::int64_t count;
  std::vector<std::uint32_t> words;
  bool operator<(const Candidate& other) const {
    return count != other.count ? count < other.count : pair > other.pair;
  }
};

/// The words of the text as ids, and the merges that are learnt on them.
class Merger {
 public:
  Merger(std::vector<std::string> tokens, std::string prefix) : tokens_(std::move(tokens)), prefix_(std::move(prefix)) {
    for (std::size_t i = 0; i < tokens_.size(); ++i) ids_.set(tokens_[i], static_cast<std::int32_t>(i));
  }

  std::int32_t id_of(std::string_view token) const { return ids_.find(token); }
  void add_word(std::vector<std::int32_t> ids, std::int64_t count) {
    words_.push_back(std::move(ids));
    counts_.push_back(count);
  }

  void run(std::size_t size, std::int64_t min_frequency) {
    std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> where;
    for (std::uint32_t w = 0; w < words_.size(); ++w) {
      for (std::size_t i = 0; i + 1 < words_[w].size(); ++i) {
        const std::uint64_t key = pair_key(words_[w][i], words_[w][i + 1]);
        pair_counts_[key] += counts_[w];
        note(where[key], w);
      }
    }
    push_all(where);
    while (tokens_.size() < size && !queue_.empty()) {
      Candidate top = queue_.top();
      queue_.pop();
      const std::int64_t now = pair_counts_[top.pair];
      if (now != top.count) {  // merges around it took some of its places
        top.count = now;
        queue_.push(std::move(top));
        continue;
      }
      if (top.count < 1 || top.count < min_frequency) break;
      merge(top);
    }
  }

  std::vector<std::string> tokens_;
  std::vector<std::pair<std::string, std::string>> merges_;

 private:
  static void note(std::vector<std::uint32_t>& words, std::uint32_t w) {
    if (words.empty() || words.back() != w) words.push_back(w);
  }

  void push_all(std::unordered_map<std::uint64_t, std::vector<std::uint32_t>>& where) {
    for (auto& [pair, words] : where) {
      const std::int64_t count = pair_counts_[pair];
      if (count <= 0) continue;
      std::sort(words.begin(), words.end());
      words.erase(std::unique(words.begin(), words.end()), words.end());
      queue_.push({pair, count, std::move(words)});
    }
    where.clear();
  }

  void merge(const Candidate& top) {
    const auto left = static_cast<std::int32_t>(top.pair >> 32), right = static_cast<std::int32_t>(top.pair & 0xFFFFFFFF);
    const std::string &a = tokens_[static_cast<std::size_t>(left)], &b = tokens_[static_cast<std::size_t>(right)];
    merges_.emplace_back(a, b);
    const bool continuing = !prefix_.empty() && b.starts_with(prefix_);
    std::string whole = a + (continuing ? b.substr(prefix_.size()) : b);
    std::int32_t id = ids_.find(whole);
    if (id < 0) {
      id = static_cast<std::int32_t>(tokens_.size());
      ids_.set(whole, id);
      tokens_.push_back(std::move(whole));
    }
    std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> where;
    for (const std::uint32_t w : top.words) merge_word(w, left, right, id, where);
    push_all(where);
  }

  void merge_word(std::uint32_t w, std::int32_t left, std::int32_t right, std::int32_t id,
                  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>>& where) {
    std::vector<std::int32_t>& word = words_[w];
    const std::int64_t count = counts_[w];
    const auto gained = [&](std::uint64_t pair) {
      pair_counts_[pair] += count;
      note(where[pair], w);
    };
    std::size_t out = 0;  // what is before it is done
    for (std::size_t i = 0; i < word.size(); ++out) {
      if (word[i] != left || i + 1 >= word.size() || word[i + 1] != right) {
        word[out] = word[i++];
        continue;
      }
      if (out > 0) {
        pair_counts_[pair_key(word[out - 1], left)] -= count;
        gained(pair_key(word[out - 1], id));
      }
      word[out] = id;
      i += 2;
      if (i < word.size()) {
        pair_counts_[pair_key(right, word[i])] -= count;
        gained(pair_key(id, word[i]));
      }
    }
    word.resize(out);
  }

  std::string prefix_;
  StringMap ids_;
  std::vector<std::vector<std::int32_t>> words_;
  std::vector<std::int64_t> counts_;
  std::unordered_map<std::uint64_t, std::int64_t> pair_counts_;
  std::priority_queue<Candidate> queue_;
};

Json normalizer_json(const SubwordTrainingOptions& options) {
  if (options.kind == SubwordKind::kByteLevelBpe) return nullptr;
  return {{"type", "BertNormalizer"},
          {"clean_text", true},
          {"handle_chinese_chars", true},
          {"strip_accents", nullptr},
          {"lowercase", options.lowercase}};
}

Json pre_tokenizer_json(const SubwordTrainingOptions& options) {
  if (options.kind == SubwordKind::kWordPiece) return Json::object({{"type", "BertPreTokenizer"}});
  return {{"type", "ByteLevel"}, {"add_prefix_space", options.prefix_space}, {"trim_offsets", true}, {"use_regex", true}};
}

std::vector<std::string> special_tokens(const SubwordTrainingOptions& options) {
  if (options.kind == SubwordKind::kByteLevelBpe) {
    return options.special_tokens.empty() ? std::vector<std::string>{"<|endoftext|>"} : options.special_tokens;
  }
  std::vector<std::string> tokens = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
  for (const std::string& token : options.special_tokens) {
    if (std::find(tokens.begin(), tokens.end(), token) == tokens.end()) tokens.push_back(token);
  }
  return tokens;
}

}  // namespace

struct VocabularyTrainer::State {
  SubwordTrainingOptions options;
  NormalizerPtr normalizer;
  PreTokenizerPtr pre_tokenizer;
  StringMap words;
  std::vector<std::string> spellings;
  std::vector<std::uint64_t> counts;
  Splits splits;
  Aligned scratch;

  /// Characters of all words and how often they were seen, by code point.
  std::map<char32_t, std::uint64_t> characters() const {
    std::map<char32_t, std::uint64_t> found;
    for (std::size_t w = 0; w < spellings.size(); ++w) {
      for (std::size_t at = 0; at < spellings[w].size();) found[read_code_point(spellings[w], at)] += counts[w];
    }
    if (options.kind == SubwordKind::kByteLevelBpe) {
      for (const char32_t c : byte_characters()) found[c] = UINT64_MAX;
    } else if (options.limit_alphabet > 0 && found.size() > options.limit_alphabet) {
      std::vector<std::pair<char32_t, std::uint64_t>> kept(found.begin(), found.end());
      std::stable_sort(kept.begin(), kept.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
      kept.resize(options.limit_alphabet);
      found = {kept.begin(), kept.end()};
    }
    return found;
  }
};

VocabularyTrainer::VocabularyTrainer(const SubwordTrainingOptions& options) : state_(std::make_unique<State>()) {
  state_->options = options;
  state_->normalizer = make_normalizer(normalizer_json(options), kTrainer);
  state_->pre_tokenizer = make_pre_tokenizer(pre_tokenizer_json(options), kTrainer, false);
}

VocabularyTrainer::~VocabularyTrainer() = default;

void VocabularyTrainer::add(std::string_view text) {
  State& s = *state_;
  require_utf8(text, "text to learn a vocabulary from");
  s.splits.text.assign(text, 0, text.size(), false);
  if (s.normalizer) s.normalizer->apply(s.splits.text, s.scratch);
  s.splits.parts.clear();
  if (s.splits.text.size() == 0) return;
  s.splits.parts.push_back({0, static_cast<std::uint32_t>(s.splits.text.size()), -1});
  s.pre_tokenizer->apply(s.splits);
  for (const TextPart& part : s.splits.parts) {
    const std::string_view word = std::string_view(s.splits.text.text()).substr(part.begin, part.end - part.begin);
    const std::uint64_t hash = hash_bytes(word);
    std::int32_t index = s.words.find(word, hash);
    if (index < 0) {
      index = static_cast<std::int32_t>(s.counts.size());
      s.words.set(word, index, hash);
      s.spellings.emplace_back(word);
      s.counts.push_back(0);
    }
    ++s.counts[static_cast<std::size_t>(index)];
  }
}

void VocabularyTrainer::add_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in || std::filesystem::is_directory(file)) {
    throw runtime_failure(fmt::format("{}: {}", file.string(), in ? "is a folder" : std::strerror(errno)));
  }
  std::size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (!in.eof()) line += '\n';
    require_utf8(line, fmt::format("{}:{}", file.string(), number));
    add(line);
  }
  if (in.bad()) throw runtime_failure(fmt::format("{}: cannot be read", file.string()));
}

VocabularyTrainer::Result VocabularyTrainer::train() const {
  const State& s = *state_;
  const bool pieces = s.options.kind == SubwordKind::kWordPiece;
  std::vector<std::string> tokens = special_tokens(s.options);
  StringMap known;
  const auto add_token = [&](const std::string& token) {
    if (known.find(token) >= 0) return;
    known.set(token, 0);
    tokens.push_back(token);
  };
  for (const std::string& token : tokens) known.set(token, 0);
  const auto alphabet = s.characters();
  for (const auto& [c, count] : alphabet) add_token(to_utf8(c));
  if (pieces) {
    std::map<char32_t, bool> continuing;
    for (const std::string& word : s.spellings) {
      for (std::size_t at = 0; at < word.size();) {
        const bool first = at == 0;
        const char32_t c = read_code_point(word, at);
        if (!first && alphabet.contains(c)) continuing[c] = true;
      }
    }
    for (const auto& [c, seen] : continuing) add_token(kContinuing + to_utf8(c));
  }
  if (tokens.size() > s.options.size) {
    throw usage_error(fmt::format("a vocabulary of {} tokens does not hold {} special tokens and characters", s.options.size, tokens.size()),
                      "Ask for more tokens, or for fewer characters.");
  }
  Merger merger(std::move(tokens), pieces ? kContinuing : "");
  Result result;
  result.distinct_words = s.spellings.size();
  for (std::size_t w = 0; w < s.spellings.size(); ++w) {
    std::vector<std::int32_t> ids;
    const std::string& word = s.spellings[w];
    for (std::size_t at = 0; at < word.size();) {
      const bool first = at == 0;
      const char32_t c = read_code_point(word, at);
      if (!alphabet.contains(c)) continue;
      ids.push_back(merger.id_of(first || !pieces ? to_utf8(c) : kContinuing + to_utf8(c)));
    }
    result.words += s.counts[w];
    merger.add_word(std::move(ids), static_cast<std::int64_t>(s.counts[w]));
  }
  merger.run(s.options.size, static_cast<std::int64_t>(s.options.min_frequency));
  result.tokens = std::move(merger.tokens_);
  result.merges = std::move(merger.merges_);
  return result;
}

}  // namespace discreet::text
