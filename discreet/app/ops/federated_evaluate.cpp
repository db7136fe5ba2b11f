// Evaluation where nobody may look at the data: devices make sums, the server adds them up.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include <fmt/format.h>

#include "discreet/app/internal/release_privacy.h"
#include "discreet/app/ops/run_model.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/core/operation.h"
#include "discreet/core/random.h"
#include "discreet/core/registry.h"
#include "discreet/core/run_dir.h"
#include "discreet/federated/evaluation/model_metrics.h"
#include "discreet/federated/evaluation/release.h"
#include "discreet/stats/chunks.h"

namespace discreet {
namespace app {
namespace {

namespace fs = std::filesystem;

struct EvaluationOptions {
  std::string by = "user";        // the column whose values are the devices
  std::string group;              // empty: the first group that the examples have
  std::int64_t most_examples = 0;
  std::int64_t least_group = 10;
  std::int64_t least_devices = 1;
  double sampling_rate = 1;
  std::int64_t seed = 1;
  bool per_client = false;
};

EvaluationOptions evaluation_options(const Json& request, const ReleasePrivacy& privacy) {
  EvaluationOptions options;
  options.by = request.value("by", options.by);
  options.group = request.value("group", options.group);
  options.most_examples = request.value("most_examples", options.most_examples);
  options.least_group = request.value("least_group", options.least_group);
  options.least_devices = request.value("least_devices", options.least_devices);
  options.sampling_rate = request.value("sampling_rate", options.sampling_rate);
  options.seed = request.value("seed", options.seed);
  options.per_client = request.value("per_client", options.per_client);
  if (privacy.is_private() && options.most_examples < 1) {
    throw privacy_refused("a private evaluation without a cap on the examples of one device has no sensitivity",
                          "Give --most-examples, the most that a device counts.");
  }
  if (privacy.is_private() && options.per_client) {
    throw privacy_refused("--per-client shows every device's own score: no noise covers that",
                          "Leave it out; the spread over devices comes from a noisy histogram.");
  }
  return options;
}

std::string evaluated_column(const text::Example& example, const std::string& column) {
  if (column == "user") return example.user;
  const auto group = example.groups.find(column);
  if (group != example.groups.end()) return group->second;
  const auto extra = example.extra.find(column);
  return extra == example.extra.end() ? "" : extra->second;
}

/// Which places of the data each device holds, in the order of the devices' names.
std::map<std::string, std::vector<std::int64_t>> devices_of(const EncodedData& data, const std::string& by,
                                                            const std::string& source) {
  std::map<std::string, std::vector<std::int64_t>> devices;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const std::size_t owner = static_cast<std::size_t>(data.owners.empty() ? i : data.owners[static_cast<std::size_t>(i)]);
    const std::string name = evaluated_column(data.examples[owner], by);
    if (name.empty()) {
      throw bad_data(fmt::format("{}: an example has no '{}'", source, by), "Name the column that says whose it is with --by.");
    }
    devices[name].push_back(i);
  }
  return devices;
}

std::string group_column(const EncodedData& data, const EvaluationOptions& options) {
  if (!options.group.empty()) return options.group;
  for (const text::Example& example : data.examples) {
    for (const auto& [name, value] : example.groups) {
      if (name != options.by) return name;
    }
  }
  return "";
}

std::vector<std::string> tags_of(const Encoder& encoder, const EncodedData& data, const std::vector<std::int64_t>& tags,
                                 std::int64_t i) {
  std::vector<std::string> names;
  for (const std::int64_t row : word_rows(encoder, data, i)) {
    const std::int64_t tag = row < 0 ? -1 : tags[static_cast<std::size_t>(row)];
    names.push_back(tag < 0 ? "O" : encoder.tags.name(tag));
  }
  return names;
}

/// What the task's device sees of one example.
federated::EvaluatedExample evaluated_example(const RunModel& run, const EncodedData& data, const Scores& scores,
                                              std::int64_t i) {
  federated::EvaluatedExample seen;
  const auto place = static_cast<std::size_t>(i);
  const std::string& task = run.settings.task;
  bool right = true;
  if (!scores.loss.empty()) seen.loss = scores.loss[place];
  if (!scores.intents.empty()) {
    const auto classes = static_cast<std::size_t>(run.encoder.intents.size());
    seen.gold = data.intents[place];
    seen.predicted = scores.intents[place];
    seen.confidence = std::min(1.0F, scores.intent_probabilities[place * classes + static_cast<std::size_t>(*seen.predicted)]);
    right = seen.gold == seen.predicted;
  }
  if (run.encoder.tags.size() > 0 && !data.examples[place].tags.empty()) {
    const auto predicted = tags_of(run.encoder, data, scores.tags, i);
    stats::ChunkScorer scorer;
    scorer.add(data.examples[place].tags, predicted);
    seen.gold_chunks = scorer.total().gold;
    seen.predicted_chunks = scorer.total().predicted;
    seen.right_chunks = scorer.total().correct;
    right = right && scorer.exact_sentences() == 1;
  }
  if (task == "language-model") {
    seen.tokens = static_cast<double>(data.offsets[place + 1] - data.offsets[place]);
    seen.log_loss_sum = seen.tokens * scores.loss[place];
    right = false;
  }
  seen.right = right;
  return seen;
}

void check_task(const RunModel& run) {
  const std::string& task = run.settings.task;
  if (task == "text-classification" || task == "intent-slot" || task == "tagging" || task == "language-model") return;
  throw usage_error(fmt::format("task \"{}\" has no metrics that are sums over examples here", task),
                    "Evaluate text-classification, tagging, intent-slot or language-model; `discreet eval` knows all tasks.");
}

federated::MetricProgram program_for(const RunModel& run, const std::vector<std::string>& groups, bool is_private) {
  federated::MetricProgram program;
  program.bounded = is_private;
  if (run.encoder.intents.size() > 0) program.classes = run.encoder.intents.names();
  program.groups = groups;
  program.chunks = run.encoder.tags.size() > 0;
  program.tokens = run.settings.task == "language-model";
  return program;
}

/// Without noise all examples; with a cap a random part of those of a device that has more.
std::vector<std::int64_t> counted_examples(std::vector<std::int64_t> items, const EvaluationOptions& options,
                                           const std::string& device) {
  const auto most = static_cast<std::size_t>(options.most_examples);
  if (most == 0 || items.size() <= most) return items;
  core::ReproducibleRng rng(static_cast<std::uint64_t>(options.seed), "evaluation." + device);
  core::shuffle(std::span<std::int64_t>(items), rng);
  items.resize(most);
  return items;
}

/// Request: run; data; by; group; most_examples; groups (names); least_group; least_devices; sampling_rate; per_client; seed; epsilon or
/// noise_multiplier with delta and accountant; insecure_seed; ledger; ledger_epsilon; out.
Json evaluate_devices(const Json& request, core::OperationContext&) {
  const ReleasePrivacy privacy = release_privacy_from(request);
  const EvaluationOptions options = evaluation_options(request, privacy);
  const fs::path path = request.at("run").get<std::string>();
  const core::RunDir directory = core::RunDir::open(path);
  const RunModel run = open_run_model(path);
  check_task(run);
  std::string source = request.value("data", "");
  text::Split split = text::Split::kTest;
  if (source.empty()) source = run.settings.data.test;
  if (source.empty()) {
    source = run.settings.data.dev;
    split = text::Split::kDev;
  }
  if (source.empty()) throw usage_error(path.string() + ": the run names neither data.test nor data.dev", "Name data with --data.");
  const EncodedData data = load_examples(run.settings, run.encoder, source, split);
  const auto devices = devices_of(data, options.by, source);
  const std::string column = group_column(data, options);
  // Which groups there are is private too: under noise they come from a public list.
  std::map<std::string, std::size_t> group_ids;
  const auto listed = request.value("groups", std::vector<std::string>{});
  const bool hides_groups = privacy.is_private() && !column.empty() && listed.empty();
  if (hides_groups && !options.group.empty()) {
    throw privacy_refused(fmt::format("which values column '{}' has is private, and no noise covers that", column),
                          "Name the groups that there may be, whatever the data hold: --groups f,m.");
  }
  for (const std::string& name : listed) group_ids.emplace(name, 0);
  if (!column.empty() && listed.empty() && !hides_groups) {
    for (const text::Example& example : data.examples) {
      const std::string value = evaluated_column(example, column);
      if (!value.empty()) group_ids.emplace(value, 0);
    }
  }
  std::vector<std::string> groups;
  for (auto& [name, id] : group_ids) {
    id = groups.size();
    groups.push_back(name);
  }
  const Scores scores = score(*run.model, data);
  const federated::MetricProgram program = program_for(run, groups, privacy.is_private());
  const auto layout = federated::metric_layout(program);
  const auto event_of = [&](double z) {
    const auto one = privacy::Event::gaussian(privacy::NoiseMultiplier(z));
    return options.sampling_rate < 1 ? privacy::Event::poisson_sampled(privacy::SamplingRate(options.sampling_rate), one) : one;
  };
  const federated::ReleaseOptions release{.noise_multiplier = release_multiplier(privacy, "federated evaluate " + path.string(), event_of),
                                          .most_examples = options.most_examples,
                                          .sampling_rate = options.sampling_rate,
                                          .least_devices = options.least_devices};
  federated::MetricAggregate aggregate(layout, release);
  core::SecureRng secure;
  core::ReproducibleRng repeatable(static_cast<std::uint64_t>(options.seed), "evaluation.asked");
  const bool is_secure = privacy.is_private() && !privacy.insecure_seed;
  std::vector<double> own_scores;
  Json per_client = Json::array();
  std::int64_t clipped = 0;
  for (const auto& [name, items] : devices) {
    const double chance = is_secure ? secure.uniform() : repeatable.uniform();
    if (options.sampling_rate < 1 && chance >= options.sampling_rate) continue;
    std::vector<federated::EvaluatedExample> seen;
    for (const std::int64_t i : counted_examples(items, options, name)) {
      seen.push_back(evaluated_example(run, data, scores, i));
      const auto group = group_ids.find(column.empty() ? "" : evaluated_column(data.examples[static_cast<std::size_t>(i)], column));
      if (group != group_ids.end()) seen.back().group = group->second;
    }
    const federated::MetricSums sums = federated::device_sums(program, layout, seen);
    clipped += sums.clipped();
    aggregate.add(sums);
    own_scores.push_back(federated::device_score(program, seen));
    if (options.per_client) per_client.push_back({{"client", name}, {"n", seen.size()}, {"score", own_scores.back()}});
  }
  const auto noise = release_noise(privacy, "evaluation");
  const federated::Released out = aggregate.release(*noise);

  core::InputFile asked;
  asked.role = "test";
  asked.path = source;
  Json document = core::make_document(
      {.schema = "discreet.federated.evaluate/1",
       .configuration = {{"by", options.by}, {"group", column}, {"most_examples", options.most_examples},
                         {"least_group", options.least_group}, {"least_devices", options.least_devices},
                         {"sampling_rate", options.sampling_rate}, {"score", program.tokens ? "geometric mean of the tokens' probabilities"
                                                   : "share of examples that are right as a whole"}},
       .inputs = {core::describe_input("model", path / "model"), describe_source(run.settings, run.encoder, asked)}});
  document["run"] = path.string();
  if (privacy.is_private() && options.sampling_rate < 1) {
    core::set_absent(document, "n", "who was drawn is secret, and so is how many were: the stated epsilon counts on it");
  } else {
    document["n"] = aggregate.devices();
  }
  document["metrics"] = federated::metrics_of_sums(program, *layout, out.values, out.deviation, double(options.least_group));
  document["clients"] = federated::to_json(federated::spread_of_sums(*layout, out.values));
  document["noise_multiplier"] = release.noise_multiplier;
  Json deviation = Json::object();
  for (std::size_t b = 0; b < layout->blocks().size(); ++b) deviation[layout->blocks()[b].name] = out.deviation[b];
  document["deviation"] = deviation;
  document["bytes_up_per_device"] = layout->size() * sizeof(std::uint64_t);
  if (options.per_client) {
    document["per_client"] = per_client;
    document["seen_by_simulator"] = federated::to_json(federated::spread_of(own_scores));
    document["caveats"].push_back("per_client and seen_by_simulator are what only a simulator sees.");
  }
  state_release(privacy, out.event, "This evaluation", document);
  document["caveats"].push_back("Deciles and Gini over devices come from a histogram and are right to 'resolution'; n is exact and not private.");
  if (hides_groups) document["caveats"].push_back(fmt::format("Groups of column '{}' are left out: name those that there may be with --groups.", column));
  if (clipped > 0 && !privacy.is_private()) document["caveats"].push_back(fmt::format("{} contributions of examples were cut to their bound.", clipped));
  if (options.most_examples > 0) document["caveats"].push_back(fmt::format("A device counts at most {} of its examples, drawn at random.", options.most_examples));
  if (!privacy.is_private() || request.contains("out")) write_finding(request, directory, document);
  return document;
}

}  // namespace
}  // namespace app

void register_operation_federated_evaluate(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "federated_evaluate",
                .summary = "Metrics of a run's model from sums that devices make of their own examples",
                .make = core::Operation(&app::evaluate_devices)});
}

}  // namespace discreet
