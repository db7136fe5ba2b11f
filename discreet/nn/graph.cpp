#include "discreet/nn/graph.h"

#include "discreet/core/error.h"
#include "discreet/nn/compat.h"

namespace discreet::nn {
namespace {

class FunctionNode final : public torch::autograd::Node {
 public:
  FunctionNode(BackwardFunction backward, const at::Tensor& output, std::size_t inputs)
      : backward_(std::move(backward)),
        sizes_(output.sizes().vec()),
        options_(output.options()),
        inputs_(inputs) {}

  torch::autograd::variable_list apply(torch::autograd::variable_list&& grads) override {
    if (!backward_) throw internal_error("an operation's backward pass was asked for twice");
    std::vector<bool> needs(inputs_);
    for (std::size_t i = 0; i < inputs_; ++i) needs[i] = task_should_compute_output(i);
    BackwardFunction backward = std::move(backward_);
    backward_ = nullptr;
    const at::Tensor grad = grads[0].defined() ? std::move(grads[0]) : at::zeros(sizes_, options_);
    grads.clear();
    return backward(grad, needs);
  }

  void release_variables() override { backward_ = nullptr; }

 private:
  BackwardFunction backward_;
  std::vector<std::int64_t> sizes_;
  at::TensorOptions options_;
  std::size_t inputs_;
};

}  // namespace

bool tracks(const std::vector<at::Tensor>& inputs) {
  if (!at::GradMode::is_enabled()) return false;
  for (const at::Tensor& input : inputs) {
    if (input.defined() && input.requires_grad()) return true;
  }
  return false;
}

at::Tensor attach(at::Tensor output, const std::vector<at::Tensor>& inputs,
                  BackwardFunction backward, bool always) {
  if (!at::GradMode::is_enabled() || !(always || tracks(inputs))) return output;
  NodePointer node = make_node<FunctionNode>(std::move(backward), output, inputs.size());
  torch::autograd::edge_list edges;
  edges.reserve(inputs.size());
  for (const at::Tensor& input : inputs) {
    edges.push_back(input.defined() ? torch::autograd::impl::gradient_edge(input)
                                    : torch::autograd::Edge());
  }
  node->set_next_edges(std::move(edges));
  torch::autograd::create_gradient_edge(output, std::move(node));
  return output;
}

UsedParameters::UsedParameters(std::string_view kind, std::vector<at::Tensor> params, Rows rows)
    : kind_(kind), uses_(std::move(params)), rows_(std::move(rows)) {
  if (!at::GradMode::is_enabled()) {
    for (at::Tensor& param : uses_) param = at::Tensor();
    inputs_ = uses_;
    return;
  }
  for (at::Tensor& param : uses_) {
    if (param.defined() && !param.requires_grad()) param = at::Tensor();
    trainable_ = trainable_ || param.defined();
  }
  inputs_ = uses_;
  if (!trainable_) return;
  recorder_ = Recorder::current();
  if (recorder_ == nullptr) return;
  for (at::Tensor& input : inputs_) input = at::Tensor();
  recorder_->expect(kind_, uses_);
}

void UsedParameters::record(std::vector<at::Tensor> inputs,
                            std::vector<at::Tensor> gradients) const {
  recorder_->record({kind_, uses_, std::move(inputs), std::move(gradients), rows_});
}

}  // namespace discreet::nn
