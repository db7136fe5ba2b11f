#pragma once

#include "discreet/nn/encoder.h"

namespace discreet::nn {

/// What batch.tags says of each row to a model of spans: negative where no span may begin or end (a
/// question, a special token), else a sum of kSpanStarts where the right span begins and kSpanEnds where
/// its last row is. A span that is not there begins and ends at an example's first row.
inline constexpr std::int64_t kNoSpan = -1;
inline constexpr std::int64_t kSpanStarts = 1;
inline constexpr std::int64_t kSpanEnds = 2;

/// A model of where in each example a span begins and ends: the answer to a question that stands in the
/// same example. One linear layer gives each row two logits.
///
/// forward: `emissions` [N,2]; with tags loss [B], the mean of the cross-entropies of the two ends, each
/// over the example's rows whose tag is not negative; 0 for an example without both ends.
/// Ref: Devlin et al. 2019, section 4.2.
/// Throws: as make_model does, and kUsage for a kind with a random field.
std::shared_ptr<Model> make_span_model(const ModelSpec& spec, std::int64_t vocabulary,
                                       const at::Tensor& vectors, core::ReproducibleRng& rng);

/// That loss. Shapes: logits [N,2], batch.tags int64 [N]; returns [B]. Empty examples have loss 0.
at::Tensor span_cross_entropy(const at::Tensor& logits, const PackedBatch& batch);

}  // namespace discreet::nn
