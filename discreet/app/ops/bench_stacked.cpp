#include <algorithm>
#include <chrono>
#include <numeric>

#include <ATen/Parallel.h>
#include <torch/headeronly/version.h>

#include "discreet/core/error.h"
#include "discreet/core/operation.h"
#include "discreet/core/registry.h"
#include "discreet/dp/private_step.h"
#include "discreet/dp/stacked.h"
#include "discreet/nn/gemm.h"
#include "discreet/nn/ordinary_step.h"

namespace discreet {
namespace app {
namespace {

constexpr std::int64_t kStackedBatch = 32, kStackedClasses = 20, kStackedWords = 5000;

/// K small models of one shape, each on a random half of one data set.
struct StackedShape {
  std::string name;
  nn::StackedSpec spec;
  nn::OptimizerOptions optimizer;
  bool is_private = false;
};

nn::EncodedExamples stacked_examples(std::int64_t examples) {
  core::ReproducibleRng rng(1, "bench-stacked");
  nn::EncodedExamples data;
  for (std::int64_t e = 0; e < examples; ++e) {
    const auto length = 4 + rng.below(13);  // utterances: 4 to 16 words
    for (std::uint64_t t = 0; t < length; ++t) {
      data.tokens.push_back(static_cast<std::int64_t>(rng.below(kStackedWords)));
    }
    data.offsets.push_back(static_cast<std::int64_t>(data.tokens.size()));
    data.intents.push_back(static_cast<std::int64_t>(rng.below(kStackedClasses)));
  }
  return data;
}

StackedShape stacked_shape(const std::string& name, const std::string& kind,
                           std::vector<std::int64_t> hidden, bool frozen,
                           nn::OptimizerKind optimizer, bool is_private, std::int64_t models) {
  StackedShape shape{name, {}, {.kind = optimizer}, is_private};
  shape.spec.model.kind = kind;
  shape.spec.model.embedding = 64;
  shape.spec.model.hidden = std::move(hidden);
  shape.spec.model.freeze_vectors = frozen;
  shape.spec.sizes = {kStackedWords, kStackedClasses, 0};
  if (frozen) {
    core::ReproducibleRng rng(2, "bench-stacked");
    shape.spec.vectors = at::empty({kStackedWords, 64});
    float* values = shape.spec.vectors.data_ptr<float>();
    for (std::int64_t i = 0; i < kStackedWords * 64; ++i)
      values[i] = static_cast<float>(rng.normal());
  }
  for (std::int64_t k = 0; k < models; ++k)
    shape.spec.seeds.push_back(static_cast<std::uint64_t>(k));
  return shape;
}

std::vector<StackedShape> stacked_shapes(std::int64_t models) {
  std::vector<StackedShape> shapes;
  for (const bool is_private : {false, true}) {
    for (const auto optimizer : {nn::OptimizerKind::kSgd, nn::OptimizerKind::kAdam}) {
      const std::string suffix =
          "-" + nn::optimizer_name(optimizer) + (is_private ? "-private" : "");
      shapes.push_back(
          stacked_shape("linear" + suffix, "bow", {}, true, optimizer, is_private, models));
      shapes.push_back(
          stacked_shape("frozen-head" + suffix, "bow", {64}, true, optimizer, is_private, models));
      shapes.push_back(stacked_shape("bag-of-words" + suffix, "bow", {64}, false, optimizer,
                                     is_private, models));
      shapes.push_back(
          stacked_shape("bilstm" + suffix, "bilstm", {64}, false, optimizer, is_private, models));
    }
  }
  return shapes;
}

/// Multiplications and additions of one model's step: twice forward, four times backward for each
/// weight and row; inputs that are data need no gradient.
double flops_of(const nn::stacked::Shape& shape, double tokens_per_example) {
  double total = 0;
  for (const auto& layer : shape.lstm) {
    for (const auto& d : layer) {
      total += tokens_per_example * 6 * static_cast<double>(4 * d.hidden * (d.in + d.hidden));
    }
  }
  for (std::size_t i = 0; i < shape.linear.size(); ++i) {
    const double weights = static_cast<double>(shape.linear[i].in * shape.linear[i].out);
    total += (i == 0 && shape.features ? 4 : 6) * weights;
  }
  return total * static_cast<double>(kStackedBatch);
}

/// What a large product reaches on this machine, in operations a second.
double peak_flops() {
  constexpr std::int64_t n = 512;
  std::vector<float> a(n * n, 0.5F), b(n * n, 0.25F), c(n * n);
  double best = 0;
  for (int i = 0; i < 20; ++i) {
    const auto started = std::chrono::steady_clock::now();
    nn::gemm<float>({n, n, n}, {a.data(), n}, {b.data(), n}, c.data(), n);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
    best = std::max(best, 2.0 * n * n * n / took.count());
  }
  return best;
}

std::vector<nn::StackedMember> stacked_members(std::int64_t models, std::int64_t examples) {
  std::vector<nn::StackedMember> members;
  for (std::int64_t k = 0; k < models; ++k) {
    core::ReproducibleRng rng(static_cast<std::uint64_t>(k), "half");
    nn::StackedMember member{{}, static_cast<std::uint64_t>(k), 0.01};
    for (std::int64_t e = 0; e < examples; ++e) {
      if (rng.uniform() < 0.5) member.examples.push_back(e);
    }
    members.push_back(std::move(member));
  }
  return members;
}

std::unique_ptr<dp::PrivatePlan> stacked_plan(std::size_t units, std::uint64_t seed) {
  return std::make_unique<dp::PrivatePlan>(dp::PrivacyOptions{.units = units,
                                                              .expected_batch_size = kStackedBatch,
                                                              .steps = 100000,
                                                              .clip_norm = 1,
                                                              .noise_multiplier = 1.0,
                                                              .insecure_seed = seed});
}

/// The same training one model after the other, as `train` does it.
struct OneByOne {
  std::vector<std::shared_ptr<nn::Model>> models;
  std::vector<std::unique_ptr<nn::Step>> steps;
  std::vector<double> rates;
  std::int64_t number = 0;

  void step() {
    for (std::size_t k = 0; k < steps.size(); ++k)
      steps[k]->run(steps[k]->sample(number), rates[k]);
    ++number;
  }
};

OneByOne one_by_one(const StackedShape& shape, const nn::StackedModel& start,
                    const nn::EncodedExamples& data,
                    const std::vector<nn::StackedMember>& members) {
  OneByOne all;
  for (std::size_t k = 0; k < members.size(); ++k) {
    all.models.push_back(start.extract(static_cast<std::int64_t>(k)));
    all.models.back()->train();
    all.rates.push_back(members[k].learning_rate);
    const std::vector<std::int64_t>& own = members[k].examples;
    const auto collate = [&data, &own](std::span<const std::int64_t> indices,
                                       std::span<const std::int64_t> segments) {
      std::vector<std::int64_t> places;
      for (const std::int64_t i : indices) places.push_back(own[static_cast<std::size_t>(i)]);
      return nn::collate(data, places, segments);
    };
    if (!shape.is_private) {
      all.steps.push_back(std::make_unique<nn::OrdinaryStep>(
          *all.models.back(), collate,
          nn::OrdinaryStepOptions{.examples = static_cast<std::int64_t>(own.size()),
                                  .batch_size = kStackedBatch,
                                  .seed = members[k].seed,
                                  .optimizer = shape.optimizer}));
      continue;
    }
    std::vector<std::int64_t> lengths;
    for (const std::int64_t e : own)
      lengths.push_back(data.offsets[static_cast<std::size_t>(e) + 1] -
                        data.offsets[static_cast<std::size_t>(e)]);
    all.steps.push_back(std::make_unique<dp::PrivateStep>(
        *all.models.back(), stacked_plan(own.size(), static_cast<std::uint64_t>(k)),
        dp::PrivateStep::Data{std::move(lengths), {}, collate},
        dp::PrivateStepOptions{.optimizer = shape.optimizer}, nullptr));
  }
  return all;
}

template <class Work>
double best_seconds(int repeats, Work work) {
  double best = 1e300;
  for (int i = 0; i < repeats; ++i) {
    const auto started = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
    best = std::min(best, took.count());
  }
  return best;
}

Json time_stacked(const StackedShape& shape, int steps, double peak) {
  const nn::EncodedExamples data = stacked_examples(1000);
  nn::StackedModel model(shape.spec);
  const nn::StackedModel start(shape.spec);
  const std::int64_t models = model.models();
  const auto members = stacked_members(models, data.size());
  const auto prepared = model.prepare(data);
  OneByOne single = one_by_one(shape, start, data, members);
  std::unique_ptr<nn::StackedTrainer> ordinary;
  std::unique_ptr<dp::StackedPrivateTrainer> with_privacy;
  if (shape.is_private) {
    std::vector<std::unique_ptr<dp::PrivatePlan>> plans;
    for (std::int64_t k = 0; k < models; ++k) {
      plans.push_back(stacked_plan(members[static_cast<std::size_t>(k)].examples.size(),
                                   static_cast<std::uint64_t>(k)));
    }
    with_privacy = std::make_unique<dp::StackedPrivateTrainer>(
        model, prepared, members, std::move(plans),
        dp::StackedPrivateOptions{.optimizer = shape.optimizer, .schedule = {.peak = 0.01}},
        nullptr);
  } else {
    ordinary = std::make_unique<nn::StackedTrainer>(
        model, prepared, members,
        nn::StackedTrainOptions{
            .batch_size = kStackedBatch, .optimizer = shape.optimizer, .schedule = {}});
  }
  const auto stacked_step = [&] {
    if (ordinary) {
      ordinary->step();
    } else {
      with_privacy->step();
    }
  };
  // Two steps to warm up, after which both must stand at the same place.
  for (int i = 0; i < 2; ++i) {
    stacked_step();
    single.step();
  }
  double apart = 0;
  for (std::int64_t k = 0; k < models; ++k) {
    const nn::NamedTensors stacked = model.parameters_of(k);
    const nn::NamedTensors alone =
        nn::trainable_parameters(*single.models[static_cast<std::size_t>(k)]);
    for (std::size_t i = 0; i < alone.size(); ++i) {
      apart = std::max(apart,
                       (stacked[i].second - alone[i].second.detach()).abs().max().item<double>());
    }
  }
  double one = 1e300, together = 1e300;
  for (int i = 0; i < steps; ++i) {
    one = std::min(one, best_seconds(1, [&] { single.step(); }));
    together = std::min(together, best_seconds(1, stacked_step));
  }
  const double per_model = together / static_cast<double>(models);
  const double tokens = static_cast<double>(data.offsets.back()) / static_cast<double>(data.size());
  return {{"shape", shape.name},
          {"models", models},
          {"one_by_one_ms", 1e3 * one / static_cast<double>(models)},
          {"stacked_ms", 1e3 * per_model},
          {"speedup", one / together},
          {"share_of_peak", flops_of(model.shape(), tokens) / per_model / peak},
          {"largest_difference", apart}};
}

/// {"models": 32, "steps": 15, "threads": 1, "shapes": names or absent}
Json bench_stacked(const Json& request, core::OperationContext& context) {
  const auto wanted = request.value("shapes", std::vector<std::string>{});
  const int before = at::get_num_threads();
  at::set_num_threads(request.value("threads", 1));
  const double peak = peak_flops();
  Json document = {{"schema", "discreet.bench.stacked/1"}, {"libtorch", TORCH_VERSION},
                   {"threads", at::get_num_threads()},     {"peak_gflops", peak / 1e9},
                   {"batch_size", kStackedBatch},          {"results", Json::array()}};
  const auto known = stacked_shapes(request.value("models", std::int64_t{32}));
  for (const std::string& name : wanted) {
    if (std::none_of(known.begin(), known.end(), [&](const auto& s) { return s.name == name; })) {
      std::string names;
      for (const auto& shape : known) names += (names.empty() ? "" : ", ") + shape.name;
      throw usage_error("no stacked shape is called '" + name + "'", "Known: " + names);
    }
  }
  for (const StackedShape& shape : known) {
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), shape.name) == wanted.end())
      continue;
    if (context.stopping()) break;
    document["results"].push_back(time_stacked(shape, request.value("steps", 15), peak));
  }
  at::set_num_threads(before);
  return document;
}

}  // namespace
}  // namespace app

void register_operation_bench_stacked(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "bench-stacked",
                .summary = "Times many small models trained at once against one after another.",
                .reference = "",
                .fields = {},
                .make = static_cast<core::Operation>(app::bench_stacked)});
}

}  // namespace discreet
