#include "discreet/text/internal/coreference.h"

#include <algorithm>
#include <map>
#include <vector>

#include "discreet/text/unicode.h"

namespace discreet::text::internal {
namespace {

constexpr const char* kOccupations[] = {
    "construction worker", "attendant", "cashier", "teacher", "nurse", "assistant", "secretary", "auditor", "cleaner",
    "receptionist", "clerk", "counselor", "designer", "hairdresser", "writer", "housekeeper", "baker", "accountant",
    "editor", "librarian", "tailor", "driver", "supervisor", "janitor", "cook", "mover", "laborer", "chief", "developer",
    "carpenter", "manager", "lawyer", "farmer", "salesperson", "physician", "guard", "analyst", "mechanic", "sheriff",
    "ceo"};

bool word_byte(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

struct Mark {
  Span span;
  const char* word;
};

}  // namespace

bool set_question(const PronounQuestion& question, Example& example) {
  const bool two = question.second.end > 0;
  const bool in_order = !two || question.first.begin < question.second.begin;
  std::vector<Mark> marks = {{question.first, in_order ? kFirstMark : kSecondMark}, {question.pronoun, kPronounMark}};
  if (two) marks.push_back({question.second, in_order ? kSecondMark : kFirstMark});
  std::sort(marks.begin(), marks.end(), [](const Mark& a, const Mark& b) { return a.span.begin < b.span.begin; });
  std::size_t written = 0;
  example.text.clear();
  for (const Mark& mark : marks) {
    if (mark.span.begin < written || mark.span.end > question.text.size() || mark.span.begin >= mark.span.end) {
      return false;
    }
    example.text += question.text.substr(written, mark.span.begin - written);
    if (!example.text.empty() && example.text.back() != ' ') example.text += ' ';
    example.text += mark.word + std::string(" ") + question.text.substr(mark.span.begin, mark.span.end - mark.span.begin);
    written = mark.span.end;
  }
  example.text += question.text.substr(written);
  example.label = question.answer < 0 ? "neither" : (question.answer == 0) == in_order ? "first" : "second";
  return true;
}

std::string pronoun_gender(const std::string& pronoun) {
  static const std::map<std::string, std::string> genders = {
      {"he", "male"},        {"him", "male"},      {"his", "male"},       {"himself", "male"},
      {"she", "female"},     {"her", "female"},    {"hers", "female"},    {"herself", "female"},
      {"they", "neutral"},   {"them", "neutral"},  {"their", "neutral"},  {"theirs", "neutral"},
      {"themself", "neutral"}, {"themselves", "neutral"}};
  const auto found = genders.find(lowercase(pronoun));
  return found == genders.end() ? "" : found->second;
}

std::size_t byte_of_code_point(const std::string& text, std::int64_t number) {
  std::size_t position = 0;
  for (; number > 0 && position < text.size(); --number) next_code_point(text, position);
  return position;
}

Span find_occupation(const std::string& text, std::size_t from) {
  Span best;
  for (const std::string occupation : kOccupations) {
    for (std::size_t at = text.find(occupation, from); at != std::string::npos; at = text.find(occupation, at + 1)) {
      const std::size_t end = at + occupation.size();
      if ((at > 0 && word_byte(text[at - 1])) || (end < text.size() && word_byte(text[end]))) continue;
      const bool sooner = best.end == 0 || at < best.begin || (at == best.begin && end > best.end);
      if (sooner) best = {at, end};
      break;
    }
  }
  return best;
}

}  // namespace discreet::text::internal
