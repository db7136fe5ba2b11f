#include "discreet/fairness/sensitivity.h"

#include <cmath>

#include "discreet/core/error.h"
#include "discreet/core/registry.h"
#include "discreet/nn/layers/activation.h"
#include "discreet/nn/layers/embedding.h"
#include "discreet/nn/layers/linear.h"
#include "tests/nn/support.h"
#include "tests/nn/tiny_pretrained.h"

namespace discreet {
void register_all_model(core::Registry&);
void register_all_architecture(core::Registry&);
}

namespace discreet::fairness {
namespace {

using nn::PackedBatch;
using nn::test::collate_all;
using nn::test::random_examples;

const nn::ModelSizes kShape{40, 3, 0, 0};
constexpr const char* kClassifiers[] = {"bow", "cnn", "lstm", "bilstm", "gru", "transformer", "pretrained"};

std::shared_ptr<nn::Model> classifier(const std::string& kind, std::int64_t classes = 3, bool frozen = false) {
  if (!core::registry().contains("model", "bow")) register_all_model(core::registry());
  if (!core::registry().contains("architecture", "bert")) register_all_architecture(core::registry());
  nn::ModelSpec spec;
  spec.kind = kind;
  if (kind == "pretrained") spec.path = nn::test::tiny_pretrained("bert", kShape.vocabulary).string();
  spec.embedding = 6;
  spec.hidden = {kind == "transformer" ? 12 : 8};
  spec.heads = 3;
  spec.activation = "tanh";  // smooth, so that differences can be taken
  if (kind == "transformer" || kind == "pretrained") spec.activation = "";
  spec.dropout = 0.4;
  nn::ModelSizes sizes = kShape;
  sizes.intents = classes;
  core::ReproducibleRng rng(8, "sensitivity " + kind);
  at::Tensor vectors;
  if (frozen) {
    spec.freeze_vectors = true;
    vectors = nn::test::random_tensor({sizes.vocabulary, 6}, rng, at::kFloat);
  }
  auto model = nn::make_model(spec, sizes, vectors, rng);
  model->to(at::kDouble);
  const at::NoGradGuard no_gradients;
  for (at::Tensor& parameter : model->parameters()) {
    parameter.add_(nn::test::random_tensor(parameter.sizes(), rng), 0.3);  // heads start near zero
  }
  return model;
}

/// Every token another word, so that a row of the table is one place of the batch.
PackedBatch distinct_tokens() {
  core::ReproducibleRng rng(3, "tokens");
  nn::EncodedExamples data = random_examples({4, 1, 6, 3}, kShape.vocabulary, 2, rng);
  for (std::size_t n = 0; n < data.tokens.size(); ++n) data.tokens[n] = static_cast<std::int64_t>(2 * n + 3);
  data.characters.clear();
  data.character_offsets.clear();
  data.tags.clear();
  return collate_all(data);
}

at::Tensor table_of(nn::Model& model) {
  for (const auto& item : model.named_parameters()) {
    const std::string& name = item.key();
    if (name.ends_with("embedding.weight") || name.ends_with("words.weight")) return item.value();
  }
  throw internal_error("no table");
}

class SensitivityOf : public ::testing::TestWithParam<const char*> {};

// The reference: torch's own graph, one example and one class at a time.
TEST_P(SensitivityOf, GradientsAreThoseOfAutogradOneAtATime) {
  for (const ClassOutputs outputs : {ClassOutputs::kProbabilities, ClassOutputs::kLogits}) {
    const auto model = classifier(GetParam());
    const PackedBatch batch = distinct_tokens();
    const InputGradients found = input_gradients(*model, batch, {.outputs = outputs});
    EXPECT_TRUE(found.table.is_same(table_of(*model)));
    model->eval();
    at::Tensor expected = at::zeros_like(found.rows);
    for (std::int64_t e = 0; e < batch.examples(); ++e) {
      for (std::int64_t k = 0; k < 3; ++k) {
        model->zero_grad();
        at::Tensor f = model->forward(batch).intent_logits;
        if (outputs == ClassOutputs::kProbabilities) f = f.softmax(1);
        f[e][k].backward();
        expected.add_(table_of(*model).grad().index_select(0, batch.tokens).abs(), 1.0 / 3);
      }
    }
    EXPECT_LT(nn::test::difference(found.rows, expected), 1e-12);
    EXPECT_GT(found.rows.abs().max().item<double>(), 1e-5);
  }
}

TEST_P(SensitivityOf, GradientsAreThoseOfDifferences) {
  const auto model = classifier(GetParam());
  const PackedBatch batch = distinct_tokens();
  const at::Tensor seeds = at::tensor({1.0, -0.5, 0.2}, at::kDouble).expand({batch.examples(), 3}).contiguous();
  const at::Tensor gradient = signed_input_gradient(*model, batch, seeds, ClassOutputs::kProbabilities);
  model->eval();
  const at::NoGradGuard no_gradients;
  const at::Tensor table = table_of(*model);
  const auto value = [&] { return (model->forward(batch).intent_logits.softmax(1) * seeds).sum().item<double>(); };
  constexpr double kStep = 1e-5;
  for (std::int64_t n = 0; n < batch.token_count(); n += 3) {
    for (std::int64_t i = 0; i < table.size(1); i += 2) {
      at::Tensor entry = table[batch.tokens[n].item<std::int64_t>()][i];
      entry.add_(kStep);
      const double above = value();
      entry.sub_(2 * kStep);
      const double below = value();
      entry.add_(kStep);
      EXPECT_NEAR(gradient[n][i].item<double>(), (above - below) / (2 * kStep), 1e-7) << "token " << n << " coordinate " << i;
    }
  }
}

TEST_P(SensitivityOf, LeavesTheModelAsItWas) {
  const auto model = classifier(GetParam());
  model->train();
  const PackedBatch batch = distinct_tokens();
  const at::Tensor once = input_gradients(*model, batch).rows;
  EXPECT_TRUE(model->is_training());
  EXPECT_TRUE(at::equal(once, input_gradients(*model, batch).rows)) << "dropout took part";
  for (const at::Tensor& parameter : model->parameters()) EXPECT_FALSE(parameter.grad().defined());
}

INSTANTIATE_TEST_SUITE_P(Kinds, SensitivityOf, ::testing::ValuesIn(kClassifiers));

TEST(Sensitivity, FrozenTablesHaveGradientsToo) {
  const auto model = classifier("bilstm", 3, true);
  const PackedBatch batch = distinct_tokens();
  EXPECT_GT(input_gradients(*model, batch).rows.min().item<double>(), 0);
  EXPECT_FALSE(table_of(*model).requires_grad());
}

TEST(Sensitivity, TwoClassesTakeOnePass) {
  const auto model = classifier("bilstm", 2);
  const PackedBatch batch = distinct_tokens();
  const at::Tensor both = input_gradients(*model, batch, {.classes = ClassWeights::kOnes}).rows;
  at::Tensor expected = at::zeros_like(both);
  for (std::int64_t k = 0; k < 2; ++k) {
    at::Tensor seeds = at::zeros({batch.examples(), 2}, at::kDouble);
    seeds.select(1, k).fill_(1);
    expected.add_(signed_input_gradient(*model, batch, seeds, ClassOutputs::kProbabilities).abs());
  }
  EXPECT_LT(nn::test::difference(both, expected), 1e-14);
}

TEST(Sensitivity, WeightsOfClassesChooseTheirs) {
  const auto model = classifier("cnn");
  const PackedBatch batch = distinct_tokens();
  const at::Tensor predicted = input_gradients(*model, batch, {.classes = ClassWeights::kPredicted}).rows;
  const at::Tensor outputs = input_gradients(*model, batch).outputs;
  const at::Tensor seeds = at::zeros_like(outputs).scatter_(1, outputs.argmax(1, true), 1);
  EXPECT_LT(nn::test::difference(predicted,
                                 signed_input_gradient(*model, batch, seeds, ClassOutputs::kProbabilities).abs()),
            1e-14);
  const at::Tensor by_label = input_gradients(*model, batch, {.classes = ClassWeights::kTrue}).rows;
  const at::Tensor labels = at::zeros_like(outputs).scatter_(1, batch.intent.unsqueeze(1), 1);
  EXPECT_LT(nn::test::difference(by_label,
                                 signed_input_gradient(*model, batch, labels, ClassOutputs::kProbabilities).abs()),
            1e-14);
}

// ---- published closed forms ----

/// Examples of `tokens` words whose vectors stand side by side before one or two layers.
class Concatenated final : public nn::Model {
 public:
  Concatenated(const at::Tensor& table, std::int64_t tokens, const at::Tensor& w, const at::Tensor& b,
               const at::Tensor& w2 = {}, const at::Tensor& b2 = {})
      : width_(tokens * table.size(1)) {
    core::ReproducibleRng rng(1, "fixed");
    const auto layer = [&](const char* name, const at::Tensor& weight, const at::Tensor& bias) {
      auto made = register_module(name, nn::Linear(nn::LinearOptions{weight.size(1), weight.size(0)}, rng));
      made->to(at::kDouble);
      const at::NoGradGuard no_gradients;
      made->named_parameters()["weight"].copy_(weight);
      made->named_parameters()["bias"].copy_(bias);
      return made;
    };
    table_ = register_module("embedding", nn::Embedding(nn::EmbeddingOptions{table.size(0), table.size(1)}, rng));
    table_->to(at::kDouble);
    const at::NoGradGuard no_gradients;
    table_->weight.copy_(table);
    first_ = layer("first", w, b);
    if (w2.defined()) second_ = layer("second", w2, b2);
  }

  nn::ModelOutput compute(const PackedBatch& batch) override {
    const at::Tensor x = table_->forward(batch.tokens, batch.token_segments).view({batch.examples(), width_});
    nn::ModelOutput out;
    out.intent_logits = first_->forward(x, batch.example_segments);
    if (second_) out.intent_logits = second_->forward(at::tanh(out.intent_logits), batch.example_segments);
    return out;
  }
  nn::Prediction decode(const PackedBatch&, const nn::ModelOutput&) override { return {}; }

 private:
  std::int64_t width_;
  nn::Embedding table_{nullptr};
  nn::Linear first_{nullptr}, second_{nullptr};
};

PackedBatch words(std::vector<std::int64_t> tokens) {
  nn::EncodedExamples data;
  data.tokens = std::move(tokens);
  data.offsets = {0, static_cast<std::int64_t>(data.tokens.size())};
  return collate_all(data);
}

at::Tensor rows(std::vector<double> values, std::int64_t columns) {
  return at::tensor(values, at::kDouble).view({-1, columns});
}

Concatenated linear_softmax() {
  return {rows({.2, -.4, .6, 1}, 4), 1, rows({.5, -.3, .8, .1, -.2, .4, .1, -.6, .3, .2, -.5, .4}, 4),
          at::tensor({.1, 0., -.2}, at::kDouble)};
}

double weighed(const InputGradients& task, FeatureWeights weights, const InputGradients* status = nullptr) {
  return *accumulated_sensitivity(token_gradients(task, status, status != nullptr), 0, task.rows.size(0), weights);
}

/// By coordinate: the place [token][i] alone, for weights on one feature.
double at_feature(const InputGradients& found, std::int64_t i) { return found.rows[0][i].item<double>(); }

TEST(SensitivityGolden, LinearSoftmax) {
  Concatenated model = linear_softmax();
  const PackedBatch batch = words({0});
  const InputGradients uniform = input_gradients(model, batch);
  EXPECT_NEAR(uniform.outputs[0][0].item<double>(), .643262635306, 1e-12);
  EXPECT_NEAR(at_feature(uniform, 2), .166772487901, 1e-12);
  EXPECT_NEAR(weighed(uniform, FeatureWeights::kUniform), .092018065718, 1e-12);
  const InputGradients ones = input_gradients(model, batch, {.classes = ClassWeights::kOnes});
  EXPECT_NEAR(weighed(ones, FeatureWeights::kOnes), 1.104216788621, 1e-11);
  const InputGradients predicted = input_gradients(model, batch, {.classes = ClassWeights::kPredicted});
  EXPECT_NEAR(at_feature(predicted, 2), .250158731852, 1e-12);
  EXPECT_NEAR(weighed(predicted, FeatureWeights::kUniform), .119600478087, 1e-12);
  // A protected-status model sigmoid(u.x + c), as two classes whose logits differ by u.x + c.
  Concatenated status(rows({.2, -.4, .6, 1}, 4), 1, rows({0, 0, 0, 0, .1, -.2, 1.5, .2}, 4),
                      at::tensor({0., .3}, at::kDouble));
  const InputGradients g = input_gradients(status, batch, {.classes = ClassWeights::kOnes});
  const at::Tensor v = g.rows[0] / g.rows.sum();
  for (const auto& [i, share] : {std::pair{0, .05}, {1, .10}, {2, .75}, {3, .10}}) {
    EXPECT_NEAR(v[i].item<double>(), share, 1e-12);
  }
  EXPECT_NEAR(weighed(uniform, FeatureWeights::kProtected, &g), .142341731567, 1e-12);
  EXPECT_NEAR(weighed(predicted, FeatureWeights::kProtected, &g), .206141949154, 1e-12);
}

TEST(SensitivityGolden, TwoLayers) {
  Concatenated model(rows({.5, -1, .25}, 3), 1, rows({.6, -.4, .2, .1, .5, -.7}, 3), at::tensor({.05, -.1}, at::kDouble),
                     rows({.9, -.5, -.6, .8}, 2), at::tensor({0., .1}, at::kDouble));
  const PackedBatch batch = words({0});
  const InputGradients p = input_gradients(model, batch);
  EXPECT_NEAR(p.outputs[0][1].item<double>(), .154197571570, 1e-12);
  EXPECT_NEAR(at_feature(p, 0), .055183747802, 1e-12);
  EXPECT_NEAR(at_feature(p, 1), .095934273572, 1e-12);
  EXPECT_NEAR(weighed(p, FeatureWeights::kUniform), .082017777485, 1e-12);
  const InputGradients logits = input_gradients(model, batch, {.outputs = ClassOutputs::kLogits});
  EXPECT_NEAR(weighed(logits, FeatureWeights::kUniform), .314435475937, 1e-12);
}

TEST(SensitivityGolden, Tokens) {
  Concatenated model(rows({1, .5, -.5, .2}, 2), 2, rows({.4, -.1, .3, .2, -.3, .2, -.2, .5}, 4), at::zeros({2}, at::kDouble));
  const PackedBatch batch = words({0, 1});
  const InputGradients l1 = input_gradients(model, batch, {.features = InputFeatures::kTokenL1});
  EXPECT_NEAR(l1.rows[0][0].item<double>(), .246434280091, 1e-12);
  EXPECT_NEAR(l1.rows[1][0].item<double>(), .197147424073, 1e-12);
  const InputGradients l2 = input_gradients(model, batch, {.features = InputFeatures::kTokenL2});
  EXPECT_NEAR(l2.rows[0][0].item<double>(), .187678756268, 1e-12);
  EXPECT_NEAR(l2.rows[1][0].item<double>(), .143694643245, 1e-12);
  const TokenGradients tokens = token_gradients(l1, nullptr, false);
  const std::vector<double> given = {0, 2};
  std::vector<double> attributions;
  EXPECT_NEAR(*accumulated_sensitivity(tokens, 0, 2, FeatureWeights::kGiven, {}, given, &attributions), 2 * .197147424073, 1e-12);
  EXPECT_EQ(attributions[0], 0);
  EXPECT_NEAR(attributions[1], 2 * .197147424073, 1e-12);
  EXPECT_NEAR(*accumulated_sensitivity(tokens, 0, 2, FeatureWeights::kGivenShare, {}, given), .197147424073, 1e-12);
}

// ---- what the weights mean ----

TEST(Sensitivity, AbsentWhereWeightsAreUndefined) {
  const TokenGradients tokens{.task = {1, 2}, .protected_ = {0, 0}, .product = {0, 0}, .width = 3};
  EXPECT_FALSE(accumulated_sensitivity(tokens, 0, 2, FeatureWeights::kProtected));
  EXPECT_FALSE(accumulated_sensitivity(tokens, 1, 1, FeatureWeights::kUniform));
  const std::vector<double> none = {0, 0};
  EXPECT_FALSE(accumulated_sensitivity(tokens, 0, 2, FeatureWeights::kGivenShare, {}, none));
  EXPECT_EQ(accumulated_sensitivity(tokens, 0, 2, FeatureWeights::kGiven, {}, none), 0.0);
  const std::vector<std::uint8_t> counted = {0, 1};
  EXPECT_EQ(accumulated_sensitivity(tokens, 0, 2, FeatureWeights::kUniform, counted), 2.0 / 3);
}

// Linear in v: weights on disjoint sets of words add up.
TEST(Sensitivity, DisjointWeightsAddUp) {
  const auto model = classifier("bilstm");
  const PackedBatch batch = distinct_tokens();
  const TokenGradients tokens = token_gradients(input_gradients(*model, batch), nullptr, false);
  const std::size_t n = tokens.task.size();
  std::vector<double> even(n), odd(n);
  for (std::size_t i = 0; i < n; ++i) (i % 2 == 0 ? even : odd)[i] = 1;
  const std::vector<double> all(n, 1);
  const auto of = [&](const std::vector<double>& v) {
    return *accumulated_sensitivity(tokens, 0, 4, FeatureWeights::kGiven, {}, v);
  };
  EXPECT_NEAR(of(even) + of(odd), of(all), 1e-14);
  EXPECT_NEAR(of(all), *accumulated_sensitivity(tokens, 0, 4, FeatureWeights::kOnes), 1e-14);
}

/// Multiplies the vectors of words from 20 on by 0 before its first layer: it cannot see them.
class Blind final : public nn::Model {
 public:
  Blind() {
    core::ReproducibleRng rng(2, "blind");
    table_ = register_module("embedding", nn::Embedding(nn::EmbeddingOptions{kShape.vocabulary, 5}, rng));
    head_ = register_module("head", nn::Linear(nn::LinearOptions{5, 3}, rng));
    to(at::kDouble);
  }
  nn::ModelOutput compute(const PackedBatch& batch) override {
    at::Tensor x = table_->forward(batch.tokens, batch.token_segments);
    x = (x * batch.tokens.lt(20).unsqueeze(1)).tanh();
    const at::Tensor example = at::repeat_interleave(batch.offsets_tensor.diff());
    const at::Tensor sums = at::zeros({batch.examples(), 5}, x.options()).index_add(0, example, x);
    nn::ModelOutput out;
    out.intent_logits = head_->forward(sums, batch.example_segments);
    return out;
  }
  nn::Prediction decode(const PackedBatch&, const nn::ModelOutput&) override { return {}; }

 private:
  nn::Embedding table_{nullptr};
  nn::Linear head_{nullptr};
};

// Statistical parity: where f does not depend on the protected features, P with v on them is exactly 0, and
// predictions do not change with them.
TEST(Sensitivity, IsZeroWhereTheModelCannotSee) {
  Blind model;
  const PackedBatch batch = words({3, 25, 7, 30});
  const InputGradients found = input_gradients(model, batch);
  const TokenGradients tokens = token_gradients(found, nullptr, false);
  const std::vector<double> hidden = {0, 1, 0, 1}, seen = {1, 0, 1, 0};
  EXPECT_EQ(*accumulated_sensitivity(tokens, 0, 4, FeatureWeights::kGiven, {}, hidden), 0);
  EXPECT_GT(*accumulated_sensitivity(tokens, 0, 4, FeatureWeights::kGiven, {}, seen), 1e-3);
  EXPECT_TRUE(at::equal(found.outputs, input_gradients(model, words({3, 38, 7, 21})).outputs));
}

// Individual fairness: with w = v = 1, Σ_k |f_k(x) - f_k(y)| <= sup P max_i |x_i - y_i|; the mean of P along the
// way from x to y bounds it already, by the mean value theorem.
TEST(Sensitivity, BoundsTheChangeOfPredictions) {
  core::ReproducibleRng rng(6, "pairs");
  for (int trial = 0; trial < 20; ++trial) {
    const at::Tensor x = nn::test::random_tensor({1, 4}, rng), y = x + 0.5 * nn::test::random_tensor({1, 4}, rng);
    const at::Tensor w = nn::test::random_tensor({3, 4}, rng), b = nn::test::random_tensor({3}, rng);
    constexpr int kPoints = 64;
    std::vector<at::Tensor> points;
    for (int i = 0; i <= kPoints; ++i) points.push_back(x + (y - x) * (static_cast<double>(i) / kPoints));
    Concatenated model(at::cat(points), 1, w, b);
    double most = 0;
    at::Tensor first, last;
    for (int i = 0; i <= kPoints; ++i) {
      const InputGradients found = input_gradients(model, words({i}), {.classes = ClassWeights::kOnes});
      most = std::max(most, weighed(found, FeatureWeights::kOnes));
      if (i == 0) first = found.outputs;
      last = found.outputs;
    }
    const double change = (first - last).abs().sum().item<double>();
    EXPECT_LE(change, 1.001 * most * (x - y).abs().max().item<double>());
    EXPECT_GT(change, 0);
  }
}

// Planted dependence: a label that leans on one word by beta. P on that word follows p(1 - p) beta, and so rises.
TEST(Sensitivity, RisesWithWhatIsPlanted) {
  double before = -1;
  for (const double beta : {0., .25, .5, .75, 1., 1.25, 1.5, 2.}) {
    // Two words, one coordinate each: a topic and the gendered word.
    Concatenated model(rows({1, 1}, 1), 2, rows({0, 0, .8, beta}, 2), at::tensor({0., -.8 - beta}, at::kDouble));
    const InputGradients found = input_gradients(model, words({0, 1}), {.classes = ClassWeights::kOnes});
    const TokenGradients tokens = token_gradients(found, nullptr, false);
    const std::vector<double> gendered = {0, 1};
    const double p = *accumulated_sensitivity(tokens, 0, 2, FeatureWeights::kGiven, {}, gendered);
    EXPECT_NEAR(p, 2 * .25 * beta, 1e-12) << "both classes move by p (1 - p) beta, p = 1/2";
    EXPECT_GT(p, before);
    before = p;
  }
}

}  // namespace
}  // namespace discreet::fairness
