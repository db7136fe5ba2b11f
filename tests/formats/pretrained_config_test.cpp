#include "discreet/formats/pretrained_config.h"

#include <gtest/gtest.h>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "tests/core/temporary_folder.h"

namespace discreet::formats {
namespace {

PretrainedConfig parsed(const std::string& text) {
  return parse_pretrained_config(core::parse_json(text, "c"), "c");
}

/// The message of the refusal.
std::string refusal(const std::string& text) {
  try {
    parsed(text);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kBadData) << e.what();
    return e.what();
  }
  ADD_FAILURE() << "accepted: " << text;
  return "";
}

/// `{"model_type": type, rest}` is refused with a message that has `part`.
void expect_refused(const std::string& type, const std::string& rest, const std::string& part) {
  const std::string message = refusal(R"({"model_type": ")" + type + R"(", )" + rest + "}");
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

TEST(PretrainedConfig, AbsentKeysHaveTheDefaultsOfTransformers) {
  const auto bert = parsed(R"({"model_type": "bert"})");
  EXPECT_EQ(bert.hidden_size, 768);
  EXPECT_EQ(bert.encoder.embedding_size, 768);
  EXPECT_EQ(bert.activation, "gelu");
  EXPECT_EQ(bert.norm_eps, 1e-12);
  EXPECT_EQ(bert.labels, (std::vector<std::string>{"LABEL_0", "LABEL_1"}));
  EXPECT_EQ(bert.pad_token_id, 0);
  EXPECT_TRUE(bert.tie_word_embeddings);
  const auto llama =
      parsed(R"({"model_type": "llama", "hidden_size": 64, "num_attention_heads": 8})");
  EXPECT_EQ(llama.llama.head_size, 8);
  EXPECT_EQ(llama.llama.key_value_heads, 8);
  EXPECT_FALSE(llama.tie_word_embeddings);
  EXPECT_EQ(llama.llama.rope.theta, 10000.0);
  const auto mistral = parsed(R"({"model_type": "mistral", "sliding_window": null})");
  EXPECT_EQ(mistral.llama.key_value_heads, 8);
  const auto gpt2 = parsed(R"({"model_type": "gpt2", "n_embd": 32, "n_head": 2, "n_inner": null})");
  EXPECT_EQ(gpt2.intermediate_size, 128);
  EXPECT_EQ(gpt2.eos_token_ids, std::vector<std::int64_t>{50256});
  EXPECT_EQ(parsed(R"({"model_type": "bart"})").labels.size(), 3u);
  const auto t5 = parsed(R"({"model_type": "t5", "num_layers": 3})");
  EXPECT_EQ(t5.t5.decoder_layers, 3);
  EXPECT_EQ(t5.activation, "relu");
  EXPECT_FALSE(t5.max_tokens().has_value());
}

TEST(PretrainedConfig, PositionsCountFromWhereEachFormBegins) {
  const auto roberta = parsed(R"({"model_type": "roberta", "max_position_embeddings": 514})");
  EXPECT_EQ(roberta.position_offset(), 2);
  EXPECT_EQ(roberta.position_rows(), 514);
  EXPECT_EQ(roberta.max_tokens(), 512);
  const auto bart = parsed(R"({"model_type": "bart", "max_position_embeddings": 1024})");
  EXPECT_EQ(bart.position_rows(), 1026);
  EXPECT_EQ(bart.max_tokens(), 1024);
  expect_refused("roberta", R"("pad_token_id": null)", "pad_token_id = null: expected an id");
  expect_refused("roberta", R"("max_position_embeddings": 2)", "more than pad_token_id + 1 = 2");
}

TEST(PretrainedConfig, RotaryPositionsInBothSpellings) {
  const auto old = parsed(
      R"({"model_type": "llama", "rope_theta": 5e5, "rope_scaling": {"type": "linear", "factor": 2}})");
  EXPECT_EQ(old.llama.rope.type, RopeConfig::Type::kLinear);
  EXPECT_EQ(old.llama.rope.theta, 5e5);
  EXPECT_EQ(old.llama.rope.factor, 2.0);
  const auto newer = parsed(R"({"model_type": "llama", "max_position_embeddings": 77,
      "rope_parameters": {"rope_type": "llama3", "rope_theta": 1e6, "factor": 8,
                          "low_freq_factor": 1, "high_freq_factor": 4}})");
  EXPECT_EQ(newer.llama.rope.type, RopeConfig::Type::kLlama3);
  EXPECT_EQ(newer.llama.rope.theta, 1e6);
  EXPECT_EQ(newer.llama.rope.original_max_positions, 77);
  expect_refused("llama", R"("rope_scaling": {"rope_type": "longrope", "factor": 2})",
                 "rope_scaling.rope_type = \"longrope\" is not supported");
  expect_refused("llama", R"("rope_scaling": {"type": "linear"})", "has no \"factor\"");
  expect_refused("llama", R"("partial_rotary_factor": 0.5)", "all of a head is rotated");
  expect_refused("llama", R"("rope_parameters": {"full_attention": {"rope_theta": 1}})",
                 "positions that differ between layers");
  expect_refused("llama",
                 R"("rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 4,
                                     "high_freq_factor": 4})",
                 "more than low_freq_factor");
}

TEST(PretrainedConfig, YarnsNumbersAreTransformers) {
  // By transformers 5.24, _compute_yarn_parameters, for heads of 16.
  const auto yarn = parsed(R"({"model_type": "llama", "max_position_embeddings": 64,
      "rope_scaling": {"type": "yarn", "rope_theta": 100, "factor": 4, "beta_fast": 2, "beta_slow": 0.5,
                       "original_max_position_embeddings": 8}})");
  const RopeConfig& rope = yarn.llama.rope;
  EXPECT_EQ(rope.type, RopeConfig::Type::kYarn);
  EXPECT_EQ(rope.original_max_positions, 8);
  EXPECT_NEAR(rope.attention_scaling(), 1.138629436111989, 1e-6);
  const std::vector<double> expected{1, 0.351463318, 0.079056941, 0.0444569848, 0.0250000004, 0.0140585322, 0.00790569466, 0.00444569858};
  const auto found = rope.frequencies(16);
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-6) << i;
  // What is written reads back as the same.
  const auto again = parse_pretrained_config(to_json(yarn), "again");
  EXPECT_EQ(to_json(again), to_json(yarn));
  EXPECT_EQ(again.llama.rope.frequencies(16), found);
  expect_refused("llama", R"("rope_scaling": {"type": "yarn", "factor": 2, "beta_fast": 1, "beta_slow": 2})",
                 "at least beta_slow");
  expect_refused("llama", R"("rope_scaling": {"type": "yarn", "factor": null})", "factor");
  // Dynamic scaling begins beyond max_position_embeddings, where no text goes here.
  const auto dynamic = parsed(R"({"model_type": "llama", "rope_scaling": {"type": "dynamic", "factor": 2}})");
  EXPECT_EQ(dynamic.llama.rope.frequencies(8), RopeConfig{}.frequencies(8));
  EXPECT_EQ(dynamic.llama.rope.attention_scaling(), 1);
}

TEST(PretrainedConfig, FeedForwardOfT5) {
  const auto gated = parsed(R"({"model_type": "t5", "feed_forward_proj": "gated-gelu",
                                "tie_word_embeddings": false, "dense_act_fn": "gelu_new"})");
  EXPECT_TRUE(gated.t5.gated);
  EXPECT_EQ(gated.activation, "gelu_new");
  // Version 1.1 doesn't scale the decoder's output; only the untied layer says so.
  EXPECT_FALSE(gated.t5.scale_decoder_outputs);
  EXPECT_TRUE(parsed(R"({"model_type": "t5"})").t5.scale_decoder_outputs);
  const auto written_by_5 = parsed(
      R"({"model_type": "t5", "tie_word_embeddings": true, "scale_decoder_outputs": false})");
  EXPECT_FALSE(written_by_5.t5.scale_decoder_outputs);
  EXPECT_EQ(parsed(R"({"model_type": "t5", "feed_forward_proj": "gated-silu"})").activation,
            "silu");
  expect_refused("t5", R"("feed_forward_proj": "wide-relu")", "an activation or gated-ACTIVATION");
  expect_refused("t5", R"("dense_act_fn": "gelu")", "as feed_forward_proj = \"relu\" says");
}

TEST(PretrainedConfig, LabelsStandInTheOrderOfTheirNumbers) {
  const auto config = parsed(
      R"({"model_type": "bert", "id2label": {"1": "b", "0": "a", "2": "c"}, "num_labels": 7,
          "problem_type": "multi_label_classification"})");
  EXPECT_EQ(config.labels, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(config.problem_type, "multi_label_classification");
  EXPECT_EQ(parsed(R"({"model_type": "bert", "num_labels": 3})").labels.back(), "LABEL_2");
  expect_refused("bert", R"("id2label": {"0": "a", "2": "c"})", "a text for each of 0 to 1, once");
  expect_refused("bert", R"("id2label": {"0": "a", "00": "c"})", "once");
  expect_refused("bert", R"("id2label": {"0": 3})", "a text for each");
  expect_refused("bert", R"("problem_type": "ranking")", "problem_type");
}

TEST(PretrainedConfig, WhatIsLackedIsRefusedByName) {
  EXPECT_EQ(refusal(R"({"model_type": "gemma"})"), "c: model_type = \"gemma\" is not supported");
  EXPECT_EQ(refusal("{}"), "c: has no \"model_type\"");
  expect_refused("bert", R"("position_embedding_type": "relative_key")", "position_embedding_type");
  expect_refused("bert", R"("is_decoder": true)", "an encoder that is used as a causal model");
  expect_refused("gpt2", R"("add_cross_attention": true)", "attends to another model");
  expect_refused("bert", R"("pruned_heads": {"0": [1]})", "pruned_heads");
  expect_refused("llama", R"("quantization_config": {"bits": 4})", "quantised weights");
  expect_refused("llama", R"("num_local_experts": 8)", "mixtures of experts");
  expect_refused("llama", R"("layer_types": ["full_attention", "sliding_attention"])",
                 "layer_types");
  expect_refused("mistral", R"("vocab_size": 3)", "mistral's default");
  expect_refused("mistral", R"("sliding_window": 128)", "attention within a window");
  expect_refused("mistral", R"("sliding_window": null, "attention_bias": true)", "no biases");
  expect_refused("bart", R"("normalize_before": true)", "the norm before each part");
  expect_refused("bart", R"("is_encoder_decoder": false)", "is_encoder_decoder");
  expect_refused("bert", R"("hidden_act": "relu6")", "the activation \"relu6\" is not supported");
  expect_refused("bert", R"("torch_dtype": "int8")", "dtype");
}

TEST(PretrainedConfig, ValuesThatCannotBeAreRefused) {
  expect_refused("bert", R"("hidden_size": 0)", "hidden_size = 0: expected an integer from 1");
  expect_refused("bert", R"("hidden_size": 12.5)", "an integer");
  expect_refused("bert", R"("hidden_size": 18446744073709551615)", "an integer");
  expect_refused("bert", R"("hidden_size": "64")", "an integer");
  expect_refused("bert", R"("num_attention_heads": 5)", "a divisor of the hidden size = 768");
  expect_refused("bert", R"("hidden_dropout_prob": 1.5)", "a number from 0 to 1");
  expect_refused("bert", R"("pad_token_id": 30522)", "less than vocab_size");
  expect_refused("llama", R"("num_key_value_heads": 5)", "a divisor of num_attention_heads = 32");
  expect_refused("llama", R"("head_dim": 7)", "an even number");
  expect_refused("gpt2", R"("n_embd": 64, "hidden_size": 32)", "another name of it");
  expect_refused("albert", R"("num_hidden_groups": 13)", "at most num_hidden_layers");
}

TEST(PretrainedConfig, UnknownKeysAreListedAndHarmlessOnesAreNot) {
  const auto config = parsed(
      R"({"model_type": "bert", "use_cache": true, "transformers_version": "4.1",
          "my_own": {"a": [1]}, "num_beams": 4})");
  EXPECT_EQ(config.ignored.dump(), R"({"my_own":{"a":[1]}})");
  EXPECT_EQ(to_json(config)["my_own"].dump(), R"({"a":[1]})");
}

/// Written and read again, every form is what it was, with every field away from its default.
TEST(PretrainedConfig, WhatIsWrittenReadsBackEqual) {
  for (const char* text :
       {R"({"model_type": "bert", "architectures": ["BertForMaskedLM"], "hidden_size": 32,
            "num_attention_heads": 2, "hidden_act": "relu", "classifier_dropout": 0.3,
            "id2label": {"0": "x", "1": "y", "2": "x"}, "torch_dtype": "float16",
            "layer_norm_eps": 1e-7, "problem_type": "regression"})",
        R"({"model_type": "xlm-roberta", "type_vocab_size": 1, "eos_token_id": [3, 4]})",
        R"({"model_type": "distilbert", "dim": 24, "n_heads": 3, "qa_dropout": 0.4,
            "seq_classif_dropout": 0.5, "activation": "gelu_new"})",
        R"({"model_type": "electra", "embedding_size": 16, "summary_activation": null,
            "summary_use_proj": false, "summary_last_dropout": 0.2})",
        R"({"model_type": "albert", "num_hidden_groups": 2, "inner_group_num": 3,
            "classifier_dropout_prob": 0.25, "embedding_size": 8})",
        R"({"model_type": "gpt2", "n_inner": 100, "scale_attn_by_inverse_layer_idx": true,
            "tie_word_embeddings": false, "scale_attn_weights": false, "n_positions": 99,
            "embd_pdrop": 0.3, "reorder_and_upcast_attn": true})",
        R"({"model_type": "llama", "num_key_value_heads": 4, "head_dim": 6, "attention_bias": true,
            "mlp_bias": true, "rope_theta": 7, "rope_scaling": {"rope_type": "llama3", "factor": 3,
            "low_freq_factor": 1.5, "high_freq_factor": 5, "original_max_position_embeddings": 9}})",
        R"({"model_type": "mistral", "sliding_window": null, "num_key_value_heads": 2})",
        R"({"model_type": "bart", "decoder_layers": 3, "decoder_attention_heads": 8,
            "decoder_ffn_dim": 7, "scale_embedding": true, "forced_bos_token_id": 5,
            "decoder_layerdrop": 0.1, "init_std": 0.5, "activation_dropout": 0.3})",
        R"({"model_type": "t5", "num_decoder_layers": 2, "d_kv": 5, "is_encoder_decoder": false,
            "feed_forward_proj": "gated-gelu", "relative_attention_num_buckets": 8,
            "relative_attention_max_distance": 20, "tie_word_embeddings": true,
            "scale_decoder_outputs": false})"}) {
    const PretrainedConfig first = parsed(text);
    const Json written = to_json(first);
    const PretrainedConfig second = parse_pretrained_config(written, "written");
    EXPECT_EQ(to_json(second).dump(), written.dump());
    EXPECT_TRUE(second.ignored.empty()) << second.ignored;
    // The text's own values survive, but for spellings of the same.
    const Json given = core::parse_json(text, "given");
    for (const auto& [key, value] : given.items()) {
      if (key == "id2label") continue;
      EXPECT_EQ(written.value(key, Json("absent")), value) << key;
    }
    EXPECT_EQ(second.labels, first.labels);
  }
}

TEST(PretrainedConfig, FoldersAndHugeFiles) {
  const core::TemporaryFolder folder;
  folder.write("m/config.json", R"({"model_type": "bert"})");
  EXPECT_EQ(read_pretrained_config(folder / "m").form, ModelForm::kBert);
  EXPECT_EQ(read_pretrained_config(folder / "m/config.json").form, ModelForm::kBert);
  folder.write("n/config.json", std::string(2 << 20, ' '));
  EXPECT_THROW(read_pretrained_config(folder / "n"), Error);
  EXPECT_THROW(read_pretrained_config(folder / "absent"), Error);
}

/// What transformers 5 wrote is read whole: no key is unknown, and each key that we write as well
/// has transformers' value.
TEST(PretrainedConfig, FilesOfTransformersHaveNoUnknownKey) {
  int files = 0;
  const auto goldens = std::filesystem::path(DISCREET_SOURCE_DIR) / "tests/golden/models";
  for (const auto& entry : std::filesystem::directory_iterator(goldens)) {
    const PretrainedConfig config = read_pretrained_config(entry.path());
    EXPECT_TRUE(config.ignored.empty()) << entry.path() << config.ignored;
    const Json given =
        core::parse_json(core::read_file(entry.path() / "config.json"), entry.path().string());
    const Json written = to_json(config);
    for (const auto& [key, value] : written.items()) {
      // Null there leaves it to the class; the order of labels is another.
      if (!given.contains(key) || given[key].is_null() || key == "label2id") continue;
      EXPECT_EQ(value, given[key]) << key;
    }
    ++files;
  }
  EXPECT_GE(files, 18);
}

TEST(PretrainedConfig, ActivationsAreKnownByWhatTheyCompute) {
  EXPECT_EQ(find_activation("gelu_fast"), Activation::kGeluTanh);
  EXPECT_EQ(find_activation("swish"), Activation::kSilu);
  EXPECT_FALSE(find_activation("mish").has_value());
  EXPECT_EQ(model_type_name(ModelForm::kXlmRoberta), "xlm-roberta");
}

}  // namespace
}  // namespace discreet::formats
