#include "discreet/nn/model.h"

#include <algorithm>

#include "discreet/core/error.h"
#include "discreet/core/registry.h"
#include "discreet/nn/encoder.h"
#include "discreet/nn/hidden_rows.h"
#include "discreet/nn/language_model.h"
#include "discreet/nn/layers/activation.h"
#include "discreet/nn/layers/crf.h"
#include "discreet/nn/layers/layer_norm.h"
#include "discreet/nn/layers/linear.h"
#include "discreet/nn/layers/loss.h"
#include "discreet/nn/layers/pool.h"
#include "discreet/nn/tag_parts.h"

namespace discreet::nn {
namespace {

/// Heads over an encoder: a classifier of the pooled row, a tagger of the token rows, or both.
class HeadedModel final : public Model {
 public:
  HeadedModel(const ModelKind& kind, const EncoderInputs& inputs)
      : spec_(inputs.spec),
        activation_(parse_activation(spec_.activation.empty() ? "relu" : spec_.activation)),
        pooling_(parse_pooling(spec_.pooling.empty() ? "mean" : spec_.pooling)) {
    encoder_ = register_module("encoder", kind.make_encoder(inputs));
    if (inputs.sizes.intents > 0) make_classifier(inputs);
    if (inputs.sizes.tags > 0) make_tagger(inputs, kind.random_field || spec_.random_field);
  }

  ModelOutput compute(const PackedBatch& batch) override {
    const Encoded encoded =
        encoder_->forward(batch, dropout_key(spec_.dropout), dropout_key(spec_.word_dropout));
    Pooled pooled{encoded.pooled, {}};
    if (encoded.words.defined() && encoded.pooled.defined()) {
      pooled.words = pool(encoded.words, batch, pooling_);
    }
    ModelOutput out;
    if (intent_head_) classify(batch, pooled, out);
    if (slot_head_) tag(batch, encoded, pooled, out);
    if (out.intent_loss.defined()) out.loss = out.intent_loss;
    if (out.slot_loss.defined()) {
      out.loss = out.loss.defined() ? out.loss + out.slot_loss * spec_.slot_weight : out.slot_loss;
    }
    return out;
  }

  Prediction decode(const PackedBatch& batch, const ModelOutput& output) override {
    const at::NoGradGuard no_grad;
    Prediction prediction;
    const auto to_vector = [](const at::Tensor& ids) {
      const at::Tensor host = ids.cpu();
      const auto* values = host.data_ptr<std::int64_t>();
      return std::vector<std::int64_t>(values, values + host.numel());
    };
    if (output.intent_logits.defined()) {
      prediction.intent_probabilities = output.intent_logits.softmax(1);
      prediction.intent = to_vector(output.intent_logits.argmax(1));
    }
    if (output.emissions.defined()) {
      prediction.tags = crf_ || !tag_rules().empty() ? decode_words(batch, output.emissions)
                                                     : to_vector(output.emissions.argmax(1));
    }
    return prediction;
  }

 private:
  /// The rows that carry a word's tag: all, or those whose tag is not negative (the pieces of a word behind
  /// its first have none).
  struct Words {
    at::Tensor places;  ///< int64 rows of the batch; undefined: all
    PackedBatch batch;  ///< tags and offsets over those rows

    at::Tensor rows_of(const at::Tensor& x) const { return places.defined() ? x.index_select(0, places) : x; }
  };

  static Words words_of(const PackedBatch& batch) {
    if (!batch.tags.defined() || !batch.tags.lt(0).any().item<bool>()) return {{}, batch};
    const at::Tensor host = batch.tags.cpu();
    const auto* tags = host.const_data_ptr<std::int64_t>();
    std::vector<std::int64_t> rows;
    Words words;
    for (std::int64_t e = 0; e < batch.examples(); ++e) {
      for (std::int64_t n = batch.offsets[e]; n < batch.offsets[e + 1]; ++n) {
        if (tags[n] >= 0) rows.push_back(n);
      }
      words.batch.offsets.push_back(static_cast<std::int64_t>(rows.size()));
    }
    words.places = at::tensor(rows, at::kLong).to(batch.tags.device());
    words.batch.tags = batch.tags.index_select(0, words.places);
    words.batch.offsets_tensor = at::tensor(words.batch.offsets, at::kLong).to(batch.tags.device());
    words.batch.example_segments = batch.example_segments;
    return words;
  }

  /// From word to word, by the CRF and the rules; rows that carry no tag get 0.
  std::vector<std::int64_t> decode_words(const PackedBatch& batch, const at::Tensor& emissions) const {
    const Words words = words_of(batch);
    const at::Tensor scores = words.rows_of(emissions);
    const auto best = crf_ ? crf_decode(scores, crf_->weights(), words.batch, tag_rules())
                           : decode_by_rules(scores, words.batch.offsets, tag_rules());
    if (!words.places.defined()) return best;
    std::vector<std::int64_t> decoded(static_cast<std::size_t>(batch.token_count()), 0);
    const at::Tensor places = words.places.cpu();
    for (std::size_t i = 0; i < best.size(); ++i) decoded[places.const_data_ptr<std::int64_t>()[i]] = best[i];
    return decoded;
  }

  /// Heads start close to zero: every class is about equally likely, whatever the encoder says.
  Linear make_head(const std::string& name, std::int64_t in, std::int64_t out,
                   core::ReproducibleRng& rng) {
    return register_module(name, Linear(LinearOptions{in, out, true, 0.01}, rng));
  }

  std::int64_t skip_width() const { return spec_.skip ? encoder_->word_width() : 0; }
  std::int64_t pooled_skip_width() const { return pooled_width(pooling_, skip_width()); }
  std::int64_t pooled_row_width() const { return encoder_->pooled_width() + pooled_skip_width(); }

  /// Norms of what a head takes in, one of each part: an encoder's rows and bare vectors differ in size.
  struct InputNorms {
    LayerNorm rows{nullptr}, words{nullptr};
  };

  InputNorms make_norms(const std::string& head, std::int64_t width, std::int64_t words) {
    InputNorms norms;
    if (!spec_.norm_inputs) return norms;
    norms.rows = register_module(head + "_norm", LayerNorm(LayerNormOptions{width}));
    if (words > 0) norms.words = register_module(head + "_words_norm", LayerNorm(LayerNormOptions{words}));
    return norms;
  }

  static at::Tensor normed(LayerNorm& norm, const at::Tensor& x, const Rows& segments) {
    return norm ? norm->forward(x, segments) : x;
  }

  void make_classifier(const EncoderInputs& inputs) {
    intent_norms_ = make_norms("intent", encoder_->pooled_width(), pooled_skip_width());
    intent_head_ = make_head("intent_head", pooled_row_width(), inputs.sizes.intents, inputs.rng);
  }

  void make_tagger(const EncoderInputs& inputs, bool random_field) {
    std::int64_t width = (2 * spec_.context + 1) * encoder_->token_width() +
                         (2 * spec_.skip_context + 1) * skip_width() +
                         (spec_.tag_sentence ? pooled_row_width() : 0) +
                         (spec_.tag_intent > 0 ? inputs.sizes.intents : 0);
    slot_norms_ = make_norms("slot", encoder_->token_width(), skip_width());
    for (const std::int64_t hidden : spec_.tag_hidden) {
      slot_hidden_.push_back(register_module("slot_hidden" + std::to_string(slot_hidden_.size()),
                                             Linear(LinearOptions{width, hidden}, inputs.rng)));
      width = hidden;
    }
    if (spec_.tag_parts) tag_parts_ = register_buffer("tag_parts", tag_parts(inputs.sizes.tag_names));
    const std::int64_t scores = tag_parts_.defined() ? tag_parts_.size(1) : inputs.sizes.tags;
    slot_head_ = make_head("slot_head", width, scores, inputs.rng);
    if (random_field) crf_ = register_module("crf", Crf(inputs.sizes.tags, spec_.random_field_scale));
  }

  /// An example's row, and that of its bare vectors: undefined without `skip`.
  struct Pooled {
    at::Tensor row, words;

    at::Tensor joined() const { return words.defined() ? at::cat({row, words}, 1) : row; }
  };

  void classify(const PackedBatch& batch, const Pooled& parts, ModelOutput& out) {
    const Rows& segments = batch.example_segments;
    at::Tensor pooled = Pooled{normed(intent_norms_.rows, parts.row, segments),
                               normed(intent_norms_.words, parts.words, segments)}
                            .joined();
    HiddenRowsScope::keep(pooled);
    pooled = dropout(pooled, batch, dropout_key(spec_.dropout), kDropoutPooled);
    out.intent_logits = intent_head_->forward(pooled, segments);
    if (batch.intent.defined()) out.intent_loss = cross_entropy(out.intent_logits, batch.intent);
  }

  void tag(const PackedBatch& batch, const Encoded& encoded, const Pooled& pooled, ModelOutput& out) {
    const Rows& segments = batch.token_segments;
    std::vector<at::Tensor> parts{
        context_window(normed(slot_norms_.rows, encoded.tokens, segments), batch, spec_.context, spec_.context_scale)};
    if (encoded.words.defined()) {
      parts.push_back(
          context_window(normed(slot_norms_.words, encoded.words, segments), batch, spec_.skip_context, spec_.context_scale));
    }
    if (spec_.tag_sentence) parts.push_back(spread(pooled.joined(), batch));
    if (spec_.tag_intent > 0) parts.push_back(spread(intent_row(out.intent_logits), batch));
    at::Tensor tokens = parts.size() > 1 ? at::cat(parts, 1) : parts.front();
    tokens = dropout(tokens, batch, dropout_key(spec_.dropout), kDropoutTokens);
    for (std::size_t i = 0; i < slot_hidden_.size(); ++i) {
      tokens = activate(slot_hidden_[i]->forward(tokens, segments), activation_);
      const auto layer = static_cast<std::uint32_t>(kDropoutHidden + 64 + i);
      tokens = dropout(tokens, batch, dropout_key(spec_.dropout), layer);
    }
    out.emissions = slot_head_->forward(tokens, segments);
    if (tag_parts_.defined()) out.emissions = at::matmul(out.emissions, tag_parts_.t());
    if (!batch.tags.defined()) return;
    if (!crf_) {
      out.slot_loss = token_cross_entropy(out.emissions, batch);
      return;
    }
    const Words words = words_of(batch);
    static const TagRules kFree;
    const TagRules& rules = spec_.random_field_rules ? tag_rules() : kFree;
    out.slot_loss = crf_loss(words.rows_of(out.emissions), crf_->weights(), words.batch, rules);
  }

  /// What the classifier says of the intents, around 0. A constant to the tagger, whose loss does not move the
  /// classifier: an example's gradient stays its own.
  at::Tensor intent_row(const at::Tensor& logits) const {
    return (logits.detach().softmax(1) - 1.0 / static_cast<double>(logits.size(1))) * spec_.tag_intent;
  }

  ModelSpec spec_;
  Activation activation_;
  Pooling pooling_;
  std::shared_ptr<Encoder> encoder_;
  InputNorms intent_norms_, slot_norms_;
  Linear intent_head_{nullptr}, slot_head_{nullptr};
  std::vector<Linear> slot_hidden_;
  at::Tensor tag_parts_;  // [K,P]; undefined: the head gives the tags' scores themselves
  Crf crf_{nullptr};
};

/// Refuses settings of heads that the task does not have.
void check_heads(const ModelSpec& spec, const ModelSizes& sizes, bool random_field) {
  if (sizes.tags <= 0) {
    if (random_field) {
      throw usage_error("model.kind '" + spec.kind + "' tags tokens, but the task has no tags", "Choose a kind without -crf.");
    }
    for (const auto& [key, set] : {std::pair("random_field", spec.random_field), std::pair("tag_parts", spec.tag_parts),
                                   std::pair("tag_layer", spec.tag_layer > 0), std::pair("tag_intent", spec.tag_intent > 0)}) {
      if (!set) continue;
      throw usage_error(std::string("model.") + key + " is of a tagger, but the task has no tags",
                        "Leave it out, or choose task 'tagging' or 'intent-slot'.");
    }
  }
  if (spec.random_field_rules && !random_field && !spec.random_field) {
    throw usage_error("model.random_field_rules is of a random field, and the model has none",
                      "Set model.random_field = true, or leave it out.");
  }
  if (spec.tag_intent > 0 && sizes.intents <= 0) {
    throw usage_error("model.tag_intent reads the intents' probabilities, but the task has no intents",
                      "Leave it out, or choose task 'intent-slot'.");
  }
  if (spec.tag_layer > 0 && spec.kind != "pretrained") {
    throw usage_error("model.tag_layer counts the blocks of a pretrained encoder; model.kind is '" + spec.kind + "'",
                      "Leave it out, or choose model.kind 'pretrained'.");
  }
}

}  // namespace

ModelOutput Model::forward(const PackedBatch& batch) {
  const bool elsewhere = batch.tokens.defined() && batch.tokens.device() != device_;
  return elsewhere ? compute(to_device(batch, device_)) : compute(batch);
}

void Model::move_to(at::Device device) {
  to(device);
  device_ = device;
}

std::shared_ptr<Model> make_model(const ModelSpec& spec, const ModelSizes& sizes,
                                  const at::Tensor& vectors, core::ReproducibleRng& rng) {
  const auto kind = core::registry().make<ModelKind>("model", spec.kind);
  if (sizes.next_token) {
    return make_language_model(kind, EncoderInputs{spec, sizes, vectors, rng});
  }
  if (sizes.intents <= 0 && sizes.tags <= 0) {
    throw usage_error("a model needs something to predict: intents, tags or both");
  }
  check_heads(spec, sizes, kind.random_field);
  return std::make_shared<HeadedModel>(kind, EncoderInputs{spec, sizes, vectors, rng});
}

std::int64_t trainable_values(const torch::nn::Module& model) {
  std::int64_t count = 0;
  for (const at::Tensor& parameter : model.parameters()) {
    if (parameter.requires_grad()) count += parameter.numel();
  }
  return count;
}

}  // namespace discreet::nn
