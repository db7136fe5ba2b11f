#pragma once

#include <string>
#include <vector>

#include "discreet/core/error.h"
#include "discreet/core/json.h"

namespace discreet::privacy::internal {

/// Runs `answer` for each accountant; with several, one that must refuse leaves its reason.
template <class Answer>
Json ask_each(const std::vector<std::string>& names, const char* absent_key, Answer answer) {
  Json results = Json::array();
  for (const auto& name : names) {
    try {
      results.push_back(answer(name));
    } catch (const Error& e) {
      if (e.code() != ErrorCode::kPrivacyRefused || names.size() == 1) throw;
      Json row{{"accountant", name}, {"kind", "absent"}};
      core::set_absent(row, absent_key, e.what());
      results.push_back(std::move(row));
    }
  }
  return results;
}

}  // namespace discreet::privacy::internal
