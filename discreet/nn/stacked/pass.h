#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

// One model's pass, on plain pointers: no libtorch here.
// Legend: B examples, N their tokens, d word width, H states of a direction, C classes.
namespace discreet::nn::stacked {

enum class Slope { kRelu, kGelu, kTanh };

/// Where a layer's parameters stand in the list of a model's parameters, and its widths.
struct LinearPlace {
  std::size_t weight, bias;
  std::int64_t in, out;
};
struct LstmPlace {
  std::size_t weight_ih, weight_hh, bias;
  std::int64_t in, hidden;
};

/// The one shape of all models: features or word vectors, LSTM layers (none: a mean over words),
/// their mean over the words, linear layers with a slope between them. The last linear layer gives
/// the logits.
struct Shape {
  bool features = false;  ///< Rows of DataView::features take the place of words.
  std::int64_t vocabulary = 0;
  std::int64_t width = 0;            ///< d
  std::optional<std::size_t> table;  ///< The embedding's parameter; none: DataView::frozen_table.
  std::vector<std::vector<LstmPlace>> lstm;  ///< [layers][directions]; the second reads backwards.
  std::vector<LinearPlace> linear;
  Slope slope = Slope::kRelu;
  std::vector<std::int64_t> sizes;  ///< Numbers in each parameter.

  std::int64_t classes() const { return linear.back().out; }
};

/// The data that all models draw from.
struct DataView {
  std::int64_t size = 0;
  const std::int64_t* tokens = nullptr;
  const std::int64_t* offsets = nullptr;  ///< [size + 1]
  const std::int64_t* labels = nullptr;   ///< [size]
  const float* features = nullptr;        ///< [size, d] or null
  const float* frozen_table = nullptr;    ///< [V, d] or null
};

/// What a layer took in and what gradient came out: all that norms and gradients need.
struct Use {
  enum class Kind { kLinear, kBag, kEmbedding, kLstm };
  Kind kind;
  std::size_t parameter =
      0;  ///< The first of the layer's: weight, bias; or ih, hh, bias; or the table.
  bool by_token = false;  ///< Rows are tokens of the pass, else examples.
  std::int64_t in = 0, out = 0;
  float* input = nullptr;     ///< [rows, in]; null for tables
  float* previous = nullptr;  ///< kLstm: [rows, out / 4] the state before each step
  float* gradient = nullptr;  ///< [rows, out]
};

/// Forward and backward pass of one model over one batch. The memory stays for the next batch.
///
/// Guarantee: examples do not mix; the gradient of the sum of their losses is made of theirs.
class Pass {
 public:
  explicit Pass(Shape shape);

  /// `parameters`: one pointer for each. Afterwards `logits`.
  void forward(std::span<float* const> parameters, const DataView& data,
               std::span<const std::int64_t> examples);
  /// Cross-entropy of each example; the logits turn into its gradient times `weight`. Returns the
  /// sum of losses, not weighted.
  double losses(const DataView& data, float weight);
  /// After `losses`: gradients up to the inputs of all layers.
  void backward(std::span<float* const> parameters);

  /// Multiplies each example's gradient by its factor; 0 clears also what was NaN or infinite.
  void scale(std::span<const double> factors);
  /// Writes the gradients of all parameters but the table into `gradients`, and adds the table's
  /// into its own, which must be zero in all rows that this pass does not touch.
  void gradients(std::span<float* const> gradients) const;
  /// Rows of the table that this pass touched; each may stand here several times.
  std::span<const std::int64_t> touched() const { return ids_; }

  std::int64_t examples() const { return static_cast<std::int64_t>(offsets_.size()) - 1; }
  const float* logits() const { return activations_.back().data(); }
  const std::vector<std::int64_t>& offsets() const { return offsets_; }  ///< [B + 1] over tokens
  const std::vector<std::int64_t>& ids() const { return ids_; }          ///< [N]
  const std::vector<Use>& uses() const { return uses_; }
  const Shape& shape() const { return shape_; }

 private:
  struct LstmState {
    std::vector<float> gates, cell, previous;  // [N, 4H], [N, H], [N, H]
  };
  /// Rows in time order; see nn/batch.h.
  struct Walk {
    std::vector<std::int64_t> rows, rows_reversed, sizes;
  };

  void gather(const DataView& data, std::span<const std::int64_t> examples);
  void order_in_time();
  void pool_words(std::span<float* const> parameters, const DataView& data);
  void run_lstm(std::span<float* const> parameters, std::size_t layer);
  void run_lstm_back(std::span<float* const> parameters, std::size_t layer);
  void activate(std::size_t layer);
  void deactivate(std::size_t layer);

  Shape shape_;
  std::vector<std::int64_t> examples_, offsets_{0}, ids_;
  Walk walk_;
  std::vector<std::vector<float>> sequences_;  // [layers + 1] of [N, width]
  std::vector<std::vector<float>> sequence_grads_;
  std::vector<std::vector<LstmState>> states_;   // [layers][directions]
  std::vector<std::vector<float>> activations_;  // [linear + 1] of [B, width]
  std::vector<std::vector<float>> slopes_;       // gelu: of each hidden layer
  std::vector<std::vector<float>> activation_grads_;
  std::vector<float> scratch_[4];
  std::vector<Use> uses_;
};

}  // namespace discreet::nn::stacked
