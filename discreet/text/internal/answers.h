#pragma once

#include <string>

#include "discreet/core/json.h"
#include "discreet/text/example.h"

namespace discreet::text::internal {

/// Fills Example::answers from a string, an array of strings, SQuAD's array of {"text",
/// "answer_start"}, or its columns {"text": […], "answer_start": […]}; places count code points, as in
/// SQuAD. `example.text` must be there already. null and empty arrays mean that nothing answers.
/// Throws: kBadData at `where` for anything else.
void set_answers(const Json& value, const std::string& where, Example& example);

/// Fills Example::answer_begins where it is empty: the first place of each answer in the text, or -1.
void find_answers(Example& example);

}  // namespace discreet::text::internal
