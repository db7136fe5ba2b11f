#include "discreet/nn/layers/conv1d.h"

#include <algorithm>

#include "discreet/core/error.h"
#include "discreet/nn/device.h"
#include "discreet/nn/graph.h"
#include "discreet/nn/init.h"
#include "discreet/nn/kernels/unfold.h"

// Legend: N rows in, N' rows out, d channels in, p out, G groups, K = width x d / G values of a
// window in its group.

namespace discreet::nn {
namespace {

struct Unfolding {
  std::vector<std::int64_t> from, to;
  Windowing windowing;
  std::int64_t channels, groups;

  kernels::Windows work() const {
    return {static_cast<std::int64_t>(from.size()) - 1,
            from.data(),
            to.data(),
            windowing.width,
            windowing.stride,
            windowing.dilation,
            windowing.left,
            channels,
            groups};
  }
  std::int64_t values() const { return windowing.width * channels / groups; }

  /// For devices without kernels of our own: the input row of each window's row, or N for a zero.
  at::Tensor source_rows(at::Device device) const {
    std::vector<std::int64_t> rows;
    for (std::size_t q = 0; q + 1 < from.size(); ++q) {
      for (std::int64_t o = 0; o < to[q + 1] - to[q]; ++o) {
        for (std::int64_t k = 0; k < windowing.width; ++k) {
          const std::int64_t n =
              from[q] + o * windowing.stride - windowing.left + k * windowing.dilation;
          rows.push_back(n >= from[q] && n < from[q + 1] ? n : from.back());
        }
      }
    }
    return at::tensor(rows, at::kLong).to(device);
  }
};

/// [N,d] to [G,N',K].
at::Tensor unfolded(const at::Tensor& x, const Unfolding& u) {
  const std::int64_t out = u.to.back(), part = u.channels / u.groups;
  if (!has_kernels(x)) {
    const at::Tensor padded = at::cat({x, at::zeros({1, u.channels}, x.options())});
    return padded.index_select(0, u.source_rows(x.device()))
        .view({out, u.windowing.width, u.groups, part})
        .permute({2, 0, 1, 3})
        .reshape({u.groups, out, u.values()});
  }
  at::Tensor windows = at::empty({u.groups, out, u.values()}, x.options());
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "unfold", [&] {
    kernels::unfold(u.work(), x.data_ptr<scalar_t>(), windows.data_ptr<scalar_t>());
  });
  return windows;
}

/// The transpose of `unfolded`: [G,N',K] to [N,d].
at::Tensor folded(const at::Tensor& windows, const Unfolding& u) {
  const std::int64_t rows = u.from.back(), out = u.to.back(), part = u.channels / u.groups;
  if (!has_kernels(windows)) {
    const at::Tensor values = windows.view({u.groups, out, u.windowing.width, part})
                                  .permute({1, 2, 0, 3})
                                  .reshape({out * u.windowing.width, u.channels});
    return at::zeros({rows + 1, u.channels}, windows.options())
        .index_add_(0, u.source_rows(windows.device()), values)
        .narrow(0, 0, rows);
  }
  at::Tensor x = at::zeros({rows, u.channels}, windows.options());
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "fold", [&] {
    kernels::fold(u.work(), windows.data_ptr<scalar_t>(), x.data_ptr<scalar_t>());
  });
  return x;
}

/// [N',p] to [G,N',p/G] and back.
at::Tensor by_group(const at::Tensor& rows, std::int64_t groups) {
  return rows.view({rows.size(0), groups, rows.size(1) / groups}).transpose(0, 1).contiguous();
}
at::Tensor side_by_side(const at::Tensor& grouped) {
  return grouped.transpose(0, 1).reshape({grouped.size(1), grouped.size(0) * grouped.size(2)});
}

}  // namespace

std::int64_t Windowing::outputs(std::int64_t length) const {
  const std::int64_t reach = dilation * (width - 1) + 1, room = length + left + right - reach;
  return length == 0 || room < 0 ? 0 : room / stride + 1;
}

Sequences convolved(const Sequences& sequences, const Windowing& windowing) {
  Sequences out;
  out.offsets.reserve(sequences.offsets.size());
  auto segments = std::make_shared<Segments>();
  segments->offsets.clear();
  // A boundary of segments is one of sequences; empty sequences on it give no rows, so that it does
  // not matter on which side of it they stand.
  auto boundary = sequences.segments->offsets.begin();
  const auto end = sequences.segments->offsets.end();
  for (std::int64_t q = 0;; ++q) {
    for (; boundary != end && *boundary <= sequences.offsets[q]; ++boundary) {
      segments->offsets.push_back(out.rows());
    }
    if (q == sequences.count()) break;
    const std::int64_t length = sequences.offsets[q + 1] - sequences.offsets[q];
    out.offsets.push_back(out.rows() + windowing.outputs(length));
  }
  out.segments = std::move(segments);
  return out;
}

at::Tensor conv1d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                  const Sequences& sequences, const Windowing& windowing, std::int64_t groups) {
  const Sequences out = convolved(sequences, windowing);
  const UsedParameters params("conv1d", {weight, bias}, out.segments);
  const auto unfolding = std::make_shared<const Unfolding>(
      Unfolding{sequences.offsets, out.offsets, windowing, x.size(1), groups});
  const std::int64_t channels = weight.size(0);
  at::Tensor windows, y;
  const at::Tensor kernel =  // [G, p/G, K]
      weight.detach().view({groups, channels / groups, unfolding->values()});
  {
    const at::NoGradGuard no_grad;
    windows = unfolded(x.detach().contiguous(), *unfolding);
    y = side_by_side(at::bmm(windows, kernel.transpose(1, 2)));
    if (bias.defined()) y.add_(bias);
  }
  if (!params.trainable() && !tracks({x})) return y;
  if (!params.trainable()) windows = at::Tensor();
  return attach(
      y, {x, params.inputs()[0], params.inputs()[1]},
      [params, unfolding, windows, kernel, channels](const at::Tensor& grad,
                                                     const std::vector<bool>& needs) {
        const at::Tensor dy = grad.contiguous();
        const at::Tensor grouped = by_group(dy, unfolding->groups);
        std::vector<at::Tensor> gradients(3);
        if (needs[0]) gradients[0] = folded(at::bmm(grouped, kernel), *unfolding);
        if (params.recorded()) {
          params.record(windows.unbind(0), {dy});
          return gradients;
        }
        if (needs[1]) {
          gradients[1] =
              at::bmm(grouped.transpose(1, 2), windows).view({channels, unfolding->values()});
        }
        if (needs[2]) gradients[2] = dy.sum(0);
        return gradients;
      },
      params.recorded());
}

Conv1dImpl::Conv1dImpl(const Conv1dOptions& options, core::ReproducibleRng& rng)
    : options_(options) {
  const Windowing& w = options.windowing;
  const std::int64_t groups = options.groups;
  const bool positive =
      std::min({options.in, options.out, w.width, w.stride, w.dilation, groups}) > 0;
  if (!positive || w.left < 0 || w.right < 0) {
    throw usage_error("a convolution has a size that is not positive");
  }
  if (options.in % groups != 0 || options.out % groups != 0) {
    throw usage_error("a convolution of " + std::to_string(options.in) + " to " +
                      std::to_string(options.out) + " channels cannot be cut into " +
                      std::to_string(groups) + " groups");
  }
  weight =
      register_parameter("weight", glorot_tensor(options.out, w.width * options.in / groups, rng));
  if (options.bias) bias = register_parameter("bias", at::zeros({options.out}));
}

}  // namespace discreet::nn
