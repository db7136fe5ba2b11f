#include "discreet/privacy/answers.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/privacy/group.h"
#include "discreet/privacy/internal/ask_each.h"

namespace discreet::privacy {
namespace {

double parse_number(const std::string& text, const std::string& what) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw usage_error(fmt::format("{} '{}': expected a number", what, text));
  }
  return value;
}

std::vector<std::string> split_at_commas(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == ',') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

std::vector<std::string> split_at_colons(std::string text) {
  std::replace(text.begin(), text.end(), ':', ',');
  return split_at_commas(text);
}

/// One step of a phase, by the sampling that was asked for.
Event sampled_step(const EventQuestion& question, const Phase& phase) {
  Event noise = Event::gaussian(NoiseMultiplier(phase.noise_multiplier));
  const SamplingRate rate(phase.sampling_rate);
  const auto units = [&] {
    if (question.units) return *question.units;
    throw usage_error(fmt::format("sampling '{}' needs --units", name(question.sampling)),
                      "The public number of examples or users in the data.");
  };
  switch (question.sampling) {
    case Sampling::kPoisson:
      return rate.value() == 1 ? noise : Event::poisson_sampled(rate, std::move(noise));
    case Sampling::kFullBatch:
    case Sampling::kShuffled:
      if (rate.value() != 1) {
        throw privacy_refused(
            fmt::format("sampling '{}' with a rate of {}: amplification is proven for Poisson batches, "
                        "not for these",
                        name(question.sampling), rate.value()),
            "State rate 1 and, for shuffled batches, the number of epochs as steps: every unit enters "
            "once per epoch.");
      }
      return question.sampling == Sampling::kShuffled ? Event::shuffled_epoch(std::move(noise)) : noise;
    case Sampling::kTruncatedPoisson: {
      const std::int64_t n = units();
      if (!question.cap) throw usage_error("sampling 'truncated_poisson' needs --cap");
      return Event::truncated_poisson_sampled(rate, n, *question.cap, std::move(noise));
    }
    case Sampling::kWithoutReplacement: {
      const std::int64_t n = units();
      const double batch = rate.value() * static_cast<double>(n);
      if (std::abs(batch - std::round(batch)) > 1e-6) {
        throw usage_error(fmt::format("a rate of {} of {} units is a batch of {}: expected a whole number",
                                      rate.value(), n, batch));
      }
      return Event::sampled_without_replacement(n, std::llround(batch), std::move(noise));
    }
    case Sampling::kFixedOrder:
    case Sampling::kCyclicPoisson:
      break;  // What they cost depends on the noise's matrix, which phases do not say.
  }
  throw usage_error(fmt::format("sampling '{}' cannot be stated by phases", name(question.sampling)),
                    "Give the run's privacy.json to --event.");
}

/// Of the phases.
Event sampled_event(const EventQuestion& question) {
  std::vector<Event> events;
  for (const Phase& phase : question.phases) {
    events.push_back(Event::self_composed(sampled_step(question, phase), phase.steps));
  }
  return events.size() == 1 ? events[0] : Event::composed(std::move(events));
}

/// Each upper bound holds, so the smallest one does; null if there is none.
Json smallest_upper(const Json& results) {
  Json best;
  for (const Json& row : results) {
    if (row["kind"] != "upper") continue;
    if (!best.is_null() &&
        core::to_double(row["epsilon"]) >= core::to_double(best["epsilon"])) {
      continue;
    }
    best = {{"accountant", row["accountant"]}, {"epsilon", row["epsilon"]}};
  }
  return best;
}

/// The relation that is stated unless another one is asked for.
Relation usual_relation(const Event& event) {
  for (const auto relation :
       {Relation::kAddOrRemoveOne, Relation::kZeroOut, Relation::kReplaceOne}) {
    if (why_not_relation(event, relation).empty()) return relation;
  }
  throw privacy_refused("this event mixes kinds of sampling whose guarantees are for different "
                        "neighbours: no relation covers all of it: " +
                        why_not_relation(event, Relation::kZeroOut));
}

}  // namespace

double parse_rate(const std::string& text, const std::string& what) {
  const auto slash = text.find('/');
  double value;
  if (slash == std::string::npos) {
    value = parse_number(text, what);
  } else {
    const double below = parse_number(text.substr(slash + 1), what);
    value = parse_number(text.substr(0, slash), what) / below;
    if (below == 0) throw usage_error(fmt::format("{} '{}': division by zero", what, text));
  }
  return SamplingRate(value).value();
}

Phase parse_phase(const std::string& text) {
  const auto parts = split_at_commas(text);
  if (parts.size() != 3) {
    throw usage_error(fmt::format("phase '{}': expected S,Q,T", text),
                      "Noise multiplier, sampling rate, steps: for example 1.1,256/60000,1000.");
  }
  std::int64_t steps = 0;
  const auto& last = parts[2];
  const auto [end, error] = std::from_chars(last.data(), last.data() + last.size(), steps);
  if (error != std::errc() || end != last.data() + last.size() || steps < 0) {
    throw usage_error(fmt::format("phase '{}': steps '{}': expected an integer >= 0", text, last));
  }
  const double multiplier = parse_number(parts[0], "noise multiplier of phase '" + text + "'");
  return {NoiseMultiplier(multiplier).value(), parse_rate(parts[1]), steps};
}

RunCount parse_runs(const std::string& text) {
  const auto parts = split_at_colons(text);
  const auto number = [&](std::size_t i) { return parse_number(parts[i], "runs '" + text + "'"); };
  RunCount runs;
  if (parts.size() == 2 && parts[0] == "geometric") {
    runs = {1, number(1)};
  } else if (parts.size() == 2 && parts[0] == "logarithmic") {
    runs = {0, number(1)};
  } else if (parts.size() == 2 && parts[0] == "poisson") {
    runs = {HUGE_VAL, number(1)};
  } else if (parts.size() == 3 && parts[0] == "negative-binomial") {
    runs = {number(2), number(1)};
  } else {
    throw usage_error(fmt::format("runs '{}': expected a distribution and its mean", text),
                      "geometric:10, logarithmic:10, poisson:10 or negative-binomial:10:0.5 (shape). "
                      "A fixed number of runs is no such distribution: add up all of them.");
  }
  Event::repeat_and_select(runs, Event::composed({}));  // Checks the bounds.
  return runs;
}

std::vector<std::string> accountants_asked(const std::string& text, const Event& event) {
  std::vector<std::string> names;
  if (text != "all") {
    names = split_at_commas(text);
    for (const auto& name : names) core::registry().find("accountant", name);
    return names;
  }
  const bool all_speak = !flatten(event).others.empty();
  std::string reasons;
  bool any = false;
  for (const auto& name : accountant_names()) {
    const std::string why = make_accountant(name)->why_not(event);
    any = any || why.empty();
    if (why.empty() || all_speak) names.push_back(name);
    if (!why.empty()) reasons += (reasons.empty() ? "" : "; ") + name + ": " + why;
  }
  if (!any) throw privacy_refused("no accountant covers this event: " + reasons);
  const auto rank = [](const std::string& name) {
    static const std::vector<std::string> order = {"rdp", "prv", "pld", "analytic", "gdp"};
    return std::find(order.begin(), order.end(), name) - order.begin();
  };
  std::stable_sort(names.begin(), names.end(),
                   [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
  return names;
}

AskedEvent asked_event(const EventQuestion& question) {
  if (question.event.has_value() == !question.phases.empty()) {
    throw usage_error("expected phases or an event, one of the two");
  }
  Event event = question.event ? *question.event : sampled_event(question);
  if (question.runs) event = Event::repeat_and_select(*question.runs, std::move(event));
  const Relation relation = question.relation.value_or(usual_relation(event));
  if (const auto why = why_not_relation(event, relation); !why.empty()) throw privacy_refused(why);
  return {event, relation, question.event ? "by event" : std::string(name(question.sampling))};
}

Json answer_epsilon(const EpsilonQuestion& question) {
  const AskedEvent asked = asked_event(question);
  const Delta delta(question.delta);
  const auto names = accountants_asked(question.accountant, asked.event);
  Json results = internal::ask_each(names, "epsilon", [&](const std::string& name) {
    const auto accountant = make_accountant(name, question.options);
    return to_json(question.group == 1
                       ? accountant->epsilon(asked.event, delta)
                       : group_epsilon(*accountant, asked.event, question.group, delta));
  });
  Json document{{"schema", "discreet.privacy.epsilon/1"},
                {"delta", question.delta},
                {"relation", name(asked.relation)},
                {"sampling", asked.sampling},
                {"group", question.group},
                {"phases", phases_json(question.phases)},
                {"event", asked.event.to_json()},
                {"results", std::move(results)}};
  if (auto best = smallest_upper(document["results"]); !best.is_null()) {
    document["smallest"] = std::move(best);
  }
  return document;
}

Json answer_curve(const EpsilonQuestion& question, const std::vector<double>& deltas,
                  const std::vector<double>& epsilons) {
  if (question.group != 1) throw usage_error("the curve is for one unit: no group");
  const AskedEvent asked = asked_event(question);
  Json results = Json::array();
  bool any = false;
  for (const auto& name : accountants_asked(question.accountant, asked.event)) {
    const auto accountant = make_accountant(name, question.options);
    if (const auto why = accountant->why_not(asked.event); !why.empty()) {
      results.push_back({{"accountant", name}, {"kind", "absent"}, {"reason", why},
                         {"points", Json::array()}});
      continue;
    }
    Json points = Json::array();
    std::string kind = "upper";
    const auto add = [&](const char* known, double value, const char* asked_for, auto compute) {
      Json point{{known, core::number(value)}};
      try {
        const Bound bound = compute();
        kind = privacy::name(bound.kind);
        point[asked_for] = core::number(bound.value);
      } catch (const Error& e) {  // One point that does not fit a grid; the others still speak.
        if (e.code() != ErrorCode::kPrivacyRefused) throw;
        core::set_absent(point, asked_for, e.what());
      }
      points.push_back(std::move(point));
    };
    for (const double delta : deltas) {
      add("delta", delta, "epsilon",
          [&] { return accountant->epsilon(asked.event, Delta(delta)); });
    }
    for (const double epsilon : epsilons) {
      add("epsilon", epsilon, "delta",
          [&] { return accountant->delta(asked.event, Epsilon(epsilon)); });
    }
    results.push_back({{"accountant", name}, {"kind", kind}, {"points", std::move(points)}});
    any = true;
  }
  if (!any) {
    throw privacy_refused("none of the accountants covers this event: " +
                          results[0]["reason"].get<std::string>());
  }
  return {{"schema", "discreet.privacy.curve/1"},    {"relation", name(asked.relation)},
          {"sampling", asked.sampling},              {"phases", phases_json(question.phases)},
          {"event", asked.event.to_json()},          {"results", std::move(results)}};
}

Json answer_compare(const std::vector<EpsilonQuestion>& settings) {
  Json results = Json::array();
  for (const EpsilonQuestion& setting : settings) {
    const Json answer = answer_epsilon(setting);
    std::vector<Phase> epochs = setting.phases, every = setting.phases;
    for (std::size_t i = 0; i < epochs.size(); ++i) {
      epochs[i].steps = static_cast<std::int64_t>(
          std::ceil(epochs[i].sampling_rate * static_cast<double>(epochs[i].steps) - 1e-9));
      epochs[i].sampling_rate = every[i].sampling_rate = 1;
    }
    const auto analytic = make_accountant("analytic");
    const Delta delta(setting.delta);
    const double once = analytic->epsilon(event_of(epochs), delta).value;
    const double always = analytic->epsilon(event_of(every), delta).value;
    for (const Json& row : answer["results"]) {
      Json result{{"phases", answer["phases"]}, {"delta", setting.delta}};
      result.update(row);
      result["epsilon_once_per_epoch"] = core::number(once);
      result["epsilon_every_step"] = core::number(always);
      results.push_back(std::move(result));
    }
  }
  return {
      {"schema", "discreet.privacy.compare/1"},
      {"results", std::move(results)},
      {"caveats",
       {"epsilon assumes Poisson batches; epsilon_once_per_epoch is the same noise with shuffled "
        "batches (relation replace_one or zero_out, multiplier of that sensitivity); "
        "epsilon_every_step is the same noise with every unit in every step."}}};
}

}  // namespace discreet::privacy
