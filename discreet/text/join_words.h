#pragma once

#include <span>
#include <string>

namespace discreet::text {

/// Tokens of the word tokeniser as a person would write them: one space between two, but none before
/// closing signs (, . ; : ! ? % ) ] } ”), before the clitics that were cut off ('s, n't, …), behind
/// opening ones (( [ { “ £ $ €), nor around "\n". What stood there in the text is not known: a guess that
/// is right for most English. Empty tokens are left out.
std::string join_words(std::span<const std::string> words);

}  // namespace discreet::text
