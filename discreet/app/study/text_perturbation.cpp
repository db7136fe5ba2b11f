// Texts that say less of their words: what is left of them under each mechanism, what they are still good for, and what
// attacks still learn from them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <functional>
#include <map>
#include <optional>

#include "discreet/app/data_sets.h"
#include "discreet/app/loader.h"
#include "discreet/app/measure_texts.h"
#include "discreet/app/perturb_files.h"
#include "discreet/app/rewrite_files.h"
#include "discreet/app/study.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/registry.h"

namespace discreet {
namespace app {
namespace {

namespace fs = std::filesystem;

constexpr const char* kReleasedTexts = "snips";
constexpr const char* kVectors = "glove_6b_100d/glove.6B.100d.top50k.txt.gz";

StudyCell word_cell(StudyPreset preset, const std::string& mechanism, double epsilon) {
  return {fmt::format("{}-{:g}", mechanism, epsilon),
          {{"kind", "words"}, {"mechanism", mechanism}, {"epsilon", epsilon}, {"texts", kReleasedTexts}, {"vectors", kVectors},
           {"rows", preset == StudyPreset::kQuick ? 2000 : 4000}}};
}

/// One auto-encoder and all that is asked of it.
StudyCell rewriting_cell(StudyPreset preset, const std::string& norm, const std::vector<std::pair<std::string, double>>& asked) {
  Json releases = Json::array();
  for (const auto& [mechanism, epsilon] : asked) releases.push_back({{"mechanism", mechanism}, {"epsilon", epsilon}});
  const bool quick = preset == StudyPreset::kQuick;
  return {fmt::format("adept-{}", norm),
          {{"kind", "rewriting"}, {"norm", norm}, {"releases", releases}, {"delta", 1e-6}, {"texts", kReleasedTexts},
           {"rows", quick ? 2000 : 4000}, {"public_rows", quick ? 4000 : 5000}, {"epochs", quick ? 25 : 40}, {"noise", 0.05}}};
}

std::vector<StudyCell> perturbation_cells(StudyPreset preset) {
  std::vector<StudyCell> cells;
  const auto add = [&](const char* mechanism, const std::vector<double>& epsilons) {
    for (const double epsilon : epsilons) cells.push_back(word_cell(preset, mechanism, epsilon));
  };
  add("truncated-exponential", {1, 2, 2.5, 3, 5});
  cells.push_back(rewriting_cell(preset, "l2", {{"gaussian", 1e6}, {"gaussian", 500}, {"gaussian", 100}, {"gaussian", 10},
                                                {"laplace-l2", 100}, {"as-published", 100}, {"as-published", 10}}));
  cells.push_back(rewriting_cell(preset, "l1", {{"laplace", 1e6}, {"laplace", 500}, {"laplace", 100}, {"laplace", 10}}));
  add("calibrated-multivariate", {5, 15, 25, 40});
  add("mahalanobis", {5, 15, 25, 40});
  add("vickrey", {15, 40});
  add("truncated-gumbel", {10, 100});
  return cells;
}

// ---- measuring

/// Rows of the training texts: those that are published, others for attacks and the classifier's test, and public ones.
/// Each text once: what stands in two parts would be a member and none.
struct TextParts {
  fs::path original, others, publics;
};

TextParts write_parts(const Json& request, const fs::path& scratch) {
  const auto rows = request["rows"].get<std::size_t>(), publics = request.value<std::size_t>("public_rows", 0);
  const TextParts parts{scratch / "original.jsonl", scratch / "others.jsonl", scratch / "public.jsonl"};
  std::string texts[3];
  std::size_t counts[3] = {0, 0, 0};
  const std::size_t wanted[3] = {rows, rows, publics};
  std::map<std::string, bool> seen;
  const auto reader = open_data(request["texts"].get<std::string>(), text::Split::kTrain);
  std::size_t next = 0;
  for (text::Example example; reader->next(example);) {
    std::string line = example.text;
    if (line.empty()) line = fmt::format("{}", fmt::join(example.words, " "));
    if (!seen.emplace(line, true).second) continue;
    // In turn, as long as a part wants more: the file's order tells nothing then.
    for (std::size_t tried = 0; tried < 3; ++tried, next = (next + 1) % 3) {
      if (counts[next] < wanted[next]) break;
    }
    if (counts[next] == wanted[next]) break;
    texts[next] += Json{{"text", line}, {"label", example.label}}.dump() + "\n";
    ++counts[next];
    next = (next + 1) % 3;
  }
  if (counts[0] < wanted[0] || counts[1] < wanted[1] || counts[2] < wanted[2]) {
    throw bad_data(fmt::format("{} has too few different texts for the study", request["texts"].get<std::string>()));
  }
  core::write_file_atomically(parts.original, texts[0]);
  core::write_file_atomically(parts.others, texts[1]);
  core::write_file_atomically(parts.publics, texts[2]);
  return parts;
}

/// What a release is worth and what it gives away, from `mitigate measure`.
Json measured_release(const Json& release, const TextParts& parts, const fs::path& changed) {
  const Json measured = measure_texts({.original = parts.original, .changed = changed, .others = parts.others});
  Json result = {{"guarantee", release["guarantee"]}, {"share_kept", release["results"][0]["value"]}, {"effects", Json::object()}};
  for (const Json& effect : measured["results"]) {
    Json kept = Json::object();
    for (const char* key : {"before", "after", "n"}) {
      if (effect.contains(key)) kept[key] = effect[key];
    }
    if (effect.contains("ci")) kept["ci"] = effect["ci"];
    result["effects"][effect["metric"].get<std::string>()] = kept;
  }
  // A text before and after, to be looked at.
  const auto first_text = [](const fs::path& file) {
    const std::string all = core::read_file(file);
    return core::parse_json(all.substr(0, all.find('\n')), file.string())["text"].get<std::string>();
  };
  result["sample"] = {{"before", first_text(parts.original)}, {"after", first_text(changed)}};
  return result;
}

Json measure_words(const Json& request, const fs::path& scratch) {
  const TextParts parts = write_parts(request, scratch);
  const fs::path changed = scratch / "changed.jsonl";
  try {
    const Json release = perturb_file({.input = parts.original,
                                       .output = changed,
                                       .vectors = resolve_data(request["vectors"], text::Split::kTrain).path,
                                       .mechanism = request["mechanism"],
                                       .epsilon = request["epsilon"]});
    return {{"releases", {measured_release(release, parts, changed)}}};
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kPrivacyRefused) throw;
    return {{"releases", {{{"refused", error.what()}}}}};
  }
}

Json measure_rewriting(const Json& request, const fs::path& scratch, core::OperationContext& context) {
  const TextParts parts = write_parts(request, scratch);
  const fs::path model = scratch / ("model-" + request["norm"].get<std::string>());
  const Json trained = call_operation("train-rewriter",
                                      {{"data", parts.publics.string()}, {"text", "text"}, {"out", model.string()}, {"norm", request["norm"]},
                                       {"epochs", request["epochs"]}, {"noise", request["noise"]}, {"context", 64}, {"hidden", 128},
                                       {"longest", 16}, {"threads", 1}},
                                      context);
  Json result = {{"releases", Json::array()}, {"loss_per_word", trained["results"][0]["value"]}};
  for (const Json& asked : request["releases"]) {
    if (context.stopping()) throw core::interrupted(context, "The same command goes on.");
    RewriteRequest rewriting{.input = parts.original,
                             .output = scratch / "changed.jsonl",
                             .model = model,
                             .mechanism = asked["mechanism"],
                             .epsilon = asked["epsilon"],
                             .delta = asked["mechanism"] == "gaussian" ? request["delta"].get<double>() : 0};
    rewriting.rewrite = [&](const std::vector<std::string>& texts) {
      return call_operation("rewrite-texts",
                            {{"model", model.string()}, {"texts", texts}, {"mechanism", rewriting.mechanism}, {"epsilon", rewriting.epsilon},
                             {"delta", rewriting.delta}},
                            context);
    };
    result["releases"].push_back(measured_release(rewrite_file(rewriting), parts, rewriting.output));
  }
  return result;
}

Json measure_perturbation(const Json& request, const fs::path& scratch, core::OperationContext& context) {
  return request["kind"] == "words" ? measure_words(request, scratch) : measure_rewriting(request, scratch, context);
}

// ---- what it says

/// A release of a finished cell with what was asked for.
struct ReleaseRow {
  std::string mechanism;
  double epsilon = 0;
  bool rewriting = false;
  const Json* found = nullptr;
};

std::vector<ReleaseRow> release_rows(StudyPreset preset, const StudyResults& finished) {
  std::vector<ReleaseRow> rows;
  for (const StudyCell& cell : perturbation_cells(preset)) {
    const auto result = finished.find(cell.name);
    if (result == finished.end()) continue;
    const Json& releases = result->second["releases"];
    for (std::size_t i = 0; i < releases.size(); ++i) {
      const bool words = cell.request["kind"] == "words";
      const Json& asked = words ? cell.request : cell.request["releases"][i];
      rows.push_back({asked["mechanism"], asked["epsilon"], !words, &releases[i]});
    }
  }
  return rows;
}

const Json* effect_of(const Json& release, const char* metric) {
  if (!release.contains("effects") || !release["effects"].contains(metric)) return nullptr;
  const Json& effect = release["effects"][metric];
  return effect.contains("after") && effect["after"].is_number() ? &effect : nullptr;
}

std::string shown_effect(const Json& release, const char* metric) {
  const Json* effect = effect_of(release, metric);
  if (effect == nullptr) return "n/a";
  std::string text = fmt::format("{:.3f}", (*effect)["after"].get<double>());
  if (effect->contains("ci") && (*effect)["ci"].contains("after") && (*effect)["ci"]["after"].is_array()) {
    text += fmt::format(" [{:.3f}, {:.3f}]", (*effect)["ci"]["after"][0].get<double>(), (*effect)["ci"]["after"][1].get<double>());
  }
  return text;
}

constexpr const char* kReleaseMetrics[] = {"classifier_accuracy", "model_membership_auc", "text_membership_auc", "linkage", "word_recovery"};

/// What an epsilon is of; of a mechanism without a proof it is a parameter and no epsilon.
std::string meaning(const ReleaseRow& row) {
  const Json& release = *row.found;
  if (release.contains("refused")) return "refused";
  if (!release["guarantee"]["proven"].get<bool>()) return fmt::format("none (noise parameter {:g})", row.epsilon);
  if (row.rewriting) return fmt::format("{:g} of a text{}", row.epsilon, row.mechanism == "gaussian" ? ", delta 1e-6" : "");
  return fmt::format("{:g} of a word, by distance", row.epsilon);
}

Json release_table(const std::vector<ReleaseRow>& releases, bool rewriting) {
  std::vector<std::vector<std::string>> rows;
  for (const ReleaseRow& row : releases) {
    if (row.rewriting != rewriting) continue;
    const Json& release = *row.found;
    if (rows.empty() && release.contains("effects")) {
      std::vector<std::string> plain = {"texts as written", "none", "1"};
      for (const char* metric : kReleaseMetrics) {
        const Json& effect = release["effects"][metric];
        plain.push_back(effect.contains("before") && effect["before"].is_number() ? fmt::format("{:.3f}", effect["before"].get<double>()) : "n/a");
      }
      rows.push_back(plain);
    }
    std::vector<std::string> cells = {row.mechanism, meaning(row),
                                      release.contains("share_kept") && release["share_kept"].is_number()
                                          ? fmt::format("{:.3f}", release["share_kept"].get<double>())
                                          : "n/a"};
    for (const char* metric : kReleaseMetrics) cells.push_back(shown_effect(release, metric));
    rows.push_back(cells);
  }
  const std::string note =
      rewriting ? "An auto-encoder trained on other, public texts; words kept are those of a text that stand anywhere in the new one. Word "
                  "recovery is of rows that keep their number of words. as-published is the mechanism as it was printed: its noise is too small "
                  "for a guarantee, and no epsilon is stated."
                : "A refused row names an epsilon for which the mechanism's noise has no scale. Epsilons of different mechanisms and distances "
                  "are not comparable by number: compare what is left.";
  return study_table(rewriting ? "Texts written again (mitigate rewrite)" : "Words replaced (mitigate perturb)",
                     {"mechanism", "epsilon", "words kept", "classifier accuracy", "membership, by the classifier (AUC)",
                      "membership, by the texts (AUC)", "linkage", "words recovered"},
                     rows, note);
}

Json first_text_table(const std::vector<ReleaseRow>& releases) {
  std::vector<std::vector<std::string>> rows;
  for (const ReleaseRow& row : releases) {
    if (!row.found->contains("sample")) continue;
    if (rows.empty()) rows.push_back({"texts as written", "", (*row.found)["sample"]["before"].get<std::string>()});
    rows.push_back({row.mechanism, fmt::format("{:g}", row.epsilon), (*row.found)["sample"]["after"].get<std::string>()});
  }
  return study_table("The first text under each", {"mechanism", "epsilon or noise parameter", "text"}, rows, "No selection.");
}

/// Is there a release of which a classifier keeps nine tenths of its accuracy while linkage falls below one tenth?
Json useful_verdict(const std::vector<ReleaseRow>& releases, bool rewriting) {
  const std::string claim = fmt::format("{} keep what a classifier needs and hide who wrote", rewriting ? "Texts written again" : "Words replaced by near ones");
  const ReleaseRow* found = nullptr;
  bool any = false;
  for (const ReleaseRow& row : releases) {
    const Json *accuracy = effect_of(*row.found, "classifier_accuracy"), *linkage = effect_of(*row.found, "linkage");
    if (row.rewriting != rewriting || accuracy == nullptr || linkage == nullptr || !(*row.found)["guarantee"]["proven"].get<bool>()) continue;
    any = true;
    if ((*accuracy)["ci"]["after"][0].get<double>() < 0.9 * (*accuracy)["before"].get<double>() || (*linkage)["ci"]["after"][1].get<double>() > 0.1) continue;
    if (found == nullptr || row.epsilon < found->epsilon) found = &row;
  }
  if (!any) return study_verdict(claim, "inconclusive", "not measured");
  if (found == nullptr) {
    return study_verdict(claim, "not reproduced", "no setting with a guarantee keeps nine tenths of the accuracy at a linkage below one tenth");
  }
  return study_verdict(claim, "reproduced",
                       fmt::format("{} at {}: accuracy {}, linkage {}", found->mechanism, meaning(*found), shown_effect(*found->found, "classifier_accuracy"),
                                   shown_effect(*found->found, "linkage")));
}

Json analyse_perturbation(StudyPreset preset, const StudyResults& finished) {
  const std::vector<ReleaseRow> releases = release_rows(preset, finished);
  Json results = Json::array();
  for (const ReleaseRow& row : releases) {
    for (const char* metric : kReleaseMetrics) {
      const Json* effect = effect_of(*row.found, metric);
      if (effect == nullptr) continue;
      results.push_back({{"mechanism", row.mechanism}, {"metric", metric}, {"value", (*effect)["after"]}, {"ci", (*effect)["ci"]["after"]}});
      const bool proven = (*row.found)["guarantee"]["proven"].get<bool>();
      results.back()[proven ? "epsilon" : "noise_parameter"] = row.epsilon;
    }
  }
  const Json caveats = {
      "SNIPS training texts, each text once, dealt out in turn to those published, others and public ones; the classifier tells seven intents. "
      "One draw of each mechanism, from the secure generator: intervals are over texts.",
      "The attacker knows the original texts that he asks about. Attacks that fail prove nothing; guarantees hold whatever is tried.",
      "Words come from GloVe 6B, 50,000 words of 100 dimensions; epsilon of a word is per unit of their Euclidean (mahalanobis: its own) distance."};
  return {{"tables", {release_table(releases, false), release_table(releases, true), first_text_table(releases)}},
          {"verdicts", {useful_verdict(releases, false), useful_verdict(releases, true)}},
          {"results", results},
          {"caveats", caveats}};
}

Study make_text_perturbation() {
  return {.title = "Texts that say less of their words",
          .question = "What is left of texts under word-level metric privacy and under rewriting: utility, membership, linkage, words?",
          .cells = perturbation_cells,
          .measure = measure_perturbation,
          .analyse = analyse_perturbation};
}

}  // namespace
}  // namespace app

void register_study_text_perturbation(core::Registry& registry) {
  registry.add({.kind = "study",
                .name = "text-perturbation",
                .summary = "Words replaced and texts written again: guarantee, utility and attacks for each mechanism",
                .reference = "Feyisetan et al. 2020; Krishna, Gupta and Dupuy 2021; Habernal 2021",
                .make = app::MakeStudy(&app::make_text_perturbation)});
}

}  // namespace discreet
