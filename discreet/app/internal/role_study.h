#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "discreet/core/json.h"
#include "discreet/core/operation.h"

namespace discreet::app {

/// One way to train the student. All take the same number of updates; "twice" takes twice as many, as two passes of
/// augmented text hold twice the tokens of one of the plain text.
struct RoleArm {
  const char *name, *combination, *augment;
  bool twice = false;
};
const std::vector<RoleArm>& role_arms();

/// Rows of the outcome: prompts about items, and the two sets of words whose odds are taken.
struct OddsRow {
  std::string name;
  Json prompts = Json::array();
  std::vector<std::string> items, first, second;
};
/// Of the teacher trained here: pronouns, words and names, held out and not. Of a real one there are BOLD's prompts
/// beside them (`kBoldRow`).
std::vector<OddsRow> planted_rows();
inline constexpr const char* kBoldRow = "BOLD professions";
std::vector<std::string> real_row_names();

/// The folder of a real teacher, GPT-2 or SmolLM2 ($DISCREET_STUDY_TEACHER); empty: none was named.
std::string real_teacher();

/// One cell of the study of role reversal. `request`: kind (planted, real), seed, of a planted teacher the arms, of a real
/// one which model is measured, and the sizes of the kind; see study/role_reversal.cpp. Returns {"teacher": model,
/// "arms": {name: model}}; of a real teacher one of these, and "bold": titles with their groups. A real teacher's outputs stay
/// beside `scratch`, for other cells. A model: rows (|log odds| by item), perplexity, perplexity_gendered, association (SEAT),
/// downstream, samples.
Json measure_role_cell(const Json& request, const std::filesystem::path& scratch, core::OperationContext& context);

}  // namespace discreet::app
