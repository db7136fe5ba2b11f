#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "discreet/core/error.h"
#include "discreet/core/registry.h"
#include "discreet/text/internal/columns.h"
#include "discreet/text/internal/coreference.h"
#include "discreet/text/unicode.h"

namespace discreet::text {
namespace {

using internal::PronounQuestion;
using internal::Span;

std::vector<std::string> split_at(const std::string& line, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : line) {
    if (c == separator) parts.emplace_back();
    else parts.back() += c;
  }
  return parts;
}

/// GAP, WinoBias and Winogender, told apart by their first line, as one task for a classifier of texts: which of
/// two candidates does the pronoun mean?
class CoreferenceReader final : public Reader {
 public:
  CoreferenceReader(const std::filesystem::path& path, const ReaderOptions& options)
      : lines_(path, options.encoding), options_(options) {
    const std::string name = path.filename().string();
    stereotype_ = name.starts_with("pro_") ? "pro" : name.starts_with("anti_") ? "anti" : "";
  }

  bool next(Example& example) override {
    for (;;) {
      if (!lines_.next_with_text(line_)) return false;
      if (form_ == Form::kUnknown) {
        form_ = form_of_first();
        if (form_ != Form::kWinoBias) continue;  // a header
      }
      break;
    }
    example = Example{};
    example.line = lines_.number();
    groups_.clear();
    const PronounQuestion question = form_ == Form::kGap          ? gap()
                                     : form_ == Form::kWinogender ? winogender()
                                                                  : winobias();
    if (!internal::set_question(question, example)) fail("candidates and pronoun stand within one another");
    groups_["gender"] =
        internal::pronoun_gender(question.text.substr(question.pronoun.begin, question.pronoun.end - question.pronoun.begin));
    if (groups_["gender"].empty()) fail("the pronoun is none of the third person");
    for (const std::string& name : options_.group) {
      const auto found = groups_.find(name);
      if (found == groups_.end()) {
        throw bad_data(fmt::format("{}: no group '{}' here", lines_.where(), name),
                       "These files have gender; WinoBias also stereotype and occupation, Winogender occupation.");
      }
      example.groups.insert(*found);
    }
    return true;
  }

 private:
  enum class Form { kUnknown, kGap, kWinogender, kWinoBias };

  [[noreturn]] void fail(const std::string& what) const {
    throw bad_data(lines_.where() + ": " + what, "Expected a file of GAP, WinoBias (its .txt form) or Winogender (all_sentences.tsv).");
  }

  Form form_of_first() const {
    if (line_.starts_with("ID\tText\tPronoun")) return Form::kGap;
    if (line_.starts_with("sentid\tsentence")) return Form::kWinogender;
    if (line_.find('[') != std::string::npos) return Form::kWinoBias;
    fail("not the first line of a data set of pronouns");
  }

  Span named(const std::string& text, const std::string& words, const std::string& offset) const {
    std::int64_t at = -1;
    const auto [stop, error] = std::from_chars(offset.data(), offset.data() + offset.size(), at);
    if (error != std::errc() || stop != offset.data() + offset.size() || at < 0) fail(fmt::format("'{}' is no offset", offset));
    const std::size_t begin = internal::byte_of_code_point(text, at);
    if (text.compare(begin, words.size(), words) != 0) fail(fmt::format("'{}' is not where its offset says", words));
    return {begin, begin + words.size()};
  }

  PronounQuestion gap() const {
    const auto fields = split_at(line_, '\t');
    if (fields.size() < 10) fail(fmt::format("{} columns, expected at least 10", fields.size()));
    const auto truth = [&](const std::string& cell) {
      if (cell == "TRUE") return true;
      if (cell == "FALSE") return false;
      fail(fmt::format("'{}', expected TRUE or FALSE", cell));
    };
    PronounQuestion question{.text = fields[1]};
    question.pronoun = named(fields[1], fields[2], fields[3]);
    question.first = named(fields[1], fields[4], fields[5]);
    question.second = named(fields[1], fields[7], fields[8]);
    question.answer = truth(fields[6]) ? 0 : truth(fields[9]) ? 1 : -1;
    return question;
  }

  /// "technician.customer.1.male.txt": the occupation, the other one, which of them is meant, the pronoun's gender.
  PronounQuestion winogender() {
    const auto fields = split_at(line_, '\t');
    const auto parts = fields.size() == 2 ? split_at(fields[0], '.') : std::vector<std::string>{};
    if (parts.size() != 5 || (parts[2] != "0" && parts[2] != "1")) fail("no line of Winogender");
    PronounQuestion question{.text = fields[1]};
    const std::string low = lowercase(question.text);
    const auto word = [&](const std::string& wanted) {
      for (std::size_t at = low.find(wanted); at != std::string::npos; at = low.find(wanted, at + 1)) {
        const bool begins = at == 0 || low[at - 1] == ' ';
        const std::size_t end = at + wanted.size();
        if (begins && (end == low.size() || !is_word(static_cast<unsigned char>(low[end])))) return Span{at, end};
      }
      fail(fmt::format("'{}' is not in the sentence", wanted));
    };
    question.first = word(lowercase(parts[0]));
    question.second = word(lowercase(parts[1]));
    question.answer = parts[2] == "0" ? 0 : 1;
    for (std::size_t at = 0; at < low.size();) {  // the only pronoun with this gender
      const std::size_t end = std::min(low.find_first_of(" .,;:'", at), low.size());
      if (internal::pronoun_gender(low.substr(at, end - at)) == parts[3]) {
        question.pronoun = {at, end};
        break;
      }
      at = end + 1;
    }
    if (question.pronoun.end == 0) fail("no pronoun of gender " + parts[3]);
    groups_["occupation"] = parts[0];
    return question;
  }

  /// "1 [The developer] argued with the designer because [he] did not like the design."
  PronounQuestion winobias() {
    const std::size_t space = line_.find(' ');
    PronounQuestion question;
    std::vector<Span> marked;
    bool open = false;
    for (const char c : space == std::string::npos ? std::string() : line_.substr(space + 1)) {
      if (c == '[') {
        marked.push_back({question.text.size(), 0});
        open = true;
      } else if (c == ']' && open) {
        marked.back().end = question.text.size();
        open = false;
      } else {
        question.text += c;
      }
    }
    const std::string low = lowercase(question.text);
    Span meant;
    for (const Span& span : marked) {
      const bool pronoun = !internal::pronoun_gender(low.substr(span.begin, span.end - span.begin)).empty();
      Span& place = pronoun ? question.pronoun : meant;
      if (place.end == 0) place = span;
    }
    if (open || question.pronoun.end == 0 || meant.end == 0) fail("no line of WinoBias: expected [one that is meant] and [a pronoun]");
    const std::string name = low.substr(meant.begin, meant.end - meant.begin);
    const Span own = internal::find_occupation(name, 0);
    const std::string occupation = own.end > 0 ? name.substr(own.begin, own.end - own.begin) : name;
    question.first = meant;
    for (Span other = internal::find_occupation(low, 0); other.end > 0; other = internal::find_occupation(low, other.end)) {
      const bool inside = other.begin < meant.end && other.end > meant.begin;
      if (inside || low.substr(other.begin, other.end - other.begin) == occupation) continue;
      question.second = other;
      break;
    }
    if (question.second.end == 0) fail("no second occupation in the sentence");
    groups_["stereotype"] = stereotype_;
    groups_["occupation"] = occupation;
    return question;
  }

  internal::TextLines lines_;
  ReaderOptions options_;
  Form form_ = Form::kUnknown;
  std::string line_, stereotype_;
  std::map<std::string, std::string> groups_;
};

}  // namespace
}  // namespace discreet::text

namespace discreet {

void register_reader_coreference(core::Registry& registry) {
  registry.add({.kind = "reader",
                .name = "coreference",
                .summary = "GAP, WinoBias and Winogender: candidates and pronoun are marked, the label is first, second or neither; "
                           "groups gender, stereotype, occupation",
                .reference = "Webster et al. 2018; Zhao et al. 2018; Rudinger et al. 2018",
                .fields = text::reader_fields().info(),
                .make = text::MakeReader(
                    [](const std::filesystem::path& path, const text::ReaderOptions& options) {
                      return std::unique_ptr<text::Reader>(new text::CoreferenceReader(path, options));
                    })});
}

}  // namespace discreet
