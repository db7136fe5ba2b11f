#pragma once

#include <string_view>

#include "discreet/nn/batch.h"
#include "discreet/nn/torch.h"

namespace discreet::nn {

enum class Pooling { kMean, kMax, kMeanMax, kFirst, kEnds };

/// "mean", "max", "mean-max" (both side by side), "first" (the first token's row), "ends" (for two
/// directions side by side: the last state of each). Throws: kUsage on any other name.
Pooling parse_pooling(std::string_view name);
/// Width of the pooled row for tokens of the given width.
std::int64_t pooled_width(Pooling pooling, std::int64_t width);

/// One row per example from one row per token; an example without tokens gives zeros.
///
/// Shapes: x [N,d]; returns [B, pooled_width]. Of equal values kMax takes the first.
at::Tensor pool(const at::Tensor& x, const PackedBatch& batch, Pooling pooling);

/// The same over any runs of rows: `offsets` [Q+1] over the rows of x; returns [Q, pooled_width].
at::Tensor pool(const at::Tensor& x, const std::vector<std::int64_t>& offsets, Pooling pooling);

/// Each example's row on all of its tokens. Shapes: x [B,d]; returns [N,d].
at::Tensor spread(const at::Tensor& x, const PackedBatch& batch);

/// Each token's row beside those of its neighbours up to `reach` away in the same example; zeros
/// beyond its ends. A linear layer on top is a convolution over tokens. Neighbours' rows are multiplied
/// by `scale`: below 1 their share of a clipped gradient, and of the noise on it, falls.
///
/// Shapes: x [N,d]; returns [N, (2 reach + 1) d], the leftmost neighbour first.
at::Tensor context_window(const at::Tensor& x, const PackedBatch& batch, std::int64_t reach, double scale = 1);

}  // namespace discreet::nn
