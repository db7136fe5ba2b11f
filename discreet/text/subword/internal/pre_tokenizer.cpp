#include "discreet/text/subword/internal/pre_tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "discreet/core/error.h"
#include "discreet/text/subword/internal/byte_level.h"
#include "discreet/text/subword/internal/code_points.h"
#include "discreet/text/subword/internal/json_fields.h"
#include "discreet/text/subword/internal/regex.h"

namespace discreet::text::subword {
namespace {

enum class Behavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

/// What becomes of matches and of what stands between them: the ranges that are left.
void settle(std::vector<Match>& matches, Behavior behavior) {
  std::vector<Match> out;
  out.reserve(matches.size());
  bool previous = false;
  switch (behavior) {
    case Behavior::kRemoved:
      std::erase_if(matches, [](const Match& m) { return m.matched; });
      return;
    case Behavior::kIsolated:
      return;
    case Behavior::kContiguous:
      for (const Match& m : matches) {
        if (m.matched == previous && !out.empty()) {
          out.back().end = m.end;
        } else {
          out.push_back(m);
        }
        previous = m.matched;
      }
      break;
    case Behavior::kMergedWithPrevious:
      for (const Match& m : matches) {
        if (m.matched && !previous && !out.empty()) {
          out.back().end = m.end;
        } else {
          out.push_back(m);
        }
        previous = m.matched;
      }
      break;
    case Behavior::kMergedWithNext:
      for (std::size_t i = matches.size(); i-- > 0;) {
        const Match& m = matches[i];
        if (m.matched && !previous && !out.empty()) {
          out.back().begin = m.begin;
        } else {
          out.push_back(m);
        }
        previous = m.matched;
      }
      std::reverse(out.begin(), out.end());
      break;
  }
  matches.swap(out);
}

/// Cuts each part where `find(text, matches)` says.
template <class Find>
void split_parts(Splits& s, Find&& find, Behavior behavior) {
  std::vector<Match> matches;
  s.other_parts.clear();
  for (const TextPart& part : s.parts) {
    if (part.added >= 0) {
      s.other_parts.push_back(part);
      continue;
    }
    find(std::string_view(s.text.text()).substr(part.begin, part.end - part.begin), matches);
    settle(matches, behavior);
    for (const Match& m : matches) {
      if (m.begin == m.end) continue;
      s.other_parts.push_back({part.begin + static_cast<std::uint32_t>(m.begin),
                               part.begin + static_cast<std::uint32_t>(m.end), -1});
    }
  }
  s.parts.swap(s.other_parts);
}

/// Writes the text anew, part by part: `rewrite(begin, end, out)` appends the new text of a part.
/// What no part holds any more is left out.
template <class Rewrite>
void rewrite_parts(Splits& s, Rewrite&& rewrite) {
  s.other_text.clear(s.text.tracked(), s.text.base());
  for (TextPart& part : s.parts) {
    const auto begin = static_cast<std::uint32_t>(s.other_text.size());
    if (part.added >= 0) {
      s.other_text.append(s.text, part.begin, part.end);
    } else {
      rewrite(part.begin, part.end, s.other_text);
    }
    part.begin = begin;
    part.end = static_cast<std::uint32_t>(s.other_text.size());
  }
  s.text.swap(s.other_text);
}

class BertWords final : public PreTokenizer {
 public:
  void apply(Splits& s) const override {
    const std::uint16_t* classes = class_table();
    s.other_parts.clear();
    const std::string& text = s.text.text();
    for (const TextPart& part : s.parts) {
      if (part.added >= 0) {
        s.other_parts.push_back(part);
        continue;
      }
      std::size_t begin = part.begin;
      const auto close = [&](std::size_t end) {
        if (begin < end) s.other_parts.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end), -1});
      };
      for (std::size_t at = part.begin; at < part.end;) {
        const std::size_t start = at;
        const std::uint16_t c = classes[read_code_point(text, at)];
        if ((c & (kSpace | kPunctuation)) == 0) continue;
        close(start);
        begin = start;
        if (is(c, kPunctuation)) close(at);
        begin = at;
      }
      close(part.end);
    }
    s.parts.swap(s.other_parts);
  }
};

/// Runs of \w, and runs of what is neither \w nor white space.
class WordsAndSigns final : public PreTokenizer {
 public:
  void apply(Splits& s) const override {
    const std::uint16_t* classes = class_table();
    split_parts(
        s,
        [&](std::string_view text, std::vector<Match>& matches) {
          matches.clear();
          const auto kind = [&](std::size_t& at) {
            const std::uint16_t c = classes[read_code_point(text, at)];
            return is(c, kWord) ? 1 : is(c, kSpace) ? 0 : 2;
          };
          for (std::size_t at = 0; at < text.size();) {
            const std::size_t begin = at;
            const int first = kind(at);
            for (std::size_t next = at; next < text.size() && kind(next) == first;) at = next;
            matches.push_back({begin, at, first == 0});
          }
        },
        Behavior::kRemoved);
  }
};

/// Cuts at single characters of a class.
class AtCharacters final : public PreTokenizer {
 public:
  AtCharacters(ClassBit bit, Behavior behavior) : bit_(bit), behavior_(behavior) {}
  void apply(Splits& s) const override {
    const std::uint16_t* classes = class_table();
    split_parts(
        s,
        [&](std::string_view text, std::vector<Match>& matches) {
          find_code_points(text, [&](char32_t c) { return is(classes[c], bit_); }, matches);
        },
        behavior_);
  }

 private:
  ClassBit bit_;
  Behavior behavior_;
};

class AtDelimiter final : public PreTokenizer {
 public:
  explicit AtDelimiter(char32_t delimiter) : delimiter_(delimiter) {}
  void apply(Splits& s) const override {
    split_parts(
        s,
        [&](std::string_view text, std::vector<Match>& matches) {
          find_code_points(text, [&](char32_t c) { return c == delimiter_; }, matches);
        },
        Behavior::kRemoved);
  }

 private:
  char32_t delimiter_;
};

class AtPattern final : public PreTokenizer {
 public:
  AtPattern(Pattern pattern, Behavior behavior, bool invert)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}
  void apply(Splits& s) const override {
    split_parts(
        s,
        [&](std::string_view text, std::vector<Match>& matches) {
          pattern_.find(text, matches);
          if (!invert_) return;
          for (Match& m : matches) m.matched = !m.matched;
        },
        behavior_);
  }

 private:
  Pattern pattern_;
  Behavior behavior_;
  bool invert_;
};

enum class PrependScheme { kAlways, kFirst, kNever };

/// Spaces become a visible mark, which begins a word.
class Metaspace final : public PreTokenizer {
 public:
  Metaspace(char32_t mark, PrependScheme scheme, bool split)
      : mark_(to_utf8(mark)), scheme_(scheme), split_(split) {}
  bool needs_origins() const override { return scheme_ == PrependScheme::kFirst; }
  void apply(Splits& s) const override {
    rewrite_parts(s, [&](std::size_t begin, std::size_t end, Aligned& out) {
      const std::string_view text = std::string_view(s.text.text()).substr(begin, end - begin);
      const bool first = scheme_ == PrependScheme::kFirst && s.text.origin(begin, end).begin == 0;
      const bool wanted = scheme_ == PrependScheme::kAlways || first;
      if (wanted && !text.starts_with(mark_) && !text.starts_with(' ')) out.append(mark_, s.text, begin);
      std::size_t kept = begin;
      for (std::size_t at = s.text.text().find(' ', begin); at < end; at = s.text.text().find(' ', at + 1)) {
        out.append(s.text, kept, at);
        out.append(mark_, s.text, at);
        kept = at + 1;
      }
      out.append(s.text, kept, end);
    });
    if (!split_) return;
    split_parts(
        s, [&](std::string_view text, std::vector<Match>& matches) { find_string(text, mark_, matches); },
        Behavior::kMergedWithNext);
  }

 private:
  std::string mark_;
  PrependScheme scheme_;
  bool split_;
};

class ByteLevel final : public PreTokenizer {
 public:
  ByteLevel(bool prefix_space, bool pattern, bool raw)
      : prefix_space_(prefix_space), pattern_(pattern), raw_(raw) {}
  void apply(Splits& s) const override {
    if (prefix_space_) {
      const bool missing = std::any_of(s.parts.begin(), s.parts.end(), [&](const TextPart& p) {
        return p.added < 0 && p.end > p.begin && s.text.text()[p.begin] != ' ';
      });
      if (missing) {
        rewrite_parts(s, [&](std::size_t begin, std::size_t end, Aligned& out) {
          if (s.text.text()[begin] != ' ') out.append(" ", s.text, begin);
          out.append(s.text, begin, end);
        });
      }
    }
    if (pattern_) cut(s);
    if (raw_) {
      s.byte_level = true;
      return;
    }
    rewrite_parts(s, [&](std::size_t begin, std::size_t end, Aligned& out) { spell_bytes(s.text, begin, end, out); });
  }

 private:
  static void cut(Splits& s) {
    std::vector<std::uint32_t> ends;
    s.other_parts.clear();
    for (const TextPart& part : s.parts) {
      if (part.added >= 0) {
        s.other_parts.push_back(part);
        continue;
      }
      ends.clear();
      gpt2_pieces(std::string_view(s.text.text()).substr(part.begin, part.end - part.begin), ends);
      std::uint32_t begin = part.begin;
      for (const std::uint32_t end : ends) {
        s.other_parts.push_back({begin, part.begin + end, -1});
        begin = part.begin + end;
      }
    }
    s.parts.swap(s.other_parts);
  }

  bool prefix_space_, pattern_, raw_;
};

class PreTokenizers final : public PreTokenizer {
 public:
  explicit PreTokenizers(std::vector<PreTokenizerPtr> steps) : steps_(std::move(steps)) {}
  void apply(Splits& s) const override {
    for (const PreTokenizerPtr& step : steps_) step->apply(s);
  }
  bool needs_origins() const override {
    return std::any_of(steps_.begin(), steps_.end(), [](const auto& step) { return step->needs_origins(); });
  }

 private:
  std::vector<PreTokenizerPtr> steps_;
};

Behavior behavior_of(const JsonFields& f) {
  const std::string name = f.text("behavior");
  if (name == "Removed") return Behavior::kRemoved;
  if (name == "Isolated") return Behavior::kIsolated;
  if (name == "MergedWithPrevious") return Behavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return Behavior::kMergedWithNext;
  if (name == "Contiguous") return Behavior::kContiguous;
  f.fail("behavior", "Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
}

PreTokenizerPtr make_metaspace(const JsonFields& f) {
  f.only({"replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep"});
  const std::string name = f.text("prepend_scheme", "always");
  PrependScheme scheme = PrependScheme::kAlways;
  if (name == "first") scheme = PrependScheme::kFirst;
  else if (name == "never") scheme = PrependScheme::kNever;
  else if (name != "always") f.fail("prepend_scheme", "always, first or never");
  if (!f.boolean("add_prefix_space", true)) {
    if (f.has("prepend_scheme") && scheme != PrependScheme::kNever) {
      f.fail("add_prefix_space", "true, as prepend_scheme says");
    }
    scheme = PrependScheme::kNever;
  }
  return std::make_unique<Metaspace>(f.character("replacement"), scheme, f.boolean("split", true));
}

PreTokenizerPtr make_split(const JsonFields& f) {
  f.only({"pattern", "behavior", "invert"});
  return std::make_unique<AtPattern>(Pattern(f), behavior_of(f), f.boolean("invert", false));
}

}  // namespace

PreTokenizerPtr make_pre_tokenizer(const Json& json, const std::string& where, bool raw_bytes, int depth) {
  if (json.is_null()) return nullptr;
  const JsonFields f(json, where);
  const std::string type = f.text("type");
  if (type == "Sequence") {
    auto steps = read_sequence(f, "pretokenizers", depth, [&](const Json& step, const std::string& place, std::size_t i) {
      return make_pre_tokenizer(step, place, raw_bytes && i + 1 == f.list("pretokenizers").size(), depth + 1);
    });
    return std::make_unique<PreTokenizers>(std::move(steps));
  }
  if (type == "ByteLevel") {
    f.only({"add_prefix_space", "trim_offsets", "use_regex"});
    return std::make_unique<ByteLevel>(f.boolean("add_prefix_space"), f.boolean("use_regex", true), raw_bytes);
  }
  if (type == "Metaspace") return make_metaspace(f);
  if (type == "Split") return make_split(f);
  if (type == "Punctuation") {
    f.only({"behavior"});
    return std::make_unique<AtCharacters>(kPunctuation, f.has("behavior") ? behavior_of(f) : Behavior::kIsolated);
  }
  if (type == "Digits") {
    f.only({"individual_digits"});
    return std::make_unique<AtCharacters>(
        kNumeric, f.boolean("individual_digits", false) ? Behavior::kIsolated : Behavior::kContiguous);
  }
  if (type == "CharDelimiterSplit") {
    f.only({"delimiter"});
    return std::make_unique<AtDelimiter>(f.character("delimiter"));
  }
  f.only({});
  if (type == "BertPreTokenizer") return std::make_unique<BertWords>();
  if (type == "Whitespace") return std::make_unique<WordsAndSigns>();
  if (type == "WhitespaceSplit") return std::make_unique<AtCharacters>(kSpace, Behavior::kRemoved);
  f.fail("type",
         "BertPreTokenizer, ByteLevel, Whitespace, WhitespaceSplit, Metaspace, Punctuation, Digits, Split, "
         "CharDelimiterSplit or Sequence");
}

}  // namespace discreet::text::subword
