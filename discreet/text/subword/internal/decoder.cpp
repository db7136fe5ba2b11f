#include "discreet/text/subword/internal/decoder.h"

#include <fmt/format.h>


#include "discreet/core/error.h"
#include "discreet/text/subword/internal/byte_level.h"
#include "discreet/text/subword/internal/json_fields.h"
#include "discreet/text/subword/internal/regex.h"
#include "discreet/text/unicode.h"

namespace discreet::text::subword {
namespace {

constexpr std::size_t kLongestToken = std::size_t{1} << 24;  // that a Replace may make
constexpr const char* kReplacementCharacter = "\xEF\xBF\xBD";

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  if (what.empty()) return;
  std::size_t at = text.find(what);
  if (at == std::string::npos) return;
  std::string out;
  std::size_t last = 0;
  for (; at != std::string::npos; at = text.find(what, last)) {
    out.append(text, last, at - last).append(by);
    last = at + what.size();
  }
  out.append(text, last);
  text.swap(out);
}

// Spaces that a tokeniser put before signs, in this order.
void clean_up(std::string& text) {
  constexpr std::pair<const char*, const char*> kRules[] = {
      {" .", "."},     {" ?", "?"},   {" !", "!"},           {" ,", ","},   {" ' ", "'"}, {" n't", "n't"},
      {" 'm", "'m"},   {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [what, by] : kRules) replace_all(text, what, by);
}

class WordPieceDecoder final : public Decoder {
 public:
  WordPieceDecoder(std::string prefix, bool cleanup) : prefix_(std::move(prefix)), cleanup_(cleanup) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      std::string& token = tokens[i];
      if (i != 0) {
        if (token.starts_with(prefix_)) {
          token.erase(0, prefix_.size());
        } else {
          token.insert(0, " ");
        }
      }
      if (cleanup_) clean_up(token);
    }
  }

 private:
  std::string prefix_;
  bool cleanup_;
};

class ByteLevelDecoder final : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::string bytes;
    for (const std::string& token : tokens) {
      if (!unspell_bytes(token, bytes)) bytes += token;
    }
    tokens.assign(1, utf8_or_replacements(bytes));
  }
};

class BpeDecoder final : public Decoder {
 public:
  explicit BpeDecoder(std::string suffix) : suffix_(std::move(suffix)) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      replace_all(tokens[i], suffix_, i + 1 == tokens.size() ? "" : " ");
    }
  }

 private:
  std::string suffix_;
};

class MetaspaceDecoder final : public Decoder {
 public:
  MetaspaceDecoder(char32_t mark, bool first) : mark_(to_utf8(mark)), first_(first) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (std::size_t i = 0; i < tokens.size(); ++i) replace_all(tokens[i], mark_, i == 0 && first_ ? "" : " ");
  }

 private:
  std::string mark_;
  bool first_;
};

class ByteFallbackDecoder final : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::vector<std::string> out;
    std::string bytes;
    const auto flush = [&] {
      if (bytes.empty()) return;
      if (find_invalid_utf8(bytes) == std::string::npos) {
        out.push_back(bytes);
      } else {
        out.insert(out.end(), bytes.size(), kReplacementCharacter);
      }
      bytes.clear();
    };
    for (std::string& token : tokens) {
      if (const int byte = byte_of(token); byte >= 0) {
        bytes += static_cast<char>(byte);
        continue;
      }
      flush();
      out.push_back(std::move(token));
    }
    flush();
    tokens.swap(out);
  }

 private:
  /// Of "<0x0A>"; -1 for other tokens.
  static int byte_of(const std::string& token) {
    if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return -1;
    int value = 0;
    for (std::size_t i = 3; i < 5; ++i) {
      const char c = token[i];
      const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
      if (digit < 0) return -1;
      value = value * 16 + digit;
    }
    return value;
  }
};

class FuseDecoder final : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::string all;
    for (const std::string& token : tokens) all += token;
    tokens.assign(1, std::move(all));
  }
};

class StripDecoder final : public Decoder {
 public:
  StripDecoder(char32_t what, std::size_t start, std::size_t stop) : what_(to_utf8(what)), start_(start), stop_(stop) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) {
      std::size_t begin = 0, end = token.size();
      for (std::size_t i = 0; i < start_ && std::string_view(token).substr(begin).starts_with(what_); ++i) begin += what_.size();
      for (std::size_t i = 0; i < stop_ && end > begin && std::string_view(token).substr(begin, end - begin).ends_with(what_); ++i) end -= what_.size();
      token = token.substr(begin, end - begin);
    }
  }

 private:
  std::string what_;
  std::size_t start_, stop_;
};

class ReplaceDecoder final : public Decoder {
 public:
  ReplaceDecoder(Pattern pattern, std::string by)
      : pattern_(std::move(pattern)), by_(std::move(by)) {}
  void apply(std::vector<std::string>& tokens) const override {
    std::vector<Match> matches;
    for (std::string& token : tokens) {
      pattern_.find(token, matches);
      std::size_t bytes = 0;
      for (const Match& m : matches) bytes += m.matched ? by_.size() : m.end - m.begin;
      if (bytes > kLongestToken) {
        throw bad_data(fmt::format("the decoder's Replace makes {} bytes of a token of {}", bytes, token.size()),
                       fmt::format("At most {} are taken.", kLongestToken));
      }
      std::string out;
      for (const Match& m : matches) out += m.matched ? by_ : token.substr(m.begin, m.end - m.begin);
      token.swap(out);
    }
  }

 private:
  Pattern pattern_;
  std::string by_;
};

class Decoders final : public Decoder {
 public:
  explicit Decoders(std::vector<DecoderPtr> steps) : steps_(std::move(steps)) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (const DecoderPtr& step : steps_) step->apply(tokens);
  }

 private:
  std::vector<DecoderPtr> steps_;
};

DecoderPtr make_metaspace_decoder(const JsonFields& f) {
  f.only({"replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep"});
  const std::string scheme = f.text("prepend_scheme", "always");
  if (scheme != "always" && scheme != "first" && scheme != "never") f.fail("prepend_scheme", "always, first or never");
  return std::make_unique<MetaspaceDecoder>(f.character("replacement"),
                                            scheme != "never" && f.boolean("add_prefix_space", true));
}

DecoderPtr make_replace_decoder(const JsonFields& f) {
  f.only({"pattern", "content"});
  return std::make_unique<ReplaceDecoder>(Pattern(f), f.text("content"));
}

}  // namespace

DecoderPtr make_decoder(const Json& json, const std::string& where, int depth) {
  if (json.is_null()) return nullptr;
  const JsonFields f(json, where);
  const std::string type = f.text("type");
  if (type == "Sequence") {
    auto steps = read_sequence(f, "decoders", depth, [&](const Json& step, const std::string& place, std::size_t) {
      return make_decoder(step, place, depth + 1);
    });
    return std::make_unique<Decoders>(std::move(steps));
  }
  if (type == "WordPiece") {
    f.only({"prefix", "cleanup"});
    return std::make_unique<WordPieceDecoder>(f.text("prefix"), f.boolean("cleanup"));
  }
  if (type == "ByteLevel") {
    f.only({"add_prefix_space", "trim_offsets", "use_regex"});
    return std::make_unique<ByteLevelDecoder>();
  }
  if (type == "BPEDecoder") {
    f.only({"suffix"});
    return std::make_unique<BpeDecoder>(f.text("suffix"));
  }
  if (type == "Metaspace") return make_metaspace_decoder(f);
  if (type == "Replace") return make_replace_decoder(f);
  if (type == "Strip") {
    f.only({"content", "start", "stop"});
    constexpr std::int64_t kMost = 1 << 20;
    return std::make_unique<StripDecoder>(f.character("content"), static_cast<std::size_t>(f.integer("start", 0, kMost)),
                                          static_cast<std::size_t>(f.integer("stop", 0, kMost)));
  }
  f.only({});
  if (type == "ByteFallback") return std::make_unique<ByteFallbackDecoder>();
  if (type == "Fuse") return std::make_unique<FuseDecoder>();
  f.fail("type", "WordPiece, ByteLevel, BPEDecoder, Metaspace, ByteFallback, Fuse, Strip, Replace or Sequence");
}

std::string utf8_or_replacements(const std::string& bytes) {
  std::string out;
  std::string_view rest = bytes;
  for (;;) {
    const std::size_t bad = find_invalid_utf8(rest);
    if (bad == std::string_view::npos) break;
    out.append(rest.substr(0, bad)).append(kReplacementCharacter);
    // A cut-off sequence is replaced as a whole: its longest valid beginning (Unicode 15, section 3.9).
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(rest[i]); };
    const unsigned char first = byte(bad);
    std::size_t length = first >= 0xF0 && first <= 0xF4 ? 4 : first >= 0xE0 && first < 0xF0 ? 3 : first >= 0xC2 && first < 0xE0 ? 2 : 1;
    std::size_t end = bad + 1;
    for (std::size_t k = 1; k < length && end < rest.size(); ++k, ++end) {
      unsigned low = 0x80, high = 0xBF;
      if (k == 1 && first == 0xE0) low = 0xA0;
      if (k == 1 && first == 0xED) high = 0x9F;
      if (k == 1 && first == 0xF0) low = 0x90;
      if (k == 1 && first == 0xF4) high = 0x8F;
      if (byte(end) < low || byte(end) > high) break;
    }
    rest.remove_prefix(end);
  }
  return out.append(rest);
}

}  // namespace discreet::text::subword
