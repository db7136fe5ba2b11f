#include <algorithm>
#include <cstdlib>
#include <map>
#include <numeric>

#include <fmt/format.h>

#include "discreet/app/internal/token_weights.h"
#include "discreet/app/ops/internal/asked_data.h"
#include "discreet/app/ops/internal/classifier.h"
#include "discreet/app/ops/internal/sensitivity_document.h"
#include "discreet/core/error.h"
#include "discreet/core/operation.h"
#include "discreet/core/registry.h"
#include "discreet/fairness/sensitivity.h"
#include "discreet/nn/batch.h"
#include "discreet/nn/model.h"
#include "discreet/nn/token_batches.h"

namespace discreet {
namespace app {
namespace {

constexpr std::int64_t kMostExamples = 256, kMostTokens = 4096;  // of a batch

template <typename Value>
Value choice_of(const Json& request, const char* key, const std::map<std::string, Value>& known,
                const std::string& usual) {
  const std::string name = request.value(key, usual);
  const auto found = known.find(name);
  if (found == known.end()) throw usage_error(fmt::format("{} = \"{}\" is not known", key, name));
  return found->second;
}

fairness::GradientOptions gradient_options(const Json& request) {
  using namespace fairness;
  GradientOptions options;
  options.outputs = choice_of<ClassOutputs>(
      request, "outputs", {{"probabilities", ClassOutputs::kProbabilities}, {"logits", ClassOutputs::kLogits}},
      "probabilities");
  options.classes = choice_of<ClassWeights>(request, "classes",
                                            {{"uniform", ClassWeights::kUniform},
                                             {"ones", ClassWeights::kOnes},
                                             {"predicted", ClassWeights::kPredicted},
                                             {"true", ClassWeights::kTrue}},
                                            "uniform");
  options.features = choice_of<InputFeatures>(request, "features",
                                              {{"auto", InputFeatures::kCoordinates},
                                               {"coordinates", InputFeatures::kCoordinates},
                                               {"token-l1", InputFeatures::kTokenL1},
                                               {"token-l2", InputFeatures::kTokenL2}},
                                              "auto");
  return options;
}

/// A model with the data as it reads them.
struct Reading {
  RunModel run;
  EncodedData data;
  nn::EncodedExamples examples;
  internal::RowWords rows;

  nn::PackedBatch batch(std::int64_t begin, std::int64_t end) const {
    return nn::collate(examples, nn::consecutive(begin, end));
  }
};

Reading read_with(RunModel run, const AskedData& asked, std::int64_t limit) {
  Reading reading{.run = std::move(run)};
  if (reading.run.encoder.intents.size() == 0) {
    throw usage_error("prediction sensitivity needs a model that predicts a class",
                      "Train with task = \"text-classification\" or \"intent-slot\".");
  }
  // Columns are those of the task's run; how words are cut is each model's own affair.
  Settings settings = asked.settings;
  settings.data.lowercase = reading.run.settings.data.lowercase;
  settings.data.tokenizer = reading.run.settings.data.tokenizer;
  reading.data = load_examples(settings, reading.run.encoder, asked.source, asked.split);
  if (limit > 0 && reading.data.size() > limit) {
    std::vector<std::int64_t> first(static_cast<std::size_t>(limit));
    std::iota(first.begin(), first.end(), 0);
    reading.data = select(reading.data, first);
  }
  reading.examples = to_examples(reading.data);
  reading.rows = internal::row_words(reading.run.encoder, reading.data);
  return reading;
}

/// How many examples hold a word of the list.
std::int64_t holding_of(const Reading& reading, const std::vector<double>& weights) {
  std::int64_t holding = 0;
  for (std::int64_t e = 0; e < reading.data.size(); ++e) {
    const auto first = weights.begin() + reading.data.offsets[e], last = weights.begin() + reading.data.offsets[e + 1];
    holding += std::any_of(first, last, [](double weight) { return weight != 0; }) ? 1 : 0;
  }
  return holding;
}

bool same_rows(const Reading& a, const Reading& b) {
  return a.data.offsets == b.data.offsets && a.rows.word == b.rows.word;
}

/// Gradients of a protected-status model beside those of the task: the same features where both read the
/// same rows through equal tables; else tokens, or words where the two cut them differently.
struct Whole {
  fairness::TokenGradients gradients;  ///< Of all rows, or of all words.
  std::vector<std::int64_t> offsets{0};
  bool coordinates = false, words = false;
};

void append(std::vector<double>& to, const std::vector<double>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

/// Sums over the rows of each word; special tokens fall away.
std::vector<std::vector<double>> by_word(const std::vector<double>& values, const Reading& reading) {
  std::vector<std::vector<double>> words(static_cast<std::size_t>(reading.data.size()));
  for (std::int64_t e = 0; e < reading.data.size(); ++e) {
    for (std::int64_t n = reading.data.offsets[e]; n < reading.data.offsets[e + 1]; ++n) {
      const std::int64_t word = reading.rows.word[n];
      if (word < 0) continue;
      auto& sums = words[static_cast<std::size_t>(e)];
      if (static_cast<std::size_t>(word) >= sums.size()) sums.resize(static_cast<std::size_t>(word) + 1, 0);
      sums[static_cast<std::size_t>(word)] += values[n];
    }
  }
  return words;
}

void join_by_words(const Reading& task, const Reading& status, Whole& whole) {
  const auto mine = by_word(whole.gradients.task, task), theirs = by_word(whole.gradients.protected_, status);
  fairness::TokenGradients joined;
  for (std::size_t e = 0; e < mine.size(); ++e) {
    // An example that one model had to cut has the words that both read.
    const std::size_t words = std::min(mine[e].size(), theirs[e].size());
    joined.task.insert(joined.task.end(), mine[e].begin(), mine[e].begin() + static_cast<std::ptrdiff_t>(words));
    joined.protected_.insert(joined.protected_.end(), theirs[e].begin(),
                             theirs[e].begin() + static_cast<std::ptrdiff_t>(words));
    whole.offsets.push_back(static_cast<std::int64_t>(joined.task.size()));
  }
  whole.gradients = std::move(joined);
  whole.words = true;
}

/// `status` is null where no model says the weights.
Whole measure(Reading& task, Reading* status, fairness::GradientOptions options, bool may_be_tokens) {
  Whole whole;
  const bool rows_agree = status == nullptr || same_rows(task, *status);
  const auto as_tokens = [&](const std::string& why) {
    if (options.features != fairness::InputFeatures::kCoordinates) return;
    if (!may_be_tokens) throw usage_error("the two models share no coordinates: " + why, "Take --features token-l1.");
    options.features = fairness::InputFeatures::kTokenL1;
  };
  if (!rows_agree) as_tokens("they cut texts into different tokens");
  bool checked = false;
  for (std::int64_t begin = 0, end = 0; begin < task.data.size(); begin = end) {
    end = nn::batch_end(task.data.offsets, begin, kMostTokens, kMostExamples);
    fairness::InputGradients mine = fairness::input_gradients(*task.run.model, task.batch(begin, end), options);
    if (status == nullptr) {
      const auto part = fairness::token_gradients(mine, nullptr, false);
      append(whole.gradients.task, part.task);
      whole.gradients.width = part.width;
      continue;
    }
    fairness::GradientOptions of_status{.classes = fairness::ClassWeights::kOnes, .features = options.features};
    const auto theirs = fairness::input_gradients(*status->run.model, status->batch(begin, end), of_status);
    if (!checked && options.features == fairness::InputFeatures::kCoordinates && !at::equal(mine.table, theirs.table)) {
      as_tokens("their tables of word vectors differ");
      end = begin;  // again, with tokens
      continue;
    }
    checked = true;
    const bool shared = options.features == fairness::InputFeatures::kCoordinates;
    const auto part = fairness::token_gradients(mine, rows_agree ? &theirs : nullptr, shared);
    append(whole.gradients.task, part.task);
    append(whole.gradients.protected_, rows_agree ? part.protected_ : fairness::token_gradients(theirs, nullptr, false).task);
    append(whole.gradients.product, part.product);
    whole.gradients.width = part.width;
  }
  whole.coordinates = options.features == fairness::InputFeatures::kCoordinates;
  if (rows_agree) whole.offsets = task.data.offsets;
  else join_by_words(task, *status, whole);
  return whole;
}

SensitivityScores scores_of(const std::string& name, const Whole& whole, const Reading& task,
                            fairness::FeatureWeights weights, std::span<const double> given = {}) {
  std::vector<std::uint8_t> counted;
  if (!whole.words) {
    for (const std::int64_t word : task.rows.word) counted.push_back(word >= 0 ? 1 : 0);
  }
  SensitivityScores scores{.weights = name};
  std::vector<double> attributions;
  for (std::size_t e = 0; e + 1 < whole.offsets.size(); ++e) {
    scores.value.push_back(fairness::accumulated_sensitivity(whole.gradients, whole.offsets[e], whole.offsets[e + 1],
                                                             weights, counted, given, &attributions));
    if (!scores.value.back()) attributions.assign(static_cast<std::size_t>(whole.offsets[e + 1] - whole.offsets[e]), 0);
    append(scores.token, attributions);
  }
  return scores;
}

/// The text of each of the units that attributions belong to.
std::vector<std::string> unit_texts(const Whole& whole, const Reading& task) {
  if (!whole.words) return task.rows.text;
  std::vector<std::string> texts(whole.gradients.task.size());
  for (std::int64_t e = 0; e < task.data.size(); ++e) {
    for (std::int64_t n = task.data.offsets[e]; n < task.data.offsets[e + 1]; ++n) {
      const std::int64_t word = task.rows.word[n];
      if (word >= 0 && whole.offsets[e] + word < whole.offsets[e + 1]) {
        texts[static_cast<std::size_t>(whole.offsets[e] + word)] = task.rows.text[n];
      }
    }
  }
  return texts;
}

/// Request: run (or a classifier's folder, which needs data); data, format, text_column, label_column, split (internal/asked_data.h); protected: a run
/// that predicts the protected status, or weights: "uniform", "gender" or a file of words (share: divided by
/// their sum in each example); control: another run, as of shuffled labels; outputs, classes, features; group:
/// columns; ratings: a column; tokens: how many to list; show_text; examples: give each one's value; limit; resamples,
/// confidence, seed; out.
Json sensitivity_of_run(const Json& request, core::OperationContext&) {
  const std::string path = request.at("run").get<std::string>();
  SensitivityQuestion question = sensitivity_question(request);
  auto columns = question.group;
  if (!question.ratings.empty()) columns.push_back(question.ratings);
  Classifier opened = open_classifier(path);
  const AskedData asked = asked_data(request, opened.run, path, columns);
  const std::int64_t limit = request.value("limit", std::int64_t{0});
  Reading task = read_with(std::move(opened.run), asked, limit);
  check_group_columns(columns, task.data, asked.source);
  const fairness::GradientOptions options = gradient_options(request);
  if (options.classes == fairness::ClassWeights::kTrue) {
    for (const std::int64_t intent : task.data.intents) {
      if (intent < 0) throw bad_data(asked.source + ": a label that the model does not know has no true class",
                                     "Take --classes predicted.");
    }
  }
  const bool may_be_tokens = request.value("features", "auto") == "auto";

  std::vector<core::InputFile> inputs = {opened.input, describe_asked(asked, task.run.encoder)};
  std::vector<SensitivityScores> scores;
  Whole main;
  const auto by_run = [&](const char* role, const std::string& run) {
    Classifier other = open_classifier(run);
    other.input.role = role;
    inputs.push_back(other.input);
    Reading status = read_with(std::move(other.run), asked, limit);
    Whole whole = measure(task, &status, options, may_be_tokens);
    scores.push_back(scores_of(role, whole, task, fairness::FeatureWeights::kProtected));
    return whole;
  };
  const std::string status = request.value("protected", ""), list = request.value("weights", "uniform");
  std::string listed;
  main = status.empty() ? measure(task, nullptr, options, may_be_tokens) : by_run("protected", status);
  if (status.empty() && list != "uniform") {
    if (list != "gender") inputs.push_back(core::describe_input("weights", list));
    const auto weights = internal::weights_of_rows(task.rows, internal::read_token_weights(list));
    const std::int64_t holding = holding_of(task, weights);
    listed = fmt::format("{} of {} examples hold a word of {}{}", holding, task.data.size(), list,
                         holding == 0 ? ": nothing is known of the model's use of them." : "; the others count as 0.");
    scores.push_back(scores_of("list", main, task,
                               question.share ? fairness::FeatureWeights::kGivenShare : fairness::FeatureWeights::kGiven,
                               weights));
    // 0 of nothing but other words would read as a finding.
    if (holding == 0) scores.back().value.assign(scores.back().value.size(), std::nullopt);
  }
  scores.push_back(scores_of("uniform", main, task, fairness::FeatureWeights::kUniform));
  question.texts = unit_texts(main, task);
  question.coordinates = main.coordinates;
  question.words = main.words;
  question.offsets = main.offsets;
  if (const std::string control = request.value("control", ""); !control.empty()) by_run("control", control);

  Json document = core::make_document({.schema = "discreet.fairness.sensitivity/1",
                                       .configuration = sensitivity_configuration(request, question, asked.role),
                                       .inputs = inputs});
  answer_sensitivity(scores, task.data.examples, question, document);
  if (!listed.empty()) document["caveats"].push_back(listed);
  write_classifier_finding(request, path, opened.of_run, document);
  return document;
}

}  // namespace
}  // namespace app

void register_operation_sensitivity(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "sensitivity",
                .summary = "Accumulated prediction sensitivity of a classifier, a run's or a folder's",
                .reference = "Maughan, Ngong and Near 2022, arXiv 2202.04504; the weighting is our reading",
                .make = core::Operation(&app::sensitivity_of_run)});
}

}  // namespace discreet
