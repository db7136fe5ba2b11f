#include "discreet/formats/model_import.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "tests/core/temporary_folder.h"
#include "tests/formats/gguf_bytes.h"

namespace discreet::formats {
namespace {
namespace fs = std::filesystem;

/// Imports the file into a folder and gives the weights.
struct Imported {
  explicit Imported(const GgufBytes& bytes) : whole(bytes.bytes()) {
    const GgufFile file("g", std::as_bytes(std::span(whole)));
    model = import_gguf(file);
    write_model_folder(folder / "m", model);
  }
  std::vector<float> weight(const std::string& name) const {
    return WeightFolder(folder / "m").read_float(name);
  }
  std::string whole;
  core::TemporaryFolder folder;
  ImportedModel model;
};

std::string import_refusal(const GgufBytes& bytes) {
  try {
    const std::string whole = bytes.bytes();
    import_gguf(GgufFile("g", std::as_bytes(std::span(whole))));
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kBadData) << e.what();
    return e.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

TEST(ModelImport, RotaryRowsComeBackInTransformersOrder) {
  const Imported imported(small_llama_gguf());
  const auto q = imported.weight("model.layers.0.self_attn.q_proj.weight");
  const float first = 5 * 8 + 8 + 5 * 8 + 8;
  // Rows 0 to 3 of a head come from rows 0, 2, 1, 3; the second head likewise.
  for (const auto& [row, from] :
       {std::pair{0, 0}, {1, 2}, {2, 1}, {3, 3}, {4, 4}, {5, 6}, {6, 5}, {7, 7}}) {
    for (int column = 0; column < 8; ++column) {
      EXPECT_EQ(q[static_cast<std::size_t>(8 * row + column)],
                first + static_cast<float>(8 * from + column));
    }
  }
  const auto v = imported.weight("model.layers.0.self_attn.v_proj.weight");
  EXPECT_EQ(v[8], v[0] + 8);
}

TEST(ModelImport, TheFolderIsWhole) {
  const Imported imported(small_llama_gguf());
  const PretrainedConfig config = read_pretrained_config(imported.folder / "m");
  EXPECT_EQ(config.form, ModelForm::kLlama);
  EXPECT_EQ(config.hidden_size, 8);
  EXPECT_EQ(config.llama.key_value_heads, 1);
  EXPECT_EQ(config.norm_eps, 1e-5);  // Not 9.999999747378752e-06.
  EXPECT_EQ(config.llama.rope.theta, 1e5);
  EXPECT_FALSE(config.tie_word_embeddings);
  EXPECT_EQ(config.eos_token_ids, std::vector<std::int64_t>{0});
  EXPECT_EQ(read_generation_config(imported.folder / "m").eos_token_ids,
            std::vector<std::int64_t>{0});
  const Json tokenizer =
      core::parse_json(core::read_file(imported.folder / "m/tokenizer.json"), "tokenizer.json");
  EXPECT_EQ(tokenizer["model"]["vocab"]["abab"], 4);
  EXPECT_EQ(tokenizer["model"]["merges"].dump(), R"([["a","b"],["ab","ab"]])");
  EXPECT_EQ(tokenizer["added_tokens"].size(), 2u);
  EXPECT_TRUE(tokenizer["added_tokens"][0]["special"]);
  EXPECT_FALSE(tokenizer["added_tokens"][1]["special"]);
  EXPECT_EQ(tokenizer["pre_tokenizer"]["pretokenizers"][0]["type"], "Digits");
  EXPECT_TRUE(fs::exists(imported.folder / "m/tokenizer_config.json"));
  EXPECT_EQ(WeightFolder(imported.folder / "m").names().size(), 12u);
}

/// Two frequencies, of which the second turns less than once in 8192 positions: 1 and the factor.
TEST(ModelImport, DivisorsOfFrequenciesBecomeTheRuleThatMadeThem) {
  const Imported imported(small_llama_gguf(true, 1e7f).tensor("rope_freqs.weight", {2}, {1, 32}));
  const RopeConfig rope = read_pretrained_config(imported.folder / "m").llama.rope;
  EXPECT_EQ(rope.type, RopeConfig::Type::kLlama3);
  EXPECT_EQ(rope.factor, 32);
  EXPECT_EQ(rope.original_max_positions, 8192);
  EXPECT_EQ(import_refusal(small_llama_gguf(true, 1e7f).tensor("rope_freqs.weight", {2}, {2, 32})),
            "g: rope_freqs.weight holds rotary frequencies of an unknown rule");
}

TEST(ModelImport, HalfPrecisionHoldsWhatFits) {
  const std::string whole = small_llama_gguf().bytes();
  const GgufFile file("g", std::as_bytes(std::span(whole)));
  const core::TemporaryFolder folder;
  write_model_folder(folder / "m", import_gguf(file), {.dtype = DType::kF16});
  EXPECT_EQ(WeightFolder(folder / "m").dtype("model.norm.weight"), DType::kF16);
  EXPECT_EQ(read_pretrained_config(folder / "m").dtype, "float16");
  GgufBytes large;
  ImportedModel model = import_gguf(file);
  model.weights[1].fill = [](std::span<float> out) { out[3] = 70000; };
  EXPECT_THROW(write_model_folder(folder / "n", model, {.dtype = DType::kF16}), Error);
  // Nothing is left behind.
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1);
}

TEST(ModelImport, WhatIsLackedIsRefusedByName) {
  EXPECT_EQ(import_refusal(GgufBytes().text("general.architecture", "mamba")),
            "g: general.architecture = \"mamba\" is not supported");
  EXPECT_EQ(import_refusal(small_llama_gguf().integer("llama.expert_count", 8)),
            "g: the key \"llama.expert_count\" is not supported");
  EXPECT_EQ(import_refusal(small_llama_gguf().integer("llama.attention.sliding_window", 8)),
            "g: the key \"llama.attention.sliding_window\" is not supported");
  EXPECT_EQ(import_refusal(small_llama_gguf().text("llama.rope.scaling.type", "yarn")),
            "g: the key \"llama.rope.scaling.type\" is not supported");
  EXPECT_EQ(import_refusal(small_llama_gguf().integer("llama.rope.dimension_count", 2)),
            "g: the key \"llama.rope.dimension_count\" is not supported");
  EXPECT_EQ(import_refusal(small_llama_gguf().tensor("blk.0.attn_gate.weight", {1}, {1})),
            "g: the tensor \"blk.0.attn_gate.weight\" is not supported");
  EXPECT_EQ(import_refusal(small_llama_gguf().tensor("rope_freqs.weight", {2}, {1, 3})),
            "g: rope_freqs.weight holds rotary frequencies of an unknown rule");
  EXPECT_EQ(import_refusal(small_llama_gguf().integer("split.count", 3)), "g: is one of 3 parts");
  EXPECT_EQ(import_refusal(small_llama_gguf(false)), "g: has no tokenizer.ggml.tokens");
}

TEST(ModelImport, TokenizersThatCannotBeAreRefusedByName) {
  const auto with = [](const std::vector<std::string>& tokens, const std::string& pre,
                       const std::string& kind = "gpt2") {
    return small_llama_gguf(false)
        .text("tokenizer.ggml.model", kind)
        .text("tokenizer.ggml.pre", pre)
        .texts("tokenizer.ggml.tokens", tokens)
        .texts("tokenizer.ggml.merges", {"a b"});
  };
  EXPECT_EQ(import_refusal(with({"a", "b", "ab"}, "qwen2")),
            "g: tokenizer.ggml.pre = \"qwen2\" is not supported");
  EXPECT_EQ(import_refusal(with({"a", "b", "a"}, "gpt-2")), "g: tokens 0 and 2 are both \"a\"");
  EXPECT_EQ(import_refusal(with({"a", "b"}, "gpt-2")),
            "g: the merge \"a b\" is not of two tokens to a third");
  EXPECT_EQ(import_refusal(with({"a", "b", "ab", "c", "d", "e"}, "gpt-2")),
            "g: 6 tokens, but the embedding has 5 rows");
  EXPECT_EQ(import_refusal(with({"a", "b", "ab"}, "gpt-2", "bert")),
            "g: tokenizer.ggml.model = \"bert\" is not supported");
  EXPECT_EQ(
      import_refusal(with({"a", "b", "ab"}, "gpt-2").boolean("tokenizer.ggml.add_eos_token", true)),
      "g: texts get a last token, but none is named");
  EXPECT_EQ(
      import_refusal(with({"a", "b", "ab"}, "gpt-2").integer("tokenizer.ggml.bos_token_id", 9)),
      "g: the bos_token token is 9; there are 3 tokens");
}

TEST(ModelImport, SentencePieceMergesFollowTheScores) {
  const Imported imported(small_llama_gguf(false)
                              .text("tokenizer.ggml.model", "llama")
                              .texts("tokenizer.ggml.tokens", {"<unk>", "a", "b", "ab", "abb"})
                              .list<std::int32_t>("tokenizer.ggml.token_type", 5, {2, 1, 1, 1, 1})
                              .list<float>("tokenizer.ggml.scores", 6, {0, -9, -9, -2, -1})
                              .boolean("tokenizer.ggml.add_bos_token", false)
                              .integer("tokenizer.ggml.unknown_token_id", 0));
  const Json& tokenizer = imported.model.tokenizer;
  EXPECT_EQ(tokenizer["model"]["merges"].dump(), R"([["ab","b"],["a","b"]])");
  EXPECT_EQ(tokenizer["model"]["unk_token"], "<unk>");
  EXPECT_TRUE(tokenizer["model"]["byte_fallback"]);
  EXPECT_EQ(tokenizer["normalizer"]["normalizers"].size(), 2u);
}

/// GPT-2's matrices are kept with inputs as rows.
TEST(ModelImport, Gpt2IsTurned) {
  GgufBytes file;
  file.text("general.architecture", "gpt2")
      .integer("gpt2.embedding_length", 2)
      .integer("gpt2.feed_forward_length", 3)
      .integer("gpt2.block_count", 1)
      .integer("gpt2.attention.head_count", 1)
      .integer("gpt2.context_length", 4)
      .real("gpt2.attention.layer_norm_epsilon", 1e-5f)
      .text("tokenizer.ggml.model", "gpt2")
      .text("tokenizer.ggml.pre", "gpt-2")
      .texts("tokenizer.ggml.tokens", {"a", "b", "ab"})
      .texts("tokenizer.ggml.merges", {"a b"});
  float next = 0;
  const auto add = [&](const std::string& name, const std::vector<std::uint64_t>& shape) {
    std::vector<float> values(shape.size() == 2 ? shape[0] * shape[1] : shape[0]);
    for (float& value : values) value = next++;
    file.tensor(name, shape, values);
  };
  add("token_embd.weight", {3, 2});
  add("position_embd.weight", {4, 2});
  for (const char* norm : {"output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"}) {
    add(std::string(norm) + ".weight", {2});
    add(std::string(norm) + ".bias", {2});
  }
  add("blk.0.attn_qkv.weight", {6, 2});
  add("blk.0.attn_qkv.bias", {6});
  add("blk.0.attn_output.weight", {2, 2});
  add("blk.0.attn_output.bias", {2});
  const float up = next;
  add("blk.0.ffn_up.weight", {3, 2});
  add("blk.0.ffn_up.bias", {3});
  add("blk.0.ffn_down.weight", {2, 3});
  add("blk.0.ffn_down.bias", {2});
  const Imported imported(file);
  EXPECT_EQ(imported.weight("transformer.h.0.mlp.c_fc.weight"),
            (std::vector<float>{up, up + 2, up + 4, up + 1, up + 3, up + 5}));
  EXPECT_EQ(WeightFolder(imported.folder / "m").shape("transformer.h.0.attn.c_attn.weight"),
            (std::vector<std::int64_t>{2, 6}));
  EXPECT_TRUE(read_pretrained_config(imported.folder / "m").tie_word_embeddings);
}

/// A file that gguf-py made of a small model (tools/golden/gguf_llama.py) gives that model back.
TEST(ModelImportGolden, FileOfTheReferenceWriterBecomesTheModelItWasMadeOf) {
  const fs::path golden = fs::path(DISCREET_SOURCE_DIR) / "tests/golden";
  const GgufFile file(golden / "gguf/llama.gguf");
  const core::TemporaryFolder folder;
  write_model_folder(folder / "m", import_gguf(file), {.max_file_bytes = 5000});
  const WeightFolder ours(folder / "m"), theirs(golden / "models/llama_linear_bias");
  EXPECT_EQ(ours.names().size(), theirs.names().size());
  for (const std::string& name : theirs.names()) {
    EXPECT_EQ(ours.shape(name), theirs.shape(name)) << name;
    EXPECT_EQ(ours.read_float(name), theirs.read_float(name)) << name;
  }
  EXPECT_EQ(to_json(read_pretrained_config(folder / "m")).dump(),
            to_json(read_pretrained_config(golden / "models/llama_linear_bias")).dump());
  EXPECT_TRUE(fs::exists(folder / "m/model.safetensors.index.json"));
}

/// The same model in llama2.c's form and as a folder that was made independently.
TEST(ModelImportGolden, Llama2cCheckpointBecomesTheKnownFolder) {
  const char* data = std::getenv("DISCREET_DATA");
  if (data == nullptr || *data == '\0') GTEST_SKIP() << "DISCREET_DATA is not set";
  const fs::path source = fs::path(data) / "stories260k",
                 known = fs::path(data) / "models/stories260k";
  const MappedFile checkpoint(source / "stories260K.bin"), tokenizer(source / "tok512.bin");
  const ImportedModel model =
      import_llama2c("stories260K.bin", checkpoint.bytes(), "tok512.bin", tokenizer.bytes());
  const core::TemporaryFolder folder;
  write_model_folder(folder / "m", model);
  const WeightFolder ours(folder / "m"), theirs(known);
  EXPECT_EQ(ours.names().size(), theirs.names().size());
  for (const std::string& name : theirs.names()) {
    EXPECT_EQ(ours.shape(name), theirs.shape(name)) << name;
    EXPECT_EQ(ours.read_float(name), theirs.read_float(name)) << name;
  }
  const Json mine = to_json(read_pretrained_config(folder / "m"));
  const Json other = to_json(read_pretrained_config(known));
  EXPECT_EQ(mine.dump(), other.dump());
  const Json a = core::parse_json(core::read_file(folder / "m/tokenizer.json"), "ours");
  const Json b = core::parse_json(core::read_file(known / "tokenizer.json"), "theirs");
  for (const char* key : {"added_tokens", "normalizer", "post_processor", "decoder"}) {
    EXPECT_EQ(a[key].dump(), b[key].dump());
  }
  EXPECT_EQ(a["model"]["vocab"].dump(), b["model"]["vocab"].dump());
  EXPECT_EQ(a["model"]["merges"].dump(), b["model"]["merges"].dump());
}

}  // namespace
}  // namespace discreet::formats
