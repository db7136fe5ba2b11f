#include "discreet/nn/encoder_decoder.h"

#include <numeric>

#include "discreet/core/error.h"
#include "discreet/nn/encoder.h"
#include "discreet/nn/layers/attention_cache.h"
#include "discreet/nn/layers/loss.h"

namespace discreet::nn {
namespace {

constexpr std::uint32_t kSourceDropout = kDropoutHidden;
constexpr std::uint32_t kTargetDropout = kDropoutHidden + (1U << 16);
constexpr std::uint32_t kBlockDropouts = 3;  // of one block

std::int64_t head_width(const EncoderDecoderOptions& options, std::int64_t heads) {
  if (options.head_width > 0) return options.head_width;
  if (heads < 1 || options.width % heads != 0) {
    throw usage_error("a transformer of width " + std::to_string(options.width) +
                          " cannot be split into " + std::to_string(heads) + " heads",
                      "Choose model.heads so that it divides the width.");
  }
  return options.width / heads;
}

at::Tensor places_of(const PackedBatch& batch, const EncoderDecoderOptions& options) {
  std::vector<std::int64_t> places;
  for (std::int64_t e = 0; e < batch.examples(); ++e) {
    const std::int64_t first = tokens_before(e);
    const std::int64_t length = first + batch.offsets[e + 1] - batch.offsets[e];
    if (length > options.longest) {
      throw bad_data("a text has " + std::to_string(length) + " tokens, the model at most " +
                         std::to_string(options.longest),
                     "Shorten the text, or raise model.longest.");
    }
    for (std::int64_t i = first; i < length; ++i) places.push_back(options.position_offset + i);
  }
  return at::tensor(places, at::kLong).to(batch.tokens.device());
}

}  // namespace

StreamBlock::StreamBlock(const EncoderDecoderOptions& options, bool decoder, core::ReproducibleRng& rng)
    : decoder_(decoder),
      pre_norm_(options.pre_norm),
      gated_(options.gated),
      activation_(options.activation),
      attention_dropout_(options.attention_dropout) {
  const StackOptions& stack = decoder ? options.decoder : options.encoder;
  const std::int64_t d = options.width, inside = stack.heads * head_width(options, stack.heads);
  const auto norm = [&](const char* name) {
    return register_module(name, Norm(d, options.norm, options.norm_epsilon));
  };
  const auto linear = [&](const char* name, std::int64_t in, std::int64_t out) {
    return register_module(name, Linear(LinearOptions{in, out, options.bias}, rng));
  };
  self_ = {.heads = stack.heads,
           .causal = decoder,
           .scale = options.attention_scale,
           .buckets = {options.relative_buckets, options.relative_farthest, !decoder}};
  cross_ = {.heads = stack.heads, .scale = options.attention_scale};
  self_norm_ = norm("self_norm");
  qkv_ = linear("qkv", d, 3 * inside);
  projection_ = linear("projection", inside, d);
  if (decoder) {
    cross_norm_ = norm("cross_norm");
    cross_query_ = linear("cross_query", d, inside);
    cross_key_value_ = linear("cross_key_value", d, 2 * inside);
    cross_projection_ = linear("cross_projection", inside, d);
  }
  inner_norm_ = norm("inner_norm");
  inner_ = linear("inner", d, stack.feed_forward * (gated_ ? 2 : input_factor(activation_)));
  outer_ = linear("outer", stack.feed_forward, d);
}

at::Tensor StreamBlock::forward(at::Tensor x, const PackedBatch& batch, const at::Tensor& bias,
                                const Source* source, const DropoutKey& key, std::uint32_t layer) {
  const Rows& rows = batch.token_segments;
  const auto part = [&](Norm norm, std::uint32_t number, const auto& f) {
    if (pre_norm_) {
      x = x + dropout(f(norm->forward(x, rows)), batch, key, number);
    } else {
      x = norm->forward(x + dropout(f(x), batch, key, number), rows);
    }
  };
  const double rate = key.rate > 0 ? attention_dropout_ : 0;
  const auto dropped = [&](std::uint32_t number) {
    return AttentionDropout{{key.seed, key.step, rate}, number, batch.indices};
  };
  part(self_norm_, layer, [&](const at::Tensor& in) { return attend(in, batch, bias, dropped(layer)); });
  if (decoder_) {
    part(cross_norm_, layer + 1, [&](const at::Tensor& in) { return look(in, rows, *source, dropped(layer + 1)); });
  }
  part(inner_norm_, layer + 2, [&](const at::Tensor& in) { return feed(in, rows); });
  return x;
}

at::Tensor StreamBlock::attend(const at::Tensor& x, const PackedBatch& batch, const at::Tensor& bias,
                               const AttentionDropout& dropped) {
  StreamAttentionOptions options = self_;
  options.dropout = dropped;
  const at::Tensor qkv = qkv_->forward(x, batch.token_segments);
  const std::int64_t inside = qkv.size(1) / 3;
  const at::Tensor seen =
      stream_attention(qkv.narrow(1, 0, inside), qkv.narrow(1, inside, 2 * inside),
                       AttentionSpans::within(batch.offsets), options, bias);
  return projection_->forward(seen, batch.token_segments);
}

at::Tensor StreamBlock::look(const at::Tensor& x, const Rows& rows, const Source& source,
                             const AttentionDropout& dropped) {
  StreamAttentionOptions options = cross_;
  options.dropout = dropped;
  const at::Tensor query = cross_query_->forward(x, rows);
  return cross_projection_->forward(stream_attention(query, source.keys_values, source.spans, options), rows);
}

at::Tensor StreamBlock::feed(const at::Tensor& x, const Rows& rows) {
  const at::Tensor inner = inner_->forward(x, rows);
  return outer_->forward(gated_ ? activate_gated(inner, activation_) : activate(inner, activation_), rows);
}

EncoderDecoder::EncoderDecoder(const EncoderDecoderOptions& options, core::ReproducibleRng& rng)
    : options_(options) {
  const double deviation = 0.02;
  if (options_.tied) {
    tied_ = register_module("shared", TiedEmbedding(TiedEmbeddingOptions{.entries = options_.vocabulary,
                                                                         .width = options_.width,
                                                                         .bias = options_.output_bias,
                                                                         .deviation = deviation,
                                                                         .scale = options_.embedding_scale},
                                                    rng));
    if (options_.output_bias && !options_.trainable_output_bias) tied_->bias.set_requires_grad(false);
  } else {
    shared_ = register_module(
        "shared", Embedding(EmbeddingOptions{options_.vocabulary, options_.width, {}, false, deviation}, rng));
    output_ = register_module(
        "output", Linear(LinearOptions{options_.width, options_.vocabulary, options_.output_bias, deviation},
                         rng));
    if (options_.output_bias && !options_.trainable_output_bias) output_->bias.set_requires_grad(false);
  }
  encoder_ = make_stack("encoder", false, rng);
  decoder_ = make_stack("decoder", true, rng);
}

EncoderDecoder::Stack EncoderDecoder::make_stack(const std::string& name, bool decoder,
                                                 core::ReproducibleRng& rng) {
  Stack stack;
  const StackOptions& sizes = decoder ? options_.decoder : options_.encoder;
  auto holder = register_module(name, std::make_shared<torch::nn::Module>());
  const auto norm = [&](const char* part) {
    return holder->register_module(part, Norm(options_.width, options_.norm, options_.norm_epsilon));
  };
  if (options_.position_rows > 0) {
    stack.positions = holder->register_module(
        "positions", Embedding(EmbeddingOptions{options_.position_rows, options_.width, {}, false, 0.02}, rng));
  }
  if (options_.relative_buckets > 0) {
    stack.relative = holder->register_module(
        "relative", Embedding(EmbeddingOptions{options_.relative_buckets, sizes.heads, {}, false, 0.02}, rng));
  }
  if (options_.embedding_norm) stack.embedding_norm = norm("embedding_norm");
  for (std::int64_t i = 0; i < sizes.layers; ++i) {
    stack.blocks.push_back(holder->register_module("block" + std::to_string(i),
                                                   std::make_shared<StreamBlock>(options_, decoder, rng)));
  }
  if (options_.final_norm) stack.final_norm = norm("final_norm");
  return stack;
}

at::Tensor EncoderDecoder::embedded(Stack& stack, const PackedBatch& batch, std::uint32_t layer) {
  const Rows& rows = batch.token_segments;
  at::Tensor x = tied_ ? tied_->forward(batch.tokens, rows) : shared_->forward(batch.tokens, rows);
  if (!tied_ && options_.embedding_scale != 1) x = x * options_.embedding_scale;
  const at::Tensor places = places_of(batch, options_);  // refuses what is too long
  if (stack.positions) x = x + stack.positions->forward(places, rows);
  if (stack.embedding_norm) x = stack.embedding_norm->forward(x, rows);
  return dropout(x, batch, dropout_key(dropout_rate_), layer);
}

at::Tensor EncoderDecoder::bias_tables(Stack& stack, const PackedBatch& batch, bool decoder) {
  if (!stack.relative) return {};
  const std::int64_t buckets = options_.relative_buckets;
  const std::int64_t heads = decoder ? options_.decoder.heads : options_.encoder.heads;
  // One look-up of the whole table for each example: its gradient is then the example's own, whatever
  // positions, heads and layers it comes from. Without gradients one table does for all.
  const bool graph = at::GradMode::is_enabled();
  const std::int64_t copies = graph ? batch.examples() : 1;
  auto segments = std::make_shared<Segments>();
  segments->offsets.clear();
  for (const std::int64_t offset : batch.example_segments->offsets) {
    segments->offsets.push_back(graph ? offset * buckets : 0);
  }
  const at::Tensor ids = at::arange(buckets, at::kLong).repeat({copies}).to(batch.tokens.device());
  return stack.relative->forward(ids, segments).view({copies, buckets, heads});
}

at::Tensor EncoderDecoder::encode(const PackedBatch& source) {
  at::Tensor x = embedded(encoder_, source, kSourceDropout);
  const at::Tensor bias = bias_tables(encoder_, source, false);
  std::uint32_t layer = kSourceDropout + 1;
  for (const auto& block : encoder_.blocks) {
    x = block->forward(x, source, bias, nullptr, dropout_key(dropout_rate_), layer);
    layer += kBlockDropouts;
  }
  if (encoder_.final_norm) x = encoder_.final_norm->forward(x, source.token_segments);
  return dropout(x, source, dropout_key(dropout_rate_), layer);
}

Memory EncoderDecoder::remember(const at::Tensor& rows, const PackedBatch& source) {
  Memory memory{{}, source.offsets};
  for (const auto& block : decoder_.blocks) {
    memory.keys_values.push_back(block->keys_values(rows, source.token_segments));
  }
  return memory;
}

at::Tensor EncoderDecoder::decoded(const PackedBatch& target, const Memory& memory,
                                   const AttentionSpans& spans) {
  at::Tensor x = embedded(decoder_, target, kTargetDropout);
  const at::Tensor bias = bias_tables(decoder_, target, true);
  std::uint32_t layer = kTargetDropout + 1;
  for (std::size_t i = 0; i < decoder_.blocks.size(); ++i) {
    const StreamBlock::Source source{memory.keys_values[i], spans};
    x = decoder_.blocks[i]->forward(x, target, bias, &source, dropout_key(dropout_rate_), layer);
    layer += kBlockDropouts;
  }
  if (decoder_.final_norm) x = decoder_.final_norm->forward(x, target.token_segments);
  x = dropout(x, target, dropout_key(dropout_rate_), layer);
  return logits(rows_to_predict(x, target.offsets), target.token_segments);
}

at::Tensor EncoderDecoder::logits(const at::Tensor& rows, const Rows& segments) {
  const at::Tensor x = options_.logits_scale == 1 ? rows : rows * options_.logits_scale;
  return tied_ ? tied_->logits(x, segments) : output_->forward(x, segments);
}

ModelOutput EncoderDecoder::compute(const PackedBatch& batch) {
  const Streams streams = split_streams(batch);
  const Memory memory = remember(encode(streams.source), streams.source);
  const at::Tensor scores =
      decoded(streams.target, memory, AttentionSpans::between(streams.target.offsets, memory.offsets));
  ModelOutput out;
  out.loss = consuming_cross_entropy(scores, streams.target);
  return out;
}

std::shared_ptr<EncoderDecoder> make_encoder_decoder(const ModelSpec& spec, std::int64_t vocabulary,
                                                     core::ReproducibleRng& rng) {
  EncoderDecoderOptions options;
  options.vocabulary = vocabulary;
  options.width = spec.hidden.empty() ? spec.embedding : spec.hidden.front();
  const StackOptions stack{spec.layers, spec.heads,
                           spec.feed_forward > 0 ? spec.feed_forward : 4 * options.width};
  options.encoder = options.decoder = stack;
  options.pre_norm = spec.pre_norm;
  options.final_norm = spec.pre_norm;
  options.embedding_norm = !spec.pre_norm;
  options.norm = parse_norm(spec.norm);
  options.activation = parse_activation(spec.activation.empty() ? "gelu" : spec.activation);
  options.longest = spec.longest;
  options.tied = spec.tied;
  if (spec.positions == "relative") {
    options.relative_buckets = 32;
  } else if (spec.positions.empty() || spec.positions == "learned") {
    options.position_rows = spec.longest;
  } else {
    throw usage_error("model.positions = \"" + spec.positions + "\" does not suit an encoder-decoder",
                      "Choose learned or relative.");
  }
  auto model = std::make_shared<EncoderDecoder>(options, rng);
  model->set_dropout_rate(spec.dropout);
  return model;
}

}  // namespace discreet::nn
