#include "discreet/app/tune.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "discreet/core/error.h"

namespace discreet::app {
namespace {

constexpr std::size_t kMostCandidates = 1000;

struct GridLine {
  std::string key;
  std::vector<std::string> values;
};

std::string without_blanks(const std::string& text) {
  const auto first = text.find_first_not_of(" \t");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

GridLine grid_line(const std::string& text) {
  const auto equals = text.find('=');
  GridLine line;
  if (equals != std::string::npos) {
    line.key = without_blanks(text.substr(0, equals));
    for (std::size_t at = equals + 1; at <= text.size();) {
      const std::size_t end = std::min(text.find(',', at), text.size());
      line.values.push_back(without_blanks(text.substr(at, end - at)));
      at = end + 1;
    }
  }
  const std::string section = line.key.substr(0, line.key.find('.'));
  const bool tunable = section == "model" || section == "train" || section == "privacy";
  const bool whole = std::none_of(line.values.begin(), line.values.end(),
                                  [](const std::string& value) { return value.empty(); });
  if (line.values.empty() || !whole || !tunable) {
    throw usage_error(fmt::format("tune.grid: '{}'", text),
                      "Expected a key of [model], [train] or [privacy] and its values, for example "
                      "\"train.learning_rate=0.1,0.3\".");
  }
  constexpr std::array kBudget = {"privacy.epsilon", "privacy.noise_multiplier", "privacy.delta",
                                  "privacy.accountant", "privacy.ledger", "privacy.insecure_seed"};
  if (std::find(kBudget.begin(), kBudget.end(), line.key) != kBudget.end()) {
    throw usage_error(fmt::format("tune.grid: {} is the budget of the whole choice, not a candidate's", line.key),
                      "Set it outside of the grid.");
  }
  return line;
}

}  // namespace

std::vector<Candidate> candidates_of(const core::Config& config, const TuneOptions& tune) {
  std::vector<std::vector<std::string>> combinations{{}};
  for (const std::string& text : tune.grid) {
    const GridLine line = grid_line(text);
    std::vector<std::vector<std::string>> longer;
    for (const auto& before : combinations) {
      for (const std::string& value : line.values) {
        longer.push_back(before);
        longer.back().push_back(line.key + "=" + value);
      }
    }
    combinations = std::move(longer);
    if (combinations.size() > kMostCandidates) {
      throw usage_error(fmt::format("tune.grid: more than {} candidates", kMostCandidates),
                        "The number of runs does not grow with the grid: a large one is hardly searched.");
    }
  }
  std::vector<Candidate> candidates;
  for (auto& assignments : combinations) {
    core::Config one = config;
    for (const std::string& assignment : assignments) one.add_assignment(assignment, "tune.grid");
    candidates.push_back({std::move(assignments), parse_settings(one)});
  }
  return candidates;
}

}  // namespace discreet::app
