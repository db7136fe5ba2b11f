#include "discreet/app/internal/token_weights.h"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/json.h"
#include "discreet/core/lines.h"
#include "discreet/mitigate/words/swap_lists.h"
#include "discreet/text/unicode.h"

namespace discreet::app::internal {
namespace {

TokenWeights gender_words() {
  TokenWeights weights;
  const mitigate::SwapLists lists = mitigate::default_gender_lists();
  for (const auto* pairs : {&lists.pairs, &lists.one_way, &lists.names}) {
    for (const auto& [a, b] : *pairs) weights[a] = weights[b] = 1;
  }
  for (const char* pronoun : {"he", "she", "his", "her", "him", "hers", "himself", "herself"}) weights[pronoun] = 1;
  return weights;
}

void add_weight(const std::string& word, double weight, const std::string& where, TokenWeights& into) {
  if (!std::isfinite(weight) || weight < 0) {
    throw bad_data(fmt::format("{}: the weight {} of '{}'", where, weight, word), "Weights are numbers from 0 on.");
  }
  if (!into.emplace(text::lowercase(word), weight).second) {
    throw bad_data(fmt::format("{}: '{}' stands there twice", where, word));
  }
}

void read_json_weights(const Json& json, const std::string& source, TokenWeights& into) {
  if (json.is_object()) {
    for (const auto& [word, weight] : json.items()) {
      if (!weight.is_number()) throw bad_data(fmt::format("{}: the weight of '{}' is no number", source, word));
      add_weight(word, weight.get<double>(), source, into);
    }
    return;
  }
  if (!json.is_array()) throw bad_data(source + ": expected a list of words, or an object of word to weight");
  for (const Json& word : json) {
    if (!word.is_string()) throw bad_data(source + ": a list that holds something else than words");
    add_weight(word.get<std::string>(), 1, source, into);
  }
}

void read_line_weights(const std::string& source, TokenWeights& into) {
  core::LineReader lines(source);
  for (std::string line; lines.next(line);) {
    if (line.find_first_not_of(" \t") == std::string::npos || line[0] == '#') continue;
    const std::size_t tab = line.find('\t');
    double weight = 1;
    if (tab != std::string::npos) {
      const char *begin = line.data() + tab + 1, *end = line.data() + line.size();
      const auto [stop, error] = std::from_chars(begin, end, weight);
      if (error != std::errc() || stop != end) {
        throw bad_data(fmt::format("{}: '{}' is no weight", lines.where(), std::string(begin, end)),
                       "A line is a word, or a word, a tab and a number.");
      }
    }
    text::require_utf8(line, lines.where());
    add_weight(line.substr(0, tab), weight, lines.where(), into);
  }
}

}  // namespace

TokenWeights read_token_weights(const std::string& source) {
  if (source == "gender") return gender_words();
  TokenWeights weights;
  if (source.ends_with(".json")) {
    read_json_weights(core::parse_json(core::read_file(source), source), source, weights);
  } else {
    read_line_weights(source, weights);
  }
  if (weights.empty()) throw bad_data(source + ": there are no words in it");
  return weights;
}

std::vector<double> weights_of_rows(const RowWords& rows, const TokenWeights& weights) {
  std::vector<double> found;
  found.reserve(rows.text.size());
  for (const std::string& word : rows.text) {
    const auto entry = weights.find(word);
    found.push_back(entry == weights.end() ? 0 : entry->second);
  }
  return found;
}

}  // namespace discreet::app::internal
