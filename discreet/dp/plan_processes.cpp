// The part of a plan that several processes share: sums go to the owners of their parts, who noise them.
#include <algorithm>

#include "discreet/core/error.h"
#include "discreet/dp/plan.h"
#include "discreet/nn/distributed/data_parallel.h"

namespace discreet::dp {

static_assert(nn::kFlatBlock % static_cast<std::int64_t>(privacy::internal::kNormalsPerGroup) == 0,
              "pieces begin where a stream of noise can be cut");

void PrivatePlan::reduce(ClippedSum& sum, nn::DataParallel& parallel) const {
  std::vector<at::Tensor> sums;
  for (GradientSink& sink : sum.sinks_) sums.push_back(sink.accumulator());
  parallel.reduce(sums);
  sum.parallel_ = &parallel;
}

void PrivatePlan::add_up(ClippedSum& sum, std::span<double> more) const {
  std::vector<double> values = {static_cast<double>(sum.segments_), static_cast<double>(sum.clipped_),
                                static_cast<double>(sum.non_finite_)};
  const auto counts = static_cast<std::ptrdiff_t>(values.size());
  values.insert(values.end(), sum.counts_.begin(), sum.counts_.end());
  values.insert(values.end(), more.begin(), more.end());
  sum.parallel_->add_up(values);
  sum.segments_ = static_cast<std::int64_t>(values[0]);
  sum.clipped_ = static_cast<std::int64_t>(values[1]);
  sum.non_finite_ = static_cast<std::int64_t>(values[2]);
  std::copy_n(values.begin() + counts, sum.counts_.size(), sum.counts_.begin());
  std::copy(values.end() - static_cast<std::ptrdiff_t>(more.size()), values.end(), more.begin());
}

void PrivatePlan::add_noise_to_pieces(ClippedSum& sum) {
  nn::DataParallel& parallel = *sum.parallel_;
  const std::vector<double> by_layer = deviations(sum);
  const double scale = 1 / divisor();
  // Places are set aside for all parameters on all processes alike: which process draws them makes no
  // difference.
  std::vector<std::uint64_t> places;
  for (const auto& [name, parameter] : parallel.parameters()) {
    const auto place = noise_->reserve_shared(static_cast<std::uint64_t>(parameter.numel()));
    if (!place) throw internal_error("this source of noise cannot be drawn from in parts");
    places.push_back(*place);
  }
  const std::span<const nn::ParameterPiece> pieces = parallel.pieces();
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    at::Tensor values = parallel.piece(i);
    if (values.scalar_type() != at::kFloat) {
      throw internal_error("several processes noise float32 gradients alone");
    }
    const at::Tensor host = values.to(at::kCPU).contiguous();  // where noise is drawn
    const std::span<float> out(host.data_ptr<float>(), static_cast<std::size_t>(host.numel()));
    noise_->add_shared({places[pieces[i].parameter] + static_cast<std::uint64_t>(pieces[i].first),
                          out.data(), out, by_layer[sum.layer_of_[pieces[i].parameter]], scale});
    if (!host.is_same(values)) values.copy_(host);
  }
}

void PrivatePlan::update_in_processes(ClippedSum& sum, nn::Optimizer& optimizer, double learning_rate) {
  nn::DataParallel& parallel = *sum.parallel_;
  spend_step(sum);
  // All noised the counts, so that their streams stay in step; what counts is what rank 0 drew.
  parallel.share(sum.released_counts_);
  add_noise_to_pieces(sum);
  if (parallel.sharded()) {
    optimizer.step(parallel.owned_gradients(), learning_rate);
    parallel.gather_parameters();
  } else {
    optimizer.step(parallel.gather(), learning_rate, noise_variances(sum));
  }
}

}  // namespace discreet::dp
