#include "discreet/nn/pretrained/sequence.h"

#include <cmath>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/formats/safetensors.h"
#include "discreet/nn/pretrained/architecture.h"
#include "discreet/nn/pretrained/weights.h"

namespace discreet::nn {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kNoBound = std::int64_t{1} << 20;

bool is_bart(const formats::PretrainedConfig& config) { return config.form == formats::ModelForm::kBart; }

/// A gated silu is one activation here; the others gate beside themselves.
Activation sequence_activation(const formats::PretrainedConfig& config, bool& gated) {
  const Activation activation = parse_activation(activation_word(config));
  if (!gated || activation != Activation::kSilu) return activation;
  gated = false;
  return Activation::kSwiGlu;
}

/// Our names of one stack's block and BART's. A decoder's rows are written out for each block.
void add_bart_block(std::vector<WeightRow>& rows, bool decoder, const std::string& number) {
  const std::string ours = (decoder ? "decoder.block" : "encoder.block") + number + ".";
  const std::string theirs = (decoder ? "decoder.layers." : "encoder.layers.") + number + ".";
  add_norm(rows, ours + "self_norm", theirs + "self_attn_layer_norm");
  const std::string self = theirs + "self_attn.", cross = theirs + "encoder_attn.";
  add_linear(rows, ours + "qkv", {self + "q_proj", self + "k_proj", self + "v_proj"});
  add_linear(rows, ours + "projection", {self + "out_proj"});
  add_norm(rows, ours + "inner_norm", theirs + "final_layer_norm");
  add_linear(rows, ours + "inner", {theirs + "fc1"});
  add_linear(rows, ours + "outer", {theirs + "fc2"});
  if (!decoder) return;
  add_norm(rows, ours + "cross_norm", theirs + "encoder_attn_layer_norm");
  add_linear(rows, ours + "cross_query", {cross + "q_proj"});
  add_linear(rows, ours + "cross_key_value", {cross + "k_proj", cross + "v_proj"});
  add_linear(rows, ours + "cross_projection", {cross + "out_proj"});
}

void add_t5_block(std::vector<WeightRow>& rows, bool decoder, const std::string& number, bool gated) {
  const std::string ours = (decoder ? "decoder.block" : "encoder.block") + number + ".";
  const std::string theirs = (decoder ? "decoder.block." : "encoder.block.") + number + ".layer.";
  const std::string feed = theirs + (decoder ? "2." : "1."), dense = feed + "DenseReluDense.";
  const std::string self = theirs + "0.SelfAttention.", cross = theirs + "1.EncDecAttention.";
  add_norm(rows, ours + "self_norm", theirs + "0.layer_norm");
  add_linear(rows, ours + "qkv", {self + "q", self + "k", self + "v"});
  add_linear(rows, ours + "projection", {self + "o"});
  add_norm(rows, ours + "inner_norm", feed + "layer_norm");
  add_linear(rows, ours + "inner",
             gated ? std::vector<std::string>{dense + "wi_0", dense + "wi_1"}
                   : std::vector<std::string>{dense + "wi"});
  add_linear(rows, ours + "outer", {dense + "wo"});
  if (!decoder) return;
  add_norm(rows, ours + "cross_norm", theirs + "1.layer_norm");
  add_linear(rows, ours + "cross_query", {cross + "q"});
  add_linear(rows, ours + "cross_key_value", {cross + "k", cross + "v"});
  add_linear(rows, ours + "cross_projection", {cross + "o"});
}

at::Tensor read_floats(const formats::SafetensorsModel& file, const std::string& name) {
  const formats::TensorView& view = file.at(name);
  at::Tensor tensor = at::empty(view.shape, at::kFloat);
  formats::copy_to_floats(view, {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())});
  return tensor;
}

/// The matrices of both stacks: all sizes that memory is taken by.
std::vector<ExpectedShape> sequence_shapes(const EncoderDecoderOptions& options) {
  std::vector<ExpectedShape> shapes{{"shared.weight", {options.vocabulary, options.width}}};
  const std::int64_t width = options.width;
  const bool gated = options.gated || options.activation == Activation::kSwiGlu;
  for (const std::string stack : {"encoder", "decoder"}) {
    const StackOptions& sizes = stack == "encoder" ? options.encoder : options.decoder;
    const std::int64_t inside = options.head_width > 0 ? options.head_width * sizes.heads : width;
    if (options.position_rows > 0) shapes.push_back({stack + ".positions.weight", {options.position_rows, width}});
    if (options.relative_buckets > 0) {
      shapes.push_back({stack + ".relative.weight", {options.relative_buckets, sizes.heads}});
    }
    for (std::int64_t i = 0; i < sizes.layers; ++i) {
      const std::string ours = stack + ".block" + std::to_string(i) + ".";
      shapes.push_back({ours + "qkv.weight", {3 * inside, width}});
      shapes.push_back({ours + "projection.weight", {width, inside}});
      shapes.push_back({ours + "inner.weight", {(gated ? 2 : 1) * sizes.feed_forward, width}});
      shapes.push_back({ours + "outer.weight", {width, sizes.feed_forward}});
    }
  }
  return shapes;
}

/// Both stacks read the one table that is shared here. Throws: kBadData naming a table of a stack's own.
void check_shared_table(const fs::path& folder) {
  const formats::SafetensorsModel file(folder);
  const auto name_of = [&](const std::string& name) {
    return file.contains("model." + name) ? "model." + name : file.contains(name) ? name : std::string();
  };
  const std::string shared = name_of("shared.weight");
  if (shared.empty()) return;
  for (const char* stack : {"encoder", "decoder"}) {
    const std::string own = name_of(std::string(stack) + ".embed_tokens.weight");
    if (own.empty() || read_floats(file, own).equal(read_floats(file, shared))) continue;
    throw bad_data(folder.string() + ": tensor '" + own + "' differs from '" + shared + "'",
                   "Encoder and decoder with tables of tokens of their own are not supported; both read the shared one here.");
  }
}

}  // namespace

bool goes_from_text_to_text(const formats::PretrainedConfig& config) {
  return is_bart(config) || (config.form == formats::ModelForm::kT5 && !config.t5.encoder_only);
}

EncoderDecoderOptions sequence_options(const formats::PretrainedConfig& config) {
  EncoderDecoderOptions options;
  options.vocabulary = config.vocab_size;
  options.width = config.hidden_size;
  options.encoder = {config.layers, config.heads, config.intermediate_size};
  options.tied = config.tie_word_embeddings;
  options.longest = config.max_tokens().value_or(kNoBound);
  if (is_bart(config)) {
    options.decoder = {config.bart.decoder_layers, config.bart.decoder_heads,
                       config.bart.decoder_intermediate_size};
    options.pre_norm = options.final_norm = false;
    options.embedding_norm = true;
    options.norm_epsilon = 1e-5;
    options.embedding_scale =
        config.bart.scale_embedding ? std::sqrt(static_cast<double>(config.hidden_size)) : 1;
    options.position_offset = config.position_offset();
    options.position_rows = config.max_position_embeddings + options.position_offset;
    options.trainable_output_bias = false;
    options.attention_dropout = config.attention_dropout;
    options.activation = sequence_activation(config, options.gated);
    return options;
  }
  if (!goes_from_text_to_text(config)) {
    throw bad_data("model_type '" + std::string(formats::model_type_name(config.form)) +
                       "' goes from no text to another",
                   "Known are bart and t5 with a decoder.");
  }
  options.decoder = {config.t5.decoder_layers, config.heads, config.intermediate_size};
  options.head_width = config.t5.head_size;
  options.norm = NormKind::kRms;
  options.norm_epsilon = config.norm_eps;
  options.bias = options.output_bias = false;
  options.gated = config.t5.gated;
  options.activation = sequence_activation(config, options.gated);
  options.relative_buckets = config.t5.relative_buckets;
  options.relative_farthest = config.t5.relative_max_distance;
  options.attention_scale = 1;
  options.attention_dropout = config.hidden_dropout;  // T5 has one rate for all of its dropouts
  if (config.t5.scale_decoder_outputs) {
    options.logits_scale = 1 / std::sqrt(static_cast<double>(config.hidden_size));
  }
  return options;
}

std::shared_ptr<EncoderDecoder> make_sequence_model(const fs::path& folder, core::ReproducibleRng& rng) {
  const formats::PretrainedConfig config = read_source_config(folder);
  formats::check_model_class(config);
  EncoderDecoderOptions options = sequence_options(config);
  check_shapes(sequence_source(config), sequence_shapes(options), folder, true);
  options.tied = ties_output_layer(folder, config);
  return std::make_shared<EncoderDecoder>(options, rng);
}

PretrainedSource sequence_source(const formats::PretrainedConfig& config) {
  PretrainedSource source;
  source.config = config;
  const EncoderDecoderOptions options = sequence_options(config);
  source.form.heads = source.form.kv_heads = options.encoder.heads;
  source.form.head_width =
      options.head_width > 0 ? options.head_width : options.width / options.encoder.heads;
  source.form.feed_forward = options.encoder.feed_forward;
  for (std::int64_t i = 0; i < options.encoder.layers; ++i) source.form.blocks.push_back(i);
  Architecture& names = source.architecture;
  names.rows.push_back({.ours = "shared.weight", .theirs = {"shared.weight"}});
  names.passed_over = {"*encoder.embed_tokens.weight", "*decoder.embed_tokens.weight",
                       "decoder.block.*.EncDecAttention.relative_attention_bias.weight"};
  HeadForm head{PretrainedHead::kNextToken, is_bart(config) ? "BartForConditionalGeneration"
                                                            : "T5ForConditionalGeneration"};
  if (is_bart(config)) {
    names.prefix = "model.";
    for (const std::string stack : {"encoder", "decoder"}) {
      names.rows.push_back({.ours = stack + ".positions.weight", .theirs = {stack + ".embed_positions.weight"}});
      add_norm(names.rows, stack + ".embedding_norm", stack + ".layernorm_embedding");
    }
    add_bart_block(names.rows, false, "{}");
    for (std::int64_t i = 0; i < options.decoder.layers; ++i) {
      add_bart_block(names.rows, true, std::to_string(i));
    }
    head.rows.push_back({.ours = "shared.bias", .theirs = {"final_logits_bias"}, .base = false});
    head.rows.push_back({.ours = "output.bias", .theirs = {"final_logits_bias"}, .base = false});
  } else {
    for (const std::string stack : {"encoder", "decoder"}) {
      names.rows.push_back(
          {.ours = stack + ".relative.weight",
           .theirs = {stack + ".block.0.layer.0.SelfAttention.relative_attention_bias.weight"}});
      add_norm(names.rows, stack + ".final_norm", stack + ".final_layer_norm");
    }
    const bool gated = config.t5.gated;
    add_t5_block(names.rows, false, "{}", gated);
    for (std::int64_t i = 0; i < options.decoder.layers; ++i) {
      add_t5_block(names.rows, true, std::to_string(i), gated);
    }
  }
  // A tied output layer may stand in the file once more.
  head.rows.push_back({.ours = "output.weight", .theirs = {"lm_head.weight"}, .base = false});
  names.heads.push_back(std::move(head));
  return source;
}

bool ties_output_layer(const fs::path& folder, const formats::PretrainedConfig& config) {
  const formats::SafetensorsModel file(folder);
  if (file.contains("output.weight")) return false;  // under our names, in a run
  if (!file.contains("lm_head.weight")) return true;
  const std::string table = file.contains("model.shared.weight") ? "model.shared.weight" : "shared.weight";
  if (!file.contains(table)) return config.tie_word_embeddings;
  return read_floats(file, "lm_head.weight").equal(read_floats(file, table));
}

void load_sequence_weights(EncoderDecoder& model, const formats::PretrainedConfig& config,
                           const fs::path& folder) {
  check_shared_table(folder);
  load_weights(model, sequence_source(config), folder, {.keep = {"shared.bias", "output.bias"}});
  if (!model.options().output_bias) return;
  const formats::SafetensorsModel file(folder);
  const at::NoGradGuard no_grad;
  for (auto& item : model.named_parameters()) {
    if (item.key() != "shared.bias" && item.key() != "output.bias") continue;
    if (!file.contains("final_logits_bias")) {
      item.value().zero_();
      continue;
    }
    const at::Tensor bias = read_floats(file, "final_logits_bias");
    if (bias.numel() != item.value().numel()) {
      throw bad_data(folder.string() + ": tensor 'final_logits_bias' has " + std::to_string(bias.numel()) +
                     " values, the vocabulary " + std::to_string(item.value().numel()));
    }
    item.value().copy_(bias.view(-1));
  }
}

PretrainedSequence open_pretrained_sequence(const fs::path& folder) {
  core::ReproducibleRng rng(0, "parameters");
  PretrainedSequence opened{read_source_config(folder), make_sequence_model(folder, rng)};
  load_sequence_weights(*opened.model, opened.config, folder);
  opened.model->eval();
  return opened;
}

void save_pretrained_sequence(const fs::path& folder, const EncoderDecoder& model,
                              const formats::PretrainedConfig& config,
                              const formats::WeightWriterOptions& options) {
  fs::create_directories(folder);
  const PretrainedSource source = sequence_source(config);
  formats::PretrainedConfig written = config;
  written.architectures = {source.architecture.heads.front().class_name};
  written.dtype = dtype_word(options.dtype);
  written.tie_word_embeddings = model.options().tied;
  NamedTensors tensors = weights_for_file(model, source, source.architecture.heads.front());
  for (auto& [name, tensor] : tensors) {
    if (name == "final_logits_bias") tensor = tensor.view({1, -1});
  }
  core::write_file_atomically(folder / "config.json", formats::to_json(written).dump(2) + "\n");
  write_weight_files(folder, tensors, options);
}

}  // namespace discreet::nn
