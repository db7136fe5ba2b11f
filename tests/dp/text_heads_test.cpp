// Models of spans and of masked tokens: segments against the loop over batches of one.
#include <gtest/gtest.h>

#include "discreet/dp/plan.h"
#include "discreet/nn/masked_model.h"
#include "discreet/nn/span_model.h"
#include "conformance.h"

namespace discreet::dp {
namespace {

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
  const auto norms = testing::expect_the_loop(*model, data, {c.segment_offsets, c.parts}, tolerance);
  EXPECT_GT(norms[0], 1e-3);
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
