#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "discreet/nn/encoder.h"

namespace discreet::nn {

/// Which tokens of an example are to be told, and what stands in their place.
///
/// Each word (each token, unless whole_words) is chosen with probability `rate`, and at least one in an
/// example that has any. A chosen token is replaced by `mask` (80 %), by a token drawn uniformly (10 %)
/// or left (10 %). In training the draw is a function of seed, step and the example's place in the data
/// set, as dropout's is, so it is new in each pass and the same in every physical part; in evaluation of
/// the place alone.
/// Ref: Devlin et al. 2019, section 3.1; whole words: Cui et al. 2019.
struct MaskRule {
  double rate = 0.15;
  bool whole_words = false;
  std::int64_t mask = 0;  ///< id that stands for a hidden token
  std::int64_t ids = 0;   ///< replacements are drawn from 0 .. ids-1
  std::vector<std::uint8_t> special{};    ///< [V] ids that are never chosen nor drawn; may be empty
  std::vector<std::uint8_t> continues{};  ///< [V] ids that go on with the word before; may be empty
};

/// One example's draw: the tokens that the model sees, and for each what it is to tell, or -1.
struct Masked {
  std::vector<std::int64_t> tokens;
  std::vector<std::int64_t> labels;
};
/// `step` 0 is evaluation; training's step n draws as n + 1.
Masked draw_masks(const MaskRule& rule, std::span<const std::int64_t> tokens, std::uint64_t seed,
                  std::uint64_t example, std::uint64_t step);

/// What a masked model was asked last.
struct MaskCounts {
  std::vector<std::int64_t> told;     ///< [B] chosen tokens, which the loss is the mean over
  std::vector<std::int64_t> correct;  ///< [B] of these how many have the largest logit
};

class MaskedModel : public Model {
 public:
  /// Of the last forward pass.
  virtual const MaskCounts& counts() const = 0;
  /// Logits [P,V] at rows `places` (int64 [P]) of a batch whose tokens are what the model sees: no masks
  /// are drawn.
  virtual at::Tensor logits_at(const PackedBatch& seen, const at::Tensor& places) = 0;
};

/// A model of tokens that are hidden, from both sides: the encoder reads the masked tokens, and the
/// output layer (the encoder's own where it ties one, else linear) is asked at the chosen rows alone.
///
/// forward: batch.tokens are the true tokens; loss [B], each example's mean over its own chosen tokens, 0
/// where it has none.
/// Throws: as make_model does, and kUsage if the kind is causal.
std::shared_ptr<MaskedModel> make_masked_model(const ModelSpec& spec, std::int64_t vocabulary,
                                               MaskRule rule, const at::Tensor& vectors,
                                               core::ReproducibleRng& rng);

}  // namespace discreet::nn
