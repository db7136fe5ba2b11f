#include <algorithm>
#include <chrono>
#include <limits>
#include <numeric>

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/headeronly/version.h>

#include "discreet/core/operation.h"
#include "discreet/core/random.h"
#include "discreet/core/registry.h"
#include "discreet/fairness/sensitivity.h"
#include "discreet/nn/model.h"
#include "discreet/nn/token_batches.h"

namespace discreet {
namespace app {
namespace {

constexpr std::int64_t kSentencesPerBatch = 256, kWords = 5000;

struct TimedClassifier {
  const char* kind;
  std::int64_t embedding, hidden, layers;
};

constexpr TimedClassifier kTimedClassifiers[] = {
    {"bow", 128, 128, 1}, {"cnn", 100, 100, 1}, {"bilstm", 128, 128, 1}, {"transformer", 128, 128, 2}};

std::shared_ptr<nn::Model> timed_model(const TimedClassifier& timed, std::int64_t classes, const char* stream) {
  nn::ModelSpec spec;
  spec.kind = timed.kind;
  spec.embedding = timed.embedding;
  spec.hidden = {timed.hidden};
  spec.layers = timed.layers;
  core::ReproducibleRng rng(1, stream);
  auto model = nn::make_model(spec, {.vocabulary = kWords, .intents = classes}, {}, rng);
  model->eval();
  return model;
}

/// Sentences of 4 to 25 words.
nn::EncodedExamples timed_sentences(std::int64_t count) {
  core::ReproducibleRng rng(2, "sentences");
  nn::EncodedExamples data;
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::uint64_t left = 4 + rng.below(22); left > 0; --left) {
      data.tokens.push_back(static_cast<std::int64_t>(rng.below(kWords)));
    }
    data.offsets.push_back(static_cast<std::int64_t>(data.tokens.size()));
  }
  return data;
}

/// Seconds of `work` on every batch in turn, the least of `repeats`.
template <typename Work>
double least_seconds(const nn::EncodedExamples& data, int repeats, const Work& work) {
  double least = std::numeric_limits<double>::infinity();
  for (int repeat = 0; repeat < repeats; ++repeat) {
    const auto started = std::chrono::steady_clock::now();
    for (std::int64_t begin = 0; begin < data.size(); begin += kSentencesPerBatch) {
      work(nn::collate(data, nn::consecutive(begin, std::min(begin + kSentencesPerBatch, data.size()))));
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
    least = std::min(least, took.count());
  }
  return least;
}

Json time_sensitivity(const TimedClassifier& timed, const nn::EncodedExamples& data, std::int64_t classes, int repeats) {
  const auto task = timed_model(timed, classes, "task"), status = timed_model(timed, 2, "status");
  const double predictions = least_seconds(data, repeats, [&](const nn::PackedBatch& batch) {
    const at::NoGradGuard no_gradients;
    task->forward(batch).intent_logits.softmax(1);
    status->forward(batch).intent_logits.softmax(1);
  });
  const auto classes_weight = classes == 2 ? fairness::ClassWeights::kUniform : fairness::ClassWeights::kPredicted;
  double total = 0;
  const double sensitivities = least_seconds(data, repeats, [&](const nn::PackedBatch& batch) {
    const auto mine = fairness::input_gradients(
        *task, batch, {.classes = classes_weight, .features = fairness::InputFeatures::kTokenL1});
    const auto theirs = fairness::input_gradients(
        *status, batch, {.classes = fairness::ClassWeights::kOnes, .features = fairness::InputFeatures::kTokenL1});
    const auto tokens = fairness::token_gradients(mine, &theirs, false);
    for (std::int64_t e = 0; e < batch.examples(); ++e) {
      total += fairness::accumulated_sensitivity(tokens, batch.offsets[e], batch.offsets[e + 1],
                                                 fairness::FeatureWeights::kProtected)
                   .value_or(0);
    }
  });
  return {{"model", timed.kind},
          {"sentences", data.size()},
          {"tokens", data.offsets.back()},
          {"classes", classes},
          {"classes_weight", classes == 2 ? "uniform" : "predicted"},
          {"predictions_seconds", predictions},
          {"sensitivity_seconds", sensitivities},
          {"ratio", sensitivities / predictions},
          {"mean_sensitivity", total / (static_cast<double>(data.size()) * repeats)}};
}

/// {"sentences": 10000, "repeats": 3, "threads": 1}: the time of predictions of a task's and a
/// protected-status model, and of the sensitivities that both give.
Json bench_sensitivity(const Json& request, core::OperationContext& context) {
  const int before = at::get_num_threads();
  at::set_num_threads(request.value("threads", 1));
  const nn::EncodedExamples data = timed_sentences(request.value("sentences", std::int64_t{10000}));
  Json document = {{"schema", "discreet.bench.sensitivity/1"}, {"libtorch", TORCH_VERSION}, {"results", Json::array()}};
  for (const TimedClassifier& timed : kTimedClassifiers) {
    for (const std::int64_t classes : {2, 20}) {
      if (context.stopping()) break;
      document["results"].push_back(time_sensitivity(timed, data, classes, request.value("repeats", 3)));
    }
  }
  at::set_num_threads(before);
  return document;
}

}  // namespace
}  // namespace app

void register_operation_bench_sensitivity(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "bench-sensitivity",
                .summary = "Times prediction sensitivity beside predictions",
                .make = core::Operation(&app::bench_sensitivity)});
}

}  // namespace discreet
