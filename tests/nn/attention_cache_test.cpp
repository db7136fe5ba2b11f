// A cache whose rows go on from one another for long: what was let go is missed by none.
#include "discreet/nn/layers/attention_cache.h"

#include "discreet/nn/layers/attention.h"
#include "tests/nn/support.h"

namespace discreet::nn::test {
namespace {

TEST(AttentionCache, RowsThatGoOnFromOthersKeepTheirTokens) {
  constexpr std::int64_t kRows = 4, kHeads = 2, kWidth = 3, kSteps = 400;
  core::ReproducibleRng rng(3, "attention-cache");
  const at::NoGradGuard no_gradients;
  const PackedBatch batch = collate_all(random_examples({1, 1, 1, 1}, 5, 5, rng));
  const AttentionOptions options{.heads = kHeads, .causal = true};
  AttentionCache cache;
  cache.clear(kRows);
  std::vector<std::vector<at::Tensor>> texts(kRows);  // rows of queries, keys and values that each has read
  for (std::int64_t step = 0; step < kSteps; ++step) {
    const at::Tensor x = random_tensor({kRows, 3 * kHeads * kWidth}, rng);
    for (std::int64_t r = 0; r < kRows; ++r) texts[r].push_back(x.narrow(0, r, 1));
    at::Tensor y;
    {
      const AttentionCacheScope scope(cache);
      cache.begin(batch.offsets);
      y = attention(x, batch, options);
    }
    // Most rows go on from one: with four rows, three of four tokens are soon nobody's.
    std::vector<std::int64_t> parents(kRows, static_cast<std::int64_t>(rng.below(kRows)));
    if (step % 3 == 0) parents[1] = static_cast<std::int64_t>(rng.below(kRows));
    if (step % 40 == 39) {
      for (std::int64_t r = 0; r < kRows; ++r) {
        const auto length = static_cast<std::int64_t>(texts[r].size());
        EncodedExamples whole = random_examples({length}, 5, 5, rng);
        const at::Tensor expected = attention(at::cat(texts[r]), collate_all(whole), options);
        EXPECT_TRUE(at::allclose(y[r], expected[length - 1], 1e-10, 1e-10)) << "step " << step << ", row " << r;
      }
    }
    std::vector<std::vector<at::Tensor>> next;
    for (const std::int64_t parent : parents) next.push_back(texts[parent]);
    texts = std::move(next);
    cache.select(parents);
  }
}

}  // namespace
}  // namespace discreet::nn::test
