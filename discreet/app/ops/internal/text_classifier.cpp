#include "discreet/app/ops/internal/text_classifier.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "discreet/app/ops/run_model.h"
#include "discreet/core/error.h"
#include "discreet/core/run_dir.h"
#include "discreet/nn/pretrained/model.h"
#include "discreet/text/subword/subword_tokenizer.h"

namespace discreet::app {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kTextsPerBatch = 64;

class FolderClassifier final : public TextClassifier {
 public:
  explicit FolderClassifier(const fs::path& path)
      : input_(core::describe_input("classifier", path)),
        model_(nn::open_pretrained(path)),
        tokenizer_(text::SubwordTokenizer::load(path)) {
    if (model_->head().head != nn::PretrainedHead::kSequence) {
      throw usage_error(path.string() + ": " + model_->head().class_name + " classifies no texts",
                        "Name a folder of a sequence classifier, or a run of task text-classification.");
    }
  }
  const std::vector<std::string>& classes() const override { return model_->source().config.labels; }
  const core::InputFile& input() const override { return input_; }
  std::string known() const override { return "How good the classifier is on such texts is not known here."; }

  std::vector<std::size_t> classify(const std::vector<std::string>& texts) override {
    const at::NoGradGuard no_gradients;
    std::vector<std::size_t> labels;
    for (std::size_t begin = 0; begin < texts.size(); begin += kTextsPerBatch) {
      nn::EncodedExamples data;
      const std::size_t end = std::min(texts.size(), begin + kTextsPerBatch);
      for (std::size_t i = begin; i < end; ++i) add(texts[i], data);
      std::vector<std::int64_t> all(end - begin);
      std::iota(all.begin(), all.end(), 0);
      const at::Tensor best = model_->forward(nn::collate(data, all)).intent_logits.argmax(1).cpu();
      const auto* values = best.const_data_ptr<std::int64_t>();
      for (std::int64_t i = 0; i < best.numel(); ++i) labels.push_back(static_cast<std::size_t>(values[i]));
    }
    return labels;
  }

 private:
  void add(const std::string& text, nn::EncodedExamples& data) const {
    auto encoding = tokenizer_.encode(text);
    const auto longest = static_cast<std::size_t>(model_->source().form.longest);
    while (encoding.size() > longest) {  // the last of the text's own tokens
      std::size_t at = encoding.size();
      while (at > 0 && encoding.special[at - 1] != 0) --at;
      if (at == 0) break;
      encoding.ids.erase(encoding.ids.begin() + static_cast<std::ptrdiff_t>(at) - 1);
      encoding.type_ids.erase(encoding.type_ids.begin() + static_cast<std::ptrdiff_t>(at) - 1);
      encoding.special.erase(encoding.special.begin() + static_cast<std::ptrdiff_t>(at) - 1);
    }
    data.tokens.insert(data.tokens.end(), encoding.ids.begin(), encoding.ids.end());
    const std::int64_t types = std::max<std::int64_t>(1, model_->source().form.token_types);
    for (const std::int32_t type : encoding.type_ids) data.token_types.push_back(std::min<std::int64_t>(type, types - 1));
    data.offsets.push_back(static_cast<std::int64_t>(data.tokens.size()));
  }

  core::InputFile input_;
  std::shared_ptr<nn::PretrainedModel> model_;
  text::SubwordTokenizer tokenizer_;
};

class RunClassifier final : public TextClassifier {
 public:
  explicit RunClassifier(const fs::path& path) : input_(core::describe_input("classifier", path / "model")), run_(open_run_model(path)) {
    for (std::int64_t i = 0; i < run_.encoder.intents.size(); ++i) classes_.push_back(run_.encoder.intents.name(i));
    if (classes_.size() < 2) {
      throw usage_error(fmt::format("{}: a model of task \"{}\" classifies no texts", path.string(), run_.settings.task),
                        "Name a run of task text-classification.");
    }
    if (!fs::exists(path / "result.json")) return;
    const Json result = core::read_document(path / "result.json");
    for (const char* key : {"accuracy", "intent_accuracy"}) {
      const Json metrics = result.value("metrics", Json::object());
      if (!metrics.contains(key) || !metrics[key].is_number()) continue;
      known_ = fmt::format("Its accuracy on the run's own {} set is {:.1f} %.", result.value("split", "test"), 100 * metrics[key].get<double>());
    }
  }
  const std::vector<std::string>& classes() const override { return classes_; }
  const core::InputFile& input() const override { return input_; }
  std::string known() const override { return known_.empty() ? "The run tells no accuracy of the classifier." : known_; }

  std::vector<std::size_t> classify(const std::vector<std::string>& texts) override {
    std::vector<text::Example> examples;
    for (const std::string& text : texts) {
      text::Example example{.text = text};
      text::tokenize_example(*run_.encoder.tokenizer, example);
      examples.push_back(std::move(example));
    }
    const Scores scores = score(*run_.model, encode(run_.encoder, std::move(examples)));
    return {scores.intents.begin(), scores.intents.end()};
  }

 private:
  core::InputFile input_;
  RunModel run_;
  std::vector<std::string> classes_;
  std::string known_;
};

}  // namespace

std::unique_ptr<TextClassifier> open_text_classifier(const fs::path& path) {
  if (core::RunDir::is_run(path)) return std::make_unique<RunClassifier>(path);
  return std::make_unique<FolderClassifier>(path);
}

}  // namespace discreet::app
