#include "discreet/nn/pretrained/encoder.h"

#include <algorithm>
#include <numeric>

#include "discreet/core/error.h"
#include "discreet/nn/graph.h"
#include "discreet/nn/layers/attention_cache.h"
#include "discreet/nn/soft_inputs.h"

namespace discreet::nn {
namespace {

constexpr double kFreshDeviation = 0.02;  // of new weights, as these forms were trained

TransformerBlockOptions pretrained_block(const PretrainedForm& form, std::size_t block) {
  return {.width = form.width,
          .heads = form.heads,
          .kv_heads = form.kv_heads,
          .head_width = form.head_width,
          .feed_forward = form.feed_forward,
          .pre_norm = form.pre_norm,
          .activation = parse_activation(form.activation),
          .gated = form.gated,
          .norm = form.rms_norm ? NormKind::kRms : NormKind::kLayer,
          .norm_epsilon = form.norm_epsilon,
          .causal = form.causal,
          .attention_scale = form.attention_scales.empty() ? 0 : form.attention_scales[block],
          .attention_dropout = form.attention_dropout,
          .rotary = form.rotary,
          .rotary_frequencies = form.rotary_frequencies,
          .qkv_bias = form.qkv_bias,
          .projection_bias = form.projection_bias,
          .feed_forward_bias = form.feed_forward_bias};
}

/// Passes uses on that were announced before.
class AnnouncedRecorder final : public Recorder {
 public:
  explicit AnnouncedRecorder(Recorder& recorder) : recorder_(recorder) {}
  void expect(std::string_view, const std::vector<at::Tensor>&) override {}
  void record(Use use) override { recorder_.record(std::move(use)); }

 private:
  Recorder& recorder_;
};

std::vector<std::int64_t> ids_of(const at::Tensor& ids, std::int64_t first, std::int64_t last) {
  if (!ids.defined()) return {};
  const auto* values = ids.const_data_ptr<std::int64_t>();
  return {values + first, values + last};
}

}  // namespace

at::Tensor recomputed(const std::shared_ptr<TransformerBlock>& block, const at::Tensor& x,
                      const PackedBatch& batch, const DropoutKey& key, std::uint32_t layer) {
  if (!at::GradMode::is_enabled()) return block->forward(x, batch, key, layer);
  Recorder* const recorder = Recorder::current();
  const auto leaf = [&x] { return x.detach().set_requires_grad(x.requires_grad()); };
  // With a graph, so that uses are announced; it goes with its result at the end of this line.
  const at::Tensor made = block->forward(leaf(), batch, key, layer);
  if (!made.requires_grad()) return made;
  at::Tensor y = made.detach();
  return attach(
      y, {x},
      [block, input = x.detach(), wants = x.requires_grad(), batch, key, layer, recorder](
          const at::Tensor& grad, const std::vector<bool>&) {
        const at::AutoGradMode with_graph(true);
        const at::Tensor again = input.detach().set_requires_grad(wants);
        if (recorder != nullptr) {
          AnnouncedRecorder announced(*recorder);
          const RecordingScope scope(announced);
          block->forward(again, batch, key, layer).backward(grad);
        } else {
          block->forward(again, batch, key, layer).backward(grad);
        }
        return std::vector<at::Tensor>{again.grad()};
      },
      true);
}

PretrainedEncoder::PretrainedEncoder(PretrainedForm form, PretrainedParts parts,
                                     core::ReproducibleRng& rng)
    : form_(std::move(form)), parts_(std::move(parts)) {
  const std::int64_t narrow = form_.embedding_width;
  const NormKind norm = form_.rms_norm ? NormKind::kRms : NormKind::kLayer;
  const auto table = [&](const char* name, std::int64_t rows) {
    return register_module(
        name, Embedding(EmbeddingOptions{rows, narrow, {}, false, kFreshDeviation}, rng));
  };
  const auto linear = [&](const char* name, std::int64_t in, std::int64_t out, bool bias) {
    return register_module(name, Linear(LinearOptions{in, out, bias, kFreshDeviation}, rng));
  };
  if (parts_.output && form_.tied) {
    const TiedEmbeddingOptions options{
        .entries = form_.vocabulary, .width = narrow, .bias = form_.output_bias};
    tied_words_ = register_module("words", TiedEmbedding(options, rng));
  } else {
    words_ = table("words", form_.vocabulary);
  }
  if (form_.position_rows > 0) positions_ = table("positions", form_.position_rows);
  if (form_.token_types > 0) token_types_ = table("token_types", form_.token_types);
  if (form_.embedding_norm) {
    embedding_norm_ = register_module("embedding_norm", Norm(narrow, norm, form_.norm_epsilon));
  }
  if (form_.embedding_projection) {
    embedding_projection_ = linear("embedding_projection", narrow, form_.width, true);
  }
  const std::int64_t blocks =
      form_.blocks.empty() ? 0 : *std::max_element(form_.blocks.begin(), form_.blocks.end()) + 1;
  for (std::int64_t i = 0; i < blocks; ++i) {
    blocks_.push_back(
        register_module("block" + std::to_string(i),
                        std::make_shared<TransformerBlock>(
                            pretrained_block(form_, static_cast<std::size_t>(i)), rng)));
  }
  if (form_.final_norm) {
    final_norm_ = register_module("final_norm", Norm(form_.width, norm, form_.norm_epsilon));
  }
  if (parts_.pooler && parts_.pooling.empty() && !form_.pooler_activation.empty()) {
    pooler_ = linear("pooler", form_.width, form_.width, true);
  }
  if (!parts_.output) return;
  if (!form_.transform_activation.empty()) {
    transform_ = linear("transform", form_.width, narrow, true);
    transform_norm_ = register_module("transform_norm", Norm(narrow, norm, form_.norm_epsilon));
  }
  if (!form_.tied) decoder_ = linear("decoder", narrow, form_.vocabulary, form_.output_bias);
}

std::vector<std::pair<std::string, at::Tensor>> PretrainedEncoder::stack_parameters() const {
  std::vector<std::pair<std::string, at::Tensor>> parameters;
  for (const auto& item : named_parameters()) {
    const std::string& name = item.key();
    const bool above = name.starts_with("pooler.") || name.starts_with("transform") ||
                       name.starts_with("decoder.") || name == "words.bias";
    if (!above) parameters.emplace_back(name, item.value());
  }
  return parameters;
}

bool PretrainedEncoder::stack_is_frozen() const {
  const auto parameters = stack_parameters();
  return std::none_of(parameters.begin(), parameters.end(),
                      [](const auto& parameter) { return parameter.second.requires_grad(); });
}

at::Tensor PretrainedEncoder::position_ids(const PackedBatch& batch) const {
  at::Tensor ids = at::empty({batch.token_count()}, at::kLong);
  auto* to = ids.data_ptr<std::int64_t>();
  const bool counts_from_padding = form_.padding >= 0 && form_.position_offset > 0;
  const at::Tensor host = counts_from_padding ? batch.tokens.cpu() : at::Tensor();
  for (std::int64_t e = 0; e < batch.examples(); ++e) {
    const std::int64_t first = tokens_before(e);
    const std::int64_t length = first + batch.offsets[e + 1] - batch.offsets[e];
    if (length > form_.longest) {
      throw bad_data("an example has " + std::to_string(length) + " tokens, the model at most " +
                         std::to_string(form_.longest),
                     "Shorten the example, or cut a text by data.block.");
    }
    if (!counts_from_padding) {
      for (std::int64_t i = first; i < length; ++i) *to++ = form_.position_offset + i;
      continue;
    }
    const auto* tokens = host.const_data_ptr<std::int64_t>();
    std::int64_t next = form_.position_offset + first;
    for (std::int64_t i = batch.offsets[e]; i < batch.offsets[e + 1]; ++i) {
      *to++ = tokens[i] == form_.padding ? form_.position_offset - 1 : next++;
    }
  }
  return ids.to(batch.tokens.device());
}

at::Tensor PretrainedEncoder::embedded(const PackedBatch& batch, const DropoutKey& dropout_key,
                                       const DropoutKey& word_key) {
  const Rows& rows = batch.token_segments;
  const auto look_up = [this](const at::Tensor& ids, const Rows& of) {
    return tied_words_.is_empty() ? words_->forward(ids, of) : tied_words_->forward(ids, of);
  };
  at::Tensor x = mix_tokens(look_up(batch.tokens, rows), look_up);
  x = word_dropout(x, batch, word_key, kDropoutWords);
  const at::Tensor places = position_ids(batch);  // refuses what is too long
  if (positions_) x = x + positions_->forward(places, rows);
  if (token_types_) {
    const at::Tensor types =
        batch.token_types.defined() ? batch.token_types : at::zeros_like(batch.tokens);
    x = x + token_types_->forward(types, rows);
  }
  if (embedding_norm_) x = embedding_norm_->forward(x, rows);
  x = dropout(x, batch, dropout_key, kDropoutVectors);
  return embedding_projection_ ? embedding_projection_->forward(x, rows) : x;
}

at::Tensor PretrainedEncoder::stack(const PackedBatch& batch, const DropoutKey& dropout_key,
                                    const DropoutKey& word_key, std::vector<at::Tensor>* layers) {
  at::Tensor x = embedded(batch, dropout_key, word_key);
  std::vector<at::Tensor> beside;
  if (parts_.words) beside.push_back(x);
  if (layers != nullptr) layers->push_back(x);
  for (std::size_t i = 0; i < form_.blocks.size(); ++i) {
    const auto& block = blocks_[static_cast<std::size_t>(form_.blocks[i])];
    const auto layer = static_cast<std::uint32_t>(kDropoutHidden + 2 * i);
    x = parts_.recompute ? recomputed(block, x, batch, dropout_key, layer)
                         : block->forward(x, batch, dropout_key, layer);
    const bool last = i + 1 == form_.blocks.size();
    if (last && final_norm_) x = final_norm_->forward(x, batch.token_segments);
    if (layers != nullptr) layers->push_back(x);
    if (static_cast<std::int64_t>(i) + 1 == parts_.tag_layer) beside.push_back(x);
  }
  if (beside.empty()) return x;
  beside.insert(beside.begin(), x);
  return at::cat(beside, 1);
}

at::Tensor PretrainedEncoder::rows(const PackedBatch& batch, const DropoutKey& dropout_key,
                                   const DropoutKey& word_key, std::vector<at::Tensor>* layers) {
  return stack_rows(batch, dropout_key, word_key, layers).narrow(1, 0, form_.width);
}

at::Tensor PretrainedEncoder::stack_rows(const PackedBatch& batch, const DropoutKey& dropout_key,
                                         const DropoutKey& word_key, std::vector<at::Tensor>* layers) {
  if (!stack_is_frozen() || SoftInputScope::active()) return stack(batch, dropout_key, word_key, layers);
  const at::NoGradGuard no_gradients;
  const bool keeps = is_training() && layers == nullptr &&
                     static_cast<std::int64_t>(batch.indices.size()) == batch.examples();
  return keeps ? kept_rows(batch) : stack(batch, {}, {}, layers);
}

at::Tensor PretrainedEncoder::kept_rows(const PackedBatch& batch) {
  if (!kept_) kept_ = SharedRowsScope::of(stack_parameters());
  const at::Tensor host_tokens = batch.tokens.cpu();
  const at::Tensor host_types = batch.token_types.defined() ? batch.token_types.cpu() : at::Tensor();
  EncodedExamples missing;
  std::vector<std::size_t> asked;  // places in `batch` of what is missing
  std::vector<std::string> keys;
  std::vector<at::Tensor> parts(static_cast<std::size_t>(batch.examples()));
  for (std::size_t e = 0; e < parts.size(); ++e) {
    const std::int64_t first = batch.offsets[e], last = batch.offsets[e + 1];
    const auto tokens = ids_of(host_tokens, first, last);
    const auto types = ids_of(host_types, first, last);
    std::string key = KeptRows::key(tokens, types) + (parts_.words ? "+" : "");
    if (parts_.tag_layer > 0) key += std::to_string(parts_.tag_layer);
    parts[e] = kept_->find(key);
    if (parts[e].defined()) continue;
    asked.push_back(e);
    keys.push_back(std::move(key));
    missing.tokens.insert(missing.tokens.end(), tokens.begin(), tokens.end());
    missing.token_types.insert(missing.token_types.end(), types.begin(), types.end());
    missing.offsets.push_back(static_cast<std::int64_t>(missing.tokens.size()));
  }
  if (!asked.empty()) {
    std::vector<std::int64_t> all(asked.size());
    std::iota(all.begin(), all.end(), 0);
    const PackedBatch fresh = to_device(collate(missing, all), batch.tokens.device());
    const at::Tensor x = stack(fresh, {}, {}, nullptr);
    for (std::size_t i = 0; i < asked.size(); ++i) {
      parts[asked[i]] = x.narrow(0, fresh.offsets[i], fresh.offsets[i + 1] - fresh.offsets[i]);
      kept_->keep(keys[i], parts[asked[i]]);
    }
  }
  const std::int64_t width = form_.width * (1 + (parts_.words ? 1 : 0) + (parts_.tag_layer > 0 ? 1 : 0));
  return parts.empty() ? at::empty({0, width}, words_.is_empty() ? tied_words_->weight.options()
                                                                       : words_->weight.options())
                       : at::cat(parts);
}

std::int64_t PretrainedEncoder::pooled_width() const {
  return parts_.pooling.empty() ? form_.width
                                : nn::pooled_width(parse_pooling(parts_.pooling), form_.width);
}

at::Tensor PretrainedEncoder::pooled(const at::Tensor& rows, const PackedBatch& batch) {
  if (!parts_.pooling.empty()) return pool(rows, batch, parse_pooling(parts_.pooling));
  if (pooler_) {
    const at::Tensor first = pool(rows, batch, Pooling::kFirst);
    return activate(pooler_->forward(first, batch.example_segments),
                    parse_activation(form_.pooler_activation));
  }
  // The row of the last token that is no padding (the first where all are), zeros for an example without tokens.
  const at::Tensor host = form_.padding >= 0 ? batch.tokens.cpu() : at::Tensor();
  std::vector<std::int64_t> lasts;
  for (std::int64_t e = 0; e < batch.examples(); ++e) {
    const std::int64_t first = batch.offsets[e];
    std::int64_t last = batch.offsets[e + 1] - 1;
    while (host.defined() && last > first && host.const_data_ptr<std::int64_t>()[last] == form_.padding) --last;
    lasts.push_back(batch.offsets[e + 1] > first ? last : -1);
  }
  const at::Tensor places = at::tensor(lasts, at::kLong).to(rows.device());
  const at::Tensor there = places.ge(0).to(rows.scalar_type()).unsqueeze(1);
  if (rows.size(0) == 0) return at::zeros({batch.examples(), form_.width}, rows.options());
  return rows.index_select(0, places.clamp_min(0)) * there;
}

at::Tensor PretrainedEncoder::output_logits(const at::Tensor& rows, const Rows& segments) {
  at::Tensor x = rows;
  if (transform_) {
    x = activate(transform_->forward(x, segments), parse_activation(form_.transform_activation));
    x = transform_norm_->forward(x, segments);
  }
  return decoder_ ? decoder_->forward(x, segments) : tied_words_->logits(x, segments);
}

Encoded PretrainedEncoder::forward(const PackedBatch& batch, const DropoutKey& dropout_key,
                                   const DropoutKey& word_key) {
  Encoded out;
  const at::Tensor all = stack_rows(batch, dropout_key, word_key, nullptr);
  const auto part = [&](std::int64_t which) {
    return all.size(1) == form_.width ? all : all.narrow(1, which * form_.width, form_.width);
  };
  const at::Tensor last = part(0);
  if (parts_.words) out.words = part(1);
  out.tokens = parts_.tag_layer > 0 ? part(parts_.words ? 2 : 1) : last;
  if (parts_.pooler) out.pooled = pooled(last, batch);
  return out;
}

}  // namespace discreet::nn
