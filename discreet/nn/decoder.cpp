#include "discreet/nn/decoder.h"

#include <numeric>

#include "discreet/core/error.h"

namespace discreet::nn {

EncodedExamples examples_of(std::span<const std::vector<std::int64_t>> texts) {
  EncodedExamples examples;
  for (const std::vector<std::int64_t>& text : texts) {
    examples.tokens.insert(examples.tokens.end(), text.begin(), text.end());
    examples.offsets.push_back(static_cast<std::int64_t>(examples.tokens.size()));
  }
  return examples;
}

EncodedExamples examples_of_tokens(std::span<const std::int64_t> tokens) {
  EncodedExamples examples;
  examples.tokens.assign(tokens.begin(), tokens.end());
  examples.offsets.resize(tokens.size() + 1);
  std::iota(examples.offsets.begin(), examples.offsets.end(), 0);
  return examples;
}

CachedDecoder::CachedDecoder(std::shared_ptr<Model> model, Sizes sizes)
    : model_(std::move(model)), sizes_(sizes), was_training_(model_->is_training()) {
  model_->eval();
}

CachedDecoder::~CachedDecoder() { model_->train(was_training_); }

std::span<float> CachedDecoder::start(std::span<const std::vector<std::int64_t>> prompts) {
  cache_.clear(static_cast<std::int64_t>(prompts.size()));
  return read(examples_of(prompts));
}

std::span<float> CachedDecoder::step(std::span<const std::int64_t> parents,
                                     std::span<const std::int64_t> tokens) {
  cache_.select(parents);
  return read(examples_of_tokens(tokens));
}

std::span<float> CachedDecoder::read(const EncodedExamples& next) {
  const at::NoGradGuard no_grad;
  std::vector<std::int64_t> all(static_cast<std::size_t>(next.size()));
  std::iota(all.begin(), all.end(), 0);
  const PackedBatch batch = collate(next, all);
  cache_.begin(batch.offsets);
  const AttentionCacheScope scope(cache_);
  const ModelOutput output = model_->forward(batch);
  if (!output.emissions.defined() || output.emissions.size(1) != sizes_.vocabulary) {
    throw internal_error("the model gives no logits of a next token to generate from");
  }
  logits_ = rows_to_predict(output.emissions, batch.offsets).to(at::kCPU, at::kFloat).contiguous();
  return {logits_.data_ptr<float>(), static_cast<std::size_t>(logits_.numel())};
}

}  // namespace discreet::nn
