#include "discreet/formats/generation_config.h"

#include <gtest/gtest.h>

#include "discreet/core/error.h"
#include "tests/core/temporary_folder.h"

namespace discreet::formats {
namespace {

GenerationConfig generation_of(const std::string& text) {
  return parse_generation_config(core::parse_json(text, "g"), "g");
}

std::string generation_refusal(const std::string& text) {
  try {
    generation_of(text);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kBadData);
    return e.what();
  }
  ADD_FAILURE() << "accepted: " << text;
  return "";
}

TEST(GenerationConfig, ReadsAndWritesWhatIsThere) {
  const Json given = core::parse_json(
      R"({"max_length": 50, "max_new_tokens": 20, "min_length": 3, "do_sample": true,
          "num_beams": 4, "temperature": 0.7, "top_k": 10, "top_p": 0.9, "min_p": 0.05,
          "typical_p": 0.8, "repetition_penalty": 1.2, "length_penalty": -1.5,
          "no_repeat_ngram_size": 3, "bos_token_id": 1, "eos_token_id": [2, 7],
          "forced_eos_token_id": 2, "suppress_tokens": [5, 6],
          "early_stopping": "never", "bad_words_ids": [[1, 2], [3]]})",
      "given");
  const GenerationConfig config = parse_generation_config(given, "given");
  EXPECT_EQ(config.max_new_tokens, 20);
  EXPECT_EQ(config.eos_token_ids, (std::vector<std::int64_t>{2, 7}));
  EXPECT_EQ(config.forced_eos_token_ids, std::vector<std::int64_t>{2});
  EXPECT_EQ(config.early_stopping, "never");
  EXPECT_EQ(config.length_penalty, -1.5);
  EXPECT_FALSE(config.epsilon_cutoff.has_value());
  const Json written = to_json(config);
  EXPECT_EQ(written.size(), given.size());
  for (const auto& [key, value] : given.items()) {
    const Json single = key == "suppress_tokens" ? value : Json(value);
    EXPECT_EQ(written.at(key), single) << key;
  }
}

TEST(GenerationConfig, WhatIsLackedAndWhatIsUnknownIsListed) {
  const GenerationConfig config = generation_of(
      R"({"penalty_alpha": 0.6, "num_beam_groups": 1, "diversity_penalty": 0.0,
          "guidance_scale": null, "use_cache": true, "mine": 4, "pad_token_id": -1,
          "suppress_tokens": [-1], "early_stopping": false})");
  EXPECT_EQ(config.unsupported.dump(), R"({"penalty_alpha":0.6})");
  EXPECT_EQ(config.ignored.dump(), R"({"mine":4})");
  EXPECT_FALSE(config.pad_token_id.has_value());
  EXPECT_TRUE(config.suppress_tokens.empty());
  EXPECT_EQ(to_json(config).dump(), R"({"early_stopping":false,"penalty_alpha":0.6,"mine":4})");
}

TEST(GenerationConfig, ValuesThatCannotBeAreRefused) {
  EXPECT_EQ(generation_refusal(R"({"top_p": 1.5})"),
            "g: top_p = 1.5: expected a number from 0 to 1");
  EXPECT_EQ(generation_refusal(R"({"num_beams": 0})"),
            "g: num_beams = 0: expected an integer from 1 to 4096");
  EXPECT_EQ(generation_refusal(R"({"early_stopping": "soon"})"),
            "g: early_stopping = \"soon\": expected true, false or \"never\"");
  generation_refusal(R"({"eos_token_id": [1, "2"]})");
  generation_refusal(R"({"bad_words_ids": [3]})");
  generation_refusal(R"({"bad_words_ids": [[]]})");
  generation_refusal(R"({"max_new_tokens": 0})");
  generation_refusal("[]");
}

TEST(GenerationConfig, OldFoldersSayItInTheirModelConfiguration) {
  const core::TemporaryFolder folder;
  folder.write("old/config.json",
               R"({"model_type": "bart", "num_beams": 4, "d_model": 16, "eos_token_id": 2})");
  const GenerationConfig old = read_generation_config(folder / "old");
  EXPECT_EQ(old.num_beams, 4);
  EXPECT_TRUE(old.ignored.empty());
  folder.write("old/generation_config.json", R"({"num_beams": 2})");
  EXPECT_EQ(read_generation_config(folder / "old").num_beams, 2);
  EXPECT_TRUE(read_generation_config(folder / "old").eos_token_ids.empty());
  folder.write("none/x", "");
  EXPECT_TRUE(to_json(read_generation_config(folder / "none")).empty());
}

}  // namespace
}  // namespace discreet::formats
