#include "discreet/app/ops/internal/language_source.h"

#include <algorithm>

#include <fmt/format.h>

#include "discreet/app/ops/internal/classifier.h"
#include "discreet/app/ops/run_model.h"
#include "discreet/app/subwords.h"
#include "discreet/core/error.h"
#include "discreet/core/run_dir.h"
#include "discreet/formats/safetensors.h"
#include "discreet/nn/pretrained/model.h"

namespace discreet::app {
namespace fs = std::filesystem;
namespace {

/// The words of a run that has no subwords.
class WordCoder final : public fairness::TextCoder {
 public:
  explicit WordCoder(Encoder encoder) : encoder_(std::move(encoder)) {}

  fairness::CodedText code(std::string_view text) const override {
    fairness::CodedText coded;
    append(text, 0, coded);
    return coded;
  }
  fairness::CodedText code_pair(std::string_view first, std::string_view second) const override {
    fairness::CodedText coded = code(first);
    append(second, 1, coded);
    return coded;
  }
  std::int64_t mask() const override { return encoder_.task == "masked-lm" ? mark_id(encoder_) : -1; }
  std::int64_t start() const override { return encoder_.language.end; }
  std::int64_t unknown() const override { return 0; }

 private:
  void append(std::string_view text, std::int32_t which, fairness::CodedText& coded) const {
    for (const text::Token& token : encoder_.tokenizer->tokenize(text)) {
      coded.ids.push_back(encoder_.vocabulary.id(token.text));
      coded.types.push_back(0);
      coded.places.emplace_back(token.begin, token.end);
      coded.texts.push_back(which);
    }
  }

  Encoder encoder_;
};

LanguageSource open_language_run(const fs::path& path) {
  RunModel run = open_run_model(path);
  const bool causal = run.encoder.language.end >= 0;
  if (!causal && run.encoder.task != "masked-lm") {
    throw usage_error(fmt::format("{}: a model of task \"{}\" predicts no tokens", path.string(), run.settings.task),
                      "Name a run of task \"masked-lm\" or \"language-model\", or a model folder.");
  }
  LanguageSource source;
  source.input = core::describe_input("model", path / "model");
  source.run = true;
  const std::int64_t longest =
      run.encoder.lengths.longest > 0 ? run.encoder.lengths.longest : run.settings.model.longest;
  source.model = fairness::make_token_model(run.model, {table_entries(run.encoder), longest});
  if (run.encoder.subwords) {
    source.coder = std::make_unique<fairness::SubwordCoder>(text::SubwordTokenizer::load(path / "model"), !causal,
                                                            run.encoder.language.end);
  } else {
    source.coder = std::make_unique<WordCoder>(std::move(run.encoder));
  }
  return source;
}

}  // namespace

LanguageSource open_language(const fs::path& named) {
  const fs::path path = named_model(named);
  LanguageSource source;
  if (core::RunDir::is_run(path)) {
    source = open_language_run(path);
  } else {
    source.input = core::describe_input("model", path);
    const auto model = nn::open_pretrained(path);
    const bool causal = model->source().form.causal;
    source.model = fairness::make_token_model(model, {});
    source.coder = std::make_unique<fairness::SubwordCoder>(text::SubwordTokenizer::load(path), !causal);
  }
  source.path = path;
  source.kind = source.model->causal() ? "causal" : "masked";
  return source;
}

std::shared_ptr<nn::Model> open_next_sentence(const fs::path& folder, std::int64_t& longest) {
  if (core::RunDir::is_run(folder)) return nullptr;
  nn::PretrainedSource source = nn::open_source(folder);
  const auto& heads = source.architecture.heads;
  const auto head = std::find_if(heads.begin(), heads.end(), [](const nn::HeadForm& form) {
    return form.class_name == "BertForNextSentencePrediction";
  });
  const auto names = formats::SafetensorsModel(folder).names();
  if (head == heads.end() || std::find(names.begin(), names.end(), "cls.seq_relationship.weight") == names.end()) {
    return nullptr;
  }
  source.config.architectures = {head->class_name};
  source.config.labels = {"follows", "random"};
  longest = source.form.longest;
  core::ReproducibleRng rng(0, "parameters");
  const nn::HeadForm form = *head;
  auto model = std::make_shared<nn::PretrainedModel>(std::move(source), form, rng);
  nn::load_weights(*model, model->source(), folder);
  model->eval();
  return model;
}

std::string unknown_note(const fairness::TextCoder& coder, const std::vector<std::string>& texts) {
  if (coder.unknown() < 0) return "";
  std::size_t unknown = 0, all = 0;
  for (const std::string& text : texts) {
    for (const std::int64_t id : coder.code(text).ids) {
      unknown += id == coder.unknown();
      ++all;
    }
  }
  if (unknown == 0) return "";
  return fmt::format("{:.1f} % of the tokens are unknown to the model and stand for any such word.",
                     100.0 * static_cast<double>(unknown) / static_cast<double>(all));
}

}  // namespace discreet::app
