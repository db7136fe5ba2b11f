#pragma once

#include <string>
#include <unordered_set>

namespace discreet::mitigate {

/// Lower case. Given names that are common in the United States and some that are common elsewhere; names that stand for people on no
/// list in the made-up messages of text/details.h are left out, so that the evaluation shows what lists miss.
const std::unordered_set<std::string>& built_in_given_names();
/// Given names that are words, months or places too.
const std::unordered_set<std::string>& also_words();
/// mr, mrs, dr, …
const std::unordered_set<std::string>& title_words();
/// street, road, avenue, … and their abbreviations.
const std::unordered_set<std::string>& street_words();
/// Of these, those that are one without a capital too: "way" and "drive" are not.
const std::unordered_set<std::string>& street_nouns();
/// Words that stand between a number and a street without naming it: function words, measures, things counted.
const std::unordered_set<std::string>& no_street_names();
/// Words in a greeting's or an introduction's place that are no names: "Dear Sir", "Hi there", "my name is not …".
const std::unordered_set<std::string>& no_names();
/// van, de, bin, … between names.
const std::unordered_set<std::string>& name_particles();

}  // namespace discreet::mitigate
