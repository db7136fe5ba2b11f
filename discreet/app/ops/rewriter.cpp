#include <algorithm>

#include <fmt/format.h>

#include "discreet/app/data_sets.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/core/log.h"
#include "discreet/core/operation.h"
#include "discreet/core/registry.h"
#include "discreet/mitigate/rewriting/auto_encoder.h"
#include "discreet/text/join_words.h"
#include "discreet/text/tokenizer.h"

namespace discreet {
namespace app {
namespace {

namespace fs = std::filesystem;

/// Request: data, text (column), out, force; sizes and training options by the names of the verb's flags.
Json train_text_rewriter(const Json& request, core::OperationContext& context) {
  const auto source = request.at("data").get<std::string>();
  const fs::path out = request.at("out").get<std::string>();
  if (fs::exists(out) && !request.value("force", false)) {
    throw usage_error(out.string() + ": is there already", "Choose another --out, or give --force.");
  }
  if (request.value("threads", 0) > 0) at::set_num_threads(request.value("threads", 0));
  const auto tokenizer = text::make_tokenizer("word");
  const auto reader = open_data(source, text::Split::kTrain, "", {.text = request.value("text", "")});
  const auto limit = request.value<std::size_t>("limit", 100000);
  std::vector<std::vector<std::string>> texts;
  text::Example example;
  while (texts.size() < limit && reader->next(example)) {
    text::tokenize_example(*tokenizer, example);
    texts.push_back(example.words);
  }
  if (texts.empty()) throw bad_data(source + ": no texts");
  const mitigate::AutoEncoderForm form{.embedding = request.value<std::int64_t>("embedding", 64),
                                       .hidden = request.value<std::int64_t>("hidden", 128),
                                       .context = request.value<std::int64_t>("context", 32),
                                       .clip = request.value("clip", 1.0),
                                       .l1 = request.value("norm", "l2") == "l1",
                                       .longest = request.value<std::int64_t>("longest", 32)};
  const mitigate::AutoEncoderTraining training{.epochs = request.value<std::int64_t>("epochs", 10),
                                               .batch_size = request.value<std::int64_t>("batch_size", 32),
                                               .learning_rate = request.value("learning_rate", 3e-3),
                                               .word_dropout = request.value("word_dropout", 0.3),
                                               .noise = request.value("noise", 0.0),
                                               .seed = request.value<std::uint64_t>("seed", 1)};
  double last = 0;
  const mitigate::Rewriter rewriter =
      mitigate::train_rewriter(texts, form, request.value<std::int64_t>("most_words", 10000), request.value<std::int64_t>("least_count", 2),
                               training, [&](std::int64_t epoch, double loss) {
                                 last = loss;
                                 if (!context.quiet) core::log_info("epoch {}: loss {:.3f} a word", epoch, loss);
                                 if (context.stopping()) throw core::interrupted(context, "Nothing was kept.");
                               });
  mitigate::save_rewriter(out, rewriter);
  Json configuration = request;
  configuration.erase("out");
  Json document = core::make_document({.schema = "discreet.mitigate.rewriter/1", .configuration = configuration, .inputs = {}});
  if (fs::exists(source)) document["inputs"].push_back(core::to_json(core::describe_input("data", source)));
  document["results"] = {{{"metric", "loss_per_word"}, {"value", last}, {"n", texts.size()}}};
  document["vocabulary"] = rewriter.vocabulary.size();
  document["caveats"] = {
      "The auto-encoder's weights and words come from its training texts: those must be public. A guarantee for the texts that it "
      "rewrites later says nothing of them."};
  document["out"] = out.string();
  return document;
}

/// Request: model (a folder), texts, mechanism, epsilon, delta. Returns {"texts", "guarantee", "norm"}. The model of the last call stays open.
Json rewrite_given_texts(const Json& request, core::OperationContext&) {
  static std::string opened_path;
  static fs::file_time_type opened_time;
  static std::unique_ptr<mitigate::Rewriter> opened;
  static std::unique_ptr<text::Tokenizer> tokenizer;
  const auto path = request.at("model").get<std::string>();
  std::error_code ignored;  // a folder that is not there is reported by the loading
  const auto time = fs::last_write_time(fs::path(path) / "model.safetensors", ignored);
  if (!opened || opened_path != path || opened_time != time) {
    opened_time = time;
    opened = std::make_unique<mitigate::Rewriter>(mitigate::load_rewriter(path));
    opened_path = path;
    tokenizer = text::make_tokenizer("word");
  }
  const mitigate::AutoEncoderForm& form = opened->model->form();
  const mitigate::ContextNoise noise =
      mitigate::make_context_noise(request.at("mechanism").get<std::string>(), request.at("epsilon").get<double>(),
                                   request.value("delta", 0.0), form.clip, static_cast<std::size_t>(form.context));
  if (noise.l1 != form.l1) {
    throw usage_error(fmt::format("{} was trained with {} clipping, mechanism {} clips the other norm", path, form.l1 ? "L1" : "L2",
                                  request.at("mechanism").get<std::string>()),
                      "Train with --norm l1 for mechanism laplace, else with --norm l2.");
  }
  std::vector<std::vector<std::string>> texts;
  for (const Json& text : request.at("texts")) texts.push_back(tokenizer->words(text.get<std::string>()));
  Json result = {{"texts", Json::array()}, {"kept_words", 0}, {"words", 0}};
  result["guarantee"] = {{"proven", noise.proven}, {"statement", noise.statement}};
  if (texts.empty()) return result;
  core::SecureRng rng;
  std::uint64_t kept = 0, words = 0;
  const auto written = mitigate::rewrite(*opened, texts, noise, rng);
  for (std::size_t i = 0; i < written.size(); ++i) {
    result["texts"].push_back(text::join_words(written[i]));
    for (const std::string& word : texts[i]) {
      kept += std::find(written[i].begin(), written[i].end(), word) != written[i].end() ? 1 : 0;
      ++words;
    }
  }
  result["kept_words"] = kept;
  result["words"] = words;
  return result;
}

}  // namespace
}  // namespace app

void register_operation_rewriter(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "train-rewriter",
                .summary = "Trains an auto-encoder of texts whose context vectors are bounded",
                .make = core::Operation(&app::train_text_rewriter)});
  registry.add({.kind = "operation",
                .name = "rewrite-texts",
                .summary = "Texts written again from their noisy context vectors",
                .make = core::Operation(&app::rewrite_given_texts)});
}

}  // namespace discreet
