// `generate` on folders of the Hugging Face layout: ids equal those of transformers' generate.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "discreet/app/loader.h"
#include "discreet/core/files.h"
#include "discreet/core/json.h"
#include "discreet/core/operation.h"
#include "tests/core/temporary_folder.h"
#include "tests/dp/tensor_registry.h"

namespace discreet {
namespace {
namespace fs = std::filesystem;

std::vector<std::int64_t> generated_ids(const fs::path& model, const std::vector<std::int64_t>& prompt,
                                        Json request) {
  const core::TemporaryFolder folder;
  core::write_file_atomically(folder / "in.jsonl", Json{{"input_ids", prompt}}.dump() + "\n");
  request["model"] = model.string();
  request["input"] = (folder / "in.jsonl").string();
  Json line;
  core::OperationContext context;
  context.quiet = true;
  context.emit = [&](const Json& given) { line = given; };
  app::call_operation("generate", request, context);
  return line.at("ids").get<std::vector<std::int64_t>>();
}

/// Ids of a golden file begin with the prompt, or with what a decoder begins with.
void expect_ids(const fs::path& model, const Json& expected, const char* name,
                const std::vector<std::int64_t>& prompt, std::size_t given, Json request) {
  if (!expected.contains(name)) return;
  auto ids = expected.at(name).get<std::vector<std::int64_t>>();
  ids.erase(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(given));
  request["max_new_tokens"] = ids.size();
  request["do_sample"] = false;
  const std::vector<std::int64_t> got = generated_ids(model, prompt, request);
  if (got.size() < ids.size()) {
    // Some of these were made to go on behind an end mark.
    const Json config = core::parse_json(core::read_file(model / "config.json"), "config.json");
    ASSERT_FALSE(got.empty());
    EXPECT_EQ(got.back(), config.at("eos_token_id").get<std::int64_t>());
    ids.resize(got.size());
  }
  EXPECT_EQ(got, ids) << model << " " << name;
}

void check_generate_folder(const fs::path& model, bool sequence) {
  const Json expected =
      core::parse_json(core::read_file(model / "expected.json"), (model / "expected.json").string());
  ASSERT_TRUE(expected.contains("greedy_ids")) << model;
  const auto prompt = expected.at("prompt_ids").get<std::vector<std::int64_t>>();
  const std::size_t given = sequence ? 1 : prompt.size();
  expect_ids(model, expected, "greedy_ids", prompt, given, Json::object());
  expect_ids(model, expected, "greedy_repetition_penalty_1.3_ids", prompt, given,
             {{"repetition_penalty", 1.3}});
  expect_ids(model, expected, "beam3_ids", prompt, given, {{"num_beams", 3}});
}

TEST(GenerateGolden, EqualsTransformersOnTheRandomModels) {
  const fs::path models = fs::path(__FILE__).parent_path().parent_path() / "golden/models";
  for (const char* name : {"gpt2_untied", "llama_linear_bias", "llama_tied_llama3", "mistral"}) {
    check_generate_folder(models / name, false);
  }
  for (const char* name : {"t5", "t5_gated", "bart_scaled"}) check_generate_folder(models / name, true);
}

TEST(GenerateGolden, EqualsTransformersOnTheTinyModels) {
  const char* data = std::getenv("DISCREET_DATA");
  if (data == nullptr) GTEST_SKIP() << "DISCREET_DATA is not set";
  for (const char* name : {"gpt2", "llama"}) {
    check_generate_folder(fs::path(data) / "golden/tiny" / name, false);
  }
}

TEST(GenerateGolden, ContinuesStoriesAsTransformersDoes) {
  const char* data = std::getenv("DISCREET_DATA");
  if (data == nullptr) GTEST_SKIP() << "DISCREET_DATA is not set";
  const fs::path file = fs::path(data) / "golden/models/stories260k.json";
  const Json golden = core::parse_json(core::read_file(file), file.string());
  for (const Json& entry : golden.at("cases")) {
    const auto prompt = entry.at("greedy_prompt_ids").get<std::vector<std::int64_t>>();
    expect_ids(fs::path(data) / "models/stories260k", entry, "greedy_ids", prompt, prompt.size(),
               Json::object());
  }
}

}  // namespace
}  // namespace discreet
