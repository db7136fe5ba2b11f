#include <fmt/format.h>

#include <deque>
#include <vector>

#include "discreet/core/registry.h"
#include "discreet/text/internal/answers.h"
#include "discreet/text/internal/columns.h"

namespace discreet::text {
namespace {

constexpr std::size_t kMaxParagraphBytes = 64u << 20;

// {"data": [{"paragraphs": [{"context": …, "qas": [{"id", "question", "answers", "is_impossible"}]}]}]}.
//
// Paragraphs are found by their brackets and parsed one at a time: what stands around them need not
// fit in memory, beyond the longest line of the file.
class SquadReader final : public Reader {
 public:
  SquadReader(const std::filesystem::path& path, const ReaderOptions& options)
      : lines_(path, options.encoding) {}

  bool next(Example& example) override {
    while (waiting_.empty()) {
      if (!next_paragraph()) {
        if (!open_.empty()) throw not_squad("it ends before its brackets close");
        if (paragraphs_ == 0) throw not_squad("it has no paragraph");
        return false;
      }
      add_questions();
    }
    example = std::move(waiting_.front());
    waiting_.pop_front();
    return true;
  }

 private:
  // An open bracket of the text around the paragraphs, and the key that it is the value of.
  struct Bracket {
    char kind;
    std::string key;
  };

  Error not_squad(const std::string& why) const {
    return bad_data(fmt::format("{}: not SQuAD's JSON: {}", lines_.where(), why),
                    "Expected {\"data\": [{\"paragraphs\": [{\"context\": …, \"qas\": […]}]}]}.");
  }

  bool in_paragraphs() const {
    return open_.size() == 4 && open_[1].key == "data" && open_[3].key == "paragraphs" &&
           open_[3].kind == '[';
  }

  bool next_character(char& c) {
    while (at_ >= line_.size()) {
      if (!lines_.next(line_)) return false;
      line_ += '\n';
      at_ = 0;
    }
    c = line_[at_++];
    return true;
  }

  // Bytes up to the closing quote, escapes as they are.
  void string_into(std::string& text) {
    char c = 0;
    while (next_character(c)) {
      if (c == '"') return;
      text += c;
      if (c == '\\' && next_character(c)) text += c;
      if (text.size() > kMaxParagraphBytes) break;
    }
    throw not_squad("a string does not end");
  }

  // The next element of a "paragraphs" array into paragraph_.
  bool next_paragraph() {
    std::string key, last;
    for (char c = 0; next_character(c);) {
      if (c == '"') {
        last.clear();
        string_into(last);
      } else if (c == ':') {
        key = last;
      } else if (c == ',') {
        key.clear();
      } else if (c == '{' && in_paragraphs()) {
        paragraph_line_ = lines_.number();
        collect_object();
        ++paragraphs_;
        return true;
      } else if (c == '{' || c == '[') {
        if (open_.size() >= 64) throw not_squad("brackets are nested too deeply");
        open_.push_back({c, key});
        key.clear();
      } else if (c == '}' || c == ']') {
        if (open_.empty() || open_.back().kind != (c == '}' ? '{' : '[')) {
          throw not_squad("a bracket closes that was not open");
        }
        open_.pop_back();
      }
    }
    return false;
  }

  void collect_object() {
    paragraph_ = "{";
    int depth = 1;
    for (char c = 0; depth > 0;) {
      if (!next_character(c) || paragraph_.size() > kMaxParagraphBytes) {
        throw not_squad("a paragraph does not end");
      }
      paragraph_ += c;
      if (c == '"') {
        string_into(paragraph_);
        paragraph_ += '"';
      } else if (c == '{' || c == '[') {
        ++depth;
      } else if (c == '}' || c == ']') {
        --depth;
      }
    }
  }

  static const std::string& text_of(const Json& object, const char* key, const std::string& where) {
    if (!object.is_object() || !object.contains(key) || !object[key].is_string()) {
      throw bad_data(fmt::format("{}: expected a string \"{}\"", where, key),
                     "Each paragraph has \"context\" and \"qas\", each question \"question\".");
    }
    return object[key].get_ref<const std::string&>();
  }

  void add_questions() {
    const std::string where = lines_.where();
    Json paragraph;
    try {
      paragraph = Json::parse(paragraph_);
    } catch (const Json::exception& e) {
      throw not_squad(fmt::format("the paragraph that begins in line {} is not JSON", paragraph_line_));
    }
    const std::string& context = text_of(paragraph, "context", where);
    const Json questions = paragraph.value("qas", Json());
    if (!questions.is_array()) throw not_squad("a paragraph has no array \"qas\"");
    for (const Json& asked : questions) {
      Example example;
      example.text = context;
      example.question = text_of(asked, "question", where);
      example.line = paragraph_line_;
      if (asked.contains("id") && asked["id"].is_string()) example.extra["id"] = asked["id"];
      const Json impossible = asked.value("is_impossible", Json(false));
      if (impossible != Json(true)) {
        internal::set_answers(asked.value("answers", Json()), where + ": \"answers\"", example);
      }
      waiting_.push_back(std::move(example));
    }
  }

  internal::TextLines lines_;
  std::string line_, paragraph_;
  std::size_t at_ = 0;
  std::vector<Bracket> open_;
  std::deque<Example> waiting_;
  std::int64_t paragraph_line_ = 0, paragraphs_ = 0;
};

}  // namespace
}  // namespace discreet::text

namespace discreet {

void register_reader_squad(core::Registry& registry) {
  registry.add({.kind = "reader",
                .name = "squad",
                .summary = "SQuAD's JSON: paragraphs with questions and their answers",
                .reference = "Rajpurkar et al. 2016, 2018",
                .fields = text::reader_fields().info(),
                .make = text::MakeReader(
                    [](const std::filesystem::path& path, const text::ReaderOptions& options) {
                      return std::unique_ptr<text::Reader>(new text::SquadReader(path, options));
                    })});
}

}  // namespace discreet
