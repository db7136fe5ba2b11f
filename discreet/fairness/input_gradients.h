#pragma once

#include <vector>

#include "discreet/nn/model.h"
#include "discreet/nn/torch.h"

namespace discreet::fairness {

/// Which outputs f_k of a classifier a gradient is of.
enum class ClassOutputs { kProbabilities, kLogits };

/// The weights w of the classes in a sum over them.
enum class ClassWeights { kUniform, kOnes, kPredicted, kTrue };

/// What one input feature is: a coordinate of a token's vector, or a whole token by the L1 or L2 norm of
/// its gradient.
enum class InputFeatures { kCoordinates, kTokenL1, kTokenL2 };

struct GradientOptions {
  ClassOutputs outputs = ClassOutputs::kProbabilities;
  ClassWeights classes = ClassWeights::kUniform;
  InputFeatures features = InputFeatures::kCoordinates;
};

/// Shapes: B examples, N tokens, K classes, d the width of a token's vector.
struct InputGradients {
  at::Tensor outputs;  ///< f, [B,K].
  at::Tensor rows;     ///< Σ_k w_k |∂f_k/∂x|: [N,d], or [N,1] where features are tokens.
  at::Tensor table;    ///< The parameter that the tokens' vectors came from, [V,d].
};

/// The Jacobian's absolute values, summed over the classes with weights, for a whole batch: examples are
/// independent, so the gradient of a sum over them holds each example's own. One forward and one backward
/// pass for each class with a weight; one in all for kPredicted and kTrue, and for two classes'
/// probabilities, whose gradients differ in sign alone. Weights' gradients are not computed: layers
/// hand over what came to them (nn/tape.h), and only the embedding's is kept.
///
/// In evaluation mode, whatever mode the model is in; the model is left as it was. The vectors are those
/// of the table: positions, types and characters that are added to them are no features.
/// Throws: kUsage for a model without classes; kInternal if kTrue has no labels, or the model reads its tokens
/// through no table.
/// Cost: (passes) times a forward and the input part of a backward pass; memory of one pass.
InputGradients input_gradients(nn::Model& model, const nn::PackedBatch& batch,
                               const GradientOptions& options = {});

/// ∂ Σ_b Σ_k seeds[b,k] f_k(x_b) / ∂x with its sign, [N,d]. Shapes: seeds [B,K].
at::Tensor signed_input_gradient(nn::Model& model, const nn::PackedBatch& batch, const at::Tensor& seeds,
                                 ClassOutputs outputs);

}  // namespace discreet::fairness
