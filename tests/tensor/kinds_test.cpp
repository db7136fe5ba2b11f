// Each kind of model from training to prediction, with and without privacy, as the program does it.
#include <gtest/gtest.h>

#include <fstream>

#include "discreet/app/loader.h"
#include "discreet/core/files.h"
#include "discreet/core/operation.h"
#include "tests/core/temporary_folder.h"
#include "tests/tensor/child.h"

namespace discreet {
namespace {
namespace fs = std::filesystem;

Json call_kind_operation(const std::string& operation, const Json& request,
                         std::vector<Json>* lines = nullptr) {
  core::OperationContext context;
  context.quiet = true;
  if (lines != nullptr) context.emit = [lines](const Json& line) { lines->push_back(line); };
  return app::call_operation(operation, request, context);
}

class ModelKindsEndToEnd : public ::testing::TestWithParam<const char*> {
 protected:
  Json request(const fs::path& run, int steps, const std::vector<std::string>& more) const {
    Json request = {
        {"run", run.string()},
        {"set",
         {"data.train=assistant:lines=600", "data.test=assistant:lines=200", "model.embedding=32",
          "model.hidden=32", "train.batch_size=32", "model.char_filters=4",
          "model.pooling=mean-max", "train.learning_rate=1e-2", "train.threads=1",
          "data.buckets=512", "model.kind=" + std::string(GetParam()), "train.checkpoint_every=2",
          "train.steps=" + std::to_string(steps)}}};
    if (std::string(GetParam()) == "bilstm-cnn-crf")
      request["set"].push_back("model.char_embedding=4");
    for (const std::string& assignment : more) request["set"].push_back(assignment);
    return request;
  }
  static Json result_of(const fs::path& run) {
    return Json::parse(core::read_file(run / "result.json"));
  }

  core::TemporaryFolder folder_;
};

TEST_P(ModelKindsEndToEnd, LearnsAndIsTheSameAfterwards) {
  const fs::path run = folder_ / "run";
  ASSERT_EQ(testing::run_child([&] {
              call_kind_operation("train", request(run, 120, {"train.checkpoint_every=500"}));
            }).code,
            0);
  const Json metrics = result_of(run)["metrics"];
  // Always the commonest intent is right for one line in seven.
  EXPECT_GT(metrics["intent_accuracy"].get<double>(), 0.25);
  // The saved model, opened again, and its answers.
  const fs::path out = folder_ / "answers.json", input = folder_ / "in.jsonl";
  std::ofstream(input)
      << "{\"text\":\"wake me at seven\"}\n{\"words\":[]}\n{\"words\":[\"play\",\"\"]}\n";
  const auto end = testing::run_child([&] {
    std::vector<Json> answers;
    const Json eval = call_kind_operation("eval", {{"run", run.string()}});
    call_kind_operation("predict", {{"run", run.string()}, {"input", input.string()}}, &answers);
    core::write_file_atomically(out,
                                Json({{"eval", eval["metrics"]}, {"answers", answers}}).dump());
  });
  ASSERT_EQ(end.code, 0);
  const Json seen = Json::parse(core::read_file(out));
  for (const auto& [name, value] : metrics.items()) {
    EXPECT_NEAR(seen["eval"][name].get<double>(), value.get<double>(), 1e-12) << name;
  }
  ASSERT_EQ(seen["answers"].size(), 3U);
  EXPECT_EQ(seen["answers"][0]["slots"].size(), seen["answers"][0]["words"].size());
  EXPECT_EQ(seen["answers"][1]["slots"].size(), 0U);
  EXPECT_EQ(seen["answers"][2]["slots"].size(), 2U);
}

TEST_P(ModelKindsEndToEnd, TrainsPrivatelyAndResumesToTheSameBytes) {
  const std::vector<std::string> privacy{"privacy.mechanism=dp-sgd", "privacy.noise_multiplier=1",
                                         "privacy.delta=1e-4",       "privacy.accountant=rdp",
                                         "privacy.insecure_seed=7",  "data.user=user",
                                         "privacy.unit=user"};
  const fs::path whole = folder_ / "whole", broken = folder_ / "broken";
  ASSERT_EQ(
      testing::run_child([&] { call_kind_operation("train", request(whole, 4, privacy)); }).code,
      0);
  const Json result = result_of(whole);
  EXPECT_TRUE(result["private"].get<bool>());
  EXPECT_GT(result["epsilon"].get<double>(), 0);
  const Json statement = Json::parse(core::read_file(whole / "privacy.json"));
  EXPECT_EQ(statement["unit"], "user");
  // Killed at some write in the middle, and gone on with.
  const auto end = testing::run_child(
      [&] { call_kind_operation("train", request(broken, 4, privacy)); }, 20, "kill");
  ASSERT_EQ(end.code, -1);
  ASSERT_EQ(testing::run_child([&] {
              call_kind_operation("resume", {{"run", broken.string()}});
            }).code,
            0);
  EXPECT_EQ(core::read_file(broken / "model" / "model.safetensors"),
            core::read_file(whole / "model" / "model.safetensors"));
}

INSTANTIATE_TEST_SUITE_P(Kinds, ModelKindsEndToEnd,
                         ::testing::Values("gru", "bigru", "cnn", "bilstm-cnn-crf"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace discreet
