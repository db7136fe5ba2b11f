#include "discreet/nn/layers/embedding.h"

#include "discreet/core/error.h"
#include "discreet/nn/device.h"
#include "discreet/nn/graph.h"
#include "discreet/nn/init.h"
#include "discreet/nn/kernels/rows.h"

namespace discreet::nn {
void check_ids(const at::Tensor& ids, std::int64_t entries) {
  if (!has_kernels(ids)) return;
  const auto* values = ids.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < ids.numel(); ++i) {
    if (values[i] < 0 || values[i] >= entries) {
      throw internal_error("token id " + std::to_string(values[i]) + " in an embedding of " +
                           std::to_string(entries) + " entries");
    }
  }
}

void scatter_rows(const at::Tensor& table, const at::Tensor& ids, const at::Tensor& rows) {
  if (!has_kernels(table)) {
    table.index_add_(0, ids, rows);
    return;
  }
  const std::int64_t width = table.size(1);
  AT_DISPATCH_FLOATING_TYPES(table.scalar_type(), "scatter_rows", [&] {
    auto* to = table.data_ptr<scalar_t>();
    const auto* from = rows.data_ptr<scalar_t>();
    const auto* id = ids.data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < ids.numel(); ++i) {
      kernels::add_scaled(to + id[i] * width, from + i * width, scalar_t{1}, width);
    }
  });
}

at::Tensor without_padding(const at::Tensor& dy, const at::Tensor& ids, std::int64_t padding) {
  if (padding == kNoPadding) return dy;
  return dy.masked_fill(ids.eq(padding).unsqueeze(1), 0);
}

namespace {

at::Tensor bag_mean(const PackedBatch& batch, const at::Tensor& weight) {
  const std::int64_t width = weight.size(1);
  if (!has_kernels(weight)) {
    const at::Tensor lengths = batch.offsets_tensor.diff().clamp_min(1).unsqueeze(1);
    const at::Tensor example = at::repeat_interleave(batch.offsets_tensor.diff());
    return at::zeros({batch.examples(), width}, weight.options())
        .index_add_(0, example, weight.index_select(0, batch.tokens))
        .div_(lengths);
  }
  check_ids(batch.tokens, weight.size(0));
  at::Tensor z = at::empty({batch.examples(), width}, weight.options());
  AT_DISPATCH_FLOATING_TYPES(weight.scalar_type(), "bag_mean", [&] {
    const auto* table = weight.data_ptr<scalar_t>();
    const auto* ids = batch.tokens.data_ptr<std::int64_t>();
    auto* to = z.data_ptr<scalar_t>();
    for (std::int64_t e = 0; e < batch.examples(); ++e) {
      const std::int64_t first = batch.offsets[e], length = batch.offsets[e + 1] - first;
      kernels::sum_rows(table, ids + first, length, width, to + e * width);
      const scalar_t share = length > 0 ? scalar_t{1} / static_cast<scalar_t>(length) : scalar_t{0};
      for (std::int64_t i = 0; i < width; ++i) to[e * width + i] *= share;
    }
  });
  return z;
}

/// The table's gradient from that of the bags' means: dz / length onto every token's row.
at::Tensor bag_gradient(const PackedBatch& batch, const at::Tensor& dz, std::int64_t entries) {
  const std::int64_t width = dz.size(1);
  at::Tensor table = at::zeros({entries, width}, dz.options());
  if (!has_kernels(dz)) {
    const at::Tensor lengths = batch.offsets_tensor.diff();
    const at::Tensor share = dz / lengths.clamp_min(1).unsqueeze(1);
    return table.index_add_(0, batch.tokens, share.repeat_interleave(lengths, 0));
  }
  AT_DISPATCH_FLOATING_TYPES(dz.scalar_type(), "bag_gradient", [&] {
    const auto* from = dz.data_ptr<scalar_t>();
    const auto* ids = batch.tokens.data_ptr<std::int64_t>();
    auto* to = table.data_ptr<scalar_t>();
    for (std::int64_t e = 0; e < batch.examples(); ++e) {
      const std::int64_t first = batch.offsets[e], last = batch.offsets[e + 1];
      const scalar_t share =
          scalar_t{1} / static_cast<scalar_t>(std::max<std::int64_t>(last - first, 1));
      for (std::int64_t n = first; n < last; ++n) {
        kernels::add_scaled(to + ids[n] * width, from + e * width, share, width);
      }
    }
  });
  return table;
}

}  // namespace

at::Tensor embedding(const at::Tensor& ids, const at::Tensor& weight, const Rows& rows,
                     std::int64_t padding) {
  const UsedParameters params("embedding", {weight}, rows);
  at::Tensor y;
  {
    const at::NoGradGuard no_grad;
    check_ids(ids, weight.size(0));
    y = weight.index_select(0, ids);
  }
  if (!params.trainable()) return y;
  const std::int64_t entries = weight.size(0);
  return attach(
      y, {params.inputs()[0]},
      [params, ids, entries, padding](const at::Tensor& grad, const std::vector<bool>& needs) {
        const at::Tensor dy = without_padding(grad.contiguous(), ids, padding);
        std::vector<at::Tensor> out(1);
        if (params.recorded()) {
          params.record({ids}, {dy});
        } else if (needs[0]) {
          out[0] = at::zeros({entries, dy.size(1)}, dy.options());
          scatter_rows(out[0], ids, dy);
        }
        return out;
      },
      params.recorded());
}

at::Tensor embedding_bag(const PackedBatch& batch, const at::Tensor& weight) {
  const UsedParameters params("embedding_bag", {weight}, batch.example_segments);
  at::Tensor z;
  {
    const at::NoGradGuard no_grad;
    z = bag_mean(batch, weight);
  }
  if (!params.trainable()) return z;
  const std::int64_t entries = weight.size(0);
  return attach(
      z, {params.inputs()[0]},
      [params, batch, entries](const at::Tensor& grad, const std::vector<bool>& needs) {
        const at::Tensor dz = grad.contiguous();
        std::vector<at::Tensor> out(1);
        if (params.recorded()) {
          params.record({batch.tokens, batch.offsets_tensor}, {dz});
        } else if (needs[0]) {
          out[0] = bag_gradient(batch, dz, entries);
        }
        return out;
      },
      params.recorded());
}

EmbeddingImpl::EmbeddingImpl(const EmbeddingOptions& options, core::ReproducibleRng& rng)
    : padding_(options.padding) {
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
  weight = register_parameter("weight", table, !options.frozen);
}

}  // namespace discreet::nn
