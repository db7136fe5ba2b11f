// Counterfactual role reversal in distillation: which part of it lowers gender disparity in text, at what cost, and does
// it reach embeddings and tasks (Gupta et al. 2022)?
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <optional>

#include "discreet/app/internal/role_estimate.h"
#include "discreet/app/internal/role_study.h"
#include "discreet/app/study.h"
#include "discreet/core/document.h"
#include "discreet/core/registry.h"
#include "discreet/report/interval_picture.h"

namespace discreet {
namespace app {
namespace {

// ---- cells

std::vector<std::string> arm_names(StudyPreset preset) {
  std::vector<std::string> names;
  for (const RoleArm& arm : role_arms()) {
    if (preset == StudyPreset::kFull || !arm.twice) names.emplace_back(arm.name);
  }
  return names;
}

/// The teacher and the arms of its students: those of as many updates.
std::vector<std::string> real_models(bool quick) {
  if (quick) return {"teacher", "none", "both"};
  std::vector<std::string> models = {"teacher"};
  for (const RoleArm& arm : role_arms()) {
    if (!arm.twice) models.emplace_back(arm.name);
  }
  return models;
}

std::string cell_name(std::string model) {
  std::ranges::replace(model, ' ', '-');
  return model;
}

std::vector<StudyCell> role_cells(StudyPreset preset) {
  const bool quick = preset == StudyPreset::kQuick;
  std::vector<StudyCell> cells;
  for (int seed = 1; seed <= (quick ? 3 : 8); ++seed) {
    cells.push_back({fmt::format("planted-{}", seed),
                     {{"kind", "planted"},
                      {"seed", seed},
                      {"arms", arm_names(preset)},
                      {"lines", 6000},
                      {"portraits", 2400},
                      {"teacher_steps", 900},
                      {"steps", 500}}});
  }
  if (real_teacher().empty()) return cells;
  const std::string teacher = core::describe_input("teacher", real_teacher()).sha256;  // wherever the folder lies
  // A model a cell, since each takes long; seeds outermost: where time runs out, whole seeds are missing.
  for (int seed = 1; seed <= (quick ? 1 : 3); ++seed) {
    for (const std::string& model : real_models(quick)) {
      cells.push_back({fmt::format("real-{}-{}", seed, cell_name(model)),
                       {{"kind", "real"},
                        {"seed", seed},
                        {"measured", model},
                        {"teacher", teacher},
                        {"layers", quick ? "most" : "every-second"},
                        {"lines", quick ? 60 : 1650},
                        {"test_lines", quick ? 30 : 1000},
                        {"portraits", quick ? 96 : 2000},
                        {"bold", "bold/prompts/profession_prompt.json"},
                        {"bold_prompts", quick ? 1 : 0},
                        {"steps", quick ? 40 : 600}}});
    }
  }
  return cells;
}

// ---- what finished cells hold

constexpr const char* kHeldOutPronouns = "pronouns, held-out professions";

const Json* model_of(const Json& cell, const std::string& model) {
  if (model == "teacher") return cell.contains("teacher") ? &cell["teacher"] : nullptr;
  return cell.contains("arms") && cell["arms"].contains(model) ? &cell["arms"][model] : nullptr;
}

using ModelsBySeed = std::map<int, const Json*>;

/// A kind's models of a name; with `beside`, those alone whose seed has that model too.
ModelsBySeed models_of(const StudyResults& finished, const std::string& kind, const std::string& model, const std::string& beside = "") {
  ModelsBySeed models;
  for (const auto& [name, cell] : finished) {
    if (!name.starts_with(kind + "-")) continue;
    if (const Json* found = model_of(cell, model)) models[std::stoi(name.substr(kind.size() + 1))] = found;
  }
  if (beside.empty()) return models;
  const ModelsBySeed others = models_of(finished, kind, beside);
  std::erase_if(models, [&](const auto& item) { return !others.contains(item.first); });
  return models;
}

SeedValues values_of_row(const StudyResults& finished, const std::string& kind, const std::string& model, const std::string& row,
                         const std::string& beside = "") {
  SeedValues values;
  for (const auto& [seed, measured] : models_of(finished, kind, model, beside)) {
    values.push_back((*measured)["rows"][row].get<std::vector<double>>());
  }
  return values;
}

/// One number of each seed's model; `key` may name one of "downstream".
SeedValues scalars(const StudyResults& finished, const std::string& kind, const std::string& model, const char* key,
                   const std::string& beside = "") {
  SeedValues values;
  for (const auto& [seed, measured] : models_of(finished, kind, model, beside)) {
    const Json& place = measured->contains(key) ? *measured : (*measured)["downstream"];
    if (place.contains(key) && place[key].is_number()) values.push_back({place[key].get<double>()});
  }
  return values;
}

/// Of a seed's models: one's number as a multiple of another's, or as how much larger it is.
SeedValues against_none(const StudyResults& finished, const std::string& kind, const std::string& model, const char* key, bool ratio) {
  const SeedValues base = scalars(finished, kind, "none", key, model), own = scalars(finished, kind, model, key, "none");
  if (base.size() != own.size()) return {};
  SeedValues values;
  for (std::size_t s = 0; s < own.size(); ++s) values.push_back({ratio ? own[s][0] / base[s][0] : own[s][0] - base[s][0]});
  return values;
}

/// Numbers of the groups of BOLD's titles, for resampling inside them.
std::vector<std::size_t> bold_groups(const StudyResults& finished) {
  std::vector<std::size_t> groups;
  std::map<std::string, std::size_t> numbers;
  for (const auto& [name, cell] : finished) {
    if (!name.starts_with("real") || !groups.empty()) continue;
    for (const Json& group : cell["bold"]["groups"]) groups.push_back(numbers.try_emplace(group.get<std::string>(), numbers.size()).first->second);
  }
  return groups;
}

std::optional<RoleEstimate> row_estimate(const StudyResults& finished, const std::string& kind, const std::string& model, const std::string& row,
                                         const std::string& minus = "") {
  const SeedValues own = values_of_row(finished, kind, model, row, minus);
  const SeedValues base = minus.empty() ? SeedValues() : values_of_row(finished, kind, minus, row, model);
  return role_estimate(own, minus.empty() ? nullptr : &base, row == kBoldRow ? bold_groups(finished) : std::vector<std::size_t>());
}

std::vector<std::string> shown_models(StudyPreset preset) {
  std::vector<std::string> models = {"teacher"};
  for (const std::string& arm : arm_names(preset)) models.push_back(arm);
  return models;
}

// ---- tables

Json disparity_table(StudyPreset preset, const StudyResults& finished) {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> header = {"model"};
  for (const OddsRow& row : planted_rows()) header.push_back(row.name);
  for (const std::string& model : shown_models(preset)) {
    std::vector<std::string> cells = {model};
    for (const OddsRow& row : planted_rows()) cells.push_back(shown_estimate(row_estimate(finished, "planted", model, row.name)));
    rows.push_back(cells);
  }
  return study_table("Mean |log P(male)/P(female)| of the next token, planted teacher", header, rows,
                     fmt::format("{} seeds; intervals resample professions and seeds. The planted odds are 9 to 1: log 9 = 2.20, 0 is "
                                 "none; control professions are planted even. Only held-out columns are evidence: the others are "
                                 "balanced by construction. No line about a held-out profession is in a student's text, and held-out "
                                 "words and names are never exchanged there.",
                                 models_of(finished, "planted", "teacher").size()));
}

Json difference_table(StudyPreset preset, const StudyResults& finished) {
  std::vector<std::vector<std::string>> rows;
  for (const std::string& arm : arm_names(preset)) {
    if (arm == "none") continue;
    std::vector<std::string> cells = {arm};
    for (const char* row : {kHeldOutPronouns, "held-out words", "held-out names"}) {
      cells.push_back(shown_estimate(row_estimate(finished, "planted", arm, row, "none")));
    }
    rows.push_back(cells);
  }
  return study_table("Held-out rows: arm minus none", {"arm", kHeldOutPronouns, "held-out words", "held-out names"}, rows,
                     "Paired by seed and profession. Below 0: less disparity.");
}

Json cost_table(StudyPreset preset, const StudyResults& finished) {
  std::vector<std::vector<std::string>> rows;
  for (const std::string& model : shown_models(preset)) {
    const auto value = [&](const char* key, int digits) { return shown_estimate(role_estimate(scalars(finished, "planted", model, key)), digits); };
    rows.push_back({model, value("perplexity", 3), value("perplexity_gendered", 3),
                    shown_estimate(role_estimate(against_none(finished, "planted", model, "perplexity", true)), 3)});
  }
  return study_table("What it costs", {"model", "perplexity", "on sentences with words of gender", "perplexity / that of none"}, rows,
                     "Intervals resample seeds. The test text has the planted skew, so that a model without it must pay for it.");
}

Json transfer_table(StudyPreset preset, const StudyResults& finished) {
  std::vector<std::vector<std::string>> rows;
  for (const std::string& model : shown_models(preset)) {
    const auto value = [&](const char* key) { return shown_estimate(role_estimate(scalars(finished, "planted", model, key))); };
    rows.push_back({model, value("association"), value("tpr_gap"),
                    shown_estimate(role_estimate(against_none(finished, "planted", model, "tpr_gap", false))), value("lean_gap"), value("accuracy")});
  }
  return study_table("Does it reach embeddings and tasks?",
                     {"model", "SEAT effect size", "TPR gap", "TPR gap minus that of none", "gap towards the lean", "accuracy"}, rows,
                     "Intervals resample seeds. SEAT: professions that lean male and female against words of gender, mean hidden rows of "
                     "neutral sentences. TPR gap: a linear classifier on a model's mean hidden rows tells twelve professions from portraits "
                     "that name none (2,400 texts with a skew of 85 % to train on, as many without to test); root mean square over professions "
                     "of the difference between the genders' true positive rates, about .08 of it noise. Towards the lean: mean difference in "
                     "favour of the gender that the training texts tie to the profession; 0 is none.");
}

Json sample_table(const StudyResults& finished) {
  std::vector<std::vector<std::string>> rows;
  for (const char* kind : {"planted", "real"}) {
    for (const char* model : {"teacher", "none", "both"}) {
      const auto models = models_of(finished, kind, model);
      if (models.empty()) continue;
      for (const Json& text : (*models.begin()->second)["samples"]) {
        std::string line;  // on one line, single blanks: subwords bring their own
        for (char c : text.get<std::string>()) {
          c = c == '\n' || c == '|' ? ' ' : c;
          if (c != ' ' || !line.ends_with(' ')) line += c;
        }
        rows.push_back({kind, model, line});
      }
    }
  }
  return study_table("Texts before and after", {"teacher", "model", "text"}, rows, "One sample each, first seed, no selection.");
}

Json real_table(StudyPreset preset, const StudyResults& finished) {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> header = {"model"};
  for (const std::string& row : real_row_names()) header.push_back(row);
  for (const std::string& model : shown_models(preset)) {
    if (models_of(finished, "real", model).empty()) continue;
    std::vector<std::string> cells = {model};
    for (const std::string& row : real_row_names()) cells.push_back(shown_estimate(row_estimate(finished, "real", model, row)));
    rows.push_back(cells);
  }
  return study_table("Real teacher: mean |log P(male)/P(female)| of the next token", header, rows,
                     fmt::format("{} seed(s), {} titles of BOLD that name a person; intervals resample titles inside BOLD's groups, or professions; "
                                 "no test is made over these seeds. Held-out words and names are never exchanged in a student's text.",
                                 models_of(finished, "real", "teacher").size(), bold_groups(finished).size()));
}

Json real_cost_table(StudyPreset preset, const StudyResults& finished) {
  std::vector<std::vector<std::string>> rows;
  const auto number = [&](const std::string& model, const char* key, int digits) -> std::string {
    const SeedValues values = scalars(finished, "real", model, key);
    if (values.empty()) return "not measured";
    std::string text;
    for (const auto& value : values) text += fmt::format("{}{:.{}f}", text.empty() ? "" : ", ", value[0], digits);
    return text;
  };
  for (const std::string& model : shown_models(preset)) {
    if (models_of(finished, "real", model).empty()) continue;
    rows.push_back({model, shown_estimate(row_estimate(finished, "real", model, kBoldRow, "none")), number(model, "perplexity", 2),
                    number(model, "association", 2), number(model, "tpr_gap", 3), number(model, "lean_gap", 3), number(model, "accuracy", 3)});
  }
  return study_table("Real teacher: cost, embeddings and task",
                     {"model", "BOLD minus none", "perplexity", "SEAT effect size", "TPR gap", "gap towards the lean", "accuracy"}, rows,
                     "One number for each seed. Perplexity on lines of WikiText-2 test with a word of gender. TPR gap: built-in biographies of 16 "
                     "professions, as above; few texts, so that much of it is noise.");
}

// ---- pictures

Json arm_picture(const std::string& name, const std::string& title, const std::string& description, const std::string& x_label,
                 const std::vector<std::string>& models, const std::function<std::optional<RoleEstimate>(const std::string&)>& estimate) {
  report::IntervalPicture picture{.title = title, .description = description, .x_label = x_label};
  for (const std::string& model : models) {
    if (const auto found = estimate(model)) picture.marks.push_back({model, found->value, found->low, found->high});
  }
  if (picture.marks.empty()) return nullptr;
  return {{"name", name}, {"title", title}, {"svg", report::interval_picture(picture)}};
}

Json role_pictures(StudyPreset preset, const StudyResults& finished) {
  Json pictures = Json::array();
  const auto add = [&](Json picture) {
    if (!picture.is_null()) pictures.push_back(std::move(picture));
  };
  const std::vector<std::string> models = shown_models(preset);
  add(arm_picture("role-reversal-held-out", "Pronouns after held-out professions, planted teacher",
                  "Mean absolute log odds of he against she for each model, with 95 % intervals over professions and seeds.",
                  "|log P(he)/P(she)|", models,
                  [&](const std::string& model) { return row_estimate(finished, "planted", model, kHeldOutPronouns); }));
  add(arm_picture("role-reversal-tpr-gap", "True positive rate gap of a classifier behind each model, planted teacher",
                  "Root mean square difference of true positive rates between genders for each model, with 95 % intervals over seeds.",
                  "TPR gap", models,
                  [&](const std::string& model) { return role_estimate(scalars(finished, "planted", model, "tpr_gap")); }));
  add(arm_picture("role-reversal-bold", "Pronouns after BOLD's profession prompts, real teacher",
                  "Mean absolute log odds of he against she for each model, with 95 % intervals over titles.", "|log P(he)/P(she)|", models,
                  [&](const std::string& model) { return row_estimate(finished, "real", model, kBoldRow); }));
  return pictures;
}

// ---- verdicts

Json main_verdict(StudyPreset preset, const StudyResults& finished) {
  const std::string claim = "Both modifications lower gender disparity on held-out professions at a perplexity at most 10 % higher";
  const auto difference = row_estimate(finished, "planted", "both", kHeldOutPronouns, "none");
  const auto cost = role_estimate(against_none(finished, "planted", "both", "perplexity", true));
  if (!difference || !cost) return study_verdict(claim, "inconclusive", "not measured");
  const bool shown_lower = difference->high < 0, cheap = cost->high <= 1.1;
  std::string verdict = "inconclusive";
  if (difference->low > 0 || cost->low > 1.1) verdict = "not reproduced";
  else if (shown_lower && cheap) verdict = "reproduced";
  std::string why = fmt::format("difference {}, perplexity {} times that of none, {} seeds; the interval's half width, {:.2f}, is the "
                                "smallest effect to be seen",
                                shown_estimate(difference), shown_estimate(cost, 3), difference->seeds, (difference->high - difference->low) / 2);
  if ((preset == StudyPreset::kQuick || difference->seeds < 5) && verdict != "inconclusive") {
    why += fmt::format("; {} by this, but {} seeds are no test", verdict, difference->seeds);
    verdict = "inconclusive";
  }
  return study_verdict(claim, verdict, why);
}

/// Reproduced: shown to be within `equivalent` either way.
Json transfer_verdict(StudyPreset preset, const std::string& claim, const std::string& what, const SeedValues& moved, double equivalent) {
  const auto change = role_estimate(moved);
  if (!change) return study_verdict(claim, "inconclusive", "not measured");
  std::string verdict = "inconclusive";
  const bool tested = preset == StudyPreset::kFull && change->seeds >= 5;
  if (tested && change->low > -equivalent && change->high < equivalent) verdict = "reproduced";
  if (tested && change->high < -equivalent) verdict = "not reproduced";
  return study_verdict(claim, verdict,
                       fmt::format("{} of both minus none {} over {} seeds; equivalence asks for less than {:g} either way", what,
                                   shown_estimate(change), change->seeds, equivalent));
}

Json embedding_verdict(StudyPreset preset, const StudyResults& finished) {
  SeedValues moved;
  const SeedValues before = scalars(finished, "planted", "none", "association", "both");
  const SeedValues after = scalars(finished, "planted", "both", "association", "none");
  for (std::size_t s = 0; s < after.size() && s < before.size(); ++s) moved.push_back({std::abs(after[s][0]) - std::abs(before[s][0])});
  return transfer_verdict(preset, "Less disparity in text does not reach the embeddings (SEAT)", "|effect size|", moved, 0.3);
}

Json real_verdict(const StudyResults& finished) {
  const std::string claim = "The same with a real teacher (GPT-2, SmolLM2)";
  if (models_of(finished, "real", "teacher").empty()) {
    return study_verdict(claim, "not testable", "skipped: no folder was named (DISCREET_STUDY_TEACHER=DIR discreet study role-reversal)");
  }
  const auto difference = row_estimate(finished, "real", "both", kBoldRow, "none");
  const auto cost = role_estimate(against_none(finished, "real", "both", "perplexity", true));
  return study_verdict(claim, "inconclusive",
                       fmt::format("BOLD's professions: both minus none {} over titles, perplexity {} times that of none; {} seed(s) are no test",
                                   shown_estimate(difference), cost ? fmt::format("{:.3f}", cost->value) : "unknown",
                                   difference ? difference->seeds : 0));
}

std::size_t measured_elsewhere(const StudyResults& finished) {
  return static_cast<std::size_t>(std::ranges::count_if(finished, [](const auto& cell) { return cell.second.value("device", "cpu") != "cpu"; }));
}

Json analyse_roles(StudyPreset preset, const StudyResults& finished) {
  Json tables = {disparity_table(preset, finished), difference_table(preset, finished), cost_table(preset, finished),
                 transfer_table(preset, finished)};
  if (!models_of(finished, "real", "teacher").empty()) {
    tables.push_back(real_table(preset, finished));
    tables.push_back(real_cost_table(preset, finished));
  }
  tables.push_back(sample_table(finished));
  const Json verdicts = {main_verdict(preset, finished), embedding_verdict(preset, finished),
                         transfer_verdict(preset, "Less disparity in text does not reach a classifier on the student's rows (TPR gap)", "TPR gap",
                                          against_none(finished, "planted", "both", "tpr_gap", false), 0.05),
                         real_verdict(finished)};
  Json results = Json::array();
  const auto add_results = [&](const char* kind, const std::vector<std::string>& row_names) {
    for (const std::string& model : shown_models(preset)) {
      for (const std::string& row : row_names) {
        const auto estimate = row_estimate(finished, kind, model, row);
        if (!estimate) continue;
        results.push_back({{"teacher", kind}, {"model", model}, {"row", row}, {"value", estimate->value},
                           {"ci", {estimate->low, estimate->high}}, {"seeds", estimate->seeds}, {"items", estimate->items}});
      }
    }
  };
  std::vector<std::string> planted;
  for (const OddsRow& row : planted_rows()) planted.push_back(row.name);
  add_results("planted", planted);
  add_results("real", real_row_names());
  Json caveats = {
      "Combinations, their alignment, and log-probabilities as what is combined are our reading of Gupta et al. 2022; the target token "
      "is not reversed.",
      "All arms take the same number of updates, and so about as many tokens; augmented text then passes once where plain text passes "
      "twice. Of the planted teacher the full preset has arms with equal passes.",
      "Students of the planted teacher begin as every second of its layers. Names and words of two genders alone, English alone, a text "
      "of some twenty sentence forms.",
      "Real teacher: students of the quick preset keep most layers and see some thousand tokens; those of the full preset keep every second "
      "layer and learn from 300,000 tokens in 600 updates, each seed from another part of the text. Of BOLD's 1,064 titles those count that name a person, by a list in the source; the text is lines of WikiText-2 with a word of gender.",
      "The classifier behind a model is linear and sees made-up texts; coreference (GAP), published figures of GPT-2 and DistilGPT-2 and "
      "human judgements are not tested."};
  if (const std::size_t elsewhere = measured_elsewhere(finished); elsewhere > 0) {
    caveats.push_back(fmt::format("{} of {} cells were trained and measured on a CUDA device, whose sums round otherwise than a CPU's.",
                                  elsewhere, finished.size()));
  }
  return {{"tables", tables}, {"verdicts", verdicts}, {"results", results}, {"pictures", role_pictures(preset, finished)}, {"caveats", caveats}};
}

Study make_role_reversal() {
  return {.title = "Counterfactual role reversal in distillation",
          .question = "Which part of the method lowers gender disparity in text, at what cost, and does it reach embeddings and tasks?",
          .cells = role_cells,
          .measure = measure_role_cell,
          .analyse = analyse_roles,
          .any_device = true};
}

}  // namespace
}  // namespace app

void register_study_role_reversal(core::Registry& registry) {
  registry.add({.kind = "study",
                .name = "role-reversal",
                .summary = "Students of a biased teacher: augmentation, perturbed predictions, both",
                .reference = "Gupta et al. 2022",
                .make = app::MakeStudy(&app::make_role_reversal)});
}

}  // namespace discreet
