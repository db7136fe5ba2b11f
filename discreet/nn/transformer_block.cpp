#include "discreet/nn/transformer_block.h"

#include "discreet/core/error.h"
#include "discreet/nn/layers/attention.h"

namespace discreet::nn {
namespace {

TransformerBlockOptions checked(TransformerBlockOptions options) {
  if (options.kv_heads == 0) options.kv_heads = options.heads;
  if (options.heads < 1 || options.width % options.heads != 0) {
    throw usage_error("a transformer of width " + std::to_string(options.width) +
                          " cannot be split into " + std::to_string(options.heads) + " heads",
                      "Choose model.heads so that it divides the width.");
  }
  if (options.kv_heads < 1 || options.heads % options.kv_heads != 0) {
    throw usage_error(std::to_string(options.heads) + " attention heads cannot share " +
                          std::to_string(options.kv_heads) + " heads of keys and values",
                      "Choose model.kv_heads so that it divides model.heads.");
  }
  if (options.rotary && (options.width / options.heads) % 2 != 0) {
    throw usage_error("rotary positions need heads of even width, got " +
                          std::to_string(options.width / options.heads),
                      "Choose another model.heads, or model.positions = \"learned\".");
  }
  return options;
}

}  // namespace

TransformerBlock::TransformerBlock(const TransformerBlockOptions& options,
                                   core::ReproducibleRng& rng)
    : options_(checked(options)) {
  const std::int64_t d = options_.width, part = d / options_.heads;
  const std::int64_t projected = (options_.heads + 2 * options_.kv_heads) * part;
  attention_norm_ = register_module("attention_norm", Norm(d, options_.norm));
  qkv_ = register_module("qkv", Linear(LinearOptions{d, projected}, rng));
  projection_ = register_module("projection", Linear(LinearOptions{d, d}, rng));
  inner_norm_ = register_module("inner_norm", Norm(d, options_.norm));
  inner_ = register_module("inner", Linear(LinearOptions{d, options_.feed_forward *
                                                                input_factor(options_.activation)},
                                           rng));
  outer_ = register_module("outer", Linear(LinearOptions{options_.feed_forward, d}, rng));
}

at::Tensor TransformerBlock::forward(at::Tensor x, const PackedBatch& batch, const DropoutKey& key,
                                     std::uint32_t layer) {
  const Rows& rows = batch.token_segments;
  if (options_.pre_norm) {
    x = x + dropout(attend(attention_norm_->forward(x, rows), batch), batch, key, layer);
    return x + dropout(feed(inner_norm_->forward(x, rows), rows), batch, key, layer + 1);
  }
  x = attention_norm_->forward(x + dropout(attend(x, batch), batch, key, layer), rows);
  return inner_norm_->forward(x + dropout(feed(x, rows), batch, key, layer + 1), rows);
}

at::Tensor TransformerBlock::attend(const at::Tensor& x, const PackedBatch& batch) {
  at::Tensor qkv = qkv_->forward(x, batch.token_segments);
  if (options_.rotary) {
    qkv = nn::rotary(qkv, batch, {options_.heads + options_.kv_heads, options_.width / options_.heads,
                                  options_.rotary_base});
  }
  const AttentionOptions attention_options{options_.heads, options_.kv_heads, options_.causal};
  return projection_->forward(attention(qkv, batch, attention_options), batch.token_segments);
}

at::Tensor TransformerBlock::feed(const at::Tensor& x, const Rows& rows) {
  return outer_->forward(activate(inner_->forward(x, rows), options_.activation), rows);
}

}  // namespace discreet::nn
