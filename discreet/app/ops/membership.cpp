#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>

#include "discreet/app/internal/encoder.h"
#include "discreet/app/internal/signal_files.h"
#include "discreet/app/membership_signals.h"
#include "discreet/app/ops/internal/neighbours.h"
#include "discreet/app/ops/internal/shadow_signals.h"
#include "discreet/app/ops/run_model.h"
#include "discreet/audit/membership.h"
#include "discreet/core/error.h"
#include "discreet/core/operation.h"
#include "discreet/core/registry.h"
#include "discreet/core/run_dir.h"

namespace discreet {
namespace app {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLeastOfASide = 20;

/// The examples of a run that can be audited: those whose labels the model knows.
struct AuditedPool {
  TrainingPool training;
  std::vector<std::int8_t> member;     ///< [M]
  std::vector<std::int64_t> place;     ///< [M] in the training data, what was held back counted.
  std::vector<std::string> text;       ///< [M]
  std::size_t without_label = 0;
};

std::string text_of(const text::Example& example) {
  std::string joined = example.words.empty() ? example.text : std::string();
  for (const std::string& word : example.words) joined += (joined.empty() ? "" : " ") + word;
  if (!example.question.empty()) joined += " " + example.question;
  return joined;
}

bool labels_known(const EncodedData& data, std::int64_t i) {
  if (!data.intents.empty() && data.intents[i] < 0) return false;
  return data.tags.empty() || std::none_of(data.tags.begin() + data.offsets[i], data.tags.begin() + data.offsets[i + 1],
                                           [](std::int64_t tag) { return tag == -1; });
}

AuditedPool audited_pool(const RunData& data, const Settings& settings) {
  const EncodedData all = joined(data.train, data.hold_out);
  std::vector<std::int64_t> places(static_cast<std::size_t>(all.size()));
  // Members are what was not held back, in the order of the file.
  std::size_t next = 0, filled = 0;
  const std::vector<std::int64_t>& held = data.hold_out_indices;
  for (std::int64_t i = 0; i < all.size(); ++i) {
    if (next < held.size() && held[next] == i) ++next;
    else places[filled++] = i;
  }
  std::copy(held.begin(), held.end(), places.begin() + static_cast<std::ptrdiff_t>(filled));
  AuditedPool pool;
  std::vector<std::int64_t> kept;
  for (std::int64_t i = 0; i < all.size(); ++i) {
    if (!labels_known(all, i)) {
      ++pool.without_label;
      continue;
    }
    kept.push_back(i);
    pool.member.push_back(i < data.train.size() ? 1 : 0);
    pool.place.push_back(places[static_cast<std::size_t>(i)]);
    pool.text.push_back(text_of(all.examples[i]));
  }
  pool.training = {settings, data.encoder, select(all, kept), data.dev};
  return pool;
}

/// Places in the pool of the examples that are audited, members first.
struct AuditedSample {
  std::vector<std::int64_t> rows;
  audit::MembershipSample duplicates;
};

AuditedSample sample_of(const AuditedPool& pool, std::int64_t most, std::uint64_t seed) {
  std::vector<std::string> members, others;
  std::vector<std::int64_t> member_at, other_at;
  for (std::size_t i = 0; i < pool.member.size(); ++i) {
    (pool.member[i] == 1 ? members : others).push_back(pool.text[i]);
    (pool.member[i] == 1 ? member_at : other_at).push_back(static_cast<std::int64_t>(i));
  }
  AuditedSample sample;
  sample.duplicates = audit::sample_members(members, others, static_cast<std::size_t>(most), seed);
  for (const std::int64_t i : sample.duplicates.members) sample.rows.push_back(member_at[i]);
  for (const std::int64_t i : sample.duplicates.nonmembers) sample.rows.push_back(other_at[i]);
  return sample;
}

bool finite_signal(const ModelSignals& signals, std::size_t i, std::size_t classes) {
  if (signals.logits.empty()) return std::isfinite(signals.loss[i]);
  return std::all_of(signals.logits.begin() + static_cast<std::ptrdiff_t>(i * classes),
                     signals.logits.begin() + static_cast<std::ptrdiff_t>((i + 1) * classes),
                     [](float value) { return std::isfinite(value); });
}

/// What quantile regression may look at: length, and how common the words of the text are in the pool.
void add_features(const AuditedPool& pool, const std::vector<std::int64_t>& rows, internal::SignalTable& table) {
  const EncodedData& data = pool.training.pool;
  std::vector<double> counts(static_cast<std::size_t>(table_entries(pool.training.encoder)) + 1);
  for (const std::int64_t token : data.tokens) ++counts[static_cast<std::size_t>(token)];
  table.feature_count = 3;
  for (const std::int64_t i : rows) {
    const auto begin = data.offsets[i], end = data.offsets[i + 1];
    double sum = 0, least = begin == end ? 0 : HUGE_VAL;
    for (std::int64_t t = begin; t < end; ++t) {
      const double logarithm = std::log(counts[static_cast<std::size_t>(data.tokens[t])]);
      sum += logarithm;
      least = std::min(least, logarithm);
    }
    const auto length = static_cast<double>(end - begin);
    table.features.insert(table.features.end(), {std::log1p(length), sum / std::max(1.0, length), least});
  }
}

void add_target(const AuditedPool& pool, const ModelSignals& target, SignalForm form,
                const std::vector<std::int64_t>& rows, internal::SignalTable& table) {
  const EncodedData& data = pool.training.pool;
  std::map<std::string, std::int64_t> users;
  for (const std::int64_t row : rows) {
    const auto i = static_cast<std::size_t>(row);
    table.member.push_back(pool.member[i]);
    table.id.push_back(pool.place[i]);
    table.length.push_back(static_cast<double>(data.offsets[i + 1] - data.offsets[i]));
    if (!data.intents.empty() && pool.training.encoder.intents.size() > 0) table.label.push_back(data.intents[i]);
    const std::string& user = data.examples[i].user;
    if (!data.examples.front().user.empty()) {
      table.user.push_back(users.try_emplace(user, static_cast<std::int64_t>(users.size())).first->second);
    }
    if (form == SignalForm::kLoss) table.loss.push_back(target.loss[i]);
    if (form == SignalForm::kLogits) {
      const auto first = target.logits.begin() + static_cast<std::ptrdiff_t>(i * table.classes);
      table.logits.insert(table.logits.end(), first, first + static_cast<std::ptrdiff_t>(table.classes));
    }
    if (form != SignalForm::kTokens) continue;
    if (table.offsets.empty()) table.offsets.push_back(0);
    const auto append = [&](const std::vector<double>& from, std::vector<double>& to) {
      to.insert(to.end(), from.begin() + target.offsets[i], from.begin() + target.offsets[i + 1]);
    };
    append(target.token_log_probs, table.token_log_probs);
    append(target.token_means, table.token_means);
    append(target.token_deviations, table.token_deviations);
    table.offsets.push_back(static_cast<std::int64_t>(table.token_log_probs.size()));
    table.zlib_bytes.push_back(internal::zlib_bytes_of(pool.text[i]));
  }
}

void add_shadows(const ShadowSignals& shadows, const std::vector<std::int64_t>& rows, internal::SignalTable& table) {
  table.models = shadows.models.size();
  for (const std::int64_t row : rows) {
    const auto i = static_cast<std::size_t>(row);
    for (std::size_t m = 0; m < table.models; ++m) {
      table.in.push_back(shadows.in[m][i]);
      const ModelSignals& model = shadows.models[m];
      if (shadows.form == SignalForm::kLoss) {
        table.shadow_loss.push_back(model.loss[i]);
        continue;
      }
      const auto first = model.logits.begin() + static_cast<std::ptrdiff_t>(i * table.classes);
      table.shadow_logits.insert(table.shadow_logits.end(), first, first + static_cast<std::ptrdiff_t>(table.classes));
    }
  }
}

/// Names in the place of the numbers that the file of signals has, and what the file does not hold.
void name_rows(const AuditedPool& pool, const std::vector<std::int64_t>& rows, const SignalAuditOptions& options,
               AuditedRows& audited) {
  const EncodedData& data = pool.training.pool;
  const bool users = !audited.user.empty();
  const bool labels = audited.columns.count("label") > 0;
  std::set<std::string> columns(options.slices.begin(), options.slices.end());
  columns.insert(options.report.blind.begin(), options.report.blind.end());
  for (const char* own : {"label", "length", "user"}) columns.erase(own);
  audited.text.clear();
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const text::Example& example = data.examples[rows[r]];
    audited.text.push_back(pool.text[static_cast<std::size_t>(rows[r])]);
    if (users) audited.user[r] = example.user;
    if (labels) audited.columns["label"][r] = example.label;
    for (const std::string& name : columns) {
      const auto found = example.groups.find(name);
      if (found == example.groups.end()) {
        throw usage_error(fmt::format("the run's data have no group '{}'", name),
                          "Groups of a run are the columns of data.group; label and length are there without.");
      }
      audited.columns[name].push_back(found->second);
    }
  }
}

/// Perturbed copies as the run's model reads texts. Words that were replaced by words need no tokenizer.
EncodedData encode_copies(const Encoder& encoder, const std::vector<std::string>& copies,
                          const NeighbourOptions& options) {
  std::vector<text::Example> examples;
  for (const std::string& copy : copies) {
    text::Example example;
    example.text = copy;
    if (!encoder.subwords && options.model.empty()) {
      for (std::size_t begin = 0; begin <= copy.size();) {
        const std::size_t end = std::min(copy.find(' ', begin), copy.size());
        if (end > begin) example.words.push_back(copy.substr(begin, end - begin));
        begin = end + 1;
      }
    } else {
      text::tokenize_example(*encoder.tokenizer, example);
    }
    examples.push_back(std::move(example));
  }
  return encode(encoder, std::move(examples), EncodeFor::kTraining);
}

std::vector<core::InputFile> membership_inputs(const fs::path& run, const RunData& data) {
  std::vector<core::InputFile> inputs = {core::describe_input("model", run / "model"),
                                         core::describe_input("holdout", run / "holdout.json")};
  for (const core::InputFile& input : data.inputs) {
    if (input.role == "train") inputs.push_back(input);
  }
  return inputs;
}

void add_run_caveats(const AuditedPool& pool, const AuditedSample& sample, std::size_t non_finite, bool shadows,
                     bool loss_alone, Json& document) {
  Json& caveats = document["caveats"];
  const Settings& settings = pool.training.settings;
  if (loss_alone) {
    caveats.push_back(
        "A threshold on the loss of the final model is a weak attack: shadow models (--attack all) or canaries may "
        "find more.");
  }
  document["duplicates"]["within_members"] = sample.duplicates.within_members;
  document["duplicates"]["within_nonmembers"] = sample.duplicates.within_nonmembers;
  document["duplicates"]["across"] = sample.duplicates.across;
  const std::uint64_t removed =
      sample.duplicates.within_members + sample.duplicates.within_nonmembers + sample.duplicates.across;
  if (removed > 0) {
    caveats.push_back(fmt::format(
        "{} examples whose exact text occurs more than once were left out; nothing is said of them.", removed));
  }
  if (pool.without_label > 0) {
    caveats.push_back(fmt::format("{} examples with a label that the model does not know were left out.",
                                  pool.without_label));
  }
  if (non_finite > 0) {
    caveats.push_back(fmt::format("{} examples on which a model's answer is no finite number were left out.", non_finite));
  }
  if (!pool.training.pool.examples.front().user.empty() && !privacy_unit_is_user(settings)) {
    caveats.push_back(
        "The data name users, but the parts were drawn by example: a user's examples lie on both sides, and what is "
        "said of single examples is not what is said of users.");
  }
  if (!shadows) return;
  const auto members = std::count(pool.member.begin(), pool.member.end(), 1);
  const auto each = document["shadows"]["examples_each"].get<std::int64_t>();
  caveats.push_back(
      "Shadow models were trained on halves of the same private data, with noise from a seed: they, and the stored "
      "signals, are covered by no guarantee and must not leave where the data are.");
  if (std::abs(members - each) * 10 > members) {
    caveats.push_back(fmt::format(
        "The target was trained on {} examples, each shadow model on {}: train with data.hold_out = 0.5 to attack with "
        "models of its own size.",
        members, each));
  }
}

/// Whether any of the attacks asked for (all, if none is named) fits `needs`.
bool any_needs(const SignalAuditOptions& options, bool (*needs)(const std::string&)) {
  const auto names = options.attacks.empty() ? attack_names() : options.attacks;
  return std::any_of(names.begin(), names.end(), needs);
}

void check_fits(const SignalAuditOptions& options, SignalForm form, const fs::path& run) {
  for (const std::string& name : options.attacks) {
    if (form == SignalForm::kTokens || !needs_tokens(name)) continue;
    throw usage_error(fmt::format("{}: the attack {} is on language models", run.string(), name),
                      "This run tells labels; `discreet list attack` names the others.");
  }
}

/// A shadow model is trained as the target was: by one process that has the data.
void check_central(const fs::path& run) {
  core::Config config;
  config.add_toml_file((run / "config.toml").string());
  if (!config.values().contains("federated")) return;
  throw usage_error(fmt::format("{}: a federated run, whose shadow models would be federations", run.string()),
                    "Attack it by its loss (--attack loss), or by outputs of federations of your own (--signals).");
}

/// Request: run; what signal_audit_options reads (attacks: "loss" if absent, "all"); members (at most so many
/// are scored); shadows, one_by_one; neighbours, neighbour_share, neighbour_model; out (a file instead of
/// RUN/audits).
Json membership_of_run(const Json& request, core::OperationContext& context) {
  const fs::path path = request.at("run").get<std::string>();
  const core::RunDir directory = core::RunDir::open(path);
  if (!fs::exists(path / "holdout.json")) {
    throw usage_error(
        fmt::format("{}: this run kept no part of its training data back", path.string()),
        "Train with --hold-out 0.1: an attack needs non-members of the same origin.");
  }
  SignalAuditOptions options = signal_audit_options(request);
  if (options.attacks.empty()) options.attacks = {"loss"};
  if (options.attacks == std::vector<std::string>{"all"}) options.attacks.clear();
  const bool by_shadows = any_needs(options, &needs_shadow_models);
  if (by_shadows) check_central(path);
  const RunModel run = open_run_model(path);
  const RunData data = load_data_of_run(path);
  const AuditedPool pool = audited_pool(data, run.settings);
  const auto most = request.value("members", std::int64_t{5000});
  const std::uint64_t seed = options.report.statistics.seed;
  AuditedSample sample = sample_of(pool, most, seed);
  const std::size_t members = sample.duplicates.members.size(), others = sample.duplicates.nonmembers.size();
  if (std::min(members, others) < kLeastOfASide) {
    throw bad_data(fmt::format("{} members and {} non-members with single texts, expected at least {} of each", members,
                               others, kLeastOfASide),
                   "Hold out a larger part: train --hold-out 0.1, or use more data.");
  }

  Json configuration = signal_configuration(options);
  configuration["members"] = most;
  const SignalForm form = signal_form(run.encoder, pool.training.pool.size());
  check_fits(options, form, path);
  const ModelSignals target = signals_of(*run.model, pool.training.pool, form, table_entries(run.encoder));
  ShadowSignals shadows;
  if (by_shadows) {
    ShadowOptions asked{.models = request.value("shadows", std::int64_t{16}),
                        .seed = seed,
                        .stack = !request.value("one_by_one", false),
                        .folder = path / "audits"};
    shadows = shadow_signals(pool.training, form, asked, context);
    configuration["shadows"] = asked.models;
  }
  internal::SignalTable table;
  table.classes = form == SignalForm::kLogits ? static_cast<std::size_t>(run.encoder.intents.size()) : 0;
  std::size_t non_finite = 0;
  std::vector<std::int64_t> rows;
  for (const std::int64_t row : sample.rows) {
    const auto i = static_cast<std::size_t>(row);
    const bool usable = finite_signal(target, i, table.classes) &&
                        std::all_of(shadows.models.begin(), shadows.models.end(), [&](const ModelSignals& model) {
                          return finite_signal(model, i, table.classes);
                        });
    if (usable) rows.push_back(row);
    else ++non_finite;
  }
  add_target(pool, target, form, rows, table);
  if (by_shadows) add_shadows(shadows, rows, table);
  add_features(pool, rows, table);
  if (form == SignalForm::kTokens && any_needs(options, &needs_neighbours)) {
    const NeighbourOptions asked = neighbour_options(request, seed);
    std::vector<std::string> texts;
    for (const std::int64_t row : rows) texts.push_back(pool.text[static_cast<std::size_t>(row)]);
    table.neighbours = neighbour_log_probs(
        *run.model, texts, table_entries(run.encoder),
        [&](const std::vector<std::string>& copies) { return encode_copies(run.encoder, copies, asked); }, asked);
    configuration["neighbours"] = to_json(asked);
  }

  Json document = core::make_document({.schema = "discreet.audit.membership/1",
                                       .configuration = configuration,
                                       .inputs = membership_inputs(path, data)});
  document["run"] = path.string();
  const std::string out = request.value("out", std::string());
  fs::path stem = out.empty() ? path / "audits" / core::document_file_name(document) : fs::path(out);
  if (stem.extension() == ".json") stem.replace_extension();
  if (!stem.parent_path().empty()) fs::create_directories(stem.parent_path());
  const fs::path file = internal::write_signals(stem.string() + "-signals", table);
  document["signals"] = core::to_json(core::describe_input("signals", file));
  if (by_shadows) document["shadows"] = shadows.about;

  MembershipSignals signals = read_membership_signals(file, {});
  name_rows(pool, rows, options, signals.rows);
  attack_signals(std::move(signals), options, path.string(), document);
  const bool loss_alone = options.attacks == std::vector<std::string>{"loss"};
  add_run_caveats(pool, sample, non_finite, by_shadows, loss_alone, document);
  write_finding(request, directory, document);
  return document;
}

}  // namespace
}  // namespace app

void register_operation_membership(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "membership",
                .summary = "Membership inference on a run, by its loss or by shadow models, beside a blind baseline",
                .reference = "Yeom et al. 2018; Carlini et al. 2022; Zarifzadeh et al. 2024; Das et al. 2024",
                .make = core::Operation(&app::membership_of_run)});
}

}  // namespace discreet
