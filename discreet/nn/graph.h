#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "discreet/nn/tape.h"
#include "discreet/nn/torch.h"

namespace discreet::nn {

/// The backward pass of one operation: the output's gradient comes in (never undefined), one
/// gradient per input goes out. `needs[i]` says whether input i wants one; undefined is no
/// gradient. Called at most once.
using BackwardFunction =
    std::function<std::vector<at::Tensor>(const at::Tensor& grad, const std::vector<bool>& needs)>;

/// Whether a forward pass must keep what its backward pass will need.
bool tracks(const std::vector<at::Tensor>& inputs);

/// Makes `output`, computed outside of autograd, the result of an operation on `inputs`. Inputs may
/// be undefined or need no gradient. Where no input needs one, but `always` is set, the node still
/// stands in the graph, so that its backward function runs (recorded parameters).
at::Tensor attach(at::Tensor output, const std::vector<at::Tensor>& inputs,
                  BackwardFunction backward, bool always = false);

/// The parameters of one use, as a layer meets them: which are trainable, and who takes the
/// gradients.
///
/// Without a recorder they are ordinary inputs of the graph. With one they are announced in the
/// constructor, are no inputs, and `record` hands over what came out.
class UsedParameters {
 public:
  UsedParameters(std::string_view kind, std::vector<at::Tensor> params, Rows rows);

  bool trainable() const { return trainable_; }
  bool recorded() const { return recorder_ != nullptr; }
  /// What `attach` takes after the layer's other inputs: the parameters, undefined where recorded.
  const std::vector<at::Tensor>& inputs() const { return inputs_; }
  bool needs(std::size_t param) const { return uses_[param].defined(); }
  void record(std::vector<at::Tensor> inputs, std::vector<at::Tensor> gradients) const;

 private:
  std::string_view kind_;
  std::vector<at::Tensor> uses_;    // undefined where frozen
  std::vector<at::Tensor> inputs_;  // undefined where frozen or recorded
  Rows rows_;
  Recorder* recorder_ = nullptr;
  bool trainable_ = false;
};

}  // namespace discreet::nn
