// Mixtures of words as inputs: with all weight on one candidate they are that word, and their gradient is that of
// finite differences, in every kind of model that looks words up.
#include "discreet/nn/soft_inputs.h"

#include <gtest/gtest.h>

#include "discreet/core/error.h"
#include "discreet/core/registry.h"
#include "discreet/nn/model.h"
#include "tests/nn/support.h"
#include "tests/nn/tiny_pretrained.h"

namespace discreet {
void register_all_model(core::Registry&);
void register_all_architecture(core::Registry&);
}  // namespace discreet

namespace discreet::nn::test {
namespace {

const ModelSizes kSoftSizes{23, 3, 4, kCharacters};
constexpr const char* kSoftKinds[] = {"bow",         "bow+characters", "cnn",         "lstm",      "bilstm-crf",
                                      "bilstm-cnn-crf", "bigru",       "transformer", "gpt",       "pretrained"};

std::shared_ptr<Model> soft_model(const std::string& kind) {
  if (!core::registry().contains("model", "bow")) register_all_model(core::registry());
  if (!core::registry().contains("architecture", "bert")) register_all_architecture(core::registry());
  ModelSpec spec;
  spec.kind = kind.substr(0, kind.find('+'));
  if (kind == "pretrained") spec.path = tiny_pretrained("bert", kSoftSizes.vocabulary).string();
  spec.char_embedding = kind.ends_with("+characters") || kind == "bilstm-cnn-crf" ? 4 : 0;
  spec.embedding = 6;
  spec.hidden = {6};
  spec.heads = 2;
  core::ReproducibleRng rng(5, "soft");
  auto model = make_model(spec, kSoftSizes, {}, rng);
  model->to(at::kDouble);
  model->eval();
  for (at::Tensor parameter : model->parameters()) parameter.set_requires_grad(false);
  return model;
}

/// Three examples; tokens 1 and 2 of the first and token 6, of the second, have two or three characters.
EncodedExamples soft_examples(bool intents, bool same_lengths) {
  EncodedExamples data;
  data.tokens = {1, 2, 3, 4, 5, 6, 7, 8};
  data.offsets = {0, 4, 7, 8};
  data.tags = {0, 1, 2, 3, 0, 1, 2, 3};
  if (intents) data.intents = {0, 1, 2};
  data.character_offsets = {0};
  for (int token = 0; token < 8; ++token) {
    const int length = same_lengths ? 3 : 1 + token % 3;
    for (int c = 0; c < length; ++c) data.characters.push_back((token * 3 + c) % kCharacters);
    data.character_offsets.push_back(static_cast<std::int64_t>(data.characters.size()));
  }
  return data;
}

std::vector<SoftWords> soft_groups(const at::Tensor& first, const at::Tensor& second, bool same_lengths) {
  const std::vector<std::vector<std::int64_t>> equal = {{1, 2, 3}, {4, 5, 6}, {7, 8, 0}};
  const std::vector<std::vector<std::int64_t>> mixed = {{1, 2, 3}, {4}, {7, 8, 0, 1}};
  const at::Tensor ids = at::tensor({9, 10, 11}, at::kLong), others = at::tensor({12, 13, 14}, at::kLong);
  return {{at::tensor({1, 2}, at::kLong), first, ids, same_lengths ? equal : mixed},
          {at::tensor({6}, at::kLong), second, others, equal}};
}

double total(Model& model, const EncodedExamples& data, const std::vector<SoftWords>& soft) {
  const SoftInputScope scope(soft);
  return model.forward(collate_all(data)).loss.sum().item<double>();
}

class SoftInputs : public ::testing::TestWithParam<const char*> {};

TEST_P(SoftInputs, AllWeightOnOneCandidateIsThatWord) {
  const auto model = soft_model(GetParam());
  for (const bool same_lengths : {true, false}) {
    const EncodedExamples data = soft_examples(true, same_lengths);
    const at::Tensor first = at::tensor({0., 0., 1., 1., 0., 0.}, at::kDouble).view({2, 3});
    const at::Tensor second = at::tensor({0., 1., 0.}, at::kDouble).view({1, 3});
    const auto soft = soft_groups(first, second, same_lengths);
    // The same words written down.
    EncodedExamples hard;
    hard.offsets = data.offsets;
    hard.tags = data.tags;
    hard.intents = data.intents;
    hard.tokens = data.tokens;
    hard.tokens[1] = 11;
    hard.tokens[2] = 9;
    hard.tokens[6] = 13;
    hard.character_offsets = {0};
    for (std::size_t n = 0; n < 8; ++n) {
      std::vector<std::int64_t> own(data.characters.begin() + data.character_offsets[n],
                                    data.characters.begin() + data.character_offsets[n + 1]);
      if (n == 1) own = soft[0].characters[2];
      if (n == 2) own = soft[0].characters[0];
      if (n == 6) own = soft[1].characters[1];
      hard.characters.insert(hard.characters.end(), own.begin(), own.end());
      hard.character_offsets.push_back(static_cast<std::int64_t>(hard.characters.size()));
    }
    const double expected = model->forward(collate_all(hard)).loss.sum().item<double>();
    EXPECT_NEAR(total(*model, data, soft), expected, 1e-12) << GetParam() << same_lengths;
    EXPECT_GT(std::abs(model->forward(collate_all(data)).loss.sum().item<double>() - expected), 1e-6)
        << "the words make a difference, and the scope has ended";
  }
}

TEST_P(SoftInputs, GradientIsThatOfFiniteDifferences) {
  const auto model = soft_model(GetParam());
  for (const bool same_lengths : {true, false}) {
    const EncodedExamples data = soft_examples(true, same_lengths);
    at::Tensor first = at::tensor({.2, .5, .3, .6, .1, .3}, at::kDouble).view({2, 3}).set_requires_grad(true);
    at::Tensor second = at::tensor({.3, .3, .4}, at::kDouble).view({1, 3}).set_requires_grad(true);
    {
      const auto soft = soft_groups(first, second, same_lengths);
      const SoftInputScope scope(soft);
      model->forward(collate_all(data)).loss.sum().backward();
    }
    double largest = 0;
    for (at::Tensor* weights : {&first, &second}) {
      const at::Tensor gradient = weights->grad();
      ASSERT_TRUE(gradient.defined());
      for (std::int64_t i = 0; i < weights->numel(); ++i) {
        const auto at_shift = [&](double shift) {
          at::Tensor a = first.detach().clone(), b = second.detach().clone();
          (weights == &first ? a : b).data_ptr<double>()[i] += shift;
          return total(*model, data, soft_groups(a, b, same_lengths));
        };
        const double slope = (at_shift(1e-5) - at_shift(-1e-5)) / 2e-5;
        EXPECT_NEAR(gradient.contiguous().data_ptr<double>()[i], slope, 1e-7) << GetParam() << i;
        largest = std::max(largest, std::abs(slope));
      }
    }
    EXPECT_GT(largest, 1e-5) << GetParam();
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, SoftInputs, ::testing::ValuesIn(kSoftKinds), [](const auto& info) {
  std::string name = info.param;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
});

TEST(SoftInputScopeTest, ScopesNestAndEnd) {
  EXPECT_FALSE(SoftInputScope::active());
  {
    const std::vector<SoftWords> none;
    const SoftInputScope outer(none);
    {
      const SoftInputScope inner(none);
    }
    EXPECT_TRUE(SoftInputScope::active());
  }
  EXPECT_FALSE(SoftInputScope::active());
}

TEST(SoftInputScopeTest, AModelThatReadsCharactersWantsThem) {
  const auto model = soft_model("bilstm-cnn-crf");
  const std::vector<SoftWords> soft = {
      {at::tensor({1}, at::kLong), at::ones({1, 1}, at::kDouble), at::tensor({9}, at::kLong), {}}};
  const SoftInputScope scope(soft);
  EXPECT_THROW(model->forward(collate_all(soft_examples(true, true))), Error);
}

}  // namespace
}  // namespace discreet::nn::test
