#include "discreet/nn/pretrained/model.h"

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/nn/hidden_rows.h"
#include "discreet/nn/layers/attention_cache.h"
#include "discreet/nn/layers/loss.h"

namespace discreet::nn {
namespace {

bool predicts_words(PretrainedHead head) {
  return head == PretrainedHead::kMaskedTokens || head == PretrainedHead::kNextToken;
}

}  // namespace

PretrainedModel::PretrainedModel(PretrainedSource source, const HeadForm& head,
                                 core::ReproducibleRng& rng)
    : source_(std::move(source)), head_(head) {
  const PretrainedParts parts{.output = predicts_words(head.head),
                              .pooler = head.head == PretrainedHead::kSequence};
  encoder_ = register_module("encoder", std::make_shared<PretrainedEncoder>(source_.form, parts, rng));
  const std::int64_t width = source_.form.width;
  const auto labels = static_cast<std::int64_t>(source_.config.labels.size());
  if (head.head == PretrainedHead::kSequence) {
    intent_head_ =
        register_module("intent_head", Linear(LinearOptions{width, labels, !source_.form.causal}, rng));
  }
  if (head.head == PretrainedHead::kTokens || head.head == PretrainedHead::kSpan) {
    const std::int64_t columns = head.head == PretrainedHead::kSpan ? 2 : labels;
    const char* name = head.head == PretrainedHead::kSpan ? "span_head" : "slot_head";
    slot_head_ = register_module(name, Linear(LinearOptions{width, columns}, rng));
  }
}

ModelOutput PretrainedModel::compute(const PackedBatch& batch) {
  const Encoded encoded = encoder_->forward(batch, dropout_key(0), dropout_key(0));
  HiddenRowsScope::keep(intent_head_ ? encoded.pooled : encoded.tokens);
  ModelOutput out;
  if (intent_head_) {
    out.intent_logits = intent_head_->forward(encoded.pooled, batch.example_segments);
    if (batch.intent.defined()) out.loss = out.intent_loss = cross_entropy(out.intent_logits, batch.intent);
    return out;
  }
  out.emissions = encoded.tokens;
  if (slot_head_) out.emissions = slot_head_->forward(encoded.tokens, batch.token_segments);
  if (predicts_words(head_.head)) {
    out.emissions = encoder_->output_logits(rows_to_predict(encoded.tokens, batch.offsets),
                                            batch.token_segments);
  }
  if (batch.tags.defined() && head_.head != PretrainedHead::kNone) {
    out.loss = out.slot_loss = token_cross_entropy(out.emissions, batch);
  }
  return out;
}

Prediction PretrainedModel::decode(const PackedBatch&, const ModelOutput& output) {
  const at::NoGradGuard no_gradients;
  Prediction prediction;
  const auto to_vector = [](const at::Tensor& ids) {
    const at::Tensor host = ids.cpu();
    const auto* values = host.const_data_ptr<std::int64_t>();
    return std::vector<std::int64_t>(values, values + host.numel());
  };
  if (output.intent_logits.defined()) {
    prediction.intent_probabilities = output.intent_logits.softmax(1);
    prediction.intent = to_vector(output.intent_logits.argmax(1));
  } else if (head_.head != PretrainedHead::kNone) {
    prediction.tags = to_vector(output.emissions.argmax(1));
  }
  return prediction;
}

std::shared_ptr<PretrainedModel> open_pretrained(const std::filesystem::path& folder,
                                                 LoadedWeights* loaded) {
  PretrainedSource source = open_source(folder);
  const HeadForm head = head_of(source.architecture, source.config);
  check_shapes(source, stack_shapes(source.form), folder);
  core::ReproducibleRng rng(0, "parameters");
  auto model = std::make_shared<PretrainedModel>(std::move(source), head, rng);
  LoadedWeights found = load_weights(*model, model->source(), folder, {.read_beside = loaded != nullptr && loaded->wants_beside});
  if (loaded != nullptr) *loaded = std::move(found);
  model->eval();
  return model;
}

void save_pretrained(const std::filesystem::path& folder, const PretrainedModel& model,
                     const formats::WeightWriterOptions& options, const NamedTensors& beside) {
  std::filesystem::create_directories(folder);
  formats::PretrainedConfig config = model.source().config;
  config.architectures = {model.head().class_name};
  config.dtype = dtype_word(options.dtype);
  core::write_file_atomically(folder / "config.json", formats::to_json(config).dump(2) + "\n");
  NamedTensors tensors = weights_for_file(model, model.source(), model.head());
  tensors.insert(tensors.end(), beside.begin(), beside.end());
  write_weight_files(folder, tensors, options);
}

}  // namespace discreet::nn
