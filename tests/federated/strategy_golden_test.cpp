// Three rounds of every server strategy, and of what clients and servers do around them; values
// computed in double precision by an independent program.
#include <gtest/gtest.h>

#include <cmath>

#include "discreet/core/random.h"
#include "discreet/core/registry.h"
#include "discreet/federated/clipping.h"
#include "discreet/federated/fixed_point.h"
#include "discreet/federated/strategy.h"

namespace discreet::federated {
namespace {

using Vector = std::vector<double>;

const std::vector<Vector> kRounds = {{0.5, -1, 0.25}, {0.25, 0.5, -0.125}, {-0.5, 0.1, 0.0}};

void expect_close(const Vector& got, const Vector& want, double tolerance = 1e-9) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_NEAR(got[i], want[i], tolerance * std::max(1.0, std::abs(want[i]))) << i;
  }
}

/// w after each of the three rounds.
std::vector<Vector> run(ServerStrategy& strategy) {
  Vector w(3, 0.0);
  std::vector<Vector> after;
  for (const Vector& aggregate : kRounds) {
    strategy.apply(w, aggregate, {});
    after.push_back(w);
  }
  return after;
}

struct AdaptiveCase {
  const char* name;
  const char* initial_v;
  const char* bias;
  double beta1;
  double rate;
  std::vector<Vector> expected;
};

TEST(AdaptiveStrategies, ReferenceValues) {
  const std::vector<AdaptiveCase> cases = {
      {"fedadam", "zero", "none", 0.9, 0.1,
       {{0.09803921569, -0.09900990099, 0.09615384615}, {0.2215447031, -0.1346112518, 0.1308293265}, {0.2387346191, -0.157774357, 0.1621890005}}},
      {"fedadam", "tau2", "none", 0.9, 0.1,
       {{0.09802019012, -0.09900504888, 0.09608070595}, {0.2215065026, -0.1346050054, 0.1307350401}, {0.2386949412, -0.1577672107, 0.1620755933}}},
      {"fedadam", "zero", "textbook", 0.9, 0.1,
       {{0.09803921569, -0.09900990099, 0.09615384615}, {0.1897370737, -0.1254424724, 0.121898996}, {0.2006688315, -0.140172821, 0.1418418717}}},
      {"fedadam", "zero", "shifted", 0.9, 0.1,
       {{0.07279017533, -0.07351087014, 0.07139036427}, {0.1513322735, -0.09615119853, 0.09344189447}, {0.1612545581, -0.1095213, 0.1115431818}}},
      {"fedyogi", "zero", "none", 0.9, 0.01,
       {{0.009803921569, -0.009900990099, 0.009615384615}, {0.02210583886, -0.01344698254, 0.01306951467}, {0.02381636517, -0.01576107035, 0.01617823171}}},
      {"fedyogi", "tau2", "none", 0.9, 0.01,
       {{0.0098019998, -0.009900499988, 0.009607996803}, {0.02210198383, -0.01344635186, 0.01305999457}, {0.02381236012, -0.01576034719, 0.01616679256}}},
      {"fedadagrad", "zero", "none", 0.0, 0.1,
       {{0.0998003992, -0.0999000999, 0.09960159363}, {0.1444419016, -0.0552187046, 0.05503966368}, {0.07786400547, -0.04631792599, 0.05503966368}}},
      {"fedadagrad", "tau2", "none", 0.0, 0.1,
       {{0.0998002, -0.09990005, 0.0996008}, {0.1444416311, -0.05521867256, 0.05503915423}, {0.07786379407, -0.04631789747, 0.05503915423}}},
  };
  for (const AdaptiveCase& test : cases) {
    SCOPED_TRACE(std::string(test.name) + " " + test.initial_v + " " + test.bias);
    const auto strategy = make_strategy(test.name, {.server_learning_rate = test.rate, .beta1 = test.beta1, .initial_v = test.initial_v, .bias = test.bias});
    const auto after = run(*strategy);
    for (std::size_t r = 0; r < 3; ++r) expect_close(after[r], test.expected[r]);
  }
  const auto v = [](const char* name, double beta1) {
    const auto strategy = make_strategy(name, {.beta1 = beta1, .initial_v = "zero"});
    run(*strategy);
    return strategy->state().vectors.at("second_moment");
  };
  expect_close(v("fedadam", 0.9), {0.005569, 0.012376, 0.00076725});
  expect_close(v("fedyogi", 0.9), {0.005625, 0.0124, 0.00078125});
  expect_close(v("fedadagrad", 0), {0.5625, 1.26, 0.078125});
}

TEST(Momentum, ReferenceValues) {
  const auto avgm = make_strategy("fedavgm");
  const auto after = run(*avgm);
  expect_close(after[0], {0.5, -1, 0.25});
  expect_close(after[1], {1.2, -1.4, 0.35});
  expect_close(after[2], {1.33, -1.66, 0.44});
  // Nesterov: v = D, then w = 0.9 v + D of each round, summed by hand.
  const auto diloco = make_strategy("diloco");
  expect_close(run(*diloco)[1], {0.5 * 1.9 + 0.9 * 0.7 + 0.25, -1.9 + 0.9 * -0.4 + 0.5, 0.25 * 1.9 + 0.9 * 0.1 - 0.125});
}

TEST(EveryStrategy, StateComesBackFromACheckpoint) {
  for (const auto* entry : core::registry().list("strategy")) {
    const ClientReport report{.weight = 1, .local_steps = 2, .accumulation = 2, .squared_norm = 1, .loss = 0.5};
    const std::vector<ClientReport> round = {report};
    Vector whole(3, 0.0), parts(3, 0.0);
    const auto a = make_strategy(entry->name);
    auto b = make_strategy(entry->name);
    for (std::size_t r = 0; r < 3; ++r) {
      a->apply(whole, kRounds[r], round);
      b->apply(parts, kRounds[r], round);
      const auto state = b->state();
      b = make_strategy(entry->name);
      b->restore(state);
    }
    EXPECT_EQ(whole, parts) << entry->name;
  }
}

/// Differences through factor, sum and apply, as a round does it.
Vector one_round(ServerStrategy& strategy, Vector w, const std::vector<Vector>& differences, std::span<const ClientReport> reports) {
  Vector sum(w.size(), 0.0);
  for (std::size_t k = 0; k < differences.size(); ++k) {
    const double factor = strategy.factor(reports[k], reports);
    for (std::size_t i = 0; i < w.size(); ++i) sum[i] += factor * differences[k][i];
  }
  strategy.apply(w, sum, reports);
  return w;
}

TEST(FedNova, ReferenceValues) {
  const std::vector<Vector> differences = {{0.6, -0.2}, {-0.1, 0.9}};
  std::vector<ClientReport> reports = {{.weight = 0.75, .accumulation = nova_accumulation(2, 0)}, {.weight = 0.25, .accumulation = nova_accumulation(5, 0)}};
  expect_close(one_round(*make_strategy("fednova"), {1, -1}, differences, reports), {1.605, -1.0825});
  expect_close(one_round(*make_strategy("fedavg"), {1, -1}, differences, reports), {1.425, -0.925});
  EXPECT_NEAR(nova_accumulation(2, 0.9), 2.9, 1e-12);
  EXPECT_NEAR(nova_accumulation(5, 0.9), 13.1441, 1e-10);
  reports[0].accumulation = nova_accumulation(2, 0.9);
  reports[1].accumulation = nova_accumulation(5, 0.9);
  expect_close(one_round(*make_strategy("fednova"), {1, -1}, differences, reports), {1.837013594, -1.188985277});
  EXPECT_NEAR(nova_accumulation_proximal(3, 1e-9), 3, 1e-6);
  // Equal numbers of steps: FedAvg.
  for (ClientReport& report : reports) report.accumulation = 3;
  expect_close(one_round(*make_strategy("fednova"), {1, -1}, differences, reports), {1.425, -0.925});
}

TEST(Asynchronous, ReferenceValues) {
  const std::vector<ClientReport> lags = {{.lag = 0}, {.lag = 3}, {.lag = 8}};
  expect_close(one_round(*make_strategy("fedbuff"), {1, 1}, {{1, 0}, {0, 1}, {1, 1}}, lags), {1.444444444, 1.277777778});
  const auto fedasync = make_strategy("fedasync");
  Vector w = {0};
  const Vector models = {1, 1, -1}, expected = {0.6, 0.72, 0.376};
  for (std::size_t k = 0; k < 3; ++k) {
    w = one_round(*fedasync, w, {{models[k] - w[0]}}, std::span(lags).subspan(k, 1));
    EXPECT_NEAR(w[0], expected[k], 1e-12);
  }
}

/// Two clients with losses (w - 0)^2 / 2 and 3 (w - 2)^2 / 2, three full-gradient steps of .1.
struct Quadratics {
  static double gradient(std::size_t client, double w) { return client == 0 ? w : 3 * (w - 2); }
};

TEST(Scaffold, ReferenceValues) {
  for (const int option : {1, 2}) {
    Vector w = {1}, c = {0}, control[2] = {{0}, {0}};
    const auto strategy = make_strategy("scaffold");
    std::vector<Vector> trace;
    for (int round = 1; round <= 4000; ++round) {
      std::vector<Vector> differences;
      Vector change = {0};
      for (std::size_t k = 0; k < 2; ++k) {
        Vector y = w;
        for (int step = 0; step < 3; ++step) {
          Vector g = {Quadratics::gradient(k, y[0])};
          scaffold::correct(g, control[k], c);
          y[0] -= 0.1 * g[0];
        }
        const Vector fresh = option == 1 ? Vector{Quadratics::gradient(k, w[0])} : scaffold::new_control(control[k], c, w, y, 3 * 0.1);
        change[0] += fresh[0] - control[k][0];
        control[k] = fresh;
        differences.push_back({y[0] - w[0]});
      }
      const std::vector<ClientReport> reports = {{.weight = 0.5}, {.weight = 0.5}};
      w = one_round(*strategy, w, differences, reports);
      scaffold::move_server_control(c, change, 2);
      trace.push_back({w[0], c[0], control[0][0], control[1][0]});
    }
    if (option == 1) {
      expect_close(trace[0], {1.193, -1, 1, -3});
      expect_close(trace[1], {1.348448, -0.614, 1.193, -2.421});
    } else {
      expect_close(trace[0], {1.193, -0.6433333333, 0.9033333333, -2.19});
      expect_close(trace[1], {1.336661333, -0.4788711111, 1.227187778, -2.18493});
    }
    EXPECT_NEAR(trace.back()[0], 1.5, 1e-9);
  }
}

TEST(FedProx, ReferenceValues) {
  Vector gradient = {0.2, -0.4, 1};
  add_proximal_gradient(gradient, Vector{1, 2, -1}, Vector{0.5, 2.5, 0}, 0.1);
  expect_close(gradient, {0.25, -0.45, 0.9});
  // Minimiser of (w - 3)^2 + (w - 1)^2 / 4.
  Vector w = {0};
  for (int i = 0; i < 400; ++i) {
    Vector g = {2 * (w[0] - 3)};
    add_proximal_gradient(g, w, Vector{1}, 0.5);
    w[0] -= 0.1 * g[0];
  }
  EXPECT_NEAR(w[0], 2.6, 1e-12);
}

TEST(QFedAvg, IsFedAvgAtZeroAndFavoursHighLosses) {
  const std::vector<Vector> differences = {{1, 0}, {0, 1}};
  std::vector<ClientReport> reports = {{.weight = 0.5, .squared_norm = 1, .loss = 4}, {.weight = 0.5, .squared_norm = 1, .loss = 1}};
  expect_close(one_round(*make_strategy("qfedavg", {.fairness = 0, .lipschitz = 10}), {0, 0}, differences, reports), {0.5, 0.5});
  // q = 1, L = 1: numerators 4 and 1, h = (1 + 4) + (1 + 1).
  expect_close(one_round(*make_strategy("qfedavg", {.fairness = 1, .lipschitz = 1}), {0, 0}, differences, reports), {4. / 7, 1. / 7});
}

TEST(FedExp, StepsLongerWhereClientsDisagree) {
  const std::vector<Vector> differences = {{1, 0}, {0, 1}, {-1, 0}, {0, 1}};
  std::vector<ClientReport> reports(4, {.weight = 0.25, .squared_norm = 1});
  // |mean|^2 = .25; 4 / (2 * 4 * (.25 + .001)) = 1.992.
  expect_close(one_round(*make_strategy("fedexp"), {0, 0}, differences, reports), {0, 0.5 * 0.5 / 0.251});
  for (ClientReport& report : reports) report.squared_norm = 0.01;
  expect_close(one_round(*make_strategy("fedexp"), {0, 0}, differences, reports), {0, 0.5});
}

TEST(RobustStrategies, AHostileUpdateDoesNotWin) {
  const std::vector<std::vector<float>> updates = {{1, 1}, {1.1f, 0.9f}, {0.9f, 1.1f}, {1, 1.05f}, {-1000, 1000}};
  std::vector<std::span<const float>> spans(updates.begin(), updates.end());
  for (const char* name : {"median", "trimmed-mean", "krum"}) {
    const auto strategy = make_strategy(name, {.trim = 0.2, .hostile = 1});
    EXPECT_TRUE(strategy->needs_each());
    const auto combined = strategy->combine(spans, {});
    EXPECT_NEAR(combined[0], 1, 0.11) << name;
    EXPECT_NEAR(combined[1], 1, 0.11) << name;
  }
  const auto median = make_strategy("median");
  expect_close(median->combine(std::span(spans).first(4), {}), {1, 1.025}, 1e-6);
  EXPECT_EQ(make_strategy("krum", {.hostile = 1})->least_updates(), 5);
  EXPECT_THROW(make_strategy("krum", {.hostile = 2})->combine(spans, {}), Error);
  EXPECT_THROW(make_strategy("fedavg")->combine(spans, {}), Error);
}

TEST(AdaptiveClipping, TracksTheMedianFromBothSides) {
  const Vector norms = {0.5, 1, 2, 4, 8};
  const auto run_from = [&](double start, int steps) {
    AdaptiveClip clip(start);
    Vector trace;
    for (int t = 0; t < steps; ++t) {
      double count = 0;
      for (const double norm : norms) count += clip.count_of(norm);
      clip.move(count, 5);
      trace.push_back(clip.clip_norm());
    }
    return trace;
  };
  const Vector up = run_from(0.1, 60);
  expect_close({up.begin(), up.begin() + 5}, {0.1105170918, 0.1221402758, 0.1349858808, 0.1491824698, 0.1648721271});
  EXPECT_NEAR(up[19], 0.6553504862, 1e-9);
  EXPECT_LE(up[53], 1.8);
  EXPECT_GT(up[54], 1.8);
  const Vector down = run_from(20, 60);
  for (int t = 54; t < 60; ++t) {
    EXPECT_NEAR(down[static_cast<std::size_t>(t)], t % 2 == 0 ? 2.005176874 : 1.965471712, 2e-9);
  }
  AdaptiveClip empty(1);
  EXPECT_DOUBLE_EQ(empty.move(0, 5), 0.5);  // nobody came, no noise: nothing moves
  EXPECT_DOUBLE_EQ(empty.clip_norm(), 1);
}

TEST(Clipping, SplitNoiseAndZeroUpdates) {
  EXPECT_NEAR(split_noise(1, 5), 1.005037815, 1e-9);
  EXPECT_THROW(split_noise(1, 0.5), Error);
  std::vector<float> zero(4, 0.0f);
  EXPECT_EQ(clip_update(zero, 1), 0);
  EXPECT_EQ(zero, std::vector<float>(4, 0.0f));
  std::vector<float> update = {3, 4};
  EXPECT_DOUBLE_EQ(clip_update(update, 1), 5);
  EXPECT_LE(std::hypot(update[0], update[1]), 1);
  EXPECT_NEAR(update[0], 0.6, 1e-6);
  std::vector<float> broken = {1, NAN};
  EXPECT_TRUE(std::isinf(clip_update(broken, 1)));
  EXPECT_EQ(broken, std::vector<float>(2, 0.0f));
}

TEST(FixedPoint, AnyOrderAndAnyGroupingGiveTheSameBits) {
  core::ReproducibleRng rng(1, "updates");
  std::vector<std::vector<float>> updates(40, std::vector<float>(33));
  for (auto& update : updates) {
    for (float& value : update) value = static_cast<float>(rng.normal() * std::pow(10, rng.normal()));
  }
  FixedPointSum forward(33, 40), backward(33, 40), left(33, 40), right(33, 40);
  Vector plain(33, 0.0);
  for (std::size_t k = 0; k < 40; ++k) {
    const double factor = 1.0 / (3 + double(k));
    EXPECT_TRUE(forward.add(updates[k], factor));
    EXPECT_TRUE(backward.add(updates[39 - k], 1.0 / (3 + double(39 - k))));
    EXPECT_TRUE((k % 3 == 0 ? left : right).add(updates[k], factor));
    for (std::size_t i = 0; i < 33; ++i) plain[i] += factor * double(updates[k][i]);
  }
  right.merge(left);
  EXPECT_EQ(forward.values(), backward.values());
  EXPECT_EQ(forward.values(), right.values());
  expect_close(forward.values(), plain, 1e-10);
  FixedPointSum sum(2, 4);
  EXPECT_FALSE(sum.add(std::vector<float>{NAN, 1}, 1));
  EXPECT_FALSE(sum.add(std::vector<float>{1, INFINITY}, 1));
  EXPECT_FALSE(sum.add(std::vector<float>{1e12f, 1}, 1));
  EXPECT_EQ(sum.terms(), 0);
  EXPECT_EQ(sum.values(), (Vector{0, 0}));
}

}  // namespace
}  // namespace discreet::federated
