#include <gtest/gtest.h>

#include "discreet/core/error.h"
#include "discreet/formats/generation_config.h"
#include "discreet/formats/pretrained_config.h"
#include "tests/core/mutate.h"

namespace discreet::formats {
namespace {

const std::vector<std::string> kConfigTokens = {"null",
                                                "true",
                                                "-1",
                                                "1e999",
                                                "18446744073709551616",
                                                "9223372036854775807",
                                                "[",
                                                "{}",
                                                "\"\"",
                                                "1e-300",
                                                "\"hidden_size\":",
                                                "\"id2label\":{\"0\":\"a\"},",
                                                "\"rope_scaling\":{",
                                                ","};

/// 20,000 damaged documents: each is bad data, or what was read is written and read again the same.
template <class Parse>
void expect_refused_or_round_trip(std::uint64_t seed, const std::vector<std::string>& corpus, Parse parse) {
  const auto text_of = [](const auto& config) {
    return to_json(config).dump(-1, ' ', true, Json::error_handler_t::replace);
  };
  core::Mutator mutator(seed, kConfigTokens);
  int read = 0, refused = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::string bytes = mutator(corpus[static_cast<std::size_t>(i) % corpus.size()]);
    try {
      const std::string written = text_of(parse(core::parse_json(bytes, "m"), "m"));
      const std::string again = text_of(parse(core::parse_json(written, "again"), "again"));
      ASSERT_EQ(again, written);
      ++read;
    } catch (const Error& e) {
      ASSERT_EQ(e.code(), ErrorCode::kBadData) << e.what();
      ASSERT_EQ(std::string(e.what()).find("again"), std::string::npos) << e.what() << bytes;
      ++refused;
    }
  }
  EXPECT_GT(read, 2000);
  EXPECT_GT(refused, 5000);
}

TEST(ModelConfigFuzz, DamagedModelConfigurationsAreRefusedOrRoundTrip) {
  std::vector<std::string> corpus;
  for (const std::string& type : model_type_names()) {
    const ModelForm form = static_cast<ModelForm>(corpus.size());
    ASSERT_EQ(model_type_name(form), type);
    PretrainedConfig config = default_pretrained_config(form);
    config.labels = {"a", "b", "c", "d"};
    if (form == ModelForm::kLlama) {
      config.llama.rope = {RopeConfig::Type::kLlama3, 1e4, 8, 1, 4, 64};
    }
    corpus.push_back(to_json(config).dump());
  }
  expect_refused_or_round_trip(20261126, corpus, [](const Json& json, const std::string& name) {
    const auto config = parse_pretrained_config(json, name);
    EXPECT_GE(config.position_rows(), 0);
    EXPECT_FALSE(config.labels.empty());
    return config;
  });
}

TEST(ModelConfigFuzz, DamagedGenerationConfigurationsAreRefusedOrRoundTrip) {
  const std::string seed =
      R"({"max_length":50,"do_sample":true,"num_beams":4,"temperature":0.7,"top_k":10,"top_p":0.9,)"
      R"("eos_token_id":[2,7],"early_stopping":"never","bad_words_ids":[[1,2],[3]],"x":[null]})";
  expect_refused_or_round_trip(20261127, {seed}, [](const Json& json, const std::string& name) {
    return parse_generation_config(json, name);
  });
}

}  // namespace
}  // namespace discreet::formats
