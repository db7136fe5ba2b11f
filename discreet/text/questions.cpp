#include "discreet/text/questions.h"

#include <fmt/format.h>

#include "discreet/text/internal/question_generator.h"

namespace discreet::text {
namespace {

constexpr std::string_view kQuestionsName = "questions";

class QuestionReader final : public Reader {
 public:
  explicit QuestionReader(const QuestionOptions& options) : generator_(options) {}
  bool next(Example& example) override { return generator_.next(example); }

 private:
  internal::QuestionGenerator generator_;
};

}  // namespace

const core::Fields<QuestionOptions>& question_fields() {
  using O = QuestionOptions;
  static const auto fields =
      core::Fields<O>("questions")
          .add("lines", &O::lines, {.min = 1, .unit = "questions", .doc = "How many questions to write."})
          .add("seed", &O::seed, {.doc = "Another seed is another sample of the same language."})
          .add("split", &O::split,
               {.choices = {"train", "dev", "test"}, .doc = "Each split is a stream of its own."})
          .add("events", &O::events,
               {.min = 2, .max = 24, .doc = "Events of a paragraph, which share names, places and days."})
          .add("per_paragraph", &O::per_paragraph,
               {.min = 1, .max = 100, .unit = "questions", .doc = "Questions about one paragraph."})
          .add("decoys", &O::decoys,
               {.min = 0,
                .max = 1,
                .doc = "Chance that beside an event it is said who only wanted to do the same."})
          .add("paraphrases", &O::paraphrases,
               {.min = 0, .max = 1, .doc = "Chance that a question chooses its own words for the deed."})
          .add("unanswerable", &O::unanswerable,
               {.min = 0,
                .max = 1,
                .doc = "Share of questions about what did not happen, in words of the paragraph."});
  return fields;
}

bool is_question_spec(const std::string& name) {
  return name == kQuestionsName ||
         (name.starts_with(kQuestionsName) && name[kQuestionsName.size()] == ':');
}

QuestionOptions parse_question_spec(const std::string& spec) {
  if (!is_question_spec(spec)) {
    throw usage_error(fmt::format("'{}' is not the built-in questions", spec),
                      "Write questions, or questions:lines=8000,seed=1.");
  }
  core::Config config;
  for (std::size_t at = kQuestionsName.size() + 1; at < spec.size();) {
    const std::size_t end = std::min(spec.find(',', at), spec.size());
    const std::string item = spec.substr(at, end - at);
    if (item.find('=') == std::string::npos) {
      throw usage_error(fmt::format("'{}': expected key=value, got '{}'", spec, item),
                        "For example questions:lines=8000,seed=1.");
    }
    config.add_assignment(fmt::format("questions.{}", item));
    at = end + 1;
  }
  return question_fields().parse(config);
}

std::unique_ptr<Reader> make_question_reader(const QuestionOptions& options) {
  return std::make_unique<QuestionReader>(options);
}

}  // namespace discreet::text
