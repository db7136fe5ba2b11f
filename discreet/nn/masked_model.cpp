#include "discreet/nn/masked_model.h"

#include <algorithm>
#include <numeric>

#include "discreet/core/error.h"
#include "discreet/core/registry.h"
#include "discreet/nn/layers/linear.h"
#include "discreet/nn/layers/loss.h"

namespace discreet::nn {
namespace {

/// The chosen rows of a batch, with what is to be told there.
struct ChosenRows {
  PackedBatch batch;  ///< offsets, token_segments and tags of these rows
  at::Tensor places;  ///< int64, their rows in the whole batch
};

at::Tensor ids_tensor(const std::vector<std::int64_t>& ids) {
  at::Tensor tensor = at::empty({static_cast<std::int64_t>(ids.size())}, at::kLong);
  std::ranges::copy(ids, tensor.data_ptr<std::int64_t>());
  return tensor;
}

class EncoderMaskedModel final : public MaskedModel {
 public:
  EncoderMaskedModel(const ModelKind& kind, const EncoderInputs& inputs, MaskRule rule)
      : spec_(inputs.spec), rule_(std::move(rule)) {
    encoder_ = register_module("encoder", kind.make_encoder(inputs));
    if (kind.causal && encoder_->is_causal()) {
      throw usage_error("model.path '" + inputs.spec.path + "' does not see what stands behind a token",
                        "Take an encoder, for example of BERT's form, for a masked language model.");
    }
    if (encoder_->ties_output()) return;
    const LinearOptions options{encoder_->token_width(), inputs.sizes.vocabulary, true, 0.02};
    head_ = register_module("head", Linear(options, inputs.rng));
  }

  ModelOutput compute(const PackedBatch& batch) override {
    PackedBatch seen = batch;
    const ChosenRows chosen = choose(batch, seen);
    const Encoded encoded =
        encoder_->forward(seen, dropout_key(spec_.dropout), dropout_key(spec_.word_dropout));
    at::Tensor rows = dropout(encoded.tokens, batch, dropout_key(spec_.dropout), kDropoutTokens);
    rows = rows.index_select(0, chosen.places);
    const Rows& segments = chosen.batch.token_segments;
    const at::Tensor logits =
        head_ ? head_->forward(rows, segments) : encoder_->output_logits(rows, segments);
    count(logits.detach(), chosen.batch);
    ModelOutput out;
    out.loss = consuming_cross_entropy(logits, chosen.batch);
    return out;
  }

  Prediction decode(const PackedBatch&, const ModelOutput&) override { return {}; }

  const MaskCounts& counts() const override { return counts_; }

  at::Tensor logits_at(const PackedBatch& seen, const at::Tensor& places) override {
    Encoded encoded =
        encoder_->forward(seen, dropout_key(spec_.dropout), dropout_key(spec_.word_dropout));
    const at::Tensor rows = encoded.tokens.index_select(0, places);
    auto segments = std::make_shared<Segments>();
    segments->offsets = {0, places.size(0)};
    return head_ ? head_->forward(rows, segments) : encoder_->output_logits(rows, segments);
  }

 private:
  void count(const at::Tensor& logits, const PackedBatch& chosen) {
    const at::NoGradGuard no_grad;
    const at::Tensor right = logits.argmax(1).eq(chosen.tags).to(at::kCPU, at::kLong);
    const auto* hit = right.const_data_ptr<std::int64_t>();
    counts_ = {};
    for (std::int64_t e = 0; e < chosen.examples(); ++e) {
      counts_.told.push_back(chosen.offsets[e + 1] - chosen.offsets[e]);
      counts_.correct.push_back(std::accumulate(hit + chosen.offsets[e], hit + chosen.offsets[e + 1],
                                                std::int64_t{0}));
    }
  }

  ChosenRows choose(const PackedBatch& batch, PackedBatch& seen) const {
    const DropoutKey key = dropout_key(1);
    const at::Tensor host = batch.tokens.cpu();
    const std::span<const std::int64_t> tokens(host.const_data_ptr<std::int64_t>(),
                                               static_cast<std::size_t>(batch.token_count()));
    std::vector<std::int64_t> masked, labels, places;
    ChosenRows chosen;
    for (std::int64_t e = 0; e < batch.examples(); ++e) {
      const std::int64_t begin = batch.offsets[e], end = batch.offsets[e + 1];
      const std::int64_t index = batch.indices.empty() ? e : batch.indices[e];
      const Masked drawn =
          draw_masks(rule_, tokens.subspan(begin, end - begin), is_training() ? key.seed : 0,
                     static_cast<std::uint64_t>(index), is_training() ? key.step + 1 : 0);
      masked.insert(masked.end(), drawn.tokens.begin(), drawn.tokens.end());
      for (std::int64_t n = begin; n < end; ++n) {
        if (drawn.labels[n - begin] < 0) continue;
        places.push_back(n);
        labels.push_back(drawn.labels[n - begin]);
      }
      chosen.batch.offsets.push_back(static_cast<std::int64_t>(places.size()));
    }
    auto segments = std::make_shared<Segments>();
    segments->offsets.clear();
    for (const std::int64_t example : batch.example_segments->offsets) {
      segments->offsets.push_back(chosen.batch.offsets[example]);
    }
    const at::Device device = batch.tokens.device();
    seen.tokens = ids_tensor(masked).to(device);
    chosen.places = ids_tensor(places).to(device);
    chosen.batch.tags = ids_tensor(labels).to(device);
    chosen.batch.offsets_tensor = ids_tensor(chosen.batch.offsets).to(device);
    chosen.batch.token_segments = std::move(segments);
    return chosen;
  }

  ModelSpec spec_;
  MaskRule rule_;
  MaskCounts counts_;
  std::shared_ptr<Encoder> encoder_;
  Linear head_{nullptr};
};

}  // namespace

Masked draw_masks(const MaskRule& rule, std::span<const std::int64_t> tokens, std::uint64_t seed,
                  std::uint64_t example, std::uint64_t step) {
  const auto flagged = [](const std::vector<std::uint8_t>& flags, std::int64_t id) {
    return static_cast<std::size_t>(id) < flags.size() && flags[id] != 0;
  };
  core::ReproducibleRng rng(seed, "masks");
  core::ReproducibleRng::State state = rng.state();
  // A counter of its own for each example and step.
  state.counter = {0, static_cast<std::uint32_t>(example >> 32), static_cast<std::uint32_t>(example),
                   static_cast<std::uint32_t>(step)};
  state.used = 4;
  rng.restore(state);

  // Words as runs of tokens; without whole_words each token is one.
  std::vector<std::pair<std::size_t, std::size_t>> words;
  for (std::size_t n = 0; n < tokens.size(); ++n) {
    if (flagged(rule.special, tokens[n])) continue;
    const bool goes_on = rule.whole_words && !words.empty() && words.back().second == n &&
                         flagged(rule.continues, tokens[n]);
    if (goes_on) {
      words.back().second = n + 1;
    } else {
      words.emplace_back(n, n + 1);
    }
  }
  Masked drawn{{tokens.begin(), tokens.end()}, std::vector<std::int64_t>(tokens.size(), -1)};
  std::vector<bool> chosen(words.size());
  double least = 2;
  std::size_t luckiest = 0;
  bool any = false;
  for (std::size_t w = 0; w < words.size(); ++w) {
    const double u = rng.uniform();
    chosen[w] = u < rule.rate;
    any = any || chosen[w];
    if (u < least) {
      least = u;
      luckiest = w;
    }
  }
  if (!any && !words.empty()) chosen[luckiest] = true;
  for (std::size_t w = 0; w < words.size(); ++w) {
    for (std::size_t n = words[w].first; chosen[w] && n < words[w].second; ++n) {
      drawn.labels[n] = tokens[n];
      const double u = rng.uniform();
      if (u < 0.8) {
        drawn.tokens[n] = rule.mask;
      } else if (u < 0.9) {
        std::int64_t other = 0;
        do {
          other = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(rule.ids)));
        } while (flagged(rule.special, other));
        drawn.tokens[n] = other;
      }
    }
  }
  return drawn;
}

std::shared_ptr<MaskedModel> make_masked_model(const ModelSpec& spec, std::int64_t vocabulary,
                                               MaskRule rule, const at::Tensor& vectors,
                                               core::ReproducibleRng& rng) {
  const auto kind = core::registry().make<ModelKind>("model", spec.kind);
  // What a pretrained folder holds says whether it sees both sides.
  if (kind.causal && spec.kind != "pretrained") {
    throw usage_error("model.kind '" + spec.kind + "' does not see what stands behind a token",
                      "Take model.kind = \"transformer\" for a masked language model.");
  }
  if (rule.ids <= 0) throw internal_error("a rule of masks without tokens to draw from");
  // As a language model's, the encoder may tie an output layer over the vocabulary.
  const ModelSizes sizes{.vocabulary = vocabulary, .next_token = true};
  return std::make_shared<EncoderMaskedModel>(kind, EncoderInputs{spec, sizes, vectors, rng},
                                              std::move(rule));
}

}  // namespace discreet::nn
