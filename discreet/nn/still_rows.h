#pragma once

#include "discreet/nn/optimizer.h"

namespace discreet::nn {

class DataParallel;

/// Tells `optimizer` which rows of the model's tables are padding: they have no gradient, and neither
/// noise nor weight decay may move them. Of a table that is the output layer too (tied embedding) no
/// row stays still: the padding row is one of the words that are predicted.
///
/// `parallel`: where the optimiser moves the pieces of this process alone; null: whole parameters.
void keep_padding_still(const torch::nn::Module& model, Optimizer& optimizer,
                        const DataParallel* parallel = nullptr);

}  // namespace discreet::nn
