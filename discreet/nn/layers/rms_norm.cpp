#include "discreet/nn/layers/rms_norm.h"

#include "discreet/nn/device.h"
#include "discreet/nn/graph.h"
#include "discreet/nn/kernels/language.h"

namespace discreet::nn {
namespace {

struct RootNormalised {
  at::Tensor y, xhat, inverse;
};

RootNormalised divide_by_root(const at::Tensor& x, const at::Tensor& gamma, double epsilon) {
  if (!has_kernels(x)) {
    const at::Tensor inverse = x.square().mean(1, true).add_(epsilon).rsqrt_();
    const at::Tensor xhat = x * inverse;
    return {xhat * gamma, xhat, inverse};
  }
  const at::Tensor input = x.contiguous();
  RootNormalised out{at::empty_like(input), at::empty_like(input),
                     at::empty({x.size(0)}, x.options())};
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "rms_norm", [&] {
    kernels::rms_norm_forward(kernels::RmsNormForward<scalar_t>{
        x.size(0), x.size(1), input.data_ptr<scalar_t>(), gamma.data_ptr<scalar_t>(),
        out.xhat.data_ptr<scalar_t>(), out.y.data_ptr<scalar_t>(), out.inverse.data_ptr<scalar_t>(),
        static_cast<scalar_t>(epsilon)});
  });
  return out;
}

at::Tensor root_input_gradient(const at::Tensor& dy, const at::Tensor& gamma,
                               const RootNormalised& kept) {
  if (!has_kernels(dy)) {
    const at::Tensor scaled = dy * gamma;
    return kept.inverse * (scaled - kept.xhat * (scaled * kept.xhat).mean(1, true));
  }
  at::Tensor dx = at::empty_like(dy);
  AT_DISPATCH_FLOATING_TYPES(dy.scalar_type(), "rms_norm_backward", [&] {
    kernels::rms_norm_backward(kernels::RmsNormBackward<scalar_t>{
        dy.size(0), dy.size(1), dy.data_ptr<scalar_t>(), gamma.data_ptr<scalar_t>(),
        kept.xhat.data_ptr<scalar_t>(), kept.inverse.data_ptr<scalar_t>(), dx.data_ptr<scalar_t>()});
  });
  return dx;
}

}  // namespace

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& gamma, const Rows& rows,
                    double epsilon) {
  const UsedParameters params("rms_norm", {gamma}, rows);
  RootNormalised kept;
  {
    const at::NoGradGuard no_grad;
    kept = divide_by_root(x, gamma, epsilon);
  }
  const at::Tensor y = std::move(kept.y);
  if (!params.trainable() && !tracks({x})) return y;
  return attach(
      y, {x, params.inputs()[0]},
      [params, kept, scale = gamma.detach()](const at::Tensor& grad,
                                             const std::vector<bool>& needs) {
        const at::Tensor dy = grad.contiguous();
        std::vector<at::Tensor> out(2);
        if (needs[0]) out[0] = root_input_gradient(dy, scale, kept);
        if (params.recorded()) {
          params.record({kept.xhat}, {dy});
        } else if (needs[1]) {
          out[1] = (dy * kept.xhat).sum(0);
        }
        return out;
      },
      params.recorded());
}

RmsNormImpl::RmsNormImpl(const RmsNormOptions& options) : options_(options) {
  gamma = register_parameter("gamma", at::ones({options.width}));
}

}  // namespace discreet::nn
