#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "discreet/nn/torch.h"

namespace discreet::nn {

/// Which rows of a level belong to which segment. Examples stand in the order of their segments, so
/// a segment is always one run of rows: segment s owns rows offsets[s] .. offsets[s+1].
///
/// Shapes: S segments, N rows; offsets [S+1], offsets[S] = N. A segment may be empty.
struct Segments {
  std::vector<std::int64_t> offsets{0};
  std::int64_t count() const { return static_cast<std::int64_t>(offsets.size()) - 1; }
  std::int64_t rows() const { return offsets.back(); }
  std::int64_t longest() const;
  /// int64 [N] with each row's segment, and where it stands once all segments stand side by side, each
  /// as long as the longest. Made at the first call for a device and kept: made once for all layers.
  const at::Tensor& numbers(at::Device device) const;
  const at::Tensor& places(at::Device device) const;

  mutable at::Tensor kept_numbers{}, kept_places{};  ///< of these
};

/// The segments over the rows that a layer works on; shared, because layers outlive the batch in
/// their backward pass.
using Rows = std::shared_ptr<const Segments>;

/// Runs of rows in which a layer looks from row to row, and never further: the tokens of an
/// example, the characters of a word. Shapes: Q sequences, N rows; offsets [Q+1]. A segment is a
/// run of whole sequences.
struct Sequences {
  std::vector<std::int64_t> offsets{0};
  Rows segments;  ///< over the N rows
  std::int64_t count() const { return static_cast<std::int64_t>(offsets.size()) - 1; }
  std::int64_t rows() const { return offsets.back(); }
};

/// Order for recurrence: at step t the sequences longer than t, longest first, so that each step
/// works on a prefix of the previous one's rows.
struct TimeOrder {
  at::Tensor to_time;     ///< int64 [N]: row of the example order that stands at each time row
  at::Tensor to_example;  ///< int64 [N]: its inverse
  at::Tensor to_time_reversed;      ///< the same with every sequence read backwards
  at::Tensor to_example_reversed;   ///< its inverse
  std::vector<std::int64_t> sizes;  ///< [T] sequences alive at step t, falling
};

/// A batch without padding: the tokens of all examples lie end to end.
///
/// Shapes: B examples, N tokens, C characters, S segments. `tokens` int64 [N]; `offsets` [B+1];
/// `characters` int64 [C], those of token n at character_offsets[n] .. [n+1], or undefined;
/// `intent` int64 [B] or undefined; `tags` int64 [N] or undefined (a negative tag is not scored);
/// `token_types` int64 [N] (which text of a pair a token is of), or undefined: all are 0.
/// Invariant (property test): permuting, splitting or adding an example changes no other example's
/// loss or gradient.
struct PackedBatch {
  at::Tensor tokens;
  std::vector<std::int64_t> offsets{0};
  at::Tensor offsets_tensor;  ///< int64 [B+1], the same on the device
  at::Tensor characters;
  std::vector<std::int64_t> character_offsets{0};  ///< [N+1] where there are characters
  at::Tensor intent;
  at::Tensor tags;
  at::Tensor token_types;
  TimeOrder time;
  Rows character_segments;            ///< over the C character rows
  Rows token_segments;                ///< over the N token rows
  Rows example_segments;              ///< over the B example rows
  std::vector<std::int64_t> indices;  ///< [B] the examples' places in the data set

  std::int64_t examples() const { return static_cast<std::int64_t>(offsets.size()) - 1; }
  std::int64_t token_count() const { return offsets.back(); }
  std::int64_t longest() const { return static_cast<std::int64_t>(time.sizes.size()); }
  /// Each example's tokens, and each token's characters.
  Sequences token_sequences() const { return {offsets, token_segments}; }
  Sequences character_sequences() const { return {character_offsets, character_segments}; }
};

/// A data set as numbers, examples end to end: what the text side hands to training.
///
/// Shapes: M examples, N tokens, C characters; offsets [M+1]; intents [M] or empty; tags [N] or
/// empty; characters [C] and character_offsets [N+1], or both empty; token_types [N] or empty.
struct EncodedExamples {
  std::vector<std::int64_t> tokens;
  std::vector<std::int64_t> offsets{0};
  std::vector<std::int64_t> intents;
  std::vector<std::int64_t> tags;
  std::vector<std::int64_t> characters{};
  std::vector<std::int64_t> character_offsets{};
  std::vector<std::int64_t> token_types{};
  std::int64_t size() const { return static_cast<std::int64_t>(offsets.size()) - 1; }
};

/// Packs the examples at `indices`, in that order. `segment_offsets` [S+1] groups them into
/// segments; empty: every example is a segment of its own. Throws: kInternal if an index or the
/// segment offsets do not fit the data. Cost: O(tokens + longest example).
PackedBatch collate(const EncodedExamples& data, std::span<const std::int64_t> indices,
                    std::span<const std::int64_t> segment_offsets = {});

/// The time order of sequences given by `offsets` [B+1]. Of two equally long the earlier stands
/// first.
TimeOrder time_order(std::span<const std::int64_t> offsets);

/// Copies a batch's tensors to a device; host-side offsets stay.
PackedBatch to_device(const PackedBatch& batch, at::Device device);

}  // namespace discreet::nn
