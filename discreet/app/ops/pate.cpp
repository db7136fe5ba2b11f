#include <cmath>
#include <map>
#include <numbers>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "discreet/app/internal/budget.h"
#include "discreet/app/ops/internal/label_release.h"
#include "discreet/app/ops/internal/lineage.h"
#include "discreet/app/ops/internal/request.h"
#include "discreet/app/ops/run_model.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/core/operation.h"
#include "discreet/core/progress.h"
#include "discreet/core/registry.h"
#include "discreet/core/run_dir.h"
#include "discreet/core/scratch_folder.h"
#include "discreet/mitigate/distillation/noisy_votes.h"
#include "discreet/privacy/accountant.h"
#include "discreet/privacy/calibrate.h"
#include "discreet/privacy/ledger.h"
#include "discreet/privacy/statement.h"
#include "discreet/text/unicode.h"

namespace discreet {
namespace app {
namespace {
namespace fs = std::filesystem;

/// What is asked of a noisy vote.
struct VoteRequest {
  std::int64_t teachers = 0, queries = 0;
  std::string public_data, unit = "example", accountant = "prv";
  double standard_deviation = 0, epsilon = 0, delta = 0;  ///< One of the first two.
  Budget budget{};
};

VoteRequest parse_votes(const Json& request) {
  VoteRequest votes{.teachers = request.at("teachers").get<std::int64_t>(),
                    .queries = request.value("queries", std::int64_t{0}),
                    .public_data = request.at("public").get<std::string>(),
                    .unit = request.value("unit", "example"),
                    .accountant = request.value("accountant", "prv"),
                    .standard_deviation = request.value("vote_noise", 0.0),
                    .epsilon = request.value("epsilon", 0.0),
                    .delta = request.value("delta", 0.0)};
  votes.budget = budget_of(request, votes.delta, privacy::unit_of(votes.unit));
  if (votes.teachers < 2) throw usage_error("a vote needs two teachers or more", "--pate 20, for example.");
  if ((votes.standard_deviation > 0) == (votes.epsilon > 0)) {
    throw usage_error("expected one of --epsilon and --vote-noise", "--epsilon lets the noise be calibrated.");
  }
  if (!(votes.delta > 0 && votes.delta < 1)) {
    throw usage_error("--delta is missing", "Choose it well below one over the number of examples, for example 1e-5.");
  }
  return votes;
}

/// What one unit is, for the division into parts: its user, or the example's own text and label.
std::string identity_of(const text::Example& example, const std::string& unit) {
  return unit == "user" ? example.user : plain_text(example) + '\0' + example.label;
}

/// A configuration with other training data; `rest` is everything that was asked.
Json training_request(const Json& request, const fs::path& data, const fs::path& run, std::vector<std::string> more) {
  Json asked = {{"run", run.string()}, {"force", request.value("force", false)}};
  for (const char* key : {"config", "recipe"}) {
    if (request.contains(key)) asked[key] = request[key];
  }
  asked["set"] = request.value("set", Json::array());
  for (const std::string& assignment : {"data.train=" + Json(data.string()).dump(), std::string("data.format=\"jsonl\""),
                                        std::string("data.text=\"text\""), std::string("data.label=\"label\""),
                                        std::string("data.user=\"\""), std::string("data.hold_out=0")}) {
    asked["set"].push_back(assignment);
  }
  for (const std::string& assignment : more) asked["set"].push_back(assignment);
  return asked;
}

/// Votes of one teacher for each public text; empty if its part has no example.
std::vector<std::string> votes_of(const Json& request, const std::vector<text::Example>& part,
                                  const std::vector<text::Example>& questions, const fs::path& folder,
                                  core::OperationContext& context) {
  std::set<std::string> labels;
  for (const text::Example& example : part) labels.insert(example.label);
  if (labels.empty()) return {};
  // A teacher that knows one class votes for it: nothing needs to be trained.
  if (labels.size() == 1) return std::vector<std::string>(questions.size(), *labels.begin());
  const core::ScratchFolder removed(folder);  // it holds private texts and a model that learnt them
  const fs::path& scratch = removed.path();
  fs::create_directories(scratch);
  write_labelled(scratch / "part.jsonl", part);
  core::OperationContext quiet = context;
  quiet.quiet = true;
  const auto train = core::registry().make<core::Operation>("operation", "train");
  train(training_request(request, scratch / "part.jsonl", scratch / "teacher",
                         {"data.dev=\"\"", "data.test=\"\"", "train.patience=0"}),
        quiet);
  const RunModel teacher = open_run_model(scratch / "teacher");
  std::vector<text::Example> read = questions;
  for (text::Example& question : read) {
    question.words.clear();
    question.tags.clear();
    question.label.clear();
    question.text = plain_text(question);
    text::tokenize_example(*teacher.encoder.tokenizer, question);
  }
  std::vector<std::string> votes;
  for (const std::int64_t intent : score(*teacher.model, encode(teacher.encoder, std::move(read))).intents) {
    votes.push_back(teacher.encoder.intents.name(intent));
  }
  return votes;
}

/// What all votes cost, whatever they are.
privacy::Event event_of_votes(double deviation, std::int64_t queries) {
  return privacy::Event::self_composed(privacy::Event::gaussian(privacy::NoiseMultiplier(deviation / std::numbers::sqrt2)), queries);
}

double deviation_for(const VoteRequest& asked, std::int64_t queries) {
  if (asked.standard_deviation > 0) return asked.standard_deviation;
  const auto accountant = privacy::make_accountant(asked.accountant);
  const privacy::Target target{asked.epsilon, asked.delta, accountant.get()};
  return privacy::calibrate_noise_multiplier(target, [&](double deviation) { return event_of_votes(deviation, queries); }).value;
}

/// Whether development data decide when the student stops.
bool stops_by_development_data(const Settings& settings) { return settings.train.patience > 0 && !settings.data.dev.empty(); }

privacy::PrivacyRun described(const VoteRequest& asked, const Settings& settings, const mitigate::NoisyVotes& votes,
                              std::uint64_t units, const RunData& data) {
  privacy::PrivacyRun run;
  run.mechanism = "pate-gnmax";
  run.clipping = "one-vote-per-teacher";
  run.details = fmt::format("{} teachers on disjoint parts of the data; {} noisy votes, standard deviation {:.4g} votes for each class, "
                            "whatever the votes were",
                            asked.teachers, votes.winners.size(), votes.noise_multiplier * std::numbers::sqrt2);
  run.unit = privacy::unit_of(asked.unit);
  run.relation = privacy::Relation::kAddOrRemoveOne;
  run.sampling = privacy::Sampling::kFullBatch;
  run.units = units;
  run.delta = asked.delta;
  run.accountant = asked.accountant;
  run.phases = {{votes.noise_multiplier, 1, static_cast<std::int64_t>(votes.winners.size())}};
  run.parameters = static_cast<std::uint64_t>(data.encoder.intents.size());
  run.floating_point_protection = true;
  run.labels_from_private_text = true;
  const bool stops = stops_by_development_data(settings);
  run.development_data_public = stops && settings.data.dev_public;
  run.development_data_private = stops && !settings.data.dev_public;
  run.has_user_column = data.has_user_column;
  run.user_contributions_capped = asked.unit == "user";
  const std::string gap = lineage_gap(settings, {}, data.inputs);
  run.gaps = gap + (gap.empty() ? "" : " ") + "The student reads the labels that won and public texts alone; metrics on data.test and data.dev are outside the guarantee.";
  return run;
}

/// Puts the guarantee into a run that was trained on the released labels.
void state_guarantee(const LabelRelease& release, const std::vector<core::InputFile>& inputs, Json& document) {
  core::RunDir run = core::RunDir::open_for_writing(document["run"].get<std::string>());
  Json behind = learnt_from(load_run_settings(run.path()), {});
  for (const core::InputFile& input : inputs) {
    if (input.role == "train") behind.push_back({{"path", input.path}, {"sha256", input.sha256}});
  }
  run.update_manifest({{"learnt_from", behind}});
  run.append_ledger(privacy::ledger_line(0, release.event));
  run.write_document("privacy.json", release.privacy);
  document["private"] = true;
  document.erase("epsilon_reason");
  document.erase("delta_reason");
  document.update(release.announcement);
  run.write_document("result.json", document);
  run.finish();
}

/// Files may differ and hold the same texts. Throws: kPrivacy naming a text's line.
void check_apart(const RunData& data, const std::vector<text::Example>& questions, const std::string& source, const char* key,
                 const char* remedy) {
  std::set<std::string> mine;
  for (const EncodedData* part : {&data.train, &data.hold_out}) {
    for (const text::Example& example : part->examples) mine.insert(text::lowercase(example.text));
  }
  for (const text::Example& question : questions) {
    if (mine.count(text::lowercase(question.text)) == 0) continue;
    throw privacy_refused(fmt::format("{} {}: the text of line {} stands in the private training data too", key, source, question.line), remedy);
  }
}

/// All that the votes are a function of, noise aside.
Json description_of(const VoteRequest& asked, const Settings& settings, const RunData& data, const std::string& public_hash) {
  Json configuration = dump_settings(settings);
  configuration["run"].erase("dir");
  Json inputs = Json::array();
  for (const core::InputFile& input : data.inputs) inputs.push_back({{"role", input.role}, {"sha256", input.sha256}});
  return {{"configuration", std::move(configuration)}, {"inputs", std::move(inputs)}, {"public", public_hash},
          {"teachers", asked.teachers}, {"queries", asked.queries}, {"unit", asked.unit}, {"vote_noise", asked.standard_deviation},
          {"epsilon", asked.epsilon}, {"delta", asked.delta}, {"accountant", asked.accountant}};
}

/// Trains the teachers, takes the noisy votes and writes what they came to.
LabelRelease released_by_vote(const Json& request, const VoteRequest& asked, const Settings& settings, const RunData& data,
                              std::vector<text::Example> questions, const fs::path& folder, const Json& told,
                              core::OperationContext& context) {
  std::vector<std::vector<text::Example>> parts(static_cast<std::size_t>(asked.teachers));
  std::set<std::string> users;
  for (const text::Example& example : data.train.examples) {
    const std::string identity = identity_of(example, asked.unit);
    users.insert(identity);
    const auto part = mitigate::part_of(identity, static_cast<std::uint64_t>(settings.run.seed), asked.teachers);
    parts[static_cast<std::size_t>(part)].push_back(example);
  }
  const auto queries = static_cast<std::int64_t>(questions.size());
  const double deviation = deviation_for(asked, queries);
  const privacy::Event event = event_of_votes(deviation, queries);
  charge_budget(asked.budget, folder.string(), event, true);  // before hours of training
  const auto& labels = data.encoder.intents;
  std::vector<std::vector<double>> counts(questions.size(), std::vector<double>(static_cast<std::size_t>(labels.size()), 0));
  core::Progress progress({.label = "teachers", .unit = "teachers", .total = asked.teachers, .quiet = context.quiet});
  for (std::size_t t = 0; t < parts.size(); ++t) {
    if (context.stopping()) throw core::interrupted(context, "Nothing was released; the same command begins again.");
    const auto votes = votes_of(request, parts[t], questions, fs::path(folder.string() + "-teachers"), context);
    for (std::size_t q = 0; q < votes.size(); ++q) counts[q][static_cast<std::size_t>(labels.find(votes[q]))] += 1;
    progress.update(static_cast<std::int64_t>(t + 1), {});
  }
  progress.finish();
  charge_budget(asked.budget, folder.string(), event, false);
  privacy::SecureNoise noise;
  const mitigate::NoisyVotes votes = mitigate::noisy_max(counts, deviation, noise);
  for (std::size_t q = 0; q < questions.size(); ++q) questions[q].label = labels.name(votes.winners[q]);
  return write_release(folder, told, questions,
                       described(asked, settings, votes, asked.unit == "user" ? users.size() : data.train.examples.size(), data),
                       votes.event);
}

Json pate(const Json& request, core::OperationContext& context) {
  const VoteRequest asked = parse_votes(request);
  const Settings settings = parse_settings(requested_config(request));
  if (settings.task != "text-classification") {
    throw usage_error(fmt::format("--pate: the task is \"{}\", teachers vote on classes of texts", settings.task),
                      "Set task = \"text-classification\".");
  }
  if (settings.privacy.is_private()) {
    throw usage_error("--pate: privacy.mechanism is \"" + settings.privacy.mechanism + "\", but the vote is the mechanism",
                      "Leave [privacy] out.");
  }
  // A copy may stand in another part than its text, and one person would then move two teachers' votes.
  if (settings.mitigate.counterfactual != "none") {
    throw privacy_refused(fmt::format("--pate: mitigate.counterfactual is \"{}\", and texts are exchanged before they are divided among "
                                      "the teachers: one person's could reach two of them", settings.mitigate.counterfactual),
                          "Leave it out, or exchange words in the public texts: discreet mitigate swap.");
  }
  if (const DistillOptions distill = parse_distill(settings, requested_config(request)); distill.active()) {
    throw privacy_refused("--pate: [distill] asks for a teacher or for exchanged texts, of which the vote knows nothing",
                          "Leave it out: the teachers of the vote are made of data.train.");
  }
  if (settings.data.hold_out > 0) {
    throw privacy_refused("--pate: data.hold_out is drawn from all examples at once, so that one of them would move others between the teachers",
                          "Leave it out: what the votes give away is bounded without it.");
  }
  if (asked.unit == "user" && settings.data.user.empty()) {
    throw usage_error("--unit user needs data.user", "Name the column that says who wrote each example.");
  }
  const RunData data = load_run_data(settings);
  std::vector<text::Example> questions =
      load_examples(settings, data.encoder, asked.public_data, text::Split::kTrain).examples;
  const std::string public_hash =
      fs::exists(asked.public_data) ? core::describe_input("public", asked.public_data).sha256 : content_sha256(questions);
  for (const core::InputFile& mine : data.inputs) {
    if (mine.role != "train" || mine.sha256 != public_hash) continue;
    throw privacy_refused(fmt::format("--public {} is the private training data", asked.public_data),
                          "The student's texts are published with it: take texts that are public.");
  }
  check_apart(data, questions, asked.public_data, "--public", "The student's texts are published with it: take texts that are public.");
  if (stops_by_development_data(settings)) {
    check_apart(data, data.dev.examples, settings.data.dev, "data.dev",
                "The student stops by its development data: take others than the teachers', or leave train.patience out.");
  }
  if (asked.queries > static_cast<std::int64_t>(questions.size())) {
    throw usage_error(fmt::format("--queries {}: {} has {} texts", asked.queries, asked.public_data, questions.size()));
  }
  if (asked.queries > 0) questions.resize(static_cast<std::size_t>(asked.queries));

  const std::string run = settings.run.dir.empty() ? "runs/pate" : settings.run.dir;
  const bool force = request.value("force", false);
  if (core::RunDir::is_run(run) && !force) {
    throw usage_error(run + " is a run already", "Name another with --run, or replace it with --force.");
  }
  const fs::path folder = run + "-labels";
  const Json student = training_request(request, folder / "labels.jsonl", run, {});
  parse_settings(requested_config(student));  // refuses before anything is spent
  lineage_gap(settings, {}, data.inputs);
  const Json told = description_of(asked, settings, data, public_hash);
  std::optional<LabelRelease> release = find_release(folder, told, force);
  if (!release) release = released_by_vote(request, asked, settings, data, std::move(questions), folder, told, context);
  if (release->classes < 2) {
    throw runtime_failure("every noisy vote names one class: there is nothing for a student to learn",
                          fmt::format("Ask for more epsilon, fewer queries or more teachers. What is in {} is spent.", folder.string()));
  }
  Json document;
  try {
    document = core::registry().make<core::Operation>("operation", "train")(student, context);
  } catch (const Error& error) {
    throw Error(error.code(), error.what(),
                fmt::format("{}{}The labels stay in {} with what they cost; the same command with --force trains the student of them, "
                            "and nothing more is spent.", error.hint(), error.hint().empty() ? "" : " ", folder.string()));
  }
  state_guarantee(*release, data.inputs, document);
  return document;
}

}  // namespace
}  // namespace app

void register_operation_pate(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "pate",
                .summary = "A student of the noisy votes of teachers on disjoint parts of private data",
                .reference = "Papernot et al. 2018",
                .make = core::Operation(&app::pate)});
}

}  // namespace discreet
