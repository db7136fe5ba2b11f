#include "discreet/text/internal/answers.h"

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/text/unicode.h"

namespace discreet::text::internal {
namespace {

Error no_answers(const std::string& where) {
  return bad_data(where + " is not a list of answers",
                  "Expected a string, an array of strings, or SQuAD's form: "
                  "[{\"text\": \"two\", \"answer_start\": 7}].");
}

/// The byte at which the `count`-th code point begins; the text's size if it is shorter.
std::size_t byte_of(const std::string& text, std::int64_t count) {
  std::size_t at = 0;
  for (; count > 0 && at < text.size(); --count) next_code_point(text, at);
  return at;
}

/// Where `answer` stands: at the code point that was given, else at its place nearest to it.
std::int64_t place_of(const std::string& text, const std::string& answer, std::int64_t code_point) {
  const std::size_t given = byte_of(text, code_point);
  if (text.compare(given, answer.size(), answer) == 0) return static_cast<std::int64_t>(given);
  const std::size_t before = text.rfind(answer, given), after = text.find(answer, given);
  if (before == std::string::npos && after == std::string::npos) return -1;
  if (before == std::string::npos) return static_cast<std::int64_t>(after);
  if (after == std::string::npos) return static_cast<std::int64_t>(before);
  return static_cast<std::int64_t>(given - before <= after - given ? before : after);
}

void add_answer(const Json& text, const Json& start, const std::string& where, Example& example) {
  if (!text.is_string()) throw no_answers(where);
  const std::string& answer = text.get_ref<const std::string&>();
  if (start.is_null()) {
    const std::size_t found = example.text.find(answer);
    example.answer_begins.push_back(
        found == std::string::npos ? -1 : static_cast<std::int64_t>(found));
  } else if (start.is_number_integer() && start >= 0) {
    example.answer_begins.push_back(place_of(example.text, answer, start.get<std::int64_t>()));
  } else {
    throw bad_data(fmt::format("{}: answer_start is {}, expected a whole number from 0", where, start.dump()),
                   "It counts the code points before the answer.");
  }
  example.answers.push_back(answer);
}

}  // namespace

void set_answers(const Json& value, const std::string& where, Example& example) {
  static const Json kNowhere;
  example.answers.clear();
  example.answer_begins.clear();
  if (value.is_null()) return;
  if (value.is_string()) return add_answer(value, kNowhere, where, example);
  if (value.is_object()) {
    const Json texts = value.value("text", Json()), starts = value.value("answer_start", Json::array());
    if (!texts.is_array() || !starts.is_array()) throw no_answers(where);
    if (!starts.empty() && starts.size() != texts.size()) {
      throw bad_data(fmt::format("{}: {} texts, but {} answer_start", where, texts.size(), starts.size()));
    }
    for (std::size_t i = 0; i < texts.size(); ++i) {
      add_answer(texts[i], starts.empty() ? kNowhere : starts[i], where, example);
    }
    return;
  }
  if (!value.is_array()) throw no_answers(where);
  for (const Json& item : value) {
    if (item.is_object()) {
      add_answer(item.value("text", Json()), item.value("answer_start", Json()), where, example);
    } else {
      add_answer(item, kNowhere, where, example);
    }
  }
}

void find_answers(Example& example) {
  for (std::size_t i = example.answer_begins.size(); i < example.answers.size(); ++i) {
    const std::size_t found = example.text.find(example.answers[i]);
    example.answer_begins.push_back(
        found == std::string::npos ? -1 : static_cast<std::int64_t>(found));
  }
}

}  // namespace discreet::text::internal
