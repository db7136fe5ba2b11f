#include "discreet/nn/distributed/data_parallel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <mutex>

#include "discreet/nn/distributed/share.h"
#include "ranks.h"

namespace discreet::nn {
namespace {

using testing::run_ranks;

at::Tensor numbers(std::initializer_list<double> values) {
  return at::tensor(std::vector<double>(values), at::kDouble);
}

TEST(FlatLayout, EveryElementBelongsToOnePartAndPlacesDoNotDependOnTheirNumber) {
  NamedTensors parameters;
  for (const std::int64_t size : {1, 511, 512, 513, 5000, 3}) {
    parameters.emplace_back("p" + std::to_string(size), at::zeros({size}));
  }
  const FlatLayout one(parameters, 1);
  for (const int parts : {1, 2, 3, 4, 7, 40}) {
    const FlatLayout layout(parameters, parts);
    EXPECT_EQ(layout.places(), one.places());
    EXPECT_EQ(layout.part_size() % kFlatBlock, 0);
    std::vector<std::vector<int>> seen;
    for (const auto& [name, parameter] : parameters) {
      seen.emplace_back(static_cast<std::size_t>(parameter.numel()), 0);
    }
    for (int part = 0; part < parts; ++part) {
      for (const ParameterPiece& piece : layout.pieces(part)) {
        EXPECT_EQ(piece.place, layout.places()[piece.parameter] + piece.first);
        EXPECT_GE(piece.place, part * layout.part_size());
        EXPECT_LE(piece.place + piece.size, (part + 1) * layout.part_size());
        EXPECT_EQ(piece.first % kFlatBlock, 0) << "a stream of noise is cut at whole blocks";
        for (std::int64_t i = 0; i < piece.size; ++i) {
          ++seen[piece.parameter][static_cast<std::size_t>(piece.first + i)];
        }
      }
    }
    for (const auto& counts : seen) {
      for (const int count : counts) ASSERT_EQ(count, 1);
    }
  }
}

TEST(ProcessGroup, CollectiveCallsGiveAllRanksTheSame) {
  for (const int size : {2, 3}) {
    run_ranks(size, [size](std::shared_ptr<ProcessGroup> group) {
      const int rank = group->rank();
      EXPECT_EQ(group->size(), size);
      EXPECT_EQ(group->backend(), "gloo");
      at::Tensor rows = at::zeros({size, 2}), received = at::zeros({size, 2}), all = at::zeros({size, 2});
      for (int r = 0; r < size; ++r) rows[r].fill_(10 * rank + r);
      group->exchange(rows, received);
      for (int r = 0; r < size; ++r) EXPECT_EQ(received[r][1].item<int>(), 10 * r + rank);
      group->gather_all(at::full({2}, rank + 0.5), all);
      for (int r = 0; r < size; ++r) EXPECT_EQ(all[r][0].item<double>(), r + 0.5);
      const at::Tensor gathered = group->gather(at::full({3}, rank));
      EXPECT_EQ(gathered.defined(), rank == 0);
      if (rank == 0) {
        EXPECT_EQ(gathered.sum().item<int>(), 3 * size * (size - 1) / 2);
      }
      at::Tensor shared = at::full({4}, rank + 7, at::kLong);
      group->share(shared);
      EXPECT_EQ(shared.sum().item<int>(), 28);
    });
  }
}

TEST(ProcessGroup, TextsTensorsAndVectorsOfOtherLengths) {
  run_ranks(3, [](std::shared_ptr<ProcessGroup> group) {
    const int rank = group->rank();
    EXPECT_EQ(share_text(*group, rank == 0 ? "from the first" : "not looked at"), "from the first");
    EXPECT_EQ(share_text(*group, ""), "");
    EXPECT_EQ(share_made(*group, [] { return Json{{"a", 1}}; })["a"], 1);
    NamedTensors tensors;
    if (rank == 0) tensors = {{"x", at::arange(6).view({2, 3})}, {"y", numbers({0.25})}};
    tensors = share_tensors(*group, tensors);
    ASSERT_EQ(tensors.size(), 2U);
    EXPECT_EQ(tensors[0].second.sizes(), (std::vector<std::int64_t>{2, 3}));
    EXPECT_EQ(tensors[0].second.scalar_type(), at::kLong);
    EXPECT_EQ(tensors[1].second.item<double>(), 0.25);
    // Rank 1 has nothing.
    const std::vector<double> mine = rank == 1 ? std::vector<double>{} : std::vector<double>{1.0 * rank, 5};
    EXPECT_EQ(join(*group, mine), (std::vector<double>{0, 5, 2, 5}));
    EXPECT_TRUE(join(*group, std::vector<float>{}).empty());
    EXPECT_NO_THROW(check_same(*group, "equal", "settings"));
    try {
      check_same(*group, rank == 2 ? "other" : "equal", "settings");
      ADD_FAILURE() << "a difference was not noticed";
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find("rank 2 has other settings"), std::string::npos);
    }
  });
}

TEST(ProcessGroup, AProcessThatEndsIsNamedWithItsReason) {
  const auto begin = std::chrono::steady_clock::now();
  run_ranks(3, [](std::shared_ptr<ProcessGroup> group) {
    at::Tensor all = at::zeros({3, 4});
    if (group->rank() == 1) {
      group->gather_all(at::zeros({4}), all);  // all have met
      group->leave(bad_data("train.jsonl:7: not JSON", "Mend the line."));
      return;
    }
    try {
      while (true) group->gather_all(at::zeros({4}), all);
    } catch (const LostProcess& e) {
      EXPECT_EQ(e.code(), ErrorCode::kBadData);
      EXPECT_EQ(e.ranks(), std::vector<int>{1});
      EXPECT_NE(std::string(e.what()).find("rank 1 ended: train.jsonl:7: not JSON"), std::string::npos) << e.what();
      EXPECT_EQ(e.hint(), "Mend the line.");
    }
    EXPECT_THROW(group->gather_all(at::zeros({4}), all), Error) << "a broken group is not used again";
  });
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(15));
}

TEST(ProcessGroup, AProcessThatHangsIsNamedAfterTheTimeout) {
  std::mutex hanging;
  hanging.lock();
  int noticed = 0;
  run_ranks(2, [&](std::shared_ptr<ProcessGroup> group) {
    if (group->rank() == 1) {
      const std::lock_guard wait_for_the_other(hanging);
      return;
    }
    at::Tensor all = at::zeros({2, 4});
    try {
      group->gather_all(at::zeros({4}), all);
    } catch (const LostProcess& e) {
      ++noticed;
      EXPECT_EQ(e.code(), ErrorCode::kRuntime);
      EXPECT_EQ(e.ranks(), std::vector<int>{1}) << e.what();
      EXPECT_NE(std::string(e.what()).find("rank 1 was lost"), std::string::npos) << e.what();
    }
    hanging.unlock();
  }, std::chrono::milliseconds(1500));
  EXPECT_EQ(noticed, 1);
}

TEST(DataParallel, ReducesToOwnersInTheOrderOfRanksAndGathers) {
  for (const int size : {1, 2, 3, 5}) {
    run_ranks(size, [size](std::shared_ptr<ProcessGroup> group) {
      auto run = std::make_shared<ParallelRun>();
      run->group = group;
      const NamedTensors parameters = {{"a", at::zeros({30, 20})}, {"b", at::zeros({7})}};
      DataParallel parallel(run, parameters);
      // Rank r has no gradient of b unless it is the last.
      std::vector<at::Tensor> mine = {at::full({30, 20}, group->rank() + 1.0), at::Tensor()};
      if (group->rank() == size - 1) mine[1] = at::arange(7, at::kFloat);
      parallel.reduce(mine);
      for (std::size_t i = 0; i < parallel.pieces().size(); ++i) {
        // What the owner alone does must reach all, once.
        parallel.piece(i).add_(1000);
      }
      const std::vector<at::Tensor> all = parallel.gather();
      EXPECT_TRUE(at::equal(all[0], at::full({30, 20}, 1000.0 + size * (size + 1) / 2)));
      EXPECT_TRUE(at::equal(all[1], at::arange(7, at::kFloat) + 1000));
      std::vector<double> counts = {1.0 * group->rank(), 1};
      run->asked_to_stop = [&] { return group->rank() == size - 1; };
      EXPECT_FALSE(run->stop);
      parallel.add_up(counts);
      EXPECT_EQ(counts, (std::vector<double>{size * (size - 1) / 2.0, 1.0 * size}));
      EXPECT_TRUE(run->stop) << "one process was asked, all stop";
    });
  }
}

/// Optimiser state that several processes keep in parts is the state of one, and goes back into any
/// number of them.
TEST(DataParallel, ShardedStateIsSavedWholeAndLoadedInParts) {
  const NamedTensors parameters = {{"a", at::randn({30, 20})}, {"a.b", at::randn({30, 20})}, {"c", at::randn({3})}};
  const auto copy_of_parameters = [&] {
    NamedTensors copies;
    for (const auto& [name, values] : parameters) copies.emplace_back(name, values.clone());
    return copies;
  };
  std::vector<at::Tensor> gradients;
  for (const auto& [name, values] : parameters) gradients.push_back(values.sin());
  Optimizer alone(copy_of_parameters(), {.kind = OptimizerKind::kAdam});
  alone.step(gradients, 0.1);
  const NamedTensors expected = alone.state();

  for (const int size : {2, 5}) {  // five processes, four blocks: one owns nothing
    run_ranks(size, [&](std::shared_ptr<ProcessGroup> group) {
      auto run = std::make_shared<ParallelRun>();
      run->group = group;
      run->sharded_optimizer = true;
      DataParallel parallel(run, copy_of_parameters());
      Optimizer mine(parallel.optimizer_parameters(), {.kind = OptimizerKind::kAdam});
      parallel.load_state(mine, expected);
      EXPECT_EQ(mine.steps(), 1);
      const NamedTensors whole = parallel.whole_state(mine);
      if (group->rank() > 0) return;
      ASSERT_EQ(whole.size(), expected.size());
      for (const auto& [name, tensor] : whole) {
        const auto same = std::ranges::find_if(expected, [&](const auto& e) { return e.first == name; });
        ASSERT_NE(same, expected.end()) << name;
        EXPECT_TRUE(at::equal(tensor, same->second)) << name;
      }
      std::int64_t kept = 0;
      for (const auto& [name, tensor] : mine.state()) kept += tensor.numel();
      EXPECT_LT(kept, 2 * 1203) << "a process keeps its part alone";
    });
  }
}

}  // namespace
}  // namespace discreet::nn
