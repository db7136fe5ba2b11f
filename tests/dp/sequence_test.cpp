// Encoder-decoders: cross-attention and biases by distance, whose table all layers share. Segments
// against the loop over batches of one.
#include <gtest/gtest.h>

#include <algorithm>

#include "discreet/dp/plan.h"
#include "discreet/nn/encoder_decoder.h"
#include "conformance.h"

namespace discreet::dp {
namespace {

constexpr std::int64_t kSequenceEntries = 11;

struct SequenceCase {
  std::string name;
  nn::EncoderDecoderOptions options;
  double dropout = 0;
  at::ScalarType type = at::kDouble;
  std::vector<std::int64_t> segment_offsets{0, 1, 2, 3, 4, 5, 6};
  std::vector<std::size_t> parts{6};  // ends of physical parts, in segments
};

nn::EncoderDecoderOptions small_sequence_options() {
  nn::EncoderDecoderOptions options;
  options.vocabulary = kSequenceEntries;
  options.width = 8;
  options.encoder = {2, 2, 12};
  options.decoder = {2, 4, 10};
  options.position_rows = 20;
  options.longest = 16;
  return options;
}

nn::EncoderDecoderOptions t5_options(bool tied) {
  nn::EncoderDecoderOptions options = small_sequence_options();
  options.position_rows = 0;
  options.head_width = 3;
  options.norm = nn::NormKind::kRms;
  options.activation = nn::Activation::kGeluTanh;
  options.gated = true;
  options.bias = options.output_bias = false;
  options.relative_buckets = 6;
  options.relative_farthest = 7;
  options.attention_scale = 1;
  options.tied = tied;
  options.logits_scale = tied ? 0.5 : 1;
  return options;
}

nn::EncoderDecoderOptions bart_options() {
  nn::EncoderDecoderOptions options = small_sequence_options();
  options.pre_norm = options.final_norm = false;
  options.embedding_norm = true;
  options.embedding_scale = 3;
  options.position_offset = 2;
  options.trainable_output_bias = false;
  return options;
}

std::shared_ptr<nn::EncoderDecoder> sequence_model(const SequenceCase& c) {
  tensor_registry();
  core::ReproducibleRng rng(11, "sequence");
  auto model = std::make_shared<nn::EncoderDecoder>(c.options, rng);
  model->to(c.type);
  const at::NoGradGuard no_grad;
  for (auto& parameter : model->parameters()) {
    for (std::int64_t i = 0; i < parameter.numel(); ++i) parameter.view(-1)[i] += 0.2 * rng.normal();
  }
  model->train();
  model->set_dropout_rate(c.dropout);
  model->set_dropout(9, 3);
  return model;
}

/// Lengths 0, 1 and mixed on both sides; words repeat, within a text and between the two.
nn::EncodedExamples sequence_data() {
  core::ReproducibleRng rng(21, "sequence-data");
  nn::EncodedExamples data;
  const std::vector<std::pair<std::int64_t, std::int64_t>> lengths{{3, 5}, {1, 1}, {12, 7}, {0, 3}, {4, 0}, {5, 9}};
  const auto draw = [&](std::int64_t count, std::uint64_t below) {
    std::vector<std::int64_t> ids;
    for (std::int64_t i = 0; i < count; ++i) ids.push_back(static_cast<std::int64_t>(rng.below(below)));
    return ids;
  };
  for (const auto& [source, target] : lengths) {
    std::vector<std::int64_t> told = draw(target, kSequenceEntries);
    if (told.size() > 4) told[4] = -1;
    nn::append_pair(data, draw(source, 5), draw(target, 5), told);
  }
  return data;
}

void check_sequence(const SequenceCase& c) {
  SCOPED_TRACE(c.name + " " + c10::toString(c.type));
  const auto model = sequence_model(c);
  const nn::EncodedExamples data = sequence_data();
  const double tolerance = c.type == at::kDouble ? 1e-10 : 1e-5;
  testing::expect_the_loop(*model, data, {c.segment_offsets, c.parts}, tolerance);
}

TEST(SequenceClipping, EqualsTheLoopOverBatchesOfOne) {
  std::vector<SequenceCase> cases{{.name = "pre-norm, tied", .options = small_sequence_options()},
                                  {.name = "BART's form", .options = bart_options()},
                                  {.name = "T5's form", .options = t5_options(true)},
                                  {.name = "T5's form, untied", .options = t5_options(false)}};
  for (std::size_t i = 0, known = cases.size(); i < known; ++i) {
    SequenceCase c = cases[i];
    c.name += ", dropout, users, parts";
    c.dropout = 0.3;
    c.options.attention_dropout = 0.4;
    c.segment_offsets = {0, 2, 2, 3, 6};
    c.parts = {1, 4};
    cases.push_back(c);
    c.type = at::kFloat;
    cases.push_back(c);
  }
  for (const SequenceCase& c : cases) check_sequence(c);
}

TEST(SequenceClipping, ATableOfDistancesGetsTheGradientOfAllItsUses) {
  // By finite differences: each entry of the table, through all layers, heads and places.
  SequenceCase c{.name = "", .options = t5_options(true)};
  const auto model = sequence_model(c);
  const nn::EncodedExamples data = sequence_data();
  const nn::PackedBatch batch = nn::collate(data, std::vector<std::int64_t>{0, 2, 5});
  model->forward(batch).loss.sum().backward();
  for (const auto& item : model->named_parameters()) {
    if (item.key().find("relative") == std::string::npos) continue;
    at::Tensor table = item.value(), slope = at::empty_like(table);
    const at::NoGradGuard no_grad;
    for (std::int64_t i = 0; i < table.numel(); ++i) {
      const double at_entry = table.view(-1)[i].item<double>(), step = 1e-5;
      double ends[2];
      for (const int side : {0, 1}) {
        table.view(-1)[i] = at_entry + (side == 0 ? -step : step);
        ends[side] = model->forward(batch).loss.sum().item<double>();
      }
      table.view(-1)[i] = at_entry;
      slope.view(-1)[i] = (ends[1] - ends[0]) / (2 * step);
    }
    EXPECT_LT((table.grad() - slope).abs().max().item<double>(), 1e-7) << item.key();
    EXPECT_GT(slope.abs().max().item<double>(), 1e-3) << item.key();
  }
}

}  // namespace
}  // namespace discreet::dp
