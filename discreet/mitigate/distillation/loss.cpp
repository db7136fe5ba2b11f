#include "discreet/mitigate/distillation/loss.h"

#include <algorithm>

#include "discreet/nn/graph.h"

namespace discreet::mitigate {
namespace {

constexpr std::int64_t kScores = std::int64_t{1} << 22;

/// [N] example of each row, and [N] what each row counts in its example's mean: 0 where it is not scored.
struct RowShares {
  at::Tensor example, share;
};

RowShares shares_of(const at::Tensor& labels, const std::vector<std::int64_t>& offsets, at::ScalarType type) {
  const at::Tensor host = labels.to(at::kCPU);
  const auto* label = host.const_data_ptr<std::int64_t>();
  RowShares rows{at::zeros({offsets.back()}, at::kLong), at::zeros({offsets.back()}, at::kDouble)};
  auto* example = rows.example.data_ptr<std::int64_t>();
  auto* share = rows.share.data_ptr<double>();
  for (std::size_t e = 0; e + 1 < offsets.size(); ++e) {
    std::int64_t scored = 0;
    for (std::int64_t n = offsets[e]; n < offsets[e + 1]; ++n) scored += label[n] >= 0 ? 1 : 0;
    for (std::int64_t n = offsets[e]; n < offsets[e + 1]; ++n) {
      example[n] = static_cast<std::int64_t>(e);
      if (label[n] >= 0) share[n] = 1 / static_cast<double>(scored);
    }
  }
  rows.example = rows.example.to(labels.device());
  rows.share = rows.share.to(labels.device(), type);
  return rows;
}

/// Loss of each of some rows, [n]; their gradient goes to `slope` [n,V].
at::Tensor rows_loss(const at::Tensor& logits, const at::Tensor& labels, const TargetScores& targets, std::int64_t begin,
                     const DistillationWeights& weights, at::Tensor slope) {
  at::Tensor loss = at::zeros({logits.size(0)}, logits.options());
  if (weights.soft != 0) {
    const double t = weights.temperature;
    const at::Tensor target = targets(begin, begin + logits.size(0)).to(logits.options());
    const at::Tensor log_p = (target / t).log_softmax(1);
    const at::Tensor log_q = (logits / t).log_softmax(1);
    const at::Tensor p = log_p.exp();
    // Where p is 0 its logarithm is -inf and adds nothing.
    loss += (p * (log_p - log_q)).masked_fill_(p.eq(0), 0).sum(1) * (weights.soft * t * t);
    slope.copy_(log_q.exp().sub_(p)).mul_(weights.soft * t);
  }
  if (weights.hard != 0) {
    const at::Tensor log_q = logits.log_softmax(1);
    const at::Tensor label = labels.clamp_min(0).unsqueeze(1);
    loss -= log_q.gather(1, label).squeeze(1) * weights.hard;
    slope.add_(log_q.exp(), weights.hard);
    slope.scatter_add_(1, label, at::full_like(label, -weights.hard, logits.options()));
  }
  return loss;
}

}  // namespace

at::Tensor distillation_loss(const at::Tensor& logits, const at::Tensor& labels, const std::vector<std::int64_t>& offsets,
                             const TargetScores& targets, const DistillationWeights& weights) {
  const auto examples = static_cast<std::int64_t>(offsets.size()) - 1;
  const RowShares rows = shares_of(labels, offsets, logits.scalar_type());
  at::Tensor loss, slope;
  {
    const at::NoGradGuard no_grad;
    const at::Tensor values = logits.detach();
    slope = at::zeros_like(values);
    loss = at::zeros({examples}, values.options());
    const std::int64_t run = std::max<std::int64_t>(1, kScores / std::max<std::int64_t>(1, values.size(1)));
    for (std::int64_t begin = 0; begin < values.size(0); begin += run) {
      const std::int64_t n = std::min(run, values.size(0) - begin);
      const at::Tensor share = rows.share.narrow(0, begin, n);
      const at::Tensor part = slope.narrow(0, begin, n);
      const at::Tensor each =
          rows_loss(values.narrow(0, begin, n), labels.narrow(0, begin, n), targets, begin, weights, part);
      // A row that is not scored has share 0, whatever its loss: masked, so that no infinity survives.
      loss.index_add_(0, rows.example.narrow(0, begin, n), (each * share).masked_fill_(share.eq(0), 0));
      part.mul_(share.unsqueeze(1)).masked_fill_(share.eq(0).unsqueeze(1), 0);
    }
  }
  const at::Tensor example = rows.example;
  return nn::attach(loss, {logits}, [slope, example](const at::Tensor& grad, const std::vector<bool>&) {
    return std::vector<at::Tensor>{slope * grad.index_select(0, example).unsqueeze(1)};
  });
}

at::Tensor hidden_loss(const at::Tensor& student, const at::Tensor& teacher, const at::Tensor& labels,
                       const std::vector<std::int64_t>& offsets, const DistillationWeights& weights) {
  const RowShares rows = shares_of(labels, offsets, student.scalar_type());
  at::Tensor each = at::zeros({student.size(0)}, student.options());
  const at::Tensor wanted = teacher.to(student.options());
  if (weights.hidden_cosine != 0) {
    constexpr double kFloor = 1e-12;  // a row of zeros has no direction
    const at::Tensor norms = (student.square().sum(1) * wanted.square().sum(1)).clamp_min(kFloor).sqrt();
    each = each + (1 - (student * wanted).sum(1) / norms) * weights.hidden_cosine;
  }
  if (weights.hidden_squared != 0) each = each + (student - wanted).square().mean(1) * weights.hidden_squared;
  const auto examples = static_cast<std::int64_t>(offsets.size()) - 1;
  return at::zeros({examples}, student.options()).index_add(0, rows.example, each * rows.share);
}

}  // namespace discreet::mitigate
