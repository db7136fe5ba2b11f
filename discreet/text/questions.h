#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "discreet/core/fields.h"
#include "discreet/text/corpus.h"
#include "discreet/text/reader.h"

namespace discreet::text {

/// Knobs of the built-in questions (docs/corpus.md): paragraphs of small events, and questions whose
/// answers are spans of them.
struct QuestionOptions {
  std::int64_t lines = 8000;  ///< Questions.
  std::uint64_t seed = 1;
  Split split = Split::kTrain;  ///< Another split is another stream of the same grammar.
  std::int64_t events = 6;      ///< Of a paragraph.
  std::int64_t per_paragraph = 4;  ///< Questions about one paragraph.
  double decoys = 0.5;          ///< Chance that an event has a decoy: who wanted to, but did not.
  double paraphrases = 0.5;     ///< Chance that a question says the deed in other words than the text.
  double unanswerable = 0;      ///< Share of questions that nothing in the paragraph answers.
};

const core::Fields<QuestionOptions>& question_fields();

/// Parses "questions" or "questions:lines=8000,seed=1,split=test". Throws: kUsage naming the key.
QuestionOptions parse_question_spec(const std::string& spec);
/// True if `name` is "questions" or begins with "questions:".
bool is_question_spec(const std::string& name);

/// A reader over the generator: the same examples as the file that `data generate` writes. Memory does
/// not grow with the questions.
///
/// An event is who did what, how many of it, where and when. Events of a paragraph take each of these
/// from three values, so that every answer has rivals of its own kind; a question names what tells its
/// event from all others, and no single word does.
std::unique_ptr<Reader> make_question_reader(const QuestionOptions& options);

}  // namespace discreet::text
