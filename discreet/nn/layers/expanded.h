#pragma once

#include "discreet/nn/batch.h"
#include "discreet/nn/torch.h"

namespace discreet::nn {

/// A parameter once per segment, for use in ordinary differentiable operations. Use: "generic".
///
/// Any operation may follow, as long as copy s meets the rows of segment s alone (`run_numbers`, nn/device.h): the
/// gradient of a copy is then the gradient of its segment, exactly. Recorded, it takes memory for a copy
/// and a gradient per segment, so a recorder may refuse it (dp: privacy.generic_rule and a cap).
///
/// Shapes: parameter [...]; S segments; returns [S, ...].
at::Tensor expanded(const at::Tensor& parameter, const Rows& rows);

}  // namespace discreet::nn
