// Effects, gaps and verdicts of the study of federated text tasks (study/fednlp.cpp).
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>

#include "discreet/app/internal/fednlp_study.h"
#include "discreet/app/internal/study_curves.h"
#include "discreet/report/curves.h"
#include "discreet/stats/intervals.h"

namespace discreet::app {
namespace {

std::map<int, double> arm_values(const StudyResults& finished, const FedTask& task, const std::string& partition, const std::string& arm,
                                 const std::string& key) {
  std::map<int, double> values;
  for (int seed = 1; seed <= task.seeds; ++seed) {
    const auto cell = finished.find(fed_cell(task.name, partition, arm, seed));
    if (cell == finished.end()) continue;
    const Json& from = key == task.metric ? cell->second["metrics"] : cell->second;
    if (from.contains(key) && from[key].is_number()) values[seed] = from[key].get<double>();
  }
  return values;
}

Json arms_table(const FednlpDesign& design, const StudyResults& finished, Json& numbers) {
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](const FedTask& task, const std::string& partition, const FedArm& arm) {
    const auto values = arm_values(finished, task, partition, arm.name, task.metric);
    std::string rates;
    std::set<double> chosen;
    for (const auto& [seed, rate] : arm_values(finished, task, partition, arm.name, "rate")) chosen.insert(rate);
    for (const double rate : chosen) rates += fmt::format("{}{:g}", rates.empty() ? "" : ", ", rate);
    rows.push_back({task.name, partition, arm.name, mean_with_interval(values, 3),
                    mean_with_interval(arm_values(finished, task, partition, arm.name, "group_gap"), 3), rates, std::to_string(values.size())});
    for (const auto& [seed, value] : values) {
      numbers.push_back({{"table", "arms"}, {"task", task.name}, {"partition", partition}, {"arm", arm.name}, {"seed", seed},
                         {"metric", task.metric}, {"value", value}});
    }
  };
  for (const FedTask& task : design.tasks) {
    for (const FedArm& arm : central_arms()) add(task, "all", arm);
    for (const std::string& partition : task.partitions) {
      for (const FedArm& arm : fed_arms()) add(task, partition, arm);
    }
  }
  return study_table("Every arm at its own tuned rate", {"task", "partition", "arm", "metric", "gap of groups", "rates chosen", "seeds"}, rows,
                     "Accuracy, entity F1, token F1 and ROUGE-L; means with 95 % t-intervals over seeds (partition and initial weights). Central "
                     "training sees as many examples as the cohorts hold. Groups: dialects of the corpus; news hierarchies; short and long sentences.");
}

/// Effects of the 2x2 of client optimiser and server rule, seed by seed (seed is the block).
struct FedEffects {
  std::vector<double> client, server, interaction, diagonal;
};

FedEffects effects_of(const StudyResults& finished, const FedTask& task, const std::string& partition) {
  FedEffects effects;
  const auto a = arm_values(finished, task, partition, "sgd+mean", task.metric), b = arm_values(finished, task, partition, "sgd+adaptive", task.metric);
  const auto c = arm_values(finished, task, partition, "adamw+mean", task.metric), d = arm_values(finished, task, partition, "adamw+adaptive", task.metric);
  for (const auto& [seed, plain] : a) {
    if (b.count(seed) == 0 || c.count(seed) == 0 || d.count(seed) == 0) continue;
    effects.client.push_back((c.at(seed) + d.at(seed) - plain - b.at(seed)) / 2);
    effects.server.push_back((b.at(seed) + d.at(seed) - plain - c.at(seed)) / 2);
    effects.interaction.push_back(d.at(seed) - c.at(seed) - b.at(seed) + plain);
    effects.diagonal.push_back(d.at(seed) - plain);
  }
  return effects;
}

Json effects_table(const FednlpDesign& design, const StudyResults& finished, Json& numbers) {
  std::vector<std::vector<std::string>> rows;
  for (const FedTask& task : design.tasks) {
    for (const std::string& partition : task.partitions) {
      const FedEffects effects = effects_of(finished, task, partition);
      rows.push_back({task.name, partition, mean_with_interval(std::span<const double>(effects.client), 3),
                      mean_with_interval(std::span<const double>(effects.server), 3),
                      mean_with_interval(std::span<const double>(effects.interaction), 3),
                      mean_with_interval(std::span<const double>(effects.diagonal), 3)});
      numbers.push_back({{"table", "effects"}, {"task", task.name}, {"partition", partition}, {"client", effects.client},
                         {"server", effects.server}, {"interaction", effects.interaction}, {"diagonal", effects.diagonal}});
    }
  }
  return study_table("What the client's optimiser does, and what the server's rule does",
                     {"task", "partition", "AdamW - SGD on clients", "adaptive - mean on the server", "interaction", "both together (published FedOPT - FedAvg)"},
                     rows, "Two-way layout with the seed as block: the mean of each contrast over seeds, with 95 % t-intervals.");
}

/// Central minus best federated arm, by seed.
std::vector<double> central_gaps(const StudyResults& finished, const FedTask& task, const std::string& partition) {
  std::vector<double> gaps;
  for (int seed = 1; seed <= task.seeds; ++seed) {
    double central = -HUGE_VAL, federated = -HUGE_VAL;
    for (const FedArm& arm : central_arms()) {
      const auto values = arm_values(finished, task, "all", arm.name, task.metric);
      if (values.count(seed) > 0) central = std::max(central, values.at(seed));
    }
    for (const FedArm& arm : fed_arms()) {
      const auto values = arm_values(finished, task, partition, arm.name, task.metric);
      if (values.count(seed) > 0) federated = std::max(federated, values.at(seed));
    }
    if (std::isfinite(central) && std::isfinite(federated)) gaps.push_back(central - federated);
  }
  return gaps;
}

Json gaps_table(const FednlpDesign& design, const StudyResults& finished, Json& numbers) {
  std::vector<std::vector<std::string>> rows;
  for (const FedTask& task : design.tasks) {
    for (const std::string& partition : task.partitions) {
      const auto gaps = central_gaps(finished, task, partition);
      rows.push_back({task.name, partition, mean_with_interval(std::span<const double>(gaps), 3), std::to_string(gaps.size())});
      numbers.push_back({{"table", "central"}, {"task", task.name}, {"partition", partition}, {"gaps", gaps}});
    }
  }
  return study_table("Central training minus the best federated arm", {"task", "partition", "difference", "seeds"}, rows,
                     "The best of seven arms against the best of two, each on the test data: this favours the federated side.");
}

Json freezing_table(const FednlpDesign& design, const StudyResults& finished, Json& numbers) {
  std::vector<std::vector<std::string>> rows;
  for (const std::string& frozen : design.frozen) {
    const auto central = finished.find(fed_cell("freezing", frozen, "central", 1)), federated = finished.find(fed_cell("freezing", frozen, "federated", 1));
    const auto accuracy = [&](const auto& cell) {
      if (cell == finished.end()) return std::string("not measured");
      return fmt::format("{:.3f} at {:g}", cell->second["accuracy"].template get<double>(), cell->second["rate"].template get<double>());
    };
    const bool known = federated != finished.end();
    rows.push_back({frozen, known ? fmt::format("{:.2f}", federated->second["values"].get<double>() / 1e6) : "not measured",
                    known ? fmt::format("{:.1f}", federated->second["bytes_up"].get<double>() / 1e6) : "not measured", accuracy(central), accuracy(federated)});
    if (known) numbers.push_back({{"table", "freezing"}, {"frozen", frozen}, {"federated", federated->second}});
  }
  return study_table("Freezing a six-layer encoder from below", {"frozen", "trainable, M", "MB up", "central accuracy, rate", "federated accuracy, rate"}, rows,
                     fmt::format("The sentence encoder all-MiniLM-L6-v2 with a new head on {} posts of 20newsgroups, cut at {} tokens, one seed, "
                                 "AdamW, each level at the best of three rates on development data; what is frozen is not sent.", design.frozen_examples, design.frozen_length));
}

Json fed_figure(const StudyResults& finished, const FedTask& task, const std::string& partition) {
  report::Curves curves{.title = fmt::format("{}, {}", task.name, partition),
                        .description = fmt::format("{} by round of each arm on {}, partition {}.", task.metric, task.name, partition),
                        .x_label = "round", .y_label = task.metric, .series = {}};
  for (const FedArm& arm : fed_arms()) {
    std::vector<StudyCurve> of_seeds;
    for (int seed = 1; seed <= task.seeds; ++seed) {
      const auto cell = finished.find(fed_cell(task.name, partition, arm.name, seed));
      if (cell == finished.end() || !cell->second.contains("rounds")) continue;
      of_seeds.push_back(simulation_curve(cell->second["rounds"], "round", "metric"));
    }
    add_mean(curves, arm.name, of_seeds);
  }
  std::string file = fmt::format("fednlp-{}-{}", task.name, partition);
  std::replace(file.begin(), file.end(), ':', '-');
  return {{"name", file}, {"title", fmt::format("{} by round, {}, {}: means over seeds", task.metric, task.name, partition)},
          {"svg", report::curves(curves)}};
}

/// A claim that a mean is above 0.
Json sign_verdict(const std::string& claim, const std::vector<double>& values, const std::string& of) {
  const auto ci = values.empty() ? std::nullopt : stats::mean_interval(values).ci;
  const std::string verdict = !ci ? "inconclusive" : ci->low > 0 ? "reproduced" : ci->high < 0 ? "not reproduced" : "inconclusive";
  return study_verdict(claim, verdict, fmt::format("{}: {}", of, mean_with_interval(std::span<const double>(values), 3)));
}

Json fednlp_verdicts(const FednlpDesign& design, const StudyResults& finished) {
  Json verdicts = Json::array();
  const FedTask& news = design.tasks[0];  // the first task is the primary one
  const FedEffects effects = effects_of(finished, news, "label-dirichlet:1");
  verdicts.push_back(sign_verdict("Primary: an adaptive server rule helps on text classification", effects.server,
                                  fmt::format("main effect of the server rule, {}, alpha 1", news.name)));
  verdicts.push_back(sign_verdict("FedOPT beats FedAvg, as published (AdamW with an adaptive server against SGD with the mean)", effects.diagonal,
                                  "the diagonal of the 2x2, which mixes two changes"));
  for (const FedTask& task : design.tasks) {
    if (task.name == "e2e_nlg") continue;
    verdicts.push_back(sign_verdict("Federated training stays behind central training on " + task.name,
                                    central_gaps(finished, task, task.partitions.back()), task.partitions.back()));
  }
  const auto mild = arm_values(finished, news, "label-dirichlet:10", "sgd+mean", news.metric);
  const auto skewed = arm_values(finished, news, "label-dirichlet:0.1", "sgd+mean", news.metric);
  verdicts.push_back(sign_verdict("Label skew hurts: alpha 10 is better than 0.1", pair_seeds(mild, skewed).difference, "FedAvg with SGD clients"));
  const auto prox = arm_values(finished, news, "label-dirichlet:1", "sgd+prox", news.metric);
  const auto plain = arm_values(finished, news, "label-dirichlet:1", "sgd+mean", news.metric);
  const auto difference = pair_seeds(prox, plain).difference;
  verdicts.push_back(study_verdict("FedProx is about as good as FedAvg", difference.size() < 3 ? "inconclusive" : std::abs(stats::mean_interval(difference).mean) < 0.02 ? "reproduced" : "inconclusive",
                                   fmt::format("FedProx minus FedAvg, SGD clients, alpha 1: {}; about: within 0.02", mean_with_interval(std::span<const double>(difference), 3))));
  bool any_frozen = false;
  for (const std::string& frozen : design.frozen) any_frozen = any_frozen || finished.count(fed_cell("freezing", frozen, "federated", 1)) > 0;
  verdicts.push_back(study_verdict("Freezing the lower half costs little, freezing more collapses the federation alone", "not testable",
                                   any_frozen ? "the table shows a six-layer sentence encoder; the claim is of a masked language model, and one seed tells no difference"
                                              : "no cell of it is measured: it needs a pretrained six-layer encoder (models/minilm_l6_v2)"));
  verdicts.push_back(study_verdict("The published figures", "not testable", "models of 67 and 139 million weights on accelerators; the tasks here are stand-ins with small models"));
  return verdicts;
}

}  // namespace

Json analyse_fednlp(StudyPreset preset, const StudyResults& finished) {
  const FednlpDesign design = fednlp_design(preset);
  Json numbers = Json::array(), figures = Json::array();
  Json tables = Json::array({effects_table(design, finished, numbers), gaps_table(design, finished, numbers), arms_table(design, finished, numbers),
                             freezing_table(design, finished, numbers)});
  for (const FedTask& task : design.tasks) {
    for (const std::string& partition : task.partitions) figures.push_back(fed_figure(finished, task, partition));
  }
  return {{"tables", tables},
          {"verdicts", fednlp_verdicts(design, finished)},
          {"results", numbers},
          {"pictures", figures},
          {"caveats",
           {"Small models stand in for DistilBERT and BART, and the built-in corpus (intents, slots) for the published tasks in the quick preset; "
            "few rounds favour what starts fast: see the curves.",
            "Each cell tunes its client rate on development data, three values at half of the rounds, the same for every arm; the adaptive "
            "server's rate is 0.03 and FedProx's mu 0.01 throughout.",
            "FedProx's mu is not tuned either: at rates of 3 to 30 a step of SGD takes a tenth or more of the way back to the server's weights, and to "
            "AdamW, whose steps do not shrink with the gradient, the term is as large as the small gradients of rare words. A smaller mu is FedAvg.",
            "SCAFFOLD stands in the SGD column only: its correction is of plain gradients.",
            "FedNLP's own \"FedOPT\" is a server SGD with AdamW clients; here adaptive is FedAdam, and the client's part is a factor of its own."}}};
}

}  // namespace discreet::app
