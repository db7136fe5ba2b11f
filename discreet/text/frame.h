#pragma once

#include <string>

#include "discreet/text/example.h"

namespace discreet::text {

/// What an utterance means, as words: its label, then each slot with its value,
/// "book_restaurant ; cuisine = vegan ; city = new yarmouth". The target of sequence-to-sequence models
/// that parse utterances.
///
/// Edge cases: an I- without a B- of its kind before it begins a slot (as in conlleval); without label and
/// slots the frame is empty.
std::string frame_of(const Example& example);

}  // namespace discreet::text
