// A private step shared by several processes: the noise, the sum and the ledger of one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <mutex>

#include "../nn/ranks.h"
#include "discreet/dp/mechanism.h"
#include "discreet/dp/private_step.h"
#include "discreet/nn/distributed/share.h"
#include "small_model.h"

namespace discreet::dp {
namespace {

using nn::testing::run_ranks;
using testing::random_examples;
using testing::small_model;
using testing::trainable_of;
using Group = std::shared_ptr<nn::ProcessGroup>;

at::Tensor weights_of(const nn::Model& model) {
  std::vector<at::Tensor> pieces;
  for (const auto& [name, parameter] : trainable_of(model)) pieces.push_back(parameter.detach().flatten().clone());
  return at::cat(pieces);
}

/// Noise with one key on all processes, drawn by each in its own order: what a shared seed does where
/// noise does not know its place.
class SameKeys final : public privacy::NoiseSource {
 public:
  void begin_step(std::uint64_t step) override { inner_.begin_step(step); }
  void add_gaussian(std::span<float> values, double std) override { inner_.add_gaussian(values, std); }
  void add_gaussian(std::span<double> values, double std) override { inner_.add_gaussian(values, std); }
  bool secure() const override { return true; }
  std::optional<std::uint64_t> reserve(std::uint64_t) override { return 0; }
  void add_reserved(const privacy::ReservedNoise& part) const override {
    std::copy_n(part.in, part.out.size(), part.out.data());
    inner_.add_gaussian(part.out, part.std);
    for (float& value : part.out) value *= static_cast<float>(part.scale);
  }

 private:
  mutable privacy::InsecureNoise inner_{4};
};

struct PrivateRun {
  PrivacyOptions privacy{.units = 11, .expected_batch_size = 4.5, .steps = 100, .clip_norm = 0.7,
                         .noise_multiplier = 1.0, .insecure_seed = 5,
                         // On a grid, rounding may move a sum by a whole step.
                         .noise_protection = privacy::NoiseProtection::kNone};
  nn::OptimizerKind optimizer = nn::OptimizerKind::kSgd;
  bool sharded = false;
  std::vector<std::vector<std::int64_t>> users;
  bool same_keys = false;

  struct End {
    at::Tensor weights;
    std::vector<nn::StepReport> reports;
    std::vector<std::uint64_t> charged;
  };

  End run(const Group& group, std::int64_t steps, double rate = 0.05) const {
    const auto model = small_model("bilstm", at::kFloat, 0.2);
    model->train();
    const std::vector<std::int64_t> lengths{3, 1, 12, 1, 7, 5, 2, 4, 6, 3, 2};
    const nn::EncodedExamples data = random_examples(lengths, 21);
    auto parallel = std::make_shared<nn::ParallelRun>();
    parallel->group = group;
    parallel->sharded_optimizer = sharded && !group->alone();
    PrivacyOptions asked = privacy;
    asked.shard = {static_cast<std::uint64_t>(group->rank()), static_cast<std::uint64_t>(group->size())};
    PrivateStepOptions options;
    options.optimizer.kind = optimizer;
    options.user_examples = 2;
    options.parallel = parallel;
    End end;
    auto plan = same_keys ? std::make_unique<PrivatePlan>(asked, nullptr, std::make_unique<SameKeys>())
                          : make_plan(asked);
    PrivateStep step(*model, std::move(plan),
                     {lengths, users, [&](auto indices, auto offsets) { return nn::collate(data, indices, offsets); }},
                     options, [&](std::uint64_t number, const privacy::Event&) {
                       if (group->leads()) end.charged.push_back(number);
                     });
    for (std::int64_t number = 0; number < steps; ++number) {
      end.reports.push_back(step.run(step.sample(number), rate));
    }
    end.weights = weights_of(*model);
    return end;
  }
};

void expect_agreement(const PrivateRun& one, const std::string& what) {
  const std::int64_t steps = 6;
  const auto expected = one.run(nn::make_lonely_group(), steps);
  for (const int size : {2, 4}) {
    for (const bool sharded : {false, true}) {
      PrivateRun many = one;
      many.sharded = sharded;
      run_ranks(size, [&](Group group) {
        const auto end = many.run(group, steps);
        EXPECT_LE((end.weights - expected.weights).abs().max().item<double>(), 1e-6)
            << what << " " << size << " processes, sharded " << sharded;
        for (std::size_t i = 0; i < end.reports.size(); ++i) {
          EXPECT_EQ(end.reports[i].examples, expected.reports[i].examples);
          EXPECT_EQ(end.reports[i].clipped, expected.reports[i].clipped);
          EXPECT_NEAR(end.reports[i].loss_sum, expected.reports[i].loss_sum, 1e-4);
          EXPECT_NEAR(end.reports[i].gradient_norm, expected.reports[i].gradient_norm, 1e-5);
        }
        EXPECT_EQ(end.charged.size(), group->leads() ? 6U : 0U) << "one process keeps the ledger";
      });
    }
  }
}

TEST(PrivateProcesses, AnyNumberOfProcessesTrainsTheSameModel) {
  for (const auto kind : {nn::OptimizerKind::kSgd, nn::OptimizerKind::kAdam}) {
    expect_agreement({.optimizer = kind}, nn::optimizer_name(kind));
  }
}

TEST(PrivateProcesses, AlsoWithMostLocalBatchesEmpty) {
  PrivateRun few;
  few.privacy.expected_batch_size = 0.4;
  expect_agreement(few, "nearly empty batches");
}

TEST(PrivateProcesses, AlsoForUsersAndAdaptiveBounds) {
  PrivateRun users;
  users.users = {{0, 1, 2}, {3}, {4, 5, 6, 7}, {8, 9}, {10}};
  users.privacy.units = 5;
  users.privacy.expected_batch_size = 2.5;
  users.privacy.unit = privacy::Unit::kUser;
  expect_agreement(users, "users");
  PrivateRun adaptive;
  adaptive.privacy.clipping.rule = "adaptive";
  expect_agreement(adaptive, "adaptive bounds");
}

TEST(PrivateProcesses, ASlotIsWorkedOffByOneProcess) {
  PrivateRun slots;
  slots.privacy.mechanism = "edp-sgd";
  slots.privacy.slots = 5;
  slots.privacy.expected_batch_size = 8;
  expect_agreement(slots, "more units than slots");
  slots.privacy.slots = 3;  // four processes: one has none
  slots.privacy.clipping.rule = "adaptive";
  expect_agreement(slots, "fewer slots than processes, adaptive bounds");
  slots.privacy.slots = 64;
  slots.privacy.expected_batch_size = 0.4;
  expect_agreement(slots, "nearly all slots empty");
  PrivateRun users;
  users.users = {{0, 1, 2}, {3}, {4, 5, 6, 7}, {8, 9}, {10}};
  users.privacy.units = 5;
  users.privacy.expected_batch_size = 4;
  users.privacy.unit = privacy::Unit::kUser;
  users.privacy.mechanism = "edp-sgd";
  users.privacy.slots = 2;
  expect_agreement(users, "users in slots");
}

TEST(PrivateProcesses, NoiseThatCancelsOverTheStepsIsThatOfOneProcess) {
  PrivateRun run;
  run.privacy.mechanism = "dp-ftrl";
  run.privacy.expected_batch_size = 2;
  run.privacy.steps = 12;  // of a pass there are 6
  for (const bool honaker : {false, true}) {
    run.privacy.ftrl = {.matrix = "tree", .honaker = honaker, .order_seed = 3};
    expect_agreement(run, "tree");
  }
  run.privacy.ftrl = {.matrix = "banded", .bands = 4, .order_seed = 3};
  run.optimizer = nn::OptimizerKind::kMomentum;
  expect_agreement(run, "banded");
  run.privacy.ftrl = {.matrix = "banded", .bands = 3, .cyclic_poisson = true, .order_seed = 3};
  expect_agreement(run, "cyclic Poisson");
}

/// Each unit is drawn by one process, and all of them together draw what one would.
TEST(PrivateProcesses, ShardsOfAnOrderAreTheWholeOrder) {
  PrivacyOptions options{.units = 23, .expected_batch_size = 4, .steps = 20, .noise_multiplier = 1.0};
  options.mechanism = "dp-ftrl";
  options.ftrl = {.matrix = "banded", .bands = 3, .order_seed = 9};
  tensor_registry();
  for (const bool cyclic : {false, true}) {
    options.ftrl.cyclic_poisson = cyclic;
    options.shard = {};
    const auto whole = make_plan(options);
    std::vector<std::unique_ptr<PrivatePlan>> shards;
    for (std::uint64_t i = 0; i < 3; ++i) {
      options.shard = {i, 3};
      shards.push_back(make_plan(options));
      EXPECT_EQ(shards.back()->epsilon(20), whole->epsilon(20));
    }
    std::vector<int> drawn(23, 0);
    for (std::uint64_t step = 0; step < 18; ++step) {
      std::vector<std::uint64_t> together;
      for (std::uint64_t i = 0; i < 3; ++i) {
        for (const std::uint64_t unit : shards[i]->begin_step(step)) {
          EXPECT_EQ(unit % 3, i);
          together.push_back(unit);
          ++drawn[unit];
        }
      }
      std::sort(together.begin(), together.end());
      if (!cyclic) {
        EXPECT_EQ(together, whole->begin_step(step)) << step;
      }
    }
    if (!cyclic) {
      EXPECT_EQ(drawn, std::vector<int>(23, 3));
    }
    EXPECT_GT(*std::max_element(drawn.begin(), drawn.end()), 0);
  }
}

/// Squares of the noise of each coordinate, and of the sum over the same place of both parts, against
/// what independent noise of the plan's size gives.
struct NoiseRatios {
  double coordinate = 0, sum = 0, sigmas = 0;
};

NoiseRatios measure_noise(bool same_keys) {
  PrivateRun run;
  run.privacy.expected_batch_size = 1e-9;  // empty batches: what moves is noise alone
  run.privacy.insecure_seed.reset();
  run.privacy.noise_protection = privacy::NoiseProtection::kGrid;
  run.same_keys = same_keys;
  const at::Tensor before = weights_of(*small_model("bilstm", at::kFloat, 0.2));
  std::mutex mutex;
  std::vector<at::Tensor> ends;
  run_ranks(2, [&](Group group) {
    const auto end = run.run(group, 1, 1e-9);
    const std::lock_guard lock(mutex);
    ends.push_back(end.weights);
  });
  EXPECT_TRUE(at::equal(ends[0], ends[1])) << "all processes hold the same weights, to the bit";
  // Rate over divisor is 1: the change is the noise. Parts: both halves of a flat vector in blocks.
  const at::Tensor noise = (ends[0] - before).to(at::kDouble) / 0.7;
  const nn::NamedTensors parameters = trainable_of(*small_model("bilstm", at::kFloat, 0.2));
  const nn::FlatLayout layout(parameters, 2);
  at::Tensor flat = at::zeros({2 * layout.part_size()}, at::kDouble);
  std::int64_t first = 0;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const std::int64_t size = parameters[i].second.numel();
    flat.narrow(0, layout.places()[i], size).copy_(noise.narrow(0, first, size));
    first += size;
  }
  const at::Tensor a = flat.narrow(0, 0, layout.part_size()), b = flat.narrow(0, layout.part_size(), layout.part_size());
  const at::Tensor both = a.ne(0).logical_and(b.ne(0));
  const at::Tensor sums = (a + b).masked_select(both);
  const auto n = static_cast<double>(sums.numel());
  EXPECT_GT(n, 200);
  return {noise.square().mean().item<double>(), sums.square().mean().item<double>() / 2, 5.33 * std::sqrt(2 / n)};
}

TEST(PrivateProcesses, NoiseHasThePlansSizeAndPartsAreIndependent) {
  const NoiseRatios right = measure_noise(false);
  EXPECT_NEAR(right.coordinate, 1, right.sigmas);
  EXPECT_NEAR(right.sum, 1, right.sigmas);
  // Equal keys: each coordinate looks right, the parts are copies of each other.
  const NoiseRatios planted = measure_noise(true);
  EXPECT_GT(std::abs(planted.sum - 1), planted.sigmas) << "equal keys were not noticed";
}

}  // namespace
}  // namespace discreet::dp
