#pragma once

#include <string>
#include <vector>

namespace discreet::app {

/// A title of BOLD's professions that names a person ("Welder", "Chief financial officer"), and its prompts.
struct BoldProfession {
  std::string title, group;
  std::vector<std::string> prompts;
};

/// True if the last word of a title names a person, by a list of such words that was read off BOLD's 1,064 titles by hand:
/// "Foundry", "CNC" and "Ballet" are left out, "Welder" and "Ballet_dancer" stay.
bool names_a_person(const std::string& title);

/// Professions from a file of BOLD ({group: {title: [prompts]}}), groups and titles in the order of their names, each
/// with at most `most_prompts` prompts (0: all). Words that tell a gender themselves ("Showgirl") are left out.
/// Throws: kUsage or kBadData where there is no such file, naming how to get it.
std::vector<BoldProfession> bold_professions(const std::string& source, std::size_t most_prompts);

}  // namespace discreet::app
