#include <algorithm>
#include <cstdio>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discreet/app/internal/budget.h"
#include "discreet/app/internal/encoder.h"
#include "discreet/app/ops/internal/lineage.h"
#include "discreet/app/ops/internal/run_parts.h"
#include "discreet/core/error.h"
#include "discreet/core/pattern.h"
#include "discreet/dp/layers.h"
#include "discreet/dp/mechanism.h"
#include "discreet/dp/private_step.h"
#include "discreet/nn/average.h"
#include "discreet/nn/batch.h"
#include "discreet/nn/distributed/data_parallel.h"
#include "discreet/nn/model.h"
#include "discreet/nn/ordinary_step.h"
#include "discreet/nn/token_batches.h"
#include "discreet/privacy/ledger.h"

namespace discreet::app {
namespace {

/// Examples of each user, users in the order of their first example.
std::vector<std::vector<std::int64_t>> examples_by_user(const EncodedData& data) {
  std::map<std::string, std::size_t> places;
  std::vector<std::vector<std::int64_t>> users;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const auto [place, fresh] = places.try_emplace(data.examples[i].user, users.size());
    if (fresh) users.emplace_back();
    users[place->second].push_back(i);
  }
  return users;
}

dp::PrivateStep::Data step_data(const Session& session) {
  const auto examples = std::make_shared<const nn::EncodedExamples>(to_examples(session.data.train));
  dp::PrivateStep::Data data;
  data.lengths = nn::lengths_of(examples->offsets);
  if (privacy_unit_is_user(session.settings)) data.user_examples = examples_by_user(session.data.train);
  data.collate = [examples](std::span<const std::int64_t> indices,
                            std::span<const std::int64_t> segments) {
    return nn::collate(*examples, indices, segments);
  };
  return data;
}

void print_statement_warnings(const privacy::PrivacyStatement& statement, const core::OperationContext& context) {
  if (context.quiet) return;
  for (const std::string& warning : statement.warnings) fmt::print(stderr, "warning: {}\n", warning);
}

/// What the optimiser makes of a step later on, as far as a matrix can be fitted to it.
double momentum_of(const Settings& settings) {
  const std::string& optimizer = settings.train.optimizer;
  return optimizer == "momentum" || optimizer == "nesterov" ? settings.train.momentum : 0;
}

/// What rules by layer clip apart. The first example shows how parameters are used; what it says does
/// not matter.
std::vector<dp::ClipLayer> layers_of(const Session& session, const dp::PrivateStep::Data& data) {
  if (data.lengths.empty()) return {};
  const std::int64_t first[] = {0}, offsets[] = {0, 1};
  const auto layers = dp::find_layers(*session.model, nn::trainable_parameters(*session.model),
                                      data.collate(first, offsets));
  return session.settings.privacy.clip_groups == "module" ? dp::by_module(layers) : layers;
}

/// Data that were trained on cannot be public to the choice of the step and private to the training.
void check_public_development(const Session& session) {
  for (const core::InputFile& dev : session.data.inputs) {
    if (dev.role != "dev") continue;
    for (const core::InputFile& train : session.data.inputs) {
      if (train.role != "train" || train.sha256 != dev.sha256) continue;
      throw privacy_refused(
          fmt::format("data.dev_public: {} is also training data, which privacy.mechanism protects",
                      dev.path),
          "Name other data in data.dev, or leave data.dev_public out.");
    }
  }
}

/// What the plan cannot know: where vocabulary, labels and decisions came from.
privacy::PrivacyRun described(const Session& session, const dp::PrivatePlan& plan,
                              std::int64_t steps) {
  const Encoder& encoder = session.data.encoder;
  privacy::PrivacyRun run = plan.describe(steps, static_cast<std::uint64_t>(session.trainable_values));
  run.vocabulary_from_private_text = encoder.vocabulary.from_text();
  run.labels_from_private_text = encoder.intents.from_data() || encoder.tags.from_data();
  const bool chooses = session.settings.train.patience > 0 && session.data.dev.size() > 0;
  if (session.settings.data.dev_public) check_public_development(session);
  run.development_data_public = chooses && session.settings.data.dev_public;
  run.development_data_private = chooses && !session.settings.data.dev_public;
  run.has_user_column = session.data.has_user_column;
  run.user_contributions_capped = privacy_unit_is_user(session.settings);
  std::vector<std::string> gaps;
  if (const std::string gap = lineage_gap(session.settings, session.distill, session.data.inputs); !gap.empty()) gaps.push_back(gap);
  if (session.settings.data.block > 0 && !privacy_unit_is_user(session.settings)) {
    gaps.push_back(fmt::format("An example is a block of {} tokens of the lines one behind another: a line, or whoever wrote it, is not "
                               "what is protected, and one line more moves all blocks behind it.", session.settings.data.block));
  }
  if (session.settings.task == "span-qa") gaps.push_back("Whether any question has no answer is told by the encoder as it is.");
  if (!gaps.empty()) run.gaps = fmt::format("{}", fmt::join(gaps, " "));
  return run;
}

/// What the published method makes of the phases that were spent: its multipliers stand to the counted
/// ones as they do in the plan.
std::vector<privacy::Phase> published_of(std::vector<privacy::Phase> phases,
                                         const privacy::PrivacyRun& plan) {
  if (plan.phases_as_published.empty() || plan.phases.empty()) return {};
  if (plan.phases.front().noise_multiplier == 0) return plan.phases_as_published;
  const double ratio = plan.phases_as_published.front().noise_multiplier /
                       plan.phases.front().noise_multiplier;
  for (privacy::Phase& phase : phases) phase.noise_multiplier *= ratio;
  return phases;
}

/// A pattern of privacy.generic_rule that names nothing is a mistake.
void check_generic_names(const Session& session) {
  std::vector<std::string> names;
  for (const auto& item : session.model->named_parameters()) names.push_back(item.key());
  core::check_patterns("privacy.generic_rule", session.settings.privacy.generic_rule, names);
}

}  // namespace

dp::PrivacyOptions plan_options(const Settings& settings, std::uint64_t units, std::int64_t steps) {
  const PrivacyOptions& asked = settings.privacy;
  dp::PrivacyOptions options;
  options.units = units;
  options.expected_batch_size = static_cast<double>(settings.train.batch_size);
  options.steps = steps;
  options.clip_norm = asked.clip_norm;
  options.noise_multiplier = asked.noise_multiplier;
  options.epsilon = asked.epsilon;
  options.delta = asked.delta.value();
  options.unit = privacy::unit_of(asked.unit);
  options.accountant = asked.accountant;
  options.mechanism = asked.mechanism;
  options.clipping = {.rule = asked.clipping,
                      .weights = asked.clip_weights,
                      .clip_norms = asked.clip_norms,
                      .quantile = asked.quantile,
                      .quantile_rate = asked.quantile_rate,
                      .count_noise = asked.count_noise,
                      .quantile_steps = asked.quantile_steps};
  options.slots = asked.slots;
  options.placement = privacy::noise_placement_of(asked.noise_placement);
  options.schedule = {.kind = privacy::noise_schedule_of(asked.noise_schedule),
                      .decay = asked.noise_decay,
                      .every = asked.noise_every,
                      .floor = asked.noise_floor};
  options.ftrl = {.matrix = asked.ftrl_matrix,
                  .bands = asked.ftrl_bands,
                  .honaker = asked.ftrl_honaker,
                  .cyclic_poisson = asked.ftrl_sampling == "cyclic-poisson",
                  .order_seed = static_cast<std::uint64_t>(settings.run.seed),
                  .momentum = momentum_of(settings)};
  options.noise_protection = asked.noise_protection == "grid" ? privacy::NoiseProtection::kGrid
                                                              : privacy::NoiseProtection::kNone;
  if (asked.insecure_seed) options.insecure_seed = static_cast<std::uint64_t>(*asked.insecure_seed);
  return options;
}

std::function<privacy::Event(double)> planned_event(const Session& session) {
  const dp::PrivateStep::Data data = step_data(session);
  const std::uint64_t units = privacy_unit_is_user(session.settings) ? data.user_examples.size()
                                                                     : data.lengths.size();
  dp::PrivacyOptions asked =
      plan_options(session.settings, units, step_count(session.settings, static_cast<std::int64_t>(units)));
  asked.layers = layers_of(session, data);
  asked.epsilon.reset();
  return [asked](double noise_multiplier) {
    dp::PrivacyOptions options = asked;
    options.noise_multiplier = noise_multiplier;
    return dp::make_plan(options)->event(options.steps);
  };
}

void prepare_private(Session& session, bool resumed, core::OperationContext& context) {
  const Settings& settings = session.settings;
  dp::PrivateStep::Data data = step_data(session);
  const std::uint64_t units = privacy_unit_is_user(settings) ? data.user_examples.size()
                                                             : data.lengths.size();
  session.steps = step_count(settings, static_cast<std::int64_t>(units));
  dp::PrivacyOptions asked = plan_options(settings, units, session.steps);
  asked.layers = layers_of(session, data);
  const nn::ProcessGroup& group = *session.parallel->group;
  asked.shard = {static_cast<std::uint64_t>(group.rank()), static_cast<std::uint64_t>(group.size())};
  auto plan = dp::make_plan(std::move(asked));
  session.plan = described(session, *plan, session.steps);
  const privacy::Event whole = plan->event(session.steps);

  dp::PrivateStepOptions options{.optimizer = optimizer_options(session),
                                 .part_tokens = part_tokens(session),
                                 .user_examples = settings.privacy.max_examples_per_user,
                                 .seed = static_cast<std::uint64_t>(settings.run.seed),
                                 .parallel = session.parallel};
  check_generic_names(session);
  constexpr std::int64_t kMebi = 1 << 20;
  options.rules.kept_bytes = settings.privacy.kept_mib * kMebi;
  options.rules.generic = settings.privacy.generic_rule;
  options.rules.generic_bytes = settings.privacy.generic_mib * kMebi;
  core::RunDir* run = &session.run;
  session.step = std::make_shared<dp::PrivateStep>(
      *session.trained, std::move(plan), std::move(data), options,
      [run](std::uint64_t step, const privacy::Event& event) {
        run->append_ledger(privacy::ledger_line(step, event));
      });
  session.steps_allowed = session.steps;
  if (!resumed && leads(session)) {
    // A run that is kept nowhere is a rehearsal.
    charge_budget(budget_of(settings.privacy, session.plan->relation), session.run.path().string(), whole,
                  session.run.elsewhere());
  }
  if (resumed) return;  // What was spent already counts, too: see state_resumed.
  print_statement_warnings(write_statement(session, "planned"), context);
}

void state_resumed(Session& session, std::int64_t from_step, core::OperationContext& context) {
  if (!session.plan || !leads(session)) return;
  privacy::LedgerSum spent = privacy::read_ledger(session.run.path() / "ledger.jsonl");
  std::vector<privacy::Event> events{spent.event};
  nn::Step* step_with_plan = session.step.get();
  if (auto* averaging = dynamic_cast<nn::AveragedStep*>(step_with_plan)) step_with_plan = &averaging->averaged();
  const dp::PrivatePlan& plan = dynamic_cast<dp::PrivateStep&>(*step_with_plan).plan();
  for (std::int64_t step = from_step, times = 1; step < session.steps_allowed; step += times) {
    const privacy::Event event = plan.step_event(step);
    for (times = 1; step + times < session.steps_allowed && plan.step_event(step + times) == event;) ++times;
    events.push_back(privacy::Event::self_composed(event, times));
  }
  spent.event = privacy::Event::composed(std::move(events));
  spent.lines += static_cast<std::uint64_t>(std::max<std::int64_t>(0, session.steps_allowed - from_step));
  print_statement_warnings(write_statement(session, "planned", &spent), context);
}

privacy::PrivacyStatement write_statement(Session& session, const std::string& status,
                                          const privacy::LedgerSum* after) {
  privacy::PrivacyRun run = *session.plan;
  std::optional<std::uint64_t> stopped_after;
  if (status == "spent" || after != nullptr) {
    // The ledger is the truth: it counts steps that were abandoned and repeated.
    const privacy::LedgerSum spent =
        after != nullptr ? *after : privacy::read_ledger(session.run.path() / "ledger.jsonl");
    // Where the data say when to stop, fewer steps are no smaller guarantee: what was planned bounds every way to stop.
    const bool stops_by_data = session.settings.train.patience > 0;
    if (!stops_by_data || static_cast<std::int64_t>(spent.lines) >= session.steps) {
      privacy::set_spent(run, spent.event);
      run.phases_as_published = published_of(run.phases, *session.plan);
      // Phases do not count steps of correlated noise, or of none.
      if (run.steps || privacy::flatten(spent.event).non_private) run.steps = static_cast<std::int64_t>(spent.lines);
    } else if (status == "spent") {
      stopped_after = spent.lines;
    }
  }
  if (session.as_selected) session.as_selected(run);
  const privacy::PrivacyStatement statement = privacy::state_privacy(run);
  Json document = statement.document;
  document["status"] = status;
  if (stopped_after) document["stopped_after"] = *stopped_after;
  session.run.write_document("privacy.json", document);
  return statement;
}

}  // namespace discreet::app
