#include "discreet/federated/engine/robust_loss.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "discreet/core/error.h"

namespace discreet::federated {
namespace {

constexpr double kLogOfZero = -4;

/// log(1 - exp(x)) for x <= 0, finite at 0.
at::Tensor log_of_rest(const at::Tensor& log_p) {
  return at::log1p(-log_p.exp().clamp_max(1 - 1e-7));
}

at::Tensor tensor_of_matrix(std::span<const double> values, std::int64_t rows) {
  at::Tensor matrix = at::empty({rows, rows}, at::kDouble);
  std::copy(values.begin(), values.end(), matrix.data_ptr<double>());
  return matrix;
}

}  // namespace

RobustLoss::RobustLoss(const LabelOptions& options, std::int64_t classes, std::span<const double> transition)
    : options_(options), answer_noise_(options.label_noise) {
  const std::string& loss = options.label_loss;
  if (loss != "forward" && loss != "backward") return;
  if (transition.size() != static_cast<std::size_t>(classes * classes)) {
    throw internal_error("a corrected loss without its transition matrix");
  }
  const at::Tensor matrix = tensor_of_matrix(transition, classes);
  transition_ = matrix.to(at::kFloat);
  if (loss == "forward") return;
  const bool answers = options.labels == "feedback";
  if ((answers && std::abs(answer_noise_ - 0.5) < 1e-6) || std::abs(matrix.det().item<double>()) < 1e-12) {
    throw usage_error("federated.label_loss = \"backward\": this noise leaves nothing of the labels, its matrix has no inverse",
                      "Take another loss.");
  }
  inverse_ = matrix.inverse().to(at::kFloat);
}

at::Tensor RobustLoss::of_classes(const at::Tensor& log_p, const at::Tensor& label) const {
  const at::Tensor own = log_p.gather(1, label.unsqueeze(1)).squeeze(1);
  const std::string& loss = options_.label_loss;
  if (loss == "generalised") return (1 - (own * options_.label_gce).exp()) / options_.label_gce;
  if (loss == "symmetric") {
    return -options_.label_forward_weight * own - kLogOfZero * options_.label_reverse * (1 - own.exp());
  }
  if (loss == "forward") {
    const at::Tensor observed = log_p.exp().matmul(transition_);
    return -observed.gather(1, label.unsqueeze(1)).squeeze(1).clamp_min(1e-12).log();
  }
  if (loss == "backward") return (inverse_.index_select(0, label) * -log_p).sum(1);
  return -own;
}

at::Tensor RobustLoss::of_answers(const at::Tensor& log_p, const at::Tensor& label, const at::Tensor& no) const {
  const at::Tensor yes_log = log_p.gather(1, label.unsqueeze(1)).squeeze(1);
  const at::Tensor no_log = log_of_rest(yes_log);
  const at::Tensor said = at::where(no, no_log, yes_log), other = at::where(no, yes_log, no_log);
  const std::string& loss = options_.label_loss;
  if (loss == "generalised") return (1 - (said * options_.label_gce).exp()) / options_.label_gce;
  if (loss == "symmetric") {
    return -options_.label_forward_weight * said - kLogOfZero * options_.label_reverse * (1 - said.exp());
  }
  const double rate = answer_noise_;
  if (loss == "forward") return -((1 - rate) * said.exp() + rate * other.exp()).clamp_min(1e-12).log();
  if (loss == "backward") return -((1 - rate) * said - rate * other) / (1 - 2 * rate);
  return -said;
}

at::Tensor RobustLoss::operator()(const at::Tensor& logits, std::span<const DeviceLabel> labels,
                                  core::ReproducibleRng& rng) const {
  const auto size = static_cast<std::int64_t>(labels.size());
  at::Tensor label = at::zeros({size}, at::kLong), weight = at::zeros({size}, at::kFloat);
  at::Tensor answer = at::zeros({size}, at::kBool), no = at::zeros({size}, at::kBool), certain = at::zeros({size}, at::kBool);
  std::vector<std::int64_t> labelled;
  for (std::int64_t i = 0; i < size; ++i) {
    const DeviceLabel& own = labels[static_cast<std::size_t>(i)];
    label.data_ptr<std::int64_t>()[i] = std::max<std::int64_t>(0, own.label);
    weight.data_ptr<float>()[i] = static_cast<float>(own.weight);
    answer.data_ptr<bool>()[i] = own.says == LabelSays::kYes || own.says == LabelSays::kNo;
    no.data_ptr<bool>()[i] = own.says == LabelSays::kNo;
    certain.data_ptr<bool>()[i] = own.says == LabelSays::kCertain;
    if (own.weight > 0 && own.says == LabelSays::kIs) labelled.push_back(i);
  }
  const at::Tensor log_p = at::log_softmax(logits, 1);
  at::Tensor losses = of_classes(log_p, label);
  const std::string& kind = options_.label_loss;
  if (kind == "peer" && labelled.size() > 1) {
    // A text and a label that have nothing to do with each other, drawn apart for each example.
    at::Tensor text = at::empty({size}, at::kLong), other = at::empty({size}, at::kLong);
    for (std::int64_t i = 0; i < size; ++i) {
      text.data_ptr<std::int64_t>()[i] = labelled[rng.below(labelled.size())];
      other.data_ptr<std::int64_t>()[i] = label.data_ptr<std::int64_t>()[labelled[rng.below(labelled.size())]];
    }
    losses = losses + log_p.index_select(0, text).gather(1, other.unsqueeze(1)).squeeze(1);
  }
  if (kind == "forward" || kind == "backward" || kind == "peer") {
    losses = at::where(certain, -log_p.gather(1, label.unsqueeze(1)).squeeze(1), losses);
  }
  losses = at::where(answer, of_answers(log_p, label, no), losses);
  // Where, not times: an infinite loss of an example that is left out stays out.
  return at::where(weight > 0, losses * weight, at::zeros_like(losses));
}

}  // namespace discreet::federated
