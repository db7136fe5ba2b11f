#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "discreet/nn/model.h"

namespace discreet::fairness {

/// A language model, masked or causal, as measurements meet it: packed texts in, logits of chosen rows
/// out. Takes no gradient; the model stands in evaluation mode while it is held.
///
/// Shapes: N rows of a batch, R chosen ones, V tokens, d the width.
class TokenModel {
 public:
  virtual ~TokenModel() = default;
  /// A causal model's row tells the next token, a masked model's row the token that stands there.
  virtual bool causal() const = 0;
  virtual std::int64_t vocabulary() const = 0;
  virtual std::int64_t longest() const = 0;
  /// Layers of the stack; 0: only the last one's rows can be had.
  virtual std::int64_t layers() const = 0;
  virtual at::Device device() const = 0;

  /// [R,V] at `rows`, int64 on the model's device.
  virtual at::Tensor logits(const nn::PackedBatch& batch, const at::Tensor& rows) = 0;
  /// [N,d] of a layer: 0 is the embedding, layers() or -1 the last one.
  /// Throws: kUsage for a layer that there is not, or that the model does not give out.
  virtual at::Tensor hidden(const nn::PackedBatch& batch, std::int64_t layer) = 0;
  /// [N]: the mean over layers, heads and an example's own tokens of the attention that each token gets.
  /// Throws: kUsage for a model that does not give out its attention.
  virtual at::Tensor attention_received(const nn::PackedBatch& batch) = 0;
};

/// What `make_token_model` cannot know of a model of a run.
struct TokenModelSizes {
  std::int64_t vocabulary = 0;
  std::int64_t longest = 0;
};

/// Of a pretrained folder's model with a head over words, of a masked model, or of a language model.
/// Throws: kUsage for a model that predicts no tokens.
std::unique_ptr<TokenModel> make_token_model(std::shared_ptr<nn::Model> model, TokenModelSizes sizes);

/// A text as a model reads it, and what is asked of it: log P(ids[k]) by the logits of row rows[k].
struct AskedText {
  std::vector<std::int64_t> tokens;
  std::vector<std::int64_t> types{};  ///< Which text of a pair each token is of; empty: all 0.
  std::vector<std::int64_t> rows{};
  std::vector<std::int64_t> ids{};    ///< As many.
};

struct AskOptions {
  std::int64_t tokens = 4096;         ///< Of a batch, unless one text is longer.
  std::int64_t logits = 1 << 24;      ///< Values of a batch's logits, unless one row has more.
  bool share_equal = true;            ///< Texts with the same tokens are read once.
  /// One text at a time with all its logits, the way that others go: what the packed one is tested and
  /// timed against.
  bool plain = false;
  /// Told how many texts are answered; false ends the work.
  std::function<bool(std::size_t)> progress{};
};

/// Natural logarithms; answer[i][k] of texts[i].rows[k]. All texts are packed end to end, and the output
/// layer sees the rows that are asked alone; no text's answer depends on the others.
///
/// Cost: O(distinct texts x tokens) through the stack, O(asked rows x V) through the output layer.
/// Edge cases: a text that asks nothing is not read. Throws: kBadData for a text longer than the model
/// takes, kInternal for a row or id outside; kInterrupted where `progress` ended the work.
std::vector<std::vector<double>> log_probs(TokenModel& model, std::span<const AskedText> texts,
                                           const AskOptions& options = {});

/// The packed batch of texts `first` .. `last` - 1 on the model's device.
nn::PackedBatch pack(std::span<const AskedText> texts, const at::Device& device);

/// Calls `body(batch, first, last)` for runs of texts that have at most `tokens` tokens together.
void for_each_batch(TokenModel& model, std::span<const AskedText> texts, std::int64_t tokens,
                    const std::function<void(const nn::PackedBatch&, std::size_t, std::size_t)>& body);

}  // namespace discreet::fairness
