#include "discreet/mitigate/distillation/student.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "discreet/app/loader.h"
#include "discreet/core/error.h"
#include "discreet/nn/checkpoint.h"
#include "discreet/nn/pretrained/model.h"
#include "tests/core/temporary_folder.h"
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

}  // namespace
}  // namespace discreet::mitigate
