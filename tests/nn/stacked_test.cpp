#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include <ATen/Parallel.h>

#include "discreet/core/error.h"
#include "discreet/nn/ordinary_step.h"
#include "discreet/nn/stacked/train.h"
#include "tests/dp/tensor_registry.h"

namespace discreet::nn {
namespace {

constexpr std::int64_t kWords = 30, kIntents = 4, kExamples = 40;

EncodedExamples some_examples() {
  core::ReproducibleRng rng(4, "stacked");
  EncodedExamples data;
  for (std::int64_t i = 0; i < kExamples; ++i) {
    const std::int64_t length = i == 7 ? 0 : 1 + static_cast<std::int64_t>(rng.below(6));
    for (std::int64_t t = 0; t < length; ++t)
      data.tokens.push_back(static_cast<std::int64_t>(rng.below(kWords)));
    data.offsets.push_back(static_cast<std::int64_t>(data.tokens.size()));
    data.intents.push_back(static_cast<std::int64_t>(rng.below(kIntents)));
  }
  return data;
}

StackedSpec spec_of(const std::string& kind, bool frozen, std::int64_t models) {
  dp::tensor_registry();
  StackedSpec spec;
  spec.model.kind = kind;
  spec.model.embedding = 6;
  spec.model.hidden =
      kind == "bow" && frozen ? std::vector<std::int64_t>{} : std::vector<std::int64_t>{5};
  spec.model.layers = kind == "bilstm" ? 2 : 1;
  spec.model.freeze_vectors = frozen;
  spec.sizes = {kWords, kIntents, 0};
  core::ReproducibleRng rng(9, "vectors");
  if (frozen) {
    spec.vectors = at::empty({kWords, 6});
    for (std::int64_t i = 0; i < kWords * 6; ++i)
      spec.vectors.data_ptr<float>()[i] = static_cast<float>(rng.normal());
  }
  for (std::int64_t k = 0; k < models; ++k)
    spec.seeds.push_back(static_cast<std::uint64_t>(100 + k));
  return spec;
}

/// Each model its own half of the data, order and rate.
std::vector<StackedMember> members_of(std::int64_t models, double rate) {
  std::vector<StackedMember> members;
  core::ReproducibleRng rng(5, "halves");
  for (std::int64_t k = 0; k < models; ++k) {
    StackedMember member{{}, static_cast<std::uint64_t>(k), rate * static_cast<double>(k + 1)};
    for (std::int64_t e = 0; e < kExamples; ++e) {
      if (e == 7 || rng.uniform() < 0.5) member.examples.push_back(e);
    }
    members.push_back(std::move(member));
  }
  return members;
}

struct StackedCase {
  std::string kind;
  bool frozen;
  OptimizerOptions optimizer;
  double rate;
  double max_norm = 0;
};

std::vector<StackedCase> stacked_cases() {
  const OptimizerOptions sgd{}, adam{.kind = OptimizerKind::kAdam, .weight_decay = 0.01};
  // Without decay only rows that a step has touched are visited.
  const OptimizerOptions plain{.kind = OptimizerKind::kAdam}, momentum{.kind = OptimizerKind::kNesterov};
  return {{"bow", true, sgd, 0.2},       {"bow", true, adam, 0.01},
          {"bow", false, sgd, 0.2},      {"bow", false, adam, 0.01},
          {"bow", false, plain, 0.01},   {"bow", false, momentum, 0.02},
          {"lstm", false, plain, 0.01},
          {"lstm", false, sgd, 0.2},     {"bilstm", false, sgd, 0.2, 0.5},
          {"bilstm", false, adam, 0.01}, {"bilstm", true, sgd, 0.2}};
}

/// The same training by the ordinary step, one model alone.
at::Tensor alone(const StackedSpec& spec, const EncodedExamples& data, const StackedMember& member,
                 const StackedCase& tried, std::int64_t steps, std::uint64_t seed) {
  core::ReproducibleRng rng(seed, "parameters");
  const auto model = make_model(spec.model, spec.sizes, spec.vectors, rng);
  EncodedExamples own;
  for (const std::int64_t e : member.examples) {
    own.tokens.insert(own.tokens.end(), data.tokens.begin() + data.offsets[e],
                      data.tokens.begin() + data.offsets[e + 1]);
    own.offsets.push_back(static_cast<std::int64_t>(own.tokens.size()));
    own.intents.push_back(data.intents[e]);
  }
  OrdinaryStep step(*model,
                    [&](auto indices, auto segments) { return collate(own, indices, segments); },
                    {.examples = own.size(),
                     .batch_size = 4,
                     .seed = member.seed,
                     .max_norm = tried.max_norm,
                     .optimizer = tried.optimizer});
  for (std::int64_t s = 0; s < steps; ++s) step.run(step.sample(s), member.learning_rate);
  std::vector<at::Tensor> pieces;
  for (const auto& [name, value] : trainable_parameters(*model))
    pieces.push_back(value.detach().flatten().clone());
  return at::cat(pieces);
}

at::Tensor flat(const NamedTensors& parameters) {
  std::vector<at::Tensor> pieces;
  for (const auto& [name, value] : parameters) pieces.push_back(value.detach().flatten());
  return at::cat(pieces);
}

TEST(StackedTrainer, EndsWhereEachModelWouldEndAlone) {
  constexpr std::int64_t kModels = 3, kSteps = 14;  // past the end of an epoch
  const EncodedExamples data = some_examples();
  for (const StackedCase& tried : stacked_cases()) {
    const StackedSpec spec = spec_of(tried.kind, tried.frozen, kModels);
    StackedModel model(spec);
    const at::Tensor before = flat(model.parameters()).clone();
    const auto members = members_of(kModels, tried.rate);
    StackedTrainer trainer(
        model, model.prepare(data), members,
        {.batch_size = 4, .optimizer = tried.optimizer, .max_norm = tried.max_norm});
    for (std::int64_t s = 0; s < kSteps; ++s) trainer.step();
    EXPECT_GT((flat(model.parameters()) - before).abs().max().item<double>(), 1e-2);
    for (std::int64_t k = 0; k < kModels; ++k) {
      const auto place = static_cast<std::size_t>(k);
      const at::Tensor expected =
          alone(spec, data, members[place], tried, kSteps, spec.seeds[place]);
      const double error = (flat(model.parameters_of(k)) - expected).abs().max().item<double>();
      EXPECT_LE(error, 2e-5) << tried.kind << " frozen " << tried.frozen << " model " << k
                             << " optimizer " << optimizer_name(tried.optimizer.kind);
    }
  }
}

TEST(StackedModel, LogitsAreThoseOfTheModelsItHolds) {
  const EncodedExamples data = some_examples();
  std::vector<std::int64_t> all(kExamples);
  std::iota(all.begin(), all.end(), 0);
  for (const StackedCase& tried : stacked_cases()) {
    const StackedModel model(spec_of(tried.kind, tried.frozen, 2));
    const at::Tensor logits = model.logits(*model.prepare(data), all);
    for (std::int64_t k = 0; k < 2; ++k) {
      const at::NoGradGuard no_gradients;
      const auto one = model.extract(k);
      one->eval();
      const at::Tensor expected = one->forward(collate(data, all)).intent_logits;
      EXPECT_LE((logits[k] - expected).abs().max().item<double>(), 1e-5) << tried.kind;
    }
    EXPECT_GT((logits[0] - logits[1]).abs().max().item<double>(), 1e-3);
  }
}

TEST(StackedTrainer, ResumesExactlyWithAnyNumberOfThreads) {
  const EncodedExamples data = some_examples();
  const StackedSpec spec = spec_of("bow", false, 3);
  const StackedTrainOptions options{.batch_size = 4, .optimizer = {.kind = OptimizerKind::kAdam}};
  StackedModel whole(spec), first(spec), second(spec);
  const auto members = members_of(3, 0.01);
  StackedTrainer one(whole, whole.prepare(data), members, options),
      two(first, first.prepare(data), members, options),
      three(second, second.prepare(data), members, options);
  for (int s = 0; s < 8; ++s) one.step();
  const int threads = at::get_num_threads();
  at::set_num_threads(2);
  for (int s = 0; s < 3; ++s) two.step();
  NamedTensors saved;
  for (const auto& [name, value] : two.state()) saved.emplace_back(name, value.clone());
  three.load(saved);
  for (int s = 0; s < 5; ++s) three.step();
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(flat(whole.parameters()), flat(second.parameters())));
  saved.pop_back();
  EXPECT_THROW(three.load(saved), Error);
}

TEST(StackedModel, RefusesWhatItCannotStack) {
  const auto refused = [](auto&& change) {
    StackedSpec spec = spec_of("bow", false, 2);
    change(spec);
    EXPECT_THROW(StackedModel{spec}, Error);
  };
  refused([](StackedSpec& s) { s.model.kind = "transformer"; });
  refused([](StackedSpec& s) { s.model.dropout = 0.1; });
  refused([](StackedSpec& s) { s.model.pooling = "max"; });
  refused([](StackedSpec& s) { s.model.norm_inputs = true; });
  refused([](StackedSpec& s) { s.sizes.tags = 3; });
  refused([](StackedSpec& s) { s.seeds.clear(); });
  StackedModel model(spec_of("bow", false, 2));
  const auto data = model.prepare(some_examples());
  EXPECT_THROW(StackedTrainer(model, data, members_of(3, 0.1), {}), Error);
  auto members = members_of(2, 0.1);
  members[1].examples.clear();
  EXPECT_THROW(StackedTrainer(model, data, members, {}), Error);
}

}  // namespace
}  // namespace discreet::nn
