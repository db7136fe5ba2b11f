#include "discreet/nn/sequence_decoder.h"

#include <numeric>

#include "discreet/core/error.h"
#include "discreet/nn/decoder.h"

namespace discreet::nn {
namespace {

PackedBatch packed(const EncodedExamples& examples, at::Device device) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(examples.size()));
  std::iota(all.begin(), all.end(), 0);
  const PackedBatch batch = collate(examples, all);
  return device.is_cpu() ? batch : to_device(batch, device);
}

}  // namespace

SequenceDecoder::SequenceDecoder(std::shared_ptr<EncoderDecoder> model)
    : model_(std::move(model)), was_training_(model_->is_training()) {
  model_->eval();
  device_ = model_->parameters().front().device();
}

SequenceDecoder::~SequenceDecoder() { model_->train(was_training_); }

void SequenceDecoder::read(std::span<const std::vector<std::int64_t>> sources) {
  const at::NoGradGuard no_grad;
  const PackedBatch batch = packed(examples_of(sources), device_);
  memory_ = model_->remember(model_->encode(batch), batch);
}

std::span<float> SequenceDecoder::start(std::span<const std::vector<std::int64_t>> prompts) {
  if (prompts.size() + 1 != memory_.offsets.size()) {
    throw internal_error(std::to_string(prompts.size()) + " prompts for " +
                         std::to_string(memory_.offsets.size() - 1) + " sources");
  }
  cache_.clear(static_cast<std::int64_t>(prompts.size()));
  source_of_.resize(prompts.size());
  std::iota(source_of_.begin(), source_of_.end(), 0);
  return next(examples_of(prompts));
}

std::span<float> SequenceDecoder::step(std::span<const std::int64_t> parents,
                                       std::span<const std::int64_t> tokens) {
  cache_.select(parents);
  std::vector<std::int64_t> sources;
  for (const std::int64_t parent : parents) {
    sources.push_back(source_of_.at(static_cast<std::size_t>(parent)));
  }
  source_of_ = std::move(sources);
  return next(examples_of_tokens(tokens));
}

std::span<float> SequenceDecoder::next(const EncodedExamples& tokens) {
  const at::NoGradGuard no_grad;
  const PackedBatch batch = packed(tokens, device_);
  cache_.begin(batch.offsets);
  AttentionSpans spans{batch.offsets, {}, {}};
  for (const std::int64_t source : source_of_) {
    const auto s = static_cast<std::size_t>(source);
    spans.firsts.push_back(memory_.offsets[s]);
    spans.lengths.push_back(memory_.offsets[s + 1] - memory_.offsets[s]);
  }
  const AttentionCacheScope scope(cache_);
  logits_ = model_->decoded(batch, memory_, spans).to(at::kCPU, at::kFloat).contiguous();
  return {logits_.data_ptr<float>(), static_cast<std::size_t>(logits_.numel())};
}

}  // namespace discreet::nn
