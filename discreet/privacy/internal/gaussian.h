#pragma once

namespace discreet::privacy::internal {

/// ln(1 - q + q exp(t)): the loss of a Gaussian on a Poisson sample of rate q where that of the Gaussian
/// alone is t. Without cancellation for q near 1.
double sampled_loss(double q, double t);
/// ln(exp(e) - 1 + q), minus infinity where that is no positive number: ln(q) less, the t of which
/// sampled_loss(q, t) is e.
double log_sampled_excess(double q, double e);

/// ln of the normal cdf, precise in the far lower tail.
double log_normal_cdf(double x);
/// ln(erfc(x)), precise for large x.
double log_erfc(double x);
/// ln(exp(a) + exp(b)).
double log_add(double a, double b);
/// ln(exp(a) - exp(b)) for a >= b.
double log_subtract(double a, double b);

/// delta(epsilon) of a mu-GDP mechanism: Phi(mu/2 - epsilon/mu) - exp(epsilon) Phi(-mu/2 -
/// epsilon/mu). mu 0 gives 0, mu infinity gives 1.
/// Ref: Balle and Wang 2018, Theorem 8; Dong, Roth and Su 2019, Corollary 2.13.
double gaussian_delta(double mu, double epsilon);
/// Smallest epsilon with gaussian_delta(mu, epsilon) <= delta, rounded up. delta 0 gives infinity
/// unless mu is 0.
double gaussian_epsilon(double mu, double delta);
/// The mu whose curve passes through (epsilon, delta), for delta in (0, 1); rounded down.
double gaussian_mu(double epsilon, double delta);

}  // namespace discreet::privacy::internal
