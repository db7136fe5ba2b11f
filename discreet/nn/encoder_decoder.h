#pragma once

#include <memory>

#include "discreet/nn/layers/activation.h"
#include "discreet/nn/layers/dropout.h"
#include "discreet/nn/layers/embedding.h"
#include "discreet/nn/layers/linear.h"
#include "discreet/nn/layers/norm.h"
#include "discreet/nn/layers/stream_attention.h"
#include "discreet/nn/layers/tied_embedding.h"
#include "discreet/nn/model.h"
#include "discreet/nn/streams.h"

namespace discreet::nn {

/// One of the two stacks.
struct StackOptions {
  std::int64_t layers = 2;
  std::int64_t heads = 4;
  std::int64_t feed_forward = 0;
};

/// The shape of an encoder and a decoder; defaults are those of a small model of our own: norms before
/// each part, learned positions, one tied table. BART and T5 are other values of the same fields.
struct EncoderDecoderOptions {
  std::int64_t vocabulary = 0;
  std::int64_t width = 0;
  StackOptions encoder, decoder;
  std::int64_t head_width = 0;  ///< 0: width / heads
  bool pre_norm = true;
  NormKind norm = NormKind::kLayer;
  double norm_epsilon = 0;      ///< 0: the norm's own
  bool final_norm = true;       ///< behind the last layer of each stack
  bool embedding_norm = false;  ///< on what the stacks read
  double embedding_scale = 1;   ///< of token vectors
  Activation activation = Activation::kGelu;
  bool gated = false;           ///< activation(x W0) x W1 instead of activation(x W)
  bool bias = true;             ///< of the linear layers
  std::int64_t position_rows = 0;    ///< of a table of learned positions for each stack; 0: none
  std::int64_t position_offset = 0;  ///< row of the first token
  std::int64_t relative_buckets = 0;  ///< of a learned bias by distance, one for each stack; 0: none
  std::int64_t relative_farthest = 128;
  double attention_scale = 0;   ///< 0: 1 / sqrt(width of a head)
  double attention_dropout = 0;  ///< of attention weights, wherever its other dropouts are on
  bool tied = true;             ///< the table of tokens is the output layer too
  double logits_scale = 1;      ///< of the rows that the output layer reads
  bool output_bias = true;
  bool trainable_output_bias = true;
  std::int64_t longest = 512;   ///< tokens of either text
};

/// Self-attention, attention to the source (of a decoder), a feed-forward network; each with a residual
/// and a norm.
///
/// Layers: self_norm, qkv, projection; cross_norm, cross_query, cross_key_value, cross_projection;
/// inner_norm, inner (gate left of what it lets through), outer.
class StreamBlock final : public torch::nn::Module {
 public:
  StreamBlock(const EncoderDecoderOptions& options, bool decoder, core::ReproducibleRng& rng);

  /// What the decoder's blocks look at: keys and values [Ns,2 h w] of this block, and which rows.
  struct Source {
    at::Tensor keys_values;
    AttentionSpans spans;
  };
  /// `bias` [B or 1,buckets,heads] or undefined. `layer` to layer + 2 are the numbers of its dropouts, the
  /// first two those of its attentions.
  at::Tensor forward(at::Tensor x, const PackedBatch& batch, const at::Tensor& bias, const Source* source,
                     const DropoutKey& key, std::uint32_t layer);
  /// Keys and values of the encoder's rows.
  at::Tensor keys_values(const at::Tensor& memory, const Rows& rows) {
    return cross_key_value_->forward(memory, rows);
  }

 private:
  at::Tensor attend(const at::Tensor& x, const PackedBatch& batch, const at::Tensor& bias,
                    const AttentionDropout& dropped);
  at::Tensor look(const at::Tensor& x, const Rows& rows, const Source& source, const AttentionDropout& dropped);
  at::Tensor feed(const at::Tensor& x, const Rows& rows);

  bool decoder_, pre_norm_, gated_;
  Activation activation_;
  double attention_dropout_;
  StreamAttentionOptions self_, cross_;
  Norm self_norm_{nullptr}, cross_norm_{nullptr}, inner_norm_{nullptr};
  Linear qkv_{nullptr}, projection_{nullptr}, cross_query_{nullptr}, cross_key_value_{nullptr},
      cross_projection_{nullptr}, inner_{nullptr}, outer_{nullptr};
};

/// What a decoder reads the source from; `keys_values` [Ns,2 h w] for each of its blocks.
struct Memory {
  std::vector<at::Tensor> keys_values;
  std::vector<std::int64_t> offsets;  ///< [B+1] over the source's rows
};

/// A model of one text out of another: an encoder over the source, a causal decoder that looks at it, an
/// output layer over the shared vocabulary. Both texts of an example are packed, each with its own length.
///
/// Layers: shared; encoder and decoder, each positions, relative, embedding_norm, block0 …, final_norm;
/// output where it is not tied.
///
/// forward: loss [B], each example's mean over the target tokens that are scored, from a batch in the form
/// of nn/streams.h. Throws: kBadData on a text longer than `longest`.
/// Ref: Vaswani et al. 2017; Lewis et al. 2020 (BART); Raffel et al. 2020 (T5).
class EncoderDecoder final : public Model {
 public:
  EncoderDecoder(const EncoderDecoderOptions& options, core::ReproducibleRng& rng);

  const EncoderDecoderOptions& options() const { return options_; }
  ModelOutput compute(const PackedBatch& batch) override;
  Prediction decode(const PackedBatch&, const ModelOutput&) override { return {}; }
  void set_dropout_rate(double rate) { dropout_rate_ = rate; }

  /// The source's rows after the encoder, [Ns,width].
  at::Tensor encode(const PackedBatch& source);
  Memory remember(const at::Tensor& rows, const PackedBatch& source);
  /// Logits [Nt,V] of the tokens behind the target's. `spans`: which of memory's rows each row looks at.
  /// While an AttentionCache is current the target's examples are the next tokens of its rows.
  at::Tensor decoded(const PackedBatch& target, const Memory& memory, const AttentionSpans& spans);

 private:
  struct Stack {
    Embedding positions{nullptr}, relative{nullptr};
    Norm embedding_norm{nullptr}, final_norm{nullptr};
    std::vector<std::shared_ptr<StreamBlock>> blocks;
  };
  Stack make_stack(const std::string& name, bool decoder, core::ReproducibleRng& rng);
  at::Tensor embedded(Stack& stack, const PackedBatch& batch, std::uint32_t layer);
  at::Tensor bias_tables(Stack& stack, const PackedBatch& batch, bool decoder);
  at::Tensor logits(const at::Tensor& rows, const Rows& segments);

  EncoderDecoderOptions options_;
  double dropout_rate_ = 0;
  TiedEmbedding tied_{nullptr};
  Embedding shared_{nullptr};
  Linear output_{nullptr};
  Stack encoder_, decoder_;
};

/// model.kind = "encoder-decoder": the fields of `spec` that other transformers read mean the same here.
/// Throws: kUsage where widths and heads do not fit.
std::shared_ptr<EncoderDecoder> make_encoder_decoder(const ModelSpec& spec, std::int64_t vocabulary,
                                                     core::ReproducibleRng& rng);

}  // namespace discreet::nn
