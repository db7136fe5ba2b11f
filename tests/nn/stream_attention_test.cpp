// Attention between two packed streams against torch's own operations; texts in pairs.
#include "discreet/core/error.h"
#include "discreet/nn/encoder_decoder.h"
#include "discreet/nn/layers/stream_attention.h"
#include "tests/nn/support.h"

namespace discreet::nn::test {
namespace {

const std::vector<std::int64_t> kQueryOffsets{0, 3, 3, 4, 9, 11, 13}, kKeyOffsets{0, 2, 6, 7, 12, 12, 20};

at::Tensor streams_by_torch(const std::vector<at::Tensor>& in, const AttentionSpans& spans,
                    const StreamAttentionOptions& options) {
  std::vector<at::Tensor> parts;
  const std::int64_t heads = options.heads, part = in[0].size(1) / heads;
  for (std::size_t e = 0; e < spans.firsts.size(); ++e) {
    const std::int64_t queries = spans.offsets[e + 1] - spans.offsets[e], keys = spans.lengths[e];
    const at::Tensor q = in[0].narrow(0, spans.offsets[e], queries);
    if (keys == 0 || queries == 0) {
      parts.push_back(q * 0);
      continue;
    }
    const at::Tensor kv = in[1].narrow(0, spans.firsts[e], keys);
    std::vector<at::Tensor> columns;
    for (std::int64_t h = 0; h < heads; ++h) {
      at::Tensor scores = q.narrow(1, h * part, part).mm(kv.narrow(1, h * part, part).t()) * options.scale;
      if (in.size() > 2) {
        at::Tensor bias = at::zeros_like(scores);
        const at::Tensor table = in[2][in[2].size(0) == 1 ? 0 : static_cast<std::int64_t>(e)];
        std::vector<at::Tensor> rows;
        for (std::int64_t t = 0; t < queries; ++t) {
          std::vector<at::Tensor> row;
          for (std::int64_t s = 0; s < keys; ++s) row.push_back(table[options.buckets.bucket(s - t)][h]);
          rows.push_back(at::stack(row));
        }
        scores = scores + at::stack(rows);
      }
      if (options.causal) {
        scores = scores.masked_fill(at::ones({queries, keys}, at::kBool).triu(1), -INFINITY);
      }
      columns.push_back(scores.softmax(1).mm(kv.narrow(1, (heads + h) * part, part)));
    }
    parts.push_back(at::cat(columns, 1));
  }
  return at::cat(parts);
}

TEST(StreamAttention, IsTorchsForEveryPairOfLengths) {
  core::ReproducibleRng rng(4, "streams");
  const AttentionSpans between = AttentionSpans::between(kQueryOffsets, kKeyOffsets);
  const AttentionSpans within = AttentionSpans::within(kQueryOffsets);
  // Rows of one source for several examples, as beams have them.
  const AttentionSpans shared{kQueryOffsets, {2, 2, 0, 12, 12, 2}, {4, 4, 2, 8, 8, 10}};
  for (const AttentionSpans& spans : {between, within, shared}) {
    for (const bool causal : {false, true}) {
      if (causal && &spans != &within && spans.firsts != within.firsts) continue;
      for (const std::int64_t tables : {0, 1, 6}) {
        const StreamAttentionOptions options{
            .heads = 2, .causal = causal, .scale = 0.7, .buckets = {8, 12, !causal}};
        const std::int64_t keys = spans.firsts == within.firsts ? 13 : 20;
        std::vector<at::Tensor> inputs{random_tensor({13, 6}, rng), random_tensor({keys, 12}, rng)};
        if (tables > 0) inputs.push_back(random_tensor({tables, 8, 2}, rng));
        expect_same(
            [&](const auto& in) {
              return stream_attention(in[0], in[1], spans, options, in.size() > 2 ? in[2] : at::Tensor());
            },
            [&](const auto& in) { return streams_by_torch(in, spans, options); }, inputs);
      }
    }
  }
}

TEST(StreamAttention, BucketsAreT5s) {
  // By transformers 5.23, T5Attention._relative_position_bucket, 32 buckets up to 128.
  const std::vector<std::int64_t> distances{-200, -128, -127, -64, -33, -17, -16, -15, -9, -8, -7, -1,
                                            0,    1,    7,    8,   9,   15,  16,  17,  33, 64, 127, 128, 200};
  const std::vector<std::int64_t> both{15, 15, 15, 14, 12, 10, 10, 9, 8, 8, 7, 1, 0, 17, 23, 24, 24, 25, 26, 26, 28, 30, 31, 31, 31};
  const std::vector<std::int64_t> past{31, 31, 31, 26, 21, 16, 16, 15, 9, 8, 7, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  for (std::size_t i = 0; i < distances.size(); ++i) {
    EXPECT_EQ((RelativeBuckets{32, 128, true}.bucket(distances[i])), both[i]) << distances[i];
    EXPECT_EQ((RelativeBuckets{32, 128, false}.bucket(distances[i])), past[i]) << distances[i];
  }
}

TEST(Streams, PartABatchAtTheEndOfItsSources) {
  EncodedExamples data;
  append_pair(data, std::vector<std::int64_t>{5, 6, 7}, std::vector<std::int64_t>{1, 8},
              std::vector<std::int64_t>{8, 2});
  append_pair(data, std::vector<std::int64_t>{9}, std::vector<std::int64_t>{}, std::vector<std::int64_t>{});
  append_pair(data, std::vector<std::int64_t>{}, std::vector<std::int64_t>{1}, std::vector<std::int64_t>{-1});
  const std::vector<std::int64_t> indices{2, 0, 1}, segments{0, 1, 3};
  const Streams streams = split_streams(collate(data, indices, segments));
  EXPECT_EQ(streams.source.offsets, (std::vector<std::int64_t>{0, 0, 3, 4}));
  EXPECT_EQ(streams.target.offsets, (std::vector<std::int64_t>{0, 1, 3, 3}));
  EXPECT_TRUE(streams.source.tokens.equal(at::tensor(std::vector<std::int64_t>{5, 6, 7, 9})));
  EXPECT_TRUE(streams.target.tokens.equal(at::tensor(std::vector<std::int64_t>{1, 1, 8})));
  EXPECT_TRUE(streams.target.tags.equal(at::tensor(std::vector<std::int64_t>{-1, 8, 2})));
  EXPECT_EQ(streams.source.token_segments->offsets, (std::vector<std::int64_t>{0, 0, 4}));
  EXPECT_EQ(streams.target.token_segments->offsets, (std::vector<std::int64_t>{0, 1, 3}));
  data.tags[4] = kSourceTag;
  EXPECT_THROW(split_streams(collate_all(data)), Error);
}

}  // namespace
}  // namespace discreet::nn::test
