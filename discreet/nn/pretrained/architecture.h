#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "discreet/formats/pretrained_config.h"

// What is known of a pretrained form without a tensor in sight: what it computes, and what its weights
// are called in the files that the world exchanges. One form is one file in architecture/.
namespace discreet::nn {

/// What stands on top of a model.
enum class PretrainedHead {
  kNone,          ///< Rows of the last layer.
  kMaskedTokens,  ///< Logits of the token that stands under a mask.
  kNextToken,     ///< Logits of the token that comes next.
  kSequence,      ///< One row of logits for an example.
  kTokens,        ///< A row of logits for each token.
  kSpan,          ///< The same with two columns: where an answer begins and ends.
};

/// What an encoder is built from, in one vocabulary for all forms.
struct PretrainedForm {
  std::int64_t vocabulary = 0, width = 0;
  std::int64_t embedding_width = 0;  ///< Of words, positions and types; projected where not `width`.
  std::vector<std::int64_t> blocks;  ///< [layers] the block that each uses; equal ones share weights.
  std::int64_t heads = 0, kv_heads = 0, head_width = 0, feed_forward = 0;
  std::int64_t position_rows = 0;    ///< 0: no table of positions.
  std::int64_t position_offset = 0;  ///< Row of the first token.
  /// The id of padding, -1 for none. Where positions are counted from it (RoBERTa) a token of this id takes the
  /// row before the first and counts for none; a causal form's example is classified by its last other token.
  std::int64_t padding = -1;
  std::int64_t longest = 0;          ///< Tokens of an example at most.
  std::int64_t token_types = 0;      ///< 0: no table of types.
  bool causal = false, pre_norm = false, rms_norm = false;
  bool embedding_norm = false, embedding_projection = false, final_norm = false;
  double norm_epsilon = 1e-12;
  std::string activation;  ///< As `parse_activation` knows it.
  bool gated = false;      ///< activation(x W0) x W1 instead of activation(x W).
  bool qkv_bias = true, projection_bias = true, feed_forward_bias = true;
  std::vector<double> attention_scales;    ///< [blocks] of the scores; empty: 1 / sqrt(head_width).
  double attention_dropout = 0;            ///< Of attention weights, where a run drops anything.
  bool rotary = false;
  std::vector<double> rotary_frequencies;  ///< [head_width / 2] where rotary.

  /// The dense layer between an example's row and its classifier; "": none, the last token's row is
  /// taken instead of the first.
  std::string pooler_activation;
  bool tied = true;                  ///< The table of words is the output layer too.
  bool output_bias = false;          ///< Of the output layer.
  std::string transform_activation;  ///< Of the dense layer before the output layer; "": there is none.
};

/// One parameter of ours and what a file calls it.
///
/// `ours` is its name in a model of kind "pretrained"; "{}" stands for a block's number on both sides.
/// Several names in `theirs`: their tensors stand one below the other in ours (queries, keys, values).
struct WeightRow {
  std::string ours;
  std::vector<std::string> theirs;
  std::string also{};        ///< Read where theirs[0] is not there.
  bool transposed = false;   ///< [in, out] in the file, [out, in] here.
  bool base = true;          ///< The prefix of the bare model stands before the names.
};

/// A head, under the class name that config.json's `architectures` has.
struct HeadForm {
  PretrainedHead head;
  std::string class_name;
  std::vector<WeightRow> rows{};
};

/// A registry entry of kind "architecture", under the `model_type` of config.json.
struct Architecture {
  std::string prefix;            ///< "bert.": before the bare model's names where a head is on top.
  std::vector<WeightRow> rows;   ///< Of the bare model.
  std::vector<HeadForm> heads;   ///< The first of a head is the one that is written.
  /// Patterns of tensors that may stand in a file and are not used: buffers, copies of tied weights,
  /// heads that we lack.
  std::vector<std::string> passed_over;
  /// Throws: kBadData naming what the configuration asks for and we lack.
  PretrainedForm (*form)(const formats::PretrainedConfig& config);
  /// What stands for "{}" in `theirs`; null: the number itself.
  std::string (*block_name)(const formats::PretrainedConfig& config, std::int64_t block) = nullptr;
};

/// What a registry entry's `make` holds.
using MakeArchitecture = Architecture (*)();

/// The architecture of a configuration. Throws: kBadData naming its model_type and those that are known.
Architecture architecture_of(const formats::PretrainedConfig& config);

/// The head that config.json's `architectures` names; the bare model's if it names none.
/// Throws: kBadData naming the class and those that are known.
const HeadForm& head_of(const Architecture& architecture, const formats::PretrainedConfig& config);
/// How the form writes a head. Throws: kUsage if it has none of that sort.
const HeadForm& head_of(const Architecture& architecture, PretrainedHead head,
                        std::string_view model_type);

/// A folder's configuration and what is known of its form.
struct PretrainedSource {
  formats::PretrainedConfig config;
  Architecture architecture;
  PretrainedForm form;
};

/// The configuration of a folder of the Hugging Face layout, or of RUN/model of a run whose model came
/// from one (there it stands under "pretrained" in config.json). Throws: kBadData.
formats::PretrainedConfig read_source_config(const std::filesystem::path& folder);
/// The same with what is known of the form.
/// Throws: kBadData naming what config.json asks for and we lack.
PretrainedSource open_source(const std::filesystem::path& folder);

// What forms share.

/// A configuration's activation as `parse_activation` knows it. Throws: kBadData for one that is not known.
std::string activation_word(const formats::PretrainedConfig& config);
/// Vocabulary, sizes and activation; no positions, biases everywhere.
PretrainedForm common_form(const formats::PretrainedConfig& config);
/// The same for the encoders: positions, types, norms after each part, a masked-token head.
PretrainedForm encoder_form(const formats::PretrainedConfig& config);
/// Weight and bias: {ours + ".weight", {theirs + ".weight", …}} and the same for the bias.
void add_linear(std::vector<WeightRow>& rows, const std::string& ours,
                const std::vector<std::string>& theirs, bool base = true, bool transposed = false);
/// The same for a norm: gamma and beta, or gamma alone.
void add_norm(std::vector<WeightRow>& rows, const std::string& ours, const std::string& theirs,
              bool base = true, bool beta = true);
/// Embeddings and blocks under the names that BERT began with.
std::vector<WeightRow> bert_names();
/// Heads that are one linear layer: of tokens ("classifier") and of spans ("qa_outputs").
std::vector<WeightRow> linear_head(const std::string& ours, const std::string& theirs);
/// The dense layer and the norm before an output layer, and that layer, tied or not.
std::vector<WeightRow> masked_head(const std::string& dense, const std::string& norm,
                                   const std::string& decoder, const std::string& bias);

}  // namespace discreet::nn
