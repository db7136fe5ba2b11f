#include "discreet/app/ops/internal/text_classifier.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discreet/app/ops/internal/classifier.h"
#include "discreet/app/ops/run_model.h"
#include "discreet/core/error.h"
#include "discreet/core/run_dir.h"
#include "discreet/nn/pretrained/model.h"
#include "discreet/text/subword/subword_tokenizer.h"

namespace discreet::app {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kTextsPerBatch = 64;
constexpr double kLabelHolds = .5;

/// Which of a model's labels count as the first of two classes.
struct CountedLabels {
  std::vector<std::string> names, classes;
  std::vector<std::int64_t> places;

  CountedLabels(const std::vector<std::string>& counted, const std::vector<std::string>& labels, const fs::path& path) : names(counted) {
    for (const std::string& name : names) {
      const auto found = std::find(labels.begin(), labels.end(), name);
      if (found == labels.end()) {
        throw usage_error(fmt::format("{}: the classifier has no label '{}'; it has {}", path.string(), name, fmt::join(labels, ", ")),
                          "Name labels that it has.");
      }
      places.push_back(found - labels.begin());
    }
    if (!names.empty()) classes = {names.front(), "not " + names.front()};
  }
  bool any(std::int64_t label) const { return std::find(places.begin(), places.end(), label) != places.end(); }
};

class FolderClassifier final : public TextClassifier {
 public:
  FolderClassifier(const fs::path& path, const std::vector<std::string>& counted)
      : input_(core::describe_input("classifier", path)),
        model_(nn::open_pretrained(path)),
        tokenizer_(text::SubwordTokenizer::load(path)) {
    if (model_->head().head != nn::PretrainedHead::kSequence) {
      throw usage_error(path.string() + ": " + model_->head().class_name + " classifies no texts",
                        "Name a folder of a sequence classifier, or a run of task text-classification.");
    }
    const formats::PretrainedConfig& config = model_->source().config;
    several_ = config.problem_type == "multi_label_classification";
    counted_ = std::make_unique<CountedLabels>(several_ && counted.empty() ? config.labels : counted, config.labels, path);
  }
  const std::vector<std::string>& classes() const override {
    return counted_->names.empty() ? model_->source().config.labels : counted_->classes;
  }
  const core::InputFile& input() const override { return input_; }
  std::string known() const override {
    std::string text = "How good the classifier is on such texts is not known here.";
    if (several_) {
      text += fmt::format(" It gives each label a probability: a text is {} where that of any of {} is {:g} or more.", counted_->names.front(),
                          fmt::join(counted_->names, ", "), kLabelHolds);
    }
    return text;
  }

  std::vector<std::size_t> classify(const std::vector<std::string>& texts) override {
    const at::NoGradGuard no_gradients;
    std::vector<std::size_t> labels;
    for (std::size_t begin = 0; begin < texts.size(); begin += kTextsPerBatch) {
      nn::EncodedExamples data;
      const std::size_t end = std::min(texts.size(), begin + kTextsPerBatch);
      for (std::size_t i = begin; i < end; ++i) add(texts[i], data);
      std::vector<std::int64_t> all(end - begin);
      std::iota(all.begin(), all.end(), 0);
      const at::Tensor logits = model_->forward(nn::collate(data, all)).intent_logits;
      if (several_) append_any(logits.sigmoid().ge(kLabelHolds).to(at::kCPU, at::kLong).contiguous(), labels);
      else append_best(logits.argmax(1).cpu(), labels);
    }
    return labels;
  }

 private:
  void append_best(const at::Tensor& best, std::vector<std::size_t>& labels) const {
    const auto* values = best.const_data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < best.numel(); ++i) {
      labels.push_back(counted_->names.empty() ? static_cast<std::size_t>(values[i]) : counted_->any(values[i]) ? 0 : 1);
    }
  }
  /// holds [B, labels]
  void append_any(const at::Tensor& holds, std::vector<std::size_t>& labels) const {
    const auto* values = holds.const_data_ptr<std::int64_t>();
    const std::int64_t width = holds.size(1);
    for (std::int64_t i = 0; i < holds.size(0); ++i) {
      const bool any = std::any_of(counted_->places.begin(), counted_->places.end(),
                                   [&](std::int64_t label) { return values[i * width + label] != 0; });
      labels.push_back(any ? 0 : 1);
    }
  }

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
  std::unique_ptr<CountedLabels> counted_;
  bool several_ = false;  ///< Several labels may hold at a time.
};

class RunClassifier final : public TextClassifier {
 public:
  RunClassifier(const fs::path& path, const std::vector<std::string>& counted) : input_(core::describe_input("classifier", path / "model")), run_(open_run_model(path)) {
    for (std::int64_t i = 0; i < run_.encoder.intents.size(); ++i) classes_.push_back(run_.encoder.intents.name(i));
    if (classes_.size() < 2) {
      throw usage_error(fmt::format("{}: a model of task \"{}\" classifies no texts", path.string(), run_.settings.task),
                        "Name a run of task text-classification.");
    }
    counted_ = std::make_unique<CountedLabels>(counted, classes_, path);
    if (!fs::exists(path / "result.json")) return;
    const Json result = core::read_document(path / "result.json");
    for (const char* key : {"accuracy", "intent_accuracy"}) {
      const Json metrics = result.value("metrics", Json::object());
      if (!metrics.contains(key) || !metrics[key].is_number()) continue;
      known_ = fmt::format("Its accuracy on the run's own {} set is {:.1f} %.", result.value("split", "test"), 100 * metrics[key].get<double>());
    }
  }
  const std::vector<std::string>& classes() const override { return counted_->names.empty() ? classes_ : counted_->classes; }
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
    std::vector<std::size_t> labels(scores.intents.begin(), scores.intents.end());
    if (!counted_->names.empty()) {
      for (std::size_t& label : labels) label = counted_->any(static_cast<std::int64_t>(label)) ? 0 : 1;
    }
    return labels;
  }

 private:
  core::InputFile input_;
  RunModel run_;
  std::vector<std::string> classes_;
  std::unique_ptr<CountedLabels> counted_;
  std::string known_;
};

}  // namespace

std::unique_ptr<TextClassifier> open_text_classifier(const fs::path& named, const std::vector<std::string>& counted) {
  const fs::path path = named_model(named);
  if (core::RunDir::is_run(path)) return std::make_unique<RunClassifier>(path, counted);
  return std::make_unique<FolderClassifier>(path, counted);
}

}  // namespace discreet::app
