#include "discreet/cli/internal/privacy_flags.h"

#include <algorithm>
#include <iostream>
#include <iterator>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/privacy/answers.h"

namespace discreet::cli {

void add_phase_flags(CLI::App* verb, PhaseFlags& flags) {
  verb->add_option("--noise-multiplier", flags.noise_multiplier,
                   "Standard deviation of the noise over the sensitivity.");
  verb->add_option("--sampling-rate", flags.sampling_rate, "A number or a fraction: 256/60000.");
  verb->add_option("--steps", flags.steps, "Noisy steps.");
  verb->add_option("--phase", flags.phases,
                   "S,Q,T: noise multiplier, sampling rate, steps; may repeat, all are added up.");
}

bool any_given(const PhaseFlags& flags) {
  return flags.noise_multiplier || flags.steps || !flags.sampling_rate.empty() ||
         !flags.phases.empty();
}

std::vector<privacy::Phase> phases_of(const PhaseFlags& flags) {
  std::vector<privacy::Phase> phases;
  const int given = (flags.noise_multiplier ? 1 : 0) + (flags.steps ? 1 : 0) +
                    (flags.sampling_rate.empty() ? 0 : 1);
  if ((given != 0 && given != 3) || (given == 0 && flags.phases.empty())) {
    throw usage_error(
        "expected --noise-multiplier, --sampling-rate and --steps together, or --phase S,Q,T",
        "For example --noise-multiplier 1.1 --sampling-rate 256/60000 --steps 1000.");
  }
  if (given == 3) {
    if (*flags.steps < 0) {
      throw usage_error(fmt::format("--steps {}: expected an integer >= 0", *flags.steps));
    }
    phases.push_back({privacy::NoiseMultiplier(*flags.noise_multiplier).value(),
                      privacy::parse_rate(flags.sampling_rate), *flags.steps});
  }
  for (const auto& phase : flags.phases) phases.push_back(privacy::parse_phase(phase));
  return phases;
}

void add_event_flags(CLI::App* verb, EventFlags& flags) {
  verb->add_option("--event", flags.event,
                   "A file with an event tree as in privacy.json, instead of phases; - is stdin.");
  verb->add_option("--sampling", flags.sampling,
                   "poisson, full_batch, shuffled (rate 1, epochs as steps), truncated_poisson "
                   "(--units, --cap), without_replacement (--units).")
      ->capture_default_str();
  verb->add_option("--units", flags.units, "Public number of examples or users in the data.");
  verb->add_option("--cap", flags.cap, "Most units that a truncated batch keeps.");
  verb->add_option("--relation", flags.relation,
                   "add_or_remove_one, zero_out or replace_one; the sampling decides without it.");
  verb->add_option("--runs", flags.runs,
                   "Only the best of a random number of such runs is released: geometric:MEAN, "
                   "logarithmic:MEAN, poisson:MEAN, negative-binomial:MEAN:SHAPE.");
}

namespace {

/// What the event or the sampling leaves without a meaning.
void refuse_idle_flags(const EventFlags& flags) {
  const bool by_event = !flags.event.empty(), truncated = flags.sampling == "truncated_poisson";
  if (by_event && (flags.sampling != "poisson" || flags.units || flags.cap)) {
    throw usage_error("--event beside --sampling, --units or --cap: the event says how units were drawn");
  }
  if (!by_event && flags.cap && !truncated) {
    throw usage_error("--cap belongs to --sampling truncated_poisson");
  }
  if (!by_event && flags.units && !truncated && flags.sampling != "without_replacement") {
    throw usage_error("--units belongs to --sampling truncated_poisson or without_replacement");
  }
}

}  // namespace

privacy::EventQuestion event_question(const PhaseFlags& phases, const EventFlags& flags) {
  refuse_idle_flags(flags);
  privacy::EventQuestion question;
  if (flags.event.empty()) {
    question.phases = phases_of(phases);
  } else {
    if (any_given(phases)) throw usage_error("--event and phases: expected one of the two");
    const std::string text =
        flags.event == "-" ? std::string(std::istreambuf_iterator<char>(std::cin), {})
                           : core::read_file(flags.event);
    Json json = core::parse_json(text, flags.event);
    // A whole privacy.json may stand there, too.
    if (json.is_object() && json.contains("event") && !json.contains("kind")) {
      json = Json(json["event"]);
    }
    question.event = privacy::Event::from_json(json);
  }
  question.sampling = privacy::sampling_of(flags.sampling);
  if (!flags.relation.empty()) question.relation = privacy::relation_of(flags.relation);
  if (!flags.runs.empty()) question.runs = privacy::parse_runs(flags.runs);
  question.units = flags.units;
  question.cap = flags.cap;
  question.group = flags.group;
  return question;
}

std::string basis_of(const Json& document) {
  std::string relation = document["relation"];
  std::string sampling = document["sampling"];
  std::replace(relation.begin(), relation.end(), '_', '-');
  std::replace(sampling.begin(), sampling.end(), '_', ' ');
  const std::string batches = sampling == "by event" ? "the batches of the event"
                              : sampling == "poisson" ? "Poisson batches"
                                                      : sampling + " batches";
  return fmt::format("For {} neighbours and {}", relation, batches);
}

void add_accountant_flags(CLI::App* verb, std::string& accountant,
                          privacy::AccountantOptions& options) {
  verb->add_option(
          "--accountant", accountant,
          "rdp, prv, pld, analytic, gdp (`discreet list accountant`), several by commas, or all.")
      ->capture_default_str();
  verb->add_flag("--refine", options.refine, "rdp: search between the orders of the grid.");
  verb->add_option("--eps-error", options.eps_error, "prv: error in epsilon.")
      ->capture_default_str();
  verb->add_option("--mesh", options.mesh, "pld: width of a cell; 0 chooses it by the steps.")
      ->capture_default_str();
  verb->add_option("--delta-error", options.delta_error, "prv: error in delta; delta/1000.");
}

std::string shown(const Json& value) {
  if (value.is_null()) return "-";
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_integer()) return value.dump();
  return fmt::format("{:.7g}", value.get<double>());
}

int exit_code_of(const Json& results, const std::string& key) {
  const auto has = [&](const Json& row) { return row.contains(key) && !row[key].is_null(); };
  return std::any_of(results.begin(), results.end(), has) ? 0 : 5;
}

void print_reasons(const Json& results, const std::string& key) {
  for (const Json& row : results) {
    if (row.contains(key + "_reason")) {
      fmt::print("{}: {}\n", row["accountant"].get<std::string>(),
                 row[key + "_reason"].get<std::string>());
    }
    for (const Json& warning : row.value("warnings", Json::array())) {
      fmt::print("{}: {}\n", row["accountant"].get<std::string>(), warning.get<std::string>());
    }
  }
}

}  // namespace discreet::cli
