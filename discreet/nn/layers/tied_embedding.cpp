#include "discreet/nn/layers/tied_embedding.h"

#include "discreet/core/error.h"
#include "discreet/nn/graph.h"
#include "discreet/nn/init.h"

namespace discreet::nn {
namespace {

constexpr std::string_view kTiedKind = "tied_embedding";

}  // namespace

at::Tensor tied_lookup(const at::Tensor& ids, const TiedWeights& weights, const Rows& rows,
                       const TiedLookup& options) {
  // With a frozen matrix nothing here is trained: the bias belongs to the output layer.
  const at::Tensor& weight = weights.weight;
  const UsedParameters params(
      kTiedKind, {weight, weight.requires_grad() ? weights.bias : at::Tensor()}, rows);
  at::Tensor y;
  {
    const at::NoGradGuard no_grad;
    check_ids(ids, weight.size(0));
    y = weight.index_select(0, ids);
    if (options.scale != 1) y.mul_(options.scale);
  }
  if (!params.trainable()) return y;
  const std::int64_t entries = weight.size(0);
  return attach(
      y, {params.inputs()[0]},
      [params, ids, entries, options](const at::Tensor& grad, const std::vector<bool>& needs) {
        at::Tensor dw = without_padding(grad.contiguous(), ids, options.padding);
        if (options.scale != 1) dw = dw * options.scale;
        std::vector<at::Tensor> out(1);
        if (params.recorded()) {
          params.record({ids}, {dw});
        } else if (needs[0]) {
          out[0] = at::zeros({entries, dw.size(1)}, dw.options());
          scatter_rows(out[0], ids, dw);
        }
        return out;
      },
      params.recorded());
}

at::Tensor tied_logits(const at::Tensor& x, const TiedWeights& weights, const Rows& rows) {
  const UsedParameters params(kTiedKind, {weights.weight, weights.bias}, rows);
  at::Tensor y;
  {
    const at::NoGradGuard no_grad;
    y = weights.bias.defined() ? at::addmm(weights.bias, x, weights.weight.t())
                               : at::mm(x, weights.weight.t());
  }
  if (!params.trainable() && !tracks({x})) return y;
  const at::Tensor input = params.trainable() ? x.detach() : at::Tensor();
  return attach(
      y, {x, params.inputs()[0], params.inputs()[1]},
      [params, input, kept = weights.weight.detach()](const at::Tensor& dy,
                                                      const std::vector<bool>& needs) {
        const at::Tensor grad = dy.contiguous();
        std::vector<at::Tensor> out(3);
        if (needs[0]) out[0] = at::mm(grad, kept);
        if (params.recorded()) {
          params.record({input}, {grad});
        } else {
          if (needs[1]) out[1] = at::mm(grad.t(), input);
          if (needs[2]) out[2] = grad.sum(0);
        }
        return out;
      },
      params.recorded());
}

TiedEmbeddingImpl::TiedEmbeddingImpl(const TiedEmbeddingOptions& options,
                                     core::ReproducibleRng& rng)
    : lookup_{options.scale, options.padding} {
  at::Tensor table;
  if (options.vectors.defined()) {
    if (options.vectors.dim() != 2 || options.vectors.size(0) != options.entries) {
      throw usage_error("word vectors for " + std::to_string(options.vectors.size(0)) +
                        " words, but the vocabulary has " + std::to_string(options.entries));
    }
    table = options.vectors.to(at::kFloat).clone().contiguous();
  } else {
    table = normal_tensor({options.entries, options.width}, options.deviation, rng);
  }
  weight = register_parameter("weight", table);
  if (options.bias) bias = register_parameter("bias", at::zeros({options.entries}));
}

}  // namespace discreet::nn
