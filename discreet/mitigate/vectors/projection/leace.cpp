#include <Eigen/Dense>
#include <cmath>

#include "discreet/core/error.h"
#include "discreet/core/registry.h"
#include "discreet/mitigate/vectors/projection.h"

namespace discreet {
namespace mitigate {
namespace {

using LeaceMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// r(x) = x - W^+ P W (x - mean), W = covariance^(-1/2), P the projector on the columns of W cov(x, z).
AffineMap fit_leace(const ProjectionData& data, const core::Config&) {
  const auto d = static_cast<Eigen::Index>(data.dimension), n = static_cast<Eigen::Index>(data.size());
  if (data.labels.size() != data.size() || data.classes < 2) throw bad_data("leace needs the class of each row, of at least two");
  const Eigen::Map<const LeaceMatrix> rows(data.rows.data(), n, d);
  const Eigen::RowVectorXd mean = rows.colwise().mean();
  const Eigen::MatrixXd x = rows.rowwise() - mean;
  Eigen::MatrixXd z = Eigen::MatrixXd::Zero(n, static_cast<Eigen::Index>(data.classes));
  for (Eigen::Index i = 0; i < n; ++i) z(i, data.labels[static_cast<std::size_t>(i)]) = 1;
  z.rowwise() -= z.colwise().mean().eval();

  const double count = static_cast<double>(n);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> spectrum(x.transpose() * x / count);
  const Eigen::VectorXd& values = spectrum.eigenvalues();
  const double least = 1e-11 * std::max(values.maxCoeff(), 0.0);
  Eigen::VectorXd inverse_root = Eigen::VectorXd::Zero(d), root = Eigen::VectorXd::Zero(d);
  std::size_t rank = 0;
  for (Eigen::Index k = 0; k < d; ++k) {
    if (!(values[k] > least)) continue;  // directions in which the rows do not vary stay as they are
    root[k] = std::sqrt(values[k]);
    inverse_root[k] = 1 / root[k];
    ++rank;
  }
  const Eigen::MatrixXd& v = spectrum.eigenvectors();
  const Eigen::MatrixXd whiten = v * inverse_root.asDiagonal() * v.transpose();
  const Eigen::MatrixXd unwhiten = v * root.asDiagonal() * v.transpose();
  // Columns are correlations of whitened rows with classes, so that their size is free of the rows' scale.
  const Eigen::JacobiSVD<Eigen::MatrixXd> svd(whiten * (x.transpose() * z / count), Eigen::ComputeThinU);
  AffineMap map{.dimension = data.dimension, .matrix = std::vector<double>(data.dimension * data.dimension),
                .offset = std::vector<double>(data.dimension), .removed = 0, .notes = {}};
  for (Eigen::Index k = 0; k < svd.singularValues().size(); ++k) map.removed += svd.singularValues()[k] > 1e-9 ? 1 : 0;
  check_rank(map, rank, "leace");
  const Eigen::MatrixXd u = svd.matrixU().leftCols(static_cast<Eigen::Index>(map.removed));
  const Eigen::MatrixXd gone = unwhiten * u * (u.transpose() * whiten);
  Eigen::Map<LeaceMatrix>(map.matrix.data(), d, d) = Eigen::MatrixXd::Identity(d, d) - gone;
  Eigen::Map<Eigen::VectorXd>(map.offset.data(), d) = gone * mean.transpose();
  map.notes.push_back("The mean of all rows stays; the means of the classes become equal, so that no linear classifier gains "
                      "anything on these rows, with the least change in squared distance.");
  return map;
}

}  // namespace
}  // namespace mitigate

void register_projection_leace(core::Registry& registry) {
  registry.add({.kind = "projection",
                .name = "leace",
                .summary = "The least change after which no linear classifier tells the classes, in closed form",
                .reference = "Belrose et al. 2023, theorem 4.3",
                .fields = {},
                .make = mitigate::ProjectionMethod{.fit = mitigate::fit_leace}});
}

}  // namespace discreet
