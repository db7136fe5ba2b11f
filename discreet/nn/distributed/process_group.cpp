#include "discreet/nn/distributed/process_group.h"

namespace discreet::nn {
namespace {

class LonelyGroup final : public ProcessGroup {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void exchange(const at::Tensor& rows, at::Tensor& received) override { received.copy_(rows); }
  void gather_all(const at::Tensor& mine, at::Tensor& all) override { all.copy_(mine.unsqueeze(0)); }
  at::Tensor gather(const at::Tensor& mine) override { return mine.unsqueeze(0); }
  void share(at::Tensor&) override {}
  void leave(const Error&) noexcept override {}
  std::string backend() const override { return "none"; }
};

}  // namespace

std::shared_ptr<ProcessGroup> make_lonely_group() { return std::make_shared<LonelyGroup>(); }

}  // namespace discreet::nn
