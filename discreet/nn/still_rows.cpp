#include "discreet/nn/still_rows.h"

#include <algorithm>

#include "discreet/core/error.h"
#include "discreet/nn/distributed/data_parallel.h"
#include "discreet/nn/layers/embedding.h"

namespace discreet::nn {
namespace {

/// Elements first .. first + size of parameter `parameter` of `parameters`.
void keep_range_still(const NamedTensors& parameters, std::size_t parameter, std::int64_t first,
                      std::int64_t size, Optimizer& optimizer, const DataParallel* parallel) {
  if (parallel == nullptr || !parallel->sharded()) {
    optimizer.keep_still(parameter, first, size);
    return;
  }
  const auto pieces = parallel->pieces();
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (pieces[i].parameter != parameter) continue;
    const std::int64_t begin = std::max(first, pieces[i].first);
    const std::int64_t end = std::min(first + size, pieces[i].first + pieces[i].size);
    if (begin < end) optimizer.keep_still(i, begin - pieces[i].first, end - begin);
  }
}

}  // namespace

void keep_padding_still(const torch::nn::Module& model, Optimizer& optimizer, const DataParallel* parallel) {
  const NamedTensors& parameters = parallel != nullptr ? parallel->parameters() : optimizer.parameters();
  for (const auto& module : model.modules(false)) {
    const auto* table = dynamic_cast<const EmbeddingImpl*>(module.get());
    if (table == nullptr || table->padding() == kNoPadding) continue;
    const std::int64_t width = table->width();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      // Pieces are views, so a shared table is found by its memory.
      if (parameters[i].second.unsafeGetTensorImpl() != table->weight.unsafeGetTensorImpl()) continue;
      keep_range_still(parameters, i, table->padding() * width, width, optimizer, parallel);
    }
  }
}

}  // namespace discreet::nn
