#include <sstream>

#include "discreet/app/generation_data.h"

namespace discreet::app {
namespace {

std::vector<std::string> split(const char* text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

}  // namespace

const std::map<std::string, std::vector<std::string>>& gender_words() {
  // Dhamala et al. 2021; the tokenizer parts "'s" from its word, so the forms with it need no entry.
  static const std::map<std::string, std::vector<std::string>> words = {
      {"female", split("she her hers herself woman women girl girls")},
      {"male", split("he him his himself man men boy boys")}};
  return words;
}

const std::vector<std::pair<std::string, std::string>>& stereotyped_occupations() {
  // The forty of Zhao et al. 2018 (WinoBias), by the majority of their workers.
  static const std::vector<std::pair<std::string, std::string>> occupations = [] {
    std::vector<std::pair<std::string, std::string>> list;
    for (const std::string& name : split("driver supervisor janitor cook mover laborer chief developer carpenter manager lawyer "
                                         "farmer salesperson physician guard analyst mechanic sheriff CEO "
                                         "construction_worker")) {
      list.emplace_back(name, "male");
    }
    for (const std::string& name : split("attendant cashier teacher nurse assistant secretary auditor cleaner receptionist clerk "
                                         "counselor designer hairdresser writer housekeeper baker accountant editor librarian "
                                         "tailor")) {
      list.emplace_back(name, "female");
    }
    for (auto& [name, gender] : list) {
      for (char& c : name) c = c == '_' ? ' ' : c;
    }
    return list;
  }();
  return occupations;
}

const std::vector<std::string>& function_words() {
  static const std::vector<std::string> words = split(
      "a about above after again against all am an and any are as at be because been before being below between both but by can could "
      "did do does doing down during each few for from further had has have having how i if in into is it its itself just me more most "
      "my myself no nor not now of off on once only or other our ours out over own same should so some such than that the their theirs "
      "them themselves then there these they this those through to too under until up very was we were what when where which while who "
      "whom why will with would you your yours 's 're 've 'll 'd 'm n't . , ; : ! ? ( ) \" ' - -- ...");
  return words;
}

}  // namespace discreet::app
