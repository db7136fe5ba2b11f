#include "discreet/privacy/answers.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/privacy/calibrate.h"

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

/// Runs `answer` for each accountant; with several, one that must refuse leaves its reason.
template <class Answer>
Json ask_each(const std::vector<std::string>& names, const char* absent_key, Answer answer) {
  Json results = Json::array();
  for (const auto& name : names) {
    try {
      results.push_back(answer(name));
    } catch (const Error& e) {
      if (e.code() != ErrorCode::kPrivacyRefused || names.size() == 1) throw;
      Json row{{"accountant", name}, {"kind", "absent"}};
      core::set_absent(row, absent_key, e.what());
      results.push_back(std::move(row));
    }
  }
  return results;
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

std::vector<std::string> accountants_asked(const std::string& text, const Event& event) {
  std::vector<std::string> names;
  if (text != "all") {
    names = split_at_commas(text);
    for (const auto& name : names) core::registry().find("accountant", name);
    return names;
  }
  for (const auto& name : accountant_names()) {
    if (make_accountant(name)->supports(event)) names.push_back(name);
  }
  const auto rank = [](const std::string& name) {
    static const std::vector<std::string> order = {"rdp", "prv", "pld", "analytic", "gdp"};
    return std::find(order.begin(), order.end(), name) - order.begin();
  };
  std::stable_sort(names.begin(), names.end(),
                   [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
  return names;
}

Json answer_epsilon(const EpsilonQuestion& question) {
  const Event event = event_of(question.phases);
  const Delta delta(question.delta);
  Json results = ask_each(
      accountants_asked(question.accountant, event), "epsilon", [&](const std::string& name) {
        return to_json(make_accountant(name, question.options)->epsilon(event, delta));
      });
  return {{"schema", "discreet.privacy.epsilon/1"},      {"delta", question.delta},
          {"relation", name(Relation::kAddOrRemoveOne)}, {"sampling", name(Sampling::kPoisson)},
          {"phases", phases_json(question.phases)},        {"results", std::move(results)}};
}

Json answer_calibrate(const CalibrationQuestion& question) {
  const int given = (question.noise_multiplier ? 1 : 0) + (question.sampling_rate ? 1 : 0) +
                    (question.steps ? 1 : 0);
  if (given != 2) {
    throw usage_error("calibration needs two of noise multiplier, sampling rate and steps",
                      "What is left out is solved for: usually --noise-multiplier.");
  }
  const double z = question.noise_multiplier.value_or(1), q = question.sampling_rate.value_or(1);
  const std::int64_t steps = question.steps.value_or(1);
  if (question.steps && steps == 0) throw usage_error("steps = 0: expected an integer >= 1");
  const char* unknown = !question.noise_multiplier ? "noise_multiplier"
                        : !question.sampling_rate  ? "sampling_rate"
                                                   : "steps";
  std::vector<std::string> names;
  for (const auto& name : accountants_asked(question.accountant, event_of({{z, q, steps}}))) {
    const auto guarantees = accountant_names(true);
    const bool upper = std::find(guarantees.begin(), guarantees.end(), name) != guarantees.end();
    if (question.accountant != "all" || upper) names.push_back(name);
  }
  const auto solve = [&](const std::string& name) {
    const auto accountant = make_accountant(name, question.options);
    const Target target{question.epsilon, question.delta, accountant.get()};
    Json row{{"accountant", name}};
    Bound cost;
    if (!question.noise_multiplier) {
      const auto found = calibrate_noise_multiplier(target, [&](double value) {
        return event_of({{value, q, steps}});
      });
      row[unknown] = found.value;
      cost = found.epsilon;
    } else if (!question.sampling_rate) {
      const auto found = calibrate_sampling_rate(target, [&](double value) {
        return event_of({{z, value, steps}});
      });
      row[unknown] = found.value;
      cost = found.epsilon;
    } else {
      const auto found = calibrate_steps(target, [&](std::int64_t value) {
        return event_of({{z, q, value}});
      });
      row[unknown] = found.value;
      cost = found.epsilon;
    }
    row["epsilon"] = core::number(cost.value);
    row["kind"] = privacy::name(cost.kind);
    if (cost.order) row["order"] = *cost.order;
    return row;
  };
  Json given_values = Json::object();
  if (question.noise_multiplier) given_values["noise_multiplier"] = z;
  if (question.sampling_rate) given_values["sampling_rate"] = q;
  if (question.steps) given_values["steps"] = steps;
  return {{"schema", "discreet.privacy.calibrate/1"},
          {"target_epsilon", core::number(question.epsilon)},
          {"delta", question.delta},
          {"given", std::move(given_values)},
          {"solved_for", unknown},
          {"results", ask_each(names, unknown, solve)}};
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
