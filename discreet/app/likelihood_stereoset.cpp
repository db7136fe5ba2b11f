#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>

#include "discreet/app/likelihood.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/stats/stereoset.h"

namespace discreet::app {
namespace {
namespace fs = std::filesystem;

Json stereo_row(const std::string& split, const std::string& bias_type,
                const std::vector<stats::StereoExample>& examples) {
  const stats::StereoScores scores = stats::stereo_scores(examples);
  Json row = {{"split", split}, {"bias_type", bias_type},
          {"lms", *scores.lms}, {"ss", *scores.ss}, {"icat", *scores.icat},
          {"micro_ss", *scores.micro_ss}, {"micro_lms", *scores.micro_lms}, {"micro_icat", *scores.micro_icat},
          {"examples", scores.examples}, {"terms", scores.terms}, {"ties", scores.ties}};
  const auto pair = [](const stats::Interval& ci) { return Json{ci.low, ci.high}; };
  if (scores.ss_ci && scores.lms_ci && scores.icat_ci) {
    row["ci"] = {{"ss", pair(*scores.ss_ci)}, {"lms", pair(*scores.lms_ci)}, {"icat", pair(*scores.icat_ci)}};
  } else {
    core::set_absent(row, "ci", "one target term has no interval");
  }
  return row;
}

Json absent_row(const std::string& split, std::uint64_t examples, const std::string& reason) {
  Json row = {{"split", split}, {"bias_type", "overall"}};
  for (const char* key : {"lms", "ss", "icat"}) core::set_absent(row, key, reason);
  row["examples"] = examples;
  row["ties"] = 0;
  return row;
}

}  // namespace

Json stereoset_document(const fs::path& data, const std::vector<StereoItem>& items,
                        const std::map<std::string, double>& scores, const ScoreSource& source) {
  std::vector<std::string> missing;
  // split → bias type → examples; "overall" pools both splits, and every type.
  std::map<std::string, std::map<std::string, std::vector<stats::StereoExample>>> tables;
  std::map<std::string, std::uint64_t> unscored;
  std::size_t scored = 0;
  for (const StereoItem& item : items) {
    if (source.absent.count(item.split) > 0) {
      ++unscored[item.split];
      continue;
    }
    scored += 3;
    std::array<double, 3> values{};
    for (std::size_t i = 0; i < 3; ++i) {
      const auto found = scores.find(item.ids[i]);
      if (found == scores.end()) missing.push_back(item.ids[i]);
      else values[i] = found->second;
    }
    const stats::StereoExample example{item.term, values[0], values[1], values[2]};
    for (const std::string& split : {item.split, std::string("overall")}) {
      tables[split][item.bias_type].push_back(example);
      tables[split]["overall"].push_back(example);
    }
  }
  if (!missing.empty()) {
    throw bad_data(fmt::format("{}: {} of {} sentences have no score, the first is '{}'", source.name, missing.size(),
                               3 * items.size(), missing.front()),
                   "Score every sentence of the benchmark; a part of it is another benchmark.");
  }
  if (scores.size() > scored) {
    std::set<std::string> known;
    for (const StereoItem& item : items) known.insert(item.ids.begin(), item.ids.end());
    for (const auto& [id, score] : scores) {
      if (known.count(id) == 0) {
        throw bad_data(fmt::format("{}: a score of '{}', which is no sentence of {}", source.name, id, data.string()),
                       "Give the data that the scores are of.");
      }
    }
  }
  core::DocumentStart start;
  start.schema = "discreet.fairness.likelihood/1";
  start.configuration = {{"benchmark", "stereoset"}};
  start.configuration.update(source.configuration);
  start.inputs = {core::describe_input("data", data), source.input};
  Json document = core::make_document(start);
  for (const std::string split : {"intrasentence", "intersentence", "overall"}) {
    if (unscored.count(split) > 0) {
      document["results"].push_back(absent_row(split, unscored.at(split), source.absent.at(split)));
      continue;
    }
    if (split == "overall" && !unscored.empty()) {
      document["results"].push_back(absent_row(split, items.size(), "a split has no scores: " + unscored.begin()->first));
      continue;
    }
    const auto table = tables.find(split);
    if (table == tables.end()) continue;
    for (const auto& [bias_type, examples] : table->second) {
      if (bias_type != "overall") document["results"].push_back(stereo_row(split, bias_type, examples));
    }
    document["results"].push_back(stereo_row(split, "overall", table->second.at("overall")));
  }
  document["caveats"] = {
      "ss: 50 is unbiased; lms and icat: 100 is best. Means over target terms, as published; micro_* are over examples and are not "
      "comparable with published figures.",
      "Intervals resample target terms with all their examples: few terms, as of religion, make them rough.",
      "A tie counts as not preferred: against the stereotype in ss, against related words in lms."};
  for (const std::string& caveat : source.caveats) document["caveats"].push_back(caveat);
  document["caveats"].push_back("Blodgett et al. (2021) found many of the benchmark's pairs to be unclear or not about stereotypes.");
  return document;
}

Json stereoset_of_scores(const fs::path& data, const fs::path& scores) {
  ScoreSource source;
  source.input = core::describe_input("scores", scores);
  source.name = scores.string();
  source.caveats = {"Scores are taken as they were given: which model made them, and how, is not known here."};
  return stereoset_document(data, read_stereoset(data, false), read_sentence_scores(scores), source);
}

}  // namespace discreet::app
