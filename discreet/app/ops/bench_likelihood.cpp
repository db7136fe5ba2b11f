#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <limits>

#include <fmt/format.h>

#include "discreet/app/likelihood_data.h"
#include "discreet/core/error.h"
#include "discreet/core/operation.h"
#include "discreet/core/registry.h"
#include "discreet/fairness/pair_likelihood.h"
#include "discreet/fairness/stereoset_likelihood.h"
#include "discreet/nn/pretrained/model.h"

namespace discreet {
namespace app {
namespace {
namespace fs = std::filesystem;

/// An encoder of BERT's form with weights as they are drawn: speed does not depend on them.
std::shared_ptr<nn::PretrainedModel> drawn_encoder(std::int64_t layers, std::int64_t width, std::int64_t vocabulary) {
  const Json json = {{"model_type", "bert"}, {"architectures", {"BertForMaskedLM"}}, {"vocab_size", vocabulary},
                     {"hidden_size", width}, {"num_hidden_layers", layers}, {"num_attention_heads", width / 32},
                     {"intermediate_size", 4 * width}, {"max_position_embeddings", 512}, {"type_vocab_size", 2}};
  nn::PretrainedSource source;
  source.config = formats::parse_pretrained_config(json, "the benchmark's encoder");
  source.architecture = nn::architecture_of(source.config);
  source.form = source.architecture.form(source.config);
  const nn::HeadForm head = nn::head_of(source.architecture, source.config);
  core::ReproducibleRng rng(0, "parameters");
  auto model = std::make_shared<nn::PretrainedModel>(std::move(source), head, rng);
  model->eval();
  return model;
}

/// Scores by both ways, the least of several times for each.
struct TimedScores {
  std::vector<double> scores;
  double milliseconds = std::numeric_limits<double>::infinity();
};

template <class Score>
TimedScores timed(std::int64_t repeats, const Score& score) {
  TimedScores result;
  for (std::int64_t i = 0; i < repeats; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    result.scores = score();
    result.milliseconds = std::min(
        result.milliseconds, std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
  }
  return result;
}

template <class Score>
Json compared(const char* shape, std::size_t examples, std::int64_t repeats, const Score& score) {
  const TimedScores packed = timed(repeats, [&] { return score(false); });
  const TimedScores plain = timed(repeats, [&] { return score(true); });
  double greatest = 0;
  for (std::size_t i = 0; i < packed.scores.size(); ++i) greatest = std::max(greatest, std::abs(packed.scores[i] - plain.scores[i]));
  return {{"shape", shape},
          {"examples", examples},
          {"plain_ms", plain.milliseconds},
          {"packed_ms", packed.milliseconds},
          {"speedup", plain.milliseconds / packed.milliseconds},
          {"examples_per_second", 1000.0 * static_cast<double>(examples) / packed.milliseconds},
          {"greatest_difference", greatest}};
}

/// {"data": folder with crows_pairs/, stereoset/ and bert_base_uncased_vocab/, "examples": of each benchmark,
/// "layers": 6, "width": 384, "steps": repeats}
Json bench_likelihood(const Json& request, core::OperationContext&) {
  const fs::path data = request.value("data", "");
  if (data.empty() || !fs::exists(data / "crows_pairs")) {
    throw usage_error("the benchmark of likelihoods needs a folder with crows_pairs/, stereoset/ and bert_base_uncased_vocab/",
                      "Name it with --data.");
  }
  const auto most = static_cast<std::size_t>(std::max<std::int64_t>(1, request.value("examples", std::int64_t{30})));
  const std::int64_t repeats = request.value("steps", std::int64_t{3});
  const std::int64_t layers = request.value("layers", std::int64_t{6}), width = request.value("width", std::int64_t{384});
  const int before = at::get_num_threads(), threads = request.value("threads", 1);
  at::set_num_threads(threads);
  const fairness::SubwordCoder coder = fairness::SubwordCoder::load(data / "bert_base_uncased_vocab");
  const auto model = fairness::make_token_model(drawn_encoder(layers, width, coder.tokenizer().size()), {});
  Json document = {{"schema", "discreet.bench.likelihood/1"}, {"layers", layers}, {"width", width}, {"threads", threads},
                   {"results", Json::array()}};
  std::vector<fairness::TextPair> pairs;
  for (const CrowsPair& pair : read_crows_pairs(data / "crows_pairs" / "crows_pairs_anonymized.csv", true)) {
    if (pairs.size() < most) pairs.push_back({pair.more, pair.less});
  }
  document["results"].push_back(compared("crows-pairs", pairs.size(), repeats, [&](bool plain) {
    std::vector<double> scores;
    for (const auto& pair : fairness::score_pairs(*model, coder, pairs, fairness::PairRule::kShared, {.plain = plain})) {
      scores.insert(scores.end(), {pair.more, pair.less});
    }
    return scores;
  }));
  std::vector<fairness::StereoSentence> sentences;
  for (const StereoItem& item : read_stereoset(data / "stereoset" / "stereoset_dev_en.jsonl", true)) {
    if (item.split != "intrasentence" || sentences.size() >= 3 * most) continue;
    for (const std::string& sentence : item.sentences) sentences.push_back({item.context, sentence});
  }
  document["results"].push_back(compared("stereoset", sentences.size() / 3, repeats, [&](bool plain) {
    std::vector<double> logs = fairness::fill_scores(*model, coder, sentences, {.plain = plain});
    for (double& score : logs) score = std::log(score);
    return logs;
  }));
  at::set_num_threads(before);
  return document;
}

}  // namespace
}  // namespace app

void register_operation_bench_likelihood(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "bench-likelihood",
                .summary = "Times the scores of hidden tokens, packed against one sentence at a time",
                .make = core::Operation(&app::bench_likelihood)});
}

}  // namespace discreet
