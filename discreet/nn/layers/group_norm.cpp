#include "discreet/nn/layers/group_norm.h"

#include "discreet/core/error.h"
#include "discreet/nn/device.h"
#include "discreet/nn/graph.h"
#include "discreet/nn/kernels/group_norm.h"

namespace discreet::nn {
namespace {

/// For devices without kernels of our own: means over each sequence and group, spread to its rows.
at::Tensor block_means(const at::Tensor& x, const std::vector<std::int64_t>& offsets,
                       std::int64_t groups) {
  const at::Tensor lengths = at::tensor(offsets, at::kLong).diff().to(x.device());
  const at::Tensor sequence = at::repeat_interleave(lengths);
  const at::Tensor rows = x.view({x.size(0), groups, x.size(1) / groups}).mean(2);
  const at::Tensor means = at::zeros({lengths.size(0), groups}, x.options())
                               .index_add_(0, sequence, rows)
                               .div_(lengths.clamp_min(1).unsqueeze(1));
  return means.index_select(0, sequence).repeat_interleave(x.size(1) / groups, 1);
}

struct GroupNormalised {
  at::Tensor y, xhat;
  at::Tensor inverse;  // [Q,G]; on devices without kernels [N,d]
};

GroupNormalised normalise_groups(const at::Tensor& x, const at::Tensor& gamma,
                                 const at::Tensor& beta, const std::vector<std::int64_t>& offsets,
                                 std::int64_t groups, double epsilon) {
  if (!has_kernels(x)) {
    const at::Tensor centred = x - block_means(x, offsets, groups);
    const at::Tensor inverse =
        block_means(centred.square(), offsets, groups).add_(epsilon).rsqrt_();
    const at::Tensor xhat = centred * inverse;
    return {xhat * gamma + beta, xhat, inverse};
  }
  const auto sequences = static_cast<std::int64_t>(offsets.size()) - 1;
  GroupNormalised out{at::empty_like(x), at::empty_like(x),
                      at::empty({sequences, groups}, x.options())};
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "group_norm", [&] {
    kernels::group_norm_forward(kernels::GroupNormForward<scalar_t>{
        sequences, offsets.data(), x.size(1), groups, x.data_ptr<scalar_t>(),
        gamma.data_ptr<scalar_t>(), beta.data_ptr<scalar_t>(), out.xhat.data_ptr<scalar_t>(),
        out.y.data_ptr<scalar_t>(), out.inverse.data_ptr<scalar_t>(),
        static_cast<scalar_t>(epsilon)});
  });
  return out;
}

at::Tensor group_gradient(const at::Tensor& dy, const at::Tensor& gamma,
                          const GroupNormalised& kept, const std::vector<std::int64_t>& offsets,
                          std::int64_t groups) {
  if (!has_kernels(dy)) {
    const at::Tensor scaled = dy * gamma;
    return kept.inverse * (scaled - block_means(scaled, offsets, groups) -
                           kept.xhat * block_means(scaled * kept.xhat, offsets, groups));
  }
  at::Tensor dx = at::empty_like(dy);
  AT_DISPATCH_FLOATING_TYPES(dy.scalar_type(), "group_norm_backward", [&] {
    kernels::group_norm_backward(kernels::GroupNormBackward<scalar_t>{
        static_cast<std::int64_t>(offsets.size()) - 1, offsets.data(), dy.size(1), groups,
        dy.data_ptr<scalar_t>(), gamma.data_ptr<scalar_t>(), kept.xhat.data_ptr<scalar_t>(),
        kept.inverse.data_ptr<scalar_t>(), dx.data_ptr<scalar_t>()});
  });
  return dx;
}

}  // namespace

at::Tensor group_norm(const at::Tensor& x, const at::Tensor& gamma, const at::Tensor& beta,
                      const Sequences& sequences, std::int64_t groups, double epsilon) {
  const UsedParameters params("group_norm", {gamma, beta}, sequences.segments);
  GroupNormalised kept;
  {
    const at::NoGradGuard no_grad;
    kept =
        normalise_groups(x.detach().contiguous(), gamma, beta, sequences.offsets, groups, epsilon);
  }
  const at::Tensor y = std::move(kept.y);
  if (!params.trainable() && !tracks({x})) return y;
  return attach(
      y, {x, params.inputs()[0], params.inputs()[1]},
      [params, kept, offsets = sequences.offsets, groups, scale = gamma.detach()](
          const at::Tensor& grad, const std::vector<bool>& needs) {
        const at::Tensor dy = grad.contiguous();
        std::vector<at::Tensor> out(3);
        if (needs[0]) out[0] = group_gradient(dy, scale, kept, offsets, groups);
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

GroupNormImpl::GroupNormImpl(const GroupNormOptions& options) : options_(options) {
  if (options.groups < 1 || options.width % options.groups != 0) {
    throw usage_error("a group norm of " + std::to_string(options.width) +
                          " channels cannot be cut into " + std::to_string(options.groups) +
                          " groups",
                      "The number of groups must divide the width.");
  }
  gamma = register_parameter("gamma", at::ones({options.width}));
  beta = register_parameter("beta", at::zeros({options.width}));
}

}  // namespace discreet::nn
