#include "discreet/app/ops/run_model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include <fmt/format.h>

#include "discreet/app/internal/encoder.h"
#include "discreet/app/ops/internal/device.h"
#include "discreet/app/ops/internal/pretrained_start.h"
#include "discreet/app/ops/internal/run_parts.h"
#include "discreet/app/ops/internal/session.h"
#include "discreet/app/ops/internal/start_model.h"
#include "discreet/core/error.h"
#include "discreet/mitigate/distillation/student.h"
#include "discreet/nn/adapt.h"
#include "discreet/nn/batch.h"
#include "discreet/nn/checkpoint.h"
#include "discreet/nn/encoder_decoder.h"
#include "discreet/nn/masked_model.h"
#include "discreet/nn/model.h"
#include "discreet/nn/pretrained/sequence.h"
#include "discreet/nn/span_model.h"
#include "discreet/nn/token_batches.h"
#include "discreet/text/characters.h"

namespace discreet::app {
namespace fs = std::filesystem;
namespace {

/// LoRA and what is frozen, by the names of the configuration; `form` as in `make_model_of`.
void adapt(const Settings& settings, nn::Model& model, const fs::path& form, core::ReproducibleRng& rng) {
  const ModelOptions& asked = settings.model;
  start_adapter(settings, form, model);
  if (asked.lora_rank > 0) {
    nn::add_lora(model, {asked.lora_rank, asked.lora_alpha, asked.lora_targets}, rng);
  }
  if (settings.train.trainable.empty()) return;
  nn::keep_trainable(model, settings.train.trainable, asked.lora_rank > 0 || !asked.adapter.empty());
}

/// A row more than the model has: the mark of a masked model that has no special tokens, the last one.
bool has_mark(const at::Tensor& start, const at::Tensor& own) {
  return start.dim() == 2 && own.dim() == 2 && start.size(1) == own.size(1) && start.size(0) == own.size(0) + 1;
}

/// The parameters of the run of model.start; what this model has beyond them stays as it was drawn. From a run of another
/// task come its layers, and heads that fit.
void take_start(const Settings& settings, nn::Model& model) {
  const fs::path file = fs::path(settings.model.start) / "model" / "model.safetensors";
  nn::NamedTensors start = nn::read_tensors(file);
  std::map<std::string, at::Tensor> given(start.begin(), start.end());
  const bool other_task = load_run_settings(settings.model.start).task != settings.task;
  if (other_task) start.clear();
  for (const auto& [name, tensor] : nn::model_tensors(model)) {
    const auto found = given.find(name);
    const bool lora = name.ends_with(".lora_a") || name.ends_with(".lora_b");
    if (!other_task) {
      if (lora && found == given.end()) start.emplace_back(name, tensor.detach().clone());
      continue;
    }
    const bool layer = name.starts_with("encoder.");
    if (found != given.end() && layer && has_mark(found->second, tensor)) {
      start.emplace_back(name, found->second.narrow(0, 0, tensor.size(0)));
    } else if (found != given.end() && (layer || found->second.sizes() == tensor.sizes())) {
      start.emplace_back(name, found->second);  // of another shape it is refused below
    } else if (lora || !layer) {
      start.emplace_back(name, tensor.detach().clone());
    }
  }
  nn::load_model_tensors(model, start, file.string());
}

nn::MaskRule mask_rule(const Encoder& encoder) {
  return {.rate = encoder.masks.rate,
          .whole_words = encoder.masks.whole_words,
          .mask = mark_id(encoder),
          .ids = vocabulary_size(encoder),
          .special = special_ids(encoder),
          .continues = continuing_ids(encoder)};
}

std::shared_ptr<nn::Model> make_pair_model(const nn::ModelSpec& spec, std::int64_t vocabulary,
                                           core::ReproducibleRng& rng) {
  if (spec.kind != "pretrained") return nn::make_encoder_decoder(spec, vocabulary, rng);
  const auto model = nn::make_sequence_model(spec.path, rng);
  if (model->options().vocabulary < vocabulary) {
    throw usage_error(fmt::format("the tokenizer has {} tokens, the model a table of {}", vocabulary,
                                  model->options().vocabulary),
                      "Take the tokenizer of the model's own folder.");
  }
  model->set_dropout_rate(spec.dropout);
  return model;
}

/// `form`: the folder that says what a pretrained model looks like, model.path or a run's own model.
std::shared_ptr<nn::Model> make_model_of(const Settings& settings, const Encoder& encoder,
                                         const at::Tensor& vectors, const fs::path& form) {
  nn::ModelSpec spec = model_spec(settings.model);
  spec.path = form.string();
  spec.recompute = settings.train.recompute;
  const nn::ModelSizes sizes{.vocabulary = table_entries(encoder),
                             .intents = encoder.intents.size(),
                             .tags = encoder.tags.size(),
                             .characters = encoder.characters ? text::kCharacterIds : 0,
                             .next_token = encoder.language.end >= 0,
                             .tag_names = encoder.tags.names()};
  core::ReproducibleRng rng(static_cast<std::uint64_t>(settings.run.seed), "parameters");
  std::shared_ptr<nn::Model> model;
  if (encoder.task == "masked-lm") {
    model = nn::make_masked_model(spec, sizes.vocabulary, mask_rule(encoder), vectors, rng);
  } else if (encoder.task == "seq2seq") {
    model = make_pair_model(spec, sizes.vocabulary, rng);
  } else if (encoder.task == "span-qa") {
    model = nn::make_span_model(spec, sizes.vocabulary, vectors, rng);
  } else {
    model = nn::make_model(spec, sizes, vectors, rng);
  }
  if (encoder.tags.size() > 0) model->set_tag_rules(nn::bio_rules(encoder.tags.names()));
  adapt(settings, *model, form, rng);
  return model;
}

/// A table of the right shape for a model whose vectors decided the width of its embedding: the file of
/// vectors itself is not needed any more.
at::Tensor saved_vectors(const Settings& settings, const Encoder& encoder,
                         const nn::NamedTensors& tensors) {
  if (settings.model.vectors.empty()) return {};
  for (const auto& [name, tensor] : tensors) {
    const bool named = name.find("embedding") != std::string::npos;
    if (named && tensor.dim() == 2 && tensor.size(0) == table_entries(encoder)) return tensor.clone();
  }
  return {};
}

constexpr std::int64_t kScoredTokens = 2048;  // of a batch without gradients
static_assert(kNotTagged == nn::kSourceTag, "the source's rows are marked as what is not to be told");
constexpr double kNoLoss = std::numeric_limits<double>::quiet_NaN();

std::vector<double> doubles_of(const at::Tensor& tensor) {
  if (!tensor.defined()) return {};
  const at::Tensor host = tensor.detach().to(at::kCPU, at::kDouble).contiguous();
  return {host.data_ptr<double>(), host.data_ptr<double>() + host.numel()};
}

template <class T>
void append(std::vector<T>& to, const std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

void append_ends(const at::Tensor& logits, Scores& scores) {
  const at::Tensor host = logits.detach().to(at::kCPU, at::kFloat).contiguous();
  const auto* values = host.const_data_ptr<float>();
  for (std::int64_t n = 0; n < host.size(0); ++n) {
    scores.starts.push_back(values[2 * n]);
    scores.ends.push_back(values[2 * n + 1]);
  }
}

/// A window without the answer's ends has no loss.
void mask_windows(const EncodedData& data, Scores& scores) {
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const bool answered = std::any_of(data.tags.begin() + data.offsets[i],
                                      data.tags.begin() + data.offsets[i + 1],
                                      [](std::int64_t tag) { return tag > 0; });
    if (!answered) scores.loss[i] = kNoLoss;
  }
}

/// No loss is defined on a label that the encoder does not know.
void mask_unknown(const EncodedData& data, Scores& scores) {
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const bool intent = data.intents.empty() || data.intents[i] >= 0;
    bool tags = true;
    for (std::int64_t t = data.offsets[i]; !data.tags.empty() && t < data.offsets[i + 1]; ++t) {
      tags = tags && data.tags[t] != -1;
    }
    if (!intent && !scores.intent_loss.empty()) scores.intent_loss[i] = kNoLoss;
    if (!tags && !scores.slot_loss.empty()) scores.slot_loss[i] = kNoLoss;
    if (!(intent && tags) && !scores.loss.empty()) scores.loss[i] = kNoLoss;
  }
}

}  // namespace

nn::ModelSpec model_spec(const ModelOptions& model) {
  nn::ModelSpec spec;
  spec.kind = model.kind;
  spec.embedding = model.embedding;
  spec.freeze_vectors = model.vectors_frozen;
  spec.hidden = model.hidden;
  spec.layers = model.layers;
  spec.widths = model.widths;
  spec.norm = model.norm;
  spec.norm_groups = model.norm_groups;
  spec.char_embedding = model.char_embedding;
  spec.char_filters = model.char_filters;
  spec.char_width = model.char_width;
  spec.heads = model.heads;
  spec.kv_heads = model.kv_heads;
  spec.positions = model.positions;
  spec.tied = model.tied;
  spec.mix_layers = model.mix_layers;
  spec.feed_forward = model.feed_forward;
  spec.pre_norm = model.pre_norm;
  spec.longest = model.longest;
  spec.pooling = model.pooling;
  spec.activation = model.activation;
  spec.context = model.context;
  spec.skip = model.skip;
  spec.skip_context = model.skip_context;
  spec.context_scale = model.context_scale;
  spec.tag_sentence = model.tag_sentence;
  spec.tag_intent = model.tag_intent;
  spec.tag_layer = model.tag_layer;
  spec.tag_parts = model.tag_parts;
  spec.random_field = model.random_field;
  spec.random_field_scale = model.random_field_scale;
  spec.random_field_rules = model.random_field_rules;
  spec.tag_hidden = model.tag_hidden;
  spec.norm_inputs = model.norm_inputs;
  spec.dropout = model.dropout;
  spec.word_dropout = model.word_dropout;
  spec.slot_weight = model.slot_weight;
  return spec;
}

at::Tensor start_vectors(const Settings& settings, const Encoder& encoder) {
  const VectorTable table = load_vectors(settings, encoder.vocabulary);
  if (table.dimensions == 0) return {};
  at::Tensor vectors = at::zeros({table_entries(encoder), table.dimensions}, at::kFloat);
  std::ranges::copy(table.values, vectors.data_ptr<float>());
  return vectors;
}

std::shared_ptr<nn::Model> make_run_model(const Settings& settings, const Encoder& encoder) {
  return make_run_model(settings, encoder, start_vectors(settings, encoder));
}

std::shared_ptr<nn::Model> make_run_model(const Settings& settings, const Encoder& encoder, const at::Tensor& vectors) {
  auto model = make_model_of(settings, encoder, vectors.defined() ? vectors.clone() : vectors, pretrained_folder(settings));
  start_weights(settings, *model);
  if (!settings.model.start.empty()) take_start(settings, *model);
  return model;
}

void take_layers(const DistillOptions& distill, nn::Model& model) {
  const fs::path file = teacher_folder(distill) / "model.safetensors";
  std::map<std::string, at::Tensor> teacher;
  for (const auto& [name, tensor] : nn::read_tensors(file)) teacher.emplace(name, tensor);
  nn::NamedTensors start;
  for (const auto& [name, tensor] : nn::model_tensors(model)) {
    const std::string theirs = mitigate::name_at_teacher(name, distill.layers);
    const auto found = teacher.find(theirs);
    const bool fits = found != teacher.end() && found->second.sizes() == tensor.sizes();
    if (!fits && name.starts_with("encoder.block")) {
      throw usage_error(fmt::format("distill.layers: the teacher has no '{}' of the student's shape", theirs),
                        "A student that begins with the teacher's layers has its width, heads and form.");
    }
    start.emplace_back(name, fits ? found->second : tensor.detach().clone());
  }
  nn::load_model_tensors(model, start, file.string());
}

RunModel open_run_model(const fs::path& run, const std::string& device) {
  const at::Device where = find_device(device);  // refused before anything is read
  RunModel opened{.settings = load_run_settings(run), .encoder = load_encoder(run / "model")};
  opened.settings.run.device = device;  // shadow models and the like are made where this one is
  set_threads(opened.settings.train.threads);
  const fs::path file = run / "model" / "model.safetensors";
  const nn::NamedTensors tensors = nn::read_tensors(file);
  opened.model = make_model_of(opened.settings, opened.encoder,
                               saved_vectors(opened.settings, opened.encoder, tensors),
                               run / "model");
  nn::load_model_tensors(*opened.model, tensors, file.string());
  opened.trainable_values = nn::trainable_values(*opened.model);
  opened.model->eval();
  opened.model->move_to(where);
  return opened;
}

nn::EncodedExamples to_examples(const EncodedData& data) {
  nn::EncodedExamples examples{data.tokens, data.offsets,    data.intents,
                               data.tags,   data.characters, data.character_offsets,
                               data.token_types};
  for (std::int64_t& intent : examples.intents) intent = std::max<std::int64_t>(intent, 0);
  return examples;
}

void write_finding(const Json& request, const core::RunDir& run, const Json& document) {
  if (request.contains("out")) {
    core::write_document(request["out"].get<std::string>(), document);
  } else {
    run.write_audit(document);
  }
}

void write_model_finding(const Json& request, const std::filesystem::path& run, Json& document) {
  if (!run.empty()) {
    document["run"] = run.string();
    write_finding(request, core::RunDir::open(run), document);
  } else if (request.contains("out")) {
    core::write_document(request["out"].get<std::string>(), document);
  }
}

Scores score(nn::Model& model, const EncodedData& data, std::int64_t batch_size) {
  const at::NoGradGuard no_gradients;
  const bool was_training = model.is_training();
  model.eval();
  nn::EncodedExamples examples = to_examples(data);
  // What is not known may be scored as anything; what is no word's tag is not.
  for (std::int64_t& tag : examples.tags) {
    if (tag == -1) tag = 0;
  }
  const bool spans = !data.places.empty();
  auto* masked = dynamic_cast<nn::MaskedModel*>(&model);
  Scores scores;
  for (std::int64_t begin = 0, end = 0; begin < data.size(); begin = end) {
    // By tokens too: a language model has as many logits for each as its vocabulary has words.
    end = nn::batch_end(data.offsets, begin, kScoredTokens, batch_size);
    const nn::PackedBatch batch = nn::collate(examples, nn::consecutive(begin, end));
    const nn::ModelOutput output = model.forward(batch);
    const nn::Prediction predicted = model.decode(batch, output);
    append(scores.loss, doubles_of(output.loss));
    append(scores.intent_loss, doubles_of(output.intent_loss));
    append(scores.slot_loss, doubles_of(output.slot_loss));
    if (masked != nullptr) {
      append(scores.told, masked->counts().told);
      append(scores.correct, masked->counts().correct);
    }
    if (spans) append_ends(output.emissions, scores);
    append(scores.intents, predicted.intent);
    append(scores.tags, predicted.tags);
    for (const double p : doubles_of(predicted.intent_probabilities)) {
      scores.intent_probabilities.push_back(static_cast<float>(p));
    }
  }
  if (spans) {
    mask_windows(data, scores);
  } else {
    mask_unknown(data, scores);
  }
  model.train(was_training);
  return scores;
}

}  // namespace discreet::app
