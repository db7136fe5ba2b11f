#include "discreet/privacy/matrix_mechanism.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <functional>

#include "discreet/core/error.h"
#include "discreet/privacy/accountant.h"
#include "discreet/privacy/event.h"

namespace discreet::privacy {
namespace {

using Rows = std::vector<std::vector<double>>;

Rows rows_of(const NoiseStrategy& strategy) {
  const std::vector<double> dense = strategy.matrix();
  const auto n = static_cast<std::size_t>(strategy.steps());
  Rows rows;
  for (std::size_t i = 0; i < dense.size(); i += n)
    rows.emplace_back(dense.begin() + i, dense.begin() + i + n);
  return rows;
}

/// The largest norm of a sum of columns over all patterns: with contributions that all point one
/// way, which is the worst where no two columns have a negative product.
double brute_force_sensitivity(const NoiseStrategy& strategy, const Participation& participation) {
  const Rows rows = rows_of(strategy);
  const std::int64_t n = strategy.steps();
  double worst = 0;
  std::vector<std::int64_t> pattern;
  const std::function<void(std::int64_t)> extend = [&](std::int64_t from) {
    double squares = 0;
    for (const auto& row : rows) {
      double sum = 0;
      for (const std::int64_t t : pattern) sum += row[static_cast<std::size_t>(t)];
      squares += sum * sum;
    }
    worst = std::max(worst, std::sqrt(squares));
    if (static_cast<std::int64_t>(pattern.size()) == participation.most) return;
    for (std::int64_t t = from; t < n; ++t) {
      pattern.push_back(t);
      extend(t + participation.separation);
      pattern.pop_back();
    }
  };
  extend(0);
  return worst;
}

/// Noise of every step as weights of every draw: [steps][steps * draws], draw i of step t at t *
/// draws + i.
Rows noise_weights(const NoiseStrategy& strategy) {
  const std::int64_t n = strategy.steps(), draws = strategy.draws();
  Rows weights(static_cast<std::size_t>(n),
               std::vector<double>(static_cast<std::size_t>(n * draws)));
  for (std::int64_t impulse = 0; impulse < n * draws; ++impulse) {
    std::vector<float> past(static_cast<std::size_t>(strategy.memory()), 0.0F), out(1);
    for (std::int64_t t = 0; t < n; ++t) {
      out[0] = 0;
      strategy.next(t, out, past.data(), 1, [&](std::int64_t i, std::span<float> row) {
        row[0] += t * draws + i == impulse ? 1.0F : 0.0F;
      });
      weights[static_cast<std::size_t>(t)][static_cast<std::size_t>(impulse)] = out[0];
    }
  }
  return weights;
}

/// 1, 1/2, 3/8 with columns of norm 1, as in the note on why the distance matters.
BandedStrategy three_bands(std::int64_t steps) { return {steps, square_root_bands(3)}; }

TEST(BandedStrategy, FourColumnsThreeApartHaveNormTwoAndCloserOnesMore) {
  const BandedStrategy strategy = three_bands(30);
  EXPECT_NEAR(brute_force_sensitivity(strategy, {4, 3}), 2.0, 1e-12);
  EXPECT_DOUBLE_EQ(strategy.sensitivity({4, 3}), 2.0);
  double squares = 0;
  for (const auto& row : rows_of(strategy)) {
    const double sum = row[0] + row[2] + row[4] + row[6];
    squares += sum * sum;
  }
  EXPECT_NEAR(std::sqrt(squares), 2.37, 5e-3);
  EXPECT_GE(brute_force_sensitivity(strategy, {4, 2}), std::sqrt(squares));
  try {
    strategy.sensitivity({4, 2});
    ADD_FAILURE() << "a void bound was given";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kPrivacyRefused);
  }
  EXPECT_DOUBLE_EQ(strategy.sensitivity({1, 1}), 1.0);
}

TEST(Strategies, NoPatternExceedsTheBound) {
  for (std::int64_t n : {1, 2, 5, 8, 11}) {
    for (std::int64_t most : {1, 2, 3}) {
      for (std::int64_t separation : {1, 2, 3, 4}) {
        const Participation pattern{most, separation};
        for (const std::int64_t restart : {0, 3, 4}) {
          const TreeStrategy tree(n, restart == 3, restart);
          const double exact = brute_force_sensitivity(tree, pattern);
          EXPECT_LE(exact, tree.sensitivity(pattern) + 1e-12)
              << n << " " << most << " " << separation;
          if (most == 1) {
            EXPECT_NEAR(exact, tree.sensitivity(pattern), 1e-12);
          }
        }
        if (most > 1 && separation < 3) continue;
        const BandedStrategy banded = three_bands(n);
        EXPECT_LE(brute_force_sensitivity(banded, pattern), banded.sensitivity(pattern) + 1e-12);
        if (n <= separation * (most - 1)) continue;
        EXPECT_NEAR(brute_force_sensitivity(banded, pattern), banded.sensitivity(pattern), 1e-12);
      }
    }
  }
}

TEST(BandedStrategy, ItsNoiseIsTheInverse) {
  const BandedStrategy strategy(9, optimal_bands(9, 4));
  const Rows c = rows_of(strategy), noise = noise_weights(strategy);
  for (std::size_t i = 0; i < 9; ++i) {
    for (std::size_t j = 0; j < 9; ++j) {
      double product = 0;
      for (std::size_t k = 0; k < 9; ++k) product += c[i][k] * noise[k][j];
      EXPECT_NEAR(product, i == j ? 1 : 0, 1e-6) << i << "," << j;
    }
  }
}

/// A prefix's noise must be made of node sums that add up to that prefix: then what is released is
/// the prefix of x plus noise, and nothing of x is left over.
TEST(TreeStrategy, ItsNoiseIsThatOfNodesWhichAddUpToThePrefix) {
  for (const bool honaker : {false, true}) {
    for (const std::int64_t restart : {0, 5}) {
      const TreeStrategy tree(13, honaker, restart);
      const Rows noise = noise_weights(tree);
      const std::int64_t span = restart > 0 ? restart : 13, draws = tree.draws();
      for (std::int64_t t = 0; t < 13; ++t) {
        std::vector<double> covered(13, 0.0);
        for (std::int64_t u = 0; u <= t; ++u) {
          for (std::int64_t i = 0; i < draws; ++i) {
            double weight = 0;
            for (std::int64_t s = 0; s <= t; ++s) {
              weight += noise[static_cast<std::size_t>(s)][static_cast<std::size_t>(u * draws + i)];
            }
            // Draw i of step u belongs to the node of level i that ends there; the plain tree draws
            // for the highest node alone.
            std::int64_t level = i;
            if (!honaker) level = std::countr_one(static_cast<std::uint64_t>(u % span));
            for (std::int64_t s = u - (std::int64_t{1} << level) + 1; weight != 0 && s <= u; ++s) {
              covered[static_cast<std::size_t>(s)] += weight;
            }
          }
        }
        for (std::int64_t s = 0; s < 13; ++s) {
          EXPECT_NEAR(covered[static_cast<std::size_t>(s)], s <= t ? 1 : 0, 1e-6)
              << honaker << restart << " prefix " << t << " step " << s;
        }
      }
    }
  }
}

TEST(Strategies, VariancesAreThoseOfTheNoise) {
  const BandedStrategy banded(12, optimal_bands(12, 4));
  const TreeStrategy plain(12, false), better(12, true, 5);
  for (const NoiseStrategy* strategy :
       std::initializer_list<const NoiseStrategy*>{&banded, &plain, &better}) {
    const Rows noise = noise_weights(*strategy);
    std::vector<double> sums(noise[0].size(), 0.0);
    const std::vector<double> prefixes = strategy->prefix_variances();
    for (std::size_t t = 0; t < 12; ++t) {
      double step = 0, prefix = 0;
      for (std::size_t i = 0; i < sums.size(); ++i) {
        step += noise[t][i] * noise[t][i];
        sums[i] += noise[t][i];
        prefix += sums[i] * sums[i];
      }
      EXPECT_NEAR(strategy->step_variance(static_cast<std::int64_t>(t)), step, 1e-5)
          << strategy->name() << t;
      EXPECT_NEAR(prefixes[t], prefix, 1e-5) << strategy->name() << t;
    }
  }
}

/// Without noise x comes back; and what is released is what passed through `release`, so that a row
/// that is rounded there is not seen finer anywhere.
TEST(Strategies, ReleaseNothingButWhatWasReleased) {
  const BandedStrategy banded(9, optimal_bands(9, 4)), alone(9, {1.0});
  const TreeStrategy plain(9, false), better(9, true, 5);
  for (const NoiseStrategy* strategy :
       std::initializer_list<const NoiseStrategy*>{&banded, &alone, &plain, &better}) {
    std::vector<float> past(static_cast<std::size_t>(strategy->memory()), 0.0F),
        hidden(past.size(), 0.0F);
    for (std::int64_t t = 0; t < 9; ++t) {
      std::vector<float> x{std::sin(static_cast<float>(t + 1))}, y = x;
      strategy->next(t, x, past.data(), 1, [](std::int64_t, std::span<float>) {});
      EXPECT_NEAR(x[0], std::sin(t + 1.0), 1e-5) << strategy->name() << t;
      strategy->next(t, y, hidden.data(), 1,
                     [](std::int64_t, std::span<float> row) { row[0] = 0; });
      EXPECT_EQ(y[0], 0) << strategy->name() << t;
    }
  }
}

TEST(TreeStrategy, PrefixVariancesOfEightSteps) {
  EXPECT_EQ(TreeStrategy(8, false).prefix_variances(),
            (std::vector<double>{1, 1, 2, 1, 2, 2, 3, 1}));
  const std::vector<double> expected{1,       2. / 3,   5. / 3,   4. / 7,
                                     11. / 7, 26. / 21, 47. / 21, 8. / 15};
  const std::vector<double> found = TreeStrategy(8, true).prefix_variances();
  for (std::size_t t = 0; t < 8; ++t) EXPECT_NEAR(found[t], expected[t], 1e-12);
}

/// Published bounds for one participation among 1,600 steps at delta 1e-6 (dp_accounting's test of
/// the tree's event), by the same accountant.
TEST(TreeStrategy, ReferenceEpsilons) {
  const TreeStrategy tree(1600, false);
  EXPECT_NEAR(tree.sensitivity({1, 1}), std::sqrt(11.0), 1e-12);
  for (const auto& [sigma, bound] : {std::pair{1.13, 19.74}, {8.83, 2.04}}) {
    const Event event = Event::gaussian(NoiseMultiplier(sigma / tree.sensitivity({1, 1})));
    const double epsilon = make_accountant("rdp")->epsilon(event, Delta(1e-6)).guarantee();
    EXPECT_LT(epsilon, bound);
    EXPECT_GT(epsilon, 0.85 * bound);
  }
}

TEST(Strategies, BandsBeatTreesAndTreesBeatIndependentNoise) {
  const std::int64_t n = 1024;
  for (const Participation pattern : {Participation{1, n}, Participation{8, n / 8}}) {
    const BandedStrategy independent(n, {1.0});
    const BandedStrategy banded(n, optimal_bands(n, 32));
    const double tree = std::min(prefix_rmse(TreeStrategy(n, false), pattern),
                                 prefix_rmse(TreeStrategy(n, false, n / 8), pattern));
    const double honaker = std::min(prefix_rmse(TreeStrategy(n, true), pattern),
                                    prefix_rmse(TreeStrategy(n, true, n / 8), pattern));
    EXPECT_LT(prefix_rmse(banded, pattern), honaker);
    EXPECT_LT(honaker, tree);
    EXPECT_LT(tree, prefix_rmse(independent, pattern));
    EXPECT_NEAR(prefix_rmse(independent, pattern),
                std::sqrt(static_cast<double>(pattern.most) * (n + 1) / 2), 1e-9);
  }
}

TEST(OptimalBands, BeatTheSquareRootAndAreAtAMinimum) {
  const std::int64_t n = 200;
  for (const std::int64_t bands : {2, 8, 32}) {
    const auto error = [&](std::vector<double> c) {
      return prefix_rmse(BandedStrategy(n, c), {1, 1});
    };
    const std::vector<double> best = optimal_bands(n, bands);
    EXPECT_LT(error(best), error(square_root_bands(bands)));
    EXPECT_EQ(best[0], 1);
    // The objective takes all columns as whole: its minimum is that of the error but for the last
    // ones.
    for (std::size_t i = 1; i < best.size(); i += 3) {
      for (const double change : {-0.05, 0.05}) {
        std::vector<double> moved = best;
        moved[i] += change;
        EXPECT_GT(error(moved), error(best) * (1 - 1e-3)) << bands << " " << i;
      }
    }
  }
  EXPECT_EQ(optimal_bands(10, 1), std::vector<double>{1});
  EXPECT_EQ(optimal_bands(3, 8).size(), 3U);
}

/// What the noise does to parameters that move with momentum: sum over s of a_{t-s} (noise of step
/// s).
TEST(OptimalBands, KnowMomentum) {
  const std::int64_t n = 150;
  const double momentum = 0.9;
  const auto error = [&](const std::vector<double>& c) {
    const Rows noise = noise_weights(BandedStrategy(n, c));
    double total = 0;
    std::vector<double> velocity(noise[0].size(), 0.0), place(noise[0].size(), 0.0);
    for (const auto& step : noise) {
      for (std::size_t i = 0; i < step.size(); ++i) {
        velocity[i] = momentum * velocity[i] + step[i];
        place[i] += velocity[i];
        total += place[i] * place[i];
      }
    }
    return total;
  };
  EXPECT_LT(error(optimal_bands(n, 16, momentum)), error(optimal_bands(n, 16)));
}

TEST(Strategies, RefuseWhatHasNoMeaning) {
  EXPECT_THROW(BandedStrategy(0, {1.0}), Error);
  EXPECT_THROW(BandedStrategy(4, {}), Error);
  EXPECT_THROW(BandedStrategy(4, {0.0, 1.0}), Error);
  EXPECT_THROW(TreeStrategy(0, false), Error);
  EXPECT_THROW(TreeStrategy(4, false).sensitivity({0, 1}), Error);
  EXPECT_THROW(three_bands(4).sensitivity({1, 0}), Error);
}

}  // namespace
}  // namespace discreet::privacy
