#include "discreet/mitigate/distillation/student.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "discreet/app/loader.h"
#include "discreet/core/error.h"
#include "discreet/mitigate/distillation/distilled_model.h"
#include "discreet/nn/checkpoint.h"
#include "discreet/nn/ordinary_step.h"
#include "discreet/nn/pretrained/model.h"
#include "tests/core/temporary_folder.h"
#include "tests/dp/small_model.h"
#include "tests/nn/places.h"
#include "tests/nn/support.h"
#include "tests/nn/tiny_pretrained.h"

namespace discreet::mitigate {
namespace {

TEST(EverySecond, TakesFirstAndLastAndSpreadsTheRest) {
  EXPECT_EQ(every_second(12), (std::vector<std::int64_t>{0, 2, 4, 7, 9, 11}));  // DistilBERT, DistilGPT2
  EXPECT_EQ(every_second(4), (std::vector<std::int64_t>{0, 3}));
  EXPECT_EQ(every_second(1), (std::vector<std::int64_t>{0}));
  EXPECT_EQ(every_second(30).size(), 15U);
}

TEST(NameAtTeacher, BlocksMoveAndOtherNamesStay) {
  EXPECT_EQ(name_at_teacher("encoder.block2.qkv.weight", {0, 2, 4}), "encoder.block4.qkv.weight");
  EXPECT_EQ(name_at_teacher("encoder.words.weight", {0, 2}), "encoder.words.weight");
}

class WriteStudent : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(WriteStudent, HasTheTeachersLayersAndOpensLikeAnyFolder) {
  app::load_tensor_library();
  const core::TemporaryFolder folder;
  const auto [type, class_name] = GetParam();
  const char* layers = std::string(type) == "gpt2" ? "n_layer" : "num_hidden_layers";
  const nn::PretrainedSource source =
      nn::open_source(nn::test::tiny_pretrained(type, 40, {{"architectures", {class_name}}, {layers, 4}}));
  core::ReproducibleRng rng(1, "teacher");
  const auto teacher = std::make_shared<nn::PretrainedModel>(
      source, nn::head_of(source.architecture, nn::PretrainedHead::kNextToken, type), rng);
  std::filesystem::create_directories(folder / "teacher");
  nn::save_pretrained(folder / "teacher", *teacher);

  write_student(folder / "teacher", {0, 3}, folder / "student");
  const auto student = nn::open_pretrained(folder / "student");
  EXPECT_EQ(student->source().config.layers, 2);
  EXPECT_EQ(student->head().class_name, class_name);
  std::map<std::string, at::Tensor> weights;
  for (const auto& [name, tensor] : nn::model_tensors(*teacher)) weights.emplace(name, tensor);
  for (const auto& [name, tensor] : nn::model_tensors(*student)) {
    EXPECT_TRUE(at::equal(tensor, weights.at(name_at_teacher(name, {0, 3})))) << name;
  }
  EXPECT_THROW(write_student(folder / "teacher", {0, 4}, folder / "other"), Error);
  EXPECT_THROW(write_student(folder / "teacher", {}, folder / "other"), Error);
  EXPECT_FALSE(std::filesystem::exists(folder / "other"));
}

INSTANTIATE_TEST_SUITE_P(Forms, WriteStudent,
                         ::testing::Values(std::pair{"gpt2", "GPT2LMHeadModel"}, std::pair{"llama", "LlamaForCausalLM"}));

/// Outputs of a teacher that was never there, the `kept` largest of each row, read back from a file.
std::shared_ptr<const TeacherCache> drawn_outputs(const std::filesystem::path& path, std::int64_t rows, std::int64_t vocabulary,
                                                  std::int64_t kept, std::uint64_t seed) {
  core::ReproducibleRng rng(seed, "teacher");
  TeacherCacheWriter writer(path, {.vocabulary = vocabulary, .kept = kept, .hidden = 8}, "drawn");
  writer.add(nn::test::random_tensor({rows, vocabulary}, rng, at::kFloat) * 2, nn::test::random_tensor({rows, 8}, rng, at::kFloat));
  writer.finish();
  return std::make_shared<TeacherCache>(path, "drawn");
}

at::Tensor weights_on_host(const nn::Model& model) {
  std::vector<at::Tensor> parts;
  for (const auto& parameter : model.parameters()) parts.push_back(parameter.detach().cpu().flatten());
  return at::cat(parts).clone();
}

TEST(DistilledModel, StepsAreTheSameInEveryPlace) {
  app::load_tensor_library();  // registers models and combinations
  const core::TemporaryFolder folder;
  nn::EncodedExamples data = dp::testing::random_examples({3, 1, 7, 5, 2, 9, 4}, 3);
  for (std::int64_t& tag : data.tags) tag = (tag * 7) % dp::testing::kWords;
  data.intents.clear();
  const auto rows = static_cast<std::int64_t>(data.tokens.size());
  for (const char* combination : {"none", "max"}) {
    SCOPED_TRACE(combination);
    at::Tensor expected;  // the first place's
    nn::test::for_places([&](const nn::test::Place& place) {
      SCOPED_TRACE(place.name);
      nn::ModelSpec spec;
      spec.kind = "gpt";
      spec.hidden = {8};
      spec.heads = 2;
      spec.layers = 2;
      core::ReproducibleRng rng(4, "model");
      const auto student = nn::make_model(spec, {.vocabulary = dp::testing::kWords, .next_token = true}, {}, rng);
      student->move_to(place.device);
      TeacherTargets targets{.original = drawn_outputs(folder / "a", rows, dp::testing::kWords, 4, 1),
                             .reversed = drawn_outputs(folder / "b", rows, dp::testing::kWords, 4, 2),
                             .offsets = data.offsets,
                             .combination = combination};
      for (std::int64_t n = 0; n < rows; ++n) targets.aligned.push_back(n % 3 == 0 ? -1 : rows - 1 - n);
      DistilledModel model(student, std::move(targets), {.hidden_cosine = 0.5, .hidden_squared = 0.5});
      EXPECT_EQ(model.device(), student->device());
      const at::Tensor before = weights_on_host(*student);
      nn::OrdinaryStep step(
          model, [&data](auto indices, auto segments) { return nn::collate(data, indices, segments); },
          nn::OrdinaryStepOptions{.examples = data.size(), .batch_size = 3, .seed = 1, .optimizer = {.kind = nn::OptimizerKind::kMomentum}});
      for (std::int64_t number = 0; number < 3; ++number) step.run(step.sample(number), 0.1);
      const at::Tensor change = weights_on_host(*student) - before;
      if (!expected.defined()) expected = change;
      EXPECT_GT(expected.abs().max().item<double>(), 1e-3);
      EXPECT_LE((change - expected).abs().max().item<double>(), 2e-5);
    });
  }
}

}  // namespace
}  // namespace discreet::mitigate
