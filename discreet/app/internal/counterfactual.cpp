#include "discreet/app/internal/counterfactual.h"

#include <algorithm>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "discreet/app/internal/encoder.h"
#include "discreet/app/internal/text_coin.h"
#include "discreet/app/subwords.h"
#include "discreet/core/error.h"
#include "discreet/mitigate/words/alignment.h"

namespace discreet::app {
namespace {

/// Lower-cased words have lost the capital that tells a name.
bool names_have_capitals(const Settings& settings) {
  return settings.data.tokenizer == "subword" || !settings.data.lowercase;
}

/// Takes out of `own` what one of `given` says of the same words.
void give_way(const mitigate::WordPairs& given, mitigate::WordPairs& own) {
  std::set<std::string> words;
  for (const auto& [first, second] : given) words.insert({first, second});
  std::erase_if(own, [&](const auto& pair) { return words.count(pair.first) > 0 || words.count(pair.second) > 0; });
}

void hold_out_words(const std::vector<std::string>& held_out, mitigate::SwapLists& lists) {
  const std::set<std::string> held(held_out.begin(), held_out.end());
  for (mitigate::WordPairs* pairs : {&lists.pairs, &lists.one_way, &lists.names}) {
    std::erase_if(*pairs, [&](const auto& pair) { return held.count(pair.first) > 0 || held.count(pair.second) > 0; });
  }
}

mitigate::SwapLists role_lists(const Settings& settings, const DistillOptions& asked) {
  mitigate::SwapLists lists;
  if (asked.built_in) lists = mitigate::default_gender_lists();
  lists.pronouns = asked.pronouns;
  mitigate::WordPairs pairs, names;
  for (const std::string& source : asked.pairs) {
    mitigate::read_pairs(source, mitigate::PairConflict::kError, asked.pronouns, pairs, lists.left_out);
  }
  for (const std::string& source : asked.names) {
    mitigate::read_pairs(source, mitigate::PairConflict::kError, false, names, lists.left_out);
  }
  if (!names.empty()) lists.names.clear();
  for (mitigate::WordPairs* own : {&lists.pairs, &lists.one_way, &lists.names}) give_way(pairs, *own);
  give_way(pairs, names);
  lists.pairs.insert(lists.pairs.end(), pairs.begin(), pairs.end());
  mitigate::WordPairs& where = names_have_capitals(settings) ? lists.names : lists.pairs;
  if (!names_have_capitals(settings)) give_way(names, lists.pairs);
  where.insert(where.end(), names.begin(), names.end());
  hold_out_words(asked.held_out, lists);
  if (lists.pairs.empty() && lists.one_way.empty() && lists.names.empty() && !lists.pronouns) {
    throw usage_error("[distill]: there is nothing to exchange", "Name distill.pairs, or leave distill.built_in on.");
  }
  return lists;
}

/// Words joined by blanks, and where each stands.
std::string joined(const std::vector<std::string>& words, std::vector<mitigate::TokenRange>& ranges) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += ' ';
    ranges.push_back({text.size(), text.size() + word.size()});
    text += word;
  }
  return text;
}

std::vector<mitigate::TokenRange> ranges_of(const std::vector<Piece>& pieces) {
  std::vector<mitigate::TokenRange> ranges;
  for (const Piece& piece : pieces) {
    ranges.push_back({static_cast<std::size_t>(piece.place.begin), static_cast<std::size_t>(piece.place.end)});
  }
  return ranges;
}

std::vector<std::int64_t> ids_from(const std::vector<Piece>& pieces) {
  std::vector<std::int64_t> ids;
  for (const Piece& piece : pieces) ids.push_back(piece.id);
  return ids;
}

/// One example's tokens with the roles reversed, and for each prefix of t tokens, 0 .. n, its match.
struct ReversedTokens {
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> matches;
};

/// The pieces of a block's text, line by line, as blocks are made (encode.cpp): some tokenisers mark where a line begins.
std::vector<Piece> pieces_by_line(const Encoder& encoder, const std::string& text) {
  std::vector<Piece> pieces;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t found = text.find('\n', begin), end = found == std::string::npos ? text.size() : found + 1;
    for (Piece piece : encoder.subwords->pieces(text.substr(begin, end - begin))) {
      piece.place.begin += static_cast<std::int64_t>(begin);
      piece.place.end += static_cast<std::int64_t>(begin);
      pieces.push_back(piece);
    }
    begin = end;
  }
  return pieces;
}

/// Where a text's pieces go on as a block's tokens do. A block that begins within a word is read as if a word began there
/// by tokenisers that mark the beginnings of words: its first pieces differ.
struct PieceJoin {
  std::size_t skipped_pieces = 0, skipped_tokens = 0;
};
std::optional<PieceJoin> join_of(const std::vector<std::int64_t>& pieces, std::span<const std::int64_t> tokens) {
  constexpr std::size_t kMostSkipped = 8;
  for (std::size_t skipped = 0; skipped <= kMostSkipped; ++skipped) {
    for (std::size_t of_tokens = 0; of_tokens <= skipped; ++of_tokens) {
      const std::size_t of_pieces = skipped - of_tokens;
      if (of_tokens >= tokens.size() || of_pieces >= pieces.size()) continue;
      const auto rest = tokens.subspan(of_tokens);
      // A line that was cut at its end lost whole pieces.
      if (pieces.size() - of_pieces < rest.size()) continue;
      if (std::ranges::equal(std::span(pieces).subspan(of_pieces, rest.size()), rest)) return PieceJoin{of_pieces, of_tokens};
    }
  }
  return std::nullopt;
}

/// False if nothing is exchanged behind the first pieces, or if the text does not give the tokens again (blocks that begin
/// within a character).
bool reverse_subwords(const RoleReverser& reverser, const Encoder& encoder, const std::string& text,
                      std::span<const std::int64_t> tokens, ReversedTokens& reversed) {
  mitigate::SwapCounts counts = reverser.swapper().no_counts();
  std::vector<mitigate::SwapSpan> changes;
  std::string out;
  reverser.swapper().swap(text, out, counts, changes);
  if (changes.empty()) return false;
  std::vector<Piece> pieces = pieces_by_line(encoder, text);
  const auto join = join_of(ids_from(pieces), tokens);
  if (!join) return false;
  const auto [skipped, kept] = *join;  // pieces of the text, tokens of the block that stand in their place
  pieces.resize(skipped + tokens.size() - kept);
  const std::vector<Piece> others = pieces_by_line(encoder, out);
  for (std::size_t i = 0; i < skipped; ++i) {
    if (i >= others.size() || others[i].id != pieces[i].id) return false;
  }
  const std::vector<std::int64_t> matches = mitigate::align_prefixes(ranges_of(pieces), ranges_of(others), changes);
  reversed.ids.assign(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(kept));
  for (std::size_t i = skipped; i < others.size(); ++i) reversed.ids.push_back(others[i].id);
  const auto shift = static_cast<std::int64_t>(kept) - static_cast<std::int64_t>(skipped);
  for (std::size_t t = 0; t <= tokens.size(); ++t) {
    if (t < kept) {
      reversed.matches.push_back(static_cast<std::int64_t>(t));
      continue;
    }
    const std::int64_t match = matches[t - kept + skipped];
    reversed.matches.push_back(match < static_cast<std::int64_t>(skipped) ? -1 : match + shift);
  }
  return true;
}

bool reverse_whole_words(const RoleReverser& reverser, const Encoder& encoder, std::vector<std::string> words,
                         std::size_t count, ReversedTokens& reversed) {
  if (!reverser.reverse_words(words)) return false;
  words.resize(std::min(count, words.size()));
  for (std::size_t t = 0; t <= words.size(); ++t) reversed.matches.push_back(static_cast<std::int64_t>(t));
  for (const std::string& word : words) reversed.ids.push_back(encoder.vocabulary.id(word));
  return true;
}

/// As encode() writes an example of a language model: before each token the one that it follows.
void append_reversed(const Encoder& encoder, std::vector<std::int64_t> ids, bool ends, EncodedData& data) {
  if (ends) ids.push_back(encoder.language.end);
  std::int64_t before = encoder.language.end;
  for (const std::int64_t id : ids) {
    data.tokens.push_back(before);
    data.tags.push_back(id);
    before = id;
  }
  data.offsets.push_back(static_cast<std::int64_t>(data.tokens.size()));
}

ReversedRows reverse_tokens(const RoleReverser& reverser, const Encoder& encoder, const EncodedData& data) {
  ReversedRows rows;
  rows.aligned.assign(data.tokens.size(), -1);
  const bool ends = !encoder.language.blocks;
  const std::int64_t longest = encoder.lengths.longest;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const std::int64_t begin = data.offsets[i], n = data.offsets[i + 1] - begin;
    const auto own = std::span(data.tags).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(n));
    const auto tokens = own.first(static_cast<std::size_t>(ends ? n - 1 : n));
    ReversedTokens reversed;
    const bool changed = encoder.subwords
                             ? reverse_subwords(reverser, encoder, data.examples[i].text, tokens, reversed)
                             : reverse_whole_words(reverser, encoder, data.examples[i].words, tokens.size(), reversed);
    if (!changed) continue;
    // A copy that is longer than the model allows loses its end: nothing is aligned with what is not there.
    const std::size_t room = longest > 0 ? static_cast<std::size_t>(longest - (ends ? 1 : 0)) : reversed.ids.size();
    if (reversed.ids.size() > room) reversed.ids.resize(room);
    const std::int64_t first = static_cast<std::int64_t>(rows.reversed.tokens.size());
    append_reversed(encoder, reversed.ids, ends, rows.reversed);
    const std::int64_t length = static_cast<std::int64_t>(rows.reversed.tokens.size()) - first;
    ++rows.changed_examples;
    for (std::int64_t t = 0; t < n; ++t) {
      const std::int64_t match = reversed.matches[static_cast<std::size_t>(t)];
      const bool found = match >= 0 && match < length;
      if (found) rows.aligned[static_cast<std::size_t>(begin + t)] = first + match;
      ++(found ? rows.aligned_rows : rows.unaligned_rows);
    }
  }
  return rows;
}

}  // namespace

RoleReverser::RoleReverser(const Settings& settings, const DistillOptions& distill)
    : swapper_(role_lists(settings, distill)) {}

bool RoleReverser::reverse_words(std::vector<std::string>& words) const {
  std::vector<mitigate::TokenRange> ranges;
  const std::string text = joined(words, ranges);
  mitigate::SwapCounts counts = swapper_.no_counts();
  std::vector<mitigate::SwapSpan> changes;
  std::string out;
  swapper_.swap(text, out, counts, changes);
  std::size_t change = 0;
  bool any = false;
  std::ptrdiff_t shift = 0;
  for (std::size_t w = 0; w < words.size(); ++w) {
    const std::size_t begin = static_cast<std::size_t>(static_cast<std::ptrdiff_t>(ranges[w].begin) + shift);
    bool touched = false;
    while (change < changes.size() && changes[change].end <= ranges[w].end) {
      shift = static_cast<std::ptrdiff_t>(changes[change].out_end) - static_cast<std::ptrdiff_t>(changes[change].end);
      touched = true;
      ++change;
    }
    if (!touched) continue;
    const std::size_t end = static_cast<std::size_t>(static_cast<std::ptrdiff_t>(ranges[w].end) + shift);
    words[w] = out.substr(begin, end - begin);
    any = true;
  }
  return any;
}

bool RoleReverser::reverse(const text::Tokenizer& tokenizer, text::Example& example) const {
  if (!example.tags.empty() || example.text.empty()) {
    if (!reverse_words(example.words)) return false;
    if (!example.text.empty()) {
      std::vector<mitigate::TokenRange> ranges;
      example.text = joined(example.words, ranges);
    }
    return true;
  }
  mitigate::SwapCounts counts = swapper_.no_counts();
  std::string out;
  swapper_.swap(example.text, out, counts);
  if (counts.changed() == 0) return false;
  example.text = std::move(out);
  example.words = tokenizer.words(example.text);
  return true;
}

void add_counterfactuals(const Settings& settings, const DistillOptions& distill, const text::Tokenizer& tokenizer,
                         std::vector<text::Example>& examples, std::vector<std::string>& notes) {
  const std::string& mode = distill.augment;
  if (mode == "none") return;
  const RoleReverser reverser(settings, distill);
  std::size_t changed = 0;
  if (mode == "augment") {
    const std::size_t originals = examples.size();
    for (std::size_t i = 0; i < originals; ++i) {
      text::Example copy = examples[i];
      if (reverser.reverse(tokenizer, copy)) examples.push_back(std::move(copy));
    }
    changed = examples.size() - originals;
    notes.push_back(fmt::format("{} role-reversed copies stand beside {} training examples.", changed, originals));
  } else {
    const auto seed = static_cast<std::uint64_t>(settings.run.seed);
    for (text::Example& example : examples) {
      if (coin_of("role reversal", seed, example) < 0.5 && reverser.reverse(tokenizer, example)) ++changed;
    }
    notes.push_back(fmt::format("{} of {} training examples were role-reversed.", changed, examples.size()));
  }
  if (changed > 0) return;
  throw bad_data(fmt::format("data.train = \"{}\": no example has a word to exchange", settings.data.train),
                 "Look at distill.pairs, distill.names and distill.held_out, or set distill.augment to \"none\".");
}

ReversedRows reverse_rows(const Settings& settings, const DistillOptions& distill, const Encoder& encoder, const EncodedData& data) {
  const RoleReverser reverser(settings, distill);
  ReversedRows rows;
  if (encoder.language.end >= 0) {
    rows = reverse_tokens(reverser, encoder, data);
  } else {
    rows.aligned.assign(data.examples.size(), -1);
    std::vector<text::Example> examples;
    for (std::size_t i = 0; i < data.examples.size(); ++i) {
      text::Example copy = data.examples[i];
      if (!reverser.reverse(*encoder.tokenizer, copy)) continue;
      rows.aligned[i] = static_cast<std::int64_t>(examples.size());
      examples.push_back(std::move(copy));
    }
    rows.changed_examples = rows.aligned_rows = static_cast<std::int64_t>(examples.size());
    rows.reversed = encode(encoder, std::move(examples));
  }
  if (rows.changed_examples > 0) return rows;
  throw bad_data(fmt::format("data.train = \"{}\": no example has a word to exchange", settings.data.train),
                 "Look at distill.pairs, distill.names and distill.held_out, or set distill.combination to \"none\".");
}

std::vector<std::filesystem::path> counterfactual_files(const DistillOptions& distill) {
  std::vector<std::filesystem::path> files;
  for (const auto* sources : {&distill.pairs, &distill.names}) {
    for (const std::string& source : *sources) {
      for (const auto& file : mitigate::pair_files(source)) files.push_back(file);
    }
  }
  return files;
}

}  // namespace discreet::app
