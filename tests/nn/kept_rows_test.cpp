// A frozen stack computes each example once; within a scope, stacks with the same weights do so together.
#include "discreet/nn/pretrained/kept_rows.h"

#include "discreet/nn/pretrained/model.h"
#include "tests/dp/tensor_registry.h"
#include "tests/nn/support.h"
#include "tests/nn/tiny_pretrained.h"

namespace discreet::nn::test {
namespace {

constexpr std::int64_t kKeptWords = 13;

/// In training mode, with a frozen stack.
std::shared_ptr<PretrainedModel> frozen_model(std::uint64_t seed) {
  dp::tensor_registry();
  PretrainedSource source =
      open_source(tiny_pretrained("bert", kKeptWords, {{"architectures", {"BertForTokenClassification"}}}));
  const HeadForm head = head_of(source.architecture, source.config);
  core::ReproducibleRng rng(seed, "kept-rows");
  auto model = std::make_shared<PretrainedModel>(std::move(source), head, rng);
  for (at::Tensor& parameter : model->encoder().parameters()) parameter.set_requires_grad(false);
  model->train();
  return model;
}

PackedBatch batch_of(const std::vector<std::int64_t>& lengths) {
  core::ReproducibleRng rng(5, "kept-rows-batch");
  EncodedExamples data = random_examples(lengths, kKeptWords, 3, rng);
  data.character_offsets.clear();
  data.characters.clear();
  return collate_all(data);
}

at::Tensor rows_of(PretrainedModel& model, const PackedBatch& batch) { return model.encoder().rows(batch, {}, {}); }

std::vector<std::pair<std::string, at::Tensor>> weights_of(const PretrainedModel& model) {
  std::vector<std::pair<std::string, at::Tensor>> weights;
  for (const auto& item : const_cast<PretrainedModel&>(model).encoder().named_parameters()) {
    weights.emplace_back(item.key(), item.value());
  }
  return weights;
}

std::string key_of(const PackedBatch& batch, std::size_t example) {
  const auto* ids = batch.tokens.const_data_ptr<std::int64_t>();
  return KeptRows::key({ids + batch.offsets[example], ids + batch.offsets[example + 1]}, {});
}

TEST(KeptRows, AnExampleIsComputedOnce) {
  const auto model = frozen_model(1);
  const PackedBatch batch = batch_of({4, 1, 7});
  const at::Tensor first = rows_of(*model, batch);
  const at::NoGradGuard no_gradients;
  model->encoder().parameters()[0].zero_();
  EXPECT_TRUE(at::equal(rows_of(*model, batch), first)) << "rows were computed again";
  model->eval();
  EXPECT_FALSE(at::allclose(rows_of(*model, batch), first)) << "evaluation keeps nothing";
}

TEST(KeptRows, TheEmbeddingsRowsAreKeptBesideTheLastLayers) {
  dp::tensor_registry();
  core::ReproducibleRng rng(3, "kept-words");
  const PretrainedSource source =
      open_source(tiny_pretrained("bert", kKeptWords, {{"architectures", {"BertForTokenClassification"}}}));
  PretrainedEncoder encoder(source.form, {.words = true}, rng);
  ASSERT_EQ(encoder.word_width(), source.form.width);
  const PackedBatch batch = batch_of({4, 1, 7});
  std::vector<at::Tensor> layers;
  const at::Tensor rows = encoder.rows(batch, {}, {}, &layers);
  ASSERT_FALSE(at::allclose(rows, layers.front()));
  const auto expect_both = [&] {
    const Encoded encoded = encoder.forward(batch, {}, {});
    EXPECT_TRUE(at::allclose(encoded.tokens, rows, 1e-5, 1e-6));
    EXPECT_TRUE(at::allclose(encoded.words, layers.front(), 1e-5, 1e-6));
  };
  expect_both();
  for (at::Tensor& parameter : encoder.parameters()) parameter.set_requires_grad(false);
  encoder.train();
  const SharedRowsScope scope;
  expect_both();
  {
    const at::NoGradGuard no_gradients;
    PretrainedEncoder plain(source.form, {}, rng);
    for (const auto& item : encoder.named_parameters()) plain.named_parameters()[item.key()].copy_(item.value());
    for (at::Tensor& parameter : plain.parameters()) parameter.set_requires_grad(false);
    plain.train();
    EXPECT_EQ(plain.forward(batch, {}, {}).tokens.size(1), source.form.width) << "it took the rows of an encoder with words";
  }
  expect_both();  // what was kept
}

TEST(KeptRows, StacksOfAScopeShareThem) {
  const PackedBatch batch = batch_of({4, 1, 7});
  const SharedRowsScope scope;
  const auto first = frozen_model(1), twin = frozen_model(1);
  const at::Tensor own = rows_of(*first, batch);
  const auto kept = SharedRowsScope::of(weights_of(*first));
  ASSERT_TRUE(kept->find(key_of(batch, 2)).defined());
  kept->find(key_of(batch, 2)).fill_(7);  // a mark that no stack would compute
  const at::Tensor marked = rows_of(*twin, batch);
  EXPECT_TRUE(at::equal(marked.narrow(0, 0, 5), own.narrow(0, 0, 5)));
  EXPECT_TRUE(marked.narrow(0, 5, 7).eq(7).all().item<bool>());
  const auto bytes = kept->bytes();
  EXPECT_GE(bytes, 12 * 12 * 4);
  // Other weights have rows of their own.
  const auto other = frozen_model(2);
  EXPECT_FALSE(rows_of(*other, batch).eq(7).any().item<bool>());
  EXPECT_NE(SharedRowsScope::of(weights_of(*other)), kept);
  EXPECT_EQ(kept->bytes(), bytes);
}

TEST(KeptRows, WithoutAScopeNothingIsShared) {
  const auto first = frozen_model(1), twin = frozen_model(1);
  EXPECT_NE(SharedRowsScope::of(weights_of(*first)), SharedRowsScope::of(weights_of(*twin)));
}

TEST(KeptRows, TokensAndTypesAreToldApart) {
  EXPECT_NE(KeptRows::key({1, 2}, {}), KeptRows::key({1}, {2}));
  EXPECT_EQ(KeptRows::key({1, 2}, {0, 1}), KeptRows::key({1, 2}, {0, 1}));
}

}  // namespace
}  // namespace discreet::nn::test
