#include <fmt/format.h>

#include <Eigen/Dense>
#include <cmath>

#include "discreet/core/registry.h"
#include "discreet/mitigate/words/noisy_vector.h"

namespace discreet {
namespace mitigate {
namespace {

struct MahalanobisOptions {
  double lambda = 0.5;
};

const core::Fields<MahalanobisOptions>& mahalanobis_fields() {
  static const auto fields =
      core::Fields<MahalanobisOptions>("mahalanobis")
          .add("lambda", &MahalanobisOptions::lambda,
               {.min = 0,
                .max = 1,
                .below_max = true,
                .doc = "The noise follows lambda times the vectors' covariance, scaled to mean variance 1, plus (1 - lambda) "
                       "times the identity; 0 is calibrated-multivariate."});
  return fields;
}

/// The symmetric root of lambda cov + (1 - lambda) I.
Eigen::MatrixXd root_of_covariance(const WordSpace& space, double lambda) {
  const auto d = static_cast<Eigen::Index>(space.dimension());
  Eigen::VectorXd mean = Eigen::VectorXd::Zero(d);
  const auto vector = [&](std::size_t i) {
    return Eigen::Map<const Eigen::VectorXf>(space.row(i).data(), d).cast<double>().eval();
  };
  for (std::size_t i = 0; i < space.size(); ++i) mean += vector(i);
  mean /= static_cast<double>(space.size());
  Eigen::MatrixXd covariance = Eigen::MatrixXd::Zero(d, d);
  for (std::size_t i = 0; i < space.size(); ++i) {
    covariance.selfadjointView<Eigen::Lower>().rankUpdate(vector(i) - mean, 1.0 / static_cast<double>(space.size()));
  }
  covariance = covariance.selfadjointView<Eigen::Lower>();
  covariance *= static_cast<double>(d) / covariance.trace();
  const Eigen::MatrixXd mixed = lambda * covariance + (1 - lambda) * Eigen::MatrixXd::Identity(d, d);
  return Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(mixed).operatorSqrt();
}

void add_elliptic_noise(const Eigen::MatrixXd& root, double epsilon, std::span<float> vector, core::SecureRng& rng) {
  std::vector<float> noise(vector.size());
  add_calibrated_noise(epsilon, noise, rng);
  const Eigen::VectorXd turned =
      root * Eigen::Map<const Eigen::VectorXf>(noise.data(), static_cast<Eigen::Index>(noise.size())).cast<double>();
  for (std::size_t k = 0; k < vector.size(); ++k) vector[k] += static_cast<float>(turned[static_cast<Eigen::Index>(k)]);
}

}  // namespace
}  // namespace mitigate

void register_perturbation_mahalanobis(core::Registry& registry) {
  registry.add({.kind = "perturbation",
                .name = "mahalanobis",
                .summary = "Noise on the vector that follows the vectors' covariance; then the nearest word",
                .reference = "Xu et al. 2020",
                .fields = mitigate::mahalanobis_fields().info(),
                .make = mitigate::MakePerturbation([](const mitigate::WordSpace& space, double epsilon,
                                                      const core::Config& config) -> std::unique_ptr<mitigate::Perturbation> {
                  const double lambda = mitigate::mahalanobis_fields().parse(config).lambda;
                  return std::make_unique<mitigate::NoisyVector>(
                      space,
                      [epsilon, root = mitigate::root_of_covariance(space, lambda)](std::span<float> vector,
                                                                                    core::SecureRng& rng) {
                        mitigate::add_elliptic_noise(root, epsilon, vector, rng);
                      },
                      [](std::span<const float> distances, core::SecureRng&) { return mitigate::nearest_word(distances); },
                      fmt::format("its noisy vector, and so its replacement, is {} d-private (metric differential privacy) in "
                                  "the Mahalanobis distance d(w, w') = |S^(-1/2)(w - w')|, S = {} cov + {} I, which is not the "
                                  "Euclidean one",
                                  epsilon, lambda, 1 - lambda));
                })});
}

}  // namespace discreet
