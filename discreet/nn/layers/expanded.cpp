#include "discreet/nn/layers/expanded.h"

#include <numeric>

#include "discreet/nn/graph.h"

namespace discreet::nn {

at::Tensor expanded(const at::Tensor& parameter, const Rows& rows) {
  std::vector<std::int64_t> sizes = parameter.sizes().vec();
  sizes.insert(sizes.begin(), rows->count());
  auto copies = std::make_shared<Segments>();
  copies->offsets.resize(static_cast<std::size_t>(rows->count()) + 1);
  std::iota(copies->offsets.begin(), copies->offsets.end(), 0);
  const UsedParameters params("generic", {parameter}, std::move(copies));
  if (!params.recorded()) return parameter.unsqueeze(0).expand(sizes);
  at::Tensor copy;
  {
    const at::NoGradGuard no_grad;
    copy = parameter.detach().unsqueeze(0).expand(sizes).clone(at::MemoryFormat::Contiguous);
  }
  return attach(
      copy, {},
      [params](const at::Tensor& grad, const std::vector<bool>&) {
        params.record({}, {grad.contiguous()});
        return std::vector<at::Tensor>{};
      },
      true);
}

}  // namespace discreet::nn
