#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include <fmt/format.h>
#include <torch/headeronly/version.h>

#include "discreet/core/error.h"
#include "discreet/core/operation.h"
#include "discreet/core/registry.h"
#include "discreet/federated/engine/round.h"
#include "discreet/federated/selection.h"
#include "discreet/nn/gemm.h"
#include "discreet/nn/model.h"
#include "discreet/nn/stacked/model.h"

namespace discreet {
namespace app {
namespace {

/// A federation whose rounds are timed. Data are random: nothing is learned, everything is computed.
struct FederatedCase {
  std::string name, what;
  std::int64_t cohort, samples, batch;
  std::function<std::shared_ptr<nn::Model>()> make_model;
  std::shared_ptr<nn::EncodedExamples> data;  ///< Of all clients of the cohort, one after the other.
  nn::stacked::Shape shape{};                 ///< Of small trainers; no linear layer: there is none.
  std::shared_ptr<const nn::StackedData> small{};
  double flops = 0;  ///< Multiplications and additions of one client's round.
};

/// Examples whose one token is their own number: what a bench model looks its inputs up by.
std::shared_ptr<nn::EncodedExamples> numbered_examples(std::int64_t examples, std::int64_t classes) {
  core::ReproducibleRng rng(1, "bench-federated");
  auto data = std::make_shared<nn::EncodedExamples>();
  for (std::int64_t e = 0; e < examples; ++e) {
    data->tokens.push_back(e);
    data->offsets.push_back(e + 1);
    data->intents.push_back(static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(classes))));
  }
  return data;
}

std::shared_ptr<nn::EncodedExamples> word_examples(std::int64_t examples, std::int64_t words, std::int64_t vocabulary,
                                                   std::int64_t classes, bool next_token) {
  core::ReproducibleRng rng(1, "bench-federated");
  auto data = std::make_shared<nn::EncodedExamples>();
  for (std::int64_t e = 0; e < examples; ++e) {
    for (std::int64_t t = 0; t < words; ++t) {
      data->tokens.push_back(static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(vocabulary))));
      if (next_token) data->tags.push_back(static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(vocabulary))));
    }
    data->offsets.push_back(static_cast<std::int64_t>(data->tokens.size()));
    if (!next_token) data->intents.push_back(static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(classes))));
  }
  return data;
}

at::Tensor random_rows(std::int64_t rows, std::int64_t width) {
  core::ReproducibleRng rng(2, "bench-federated");
  at::Tensor values = at::empty({rows, width});
  float* to = values.data_ptr<float>();
  for (std::int64_t i = 0; i < rows * width; ++i) to[i] = static_cast<float>(rng.uniform());
  return values;
}

at::Tensor drawn(std::vector<std::int64_t> sizes, double deviation, core::ReproducibleRng& rng) {
  at::Tensor tensor = at::empty(sizes);
  float* to = tensor.data_ptr<float>();
  for (std::int64_t i = 0; i < tensor.numel(); ++i) to[i] = static_cast<float>(deviation * rng.normal());
  return tensor;
}

/// Models that are not of the product: inputs are rows of a table, layers those of the simulators that
/// the figures are compared with.
class BenchModel : public nn::Model {
 public:
  explicit BenchModel(at::Tensor inputs) : inputs_(std::move(inputs)) {}
  nn::ModelOutput compute(const nn::PackedBatch& batch) override {
    const at::Tensor logits = logits_of(inputs_.index_select(0, batch.tokens));
    nn::ModelOutput output;
    output.intent_logits = logits;
    output.loss = output.intent_loss =
        at::cross_entropy_loss(logits, batch.intent, {}, at::Reduction::None);
    return output;
  }
  nn::Prediction decode(const nn::PackedBatch&, const nn::ModelOutput&) override { return {}; }

 protected:
  virtual at::Tensor logits_of(const at::Tensor& x) = 0;

 private:
  at::Tensor inputs_;
};

class LinearBenchModel final : public BenchModel {
 public:
  LinearBenchModel(at::Tensor inputs, std::int64_t classes) : BenchModel(inputs) {
    core::ReproducibleRng rng(3, "bench-federated");
    weight_ = register_parameter("weight", drawn({classes, inputs.size(1)}, 0.01, rng));
    bias_ = register_parameter("bias", at::zeros({classes}));
  }

 protected:
  at::Tensor logits_of(const at::Tensor& x) override { return at::linear(x, weight_, bias_); }

 private:
  at::Tensor weight_, bias_;
};

/// Two convolutions of 3 x 3, 32 and 64 filters, a maximum over 2 x 2, 128 hidden units: 1,626,442
/// values on images of 3 x 32 x 32.
class ImageBenchModel final : public BenchModel {
 public:
  explicit ImageBenchModel(at::Tensor inputs) : BenchModel(inputs) {
    core::ReproducibleRng rng(3, "bench-federated");
    const auto layer = [&](const std::string& name, std::vector<std::int64_t> sizes, double deviation) {
      const std::int64_t out = sizes.front();
      weights_.push_back(register_parameter(name + "_weight", drawn(std::move(sizes), deviation, rng)));
      biases_.push_back(register_parameter(name + "_bias", at::zeros({out})));
    };
    layer("conv1", {32, 3, 3, 3}, 0.2);
    layer("conv2", {64, 32, 3, 3}, 0.06);
    layer("hidden", {128, 64 * 14 * 14}, 0.01);
    layer("head", {10, 128}, 0.1);
  }

 protected:
  at::Tensor logits_of(const at::Tensor& x) override {
    at::Tensor h = x.view({x.size(0), 3, 32, 32});
    h = at::relu(at::conv2d(h, weights_[0], biases_[0]));
    h = at::relu(at::conv2d(h, weights_[1], biases_[1]));
    h = at::max_pool2d(h, 2).flatten(1);
    h = at::relu(at::linear(h, weights_[2], biases_[2]));
    return at::linear(h, weights_[3], biases_[3]);
  }

 private:
  std::vector<at::Tensor> weights_, biases_;
};

FederatedCase linear_case() {
  FederatedCase c{.name = "linear", .what = "784 x 10", .cohort = 10, .samples = 60, .batch = 10};
  c.data = numbered_examples(c.cohort * c.samples, 10);
  const at::Tensor inputs = random_rows(c.cohort * c.samples, 784);
  c.make_model = [inputs] { return std::make_shared<LinearBenchModel>(inputs, 10); };
  c.shape.features = true;
  c.shape.width = 784;
  c.shape.linear = {{0, 1, 784, 10}};
  c.shape.sizes = {7840, 10};
  auto small = std::make_shared<nn::StackedData>();
  small->examples = *c.data;
  small->features = inputs;
  small->view = {.size = c.data->size(),
                 .tokens = small->examples.tokens.data(),
                 .offsets = small->examples.offsets.data(),
                 .labels = small->examples.intents.data(),
                 .features = inputs.const_data_ptr<float>()};
  c.small = small;
  c.flops = 4.0 * 7840 * static_cast<double>(c.samples);
  return c;
}

/// Bags of words and LSTMs, as nn/stacked has them.
FederatedCase words_case(FederatedCase c, const nn::ModelSpec& spec, std::int64_t vocabulary, std::int64_t classes,
                         std::int64_t words) {
  c.data = word_examples(c.cohort * c.samples, words, vocabulary, classes, false);
  const nn::ModelSizes sizes{.vocabulary = vocabulary, .intents = classes};
  c.make_model = [spec, sizes] {
    core::ReproducibleRng rng(3, "parameters");
    return nn::make_model(spec, sizes, {}, rng);
  };
  nn::StackedModel stacked({.model = spec, .sizes = sizes, .vectors = {}, .seeds = {3}});
  c.shape = stacked.shape();
  c.small = stacked.prepare(*c.data);
  const auto samples = static_cast<double>(c.samples);
  for (const auto& layer : c.shape.lstm) {
    for (const auto& d : layer) {
      c.flops += samples * static_cast<double>(words) * 6 * static_cast<double>(4 * d.hidden * (d.in + d.hidden));
    }
  }
  for (const auto& layer : c.shape.linear) c.flops += samples * 6 * static_cast<double>(layer.in * layer.out);
  return c;
}

FederatedCase bag_case() {
  nn::ModelSpec spec;
  spec.kind = "bow";
  spec.embedding = 64;
  return words_case({.name = "bag-of-words", .what = "10,000 x 64, 20 classes, 32 words", .cohort = 100, .samples = 20, .batch = 10},
                    spec, 10000, 20, 32);
}

FederatedCase lstm_case() {
  nn::ModelSpec spec;
  spec.kind = "lstm";
  spec.embedding = 8;
  spec.hidden = {256};
  spec.layers = 2;
  return words_case({.name = "lstm", .what = "80 characters x 8, 2 x 256, 80 classes, 80 characters; the mean of all states goes into the head",
                     .cohort = 10, .samples = 20, .batch = 4},
                    spec, 80, 80, 80);
}

FederatedCase image_case() {
  FederatedCase c{.name = "cnn", .what = "3 x 32 x 32, convolutions of 32 and 64, 128 hidden", .cohort = 50, .samples = 50, .batch = 10};
  c.data = numbered_examples(c.cohort * c.samples, 10);
  const at::Tensor inputs = random_rows(c.cohort * c.samples, 3072);
  c.make_model = [inputs] { return std::make_shared<ImageBenchModel>(inputs); };
  // The first convolution needs no gradient of its input.
  c.flops = static_cast<double>(c.samples) * (4.0 * 30 * 30 * 32 * 27 + 6.0 * 28 * 28 * 64 * 288 + 6.0 * (12544 * 128 + 1280));
  return c;
}

FederatedCase transformer_case() {
  FederatedCase c{.name = "transformer", .what = "V10,000 d96 L3 h8 ff1536, 20 words, output layer of its own",
                  .cohort = 20, .samples = 64, .batch = 16};
  nn::ModelSpec spec;
  spec.kind = "gpt";
  spec.hidden = {96};
  spec.layers = 3;
  spec.heads = 8;
  spec.feed_forward = 1536;
  spec.tied = false;
  spec.longest = 20;
  c.data = word_examples(c.cohort * c.samples, 20, 10000, 0, true);
  c.make_model = [spec] {
    core::ReproducibleRng rng(3, "parameters");
    return nn::make_model(spec, {.vocabulary = 10000, .next_token = true}, {}, rng);
  };
  const double weights = 3 * (4.0 * 96 * 96 + 2.0 * 96 * 1536) + 96.0 * 10000;
  c.flops = static_cast<double>(c.samples) * 20 * (6 * weights + 3 * 12.0 * 20 * 96);
  return c;
}

std::vector<federated::ClientJob> bench_jobs(const FederatedCase& c) {
  std::vector<federated::ClientJob> jobs;
  for (std::int64_t k = 0; k < c.cohort; ++k) {
    federated::ClientJob job{.client = k, .examples = {}, .weight = 1.0 / static_cast<double>(c.cohort)};
    for (std::int64_t e = 0; e < c.samples; ++e) job.examples.push_back(k * c.samples + e);
    jobs.push_back(std::move(job));
  }
  return jobs;
}

/// What a large product reaches on one thread of this machine.
double product_flops() {
  constexpr std::int64_t n = 512;
  std::vector<float> a(n * n, 0.5F), b(n * n, 0.25F), c(n * n);
  double best = 0;
  for (int i = 0; i < 10; ++i) {
    const auto started = std::chrono::steady_clock::now();
    nn::gemm<float>({n, n, n}, {a.data(), n}, {b.data(), n}, c.data(), n);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
    best = std::max(best, 2.0 * n * n * n / took.count());
  }
  return best;
}

struct BenchRounds {
  std::vector<double> ms;      ///< Per client, of each round.
  std::vector<double> cpu_ms;  ///< Of all threads.
  double overhead = 0;     ///< Share of the threads' time that clients did not work.
};

double process_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

BenchRounds time_rounds(federated::RoundRunner& runner, const std::vector<federated::ClientJob>& jobs, int threads,
                        int rounds, int warm_up) {
  std::vector<float> start(static_cast<std::size_t>(runner.values()));
  runner.first().read(start);
  std::vector<double> weights(start.begin(), start.end());
  const auto strategy = federated::make_strategy("fedavg");
  const auto compressor = federated::make_compressor("none");
  federated::ClientMemories memories;
  federated::RoundRequest request;
  request.jobs = jobs;
  request.all_clients = static_cast<std::int64_t>(jobs.size());
  BenchRounds timed;
  double all = 0, worked = 0;
  for (int round = 1; round <= rounds + warm_up; ++round) {
    const auto began = std::chrono::steady_clock::now();
    const double cpu_began = process_seconds();
    request.round = round;
    for (std::size_t i = 0; i < start.size(); ++i) start[i] = static_cast<float>(weights[i]);
    request.start = start;
    auto result = runner.run(request, *strategy, *compressor, memories);
    strategy->apply(weights, result.sum, result.reports);
    worked += round <= warm_up ? 0 : result.client_seconds;
    runner.recycle(std::move(result.sum));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    if (round <= warm_up) continue;
    timed.ms.push_back(1e3 * took.count() / static_cast<double>(jobs.size()));
    timed.cpu_ms.push_back(1e3 * (process_seconds() - cpu_began) / static_cast<double>(jobs.size()));
    all += took.count() * threads;
  }
  timed.overhead = all > 0 ? 1 - worked / all : 0;
  return timed;
}

Json timed_to_json(const BenchRounds& timed) {
  std::vector<double> sorted = timed.ms;
  std::ranges::sort(sorted);
  return {{"ms_per_client", sorted[sorted.size() / 2]},
          {"minimum_ms_per_client", sorted.front()},
          {"minimum_cpu_ms_per_client", std::ranges::min(timed.cpu_ms)},
          {"clients_per_second", 1e3 / sorted[sorted.size() / 2]},
          {"overhead_share", timed.overhead}};
}

void time_case(const FederatedCase& c, const Json& request, double peak, Json& results) {
  const int rounds = request.value("steps", 15), warm_up = request.value("warm_up", 3);
  const auto trainers = request.value("trainers", std::vector<std::string>{});
  for (const int threads : request.value("threads", std::vector<int>{1, 2})) {
    for (const bool small : {true, false}) {
      if (small && c.shape.linear.empty()) continue;
      if (!trainers.empty() && std::ranges::count(trainers, small ? "small" : "general") == 0) continue;
      federated::LocalOptions options;
      options.learning_rate = 0.03;
      options.batch_size = c.batch;
      federated::RoundRunner runner(c.make_model, c.data, options, threads);
      if (small) runner.use_small(c.shape, c.small);
      const BenchRounds timed = time_rounds(runner, bench_jobs(c), threads, rounds, warm_up);
      Json row = {{"case", c.name},       {"model", c.what},   {"values", runner.values()},
                  {"cohort", c.cohort},   {"samples", c.samples}, {"batch", c.batch},
                  {"trainer", small ? "small" : "general"}, {"threads", threads}};
      row.update(timed_to_json(timed));
      row["share_of_peak"] = c.flops / (1e-3 * row["minimum_ms_per_client"].get<double>()) / peak / threads;
      results.push_back(row);
    }
  }
}

/// Sizes by Zipf's law: client of rank r has total / (r^exponent sum) examples, one at least.
std::vector<double> zipf_sizes(std::int64_t clients, double examples, double exponent) {
  std::vector<double> sizes;
  double sum = 0;
  for (std::int64_t r = 1; r <= clients; ++r) sum += std::pow(static_cast<double>(r), -exponent);
  for (std::int64_t r = 1; r <= clients; ++r) {
    const double share = std::pow(static_cast<double>(r), -exponent) / sum;
    sizes.push_back(std::clamp(std::floor(share * examples), 1.0, 10000.0));
  }
  return sizes;
}

/// Very many clients of Zipf sizes, selected by activity, whose data are made when they train.
Json time_zipf(const Json& request) {
  const auto clients = request.value("clients", std::int64_t{100000});
  const int threads = request.value("threads", std::vector<int>{1}).front();
  const int rounds = request.value("steps", 15);
  constexpr std::int64_t kCohort = 1000, kVocabulary = 10000, kClasses = 20;
  const std::vector<double> sizes = zipf_sizes(clients, 20.0 * static_cast<double>(clients), 1.1);
  nn::ModelSpec spec;
  spec.kind = "bow";
  spec.embedding = 64;
  const nn::ModelSizes model_sizes{.vocabulary = kVocabulary, .intents = kClasses};
  const auto none = std::make_shared<nn::EncodedExamples>();
  federated::LocalOptions options;
  options.learning_rate = 0.03;
  options.batch_size = 10;
  federated::RoundRunner runner(
      [&] {
        core::ReproducibleRng rng(3, "parameters");
        return nn::make_model(spec, model_sizes, {}, rng);
      },
      none, options, threads);
  nn::StackedModel stacked({.model = spec, .sizes = model_sizes, .vectors = {}, .seeds = {3}});
  runner.use_small(stacked.shape(), stacked.prepare({}));
  runner.set_source([&sizes](std::int64_t client) {
    core::ReproducibleRng rng(11, fmt::format("client.{}", client));
    auto data = std::make_shared<nn::EncodedExamples>();
    const auto examples = static_cast<std::int64_t>(sizes[static_cast<std::size_t>(client)]);
    for (std::int64_t e = 0; e < examples; ++e) {
      for (std::uint64_t left = 4 + rng.below(29); left > 0; --left) {
        data->tokens.push_back(static_cast<std::int64_t>(rng.below(kVocabulary)));
      }
      data->offsets.push_back(static_cast<std::int64_t>(data->tokens.size()));
      data->intents.push_back(static_cast<std::int64_t>(rng.below(kClasses)));
    }
    return data;
  });
  std::vector<float> start(static_cast<std::size_t>(runner.values()));
  runner.first().read(start);
  std::vector<double> weights(start.begin(), start.end());
  const auto strategy = federated::make_strategy("fedavg");
  const auto compressor = federated::make_compressor("runs");
  federated::ClientMemories memories;
  federated::SelectionOptions selection;
  selection.cohort = kCohort;
  double seconds = 0, choosing = 0;
  std::int64_t trained = 0, bytes = 0;
  for (int round = 1; round <= rounds; ++round) {
    const auto began = std::chrono::steady_clock::now();
    const auto chosen = federated::select_clients(
        "activity", {.activity = sizes, .round = round, .want_inclusion = false}, selection, 1);
    choosing += std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    federated::RoundRequest asked;
    asked.round = round;
    for (const std::int64_t k : chosen.clients) {
      asked.jobs.push_back({.client = k, .examples = {}, .weight = 1.0 / static_cast<double>(chosen.clients.size())});
    }
    for (std::size_t i = 0; i < start.size(); ++i) start[i] = static_cast<float>(weights[i]);
    asked.start = start;
    auto result = runner.run(asked, *strategy, *compressor, memories);
    strategy->apply(weights, result.sum, result.reports);
    runner.recycle(std::move(result.sum));
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    trained += static_cast<std::int64_t>(result.reports.size());
    bytes += result.bytes_up;
  }
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return {{"clients", clients},
          {"examples", std::accumulate(sizes.begin(), sizes.end(), 0.0)},
          {"largest", sizes.front()},
          {"cohort", kCohort},
          {"rounds", rounds},
          {"threads", threads},
          {"seconds", seconds},
          {"selection_seconds", choosing},
          {"clients_per_second", static_cast<double>(trained) / seconds},
          {"bytes_up_per_client", static_cast<double>(bytes) / static_cast<double>(std::max<std::int64_t>(1, trained))},
          {"peak_mib", static_cast<double>(usage.ru_maxrss) / 1024}};
}

/// {"steps": 15, "warm_up": 3, "threads": [1, 2], "trainers": ["small"] or absent, "shapes": names or absent, "clients": 100000}
Json bench_federated(const Json& request, core::OperationContext& context) {
  at::set_num_threads(1);
  const auto wanted = request.value("shapes", std::vector<std::string>{});
  using Make = FederatedCase (*)();
  const std::vector<std::pair<std::string, Make>> cases = {{"linear", linear_case},
                                                           {"bag-of-words", bag_case},
                                                           {"lstm", lstm_case},
                                                           {"cnn", image_case},
                                                           {"transformer", transformer_case}};
  const auto asked = [&](const std::string& name) {
    return wanted.empty() || std::ranges::find(wanted, name) != wanted.end();
  };
  for (const std::string& name : wanted) {
    const bool known = name == "zipf" || std::ranges::any_of(cases, [&](const auto& c) { return c.first == name; });
    if (!known) {
      throw usage_error("no federated shape is called '" + name + "'",
                        "Known: linear, bag-of-words, lstm, cnn, transformer, zipf.");
    }
  }
  const double peak = product_flops();
  Json document = {{"schema", "discreet.bench.federated/1"},
                   {"libtorch", TORCH_VERSION},
                   {"peak_gflops", peak / 1e9},
                   {"results", Json::array()}};
  for (const auto& [name, make] : cases) {
    if (!asked(name) || context.stopping()) continue;
    time_case(make(), request, peak, document["results"]);
  }
  if (asked("zipf") && !context.stopping()) document["many_clients"] = time_zipf(request);
  return document;
}

}  // namespace
}  // namespace app

void register_operation_bench_federated(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "bench-federated",
                .summary = "Times the clients of federated rounds",
                .reference = "",
                .fields = {},
                .make = static_cast<core::Operation>(app::bench_federated)});
}

}  // namespace discreet
