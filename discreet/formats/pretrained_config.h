#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "discreet/core/json.h"

namespace discreet::formats {

/// The `model_type`s that are understood: "bert", "roberta", "xlm-roberta" (the same computation),
/// "distilbert", "electra", "albert", "gpt2", "llama", "mistral" (without a sliding window),
/// "bart", "t5". In the order of `model_type_names`.
enum class ModelForm {
  kBert,
  kRoberta,
  kXlmRoberta,
  kDistilBert,
  kElectra,
  kAlbert,
  kGpt2,
  kLlama,
  kMistral,
  kBart,
  kT5,
};
/// "bert", as it stands in config.json.
std::string_view model_type_name(ModelForm form);
std::vector<std::string> model_type_names();

/// What a name of an activation computes. Names that compute the same are one value:
/// gelu, gelu_python (with erf); gelu_new, gelu_fast, gelu_pytorch_tanh, gelu_python_tanh,
/// gelu_accurate (with tanh); quick_gelu (x sigmoid(1.702 x)); silu, swish.
enum class Activation { kGelu, kGeluTanh, kQuickGelu, kRelu, kSilu, kTanh };
/// nullopt for a name that is not among those above.
std::optional<Activation> find_activation(std::string_view name);

/// Rotary positions. Frequencies of a head of D values: theta^(-2i/D), i < D/2; then
/// linear: divided by `factor`;
/// llama3: with L = 2 pi / frequency, C = original_max_positions: kept where L < C / high, divided
/// by `factor` where L > C / low, else (1 - s) f / factor + s f with s = (C / L - low) / (high -
/// low);
/// dynamic: as they are up to max_position_embeddings; beyond it they would depend on the batch's longest text,
/// and no text goes there;
/// yarn: divided by `factor` where a value turns less than beta_slow times over the original length, kept where
/// more than beta_fast times, a linear ramp over the dimensions between. Ref: Peng et al. 2023, YaRN.
struct RopeConfig {
  enum class Type { kDefault, kLinear, kLlama3, kDynamic, kYarn };
  Type type = Type::kDefault;
  double theta = 10000.0;
  double factor = 1.0;
  double low_freq_factor = 1.0;
  double high_freq_factor = 4.0;
  std::int64_t original_max_positions = 0;  ///< llama3 and yarn.
  double beta_fast = 32.0, beta_slow = 1.0;   ///< yarn: turns over the original length.
  std::optional<double> attention_factor;     ///< yarn; absent: from factor, mscale, mscale_all_dim.
  double mscale = 0.0, mscale_all_dim = 0.0;  ///< yarn; 0: none.
  bool truncate = true;                       ///< yarn: the ramp begins and ends at whole dimensions.

  /// The turn of each pair of values from one position to the next, [width / 2].
  std::vector<double> frequencies(std::int64_t width) const;
  /// What queries and keys are multiplied by as they are turned: 1 except with yarn.
  double attention_scaling() const;
};

/// A config.json of the Hugging Face layout, read, checked and completed with the defaults of the
/// `transformers` configuration classes (5.x; older spellings are read too). One struct for all
/// forms, in one vocabulary: what a form calls `n_embd`, `dim` or `d_model` is `hidden_size` here.
/// The sub-struct of a form has a meaning for that form alone.
struct PretrainedConfig {
  ModelForm form = ModelForm::kBert;
  std::vector<std::string> architectures;  ///< "BertForMaskedLM"; may be empty.
  std::string dtype = "float32";           ///< Of the stored weights, as the file claims.

  std::int64_t vocab_size = 0;
  std::int64_t hidden_size = 0;
  std::int64_t layers = 0;             ///< Of the encoder, for bart and t5.
  std::int64_t heads = 0;              ///< Of the encoder, for bart.
  std::int64_t intermediate_size = 0;  ///< Width between the two (or three) feed-forward matrices.
  std::string activation = "gelu";     ///< Hugging Face's name; `find_activation` knows it.
  double norm_eps = 1e-12;             ///< Of layer norms, or of the RMS norms of llama and t5.
  /// As configured: for roberta it counts `position_offset` rows that no token uses, for bart it
  /// doesn't count them; t5 has none (0).
  std::int64_t max_position_embeddings = 0;
  double initializer_range = 0.02;  ///< Standard deviation of new weights; t5: its factor.
  /// The output layer uses the embedding table. t5 of transformers 5 always says true: there a
  /// `lm_head.weight` in the weights that differs from the table decides.
  bool tie_word_embeddings = true;

  double hidden_dropout = 0.0;
  double attention_dropout = 0.0;
  double activation_dropout = 0.0;           ///< bart: behind the activation.
  std::optional<double> classifier_dropout;  ///< Absent: hidden_dropout.

  std::optional<std::int64_t> bos_token_id, pad_token_id, decoder_start_token_id;
  std::vector<std::int64_t> eos_token_ids;
  std::optional<std::int64_t> forced_bos_token_id;
  std::vector<std::int64_t> forced_eos_token_ids;

  std::vector<std::string> labels;  ///< id2label in order; never empty.
  /// "", "regression", "single_label_classification" or "multi_label_classification".
  std::string problem_type;

  /// bert, roberta, xlm-roberta, electra, albert, distilbert.
  struct Encoder {
    std::int64_t type_vocab_size = 2;  ///< Segments; 0 for distilbert.
    std::int64_t embedding_size = 0;   ///< electra, albert; elsewhere hidden_size.
    std::int64_t hidden_groups = 1;    ///< albert: layers of one group share their weights;
    std::int64_t inner_groups = 1;     ///< layers within a group.
    double qa_dropout = 0.1;           ///< distilbert.
  } encoder;

  struct Gpt2 {
    double embedding_dropout = 0.1;
    bool scale_attention = true;          ///< Scores are divided by sqrt(head size).
    bool scale_by_inverse_layer = false;  ///< And by the layer's number, from 1.
    bool reorder_and_upcast = false;      ///< No effect in float32.
  } gpt2;

  /// llama and mistral.
  struct Llama {
    std::int64_t key_value_heads = 0;
    std::int64_t head_size = 0;
    bool attention_bias = false;  ///< Of all four projections.
    bool mlp_bias = false;
    RopeConfig rope;
  } llama;

  /// bart: embeddings normed, then layers with the norm behind each residual.
  struct Bart {
    std::int64_t decoder_layers = 12, decoder_heads = 16, decoder_intermediate_size = 4096;
    bool scale_embedding = false;  ///< Token vectors times sqrt(hidden_size).
    double encoder_layerdrop = 0.0, decoder_layerdrop = 0.0;  ///< In training alone.
  } bart;

  struct T5 {
    std::int64_t decoder_layers = 6;
    std::int64_t head_size = 64;  ///< heads * head_size need not be hidden_size.
    std::int64_t relative_buckets = 32;
    std::int64_t relative_max_distance = 128;
    bool gated = false;                 ///< activation(x W0) * (x W1) instead of activation(x W).
    bool scale_decoder_outputs = true;  ///< Times hidden_size^-0.5 before the output layer.
    bool encoder_only = false;          ///< is_encoder_decoder: false.
  } t5;

  /// How a sequence becomes one vector in heads of the old kind (electra's multiple choice, gpt2's
  /// double head), kept for the writer.
  struct Summary {
    std::string type;
    bool use_projection = true;
    std::optional<std::string> activation;
    bool projection_to_labels = true;
    double dropout = 0.1;
  } summary;

  /// Keys that are not known, with their values: nothing here is computed with, all of it is
  /// written again.
  Json ignored = Json::object();

  bool is_encoder() const { return form <= ModelForm::kAlbert; }
  bool is_causal() const { return form >= ModelForm::kGpt2 && form <= ModelForm::kMistral; }
  bool is_sequence_to_sequence() const { return form >= ModelForm::kBart; }
  /// The row of the position table that the first token takes: pad_token_id + 1 for roberta (where
  /// rows are counted over the tokens that are not padding), 2 for bart, else 0.
  std::int64_t position_offset() const;
  /// Rows of the position table; 0 where there is none (llama, mistral, t5).
  std::int64_t position_rows() const;
  /// The longest sequence; absent where there is no limit (t5). For llama the length it was trained
  /// for.
  std::optional<std::int64_t> max_tokens() const;
};

/// What transformers' class of this form has when nothing is given.
PretrainedConfig default_pretrained_config(ModelForm form);

/// `path`: a folder with config.json, or the file. Throws: kRuntime; kBadData naming the file, the
/// key, what was found and expected; and for what a configuration asks for and we lack, with the
/// key's name (unknown model_type, relative_key positions, sliding windows, decoders with
/// cross-attention, experts, pruned heads, quantised weights, other rotary scalings, …).
PretrainedConfig read_pretrained_config(const std::filesystem::path& path);
PretrainedConfig parse_pretrained_config(const Json& json, const std::string& origin);

/// The classes of a form that `architectures` may name here, as transformers calls them.
std::vector<std::string> model_classes(ModelForm form);
/// Throws: kBadData for a configuration whose first class is not among them (none stands for the bare model), and for
/// T5's encoder alone.
void check_model_class(const PretrainedConfig& config);

/// config.json that transformers (4 and 5) reads as the same model. Every field of the form is
/// written, defaults too.
Json to_json(const PretrainedConfig& config);

}  // namespace discreet::formats
