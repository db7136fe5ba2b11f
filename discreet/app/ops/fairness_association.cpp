#include <algorithm>

#include <fmt/format.h>

#include "discreet/app/association_contextual.h"
#include "discreet/app/contexts.h"
#include "discreet/app/ops/internal/language_source.h"
#include "discreet/app/ops/run_model.h"
#include "discreet/core/error.h"
#include "discreet/core/operation.h"
#include "discreet/core/progress.h"
#include "discreet/core/registry.h"
#include "discreet/core/run_dir.h"
#include "discreet/fairness/contextual_vectors.h"

namespace discreet {
namespace app {
namespace {
namespace fs = std::filesystem;

AssociationQuestion association_question(const Json& request) {
  AssociationQuestion question;
  question.tests = request.value("tests", std::vector<std::string>{});
  question.word_lists = request.value("word_lists", "");
  question.targets = request.value("targets", std::vector<std::string>{});
  question.attributes = request.value("attributes", std::vector<std::string>{});
  question.lowercase = request.value("lowercase", false);
  question.permutation.limit = request.value("limit", question.permutation.limit);
  question.permutation.samples = request.value("samples", question.permutation.samples);
  question.permutation.seed = request.value("seed", std::uint64_t{0});
  question.resamples = request.value("resamples", question.resamples);
  question.confidence = request.value("confidence", question.confidence);
  return question;
}

fairness::VectorPooling vector_pooling(const std::string& name) {
  if (name == "last") return fairness::VectorPooling::kLast;
  if (name == "first") return fairness::VectorPooling::kFirst;
  if (name == "mean") return fairness::VectorPooling::kMean;
  throw usage_error("no pooling of rows is called '" + name + "'", "Known: last, first, mean.");
}

std::vector<std::string> words_of_tests(const std::vector<AssociationTest>& tests) {
  std::vector<std::string> words;
  for (const AssociationTest& test : tests) {
    for (const WordList* list : {&test.x, &test.y, &test.a, &test.b}) words.insert(words.end(), list->words.begin(), list->words.end());
  }
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}

/// A measurement of one model.
class AssociationWork {
 public:
  AssociationWork(const Json& request, core::OperationContext& context)
      : request_(request),
        context_(context),
        question_(association_question(request)),
        tests_(association_tests(question_)),
        language_(open_language(request.at("model").get<std::string>())) {
    vectors_.layer = request.value("layer", std::int64_t{-1});
  }

  Json contextual() {
    vectors_.pooling = vector_pooling(request_.value("pooling", "last"));
    const fs::path corpus = request_.at("corpus").get<std::string>();
    const ContextOptions sampling{.most = request_.value("contexts", std::uint64_t{1000}),
                                  .window = request_.value("window", std::int64_t{4}),
                                  .lowercase = question_.lowercase,
                                  .seed = question_.permutation.seed};
    stats::CeatOptions options;
    options.draws = request_.value("draws", options.draws);
    options.without_replacement = request_.value("without_replacement", true);
    options.seed = question_.permutation.seed;
    options.resamples = request_.value("ceat_resamples", options.resamples);
    options.confidence = question_.confidence;
    const FoundContexts found = sample_contexts(corpus, words_of_tests(tests_), sampling);
    const auto words = vectors_of(found);
    core::DocumentStart start = document_start();
    start.configuration.update(Json{{"draws", options.draws}, {"sampling", options.without_replacement ? "without" : "with"},
                                    {"contexts", sampling.most}, {"window", sampling.window},
                                    {"bootstrap", {{"resamples", options.resamples}, {"draws", std::min(options.draws, options.resample_draws)}}}});
    start.inputs.push_back(core::describe_input("corpus", corpus));
    Json document = core::make_document(start);
    add_contextual_associations(tests_, words, question_, options, document);
    return document;
  }

  Json sentences() {
    vectors_.pooling = vector_pooling(request_.value("pooling", "mean"));
    std::vector<AssociationTest> tests;
    // Lists of a file are sentences already, where they are so long.
    const bool templates = request_.value("templates", question_.word_lists.empty());
    for (const AssociationTest& test : tests_) tests.push_back(templates ? sentence_test(test) : test);
    formats::WordVectors vectors;
    vectors.words = words_of_tests(tests);
    progress_ = begin("sentences", vectors.words.size());
    const stats::WordSet rows = fairness::sentence_vectors(*language_.model, *language_.coder, vectors.words, vectors_);
    vectors.dimension = rows.dimension;
    vectors.values = rows.values;
    core::DocumentStart start = document_start();
    start.configuration["templates"] = templates;
    Json document = core::make_document(start);
    AssociationQuestion question = question_;
    question.lowercase = false;  // a sentence's own spelling is what was read
    add_associations(tests, vectors, question, document);
    document["caveats"].push_back(
        "Sentence vectors of templates: words that share a template are not independent, so p is too small where its effect is large.");
    return document;
  }

  const LanguageSource& language() const { return language_; }

 private:
  core::DocumentStart document_start() {
    core::DocumentStart start;
    start.schema = "discreet.fairness.association/1";
    start.configuration = association_configuration(question_);
    const char* poolings[] = {"last", "first", "mean"};
    start.configuration.update(Json{{"model", language_.kind}, {"layer", vectors_.layer},
                                    {"pooling", poolings[static_cast<int>(vectors_.pooling)]}});
    start.inputs = {language_.input};
    if (!question_.word_lists.empty()) start.inputs.push_back(core::describe_input("word_lists", question_.word_lists));
    return start;
  }

  std::unique_ptr<core::Progress> begin(const char* unit, std::size_t total) {
    auto progress = std::make_unique<core::Progress>(core::ProgressOptions{
        .label = "vectors", .unit = unit, .total = static_cast<std::int64_t>(total), .quiet = context_.quiet});
    vectors_.progress = [this, shown = progress.get()](std::size_t done) {
      shown->update(static_cast<std::int64_t>(done));
      return !context_.stopping();
    };
    return progress;
  }

  std::map<std::string, ContextualWord> vectors_of(const FoundContexts& found) {
    std::vector<fairness::PlacedWord> placed;
    std::vector<std::pair<std::string, std::size_t>> runs;  // word, how many
    for (const auto& [word, contexts] : found.of) {
      for (const WordContext& context : contexts) placed.push_back({context.text, context.begin, context.end});
      runs.emplace_back(word, contexts.size());
    }
    progress_ = begin("contexts", placed.size());
    std::vector<std::size_t> cut;
    const stats::WordSet rows = fairness::word_vectors(*language_.model, *language_.coder, placed, vectors_, &cut);
    std::map<std::string, ContextualWord> words;
    std::size_t place = 0, row = 0, next_cut = 0;
    for (const auto& [word, count] : runs) {
      ContextualWord& own = words[word];
      own.vectors.dimension = rows.dimension;
      own.seen = found.seen.at(word);
      for (std::size_t i = 0; i < count; ++i, ++place) {
        if (next_cut < cut.size() && cut[next_cut] == place) {
          ++next_cut;
          continue;
        }
        const auto values = rows.row(row++);
        own.vectors.values.insert(own.vectors.values.end(), values.begin(), values.end());
      }
    }
    return words;
  }

  const Json& request_;
  core::OperationContext& context_;
  AssociationQuestion question_;
  std::vector<AssociationTest> tests_;
  LanguageSource language_;
  fairness::VectorOptions vectors_;
  std::unique_ptr<core::Progress> progress_;
};

/// Request: model (a folder or a run), tests or word_lists with targets and attributes; corpus for
/// contextual associations, else sentence templates; layer, pooling, seed and the options of both; out.
Json association_of_model(const Json& request, core::OperationContext& context) {
  AssociationWork work(request, context);
  Json document = request.contains("corpus") ? work.contextual() : work.sentences();
  write_model_finding(request, work.language().run ? work.language().path : "", document);
  return document;
}

}  // namespace
}  // namespace app

void register_operation_fairness_association(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "fairness-association",
                .summary = "Association tests of a model's contextual vectors: CEAT on a corpus, SEAT on templates",
                .make = core::Operation(&app::association_of_model)});
}

}  // namespace discreet
