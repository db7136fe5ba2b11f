#include "discreet/text/subword/internal/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/text/subword/internal/pattern_syntax.h"

namespace discreet::text::subword {
namespace {

constexpr std::size_t kLongestPattern = 1 << 16;
constexpr std::uint32_t kMatchSteps = 50'000'000;

}  // namespace

struct Regex::Code {
  std::string pattern, where;
  pcre2_code* code = nullptr;
  ~Code() { pcre2_code_free(code); }
};

Regex::Regex(const std::string& pattern, const std::string& where) {
  if (pattern.size() > kLongestPattern) refuse_pattern(where, pattern, "is too long");
  auto code = std::make_shared<Code>();
  code->pattern = pattern;
  code->where = where;
  const std::string ours = pcre2_syntax(pattern, where);
  int error = 0;
  std::size_t place = 0;
  code->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(ours.data()), ours.size(),
                             PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C,
                             &error, &place, nullptr);
  if (code->code == nullptr) {
    unsigned char message[256];
    pcre2_get_error_message(error, message, sizeof message);
    refuse_pattern(where, pattern, fmt::format("{} at byte {}", reinterpret_cast<char*>(message), place + 1));
  }
  pcre2_jit_compile(code->code, PCRE2_JIT_COMPLETE);  // where there is none, it is interpreted
  code_ = std::move(code);
}

void Regex::find(std::string_view text, std::vector<Match>& matches) const {
  matches.clear();
  if (text.empty()) return;  // no pattern matches there
  const auto free_data = [](pcre2_match_data* d) { pcre2_match_data_free(d); };
  const auto free_context = [](pcre2_match_context* c) { pcre2_match_context_free(c); };
  const std::unique_ptr<pcre2_match_data, decltype(free_data)> data(
      pcre2_match_data_create_from_pattern(code_->code, nullptr), free_data);
  const std::unique_ptr<pcre2_match_context, decltype(free_context)> context(
      pcre2_match_context_create(nullptr), free_context);
  pcre2_set_match_limit(context.get(), kMatchSteps);
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  std::size_t last = 0, at = 0;
  while (at <= text.size()) {
    const int count = pcre2_match(code_->code, subject, text.size(), at, PCRE2_NO_UTF_CHECK, data.get(),
                                  context.get());
    if (count == PCRE2_ERROR_NOMATCH) break;
    if (count < 0) {
      throw bad_data(fmt::format("{}: pattern '{}' gave up on a text of {} bytes", code_->where,
                                 code_->pattern.substr(0, 200), text.size()),
                     "The pattern costs too many steps; cut the text.");
    }
    const std::size_t* ends = pcre2_get_ovector_pointer(data.get());
    const std::size_t begin = ends[0], end = ends[1];
    // An empty match where the last one ended is none.
    if (begin == end && begin == last && !matches.empty() && matches.back().matched) {
      if (begin >= text.size()) break;
      at = begin + code_point_bytes(static_cast<unsigned char>(text[begin]));
      continue;
    }
    if (last < begin) matches.push_back({last, begin, false});
    matches.push_back({begin, end, true});
    last = end;
    if (begin == end && begin >= text.size()) break;
    at = end > begin ? end : begin + code_point_bytes(static_cast<unsigned char>(text[begin]));
  }
  if (last < text.size()) matches.push_back({last, text.size(), false});
}

void find_string(std::string_view text, std::string_view what, std::vector<Match>& matches) {
  matches.clear();
  std::size_t last = 0;
  if (!what.empty()) {
    for (std::size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, last)) {
      if (last < at) matches.push_back({last, at, false});
      last = at + what.size();
      matches.push_back({at, last, true});
    }
  }
  if (last < text.size()) matches.push_back({last, text.size(), false});
}

Pattern::Pattern(const JsonFields& component) {
  const JsonFields f(component.object("pattern"), component.at("pattern"));
  f.only({"String", "Regex"});
  const bool is_regex = f.has("Regex");
  text_ = f.text(is_regex ? "Regex" : "String");
  if (text_.empty()) component.fail("pattern", "a text that is not empty");
  if (is_regex) regex_.emplace(text_, component.at("pattern"));
}

void Pattern::find(std::string_view text, std::vector<Match>& matches) const {
  if (regex_) {
    regex_->find(text, matches);
  } else {
    find_string(text, text_, matches);
  }
}

}  // namespace discreet::text::subword
