#include "discreet/app/internal/detail_finder.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "discreet/core/error.h"
#include "discreet/core/lines.h"
#include "discreet/mitigate/secrets/name_lists.h"

namespace discreet::app::internal {
namespace {

bool asks_for(const FilterRequest& request, const std::string& kind) {
  return std::find(request.kinds.begin(), request.kinds.end(), kind) != request.kinds.end();
}

mitigate::Detector detector_of(const FilterRequest& request) {
  std::vector<std::string> names;
  for (const std::filesystem::path& path : request.names) {
    core::LineReader lines(path);
    for (std::string line; lines.next(line);) {
      if (!line.empty()) names.push_back(line);
    }
  }
  return mitigate::Detector({.names = asks_for(request, "names"),
                             .emails = asks_for(request, "emails"),
                             .numbers = asks_for(request, "numbers"),
                             .addresses = asks_for(request, "addresses"),
                             .dates = asks_for(request, "dates"),
                             .least_digits = static_cast<std::size_t>(request.least_digits)},
                            names);
}

std::vector<std::string> lower_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : ' ';
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) word += static_cast<char>(c | 32);
    else if (!word.empty()) words.push_back(std::exchange(word, {}));
  }
  return words;
}

bool has_its_form(const std::string& kind, std::string_view detail, std::size_t least_digits) {
  static const std::set<std::string> kDigitWords = {"zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"};
  if (kind != "email" && kind != "number" && kind != "address") return true;
  const std::vector<std::string> words = lower_words(detail);
  if (kind == "email") {
    return !words.empty() && (detail.find('@') != std::string_view::npos || std::find(words.begin(), words.end(), "at") != words.end());
  }
  // Digits of other scripts have no byte of ASCII's.
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || static_cast<signed char>(c) < 0; };
  const auto is_sign = [&](char c) { return is_digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'z'); };
  const bool digits = std::any_of(detail.begin(), detail.end(), is_digit);
  const auto digit_words = static_cast<std::size_t>(std::count_if(words.begin(), words.end(), [&](const auto& word) { return kDigitWords.contains(word); }));
  if (kind == "number") {
    return (digits && static_cast<std::size_t>(std::count_if(detail.begin(), detail.end(), is_sign)) >= least_digits) || digit_words >= least_digits;
  }
  return digits || digit_words > 0 ||
         std::any_of(words.begin(), words.end(), [](const auto& word) { return mitigate::street_words().contains(word); });
}

}  // namespace

DetailFinder::DetailFinder(const FilterRequest& request) : request_(request), detector_(detector_of(request)) {
  if (!request.patterns && !request.tag) throw usage_error("nothing is left to find details with", "Give --tagger, or leave out --no-patterns.");
}

bool DetailFinder::counts(const mitigate::Finding& finding, std::string_view text) const {
  static const std::map<std::string, std::string> kAskedAs = {
      {"name", "names"}, {"email", "emails"}, {"number", "numbers"}, {"address", "addresses"}, {"date", "dates"}};
  const auto asked = kAskedAs.find(finding.kind);
  if (asked != kAskedAs.end() && !asks_for(request_, asked->second)) return false;
  return has_its_form(finding.kind, text.substr(finding.begin, finding.end - finding.begin), static_cast<std::size_t>(request_.least_digits));
}

std::vector<std::vector<mitigate::Finding>> DetailFinder::find(const std::vector<std::string>& texts) const {
  std::vector<std::vector<mitigate::Finding>> findings(texts.size()), tagged(texts.size());
  if (request_.tag) request_.tag(texts, tagged);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (request_.patterns) detector_.find(texts[i], findings[i]);
    std::copy_if(tagged[i].begin(), tagged[i].end(), std::back_inserter(findings[i]), [&](const auto& finding) { return counts(finding, texts[i]); });
    findings[i] = mitigate::without_overlaps(std::move(findings[i]));
  }
  return findings;
}

Json filter_configuration(const FilterRequest& request) {
  return {{"action", request.action}, {"columns", request.columns}, {"kinds", request.kinds}, {"patterns", request.patterns},
          {"least_digits", request.least_digits}, {"tagger", request.tagger.string()}};
}

}  // namespace discreet::app::internal
