#include "discreet/mitigate/secrets/internal/postal_forms.h"

#include <string>
#include <unordered_set>

#include "discreet/mitigate/secrets/internal/folded_text.h"

namespace discreet::mitigate::internal {
namespace {

/// Reads forward; nothing is taken where the text goes on otherwise.
class Ahead {
 public:
  Ahead(std::string_view text, std::size_t at) : text_(text), at_(at) {}

  std::size_t position() const { return at_; }
  char look(std::size_t k = 0) const { return at_ + k < text_.size() ? text_[at_ + k] : '\0'; }
  bool take(char c) {
    if (look() != c) return false;
    ++at_;
    return true;
  }
  /// A run of letters and digits, at most `most`; empty if it is longer or none.
  std::string_view take_word(std::size_t most = 24) {
    std::size_t n = 0;
    while (n <= most && is_alnum(look(n))) ++n;
    if (n == 0 || n > most) return {};
    at_ += n;
    return text_.substr(at_ - n, n);
  }

 private:
  std::string_view text_;
  std::size_t at_;
};

bool all_digits(std::string_view word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) { return is_digit(c); });
}
bool capital_latin(char c) { return is_latin(c) && is_upper(c); }

/// "62704" or "62704-1234"; the end, or `i`.
std::size_t end_of_zip(std::string_view text, std::size_t i) {
  Ahead ahead(text, i);
  if (const std::string_view zip = ahead.take_word(5); zip.size() != 5 || !all_digits(zip)) return i;
  const std::size_t end = ahead.position();
  if (ahead.take('-')) {
    const std::string_view more = ahead.take_word(4);
    if (more.size() == 4 && all_digits(more)) return ahead.position();
  }
  return end;
}

/// "NW", "North"; the end, or `i`.
std::size_t end_of_quarter(std::string_view text, std::size_t i) {
  static const std::unordered_set<std::string> kLetters = {"n", "s", "e", "w", "ne", "nw", "se", "sw"};
  static const std::unordered_set<std::string> kWords = {"north", "south", "east", "west"};
  Ahead ahead(text, i);
  const bool stop = ahead.take('.');  // of "St."; behind a word in full a sentence ends
  if (!ahead.take(' ')) return i;
  const std::string_view word = ahead.take_word(5);
  const bool capitals = std::all_of(word.begin(), word.end(), capital_latin);
  const bool quarter = (capitals && kLetters.contains(lower_of(word))) || (!stop && !word.empty() && capital_latin(word[0]) && kWords.contains(lower_of(word)));
  return quarter ? ahead.position() : i;
}

/// ", Apt. 5", " #12"; the end, or `i`.
std::size_t end_of_unit(std::string_view text, std::size_t i) {
  static const std::unordered_set<std::string> kUnits = {"apt", "apartment", "suite", "ste", "unit", "flat", "floor", "fl", "room", "rm"};
  Ahead ahead(text, i);
  ahead.take('.');
  ahead.take(',');
  if (!ahead.take(' ')) return i;
  if (!ahead.take('#')) {
    if (!kUnits.contains(lower_of(ahead.take_word(9)))) return i;
    ahead.take('.');
    if (!ahead.take(' ')) return i;
    ahead.take('#');
  }
  const std::string_view number = ahead.take_word(5);
  const bool counts = number.size() == 1 || std::any_of(number.begin(), number.end(), [](char c) { return is_digit(c); });
  return counts ? ahead.position() : i;
}

/// ", Springfield, IL 62704", ", London NW1 6XE", ", 10115 Berlin"; the end, or `i`.
std::size_t end_of_town(std::string_view text, std::size_t i) {
  constexpr int kMostWords = 5;
  Ahead ahead(text, i);
  ahead.take('.');
  if (!ahead.take(',')) return i;
  for (int words = 0; words <= kMostWords; ++words) {
    if (!ahead.take(' ')) return i;
    for (const std::size_t end : {end_of_zip(text, ahead.position()), end_of_postcode(text, ahead.position())}) {
      if (end == ahead.position()) continue;
      if (words > 0) return end;
      Ahead behind(text, end);  // the town behind its code
      return behind.take(' ') && is_upper(behind.look()) && !behind.take_word().empty() ? behind.position() : i;
    }
    if (!is_upper(ahead.look()) || ahead.take_word().empty()) return i;
    ahead.take('.');
    ahead.take(',');
  }
  return i;
}

}  // namespace

std::size_t end_of_postcode(std::string_view text, std::size_t i) {
  static const std::unordered_set<std::string_view> kNoEnds = {"ST", "ND", "RD", "TH", "GB", "TB"};  // "3RD", "8GB"
  Ahead ahead(text, i);
  const std::string_view outward = ahead.take_word(4);
  if (outward.size() < 2 || !ahead.take(' ')) return i;
  const std::string_view inward = ahead.take_word(3);
  if (inward.size() != 3) return i;
  const auto form = [](std::string_view word) {
    std::string signs;
    for (const char c : word) signs += is_digit(c) ? '9' : capital_latin(c) ? 'A' : '?';
    return signs;
  };
  const std::string out = form(outward), in = form(inward);
  if (in == "9A9") return out == "A9A" ? ahead.position() : i;
  const bool british = in == "9AA" && (out == "A9" || out == "A99" || out == "AA9" || out == "AA99" || out == "A9A" || out == "AA9A");
  // Letters that no inward code has.
  return british && inward.find_first_of("CIKMOV") == std::string_view::npos && !kNoEnds.contains(inward.substr(1)) ? ahead.position() : i;
}

std::size_t end_of_box(std::string_view text, std::size_t i) {
  Ahead ahead(text, i);
  std::string post = lower_of(ahead.take_word(6));
  if (post == "p") {
    ahead.take('.');
    ahead.take(' ');
    post += lower_of(ahead.take_word(6));
    ahead.take('.');
  } else if (post == "post") {
    if (!ahead.take(' ')) return i;
    post += lower_of(ahead.take_word(6));
  }
  if ((post != "po" && post != "postoffice") || !ahead.take(' ') || lower_of(ahead.take_word(3)) != "box" || !ahead.take(' ')) return i;
  return all_digits(ahead.take_word(8)) ? ahead.position() : i;
}

std::size_t end_of_address(std::string_view text, std::size_t end) {
  return end_of_town(text, end_of_unit(text, end_of_quarter(text, end)));
}

}  // namespace discreet::mitigate::internal
