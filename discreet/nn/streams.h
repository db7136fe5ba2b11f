#pragma once

#include "discreet/nn/batch.h"

namespace discreet::nn {

/// The tag of a token that belongs to the text that a model of sequence to sequence goes from.
inline constexpr std::int64_t kSourceTag = -2;

/// The two texts of each example, packed each on its own: lengths differ, nothing is padded.
///
/// In a packed batch for sequence to sequence an example's rows are its source's tokens, tagged
/// kSourceTag, then what the decoder reads, each tagged with the token that comes next (-1: not scored).
/// So sampling, physical parts and segments need not know of streams.
struct Streams {
  PackedBatch source;
  PackedBatch target;  ///< with tags
};

/// Parts a batch's examples at the end of their source; either part may be empty. Segments stay those of
/// the batch. Throws: kInternal without tags, or where a source token stands behind a target's.
Streams split_streams(const PackedBatch& batch);

/// Appends one example in that form.
void append_pair(EncodedExamples& data, std::span<const std::int64_t> source,
                 std::span<const std::int64_t> decoder_input, std::span<const std::int64_t> next);

}  // namespace discreet::nn
