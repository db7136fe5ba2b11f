#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "discreet/app/ops/internal/federation.h"
#include "discreet/app/ops/internal/lineage.h"
#include "discreet/core/error.h"
#include "discreet/nn/distributed/share.h"
#include "discreet/privacy/accountant.h"
#include "discreet/privacy/calibrate.h"
#include "discreet/privacy/ledger.h"
#include "discreet/privacy/noise.h"

namespace discreet::app {
namespace {

using privacy::Event;

bool is_insecure(const Federation& federation) {
  return federation.settings.privacy.insecure_seed.has_value();
}
bool is_local(const Federation& federation) { return federation.federated.own.noise == "local"; }
bool is_distributed(const Federation& federation) { return federation.federated.own.noise == "distributed"; }

privacy::NoiseProtection protection_of(const PrivacyOptions& asked) {
  return asked.noise_protection == "grid" ? privacy::NoiseProtection::kGrid : privacy::NoiseProtection::kNone;
}

/// The public bound on every client's rate. Noise of clients' own hides them from the server that drew them, and
/// the noise of a sum tells how many there were: no sampling helps there.
double private_rate(const Federation& federation) {
  const FederatedOptions& own = federation.federated.own;
  if (own.noise != "central" || federation.settings.privacy.mechanism == "dp-ftrl") return 1;
  if (own.selection == "uniform") return own.sampling_rate;
  return federated::selection_privacy(own.selection, {}, federation.federated.selection).sampling_rate;
}

Event sampled_round(double rate, double noise_multiplier) {
  const Event noise = Event::gaussian(privacy::NoiseMultiplier(noise_multiplier));
  if (rate >= 1) return noise;
  return Event::poisson_sampled(privacy::SamplingRate(rate), noise);
}

/// What round `round` (from 0) costs, for the relation of the plan.
Event event_of_round(const Federation& federation, std::int64_t round) {
  if (federation.ftrl) return federation.ftrl->plan->step_event(round);
  return sampled_round(private_rate(federation), federation.noise_multiplier);
}

std::unique_ptr<privacy::NoiseSource> noise_source(const PrivacyOptions& asked, const std::string& stream,
                                                   std::int64_t step) {
  std::unique_ptr<privacy::NoiseSource> noise;
  if (asked.insecure_seed) {
    noise = std::make_unique<privacy::InsecureNoise>(static_cast<std::uint64_t>(*asked.insecure_seed), stream, 1,
                                                     protection_of(asked));
  } else {
    noise = std::make_unique<privacy::SecureNoise>(1, protection_of(asked));
  }
  noise->begin_step(static_cast<std::uint64_t>(step));
  return noise;
}

/// What the statement says beside the numbers.
void describe(const Federation& federation, privacy::PrivacyRun& run) {
  const FederatedOptions& own = federation.federated.own;
  run.vocabulary_from_private_text = federation.data.encoder.vocabulary.from_text();
  run.labels_from_private_text = federation.data.encoder.intents.from_data() ||
                                 federation.data.encoder.tags.from_data();
  run.has_user_column = federation.data.has_user_column;
  run.user_contributions_capped = true;
  run.details = "each client's whole update of a round is clipped and noised (DP-FedAvg)";
  std::string gaps;
  if (own.partition != "natural" || own.by != "user") {
    gaps = "The unit is a simulated client: the examples of one person may be with several of them. ";
  }
  if (is_distributed(federation)) {
    run.details = fmt::format(
        "each client's whole update of a round is clipped, and each client adds a share of the noise that "
        "suffices with {} survivors of whom {} tell their shares; what is stated holds towards a server that sees who "
        "takes part, for a client that does so in every round",
        own.least_survivors, own.colluders);
    gaps += "The shares are Gaussian on the grid of the sum (2^-40); a deployment draws them on the integers "
            "modulo the masks' modulus. Clients are taken to add what they should, and to be lost whatever they hold: "
            "who took part, how many survived and whether a round failed are not hidden. ";
  }
  if (own.noise == "local") {
    run.details = "each client clips its update of a round and adds all of the noise itself; what is stated holds "
                  "towards the server, for a client that takes part in every round";
  }
  if (!own.personal.empty()) {
    gaps += "Parameters that stay on the clients are not covered, nor is what is measured with them. ";
  }
  if (const std::string gap = lineage_gap(federation.settings, {}, federation.data.inputs); !gap.empty()) gaps += gap + " ";
  if (!gaps.empty()) {
    gaps.pop_back();
    run.gaps = gaps;
  }
}

dp::PrivacyOptions ftrl_options(const Federation& federation) {
  const PrivacyOptions& asked = federation.settings.privacy;
  dp::PrivacyOptions options;
  options.units = federation.clients.size();
  options.expected_batch_size = static_cast<double>(federation.federated.selection.cohort);
  options.steps = federation.federated.own.rounds;
  options.clip_norm = asked.clip_norm;
  options.noise_multiplier = asked.noise_multiplier;
  options.epsilon = asked.epsilon;
  options.delta = asked.delta.value();
  options.unit = privacy::Unit::kUser;
  options.accountant = asked.accountant;
  options.mechanism = "dp-ftrl";
  options.ftrl = {.matrix = asked.ftrl_matrix,
                  .bands = asked.ftrl_bands,
                  .honaker = asked.ftrl_honaker,
                  .order_seed = static_cast<std::uint64_t>(federation.settings.run.seed)};
  options.noise_protection = protection_of(asked);
  if (asked.insecure_seed) options.insecure_seed = static_cast<std::uint64_t>(*asked.insecure_seed);
  return options;
}

void plan_ftrl(Federation& federation) {
  const auto units = federation.clients.size();
  const std::int64_t cohort = federation.federated.selection.cohort;
  if (static_cast<std::uint64_t>(cohort) > units) {
    throw usage_error(fmt::format("federated.cohort = {}: there are {} clients", cohort, units));
  }
  auto ftrl = std::make_shared<FtrlRounds>();
  dp::PrivacyOptions options = ftrl_options(federation);
  ftrl->plan = std::make_unique<dp::FtrlPlan>(options);
  ftrl->order = std::make_unique<privacy::FixedOrderSampler>(units, cohort, options.ftrl.order_seed);
  ftrl->guard = std::make_unique<privacy::ParticipationGuard>(units, ftrl->plan->participation());
  const PrivacyOptions asked = federation.settings.privacy;
  ftrl->noise = std::make_unique<privacy::CorrelatedNoise>(
      privacy::make_strategy(options.ftrl, options.steps, ftrl->plan->participation()), ftrl->plan->participation(),
      [asked](std::int64_t draw) -> std::unique_ptr<privacy::NoiseSource> {
        if (asked.insecure_seed) {
          return std::make_unique<privacy::InsecureNoise>(static_cast<std::uint64_t>(*asked.insecure_seed),
                                                          fmt::format("federated/{}", draw), 1, protection_of(asked));
        }
        return std::make_unique<privacy::SecureNoise>(1, protection_of(asked));
      });
  federation.ftrl = ftrl;
  federation.noise_multiplier = federation.update_noise_multiplier = ftrl->plan->noise_multiplier();
  privacy::PrivacyRun run = ftrl->plan->describe(options.steps, static_cast<std::uint64_t>(federation.runner->sent_values()));
  run.target_epsilon = asked.epsilon;
  run.insecure_seed = is_insecure(federation);
  run.floating_point_protection = asked.noise_protection == "grid";
  describe(federation, run);
  federation.plan = run;
}

/// A twentieth of the cohort (Andrew et al. 2021), and so much that counts take at most a tenth of a round.
void plan_counts(Federation& federation) {
  const PrivacyOptions& asked = federation.settings.privacy;
  federation.update_noise_multiplier = federation.noise_multiplier;
  if (asked.clipping != "adaptive") return;
  const double z = federation.noise_multiplier;
  federation.clip.emplace(asked.clip_norm, asked.quantile, asked.quantile_rate);
  federation.count_noise = asked.count_noise > 0
                               ? asked.count_noise
                               : std::max(static_cast<double>(federation.federated.selection.cohort) / 20,
                                          z / 2 / std::sqrt(0.1));
  if (z == 0) return;
  if (2 * federation.count_noise <= z) {
    throw privacy_refused(fmt::format("privacy.count_noise = {:g} leaves nothing for the updates at noise multiplier {:g}",
                                      federation.count_noise, z),
                          "Twice the count noise must be above the noise multiplier; 0 lets it be chosen.");
  }
  federation.update_noise_multiplier = federated::split_noise(z, federation.count_noise);
}

/// What only the process that leads may make: numbers, on all of them. If another is lost here, the one that
/// leads has all it needs, and ends the round alone: making it again would draw secret noise a second time.
void share_numbers(Federation& federation, std::span<double> values) {
  if (federation.parallel->alone()) return;
  at::Tensor tensor = at::from_blob(values.data(), {static_cast<std::int64_t>(values.size())}, at::kDouble);
  try {
    federation.parallel->group->share(tensor);
  } catch (const nn::LostProcess& lost) {
    if (!federation.parallel->group->leads() || clients_remember(federation)) throw;
    leave_others(federation, lost, fmt::format("round {} is ended by this process alone", federation.round + 1));
  }
}

/// Before anything of the round is looked at. Under an insecure seed a round that is made again has the same
/// cohort, updates and noise: what it tells is what was told, and stands in the ledger already.
void append_round(Federation& federation, std::int64_t place) {
  if (is_insecure(federation) && place < federation.ledger_end) return;
  federation.run->append_ledger(
      privacy::ledger_line(static_cast<std::uint64_t>(place), event_of_round(federation, place)));
  federation.ledger_end = place + 1;
}

}  // namespace

void plan_privacy(Federation& federation) {
  const PrivacyOptions& asked = federation.settings.privacy;
  if (!asked.is_private()) return;
  if (asked.mechanism == "dp-ftrl") return plan_ftrl(federation);
  const FederatedOptions& own = federation.federated.own;
  const double rate = private_rate(federation);
  const std::int64_t rounds = federation.federated.own.rounds;
  const auto accountant = privacy::make_accountant(asked.accountant);
  // One client's data replaced moves its own update by up to twice the clip norm.
  const double factor = is_local(federation) ? 2 : 1;
  if (asked.noise_multiplier) {
    federation.noise_multiplier = *asked.noise_multiplier / factor;
  } else {
    const privacy::Target target{*asked.epsilon, *asked.delta, accountant.get()};
    federation.noise_multiplier =
        privacy::calibrate_noise_multiplier(target, [&](double z) {
          return Event::self_composed(sampled_round(rate, z), rounds);
        }).value;
  }
  plan_counts(federation);
  if (is_local(federation)) federation.update_noise_multiplier = factor * federation.noise_multiplier;
  privacy::PrivacyRun run;
  run.mechanism = "dp-sgd";
  run.unit = privacy::Unit::kUser;
  run.clipping = asked.clipping;
  if (own.noise != "central") run.sampling = privacy::Sampling::kFullBatch;
  if (is_local(federation)) run.relation = privacy::Relation::kReplaceOne;
  // The number of clients decides whether a round fails, and the size of the noise in its sum: neighbours have the same.
  if (is_distributed(federation)) run.relation = privacy::Relation::kZeroOut;
  run.expected_batch_size = static_cast<double>(federation.federated.selection.cohort);
  // The divisor is public, and may be above a number that is not.
  if (*run.expected_batch_size <= static_cast<double>(federation.clients.size())) run.units = federation.clients.size();
  run.clip_norm = asked.clip_norm;
  run.delta = *asked.delta;
  run.accountant = asked.accountant;
  run.phases = {{.noise_multiplier = federation.noise_multiplier, .sampling_rate = rate, .steps = rounds}};
  run.target_epsilon = asked.epsilon;
  run.parameters = static_cast<std::uint64_t>(federation.runner->sent_values());
  run.insecure_seed = is_insecure(federation);
  run.floating_point_protection = asked.noise_protection == "grid";
  describe(federation, run);
  federation.plan = run;
}

std::vector<std::int64_t> draw_private_clients(Federation& federation, std::span<const double> activity) {
  const FederatedOptions& own = federation.federated.own;
  const std::int64_t place = federation.round + federation.lost_rounds;
  // Why a round was lost may depend on who was in it: a second draw would not be the first's distribution.
  if (federation.drawn.place == place) return federation.drawn.clients;
  if (federation.ftrl) {
    const auto batch = federation.ftrl->order->sample(static_cast<std::uint64_t>(place));
    federation.ftrl->guard->take(static_cast<std::uint64_t>(place), batch);
    std::vector<std::int64_t> clients(batch.begin(), batch.end());
    std::sort(clients.begin(), clients.end());
    federation.drawn = {place, clients};
    return clients;
  }
  // Each client by itself, whoever else is there; or so many of all, where who takes part is not hidden.
  const auto draw = [&](const federated::Uniform& uniform) {
    if (own.selection != "uniform") {
      return federated::draw_poisson(federated::public_rates(activity, federation.federated.selection), uniform);
    }
    if (own.sampling_rate > 0) {
      return federated::draw_poisson(std::vector<double>(activity.size(), own.sampling_rate), uniform);
    }
    return federated::draw_successive(std::vector<double>(activity.size(), 1.0), federation.federated.selection.cohort, uniform);
  };
  if (is_insecure(federation)) {
    core::ReproducibleRng rng(static_cast<std::uint64_t>(*federation.settings.privacy.insecure_seed),
                              fmt::format("private-selection.{}", federation.round + 1));
    return draw([&rng] { return rng.uniform(); });
  }
  // A secret draw, made once.
  std::vector<std::int64_t> drawn;
  if (federation.parallel->group->leads()) {
    core::SecureRng rng;
    drawn = draw([&rng] { return rng.uniform(); });
    federation.drawn = {place, drawn};
  }
  if (federation.parallel->alone()) return drawn;
  return nn::share_json(*federation.parallel->group, drawn).get<std::vector<std::int64_t>>();
}

void ask_privately(Federation& federation, federated::RoundRequest& request) {
  const PrivacyOptions& asked = federation.settings.privacy;
  const FederatedOptions& own = federation.federated.own;
  request.alike = true;
  request.clip_norm = federation.clip ? federation.clip->clip_norm() : asked.clip_norm;
  if (own.noise == "central") return;
  double deviation = federation.update_noise_multiplier * request.clip_norm;
  if (own.noise == "distributed") {
    deviation /= std::sqrt(static_cast<double>(own.least_survivors - own.colluders));
  }
  const std::int64_t round = federation.round;
  request.client_noise = [asked, deviation, round](std::int64_t client, std::span<float> update) {
    noise_source(asked, fmt::format("client.{}", client), round)->add_gaussian(update, deviation);
  };
}

bool make_private(Federation& federation, federated::RoundResult& result, Json& line) {
  const PrivacyOptions& asked = federation.settings.privacy;
  const FederatedOptions& own = federation.federated.own;
  const std::int64_t place = federation.round + federation.lost_rounds;
  const auto cohort = static_cast<double>(federation.federated.selection.cohort);
  append_round(federation, place);
  if (own.noise != "central") {
    // What arrived is noised already; the ledger is on the disk before anybody goes on.
    std::vector<double> nothing(1, 0.0);
    share_numbers(federation, nothing);
    const auto survivors = static_cast<std::int64_t>(result.reports.size());
    if (own.noise == "distributed" && survivors < own.least_survivors) {
      line["failed"] = fmt::format("{} survivors, fewer than federated.least_survivors = {}", survivors,
                                   own.least_survivors);
      return false;
    }
    for (double& value : result.sum) value /= cohort;
    return true;
  }
  const double clip_norm = federation.clip ? federation.clip->clip_norm() : asked.clip_norm;
  const double deviation = federation.update_noise_multiplier * clip_norm;
  double count = result.below;
  if (federation.parallel->group->leads()) {
    if (federation.ftrl) {
      federation.ftrl->noise->begin_step(static_cast<std::uint64_t>(federation.round - federation.ftrl->first));
      federation.ftrl->noise->add_gaussian(std::span<double>(result.sum), deviation);
    } else {
      const auto noise = noise_source(asked, "federated", federation.round);
      noise->add_gaussian(std::span<double>(result.sum), deviation);
      if (federation.clip && federation.noise_multiplier > 0) {
        noise->add_gaussian(std::span<double>(&count, 1), federation.count_noise);
      }
    }
  }
  if (!federation.parallel->alone()) {
    result.sum.push_back(count);
    share_numbers(federation, result.sum);
    count = result.sum.back();
    result.sum.pop_back();
  }
  if (federation.clip) {
    line["clip_norm"] = clip_norm;  // of this round; the noisy count moves the next one
    line["share_below"] = federation.clip->move(count, cohort);
  }
  for (double& value : result.sum) value /= cohort;
  return true;
}

void count_lost_attempt(Federation& federation) {
  const std::int64_t place = federation.round + federation.lost_rounds;
  const bool told = federation.federated.own.noise != "central" && !is_insecure(federation);
  if (!federation.plan || !told || place < federation.ledger_end) return;
  append_round(federation, place);
  ++federation.lost_rounds;
}

privacy::PrivacyStatement state_federation(Federation& federation, const std::string& status) {
  privacy::PrivacyRun run = *federation.plan;
  if (status == "spent" && !federation.ftrl) {
    privacy::set_spent(run, privacy::read_ledger(federation.run->path() / "ledger.jsonl").event);
  }
  const privacy::PrivacyStatement statement = privacy::state_privacy(run);
  Json document = statement.document;
  document["status"] = status;
  federation.run->write_document("privacy.json", document);
  return statement;
}

}  // namespace discreet::app
