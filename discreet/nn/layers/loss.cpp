#include "discreet/nn/layers/loss.h"

#include "discreet/core/error.h"
#include "discreet/nn/device.h"
#include "discreet/nn/graph.h"
#include "discreet/nn/kernels/language.h"
#include "discreet/nn/kernels/rows.h"

namespace discreet::nn {
namespace {

void check_target(std::int64_t target, std::int64_t classes) {
  if (target >= classes) {
    throw internal_error("label " + std::to_string(target) + " of " + std::to_string(classes));
  }
}

/// Where there are no kernels of our own, differentiated by autograd. Labels are not checked: that would
/// wait for the device; the library stops at one that is no class.
at::Tensor losses_by_operations(const at::Tensor& logits, const at::Tensor& target,
                                const std::vector<std::int64_t>& offsets) {
  const at::Tensor labels = target.to(logits.device());
  const at::Tensor scored = labels.ge(0);
  const at::Tensor losses =
      logits.log_softmax(1).gather(1, labels.clamp_min(0).unsqueeze(1)).squeeze(1).neg() * scored;
  const at::Tensor group = run_numbers(offsets, logits.device());
  const at::Tensor none = at::zeros({static_cast<std::int64_t>(offsets.size()) - 1}, logits.options().requires_grad(false));
  const at::Tensor counts = none.index_add(0, group, scored.to(logits.scalar_type()));
  return none.index_add(0, group, losses) / counts.clamp_min(1);
}

/// Losses of groups of rows, [groups]: each the mean over the group's rows with a label >= 0.
at::Tensor grouped_cross_entropy(const at::Tensor& logits, const at::Tensor& target,
                                 std::vector<std::int64_t> offsets) {
  if (!has_kernels(logits)) return losses_by_operations(logits, target, offsets);
  const std::int64_t groups = static_cast<std::int64_t>(offsets.size()) - 1;
  const std::int64_t classes = logits.size(1);
  at::Tensor loss, slope;  // slope [N,C]: what a group's gradient of 1 gives each logit
  {
    const at::NoGradGuard no_grad;
    const at::Tensor input = logits.detach().contiguous(), labels = target.cpu();
    loss = at::zeros({groups}, input.options());
    slope = at::empty_like(input);
    AT_DISPATCH_FLOATING_TYPES(input.scalar_type(), "cross_entropy", [&] {
      const auto* x = input.data_ptr<scalar_t>();
      const auto* label = labels.data_ptr<std::int64_t>();
      auto* p = slope.data_ptr<scalar_t>();
      for (std::int64_t g = 0; g < groups; ++g) {
        std::int64_t scored = 0;
        double sum = 0;
        for (std::int64_t n = offsets[g]; n < offsets[g + 1]; ++n) {
          if (label[n] < 0) {
            std::fill_n(p + n * classes, classes, scalar_t{0});
            continue;
          }
          check_target(label[n], classes);
          sum += kernels::cross_entropy_row(x + n * classes, p + n * classes, classes, label[n]);
          p[n * classes + label[n]] -= 1;
          ++scored;
        }
        if (scored == 0) continue;
        loss.data_ptr<scalar_t>()[g] = static_cast<scalar_t>(sum / static_cast<double>(scored));
        const auto share = scalar_t{1} / static_cast<scalar_t>(scored);
        for (std::int64_t i = offsets[g] * classes; i < offsets[g + 1] * classes; ++i)
          p[i] *= share;
      }
    });
  }
  return attach(loss, {logits}, [slope, offsets](const at::Tensor& grad, const std::vector<bool>&) {
    const at::Tensor dloss = grad.contiguous();
    at::Tensor dx = at::empty_like(slope);
    const std::int64_t classes = slope.size(1);
    AT_DISPATCH_FLOATING_TYPES(slope.scalar_type(), "cross_entropy_backward", [&] {
      const auto* p = slope.data_ptr<scalar_t>();
      auto* to = dx.data_ptr<scalar_t>();
      for (std::size_t g = 0; g + 1 < offsets.size(); ++g) {
        const scalar_t weight = dloss.data_ptr<scalar_t>()[g];
        for (std::int64_t i = offsets[g] * classes; i < offsets[g + 1] * classes; ++i) {
          to[i] = weight * p[i];
        }
      }
    });
    return std::vector<at::Tensor>{dx};
  });
}

}  // namespace

at::Tensor consuming_cross_entropy(const at::Tensor& logits, const PackedBatch& batch) {
  if (!has_kernels(logits)) return losses_by_operations(logits, batch.tags, batch.offsets);
  const std::int64_t examples = batch.examples(), classes = logits.size(1);
  const std::vector<std::int64_t> offsets = batch.offsets;
  at::Tensor loss, slope;
  {
    const at::NoGradGuard no_grad;
    slope = logits.detach().contiguous();
    loss = at::zeros({examples}, slope.options());
    const auto* label = batch.tags.const_data_ptr<std::int64_t>();
    for (std::int64_t n = 0; n < offsets.back(); ++n) check_target(label[n], classes);
    AT_DISPATCH_FLOATING_TYPES(slope.scalar_type(), "consuming_cross_entropy", [&] {
      auto* rows = slope.data_ptr<scalar_t>();
      auto* to = loss.data_ptr<scalar_t>();
      at::parallel_for(0, examples, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t e = begin; e < end; ++e) {
          std::int64_t scored = 0;
          for (std::int64_t n = offsets[e]; n < offsets[e + 1]; ++n) scored += label[n] >= 0;
          const auto share = scalar_t{1} / static_cast<scalar_t>(std::max<std::int64_t>(1, scored));
          double sum = 0;
          for (std::int64_t n = offsets[e]; n < offsets[e + 1]; ++n) {
            scalar_t* row = rows + n * classes;
            if (label[n] < 0) {
              std::fill_n(row, classes, scalar_t{0});
            } else {
              sum += kernels::cross_entropy_in_place(row, classes, label[n], share);
            }
          }
          to[e] = static_cast<scalar_t>(sum / static_cast<double>(std::max<std::int64_t>(1, scored)));
        }
      });
    });
  }
  return attach(loss, {logits}, [slope, offsets](const at::Tensor& grad, const std::vector<bool>&) {
    const at::Tensor dloss = grad.contiguous();
    for (std::size_t e = 0; e + 1 < offsets.size(); ++e) {
      const double weight = dloss[static_cast<std::int64_t>(e)].item<double>();
      if (weight != 1) slope.narrow(0, offsets[e], offsets[e + 1] - offsets[e]).mul_(weight);
    }
    return std::vector<at::Tensor>{slope};
  });
}

at::Tensor cross_entropy(const at::Tensor& logits, const at::Tensor& target) {
  std::vector<std::int64_t> offsets(logits.size(0) + 1);
  for (std::size_t i = 0; i < offsets.size(); ++i) offsets[i] = static_cast<std::int64_t>(i);
  return grouped_cross_entropy(logits, target, std::move(offsets));
}

at::Tensor token_cross_entropy(const at::Tensor& logits, const PackedBatch& batch) {
  return grouped_cross_entropy(logits, batch.tags, batch.offsets);
}

}  // namespace discreet::nn
