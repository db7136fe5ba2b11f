#pragma once

#include <filesystem>
#include <memory>

#include "discreet/nn/layers/linear.h"
#include "discreet/nn/model.h"
#include "discreet/nn/pretrained/encoder.h"
#include "discreet/nn/pretrained/weights.h"

namespace discreet::nn {

/// A model as a folder of the Hugging Face layout describes it, its own head included. Its parameters
/// have the names of a model of kind "pretrained" in a run: "encoder.…", "intent_head.…" (sequences),
/// "slot_head.…" (tokens), "span_head.…".
///
/// forward: sequences fill `intent_logits` [B, labels] and, with batch.intent, the loss; all others
/// `emissions`: logits [N, V], [N, labels] or [N, 2]; without a head the rows [N, width]. With batch.tags
/// the loss is each example's mean over its tokens with a tag; of a causal head, tags stand on the token
/// before the one they name.
class PretrainedModel final : public Model {
 public:
  PretrainedModel(PretrainedSource source, const HeadForm& head, core::ReproducibleRng& rng);

  const PretrainedSource& source() const { return source_; }
  const HeadForm& head() const { return head_; }
  PretrainedEncoder& encoder() { return *encoder_; }

  ModelOutput compute(const PackedBatch& batch) override;
  Prediction decode(const PackedBatch& batch, const ModelOutput& output) override;

 private:
  PretrainedSource source_;
  HeadForm head_;
  std::shared_ptr<PretrainedEncoder> encoder_;
  Linear intent_head_{nullptr}, slot_head_{nullptr};
};

/// Opens a folder, in evaluation mode. `loaded` receives what was passed over; weights beside the model too where it
/// wants them.
/// Throws: kBadData as `open_source` and `load_weights` do, and for a class in `architectures` that is not
/// known.
std::shared_ptr<PretrainedModel> open_pretrained(const std::filesystem::path& folder,
                                                 LoadedWeights* loaded = nullptr);

/// Writes config.json and the weights such that `transformers` loads them, with those `beside` the model (see
/// LoadedWeights).
void save_pretrained(const std::filesystem::path& folder, const PretrainedModel& model,
                     const formats::WeightWriterOptions& options = {}, const NamedTensors& beside = {});

}  // namespace discreet::nn
