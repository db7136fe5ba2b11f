// The library's loops run on as many threads as libtorch has, and give what one thread gives.
#include <gtest/gtest.h>

#include <mutex>
#include <set>
#include <thread>

#include "discreet/dp/internal/uses.h"
#include "discreet/dp/private_step.h"
#include "small_model.h"

namespace discreet::dp {
namespace {

/// Sets the number of threads, and takes it back.
class Threads {
 public:
  explicit Threads(int count) : before_(at::get_num_threads()) { at::set_num_threads(count); }
  ~Threads() { at::set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

TEST(LoopThreads, SegmentsAreSharedAmongThem) {
  const Threads two(2);
  std::mutex mutex;
  std::set<std::thread::id> seen;
  internal::for_segments(8, 1 << 20, [&](std::int64_t) {
    const std::lock_guard lock(mutex);
    seen.insert(std::this_thread::get_id());
  });
  // One, if the library was built without OpenMP: at::parallel_for is a template.
  EXPECT_EQ(seen.size(), 2U);
}

at::Tensor weights_after(const std::string& kind, std::int64_t slots, int threads) {
  const Threads set(threads);
  const std::vector<std::int64_t> lengths{30, 11, 52, 1, 37, 25, 42, 64, 16, 23, 8, 44};
  // A transformer reads no characters.
  const auto model = testing::small_model(kind, at::kFloat, 0.2, kind != "transformer" && kind != "gpt");
  model->train();
  const nn::EncodedExamples data = testing::random_examples(lengths, 21);
  PrivacyOptions privacy{.units = lengths.size(), .expected_batch_size = 8, .steps = 10, .clip_norm = 0.7,
                         .noise_multiplier = 1.0, .insecure_seed = 5,
                         .noise_protection = privacy::NoiseProtection::kNone, .slots = slots};
  PrivateStep step(*model, std::make_unique<PrivatePlan>(privacy),
                   {lengths, {}, [&](auto indices, auto offsets) { return nn::collate(data, indices, offsets); }},
                   {}, nullptr);
  for (std::int64_t number = 0; number < 3; ++number) step.run(step.sample(number), 0.1);
  std::vector<at::Tensor> pieces;
  for (const auto& [name, parameter] : testing::trainable_of(*model)) pieces.push_back(parameter.detach().flatten().clone());
  return at::cat(pieces);
}

TEST(LoopThreads, TheirNumberChangesRoundingAlone) {
  for (const core::Entry* entry : tensor_registry().list("model")) {
    for (const std::int64_t slots : {0, 3}) {
      const at::Tensor one = weights_after(entry->name, slots, 1);
      EXPECT_LE((weights_after(entry->name, slots, 3) - one).abs().max().item<double>(), 2e-6) << entry->name;
    }
  }
}

}  // namespace
}  // namespace discreet::dp
