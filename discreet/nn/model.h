#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "discreet/core/random.h"
#include "discreet/nn/batch.h"
#include "discreet/nn/layers/dropout.h"
#include "discreet/nn/tag_rules.h"
#include "discreet/nn/torch.h"

namespace discreet::nn {

/// What a model looks like. Fields that a kind does not know are ignored by it; 0 or empty picks
/// the kind's default.
struct ModelSpec {
  std::string kind = "bilstm";   ///< registry kind "model"
  std::string path;              ///< pretrained: folder whose config.json says what it looks like
  std::int64_t embedding = 100;  ///< width of word vectors; given vectors decide it
  bool freeze_vectors = false;   ///< given vectors stay as they are
  std::vector<std::int64_t>
      hidden;  ///< bow: hidden layers; lstm, gru: state per direction; cnn: filters of each width;
               ///< transformer: width
  std::int64_t layers = 1;  ///< recurrent, convolutional or transformer layers
  std::vector<std::int64_t> widths{3, 4, 5};  ///< cnn: tokens that a filter sees at once
  std::string norm;  ///< cnn: "" none, "layer" or "group", before each activation; transformer:
                     ///< layer or rms, empty: layer
  std::int64_t norm_groups = 4;    ///< groups of channels of a group norm
  std::int64_t char_embedding = 0;  ///< width of characters' vectors; 0: the kind decides
  std::int64_t char_filters = 30;   ///< what a word's characters add to its row
  std::int64_t char_width = 3;      ///< characters that a filter sees at once
  std::int64_t heads = 4;   ///< transformer: attention heads
  std::int64_t feed_forward = 0;  ///< transformer: inner width; 0: four times the width
  std::int64_t kv_heads = 0;      ///< transformer: heads of keys and values; 0: as many as heads
  bool pre_norm = true;           ///< transformer: normalise before each block, else after
  std::string positions;          ///< transformer: learned or rotary; empty: learned
  bool tied = true;               ///< language model: the embedding is the output layer too
  bool mix_layers = false;        ///< transformer: the output is a learned mean of all layers
  std::int64_t longest = 512;     ///< transformer: positions; longer examples are refused
  std::string pooling;            ///< see nn/layers/pool.h; empty: the kind's default
  std::string activation;         ///< hidden layers, see parse_activation; empty: the kind's default
  std::int64_t context = 0;       ///< tagger sees this many neighbours on each side
  std::vector<std::int64_t> tag_hidden;  ///< hidden layers of the tagger
  bool skip = false;              ///< heads also read the bare word vectors, past the encoder
  std::int64_t skip_context = 0;  ///< with skip: bare vectors of this many neighbours on each side
  double context_scale = 1;       ///< of neighbours' rows and vectors, before the tagger
  bool tag_sentence = false;      ///< the tagger also reads the example's pooled row
  double tag_intent = 0;          ///< the tagger also reads the intents' probabilities, times this
  std::int64_t tag_layer = 0;     ///< pretrained: the tagger reads the rows behind so many blocks; 0: all
  bool tag_parts = false;         ///< tags of one letter or of one type share weights (nn/tag_parts.h)
  bool random_field = false;      ///< tags by a CRF, whatever the kind
  double random_field_scale = 1;  ///< of the CRF's own scores (nn/layers/crf.h)
  bool random_field_rules = false;  ///< the CRF's loss knows the tag rules too
  bool norm_inputs = false;       ///< layer norm on what the heads take in
  double dropout = 0;             ///< on vectors, between layers and before the heads
  double word_dropout = 0;        ///< share of tokens whose vector is hidden in training
  double slot_weight = 1;         ///< loss = intent loss + slot_weight x slot loss
  bool recompute = false;         ///< pretrained: blocks are computed again in the backward pass
};

/// Sizes that the data set; 0 leaves the head out.
struct ModelSizes {
  std::int64_t vocabulary = 0;
  std::int64_t intents = 0;
  std::int64_t tags = 0;
  std::int64_t characters = 0;  ///< ids of characters; 0: the data have none
  bool next_token = false;  ///< a language model: predicts batch.tags out of the vocabulary
  std::vector<std::string> tag_names{};  ///< [tags]; model.tag_parts alone reads them
};

/// What a forward pass gives. Losses are per example (each the mean over its own tokens where it
/// has several), so that the gradient of their sum is made of per-example gradients.
struct ModelOutput {
  at::Tensor loss;           ///< [B]; undefined when the batch has no labels
  at::Tensor intent_loss;    ///< [B] or undefined
  at::Tensor slot_loss;      ///< [B] or undefined, before slot_weight
  at::Tensor intent_logits;  ///< [B,I] or undefined
  at::Tensor emissions;      ///< [N,K] or undefined; a language model's logits [N,V] without tags
};

struct Prediction {
  std::vector<std::int64_t> intent;  ///< [B] or empty
  std::vector<std::int64_t> tags;    ///< [N] or empty; Viterbi where the model has a CRF
  at::Tensor intent_probabilities;   ///< [B,I] or undefined
};

/// A model on packed batches. Parameters are named by their path ("encoder.layer0.weight_ih").
class Model : public torch::nn::Module {
 public:
  /// A batch of another device is copied to the model's.
  ModelOutput forward(const PackedBatch& batch);
  /// Labels and offsets of the batch may be on any device.
  virtual Prediction decode(const PackedBatch& batch, const ModelOutput& output) = 0;

  /// Moves all parameters and buffers; before an optimiser takes them.
  void move_to(at::Device device);
  at::Device device() const { return device_; }

  /// Which dropout masks the next forward passes draw, in training mode.
  void set_dropout(std::uint64_t seed, std::uint64_t step) {
    dropout_seed_ = seed;
    dropout_step_ = step;
  }

  /// Tags that `decode` may not give; empty: all may stand anywhere.
  void set_tag_rules(TagRules rules) { tag_rules_ = std::move(rules); }

 protected:
  /// What `forward` does, with a batch on the model's device.
  virtual ModelOutput compute(const PackedBatch& batch) = 0;
  const TagRules& tag_rules() const { return tag_rules_; }
  DropoutKey dropout_key(double rate) const {
    return {dropout_seed_, dropout_step_, is_training() ? rate : 0.0};
  }

 private:
  at::Device device_ = at::kCPU;
  std::uint64_t dropout_seed_ = 0, dropout_step_ = 0;
  TagRules tag_rules_;
};

/// Makes a model with freshly drawn parameters: the same for the same generator on every machine.
///
/// `vectors` [vocabulary, d] starts the embedding, or is undefined.
/// Throws: kUsage on an unknown kind or a setting that the kind cannot take.
std::shared_ptr<Model> make_model(const ModelSpec& spec, const ModelSizes& sizes,
                                  const at::Tensor& vectors, core::ReproducibleRng& rng);

/// Number of values in the parameters that require a gradient.
std::int64_t trainable_values(const torch::nn::Module& model);

}  // namespace discreet::nn
