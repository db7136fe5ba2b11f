// Models of spans and of masked tokens: segments against the loop over batches of one.
#include <gtest/gtest.h>

#include "discreet/dp/plan.h"
#include "discreet/nn/masked_model.h"
#include "discreet/nn/span_model.h"
#include "small_model.h"

namespace discreet::dp {
namespace {

using testing::plain_gradient;
using testing::trainable_of;

constexpr std::int64_t kIds = 12, kMask = 11;

struct HeadCase {
  std::string kind;
  bool spans = false;
  bool tied = true;
  at::ScalarType type = at::kDouble;
  std::vector<std::int64_t> segment_offsets{0, 1, 2, 3, 4, 5, 6};
  std::vector<std::size_t> parts{6};  // ends of physical parts, in segments
};

std::shared_ptr<nn::Model> headed_model(const HeadCase& c) {
  tensor_registry();
  nn::ModelSpec spec;
  spec.kind = c.kind;
  spec.embedding = 8;
  spec.hidden = {8};
  spec.layers = 2;
  spec.heads = 2;
  spec.longest = 16;
  spec.tied = c.tied;
  spec.dropout = 0.2;
  core::ReproducibleRng rng(11, "heads");
  const nn::MaskRule rule{.rate = 0.4, .mask = kMask, .ids = kMask, .special = {1}};
  std::shared_ptr<nn::Model> model;
  if (c.spans) {
    model = nn::make_span_model(spec, kIds, {}, rng);
  } else {
    model = nn::make_masked_model(spec, kIds, rule, {}, rng);
  }
  model->to(c.type);
  const at::NoGradGuard no_grad;
  for (auto& parameter : model->parameters()) {  // away from zero, where start values hide mistakes
    for (std::int64_t i = 0; i < parameter.numel(); ++i) parameter.view(-1)[i] += 0.2 * rng.normal();
  }
  model->train();
  model->set_dropout(9, 3);
  return model;
}

/// Lengths 1 to 12; an example of special tokens alone, one whose span is not there, one without labels.
nn::EncodedExamples headed_data(bool spans) {
  core::ReproducibleRng rng(21, "heads-data");
  nn::EncodedExamples data;
  std::int64_t example = 0;
  for (const std::int64_t length : {3, 1, 12, 1, 7, 5}) {
    const std::int64_t start = example == 4 ? 0 : length / 2, end = example == 4 ? 0 : length - 1;
    for (std::int64_t t = 0; t < length; ++t) {
      data.tokens.push_back(example == 3 ? 0 : static_cast<std::int64_t>(rng.below(5)));
      std::int64_t tag = t == 1 && length > 5 ? nn::kNoSpan : 0;
      if (example != 5 && t == start) tag += nn::kSpanStarts;
      if (example != 5 && t == end) tag += nn::kSpanEnds;
      if (spans) data.tags.push_back(tag);
    }
    data.offsets.push_back(static_cast<std::int64_t>(data.tokens.size()));
    ++example;
  }
  return data;
}

void check_heads(const HeadCase& c) {
  SCOPED_TRACE(c.kind + (c.spans ? " spans " : " masks ") + c10::toString(c.type));
  const auto model = headed_model(c);
  const nn::EncodedExamples data = headed_data(c.spans);
  const double tolerance = c.type == at::kDouble ? 1e-10 : 1e-5;
  const std::size_t segments = c.segment_offsets.size() - 1;
  std::vector<double> norms;
  std::vector<at::Tensor> gradients;
  for (std::size_t s = 0; s < segments; ++s) {
    std::vector<std::int64_t> members;
    for (auto i = c.segment_offsets[s]; i < c.segment_offsets[s + 1]; ++i) members.push_back(i);
    gradients.push_back(plain_gradient(*model, data, members));
    norms.push_back(gradients.back().norm().item<double>());
  }
  EXPECT_GT(norms[0], 1e-3);
  std::vector<double> sorted = norms;
  std::sort(sorted.begin(), sorted.end());
  const double clip_norm = 0.9 * sorted[segments / 2] + 1e-3;
  SegmentClipper clipper(trainable_of(*model), privacy::ClipNorm(clip_norm), {});
  at::Tensor expected;
  std::size_t first = 0;
  for (const std::size_t last : c.parts) {
    const auto begin = c.segment_offsets[first];
    std::vector<std::int64_t> indices, offsets;
    for (auto i = begin; i < c.segment_offsets[last]; ++i) indices.push_back(i);
    for (std::size_t s = first; s <= last; ++s) offsets.push_back(c.segment_offsets[s] - begin);
    clipper.begin(static_cast<std::int64_t>(last - first));
    {
      const nn::RecordingScope scope(clipper);
      model->forward(nn::collate(data, indices, offsets)).loss.sum().backward();
    }
    clipper.finish();
    for (std::size_t s = first; s < last; ++s) {
      EXPECT_NEAR(clipper.norms()[s - first], norms[s], tolerance * (1 + norms[s])) << "segment " << s;
      const at::Tensor scaled = gradients[s] * clip_factor(norms[s], clip_norm);
      expected = expected.defined() ? expected + scaled : scaled;
    }
    first = last;
  }
  PrivatePlan plan({.units = 4, .expected_batch_size = 1, .steps = 1, .clip_norm = clip_norm,
                    .noise_multiplier = 0.0, .insecure_seed = 1});
  plan.begin_step(0);
  ClippedSum sum = clipper.take();
  std::vector<at::Tensor> pieces;
  for (const at::Tensor& piece : plan.release(sum)) pieces.push_back(piece.flatten().to(at::kDouble));
  const double error = (at::cat(pieces) - expected).norm().item<double>();
  EXPECT_LE(error, tolerance * (1 + expected.norm().item<double>()));
}

TEST(TextHeadsConformance, Spans) {
  for (const char* kind : {"transformer", "bilstm", "cnn", "bow"}) {
    for (const auto type : {at::kDouble, at::kFloat}) check_heads({kind, true, true, type});
    check_heads({kind, true, true, at::kDouble, {0, 1, 2, 3, 4, 5, 6}, {2, 3, 6}});
    check_heads({kind, true, true, at::kDouble, {0, 2, 3, 6}, {3}});
  }
}

TEST(TextHeadsConformance, MaskedTokens) {
  for (const bool tied : {true, false}) {
    for (const auto type : {at::kDouble, at::kFloat}) check_heads({"transformer", false, tied, type});
    check_heads({"transformer", false, tied, at::kDouble, {0, 1, 2, 3, 4, 5, 6}, {2, 3, 6}});
    check_heads({"transformer", false, tied, at::kDouble, {0, 2, 3, 6}, {3}});
  }
  check_heads({"bilstm", false, false});
}

}  // namespace
}  // namespace discreet::dp
