#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "discreet/nn/batch.h"
#include "discreet/nn/torch.h"

namespace discreet::nn {

/// One use of trainable parameters in a forward pass: what went in, and the gradient that came out.
/// The kind sets what the lists hold; a rule of that name (dp/segment/) turns them into norms and
/// sums.
///
/// | kind | params | inputs | gradients | rows |
/// |---|---|---|---|---|
/// | linear | W [p,d], b [p] or undefined | x [N,d] | dY [N,p] | tokens or examples |
/// | embedding | W [V,d] | ids int64 [N] | dY [N,d] | tokens or examples |
/// | embedding_bag (mean) | W [V,d] | ids int64 [N], offsets int64 [B+1] | dZ [B,d] | examples |
/// | tied_embedding, look-up | W [V,d], b [V] or undefined | ids int64 [N] | of the rows [N,d] | any |
/// | tied_embedding, output layer | the same | x [N,d] | of the logits [N,V] | any |
/// | layer_norm | gamma [d], beta [d] | xhat [N,d] | dY [N,d] | tokens or examples |
/// | group_norm | gamma [d], beta [d] | xhat [N,d] | dY [N,d] | tokens |
/// | conv1d, G groups | W [p,K], b [p] or undefined | G times [N',K] | dY [N',p] | output rows |
/// | rms_norm | gamma [d] | xhat [N,d] | dY [N,d] | tokens or examples |
/// | lstm | W_ih [4H,D], W_hh [4H,H], b [4H] | x [N,D], h_prev [N,H] | dG [N,4H] | tokens |
/// | gru | W_ih [3H,D], W_hh [3H,H], b_ih, b_hh [3H] | x, h_prev | dI, dH [N,3H] | tokens |
/// | generic | any one [...] | none | of a copy per segment [S,...] | segments |
/// | crf | A [K,K], start [K], end [K] | none | dA [B,K,K], dstart, dend [B,K] | examples |
///
/// conv1d: the windows of group g meet its share of W's rows and of dY's columns. lstm and gru: one
/// direction. Gates stand in the order i, f, g, o and r, z, n; dG, dI and dH are
/// gradients before their non-linearities, dI of what comes from the input, dH from the state;
/// h_prev is the state that the direction's previous step left (zero at its first).
///
/// tied_embedding: the type of the input tells the two sorts of use apart; scale and padding are in the
/// look-up's gradient already. generic: see layers/expanded.h.
///
/// A frozen parameter is undefined in `params`; where all are frozen there is no use. Tensors are
/// only valid inside `record` unless kept by copying the Use, and must not be written to: storage
/// may be shared.
struct Use {
  std::string_view kind;              ///< "linear", "embedding", "lstm" … the registry's key
  std::vector<at::Tensor> params;     ///< in the order the rule states; undefined where frozen
  std::vector<at::Tensor> inputs;     ///< saved activations or indices, rows in example order
  std::vector<at::Tensor> gradients;  ///< output gradients, rows in example order
  std::shared_ptr<const Segments> segments;  ///< over those rows
};

/// Where layers hand their uses during the backward pass. While a recorder is active a layer leaves
/// its parameters' .grad alone and gives this instead; without one it makes ordinary gradients.
///
/// `expect` is called in the forward pass, once per use, so that a recorder knows how many uses of
/// a parameter will come (tied weights) and can refuse a parameter that no rule covers. `record`
/// may be called from the autograd thread; calls never overlap.
class Recorder {
 public:
  virtual ~Recorder() = default;
  virtual void expect(std::string_view kind, const std::vector<at::Tensor>& params) = 0;
  virtual void record(Use use) = 0;

  /// The recorder of this thread's forward pass, or null.
  static Recorder* current();
};

/// Makes `recorder` current on this thread for the scope's life. The recorder must outlive the
/// backward pass of everything that was computed in the scope.
class RecordingScope {
 public:
  explicit RecordingScope(Recorder& recorder);
  ~RecordingScope();
  RecordingScope(const RecordingScope&) = delete;
  RecordingScope& operator=(const RecordingScope&) = delete;

 private:
  Recorder* previous_;
};

}  // namespace discreet::nn
