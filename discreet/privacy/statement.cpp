#include "discreet/privacy/statement.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/version.h"
#include "discreet/privacy/noise.h"

namespace discreet::privacy {
namespace {

Event event_of_run(const PrivacyRun& run) { return run.event ? *run.event : event_of(run.phases); }

/// A pair of relation and sampling that no accountant here covers is refused, never waved through.
void refuse_uncovered(const PrivacyRun& run) {
  if (run.mechanism == "none") {
    throw privacy_refused("mechanism 'none' protects nobody: there is no guarantee to state",
                          "Train with privacy.mechanism = \"dp-sgd\".");
  }
  if (run.phases.empty() && !run.event) {
    throw privacy_refused("the run states no noise, rate or steps: there is no guarantee to state");
  }
  if (run.expected_batch_size) {
    const double batch = *run.expected_batch_size;
    if (!(batch > 0) || std::isinf(batch)) {
      throw usage_error(
          fmt::format("expected_batch_size = {}: expected a number in (0, inf)", batch),
          "It is the public divisor of every step.");
    }
    if (run.units && batch > static_cast<double>(*run.units)) {
      throw usage_error(fmt::format("expected_batch_size = {}: expected at most the {} {}s of the data",
                                    batch, *run.units, name(run.unit)));
    }
  }
  for (const Phase& phase : run.phases) {
    NoiseMultiplier{phase.noise_multiplier};
    SamplingRate{phase.sampling_rate};
    const bool sampled = phase.sampling_rate != 1;
    if (run.sampling != Sampling::kPoisson && run.sampling != Sampling::kCyclicPoisson && sampled) {
      throw privacy_refused(
          fmt::format("sampling '{}' with a rate of {}: amplification by sampling is proven for "
                      "Poisson batches only",
                      name(run.sampling), phase.sampling_rate),
          "Account each epoch as one release with rate 1, or draw batches by Poisson sampling.");
    }
    if (run.relation == Relation::kReplaceOne && sampled) {
      throw privacy_refused(
          "relation 'replace_one' with Poisson batches: no accountant here covers the pair",
          "State the guarantee for add_or_remove_one or zero_out.");
    }
  }
  if (run.mechanism == "dp-ftrl" && !run.matrix) {
    throw privacy_refused(
        "mechanism 'dp-ftrl' without the pattern of participations: its noise is correlated over the steps, and "
        "batches are no Poisson samples, so noise, rate and steps do not say what it costs",
        "Name a run's directory, or give its privacy.json to `discreet privacy epsilon --event`.");
  }
  const bool by_event = run.sampling == Sampling::kTruncatedPoisson || run.sampling == Sampling::kWithoutReplacement;
  if (by_event && !run.event) {
    throw privacy_refused(
        fmt::format("sampling '{}' by noise, rate and steps: what it costs depends on the number of units too",
                    name(run.sampling)),
        "`discreet privacy epsilon --sampling` counts it.");
  }
  const bool placed =
      run.sampling == Sampling::kFixedOrder || run.sampling == Sampling::kCyclicPoisson;
  if (placed && run.relation != Relation::kZeroOut) {
    throw privacy_refused(
        fmt::format("sampling '{}' with '{}': a unit's place in the order depends on how many there are, so "
                    "neighbours must have the same number",
                    name(run.sampling), name(run.relation)),
        "State the guarantee for zero_out.");
  }
  if (placed && !run.matrix) {
    throw privacy_refused(
        fmt::format("sampling '{}' without the pattern of participations: how much a unit can move the sums "
                    "is not known",
                    name(run.sampling)),
        "The pattern is that of a run with mechanism dp-ftrl; its privacy.json holds it.");
  }
  if (const auto reason = why_not_relation(event_of_run(run), run.relation); !reason.empty()) {
    throw privacy_refused(reason);
  }
  if (run.sampling == Sampling::kShuffled && run.relation == Relation::kAddOrRemoveOne) {
    throw privacy_refused(
        "shuffled batches of fixed size with 'add_or_remove_one': one unit more or less moves "
        "others "
        "to other batches, and the contribution is not bounded",
        "State the guarantee for replace_one or zero_out, or draw batches by Poisson sampling.");
  }
}

std::int64_t steps_of(const PrivacyRun& run) {
  if (run.steps) return *run.steps;
  if (run.phases.empty()) return flatten(event_of_run(run)).steps();
  std::int64_t steps = 0;
  for (const Phase& phase : run.phases) steps += phase.steps;
  return steps;
}

/// What drawing the noise otherwise than on paper costs this run: the end of the tail, and on the grid
/// the rounding of its cells; null if the number of parameters is unknown.
Json noise_of(const PrivacyRun& run, double epsilon, std::vector<std::string>& caveats) {
  if (!run.parameters) return Json();
  // Of a private selection: of all runs that are expected.
  const bool selected = run.event && run.event->kind() == Event::Kind::kRepeatAndSelect;
  const double draws = static_cast<double>(*run.parameters) * static_cast<double>(steps_of(run)) *
                       (run.matrix ? run.matrix->draws_per_step : 1) *
                       (selected ? run.event->runs().mean : 1);
  const double limit = run.delta / 100;
  const bool grid = run.floating_point_protection;
  const double tail_end = grid ? kTailEnd : kPlainTailEnd;
  const GridCost cost = grid ? grid_cost(draws, epsilon, run.delta)
                             : GridCost{0, truncation_delta(draws, epsilon, tail_end)};
  const bool holds = cost.delta <= limit && (!(epsilon > 0) || cost.epsilon <= epsilon / 100);
  if (!holds && std::isfinite(epsilon)) {
    caveats.push_back(fmt::format(
        "Drawing the noise adds up to {:.2g} to epsilon and {:.2g} to delta over {:.3g} draws, more "
        "than a hundredth of either.",
        cost.epsilon, cost.delta, draws));
  }
  return {{"protection", grid ? "grid" : "none"},
          {"uniform_bits", grid ? 64 : 32},
          {"tail_end", tail_end},
          {"draws", draws},
          {"truncation_delta", core::number(cost.delta)},
          {"epsilon_cost", core::number(cost.epsilon)},
          {"limit", limit},
          {"holds", holds}};
}

void add_caveats(const PrivacyRun& run, PrivacyStatement& s) {
  auto& c = s.caveats;
  const std::string unit(name(run.unit));
  if (run.insecure_seed) {
    c.push_back(
        "Noise and sampling came from a seeded generator (--insecure-seed): whoever learns the "
        "seed "
        "can remove the noise, so nothing is guaranteed.");
  }
  if (!run.floating_point_protection) {
    c.push_back(
        "Floating-point protection is absent: the exact bits of released numbers can tell more "
        "than the noise on paper allows (Mironov 2012; Jin et al. 2021).");
  }
  if (run.vocabulary_from_private_text) {
    c.push_back(
        "The vocabulary was built from private text, and which words it holds is not covered.");
  }
  if (run.labels_from_private_text) {
    c.push_back("The label set was read from private data and is not covered.");
  }
  if (run.development_data_private) {
    c.push_back(
        "Decisions on private development data (early stopping, choice of the best step) are "
        "outside "
        "the guarantee.");
  }
  if (run.development_data_public) {
    c.push_back(
        "Early stopping and the choice of the best step or run looked at development data that the "
        "configuration calls public (data.dev_public); were they private, what that choice tells "
        "would be outside the guarantee.");
  }
  if (run.tuned_on_same_data) {
    c.push_back(
        "Other runs on the same data were compared with this one; what choosing among them tells "
        "is "
        "outside this guarantee. A budget ledger adds the runs up.");
  }
  if (run.has_user_column && run.unit == Unit::kExample) {
    c.push_back(
        "The data names users, but the unit is example: somebody who wrote many examples is "
        "protected "
        "less than epsilon says.");
    s.warnings.push_back(
        "the data has a user column and the unit is example: set privacy.unit = \"user\" to "
        "protect "
        "people rather than lines");
  }
  if (run.gaps) c.push_back(*run.gaps);
  c.push_back(
      "Losses, gradient norms, clipped fractions, counts of non-finite examples and the number "
      "of " +
      unit + "s are functions of the private data without noise: they are marked not private.");
  if (run.sampling == Sampling::kPoisson || run.sampling == Sampling::kCyclicPoisson) {
    c.push_back("Who was in which batch, and the size of each batch, are private.");
  }
}

void add_warnings(const PrivacyRun& run, PrivacyStatement& s) {
  if (run.units && *run.units > 0 && run.delta >= 1.0 / static_cast<double>(*run.units)) {
    s.warnings.push_back(fmt::format(
        "delta = {} is not below 1/n = {:.3g}: releasing one {} whole would be allowed by it",
        run.delta, 1.0 / static_cast<double>(*run.units), name(run.unit)));
  }
  if (run.target_epsilon && s.epsilon.value > *run.target_epsilon) {
    s.warnings.push_back(fmt::format("epsilon = {:.6g} is above the target of {:.6g}",
                                     s.epsilon.value, *run.target_epsilon));
  }
  for (const auto& warning : s.epsilon.warnings) s.warnings.push_back(warning);
  if (std::isinf(s.epsilon.value)) {
    s.warnings.push_back("without noise there is no guarantee: epsilon is infinite");
  } else if (s.epsilon.value > 10) {
    s.warnings.push_back(fmt::format(
        "epsilon = {:.3g} alone promises little; rely on measured leakage (discreet audit)",
        s.epsilon.value));
  }
}

std::string relation_in_words(Relation relation, Unit unit) {
  const std::string u(name(unit));
  switch (relation) {
    case Relation::kAddOrRemoveOne:
      return fmt::format("adding or removing any one {} (with everything it contributes)", u);
    case Relation::kZeroOut:
      return fmt::format(
          "replacing the contribution of any one {} by nothing, the size being public", u);
    case Relation::kReplaceOne:
      return fmt::format("exchanging any one {} for another", u);
  }
  throw internal_error("relation without words");
}

std::string sampling_in_words(const PrivacyRun& run) {
  switch (run.sampling) {
    case Sampling::kPoisson:
      return fmt::format("each {} entered each batch independently (Poisson sampling)",
                         name(run.unit));
    case Sampling::kFullBatch:
      return fmt::format("every {} was in every batch", name(run.unit));
    case Sampling::kShuffled:
      return fmt::format(
          "each {} entered one batch of a shuffled epoch (no amplification is claimed)",
          name(run.unit));
    case Sampling::kFixedOrder:
      return fmt::format("{}s came in a fixed public order (no amplification by sampling is claimed)",
                         name(run.unit));
    case Sampling::kCyclicPoisson:
      return fmt::format("groups of {}s took turns, each drawn from by Poisson sampling", name(run.unit));
    case Sampling::kTruncatedPoisson:
      return fmt::format(
          "each {0} entered each batch independently, and of a batch above the cap a random part was "
          "kept (the number of {0}s is public)",
          name(run.unit));
    case Sampling::kWithoutReplacement:
      return fmt::format("each batch was a uniformly random one of fixed size (per {})",
                         name(run.unit));
  }
  throw internal_error("sampling without words");
}

std::string words_of(const PrivacyRun& run, const PrivacyStatement& s, bool guarantee) {
  std::string words;
  if (guarantee) {
    words = fmt::format(
        "The trained parameters are (epsilon = {}, delta = {})-differentially private per "
        "{}: "
        "{} changes the probability of any outcome by a factor of at most exp(epsilon), up to "
        "delta. ",
        rounded_up(s.epsilon.value), rounded_up(run.delta), name(run.unit),
        relation_in_words(run.relation, run.unit));
  } else {
    words = fmt::format("Nothing is guaranteed to any {}. ", name(run.unit));
    if (std::isfinite(s.epsilon.value)) {
      words += fmt::format(
          "With secret randomness the same run would have epsilon = {:.4g} at delta = {:.3g}. ",
          s.epsilon.value, run.delta);
    }
  }
  const bool noisy = !flatten(s.event).non_private;
  words += fmt::format("Mechanism {} with {} clipping{}; {}; {} {}", run.mechanism,
                       run.clipping, run.details.empty() ? "" : " (" + run.details + ")",
                       sampling_in_words(run), steps_of(run), noisy ? "noisy steps" : "steps, not all of them with noise");
  if (run.phases.size() == 1) {
    words += fmt::format(" with noise multiplier {:.6g} and sampling rate {:.6g}",
                         run.phases[0].noise_multiplier, run.phases[0].sampling_rate);
  } else if (run.phases.size() > 1) {
    words += fmt::format(" in {} phases", run.phases.size());
  }
  if (run.matrix) {
    words += fmt::format(
        "; noise correlated over the steps ({}), the multiplier counts one of at most {} participations of {} {}, "
        "at least {} steps apart",
        run.matrix->strategy, run.matrix->participations, run.unit == Unit::kUser ? "a" : "an",
        name(run.unit), run.matrix->separation);
  }
  if (run.floating_point_protection && noisy) {
    words += ", noisy sums rounded to a grid against attacks on floating-point noise";
  }
  words += fmt::format(". Accountant {}: an upper bound.", s.epsilon.accountant);
  if (s.as_published) {
    words += fmt::format(
        " Two epsilons: sensitivity-corrected {} (the guarantee), as published {:.4g} (with the "
        "sensitivity and the noise counted as the published method counts them; no guarantee).",
        rounded_up(s.epsilon.value), *s.as_published);
  }
  return words;
}

template <class T>
Json optional_json(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json flags_json(const PrivacyRun& run) {
  return {{"insecure_seed", run.insecure_seed},
          {"floating_point_protection", run.floating_point_protection},
          {"vocabulary_from_private_text", run.vocabulary_from_private_text},
          {"labels_from_private_text", run.labels_from_private_text},
          {"development_data_private", run.development_data_private},
          {"development_data_public", run.development_data_public},
          {"tuned_on_same_data", run.tuned_on_same_data},
          {"has_user_column", run.has_user_column},
          {"user_contributions_capped", run.user_contributions_capped},
          {"processes",
           {{"size", run.processes},
            {"sampling", run.processes == 1 ? "one process samples all units"
                                            : "each process samples its own units with the run's rate"},
            {"noise", run.processes == 1 ? "one process draws all noise"
                                         : "the noise of each coordinate is drawn once, by the process "
                                           "that owns it"}}},
          {"gaps", optional_json(run.gaps)}};
}

Json bounds_json(const PrivacyStatement& s, double delta) {
  Json list = Json::array();
  for (const auto& accountant_name : accountant_names()) {
    const auto accountant = make_accountant(accountant_name);
    if (!accountant->supports(s.event)) continue;
    try {
      list.push_back(to_json(accountant->epsilon(s.event, Delta(delta))));
    } catch (const Error& e) {  // A grid that does not fit: the others still speak.
      if (e.code() != ErrorCode::kPrivacyRefused) throw;
      Json row{{"accountant", accountant_name}, {"kind", "absent"}};
      core::set_absent(row, "epsilon", e.what());
      list.push_back(row);
    }
  }
  return list;
}

}  // namespace

void set_spent(PrivacyRun& run, const Event& spent) {
  const FlatEvent flat = flatten(spent);
  const bool phases_say_it_all = flat.others.empty() && flat.unsupported.empty() && !flat.non_private;
  run.phases = flat.phases;
  if (run.event || !phases_say_it_all) run.event = spent;
}

std::string rounded_up(double value) {
  for (const double nudge : {0.0, 0.5e-3, 1e-3}) {
    const std::string text = fmt::format("{:.4g}", value * (1 + nudge));
    if (std::stod(text) >= value) return text;
  }
  return fmt::format("{}", value);
}

PrivacyStatement state_privacy(const PrivacyRun& run) {
  refuse_uncovered(run);
  PrivacyStatement s;
  s.event = event_of_run(run);
  const Delta delta(run.delta);
  s.epsilon = make_accountant(run.accountant)->epsilon(s.event, delta);
  s.epsilon.guarantee();
  const bool guarantee = std::isfinite(s.epsilon.value) && !run.insecure_seed;
  if (!run.phases_as_published.empty()) {
    Event published = event_of(run.phases_as_published);
    if (s.event.kind() == Event::Kind::kRepeatAndSelect) {
      published = Event::repeat_and_select(s.event.runs(), published);
    }
    s.as_published = make_accountant(run.accountant)->epsilon(published, delta).value;
  }

  Json results = bounds_json(s, run.delta);
  if (const FlatEvent flat = flatten(s.event); flat.others.empty() && flat.unsupported.empty()) {
    std::vector<Phase> every_step = flat.phases;
    for (Phase& phase : every_step) phase.sampling_rate = 1;
    s.unamplified_epsilon =
        flat.non_private ? HUGE_VAL
                         : make_accountant("analytic")->epsilon(event_of(every_step), delta).value;
  }
  const Json noise = noise_of(run, s.epsilon.value, s.caveats);
  add_caveats(run, s);
  add_warnings(run, s);
  s.words = words_of(run, s, guarantee);

  Json& d = s.document;
  d = {{"schema", "discreet.privacy/1"},
       {"version", core::version()},
       {"guarantee", guarantee},
       {"statement", s.words},
       {"epsilon", core::number(s.epsilon.value)},
       {"delta", run.delta},
       {"kind", name(s.epsilon.kind)},
       {"accountant", run.accountant},
       {"unit", name(run.unit)},
       {"relation", name(run.relation)},
       {"sampling", name(run.sampling)},
       {"mechanism", run.mechanism},
       {"clipping", run.clipping},
       {"details", run.details},
       {"clip_norm", run.clip_norm > 0 ? Json(run.clip_norm) : Json()},
       {"units", optional_json(run.units)},
       {"expected_batch_size", optional_json(run.expected_batch_size)},
       {"parameters", optional_json(run.parameters)},
       {"target_epsilon", optional_json(run.target_epsilon)},
       {"steps", steps_of(run)},
       {"phases", phases_json(run.phases)},
       {"unamplified_epsilon", s.unamplified_epsilon ? core::number(*s.unamplified_epsilon) : Json()},
       {"noise", noise},
       {"assumptions", flags_json(run)},
       {"event", s.event.to_json()},
       {"results", std::move(results)},
       {"not_private",
        {"losses", "gradient norms", "clipped fraction", "non-finite examples", "number of units"}},
       {"caveats", s.caveats},
       {"warnings", s.warnings}};
  if (run.matrix) {
    d["matrix"] = {{"strategy", run.matrix->strategy},
                   {"memory", run.matrix->memory},
                   {"participations", run.matrix->participations},
                   {"separation", run.matrix->separation},
                   {"draws_per_step", run.matrix->draws_per_step},
                   {"prefix_noise", core::number(run.matrix->prefix_noise)},
                   {"independent_prefix_noise", core::number(run.matrix->independent_prefix_noise)}};
  }
  if (!s.unamplified_epsilon) {
    core::set_absent(d, "unamplified_epsilon", "the event is not made of Gaussian steps alone");
  }
  if (run.event) d["whole_event"] = true;
  if (!run.phases_as_published.empty()) {
    d["as_published"] = {{"epsilon", core::number(*s.as_published)},
                         {"phases", phases_json(run.phases_as_published)},
                         {"note",
                          "with the sensitivity that the published method assumes; not a "
                          "guarantee"}};
  }
  return s;
}

}  // namespace discreet::privacy
