#include "discreet/stats/probe.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/stats/internal/lbfgs.h"

namespace discreet::stats {
namespace {

using RowMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Weights as views of one vector: [in, hidden], [hidden], [hidden or in, classes], [classes].
struct ProbeLayout {
  Eigen::Index in, hidden, classes;
  Eigen::Index width() const { return hidden > 0 ? hidden : in; }
  Eigen::Index first() const { return hidden > 0 ? in * hidden + hidden : 0; }
  Eigen::Index size() const { return first() + width() * classes + classes; }
};

RowMatrix hidden_rows(const RowMatrix& x, const double* p, const ProbeLayout& layout) {
  const Eigen::Map<const RowMatrix> weight(p, layout.in, layout.hidden);
  const Eigen::Map<const Eigen::RowVectorXd> bias(p + layout.in * layout.hidden, layout.hidden);
  return ((x * weight).rowwise() + bias).array().tanh().matrix();
}

RowMatrix logits_of(const RowMatrix& x, const double* p, const ProbeLayout& layout) {
  const double* out = p + layout.first();
  const Eigen::Map<const RowMatrix> weight(out, layout.width(), layout.classes);
  const Eigen::Map<const Eigen::RowVectorXd> bias(out + layout.width() * layout.classes, layout.classes);
  return (x * weight).rowwise() + bias;
}

class ProbeLoss {
 public:
  ProbeLoss(RowMatrix x, std::span<const std::uint32_t> labels, const ProbeLayout& layout, double l2)
      : x_(std::move(x)), labels_(labels), layout_(layout), l2_(l2) {}

  double operator()(const Eigen::VectorXd& p, Eigen::VectorXd& gradient) const {
    const RowMatrix h = layout_.hidden > 0 ? hidden_rows(x_, p.data(), layout_) : RowMatrix();
    const RowMatrix& top = layout_.hidden > 0 ? h : x_;
    RowMatrix d = logits_of(top, p.data(), layout_);
    const double n = static_cast<double>(x_.rows());
    double loss = 0;
    for (Eigen::Index i = 0; i < d.rows(); ++i) {
      const double most = d.row(i).maxCoeff();
      const auto label = static_cast<Eigen::Index>(labels_[static_cast<std::size_t>(i)]);
      loss += most - d(i, label);
      d.row(i) = (d.row(i).array() - most).exp();
      const double sum = d.row(i).sum();
      loss += std::log(sum);
      d.row(i) /= sum;
      d(i, label) -= 1;
    }
    d /= n;
    loss /= n;
    double* out = gradient.data() + layout_.first();
    Eigen::Map<RowMatrix>(out, layout_.width(), layout_.classes).noalias() = top.transpose() * d;
    Eigen::Map<Eigen::RowVectorXd>(out + layout_.width() * layout_.classes, layout_.classes) = d.colwise().sum();
    loss += penalty(p, gradient, layout_.first(), layout_.width() * layout_.classes);
    if (layout_.hidden > 0) {
      const Eigen::Map<const RowMatrix> weight(p.data() + layout_.first(), layout_.width(), layout_.classes);
      const RowMatrix inner = ((d * weight.transpose()).array() * (1 - h.array().square())).matrix();
      Eigen::Map<RowMatrix>(gradient.data(), layout_.in, layout_.hidden).noalias() = x_.transpose() * inner;
      Eigen::Map<Eigen::RowVectorXd>(gradient.data() + layout_.in * layout_.hidden, layout_.hidden) = inner.colwise().sum();
      loss += penalty(p, gradient, 0, layout_.in * layout_.hidden);
    }
    return loss;
  }

 private:
  double penalty(const Eigen::VectorXd& p, Eigen::VectorXd& gradient, Eigen::Index begin, Eigen::Index count) const {
    gradient.segment(begin, count) += l2_ * p.segment(begin, count);
    return 0.5 * l2_ * p.segment(begin, count).squaredNorm();
  }

  RowMatrix x_;
  std::span<const std::uint32_t> labels_;
  ProbeLayout layout_;
  double l2_;
};

ProbeLayout probe_layout(std::size_t features, std::size_t hidden, std::size_t classes) {
  return {static_cast<Eigen::Index>(features), static_cast<Eigen::Index>(hidden), static_cast<Eigen::Index>(classes)};
}

RowMatrix scaled_rows(std::span<const double> rows, std::size_t features, const std::vector<double>& center, double scale) {
  const auto width = static_cast<Eigen::Index>(features);
  const auto n = features == 0 ? Eigen::Index{0} : static_cast<Eigen::Index>(rows.size() / features);
  RowMatrix x = Eigen::Map<const RowMatrix>(rows.data(), n, width);
  x.rowwise() -= Eigen::Map<const Eigen::RowVectorXd>(center.data(), width);
  return x * scale;
}

}  // namespace

Probe::Probe(std::span<const double> rows, std::size_t features, std::span<const std::uint32_t> labels, std::size_t classes,
             const ProbeOptions& options)
    : features_(features), classes_(classes), hidden_(options.hidden) {
  const bool known = std::all_of(labels.begin(), labels.end(), [&](std::uint32_t label) { return label < classes; });
  if (features == 0 || labels.empty() || rows.size() != labels.size() * features || classes < 2 || !known) {
    throw internal_error("a probe needs rows, and labels of at least two classes");
  }
  const auto width = static_cast<Eigen::Index>(features);
  const Eigen::Map<const RowMatrix> raw(rows.data(), static_cast<Eigen::Index>(labels.size()), width);
  const Eigen::RowVectorXd mean = raw.colwise().mean();
  center_.assign(mean.data(), mean.data() + width);
  const double variance = (raw.rowwise() - mean).squaredNorm() / static_cast<double>(raw.size());
  scale_ = variance > 0 ? 1 / std::sqrt(variance) : 0;

  const ProbeLayout layout = probe_layout(features, hidden_, classes);
  Eigen::VectorXd p = Eigen::VectorXd::Zero(layout.size());
  if (hidden_ > 0) {
    core::ReproducibleRng rng(options.seed, "probe");
    for (Eigen::Index i = 0; i < layout.in * layout.hidden; ++i) p[i] = rng.normal() / std::sqrt(static_cast<double>(features));
    for (Eigen::Index i = 0; i < layout.hidden * layout.classes; ++i) {
      p[layout.first() + i] = 0.1 * rng.normal() / std::sqrt(static_cast<double>(hidden_));
    }
  }
  const ProbeLoss loss(scaled_rows(rows, features, center_, scale_), labels, layout, options.l2);
  internal::minimize_lbfgs(loss, p, options.iterations);
  parameters_.assign(p.data(), p.data() + p.size());
}

std::vector<std::uint32_t> Probe::predict(std::span<const double> rows) const {
  const ProbeLayout layout = probe_layout(features_, hidden_, classes_);
  RowMatrix x = scaled_rows(rows, features_, center_, scale_);
  if (hidden_ > 0) x = hidden_rows(x, parameters_.data(), layout);
  const RowMatrix logits = logits_of(x, parameters_.data(), layout);
  std::vector<std::uint32_t> predicted(static_cast<std::size_t>(logits.rows()));
  for (Eigen::Index i = 0; i < logits.rows(); ++i) {
    Eigen::Index best = 0;
    logits.row(i).maxCoeff(&best);
    predicted[static_cast<std::size_t>(i)] = static_cast<std::uint32_t>(best);
  }
  return predicted;
}

std::vector<double> Probe::directions() const {
  if (hidden_ > 0) throw internal_error("a probe with a hidden layer has no directions");
  std::vector<double> directions(classes_ * features_);
  for (std::size_t f = 0; f < features_; ++f) {
    for (std::size_t c = 0; c < classes_; ++c) directions[c * features_ + f] = parameters_[f * classes_ + c] * scale_;
  }
  return directions;
}

ProbeAccuracy count_right(std::span<const std::uint32_t> predicted, std::span<const std::uint32_t> labels, std::size_t classes) {
  ProbeAccuracy accuracy;
  std::vector<std::uint64_t> counts(classes, 0);
  accuracy.n = labels.size();
  for (std::size_t i = 0; i < labels.size(); ++i) {
    accuracy.right += predicted[i] == labels[i] ? 1 : 0;
    ++counts.at(labels[i]);
  }
  if (accuracy.n == 0) throw internal_error("an accuracy needs rows");
  const auto n = static_cast<double>(accuracy.n);
  accuracy.accuracy = static_cast<double>(accuracy.right) / n;
  accuracy.ci = wilson(accuracy.right, accuracy.n);
  accuracy.majority = static_cast<double>(*std::max_element(counts.begin(), counts.end())) / n;
  return accuracy;
}

ProbeAccuracy probe_accuracy(std::span<const double> rows, std::size_t features, std::span<const std::uint32_t> labels,
                             std::size_t classes, std::span<const std::uint32_t> fold, std::size_t folds,
                             const ProbeOptions& options) {
  if (fold.size() != labels.size()) throw internal_error("a fold for each row");
  std::vector<std::uint32_t> predicted(labels.size());
  for (std::size_t k = 0; k < folds; ++k) {
    std::vector<double> train, test;
    std::vector<std::uint32_t> train_labels;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      const auto row = rows.subspan(i * features, features);
      std::vector<double>& side = fold[i] == k ? test : train;
      side.insert(side.end(), row.begin(), row.end());
      if (fold[i] == k) places.push_back(i);
      else train_labels.push_back(labels[i]);
    }
    if (places.empty() || train_labels.empty()) continue;
    const auto guesses = Probe(train, features, train_labels, classes, options).predict(test);
    for (std::size_t i = 0; i < places.size(); ++i) predicted[places[i]] = guesses[i];
  }
  return count_right(predicted, labels, classes);
}

}  // namespace discreet::stats
