#include "discreet/text/references.h"

#include <algorithm>
#include <string>
#include <unordered_map>

namespace discreet::text {

std::vector<Example> merged_by_text(std::vector<Example> examples) {
  std::vector<Example> merged;
  std::unordered_map<std::string, std::size_t> places;
  for (Example& example : examples) {
    const auto [place, fresh] = places.try_emplace(example.text, merged.size());
    if (fresh) {
      merged.push_back(std::move(example));
      continue;
    }
    Example& first = merged[place->second];
    for (std::size_t i = 0; i < example.answers.size(); ++i) {
      if (std::ranges::find(first.answers, example.answers[i]) != first.answers.end()) continue;
      first.answers.push_back(std::move(example.answers[i]));
      if (i < example.answer_begins.size()) first.answer_begins.push_back(example.answer_begins[i]);
    }
  }
  return merged;
}

}  // namespace discreet::text
