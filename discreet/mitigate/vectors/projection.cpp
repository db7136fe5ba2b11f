#include "discreet/mitigate/vectors/projection.h"

#include <fmt/format.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <set>

#include "discreet/core/error.h"

namespace discreet::mitigate {
namespace {

using RowMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Eigen::Index index(std::size_t n) { return static_cast<Eigen::Index>(n); }

}  // namespace

bool AffineMap::linear() const {
  return std::all_of(offset.begin(), offset.end(), [](double b) { return b == 0; });
}

std::vector<double> AffineMap::apply(std::span<const double> rows) const {
  const Eigen::Index d = index(dimension), n = index(rows.size() / dimension);
  std::vector<double> out(rows.size());
  Eigen::Map<RowMatrix> result(out.data(), n, d);
  result.noalias() = Eigen::Map<const RowMatrix>(rows.data(), n, d) * Eigen::Map<const RowMatrix>(matrix.data(), d, d).transpose();
  result.rowwise() += Eigen::Map<const Eigen::RowVectorXd>(offset.data(), d);
  return out;
}

AffineMap without_span(std::span<const double> directions, std::size_t dimension, double tolerance) {
  const Eigen::Index d = index(dimension);
  Eigen::MatrixXd basis(d, 0);
  for (std::size_t k = 0; k < directions.size() / dimension; ++k) {
    Eigen::VectorXd v = Eigen::Map<const Eigen::VectorXd>(directions.data() + k * dimension, d);
    const double length = v.norm();
    // Twice is enough for directions that nearly lie in the span.
    for (int pass = 0; pass < 2; ++pass) v -= basis * (basis.transpose() * v).eval();
    if (!(v.norm() > tolerance * length)) continue;
    basis.conservativeResize(d, basis.cols() + 1);
    basis.col(basis.cols() - 1) = v.normalized();
  }
  AffineMap map{.dimension = dimension, .matrix = std::vector<double>(dimension * dimension),
                .offset = std::vector<double>(dimension, 0), .removed = static_cast<std::size_t>(basis.cols()), .notes = {}};
  Eigen::Map<RowMatrix>(map.matrix.data(), d, d) = Eigen::MatrixXd::Identity(d, d) - basis * basis.transpose();
  return map;
}

std::vector<double> pair_directions(const ProjectionData& data, std::size_t components, std::vector<std::string>& notes) {
  if (data.pairs.empty()) throw bad_data("there are no pairs of rows", "Name pairs of words, or texts with counterparts.");
  const Eigen::Index d = index(data.dimension);
  RowMatrix differences(index(data.pairs.size()), d);
  std::size_t equal = 0;
  for (std::size_t k = 0; k < data.pairs.size(); ++k) {
    const auto unit = [&](std::size_t i) -> Eigen::RowVectorXd {
      const Eigen::RowVectorXd row = Eigen::Map<const Eigen::RowVectorXd>(data.row(i).data(), d);
      const double length = row.norm();
      return length > 0 ? (row / length).eval() : row;
    };
    // Each side's distance from the pair's mean is half the difference; both sides span the same.
    differences.row(index(k)) = (unit(data.pairs[k].first) - unit(data.pairs[k].second)) / 2;
    equal += differences.row(index(k)).norm() <= 1e-12 ? 1 : 0;
  }
  const Eigen::JacobiSVD<Eigen::MatrixXd> svd(differences, Eigen::ComputeThinV);
  const Eigen::VectorXd& s = svd.singularValues();
  const double total = s.squaredNorm();
  std::size_t rank = 0;
  for (Eigen::Index i = 0; i < s.size(); ++i) rank += s[i] > 1e-9 * std::max(s[0], 1e-3) ? 1 : 0;
  if (rank == 0) throw bad_data("the two rows of each pair are equal: a projection of rank 0 removes nothing");
  if (rank < components) {
    throw bad_data(fmt::format("{} components are asked for, but the pairs differ in {} directions alone", components, rank));
  }
  notes.push_back(fmt::format("{} directions hold {:.1f} % of the pairs' differences.", components,
                              100 * s.head(index(components)).squaredNorm() / total));
  if (equal > 0) notes.push_back(fmt::format("{} of {} pairs have equal rows and say nothing.", equal, data.pairs.size()));
  std::vector<double> directions(components * data.dimension);
  Eigen::Map<RowMatrix>(directions.data(), index(components), d) = svd.matrixV().leftCols(index(components)).transpose();
  return directions;
}

OddRows count_odd_rows(const ProjectionData& data) {
  OddRows odd;
  std::set<std::vector<double>> seen;
  for (std::size_t i = 0; i < data.size(); ++i) {
    const auto row = data.row(i);
    if (std::all_of(row.begin(), row.end(), [](double x) { return x == 0; })) ++odd.zero;
    if (!seen.emplace(row.begin(), row.end()).second) ++odd.repeated;
  }
  return odd;
}

std::size_t centered_rank(const ProjectionData& data) {
  const Eigen::Map<const RowMatrix> rows(data.rows.data(), index(data.size()), index(data.dimension));
  const Eigen::MatrixXd x = rows.rowwise() - rows.colwise().mean();
  const Eigen::VectorXd values = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(x.transpose() * x, Eigen::EigenvaluesOnly).eigenvalues();
  const double most = std::max(values.maxCoeff(), 0.0);
  return static_cast<std::size_t>((values.array() > 1e-11 * most).count());
}

void check_rank(const AffineMap& map, std::size_t rank, const std::string& method) {
  if (map.removed == 0) {
    throw bad_data(fmt::format("{}: the rows say nothing of the attribute: a projection of rank 0 removes nothing", method));
  }
  if (map.removed >= rank) {
    throw bad_data(fmt::format("{}: {} directions would be removed of the {} that the rows have: nothing would remain", method,
                               map.removed, rank),
                   "Take more rows, or fewer components or rounds.");
  }
}

}  // namespace discreet::mitigate
