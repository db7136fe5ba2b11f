#include "discreet/nn/layers/layer_norm.h"

#include "discreet/nn/device.h"
#include "discreet/nn/graph.h"
#include "discreet/nn/kernels/rows.h"

namespace discreet::nn {
namespace {

struct Normalised {
  at::Tensor y, xhat, inverse;
};

Normalised normalise_rows(const at::Tensor& x, const at::Tensor& gamma, const at::Tensor& beta,
                          double epsilon) {
  if (!has_kernels(x)) {
    const at::Tensor centred = x - x.mean(1, true);
    const at::Tensor inverse = centred.square().mean(1, true).add_(epsilon).rsqrt_();
    const at::Tensor xhat = centred * inverse;
    return {xhat * gamma + beta, xhat, inverse};
  }
  const at::Tensor input = x.contiguous();
  Normalised out{at::empty_like(input), at::empty_like(input), at::empty({x.size(0)}, x.options())};
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "layer_norm", [&] {
    kernels::layer_norm_forward(kernels::LayerNormForward<scalar_t>{
        x.size(0), x.size(1), input.data_ptr<scalar_t>(), gamma.data_ptr<scalar_t>(),
        beta.data_ptr<scalar_t>(), out.xhat.data_ptr<scalar_t>(), out.y.data_ptr<scalar_t>(),
        out.inverse.data_ptr<scalar_t>(), static_cast<scalar_t>(epsilon)});
  });
  return out;
}

at::Tensor input_gradient(const at::Tensor& dy, const at::Tensor& gamma, const at::Tensor& xhat,
                          const at::Tensor& inverse) {
  if (!has_kernels(dy)) {
    const at::Tensor scaled = dy * gamma;
    return inverse * (scaled - scaled.mean(1, true) - xhat * (scaled * xhat).mean(1, true));
  }
  at::Tensor dx = at::empty_like(dy);
  AT_DISPATCH_FLOATING_TYPES(dy.scalar_type(), "layer_norm_backward", [&] {
    kernels::layer_norm_backward(kernels::LayerNormBackward<scalar_t>{
        dy.size(0), dy.size(1), dy.data_ptr<scalar_t>(), gamma.data_ptr<scalar_t>(),
        xhat.data_ptr<scalar_t>(), inverse.data_ptr<scalar_t>(), dx.data_ptr<scalar_t>()});
  });
  return dx;
}

}  // namespace

at::Tensor layer_norm(const at::Tensor& x, const at::Tensor& gamma, const at::Tensor& beta,
                      const Rows& rows, double epsilon) {
  const UsedParameters params("layer_norm", {gamma, beta}, rows);
  Normalised kept;
  {
    const at::NoGradGuard no_grad;
    kept = normalise_rows(x, gamma, beta, epsilon);
  }
  const at::Tensor y = std::move(kept.y);
  if (!params.trainable() && !tracks({x})) return y;
  return attach(
      y, {x, params.inputs()[0], params.inputs()[1]},
      [params, kept, scale = gamma.detach()](const at::Tensor& grad,
                                             const std::vector<bool>& needs) {
        const at::Tensor dy = grad.contiguous();
        std::vector<at::Tensor> out(3);
        if (needs[0]) out[0] = input_gradient(dy, scale, kept.xhat, kept.inverse);
        if (params.recorded()) {
          params.record({kept.xhat}, {dy});
        } else {
          if (needs[1]) out[1] = (dy * kept.xhat).sum(0);
          if (needs[2]) out[2] = dy.sum(0);
        }
        return out;
      },
      params.recorded());
}

LayerNormImpl::LayerNormImpl(const LayerNormOptions& options) : options_(options) {
  gamma = register_parameter("gamma", at::ones({options.width}));
  beta = register_parameter("beta", at::zeros({options.width}));
}

}  // namespace discreet::nn
