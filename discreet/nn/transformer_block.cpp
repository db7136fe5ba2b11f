#include "discreet/nn/transformer_block.h"

#include "discreet/core/error.h"
#include "discreet/nn/layers/attention.h"

namespace discreet::nn {
namespace {

TransformerBlockOptions checked(TransformerBlockOptions options) {
  if (options.kv_heads == 0) options.kv_heads = options.heads;
  if (options.heads < 1 || (options.head_width == 0 && options.width % options.heads != 0)) {
    throw usage_error("a transformer of width " + std::to_string(options.width) +
                          " cannot be split into " + std::to_string(options.heads) + " heads",
                      "Choose model.heads so that it divides the width.");
  }
  if (options.head_width == 0) options.head_width = options.width / options.heads;
  if (options.kv_heads < 1 || options.heads % options.kv_heads != 0) {
    throw usage_error(std::to_string(options.heads) + " attention heads cannot share " +
                          std::to_string(options.kv_heads) + " heads of keys and values",
                      "Choose model.kv_heads so that it divides model.heads.");
  }
  if (options.rotary && options.head_width % 2 != 0) {
    throw usage_error("rotary positions need heads of even width, got " +
                          std::to_string(options.head_width),
                      "Choose another model.heads, or model.positions = \"learned\".");
  }
  return options;
}

}  // namespace

TransformerBlock::TransformerBlock(const TransformerBlockOptions& options,
                                   core::ReproducibleRng& rng)
    : options_(checked(options)) {
  const std::int64_t d = options_.width, part = options_.head_width;
  const std::int64_t projected = (options_.heads + 2 * options_.kv_heads) * part;
  const std::int64_t inner = options_.feed_forward;
  const auto norm = [&](const char* name) {
    return register_module(name, Norm(d, options_.norm, options_.norm_epsilon));
  };
  const auto linear = [&](const char* name, std::int64_t in, std::int64_t out, bool bias) {
    return register_module(name, Linear(LinearOptions{in, out, bias}, rng));
  };
  attention_norm_ = norm("attention_norm");
  qkv_ = linear("qkv", d, projected, options_.qkv_bias);
  projection_ = linear("projection", options_.heads * part, d, options_.projection_bias);
  inner_norm_ = norm("inner_norm");
  inner_ = linear("inner", d, inner * (options_.gated ? 2 : input_factor(options_.activation)), options_.feed_forward_bias);
  outer_ = linear("outer", inner, d, options_.feed_forward_bias);
}

at::Tensor TransformerBlock::forward(at::Tensor x, const PackedBatch& batch, const DropoutKey& key,
                                     std::uint32_t layer) {
  const Rows& rows = batch.token_segments;
  if (options_.pre_norm) {
    x = x + dropout(attend(attention_norm_->forward(x, rows), batch, key, layer), batch, key, layer);
    return x + dropout(feed(inner_norm_->forward(x, rows), rows), batch, key, layer + 1);
  }
  x = attention_norm_->forward(x + dropout(attend(x, batch, key, layer), batch, key, layer), rows);
  return inner_norm_->forward(x + dropout(feed(x, rows), batch, key, layer + 1), rows);
}

at::Tensor TransformerBlock::attend(const at::Tensor& x, const PackedBatch& batch, const DropoutKey& key,
                                    std::uint32_t layer) {
  at::Tensor qkv = qkv_->forward(x, batch.token_segments);
  if (options_.rotary) {
    qkv = nn::rotary(qkv, batch, {options_.heads + options_.kv_heads, options_.head_width,
                                  options_.rotary_base, options_.rotary_frequencies});
  }
  AttentionOptions attention_options{options_.heads, options_.kv_heads, options_.causal,
                                     options_.attention_scale};
  if (key.rate > 0) attention_options.dropout = {{key.seed, key.step, options_.attention_dropout}, layer};
  return projection_->forward(attention(qkv, batch, attention_options), batch.token_segments);
}

at::Tensor TransformerBlock::feed(const at::Tensor& x, const Rows& rows) {
  const at::Tensor inner = inner_->forward(x, rows);
  return outer_->forward(options_.gated ? activate_gated(inner, options_.activation) : activate(inner, options_.activation), rows);
}

}  // namespace discreet::nn
