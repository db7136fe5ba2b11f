#include "discreet/text/subword/internal/normalizer.h"

#include <fmt/format.h>

#include <functional>
#include <map>

#include "discreet/core/error.h"
#include "discreet/text/subword/internal/byte_level.h"
#include "discreet/text/subword/internal/code_points.h"
#include "discreet/text/subword/internal/json_fields.h"
#include "discreet/text/subword/internal/regex.h"
#include "discreet/text/unicode.h"

namespace discreet::text::subword {
namespace {


constexpr char32_t kDrop = 0xFFFFFFFF;

// `replace` gives for each code point a new one, the same one to keep it, or kDrop.
template <class Replace>
void map_code_points(Aligned& text, Aligned& scratch, Replace&& replace) {
  scratch.clear(text.tracked(), text.base());
  const std::string& from = text.text();
  std::size_t kept = 0;
  for (std::size_t at = 0; at < from.size();) {
    const std::size_t begin = at;
    const char32_t c = read_code_point(from, at);
    const char32_t now = replace(c);
    if (now == c) continue;
    scratch.append(text, kept, begin);
    if (now != kDrop) scratch.append(to_utf8(now), text, begin);
    kept = at;
  }
  if (kept == 0) return;  // nothing changed
  scratch.append(text, kept, from.size());
  text.swap(scratch);
}

void to_lower_case(Aligned& text, Aligned& scratch) {
  scratch.clear(text.tracked(), text.base());
  const std::string& from = text.text();
  std::size_t kept = 0;
  for (std::size_t at = 0; at < from.size();) {
    const std::size_t begin = at;
    const char32_t c = read_code_point(from, at);
    const Lower lower = lower_case(c);
    if (lower.first == c) continue;
    scratch.append(text, kept, begin);
    std::string bytes = to_utf8(lower.first);
    if (lower.second != 0) append_utf8(bytes, lower.second);
    scratch.append(bytes, text, begin);
    kept = at;
  }
  if (kept == 0) return;
  scratch.append(text, kept, from.size());
  text.swap(scratch);
}

void to_normal_form(Aligned& text, Aligned& scratch, NormalForm form) {
  // ASCII stands for itself in each form; what may combine with its last character begins behind it.
  if (ascii_prefix(text.text()) == text.size()) return;
  std::vector<Change> changes;
  normal_form_changes(text.text(), form, changes);
  scratch.clear(text.tracked(), text.base());
  scratch.append_changed(changes, 0, text);
  text.swap(scratch);
}

class Form final : public Normalizer {
 public:
  explicit Form(NormalForm form) : form_(form) {}
  void apply(Aligned& text, Aligned& scratch) const override { to_normal_form(text, scratch, form_); }

 private:
  NormalForm form_;
};

class LowerCase final : public Normalizer {
 public:
  void apply(Aligned& text, Aligned& scratch) const override { to_lower_case(text, scratch); }
};

class StripAccents final : public Normalizer {
 public:
  void apply(Aligned& text, Aligned& scratch) const override {
    const std::uint16_t* classes = class_table();
    map_code_points(text, scratch, [&](char32_t c) { return is(classes[c], kMark) ? kDrop : c; });
  }
};

// Devlin et al. 2019: clean, set ideographs apart, strip accents, lower case.
class Bert final : public Normalizer {
 public:
  Bert(bool clean, bool ideographs, bool strip, bool lower)
      : clean_(clean), ideographs_(ideographs), strip_(strip), lower_(lower) {}

  void apply(Aligned& text, Aligned& scratch) const override {
    if (ascii_prefix(text.text()) == text.size()) {
      ascii(text, scratch);
      return;
    }
    const std::uint16_t* classes = class_table();
    if (clean_) {
      map_code_points(text, scratch, [&](char32_t c) -> char32_t {
        if (c >= '!' && c <= '~') return c;
        if (is(classes[c], kRemoved)) return kDrop;
        return is(classes[c], kSpace) ? U' ' : c;
      });
    }
    if (ideographs_) set_apart(text, scratch);
    if (strip_) {
      to_normal_form(text, scratch, NormalForm::kD);
      map_code_points(text, scratch, [&](char32_t c) { return is(classes[c], kAccent) ? kDrop : c; });
    }
    if (lower_) to_lower_case(text, scratch);
  }

 private:
  void ascii(Aligned& text, Aligned& scratch) const {
    map_code_points(text, scratch, [&](char32_t c) -> char32_t {
      if (c >= 'A' && c <= 'Z') return lower_ ? c + 32 : c;
      if (c > ' ' && c < 0x7F) return c;
      if (!clean_) return c;
      return c == '\t' || c == '\n' || c == '\r' || c == ' ' ? U' ' : kDrop;
    });
  }

  static void set_apart(Aligned& text, Aligned& scratch) {
    const std::string& from = text.text();
    scratch.clear(text.tracked(), text.base());
    std::size_t kept = 0;
    for (std::size_t at = 0; at < from.size();) {
      const std::size_t begin = at;
      if (!is_bert_ideograph(read_code_point(from, at))) continue;
      scratch.append(text, kept, begin);
      scratch.append(" ", text, begin);
      scratch.append(text, begin, at);
      scratch.append(" ", text, begin);
      kept = at;
    }
    if (kept == 0) return;
    scratch.append(text, kept, from.size());
    text.swap(scratch);
  }

  bool clean_, ideographs_, strip_, lower_;
};

class Strip final : public Normalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}
  void apply(Aligned& text, Aligned& scratch) const override {
    const std::uint16_t* classes = class_table();
    const std::string& from = text.text();
    std::size_t begin = 0, end = from.size();
    for (std::size_t at = 0; left_ && begin < end; begin = at) {
      if (!is(classes[read_code_point(from, at)], kSpace)) break;
    }
    for (std::size_t at = end; right_ && begin < end; end = at) {
      if (!is(classes[read_code_point_before(from, at)], kSpace)) break;
    }
    if (begin == 0 && end == from.size()) return;
    scratch.clear(text.tracked(), text.base());
    scratch.append(text, begin, end);
    text.swap(scratch);
  }

 private:
  bool left_, right_;
};

/// A few replacements one after the other make a text of any length out of a letter.
void check_growth(std::size_t bytes, const Aligned& text) {
  if (bytes <= text.most_bytes()) return;
  throw bad_data(fmt::format("the tokenizer's normalizer makes {} bytes of a text of {}", bytes, (text.most_bytes() - 4096) / 256),
                 fmt::format("At most {} are taken; a Replace or a Prepend of the tokenizer.json is longer than any that is meant.",
                             text.most_bytes()));
}

class Replace final : public Normalizer {
 public:
  Replace(Pattern pattern, std::string by) : pattern_(std::move(pattern)), by_(std::move(by)) {}
  void apply(Aligned& text, Aligned& scratch) const override {
    std::vector<Match> matches;
    pattern_.find(text.text(), matches);
    std::size_t bytes = 0;
    for (const Match& m : matches) bytes += m.matched ? by_.size() : m.end - m.begin;
    check_growth(bytes, text);
    scratch.clear(text.tracked(), text.base());
    for (const Match& m : matches) {
      if (m.matched) {
        scratch.append_added(by_, text, m.end);
      } else {
        scratch.append(text, m.begin, m.end);
      }
    }
    text.swap(scratch);
  }

 private:
  Pattern pattern_;
  std::string by_;
};

class Prepend final : public Normalizer {
 public:
  explicit Prepend(std::string what) : what_(std::move(what)) {}
  void apply(Aligned& text, Aligned& scratch) const override {
    if (text.size() == 0) return;
    check_growth(text.size() + what_.size(), text);
    scratch.clear(text.tracked(), text.base());
    scratch.append(what_, text, 0);
    scratch.append(text, 0, text.size());
    text.swap(scratch);
  }

 private:
  std::string what_;
};

// The character map as tokenizer.json means it: by grapheme cluster if that is short, and the
// shortest entry that fits.
class Precompiled final : public Normalizer {
 public:
  explicit Precompiled(CharacterMap map) : map_(std::move(map)) {}
  void apply(Aligned& text, Aligned& scratch) const override {
    const std::string& from = text.text();
    std::vector<Change> changes;
    bool modified = false;
    const auto replace = [&](std::string_view part) {
      const CharacterMap::Found found = map_.shortest(part);
      if (found.bytes == 0) return false;
      modified = true;
      const std::size_t before = changes.size();
      for (std::size_t at = 0; at < found.text.size();) changes.push_back({read_code_point(found.text, at), 0});
      const auto more = static_cast<int>(changes.size() - before) - static_cast<int>(count_code_points(part));
      // What is more was added behind the rest; what is less goes with the last that is there.
      for (int i = 0; i < more; ++i) changes[changes.size() - 1 - static_cast<std::size_t>(i)].change = 1;
      if (more < 0 && !changes.empty()) changes.back().change += more;
      return true;
    };
    std::size_t begin = 0;
    for (const std::size_t end : grapheme_ends(from)) {
      const std::string_view cluster = std::string_view(from).substr(begin, end - begin);
      begin = end;
      if (cluster.size() < 6 && replace(cluster)) continue;
      for (std::size_t at = 0; at < cluster.size();) {
        const std::size_t start = at;
        const char32_t c = read_code_point(cluster, at);
        if (!replace(cluster.substr(start, at - start))) changes.push_back({c, 0});
      }
    }
    if (!modified) return;
    scratch.clear(text.tracked(), text.base());
    scratch.append_changed(changes, 0, text);
    text.swap(scratch);
  }

 private:
  CharacterMap map_;
};

// Control characters and spaces as SentencePiece's nmt rules treat them.
class Nmt final : public Normalizer {
 public:
  void apply(Aligned& text, Aligned& scratch) const override {
    map_code_points(text, scratch, [](char32_t c) -> char32_t {
      if ((c >= 1 && c <= 8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F) {
        return kDrop;
      }
      const bool space = c == 9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 ||
                         (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
                         c == 0xFEFF || c == 0xFFFD;
      return space ? U' ' : c;
    });
  }
};

class ByteLevelNormalizer final : public Normalizer {
 public:
  void apply(Aligned& text, Aligned& scratch) const override {
    scratch.clear(text.tracked(), text.base());
    spell_bytes(text, 0, text.size(), scratch);
    text.swap(scratch);
  }
};

class NormalizerSequence final : public Normalizer {
 public:
  explicit NormalizerSequence(std::vector<NormalizerPtr> steps) : steps_(std::move(steps)) {}
  void apply(Aligned& text, Aligned& scratch) const override {
    for (const NormalizerPtr& step : steps_) step->apply(text, scratch);
  }

 private:
  std::vector<NormalizerPtr> steps_;
};

NormalizerPtr make_bert(const JsonFields& f) {
  f.only({"clean_text", "handle_chinese_chars", "strip_accents", "lowercase"});
  const bool lower = f.boolean("lowercase", true);
  return std::make_unique<Bert>(f.boolean("clean_text", true), f.boolean("handle_chinese_chars", true),
                                f.boolean("strip_accents", lower), lower);
}

NormalizerPtr make_replace(const JsonFields& f) {
  f.only({"pattern", "content"});
  return std::make_unique<Replace>(Pattern(f), f.text("content"));
}

NormalizerPtr make_precompiled(const JsonFields& f) {
  f.only({"precompiled_charsmap"});
  return std::make_unique<Precompiled>(
      CharacterMap(decode_base64(f.text("precompiled_charsmap"), f.at("precompiled_charsmap")),
                   f.at("precompiled_charsmap")));
}

}  // namespace

NormalizerPtr make_normalizer(const Json& json, const std::string& where, int depth) {
  if (json.is_null()) return nullptr;
  const JsonFields f(json, where);
  const std::string type = f.text("type");
  if (type == "Sequence") {
    auto steps = read_sequence(f, "normalizers", depth, [&](const Json& step, const std::string& place, std::size_t) {
      return make_normalizer(step, place, depth + 1);
    });
    return std::make_unique<NormalizerSequence>(std::move(steps));
  }
  if (type == "BertNormalizer") return make_bert(f);
  if (type == "Replace") return make_replace(f);
  if (type == "Precompiled") return make_precompiled(f);
  if (type == "Strip") {
    f.only({"strip_left", "strip_right"});
    return std::make_unique<Strip>(f.boolean("strip_left"), f.boolean("strip_right"));
  }
  if (type == "Prepend") {
    f.only({"prepend"});
    return std::make_unique<Prepend>(f.text("prepend"));
  }
  f.only({});
  if (type == "NFC") return std::make_unique<Form>(NormalForm::kC);
  if (type == "NFD") return std::make_unique<Form>(NormalForm::kD);
  if (type == "NFKC") return std::make_unique<Form>(NormalForm::kKC);
  if (type == "NFKD") return std::make_unique<Form>(NormalForm::kKD);
  if (type == "Lowercase") return std::make_unique<LowerCase>();
  if (type == "StripAccents") return std::make_unique<StripAccents>();
  if (type == "Nmt") return std::make_unique<Nmt>();
  if (type == "ByteLevel") return std::make_unique<ByteLevelNormalizer>();
  f.fail("type",
         "BertNormalizer, Lowercase, NFC, NFD, NFKC, NFKD, StripAccents, Strip, Replace, Prepend, "
         "Precompiled, Nmt, ByteLevel or Sequence");
}

}  // namespace discreet::text::subword
