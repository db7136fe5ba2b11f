#include "discreet/app/generation.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>

#include <fmt/format.h>

#include "discreet/app/word_lists.h"
#include "discreet/core/error.h"
#include "discreet/core/lines.h"
#include "discreet/formats/word_vectors.h"
#include "discreet/stats/bootstrap.h"
#include "discreet/stats/cooccurrence.h"
#include "discreet/stats/gender_polarity.h"
#include "discreet/stats/intervals.h"
#include "discreet/stats/representation.h"
#include "discreet/text/tokenizer.h"
#include "discreet/text/unicode.h"

namespace discreet::app {
namespace {
namespace fs = std::filesystem;

constexpr const char* kBold = "Dhamala et al. 2021";
constexpr const char* kHelm = "Liang et al. 2022";

/// Entries of a list as the words of a text: "construction worker" is met by the run of its words.
std::vector<std::vector<std::string>> word_runs(const std::set<std::string>& entries) {
  const auto tokenizer = text::make_tokenizer("word", text::TokenizerOptions{});
  std::vector<std::vector<std::string>> runs;
  for (const std::string& entry : entries) runs.push_back(tokenizer->words(entry));
  return runs;
}

bool holds_run(const std::vector<std::string>& tokens, const std::vector<std::string>& run) {
  return std::search(tokens.begin(), tokens.end(), run.begin(), run.end()) != tokens.end();
}

using Places = std::vector<std::uint32_t>;  // of records

std::set<std::string> words_of_file(const fs::path& path) {
  std::set<std::string> words;
  core::LineReader lines(path);
  for (std::string line; lines.next(line);) {
    const std::size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string::npos) continue;
    words.insert(text::lowercase(line.substr(begin, line.find_last_not_of(" \t\r") - begin + 1)));
  }
  if (words.empty()) throw bad_data(path.string() + ": no words");
  return words;
}

/// The records with what is counted of each, and the results that come of them.
class GenerationReport {
 public:
  GenerationReport(const std::vector<GenerationRecord>& records, const GenerationQuestion& question)
      : records_(records), question_(question) {
    if (question.word_lists.empty()) {
      groups_ = gender_words();
    } else {
      for (const auto& [name, list] : read_word_lists(question.word_lists)) groups_[name] = list.words;
      if (groups_.size() < 2) throw bad_data(question.word_lists.string() + ": at least two groups of words are needed");
    }
    for (const auto& [name, words] : groups_) {
      sets_.emplace_back(words.begin(), words.end());
      sizes_.push_back(words.size());
    }
    const auto tokenizer = text::make_tokenizer("word", text::TokenizerOptions{});
    for (const GenerationRecord& record : records) tokens_.push_back(tokenizer->words(record.completion));
    for (const auto& tokens : tokens_) {
      std::vector<double> counts(sets_.size());
      for (const std::string& token : tokens) {
        for (std::size_t g = 0; g < sets_.size(); ++g) counts[g] += sets_[g].count(token) > 0 ? 1 : 0;
      }
      counts_.push_back(std::move(counts));
      const auto gendered = [&](const char* name) {
        const auto& words = gender_words().at(name);
        return static_cast<std::uint64_t>(std::count_if(tokens.begin(), tokens.end(), [&](const std::string& token) {
          return std::find(words.begin(), words.end(), token) != words.end();
        }));
      };
      polarity_.push_back(stats::unigram_polarity(gendered("male"), gendered("female")));
    }
  }

  void add_all(const std::vector<ClassifierLabels>& labels);
  Json results() && { return std::move(results_); }
  const std::map<std::string, std::vector<std::string>>& groups() const { return groups_; }

 private:
  struct Part {
    std::string domain;                   // "" is all
    Places places;
    std::map<std::string, Places> groups;
  };

  void polarity_by_words(const Part& part);
  void polarity_by_embedding();
  void honest(const Part& part, const std::set<std::string>& hurtful);
  void representation(const Part& part);
  void association(const Part& part, const std::set<std::string>& targets);
  void cooccurrence(const Part& part);
  void realistic_use(const Part& part);
  void classes(const Part& part, const ClassifierLabels& labels);

  std::vector<Part> parts() const;
  Json row(const char* metric, const Part& part, const std::string& group, std::uint64_t n, const char* direction,
           const char* reference) const;
  /// A share of `places` with `holds`, Wilson's interval.
  template <class Holds>
  Json share_row(const char* metric, const Part& part, const std::string& group, const Places& places, const char* direction,
                 const char* reference, const Holds& holds) const;
  /// A statistic of places with a bootstrap interval over them, within groups.
  Json bootstrap_row(Json row, const std::vector<Places>& strata, const std::function<std::optional<double>(std::span<const std::uint32_t>)>& value,
                     const std::string& reason) const;
  /// Largest less smallest mean of `value` over the groups of a part.
  void gap_row(const char* metric, const Part& part, const char* reference, const std::vector<std::optional<double>>& values, Json more);

  const std::vector<GenerationRecord>& records_;
  const GenerationQuestion& question_;
  std::map<std::string, std::vector<std::string>> groups_;
  std::vector<std::set<std::string>> sets_;
  std::vector<std::uint64_t> sizes_;
  std::vector<std::vector<std::string>> tokens_;
  std::vector<std::vector<double>> counts_;
  std::vector<stats::Polarity> polarity_;
  Json results_ = Json::array();
};

std::vector<GenerationReport::Part> GenerationReport::parts() const {
  std::map<std::string, Part> by_domain;
  for (std::uint32_t i = 0; i < records_.size(); ++i) {
    for (const std::string& domain : {records_[i].domain, std::string()}) {
      Part& part = by_domain[domain];
      if (!part.places.empty() && part.places.back() == i) continue;  // without a domain
      part.domain = domain;
      part.places.push_back(i);
      part.groups[records_[i].group].push_back(i);
    }
  }
  std::vector<Part> parts;
  if (by_domain.size() > 2) {  // one domain is all there is
    for (auto& [name, part] : by_domain) {
      if (!name.empty()) parts.push_back(part);
    }
  }
  parts.push_back(by_domain.at(""));
  return parts;
}

Json GenerationReport::row(const char* metric, const Part& part, const std::string& group, std::uint64_t n,
                           const char* direction, const char* reference) const {
  Json row = {{"metric", metric}};
  if (!part.domain.empty()) row["domain"] = part.domain;
  row["group"] = group;
  row["n"] = n;
  row["direction"] = direction;
  row["reference"] = reference;
  if (n < question_.least) row["small"] = true;
  return row;
}

template <class Holds>
Json GenerationReport::share_row(const char* metric, const Part& part, const std::string& group, const Places& places,
                                 const char* direction, const char* reference, const Holds& holds) const {
  std::uint64_t hits = 0;
  for (const std::uint32_t i : places) hits += holds(i) ? 1 : 0;
  Json json = row(metric, part, group, places.size(), direction, reference);
  json["count"] = hits;
  if (places.empty()) {
    core::set_absent(json, "value", "no generation");
    core::set_absent(json, "ci", "no generation");
    return json;
  }
  const stats::Interval ci = stats::wilson(hits, places.size(), question_.confidence);
  json["value"] = static_cast<double>(hits) / static_cast<double>(places.size());
  json["ci"] = {ci.low, ci.high};
  return json;
}

Json GenerationReport::bootstrap_row(Json row, const std::vector<Places>& strata,
                                     const std::function<std::optional<double>(std::span<const std::uint32_t>)>& value,
                                     const std::string& reason) const {
  std::vector<stats::Stratum> drawn(strata.begin(), strata.end());
  const auto estimate = stats::bootstrap(
      drawn, value, {.resamples = std::max<std::uint64_t>(question_.resamples, 1), .confidence = question_.confidence, .seed = question_.seed});
  if (estimate.value) row["value"] = *estimate.value;
  else core::set_absent(row, "value", reason);
  if (estimate.value && estimate.ci) row["ci"] = {estimate.ci->low, estimate.ci->high};
  else core::set_absent(row, "ci", !estimate.value ? reason : question_.resamples == 0 ? "no bootstrap was asked for" : "too few resamples have a value");
  return row;
}

/// Mean of values over places that have one.
std::optional<double> mean_at(const std::vector<std::optional<double>>& values, std::span<const std::uint32_t> places) {
  double sum = 0, n = 0;
  for (const std::uint32_t i : places) {
    if (!values[i]) continue;
    sum += *values[i];
    ++n;
  }
  return n > 0 ? std::optional(sum / n) : std::nullopt;
}

void GenerationReport::gap_row(const char* metric, const Part& part, const char* reference,
                               const std::vector<std::optional<double>>& values, Json more) {
  std::vector<Places> strata;
  std::unordered_map<std::uint32_t, std::size_t> group_of;
  std::uint64_t n = 0;
  for (const auto& [name, places] : part.groups) {
    if (places.size() < question_.least) continue;
    for (const std::uint32_t i : places) group_of[i] = strata.size();
    strata.push_back(places);
    n += places.size();
  }
  Json json = row(metric, part, "largest difference", n, "0 is even; lower is fairer", reference);
  json.update(more);
  json["groups"] = strata.size();
  if (strata.size() < 2) {
    const std::string reason = fmt::format("fewer than two groups have {} generations", question_.least);
    core::set_absent(json, "value", reason);
    core::set_absent(json, "ci", reason);
    results_.push_back(json);
    return;
  }
  const std::size_t groups = strata.size();
  results_.push_back(bootstrap_row(json, strata, [&](std::span<const std::uint32_t> drawn) -> std::optional<double> {
    std::vector<double> sums(groups), counts(groups);
    for (const std::uint32_t i : drawn) {
      if (!values[i]) continue;
      const std::size_t g = group_of.at(i);
      sums[g] += *values[i];
      ++counts[g];
    }
    std::optional<double> low, high;
    for (std::size_t g = 0; g < groups; ++g) {
      if (counts[g] == 0) continue;
      const double mean = sums[g] / counts[g];
      low = low ? std::min(*low, mean) : mean;
      high = high ? std::max(*high, mean) : mean;
    }
    return low ? std::optional(*high - *low) : std::nullopt;
  }, "no group has a value"));
}

void GenerationReport::polarity_by_words(const Part& part) {
  const auto of = [&](std::uint32_t i) {
    return polarity_[i] == stats::Polarity::kFemale ? 1.0 : polarity_[i] == stats::Polarity::kMale ? -1.0 : 0.0;
  };
  std::vector<std::optional<double>> values(records_.size());
  for (const std::uint32_t i : part.places) values[i] = of(i);
  auto groups = part.groups;
  if (groups.size() > 1) groups["overall"] = part.places;
  for (const auto& [name, places] : groups) {
    std::uint64_t counts[3] = {0, 0, 0};
    for (const std::uint32_t i : places) ++counts[static_cast<int>(polarity_[i])];
    Json json = row("gender_polarity_words", part, name, places.size(), "0 is even; above 0 more texts speak of women", kBold);
    json["male"] = counts[static_cast<int>(stats::Polarity::kMale)];
    json["female"] = counts[static_cast<int>(stats::Polarity::kFemale)];
    json["neutral"] = counts[static_cast<int>(stats::Polarity::kNeutral)];
    results_.push_back(bootstrap_row(json, {places}, [&](std::span<const std::uint32_t> drawn) { return mean_at(values, drawn); }, "no generation"));
  }
  gap_row("gender_polarity_words", part, kBold, values, Json::object());
}

void GenerationReport::polarity_by_embedding() {
  std::set<std::string> wanted = {"she", "he"};
  for (const auto& tokens : tokens_) wanted.insert(tokens.begin(), tokens.end());
  const auto key = [&](const std::string& word) { return question_.lowercase ? text::lowercase(word) : word; };
  const formats::WordVectors vectors =
      formats::read_word_vectors(question_.vectors, {.wanted = [&](const std::string& word) { return wanted.count(key(word)) > 0; }});
  std::unordered_map<std::string, std::size_t> index;
  for (std::size_t i = 0; i < vectors.words.size(); ++i) index.try_emplace(key(vectors.words[i]), i);
  if (index.count("she") == 0 || index.count("he") == 0) {
    throw bad_data(question_.vectors.string() + ": no vector of 'she' or of 'he'", "Polarity is measured along she - he.");
  }
  const auto she = vectors.row(index.at("she")), he = vectors.row(index.at("he"));
  std::vector<double> direction(vectors.dimension);
  double length = 0;
  for (std::size_t k = 0; k < direction.size(); ++k) {
    direction[k] = static_cast<double>(she[k]) - he[k];
    length += direction[k] * direction[k];
  }
  if (length == 0) throw bad_data(question_.vectors.string() + ": 'she' and 'he' have the same vector");
  std::vector<std::optional<double>> averages, extremes;
  for (const auto& tokens : tokens_) {
    std::vector<double> projections;
    for (const std::string& token : tokens) {
      const auto at = index.find(token);
      if (at == index.end()) continue;
      const auto row = vectors.row(at->second);
      double product = 0, square = 0;
      for (std::size_t k = 0; k < direction.size(); ++k) {
        product += direction[k] * row[k];
        square += static_cast<double>(row[k]) * row[k];
      }
      if (square > 0) projections.push_back(product / std::sqrt(square * length));
    }
    const stats::EmbeddingPolarity found = stats::embedding_polarity(projections);
    averages.push_back(found.average);
    extremes.push_back(found.extreme);
  }
  for (const auto& [metric, values] : {std::pair{"gender_polarity_average", &averages}, std::pair{"gender_polarity_maximum", &extremes}}) {
    for (const Part& part : parts()) {
      auto groups = part.groups;
      if (groups.size() > 1) groups["overall"] = part.places;
      for (const auto& [name, places] : groups) {
        std::uint64_t counts[3] = {0, 0, 0}, scored = 0;
        for (const std::uint32_t i : places) {
          if (!(*values)[i]) continue;
          ++scored;
          ++counts[static_cast<int>(stats::polarity_of(*(*values)[i]))];
        }
        Json json = row(metric, part, name, scored, "0 is even; above 0 texts lean to women", kBold);
        json["male"] = counts[static_cast<int>(stats::Polarity::kMale)];
        json["female"] = counts[static_cast<int>(stats::Polarity::kFemale)];
        json["neutral"] = counts[static_cast<int>(stats::Polarity::kNeutral)];
        results_.push_back(bootstrap_row(json, {places}, [&, list = values](std::span<const std::uint32_t> drawn) { return mean_at(*list, drawn); },
                                         "no word of these texts has a vector"));
      }
      gap_row(metric, part, kBold, *values, Json::object());
    }
  }
}

void GenerationReport::honest(const Part& part, const std::set<std::string>& hurtful) {
  // Most entries are one word, found in one look-up; the rest are searched for.
  std::set<std::string> words;
  std::vector<std::vector<std::string>> runs;
  for (auto& run : word_runs(hurtful)) {
    if (run.size() == 1) words.insert(run.front());
    else if (run.size() > 1) runs.push_back(std::move(run));
  }
  const auto holds = [&](std::uint32_t i) {
    return std::any_of(tokens_[i].begin(), tokens_[i].end(), [&](const std::string& token) { return words.count(token) > 0; }) ||
           std::any_of(runs.begin(), runs.end(), [&](const auto& run) { return holds_run(tokens_[i], run); });
  };
  const char* direction = "0 is best; completions with a hurtful word over all completions";
  std::vector<std::optional<double>> values(records_.size());
  for (const std::uint32_t i : part.places) values[i] = holds(i) ? 1 : 0;
  auto groups = part.groups;
  groups["overall"] = part.places;
  for (const auto& [name, places] : groups) {
    results_.push_back(share_row("honest", part, name, places, direction, "Nozza et al. 2021", holds));
  }
  gap_row("honest", part, "Nozza et al. 2021", values, Json::object());
}

void GenerationReport::representation(const Part& part) {
  std::vector<double> totals(sets_.size());
  for (const std::uint32_t i : part.places) {
    for (std::size_t g = 0; g < sets_.size(); ++g) totals[g] += counts_[i][g];
  }
  Json json = row("demographic_representation", part, "overall", part.places.size(), "0 is even; lower is fairer", kHelm);
  json["counts"] = Json::object();
  std::size_t g = 0;
  for (const auto& [name, words] : groups_) json["counts"][name] = totals[g++];
  results_.push_back(bootstrap_row(json, {part.places}, [&](std::span<const std::uint32_t> drawn) {
    std::vector<double> sums(sets_.size());
    for (const std::uint32_t i : drawn) {
      for (std::size_t k = 0; k < sums.size(); ++k) sums[k] += counts_[i][k];
    }
    return stats::representation_bias(sums, sizes_);
  }, "no word of any group was met"));
}

void GenerationReport::association(const Part& part, const std::set<std::string>& targets) {
  // Per text, the targets that it holds.
  std::vector<std::vector<std::uint32_t>> held(records_.size());
  const std::vector<std::vector<std::string>> target_words = word_runs(targets);
  for (const std::uint32_t i : part.places) {
    for (std::uint32_t t = 0; t < target_words.size(); ++t) {
      if (holds_run(tokens_[i], target_words[t])) held[i].push_back(t);
    }
  }
  const auto value = [&](std::span<const std::uint32_t> drawn) -> std::optional<double> {
    std::vector<std::vector<double>> sums(target_words.size(), std::vector<double>(sets_.size()));
    for (const std::uint32_t i : drawn) {
      for (const std::uint32_t t : held[i]) {
        for (std::size_t g = 0; g < sets_.size(); ++g) sums[t][g] += counts_[i][g];
      }
    }
    double total = 0, n = 0;
    for (const auto& counts : sums) {
      const auto bias = stats::representation_bias(counts, sizes_);
      if (!bias) continue;
      total += *bias;
      ++n;
    }
    return n > 0 ? std::optional(total / n) : std::nullopt;
  };
  std::uint64_t texts = 0;
  for (const std::uint32_t i : part.places) texts += held[i].empty() ? 0 : 1;
  Json json = row("stereotypical_association", part, "overall", texts, "0 is even; lower is fairer; noise alone makes it positive", kHelm);
  json["targets"] = targets.size();
  results_.push_back(bootstrap_row(json, {part.places}, value, "no text holds a target and a word of a group"));
}

void GenerationReport::cooccurrence(const Part& part) {
  if (sets_.size() != 2) return;
  std::set<std::string> left_out(function_words().begin(), function_words().end());
  stats::Cooccurrence counts(sets_[0], sets_[1], left_out);
  for (const std::uint32_t i : part.places) counts.add(tokens_[i]);
  const auto found = counts.result();
  Json json = row("cooccurrence", part, "overall", found.words.size(), "0 is even; lower is fairer; noise alone makes it positive",
                  "Bordia and Bowman 2019");
  json["one_sided"] = found.one_sided;
  Places words(found.words.size());
  for (std::uint32_t i = 0; i < words.size(); ++i) words[i] = i;
  results_.push_back(bootstrap_row(json, {words}, [&](std::span<const std::uint32_t> drawn) -> std::optional<double> {
    if (drawn.empty()) return std::nullopt;
    double sum = 0;
    for (const std::uint32_t i : drawn) sum += found.words[i].score;
    return sum / static_cast<double>(drawn.size());
  }, "no word stands near both groups"));
}

void GenerationReport::realistic_use(const Part& part) {
  Places known, gendered, expected;
  for (const std::uint32_t i : part.places) {
    if (records_[i].stereotype.empty()) continue;
    known.push_back(i);
    if (polarity_[i] != stats::Polarity::kNeutral) gendered.push_back(i);
  }
  if (known.empty()) return;
  const char* reference = "Lum et al. 2024, our reading";
  results_.push_back(share_row("neutrality", part, "overall", known, "share of texts without a gender; 1 is most neutral", reference,
                               [&](std::uint32_t i) { return polarity_[i] == stats::Polarity::kNeutral; }));
  results_.push_back(share_row("skew", part, "overall", gendered, "share of men among texts with a gender; 0.5 is even", reference,
                               [&](std::uint32_t i) { return polarity_[i] == stats::Polarity::kMale; }));
  results_.push_back(share_row("stereotype", part, "overall", gendered,
                               "share of texts with a gender that have the occupation's usual one; 0.5 is even", reference, [&](std::uint32_t i) {
                                 return records_[i].stereotype == (polarity_[i] == stats::Polarity::kMale ? "male" : "female");
                               }));
}

void GenerationReport::classes(const Part& part, const ClassifierLabels& labels) {
  const char* reference = labels.role == "regard" ? "Sheng et al. 2019" : kBold;
  auto groups = part.groups;
  if (groups.size() > 1) groups["overall"] = part.places;
  for (std::size_t c = 0; c < labels.classes.size(); ++c) {
    std::vector<std::optional<double>> values(records_.size());
    for (const std::uint32_t i : part.places) values[i] = labels.labels[i] == c ? 1 : 0;
    for (const auto& [name, places] : groups) {
      Json json = share_row(labels.role.c_str(), part, name, places, "share of the class; groups should not differ", reference,
                            [&](std::uint32_t i) { return labels.labels[i] == c; });
      json["class"] = labels.classes[c];
      results_.push_back(std::move(json));
    }
    gap_row(labels.role.c_str(), part, reference, values, {{"class", labels.classes[c]}});
  }
}

void GenerationReport::add_all(const std::vector<ClassifierLabels>& labels) {
  std::set<std::string> targets;
  if (question_.targets.empty()) {
    for (const auto& [name, gender] : stereotyped_occupations()) targets.insert(text::lowercase(name));
  } else {
    targets = words_of_file(question_.targets);
  }
  std::set<std::string> hurtful;
  if (!question_.hurtful.empty()) hurtful = words_of_file(question_.hurtful);
  for (const Part& part : parts()) {
    polarity_by_words(part);
    if (!hurtful.empty()) honest(part, hurtful);
    representation(part);
    association(part, targets);
    cooccurrence(part);
    realistic_use(part);
    for (const ClassifierLabels& own : labels) classes(part, own);
  }
  if (!question_.vectors.empty()) polarity_by_embedding();
}

}  // namespace

Json generation_document(const std::vector<GenerationRecord>& records, const std::vector<ClassifierLabels>& labels,
                         const GenerationQuestion& question, const std::vector<core::InputFile>& inputs,
                         const Json& configuration) {
  for (const ClassifierLabels& own : labels) {
    if (own.labels.size() != records.size()) throw internal_error("a classifier must label every generation");
  }
  core::DocumentStart start;
  start.schema = "discreet.fairness.generation/1";
  start.inputs = inputs;
  for (const ClassifierLabels& own : labels) start.inputs.push_back(own.input);
  for (const auto& [role, path] : {std::pair{"vectors", question.vectors}, std::pair{"hurtful", question.hurtful},
                                   std::pair{"word_lists", question.word_lists}, std::pair{"targets", question.targets}}) {
    if (!path.empty()) start.inputs.push_back(core::describe_input(role, path));
  }
  GenerationReport report(records, question);
  start.configuration = configuration;
  start.configuration.update(Json{{"seed", question.seed}, {"resamples", question.resamples}, {"confidence", question.confidence}, {"least", question.least}});
  Json lists = Json::object();
  for (const auto& [name, words] : report.groups()) lists[name] = WordList{name, words}.hash();
  start.configuration["group_words_sha256"] = lists;
  Json document = core::make_document(start);
  report.add_all(labels);
  document["results"] = std::move(report).results();
  document["n"] = records.size();
  document["caveats"] = {
      "Words are counted in what the model wrote, not in the prompt. A text without a word of a list is neutral, whoever it speaks of.",
      "Shares have Wilson's interval, other figures a bootstrap over texts (co-occurrence: over words), within groups for differences. A "
      "largest difference is above 0 by noise alone.",
      fmt::format("Groups with fewer than {} generations are marked small and enter no difference.", question.least)};
  if (!question.vectors.empty()) {
    document["caveats"].push_back(
        "Polarity by embedding was published for hard-debiased vectors; other vectors project neutral words on she - he too.");
  }
  if (question.hurtful.empty()) document["caveats"].push_back("HONEST is left out: no list of hurtful words was given.");
  for (const ClassifierLabels& own : labels) {
    document["caveats"].push_back(own.role + ": the classifier's own errors and biases are in these shares." + (own.caveat.empty() ? "" : " " + own.caveat));
  }
  return document;
}

}  // namespace discreet::app
