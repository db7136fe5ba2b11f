// The padding row of a table stays where it is, whatever moves the rest.
#include <gtest/gtest.h>

#include "discreet/dp/private_step.h"
#include "discreet/nn/layers/embedding.h"
#include "discreet/nn/layers/tied_embedding.h"
#include "discreet/nn/model.h"
#include "discreet/nn/ordinary_step.h"
#include "discreet/nn/still_rows.h"
#include "../nn/ranks.h"
#include "tensor_registry.h"

namespace discreet::nn {
namespace {

constexpr std::int64_t kEntries = 700, kWidth = 3, kPadding = 2;

/// Word vectors with a padding row, added up to a loss; token 2 is padding.
class PaddedModel final : public Model {
 public:
  PaddedModel() {
    core::ReproducibleRng rng(3, "padded");
    table = register_module("table", Embedding(EmbeddingOptions{.entries = kEntries, .width = kWidth,
                                                                .padding = kPadding}, rng));
  }
  ModelOutput compute(const PackedBatch& batch) override {
    const at::Tensor rows = table->forward(batch.tokens, batch.token_segments).sum(1);
    const at::Tensor lengths = batch.offsets_tensor.diff();
    const at::Tensor example = at::repeat_interleave(lengths);
    return {.loss = at::zeros({batch.examples()}, rows.options()).index_add(0, example, rows)};
  }
  Prediction decode(const PackedBatch&, const ModelOutput&) override { return {}; }

  Embedding table{nullptr};
};

EncodedExamples padded_examples() {
  return {.tokens = {0, 2, 1, 2, 2, 699, 5}, .offsets = {0, 3, 5, 7}};
}

/// The table before and after `steps` steps, in `group`'s processes.
std::pair<at::Tensor, at::Tensor> train_padded(bool is_private, const OptimizerOptions& optimizer,
                                               const std::shared_ptr<ParallelRun>& parallel = nullptr) {
  dp::tensor_registry();
  PaddedModel model;
  const EncodedExamples data = padded_examples();
  const auto collate_data = [&](auto indices, auto offsets) { return collate(data, indices, offsets); };
  const at::Tensor before = model.table->weight.detach().clone();
  std::unique_ptr<Step> step;
  if (is_private) {
    dp::PrivacyOptions privacy{.units = 3, .expected_batch_size = 2, .steps = 9, .noise_multiplier = 1.0,
                               .insecure_seed = 5};
    if (parallel) {
      privacy.shard = {static_cast<std::uint64_t>(parallel->group->rank()),
                       static_cast<std::uint64_t>(parallel->group->size())};
    }
    step = std::make_unique<dp::PrivateStep>(
        model, std::make_unique<dp::PrivatePlan>(privacy),
        dp::PrivateStep::Data{{3, 2, 2}, {}, collate_data},
        dp::PrivateStepOptions{.optimizer = optimizer, .parallel = parallel}, nullptr);
  } else {
    step = std::make_unique<OrdinaryStep>(
        model, collate_data,
        OrdinaryStepOptions{.examples = 3, .batch_size = 2, .optimizer = optimizer, .parallel = parallel});
  }
  for (std::int64_t number = 0; number < 3; ++number) step->run(step->sample(number), 0.1);
  return {before, model.table->weight.detach().clone()};
}

void expect_still(const std::pair<at::Tensor, at::Tensor>& tables, bool others_move, const std::string& what) {
  EXPECT_TRUE(tables.first[kPadding].equal(tables.second[kPadding])) << what;
  const at::Tensor moved = tables.first.ne(tables.second).sum(1).gt(0);
  // Noise and decay reach every other row.
  if (others_move) {
    EXPECT_EQ(moved.sum().item<std::int64_t>(), kEntries - 1) << what;
  }
  EXPECT_TRUE(moved[0].item<bool>() && moved[kEntries - 1].item<bool>()) << what;
}

TEST(StillRows, NeitherNoiseNorDecayNorMomentumMovesPadding) {
  for (const auto kind : {OptimizerKind::kSgd, OptimizerKind::kMomentum, OptimizerKind::kAdam,
                          OptimizerKind::kAdamW, OptimizerKind::kAdamBc}) {
    for (const double decay : {0.0, 0.1}) {
      const OptimizerOptions options{.kind = kind, .weight_decay = decay};
      const std::string what = optimizer_name(kind) + " decay " + std::to_string(decay);
      expect_still(train_padded(true, options), true, "private " + what);
      if (kind != OptimizerKind::kAdamBc) expect_still(train_padded(false, options), decay > 0, what);
    }
  }
}

TEST(StillRows, AlsoWhereProcessesOwnPieces) {
  for (const bool is_private : {true, false}) {
    for (const bool sharded : {false, true}) {
      const OptimizerOptions options{.kind = OptimizerKind::kAdamW, .weight_decay = 0.1};
      testing::run_ranks(2, [&](std::shared_ptr<ProcessGroup> group) {
        auto parallel = std::make_shared<ParallelRun>();
        parallel->group = group;
        parallel->sharded_optimizer = sharded;
        expect_still(train_padded(is_private, options, parallel), true,
                     "private " + std::to_string(is_private) + " sharded " + std::to_string(sharded));
      });
    }
  }
}

TEST(StillRows, WholeTensorsAreMovedWithoutThemToo) {
  // float64 takes the path of other devices: noise on the whole sum, then one update.
  at::Tensor w = at::ones({4, 2}, at::kDouble);
  Optimizer optimizer({{"w", w}}, {.kind = OptimizerKind::kMomentum});
  optimizer.keep_still(0, 2, 2);
  for (int i = 0; i < 2; ++i) {
    const std::vector<at::Tensor> gradient{at::ones({4, 2}, at::kDouble)};
    optimizer.step(gradient, 0.5);
  }
  EXPECT_TRUE(w[1].eq(1).all().item<bool>());
  EXPECT_FALSE(w[0].eq(1).any().item<bool>() || w[2].eq(1).any().item<bool>());
  for (const auto& [name, tensor] : optimizer.state()) {
    if (name == "w.momentum") {
      EXPECT_TRUE(tensor[1].eq(0).all().item<bool>());
    }
  }
  EXPECT_THROW(optimizer.keep_still(0, 3, 2), Error);
  EXPECT_THROW(optimizer.keep_still(0, 7, 2), Error);
  EXPECT_THROW(optimizer.keep_still(1, 0, 1), Error);
}

TEST(StillRows, PiecesOfAnUpdateAreCutAroundThem) {
  for (std::int64_t first = 0; first < 6; ++first) {
    for (std::int64_t size = 1; first + size <= 6; ++size) {
      at::Tensor w = at::zeros({6});
      Optimizer optimizer({{"w", w}}, {});
      optimizer.keep_still(0, 4, 1);
      optimizer.keep_still(0, 1, 2);
      optimizer.begin_step(1);
      const std::vector<float> gradient(static_cast<std::size_t>(size), -1.0F);
      optimizer.update(0, first, gradient);
      for (std::int64_t i = 0; i < 6; ++i) {
        const bool moves = i >= first && i < first + size && i != 1 && i != 2 && i != 4;
        EXPECT_EQ(w[i].item<float>(), moves ? 1.0F : 0.0F) << first << " " << size << " " << i;
      }
    }
  }
}

}  // namespace
}  // namespace discreet::nn
