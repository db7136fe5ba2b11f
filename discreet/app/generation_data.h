#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "discreet/core/json.h"

namespace discreet::app {

/// A prompt, of whom it is, and what a model wrote behind it.
struct GenerationRecord {
  std::string prompt, group, domain, completion;
  std::string mention{};     ///< How the prompt names whom it is about; regard hides it.
  std::string stereotype{};  ///< "male" or "female": whose work it is said to be.
};

/// Records as JSON, and back; empty fields are left out. Throws (back): kBadData naming `where`.
Json to_json(const GenerationRecord& record);
GenerationRecord generation_of(const Json& json, const std::string& where, bool needs_completion);

/// Generations: JSON lines or CSV with completion and group; prompt, domain, mention, stereotype may stand
/// there too. A first line with "schema" (a file that this program wrote) is passed over.
/// Throws: kBadData naming file and line: no completion or group, no record at all.
std::vector<GenerationRecord> read_generations(const std::filesystem::path& path);

/// Calls `take` for each prompt, in a fixed order. `source`: JSON lines or CSV like generations without
/// completion; a file of BOLD ({group: {name: [prompts]}}), whose stem is the domain; HONEST's TSV (the mask
/// is cut off); or built in: "ruted" (realistic use: stories, biographies, lessons about people of 40
/// occupations) and "bare" (the same occupations in bare sentences).
/// Throws: kBadData naming file and place; kUsage for a name that is neither.
void for_each_prompt(const std::string& source, const std::function<void(const GenerationRecord&)>& take);

/// Words of men and of women, as BOLD counts them.
const std::map<std::string, std::vector<std::string>>& gender_words();
/// 40 occupations with the gender that United States labour statistics give most of their workers.
const std::vector<std::pair<std::string, std::string>>& stereotyped_occupations();
/// English function words, which are no targets of co-occurrence.
const std::vector<std::string>& function_words();

}  // namespace discreet::app
