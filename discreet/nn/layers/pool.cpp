#include "discreet/nn/layers/pool.h"

#include <algorithm>
#include <cmath>

#include "discreet/core/error.h"
#include "discreet/nn/device.h"
#include "discreet/nn/graph.h"
#include "discreet/nn/kernels/rows.h"

namespace discreet::nn {
namespace {

using Offsets = std::vector<std::int64_t>;

std::int64_t runs(const Offsets& offsets) { return static_cast<std::int64_t>(offsets.size()) - 1; }

at::Tensor pool_mean(const at::Tensor& x, const Offsets& offsets) {
  const std::int64_t width = x.size(1), examples = runs(offsets);
  at::Tensor out = at::empty({examples, width}, x.options());
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "pool_mean", [&] {
    const auto* from = x.data_ptr<scalar_t>();
    auto* to = out.data_ptr<scalar_t>();
    for (std::int64_t e = 0; e < examples; ++e, to += width) {
      const std::int64_t first = offsets[e], last = offsets[e + 1];
      std::fill_n(to, width, scalar_t{0});
      const scalar_t share =
          scalar_t{1} / static_cast<scalar_t>(std::max<std::int64_t>(last - first, 1));
      for (std::int64_t n = first; n < last; ++n)
        kernels::add_scaled(to, from + n * width, share, width);
    }
  });
  return out;
}

/// Also the rows that held the maxima, int64 [B,d]; -1 where an example is empty.
std::pair<at::Tensor, at::Tensor> pool_max(const at::Tensor& x, const Offsets& offsets) {
  const std::int64_t width = x.size(1), examples = runs(offsets);
  at::Tensor out = at::zeros({examples, width}, x.options());
  at::Tensor winner = at::full({examples, width}, -1, at::kLong);
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "pool_max", [&] {
    const auto* from = x.data_ptr<scalar_t>();
    auto* to = out.data_ptr<scalar_t>();
    auto* row = winner.data_ptr<std::int64_t>();
    for (std::int64_t e = 0; e < examples; ++e, to += width, row += width) {
      for (std::int64_t n = offsets[e]; n < offsets[e + 1]; ++n) {
        for (std::int64_t i = 0; i < width; ++i) {
          const scalar_t value = from[n * width + i];
          // A NaN wins and stays, so that it reaches whoever looks for it.
          const bool better = row[i] < 0 || value > to[i] || (value != value && to[i] == to[i]);
          to[i] = better ? value : to[i];
          row[i] = better ? n : row[i];
        }
      }
    }
  });
  return {out, winner};
}

/// For kFirst and kEnds: which row each half of the columns comes from.
struct EndRows {
  std::vector<std::int64_t> left, right;  // [B]; -1 where empty
};

EndRows end_rows(const Offsets& offsets, Pooling pooling) {
  EndRows rows;
  for (std::int64_t e = 0; e < runs(offsets); ++e) {
    const std::int64_t first = offsets[e], last = offsets[e + 1] - 1;
    const bool empty = last < first;
    rows.left.push_back(empty ? -1 : pooling == Pooling::kFirst ? first : last);
    rows.right.push_back(empty ? -1 : first);
  }
  return rows;
}

/// Copies the end rows into [B,d], or (backwards) the rows of [B,d] into [N,d].
template <class Copy>
void for_each_half(const EndRows& rows, std::int64_t width, const Copy& copy) {
  const std::int64_t half = width / 2;
  for (std::size_t e = 0; e < rows.left.size(); ++e) {
    if (rows.left[e] < 0) continue;
    copy(static_cast<std::int64_t>(e), rows.left[e], 0, half);
    copy(static_cast<std::int64_t>(e), rows.right[e], half, width - half);
  }
}

BackwardFunction mean_backward(const at::Tensor& x, const Offsets& offsets) {
  return [lengths = at::tensor(offsets, at::kLong).diff(), rows = x.size(0)](
             const at::Tensor& grad, const std::vector<bool>&) {
    const at::Tensor share = grad / lengths.clamp_min(1).to(grad.scalar_type()).unsqueeze(1);
    return std::vector<at::Tensor>{share.repeat_interleave(lengths, 0, rows)};
  };
}

BackwardFunction max_backward(const at::Tensor& x, const at::Tensor& winner) {
  return [winner, sizes = x.sizes().vec()](const at::Tensor& grad, const std::vector<bool>&) {
    const at::Tensor dy = grad.contiguous();
    at::Tensor dx = at::zeros(sizes, grad.options());
    AT_DISPATCH_FLOATING_TYPES(grad.scalar_type(), "max_backward", [&] {
      const auto* from = dy.data_ptr<scalar_t>();
      const auto* row = winner.data_ptr<std::int64_t>();
      auto* to = dx.data_ptr<scalar_t>();
      for (std::int64_t i = 0; i < dy.numel(); ++i) {
        if (row[i] >= 0) to[row[i] * sizes[1] + i % sizes[1]] += from[i];
      }
    });
    return std::vector<at::Tensor>{dx};
  };
}

at::Tensor pool_ends(const at::Tensor& x, const EndRows& rows) {
  at::Tensor out = at::zeros({static_cast<std::int64_t>(rows.left.size()), x.size(1)}, x.options());
  const at::Tensor from = x.detach();
  for_each_half(rows, x.size(1),
                [&](std::int64_t e, std::int64_t n, std::int64_t at, std::int64_t w) {
                  out[e].narrow(0, at, w).copy_(from[n].narrow(0, at, w));
                });
  return out;
}

BackwardFunction ends_backward(const at::Tensor& x, EndRows rows) {
  return [rows = std::move(rows), sizes = x.sizes().vec()](const at::Tensor& grad,
                                                           const std::vector<bool>&) {
    at::Tensor dx = at::zeros(sizes, grad.options());
    for_each_half(rows, sizes[1],
                  [&](std::int64_t e, std::int64_t n, std::int64_t at, std::int64_t w) {
                    dx[n].narrow(0, at, w).copy_(grad[e].narrow(0, at, w));
                  });
    return std::vector<at::Tensor>{dx};
  };
}

at::Tensor pool_one(const at::Tensor& x, const Offsets& offsets, Pooling pooling) {
  at::Tensor out;
  BackwardFunction backward;
  {
    const at::NoGradGuard no_grad;
    const at::Tensor input = x.detach().contiguous();
    if (pooling == Pooling::kMean) {
      out = pool_mean(input, offsets);
      backward = mean_backward(x, offsets);
    } else if (pooling == Pooling::kMax) {
      auto [value, winner] = pool_max(input, offsets);
      out = value;
      backward = max_backward(x, winner);
    } else {
      EndRows rows = end_rows(offsets, pooling);
      out = pool_ends(input, rows);
      backward = ends_backward(x, std::move(rows));
    }
  }
  return attach(out, {x}, std::move(backward));
}

/// `x` with a row of zeros behind it, for places where there is none.
at::Tensor with_zero_row(const at::Tensor& x) {
  return at::cat({x, at::zeros({1, x.size(1)}, x.options().requires_grad(false))});
}

at::Tensor mean_by_operations(const at::Tensor& x, const Offsets& offsets) {
  const at::Tensor lengths = at::tensor(offsets, at::kLong).diff().clamp_min(1);
  const at::Tensor sums = at::zeros({runs(offsets), x.size(1)}, x.options().requires_grad(false))
                              .index_add(0, run_numbers(offsets, x.device()), x);
  return sums / lengths.to(x.options().requires_grad(false)).unsqueeze(1);
}

at::Tensor max_by_operations(const at::Tensor& x, const Offsets& offsets) {
  std::int64_t longest = 0;
  for (std::int64_t e = 0; e < runs(offsets); ++e) longest = std::max(longest, offsets[e + 1] - offsets[e]);
  if (longest == 0) return at::zeros({runs(offsets), x.size(1)}, x.options().requires_grad(false));
  std::vector<std::int64_t> places, empty;
  for (std::int64_t e = 0; e < runs(offsets); ++e) {
    for (std::int64_t n = offsets[e]; n < offsets[e + 1]; ++n) places.push_back(e * longest + n - offsets[e]);
    empty.push_back(offsets[e] == offsets[e + 1]);
  }
  const at::Tensor side_by_side =
      at::full({runs(offsets) * longest, x.size(1)}, -INFINITY, x.options().requires_grad(false))
          .index_copy(0, at::tensor(places, at::kLong).to(x.device()), x)
          .view({runs(offsets), longest, x.size(1)});
  const at::Tensor none = at::tensor(empty, at::kLong).to(x.device(), at::kBool).unsqueeze(1);
  return std::get<0>(side_by_side.max(1)).masked_fill(none, 0);
}

at::Tensor ends_by_operations(const at::Tensor& x, const Offsets& offsets, Pooling pooling) {
  EndRows rows = end_rows(offsets, pooling);
  const at::Tensor padded = with_zero_row(x);
  const auto pick = [&](std::vector<std::int64_t>& of) {
    for (std::int64_t& row : of) row = row < 0 ? x.size(0) : row;
    return padded.index_select(0, at::tensor(of, at::kLong).to(x.device()));
  };
  const std::int64_t half = x.size(1) / 2;
  return at::cat({pick(rows.left).narrow(1, 0, half), pick(rows.right).narrow(1, half, x.size(1) - half)}, 1);
}

/// For devices without kernels of our own, differentiated by autograd.
at::Tensor pool_by_operations(const at::Tensor& x, const Offsets& offsets, Pooling pooling) {
  if (pooling == Pooling::kMean) return mean_by_operations(x, offsets);
  if (pooling == Pooling::kMax) return max_by_operations(x, offsets);
  return ends_by_operations(x, offsets, pooling);
}

/// The rows of context windows, end to end; the number of rows where there is no neighbour.
std::vector<std::int64_t> neighbours(const Offsets& offsets, std::int64_t reach) {
  std::vector<std::int64_t> rows;
  for (std::int64_t e = 0; e < runs(offsets); ++e) {
    for (std::int64_t n = offsets[e]; n < offsets[e + 1]; ++n) {
      for (std::int64_t m = n - reach; m <= n + reach; ++m) {
        rows.push_back(m >= offsets[e] && m < offsets[e + 1] ? m : offsets.back());
      }
    }
  }
  return rows;
}

}  // namespace

Pooling parse_pooling(std::string_view name) {
  if (name == "mean") return Pooling::kMean;
  if (name == "max") return Pooling::kMax;
  if (name == "mean-max") return Pooling::kMeanMax;
  if (name == "first") return Pooling::kFirst;
  if (name == "ends") return Pooling::kEnds;
  throw usage_error("unknown pooling '" + std::string(name) + "'",
                    "Choose mean, max, mean-max, first or ends.");
}

std::int64_t pooled_width(Pooling pooling, std::int64_t width) {
  return pooling == Pooling::kMeanMax ? 2 * width : width;
}

at::Tensor pool(const at::Tensor& x, const PackedBatch& batch, Pooling pooling) {
  return pool(x, batch.offsets, pooling);
}

at::Tensor pool(const at::Tensor& x, const std::vector<std::int64_t>& offsets, Pooling pooling) {
  const auto one = [&](Pooling which) {
    return has_kernels(x) ? pool_one(x, offsets, which) : pool_by_operations(x, offsets, which);
  };
  if (pooling != Pooling::kMeanMax) return one(pooling);
  return at::cat({one(Pooling::kMean), one(Pooling::kMax)}, 1);
}

at::Tensor spread(const at::Tensor& x, const PackedBatch& batch) {
  at::Tensor out;
  const at::Tensor lengths = batch.offsets_tensor.diff();
  {
    const at::NoGradGuard no_grad;
    out = x.detach().repeat_interleave(lengths, 0, batch.token_count());
  }
  const at::Tensor example = at::repeat_interleave(lengths);
  return attach(
      out, {x},
      [example, sizes = x.sizes().vec()](const at::Tensor& grad, const std::vector<bool>&) {
        return std::vector<at::Tensor>{
            at::zeros(sizes, grad.options()).index_add_(0, example, grad)};
      });
}

at::Tensor context_window(const at::Tensor& x, const PackedBatch& batch, std::int64_t reach, double scale) {
  if (reach == 0) return x;
  const std::int64_t width = x.size(1), rows = x.size(0), span = 2 * reach + 1;
  if (!has_kernels(x)) {
    const at::Tensor places = at::tensor(neighbours(batch.offsets, reach), at::kLong).to(x.device());
    const at::Tensor seen = with_zero_row(x).index_select(0, places).view({rows, span, width});
    if (scale == 1) return seen.view({rows, span * width});
    const at::Tensor scales = at::full({span, 1}, scale, x.options());
    scales[reach].fill_(1);
    return (seen * scales).view({rows, span * width});
  }
  // For each row and neighbour: copy(row, neighbour's row, column where it goes).
  const auto for_each_neighbour = [offsets = batch.offsets, reach, width](const auto& copy) {
    for (std::size_t e = 0; e + 1 < offsets.size(); ++e) {
      for (std::int64_t n = offsets[e]; n < offsets[e + 1]; ++n) {
        for (std::int64_t k = -reach; k <= reach; ++k) {
          if (n + k >= offsets[e] && n + k < offsets[e + 1]) copy(n, n + k, (k + reach) * width);
        }
      }
    }
  };
  at::Tensor out;
  {
    const at::NoGradGuard no_grad;
    const at::Tensor input = x.detach().contiguous();
    out = at::zeros({rows, span * width}, input.options());
    AT_DISPATCH_FLOATING_TYPES(input.scalar_type(), "context_window", [&] {
      const auto* from = input.data_ptr<scalar_t>();
      auto* to = out.data_ptr<scalar_t>();
      for_each_neighbour([&](std::int64_t n, std::int64_t other, std::int64_t column) {
        const scalar_t factor = other == n ? scalar_t{1} : static_cast<scalar_t>(scale);
        kernels::add_scaled(to + n * span * width + column, from + other * width, factor, width);
      });
    });
  }
  out = attach(
      out, {x},
      [for_each_neighbour, rows, width, span, scale](const at::Tensor& grad, const std::vector<bool>&) {
        const at::Tensor dy = grad.contiguous();
        at::Tensor dx = at::zeros({rows, width}, grad.options());
        AT_DISPATCH_FLOATING_TYPES(grad.scalar_type(), "context_window_backward", [&] {
          const auto* from = dy.data_ptr<scalar_t>();
          auto* to = dx.data_ptr<scalar_t>();
          for_each_neighbour([&](std::int64_t n, std::int64_t other, std::int64_t column) {
            const scalar_t factor = other == n ? scalar_t{1} : static_cast<scalar_t>(scale);
            kernels::add_scaled(to + other * width, from + n * span * width + column, factor, width);
          });
        });
        return std::vector<at::Tensor>{dx};
      });
  return out;
}

}  // namespace discreet::nn
