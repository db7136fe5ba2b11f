// The federated engine: trainers against each other, sums, personal models, LoRA.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <numeric>

#include "discreet/core/registry.h"
#include "discreet/federated/engine/round.h"
#include "discreet/nn/adapt.h"
#include "discreet/nn/layers/linear.h"
#include "discreet/nn/model.h"
#include "discreet/nn/stacked/model.h"
#include "tests/dp/tensor_registry.h"

namespace discreet::federated {
namespace {

constexpr std::int64_t kWords = 50, kClasses = 4, kClients = 6;

nn::ModelSpec engine_spec(const std::string& kind = "bow") {
  nn::ModelSpec spec;
  spec.kind = kind;
  spec.embedding = 8;
  spec.hidden = {12};
  return spec;
}

std::shared_ptr<nn::Model> engine_model(const nn::ModelSpec& spec) {
  dp::tensor_registry();
  core::ReproducibleRng rng(3, "parameters");
  return nn::make_model(spec, {.vocabulary = kWords, .intents = kClasses}, {}, rng);
}

/// Examples of 1 to 9 words; client k has every kClients-th of them.
std::shared_ptr<nn::EncodedExamples> engine_data(std::int64_t examples = 60) {
  core::ReproducibleRng rng(5, "data");
  auto data = std::make_shared<nn::EncodedExamples>();
  for (std::int64_t e = 0; e < examples; ++e) {
    for (std::uint64_t left = 1 + rng.below(9); left > 0; --left) {
      data->tokens.push_back(static_cast<std::int64_t>(rng.below(kWords)));
    }
    data->offsets.push_back(static_cast<std::int64_t>(data->tokens.size()));
    data->intents.push_back(static_cast<std::int64_t>(rng.below(kClasses)));
  }
  return data;
}

std::vector<ClientJob> engine_jobs(std::int64_t examples = 60) {
  std::vector<ClientJob> jobs;
  for (std::int64_t k = 0; k < kClients; ++k) {
    ClientJob job{.client = k, .examples = {}, .weight = 1.0 / kClients};
    for (std::int64_t e = k; e < examples; e += kClients) job.examples.push_back(e);
    jobs.push_back(std::move(job));
  }
  return jobs;
}

struct Engine {
  explicit Engine(const LocalOptions& options, const std::string& kind = "bow", int threads = 1,
                  bool small = false, const std::function<void(nn::Model&)>& adapt = {})
      : data(engine_data()), runner(
                                 [kind, adapt] {
                                   auto model = engine_model(engine_spec(kind));
                                   if (adapt) adapt(*model);
                                   return model;
                                 },
                                 data, options, threads) {
    start.resize(static_cast<std::size_t>(runner.values()));
    runner.first().read(start);
    if (!small) return;
    nn::StackedSpec spec{.model = engine_spec(kind),
                         .sizes = {.vocabulary = kWords, .intents = kClasses},
                         .vectors = {},
                         .seeds = {1}};
    nn::StackedModel stacked(spec);
    runner.use_small(stacked.shape(), stacked.prepare(*data));
  }
  RoundResult run(const std::string& strategy = "fedavg", std::vector<ClientJob> jobs = engine_jobs()) {
    const auto server = make_strategy(strategy);
    const auto compressor = make_compressor("none");
    RoundRequest request{.round = 1, .start = start, .jobs = std::move(jobs), .all_clients = kClients};
    return runner.run(request, *server, *compressor, memories);
  }
  std::shared_ptr<nn::EncodedExamples> data;
  RoundRunner runner;
  ClientMemories memories;
  std::vector<float> start;
};

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    largest = std::max(largest, std::abs(a[i] - b[i]));
  }
  return largest;
}

LocalOptions local(const std::string& optimizer, double rate) {
  LocalOptions options;
  options.optimizer.kind = nn::parse_optimizer(optimizer);
  options.learning_rate = rate;
  options.batch_size = 4;
  options.epochs = 2;
  return options;
}

TEST(FederatedEngine, SmallTrainersDoWhatTheGeneralOneDoes) {
  for (const char* kind : {"bow", "lstm", "bilstm"}) {
    for (const char* optimizer : {"sgd", "momentum", "adam", "adamw"}) {
      LocalOptions options = local(optimizer, std::string(optimizer) == "sgd" ? 0.5 : 0.01);
      if (std::string(optimizer) == "momentum") {
        options.proximal = 0.1;
        options.gradient_clip = 0.05;
      }
      Engine general(options, kind), small(options, kind, 1, true);
      const RoundResult a = general.run(), b = small.run();
      EXPECT_LT(largest_difference(a.sum, b.sum), 2e-6) << kind << " " << optimizer;
      EXPECT_GT(largest_difference(a.sum, std::vector<double>(a.sum.size(), 0.0)), 1e-5);
      ASSERT_EQ(a.reports.size(), b.reports.size());
      for (std::size_t i = 0; i < a.reports.size(); ++i) {
        EXPECT_NEAR(a.reports[i].loss, b.reports[i].loss, 1e-5);
        EXPECT_EQ(a.reports[i].local_steps, b.reports[i].local_steps);
      }
    }
  }
}

TEST(FederatedEngine, ThreadsChangeNoBit) {
  for (const bool small : {false, true}) {
    Engine one(local("sgd", 0.5), "bow", 1, small), three(local("sgd", 0.5), "bow", 3, small);
    EXPECT_EQ(one.run().sum, three.run().sum);
    EXPECT_EQ(one.run().sum, one.run().sum);  // and nothing stays behind in the workers
  }
}

TEST(FederatedEngine, UpdatesInPiecesAreTheFlatOnes) {
  // A clip norm that never binds takes the way over flat vectors.
  Engine pieces(local("sgd", 0.5), "bow", 2, true), flat(local("sgd", 0.5), "bow", 2, true);
  const auto run = [](Engine& engine, const char* compression, double clip_norm) {
    const auto server = make_strategy("fedavg");
    const auto compressor = make_compressor(compression);
    RoundRequest request{.round = 1, .start = engine.start, .jobs = engine_jobs(), .clip_norm = clip_norm, .all_clients = kClients};
    return engine.runner.run(request, *server, *compressor, engine.memories);
  };
  for (const char* compression : {"none", "runs"}) {
    RoundResult a = run(pieces, compression, 0);
    const RoundResult b = run(flat, compression, 1e6);
    EXPECT_EQ(a.sum, b.sum);
    EXPECT_EQ(a.bytes_up, b.bytes_up);
    for (std::size_t i = 0; i < a.reports.size(); ++i) {
      EXPECT_NEAR(a.reports[i].squared_norm, b.reports[i].squared_norm, 1e-9 * b.reports[i].squared_norm);
    }
    const std::vector<double> before = a.sum;
    pieces.runner.recycle(std::move(a.sum));
    EXPECT_EQ(run(pieces, compression, 0).sum, before);
  }
  // The two ways one after the other in the same workers.
  EXPECT_EQ(run(flat, "none", 0).sum, run(pieces, "none", 1e6).sum);
}

TEST(FederatedEngine, EveryStrategyMovesTheModel) {
  for (const core::Entry* entry : core::registry().list("strategy")) {
    LocalOptions options = local("sgd", 0.5);
    options.ditto = entry->name == "ditto" ? 0.1 : 0;
    options.measure_loss = entry->name == "qfedavg";
    if (entry->name == "partial") options.personal = {"intent_head.*"};
    Engine engine(options);
    if (entry->name == "scaffold") engine.memories.server_control.assign(engine.start.size(), 0.0);
    const auto strategy = make_strategy(entry->name);
    const RoundResult result = engine.run(entry->name);
    std::vector<double> w(engine.start.begin(), engine.start.end());
    const std::vector<double> before = w;
    strategy->apply(w, result.sum, result.reports);
    EXPECT_EQ(result.reports.size(), kClients) << entry->name;
    EXPECT_GT(largest_difference(w, before), 1e-6) << entry->name;
    for (const double value : w) ASSERT_TRUE(std::isfinite(value)) << entry->name;
  }
}

TEST(FederatedEngine, EmptyAndHostileClientsAreDroppedAndTheMeanIsOfTheOthers) {
  Engine engine(local("sgd", 0.5));
  const RoundResult others = engine.run("fedavg", [] {
    auto jobs = engine_jobs();
    jobs.erase(jobs.begin());
    for (ClientJob& job : jobs) job.weight = 1.0 / (kClients - 1);
    return jobs;
  }());
  auto jobs = engine_jobs();
  jobs.front().examples.clear();
  const RoundResult result = engine.run("fedavg", jobs);
  EXPECT_EQ(result.dropped, std::vector<std::int64_t>{0});
  EXPECT_LT(largest_difference(result.sum, others.sum), 1e-9);
  // A rate that carries every update out of range: all are dropped, and the sum is zero.
  Engine wild(local("sgd", 1e30));
  const RoundResult none = wild.run();
  EXPECT_EQ(none.dropped.size(), kClients);
  for (const double value : none.sum) ASSERT_EQ(value, 0);
}

TEST(FederatedEngine, WhoAddsNoiseSendsItWhateverItHolds) {
  Engine wild(local("sgd", 1e30));  // every update is out of range
  auto jobs = engine_jobs();
  jobs.front().examples.clear();
  const auto server = make_strategy("fedavg");
  const auto compressor = make_compressor("none");
  RoundRequest request{.round = 1, .start = wild.start, .jobs = jobs, .clip_norm = 1, .alike = true, .all_clients = kClients};
  request.client_noise = [](std::int64_t client, std::span<float> update) {
    for (float& value : update) value += static_cast<float>(1 + client);
  };
  const RoundResult result = wild.runner.run(request, *server, *compressor, wild.memories);
  EXPECT_TRUE(result.dropped.empty());
  EXPECT_EQ(result.reports.size(), kClients);
  for (const double value : result.sum) ASSERT_EQ(value, 21);
}

TEST(FederatedEngine, ControlVariatesDivideByTheRatesOfTheSteps) {
  LocalOptions options = local("sgd", 0.5);
  options.schedule = {.kind = nn::ScheduleKind::kLinear};
  Engine engine(options);
  engine.memories.server_control.assign(engine.start.size(), 0.0);
  const RoundResult result = engine.run("scaffold");
  // Ten examples in batches of four, twice: rates .5 (1 - s/6), s = 0 … 5, sum 1.75.
  std::vector<double> mean(engine.start.size(), 0.0);
  for (const auto& [client, control] : engine.memories.control) {
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] -= 1.75 * double(control[i]) / kClients;
  }
  EXPECT_LT(largest_difference(mean, result.sum), 1e-6);
  EXPECT_GT(largest_difference(mean, std::vector<double>(mean.size(), 0.0)), 1e-3);
}

TEST(FederatedEngine, ControlVariatesAreMeansOfTheGradientsAsClipped) {
  LocalOptions options = local("sgd", 0.5);
  options.gradient_clip = 0.01;  // below all of them
  Engine engine(options);
  engine.memories.server_control.assign(engine.start.size(), 0.0);
  for (int round = 0; round < 3; ++round) engine.run("scaffold");
  for (const auto& [client, control] : engine.memories.control) {
    double squares = 0;
    for (const float value : control) squares += double(value) * value;
    EXPECT_LT(std::sqrt(squares), 0.01 * 1.001) << client;
    EXPECT_GT(std::sqrt(squares), 0.001) << client;
  }
}

TEST(FederatedEngine, FedNovaCountsStepsInRatesOfTheRound) {
  LocalOptions options = local("sgd", 0.5);
  options.schedule = {.kind = nn::ScheduleKind::kLinear};
  EXPECT_NEAR(Engine(options).run("fednova").reports[0].accumulation, 3.5, 1e-12);  // sum of 1 - s/6
  options.optimizer.kind = nn::OptimizerKind::kMomentum;
  options.optimizer.momentum = 0.5;
  // 1 - s/6 times (1 - .5^(s + 1)) / .5.
  EXPECT_NEAR(Engine(options).run("fednova").reports[0].accumulation, 1 + 5. / 6 * 1.5 + 4. / 6 * 1.75 + 3. / 6 * 1.875 +
                                                                          2. / 6 * 1.9375 + 1. / 6 * 1.96875, 1e-12);
}

TEST(FederatedEngine, TooFewUpdatesForKrumMoveNothing) {
  Engine engine(local("sgd", 0.5));
  auto jobs = engine_jobs();
  jobs.resize(4);
  const RoundResult result = engine.run("krum", jobs);
  EXPECT_EQ(result.reports.size(), 4u);
  for (const double value : result.sum) ASSERT_EQ(value, 0);
}

TEST(FederatedEngine, DataOfWhoIsNotSelectedChangeNothing) {
  Engine engine(local("sgd", 0.5)), other(local("sgd", 0.5));
  auto jobs = engine_jobs();
  jobs.pop_back();
  for (std::int64_t e = kClients - 1; e < 60; e += kClients) other.data->intents[static_cast<std::size_t>(e)] ^= 1;
  EXPECT_EQ(engine.run("fedavg", jobs).sum, other.run("fedavg", jobs).sum);
}

TEST(FederatedEngine, PersonalParametersStayAndGoOn) {
  LocalOptions options = local("sgd", 0.5);
  options.personal = {"intent_head.*"};
  Engine engine(options);
  const std::int64_t head = 12 * kClasses + kClasses;
  EXPECT_EQ(engine.runner.first().personal_values(), head);
  Engine whole(local("sgd", 0.5));
  EXPECT_EQ(engine.runner.values() + head, whole.runner.values());
  EXPECT_EQ(engine.run("partial").bytes_down, kClients * 4 * engine.runner.values());
  ASSERT_EQ(engine.memories.personal.size(), kClients);
  const std::vector<float> first = engine.memories.personal[0];
  EXPECT_NE(first, engine.memories.personal[1]);
  EXPECT_NE(first, engine.runner.personal_start());
  engine.run("partial");
  EXPECT_NE(first, engine.memories.personal[0]);  // goes on from where it was
}

TEST(FederatedEngine, DittosModelsStayNearerTheStrongerThePull) {
  const auto distance = [](double pull) {
    LocalOptions options = local("sgd", 0.5);
    options.ditto = pull;
    Engine engine(options);
    for (int round = 0; round < 3; ++round) engine.run("ditto");
    double sum = 0;
    for (std::size_t i = 0; i < engine.start.size(); ++i) {
      sum += std::pow(double(engine.memories.personal[0][i]) - engine.start[i], 2);
    }
    return std::sqrt(sum);
  };
  const double loose = distance(1e-6), tight = distance(1.5);
  EXPECT_GT(tight, 0);
  EXPECT_LT(tight, 0.5 * loose);
}

/// The weight that a LoRA layer amounts to.
at::Tensor merged(const nn::LinearImpl& layer) {
  return layer.weight.detach().to(at::kDouble) +
         layer.lora_scale() * at::mm(layer.lora_b.detach().to(at::kDouble), layer.lora_a.detach().to(at::kDouble));
}

/// Largest error of the server's merged weights against the mean of the clients' own.
double lora_error(bool exact, bool freeze_a) {
  LocalOptions options = local("sgd", 0.1);
  options.exact_lora = exact;
  const auto adapt = [&](nn::Model& model) {
    core::ReproducibleRng rng(7, "lora");
    nn::add_lora(model, {.rank = 2, .alpha = 4, .targets = {}}, rng);
    for (const auto& item : model.named_parameters()) {
      at::Tensor parameter = item.value();
      // B begins away from zero, so that products of means differ from means of products at once.
      if (item.key().ends_with(".lora_b")) {
        const at::NoGradGuard no_gradients;
        for (std::int64_t i = 0; i < parameter.numel(); ++i) parameter.data_ptr<float>()[i] = float(0.3 * rng.normal());
      }
      if (freeze_a && item.key().ends_with(".lora_a")) parameter.set_requires_grad(false);
    }
  };
  Engine engine(options, "bow", 1, false, adapt);
  std::vector<at::Tensor> mean;
  nn::Model& model = engine.runner.first().model();
  const auto layers = [&] {
    std::vector<at::Tensor> all;
    for (const auto& item : model.named_modules()) {
      const auto* layer = item.value()->as<nn::LinearImpl>();
      if (layer != nullptr && layer->lora_a.defined()) all.push_back(merged(*layer));
    }
    return all;
  };
  const auto jobs = engine_jobs();
  std::vector<float> difference(engine.start.size());
  for (const ClientJob& job : jobs) {
    engine.runner.first().train({.client = job.client, .round = 1, .examples = job.examples, .start = engine.start},
                                difference);
    const auto own = layers();
    for (std::size_t l = 0; l < own.size(); ++l) {
      if (mean.size() <= l) mean.push_back(at::zeros_like(own[l]));
      mean[l] += own[l] / double(kClients);
    }
  }
  const RoundResult result = engine.run();
  std::vector<double> w(engine.start.begin(), engine.start.end());
  const std::vector<double> before = w;
  make_strategy("fedavg")->apply(w, result.sum, result.reports);
  engine.runner.first().settle_lora(w, before);
  engine.runner.first().write(std::vector<float>(w.begin(), w.end()));
  double error = 0;
  const auto server = layers();
  for (std::size_t l = 0; l < server.size(); ++l) {
    error = std::max(error, (server[l] - mean[l]).abs().max().item<double>());
  }
  return error;
}

TEST(FederatedEngine, LoraIsExactWithResidualsOrAFixedAAndInexactWithout) {
  EXPECT_LT(lora_error(true, false), 1e-6);
  EXPECT_LT(lora_error(false, true), 1e-6);
  EXPECT_GT(lora_error(false, false), 1e-4);
}

TEST(FederatedEngine, ClippedUpdatesOfClientsWithNoiseOfTheirOwn) {
  Engine engine(local("sgd", 0.5));
  const auto server = make_strategy("fedavg");
  const auto compressor = make_compressor("int8");
  std::atomic<int> noised{0};
  RoundRequest request{.round = 1, .start = engine.start, .jobs = engine_jobs(), .clip_norm = 0.01, .alike = true};
  request.client_noise = [&](std::int64_t, std::span<float> update) {
    double squares = 0;
    for (const float value : update) squares += double(value) * value;
    EXPECT_LE(std::sqrt(squares), 0.01);  // after rounding to eight bits: what arrives is bounded
    EXPECT_GT(std::sqrt(squares), 0.009);
    ++noised;
  };
  const RoundResult result = engine.runner.run(request, *server, *compressor, engine.memories);
  EXPECT_EQ(noised, kClients);
  EXPECT_EQ(result.clipped, kClients);
  EXPECT_EQ(result.below, -0.5 * kClients);
}

TEST(FederatedEngine, UnderOneDrawAllClientsSendTheSamePlaces) {
  Engine engine(local("sgd", 0.5));
  const auto server = make_strategy("fedavg");
  const auto compressor = make_compressor("rand-k", {.share = 0.1});
  RoundRequest request{.round = 1, .start = engine.start, .jobs = engine_jobs()};
  const auto places = [&](bool one_draw) {
    request.one_draw = one_draw;
    const RoundResult result = engine.runner.run(request, *server, *compressor, engine.memories);
    return std::count_if(result.sum.begin(), result.sum.end(), [](double value) { return value != 0; });
  };
  const auto share = static_cast<std::int64_t>(engine.start.size() / 10 + 1);
  EXPECT_LE(places(true), share);
  EXPECT_GT(places(false), 2 * share);  // each its own: some of them overlap
}

TEST(FederatedEngine, ClientsOfASourceAreMadeWhenTheyTrain) {
  Engine engine(local("sgd", 0.5), "bow", 2, true), places(local("sgd", 0.5), "bow", 1, true);
  const auto all = engine_data();
  engine.runner.set_source([&](std::int64_t client) {
    auto own = std::make_shared<nn::EncodedExamples>();
    for (std::int64_t e = client; e < 60; e += kClients) {
      own->tokens.insert(own->tokens.end(), all->tokens.begin() + all->offsets[e], all->tokens.begin() + all->offsets[e + 1]);
      own->offsets.push_back(static_cast<std::int64_t>(own->tokens.size()));
      own->intents.push_back(all->intents[e]);
    }
    return own;
  });
  auto jobs = engine_jobs();
  for (ClientJob& job : jobs) job.examples.clear();
  EXPECT_EQ(engine.run("fedavg", jobs).sum, places.run().sum);
}

TEST(FederatedEngine, SketchesKeepInnerProductsOnAverage) {
  Engine engine(local("sgd", 0.5));
  std::vector<std::int64_t> examples(60);
  std::iota(examples.begin(), examples.end(), 0);
  std::vector<float> gradient(engine.start.size()), mean(engine.start.size());
  engine.runner.first().gradient(engine.start, examples, mean);
  const auto sketches = engine.runner.first().gradient_sketches(engine.start, examples, 512);
  double squares = 0, sketched = 0;
  for (std::int64_t e = 0; e < 60; ++e) {
    engine.runner.first().gradient(engine.start, std::span(examples).subspan(static_cast<std::size_t>(e), 1), gradient);
    for (const float value : gradient) squares += double(value) * value;
  }
  for (const float value : sketches) sketched += double(value) * value;
  EXPECT_NEAR(sketched / squares, 1, 0.3);
  const auto found = engine.runner.client_gradients(engine.start, engine_jobs(), 16);
  EXPECT_EQ(found.sketches.size(), kClients * 16u);
  EXPECT_EQ(found.norms.size(), std::size_t(kClients));
  double norm = 0;
  for (const float value : mean) norm += double(value) * value;
  EXPECT_GT(norm, 0);
}

}  // namespace
}  // namespace discreet::federated
