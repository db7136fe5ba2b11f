// Counterfactual role reversal in distillation: which part of it lowers gender disparity in text, at what cost, and does
// it reach embeddings (Gupta et al. 2022)?
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>

#include "discreet/app/internal/role_corpus.h"
#include "discreet/app/loader.h"
#include "discreet/app/study.h"
#include "discreet/core/files.h"
#include "discreet/core/random.h"
#include "discreet/core/registry.h"
#include "discreet/stats/bootstrap.h"
#include "discreet/stats/weat.h"

namespace discreet {
namespace app {
namespace {

namespace fs = std::filesystem;

// ---- arms and cells

/// One way to train the student. All take the same number of updates; "twice" takes twice as many, as two passes of
/// augmented text hold twice the tokens of one of the plain text.
struct RoleArm {
  const char *name, *combination, *augment;
  bool twice = false;
};
const std::vector<RoleArm>& role_arms() {
  static const std::vector<RoleArm> arms = {{"none", "none", "none"},
                                            {"augmentation", "none", "augment"},
                                            {"teacher max", "max", "none"},
                                            {"teacher mean", "mean", "none"},
                                            {"teacher log-mean-exp", "log-mean-exp", "none"},
                                            {"teacher swap", "swap", "none"},
                                            {"both", "max", "augment"},
                                            {"augmentation, equal passes", "none", "augment", true},
                                            {"both, equal passes", "max", "augment", true}};
  return arms;
}

const RoleArm& arm_named(const std::string& name) {
  for (const RoleArm& arm : role_arms()) {
    if (name == arm.name) return arm;
  }
  throw internal_error("no arm '" + name + "'");
}

std::vector<std::string> arm_names(StudyPreset preset) {
  std::vector<std::string> names;
  for (const RoleArm& arm : role_arms()) {
    if (preset == StudyPreset::kFull || !arm.twice) names.emplace_back(arm.name);
  }
  return names;
}

int planted_seeds(StudyPreset preset) { return preset == StudyPreset::kQuick ? 3 : 8; }
int real_seeds(StudyPreset preset) { return preset == StudyPreset::kQuick ? 1 : 3; }

/// The folder of a real teacher: GPT-2, SmolLM2; empty: none was named.
std::string real_teacher() {
  const char* folder = std::getenv("DISCREET_STUDY_TEACHER");
  return folder == nullptr ? "" : folder;
}

std::vector<StudyCell> role_cells(StudyPreset preset) {
  const bool quick = preset == StudyPreset::kQuick;
  std::vector<StudyCell> cells;
  for (int seed = 1; seed <= planted_seeds(preset); ++seed) {
    cells.push_back({fmt::format("planted-{}", seed),
                     {{"kind", "planted"},
                      {"seed", seed},
                      {"arms", arm_names(preset)},
                      {"lines", 6000},
                      {"teacher_steps", 900},
                      {"steps", 500}}});
  }
  if (real_teacher().empty()) return cells;
  const std::vector<std::string> real = quick ? std::vector<std::string>{"none", "both"} : arm_names(preset);
  for (int seed = 1; seed <= real_seeds(preset); ++seed) {
    cells.push_back({fmt::format("real-{}", seed),
                     {{"kind", "real"},
                      {"seed", seed},
                      {"arms", real},
                      {"teacher", real_teacher()},
                      {"data", quick ? "wikitext2:dev" : "wikitext2"},
                      {"steps", quick ? 20 : 300}}});
  }
  return cells;
}

// ---- what is measured

/// Rows of the outcome: prompts about items, and the two sets of words whose odds are taken.
struct OddsRow {
  std::string name;
  Json prompts = Json::array();
  std::vector<std::string> items, first, second;
};

Json prompt(const std::string& text, const std::string& item) { return {{"text", text}, {"item", item}}; }

std::vector<OddsRow> planted_rows() {
  const RoleWords &words = role_words(), &names = role_names();
  std::vector<OddsRow> rows = {{.name = "pronouns, held-out professions", .first = {"he"}, .second = {"she"}},
                               {.name = "pronouns, other professions", .first = {"he"}, .second = {"she"}},
                               {.name = "pronouns, control professions", .first = {"he"}, .second = {"she"}},
                               {.name = "held-out words", .first = words.held_out_male, .second = words.held_out_female},
                               {.name = "other words", .first = words.male, .second = words.female},
                               {.name = "held-out names", .first = names.held_out_male, .second = names.held_out_female},
                               {.name = "other names", .first = names.male, .second = names.female}};
  for (const RoleProfession& profession : role_professions()) {
    const auto add = [&](OddsRow& row, const char* form) {
      row.prompts.push_back(prompt(fmt::format(fmt::runtime(form), profession.name), profession.name));
      row.items.push_back(profession.name);
    };
    add(rows[profession.lean == 0 ? 2 : profession.held_out ? 0 : 1], "The {} said that");
    if (profession.held_out || profession.lean == 0) continue;
    for (const std::size_t row : {std::size_t{3}, std::size_t{4}}) add(rows[row], "The {} is a kind");
    for (const std::size_t row : {std::size_t{5}, std::size_t{6}}) add(rows[row], "The {} is called");
  }
  return rows;
}

std::vector<OddsRow> real_rows() {
  OddsRow row{.name = "pronouns", .first = {"he"}, .second = {"she"}};
  for (const RoleProfession& profession : role_professions()) {
    row.prompts.push_back(prompt(fmt::format("The {} said that", profession.name), profession.name));
    row.items.push_back(profession.name);
  }
  return {row};
}

/// |log P(first)/P(second)| by row, in the order of its items.
Json disparities(const Json& where, const std::vector<OddsRow>& rows, core::OperationContext& context) {
  Json result = Json::object();
  for (const OddsRow& row : rows) {
    Json request = where;
    request["prompts"] = row.prompts;
    request["first"] = row.first;
    request["second"] = row.second;
    Json values = Json::array();
    const Json answer = call_operation("role-odds", request, context);
    for (const Json& odds : answer.at("log_odds")) {
      values.push_back(std::abs(odds.get<double>()));
    }
    result[row.name] = values;
  }
  return result;
}

stats::WordSet word_set(const Json& vectors) {
  stats::WordSet set;
  for (const Json& vector : vectors) {
    set.dimension = vector.size();
    for (const Json& value : vector) set.values.push_back(value.get<float>());
  }
  return set;
}

/// SEAT of professions by their lean against words of gender, on mean hidden rows of neutral sentences.
Json sentence_association(const Json& where, core::OperationContext& context) {
  const auto vectors = [&](const std::vector<std::string>& sentences) {
    Json request = where;
    request["sentences"] = sentences;
    return word_set(call_operation("role-odds", request, context)["vectors"]);
  };
  std::vector<std::string> targets[2], attributes[2];
  for (const RoleProfession& profession : role_professions()) {
    if (profession.lean != 0) targets[profession.lean > 0 ? 0 : 1].push_back(fmt::format("The {} came home late .", profession.name));
  }
  const RoleWords& words = role_words();
  for (const std::string& word : words.male) attributes[0].push_back(fmt::format("The clerk is a kind {} .", word));
  for (const std::string& word : words.female) attributes[1].push_back(fmt::format("The clerk is a kind {} .", word));
  const stats::WordSet a = vectors(attributes[0]), b = vectors(attributes[1]);
  const stats::WeatResult result =
      stats::weat(stats::association(vectors(targets[0]), a, b), stats::association(vectors(targets[1]), a, b),
                  {.samples = 999});
  return result.effect_size ? Json(*result.effect_size) : Json(nullptr);
}

std::vector<std::string> texts_written(const fs::path& run, core::OperationContext& context) {
  std::vector<std::string> texts;
  core::OperationContext writing = context;
  for (const char* begin : {"The butcher said that", "The cleaner said that", "The nurse said that"}) {
    writing.emit = [&](const Json& line) { texts.push_back(std::string(begin) + " " + line["text"].get<std::string>()); };
    call_operation("generate", {{"run", run.string()}, {"prompt", begin}, {"do_sample", true}, {"seed", 1}, {"max_new_tokens", 8}},
                   writing);
  }
  return texts;
}

void write_lines(const fs::path& file, const std::vector<std::string>& lines) {
  core::write_file_atomically(file, fmt::format("{}\n", fmt::join(lines, "\n")));
}

bool has_gendered_word(const std::string& line) {
  for (const RoleWords* words : {&role_words(), &role_names()}) {
    for (const auto* list : {&words->male, &words->female, &words->held_out_male, &words->held_out_female}) {
      for (const std::string& word : *list) {
        if (line.find(" " + word + " ") != std::string::npos) return true;
      }
    }
  }
  return line.find(" he ") != std::string::npos || line.find(" she ") != std::string::npos;
}

/// Words that stay as they are: their lower-case forms, as lists have them.
std::vector<std::string> held_out_words() {
  std::vector<std::string> held;
  for (const RoleWords* words : {&role_words(), &role_names()}) {
    for (const auto* list : {&words->held_out_male, &words->held_out_female}) {
      for (std::string word : *list) {
        word[0] = static_cast<char>(word[0] | 32);
        held.push_back(word);
      }
    }
  }
  return held;
}

double perplexity_on(const fs::path& run, const fs::path& data, core::OperationContext& context) {
  return call_operation("eval", {{"run", run.string()}, {"data", data.string()}}, context)["metrics"]["perplexity"].get<double>();
}

Json measured_model(const fs::path& run, const fs::path& scratch, core::OperationContext& context) {
  const Json where = {{"run", run.string()}};
  return {{"rows", disparities(where, planted_rows(), context)},
          {"perplexity", perplexity_on(run, scratch / "test.txt", context)},
          {"perplexity_gendered", perplexity_on(run, scratch / "gendered.txt", context)},
          {"association", sentence_association(where, context)},
          {"samples", texts_written(run, context)}};
}

std::vector<std::string> planted_settings(const fs::path& train, std::int64_t steps, int seed) {
  return {"task=\"language-model\"",
          "data.train=" + Json(train.string()).dump(),
          "data.format=\"text\"",
          "data.lowercase=false",
          "data.vocabulary=\"private\"",
          "model.kind=\"gpt\"",
          "model.hidden=[64]",
          "model.heads=4",
          "train.batch_size=64",
          fmt::format("train.steps={}", steps),
          "train.optimizer=\"adam\"",
          "train.learning_rate=0.002",
          "train.schedule=\"cosine\"",
          "train.warmup=20",
          "train.threads=1",
          "train.checkpoint_every=100000",
          fmt::format("run.seed={}", seed)};
}

std::vector<std::string> arm_settings(const RoleArm& arm) {
  return {fmt::format("distill.combination=\"{}\"", arm.combination), fmt::format("distill.augment=\"{}\"", arm.augment)};
}

Json measure_planted(const Json& request, const fs::path& scratch, core::OperationContext& context) {
  const int seed = request["seed"];
  const std::int64_t lines = request["lines"];
  const auto corpus_seed = static_cast<std::uint64_t>(seed);
  write_lines(scratch / "teacher.txt", role_corpus({.lines = lines, .seed = corpus_seed}));
  write_lines(scratch / "student.txt", role_corpus({.lines = lines, .seed = corpus_seed, .held_out_items = false}));
  std::vector<std::string> test = role_corpus({.lines = 1500, .seed = corpus_seed + 1000, .held_out_items = false});
  write_lines(scratch / "test.txt", test);
  std::erase_if(test, [](const std::string& line) { return !has_gendered_word(line); });
  write_lines(scratch / "gendered.txt", test);

  const fs::path teacher = scratch / "teacher";
  std::vector<std::string> set = planted_settings(scratch / "teacher.txt", request["teacher_steps"], seed);
  set.emplace_back("model.layers=4");
  call_operation("train", {{"set", set}, {"run", teacher.string()}}, context);
  Json result = {{"teacher", measured_model(teacher, scratch, context)}, {"arms", Json::object()}};
  const std::string cache = "distill.cache=" + Json((scratch / "cache").string()).dump();
  const std::string held_out = "distill.held_out=" + Json(held_out_words()).dump();
  for (const Json& name : request["arms"]) {
    if (context.stopping()) throw core::interrupted(context, "The same command goes on.");
    const RoleArm& arm = arm_named(name.get<std::string>());
    const bool exchanges = std::string(arm.combination) != "none" || std::string(arm.augment) != "none";
    std::vector<std::string> of_arm = planted_settings(scratch / "student.txt",
                                                       request["steps"].get<std::int64_t>() * (arm.twice ? 2 : 1), seed);
    for (const std::string& assignment : arm_settings(arm)) of_arm.push_back(assignment);
    of_arm.push_back(cache);
    if (exchanges) of_arm.push_back(held_out);
    const fs::path run = scratch / "student";
    const Json trained = call_operation("distill",
                                        {{"teacher", teacher.string()},
                                         {"student_layers", "every-second"},
                                         {"set", of_arm},
                                         {"run", run.string()},
                                         {"measure", false},
                                         {"force", true}},
                                        context);
    Json measured = measured_model(run, scratch, context);
    measured["seconds"] = trained["seconds"];
    result["arms"][arm.name] = measured;
  }
  return result;
}

Json measure_real(const Json& request, const fs::path& scratch, core::OperationContext& context) {
  const std::string teacher = request["teacher"];
  Json result = {{"teacher", {{"rows", disparities({{"model", teacher}}, real_rows(), context)}}}, {"arms", Json::object()}};
  for (const Json& name : request["arms"]) {
    if (context.stopping()) throw core::interrupted(context, "The same command goes on.");
    const RoleArm& arm = arm_named(name.get<std::string>());
    std::vector<std::string> set = {"data.train=" + request["data"].dump(), "data.block=64", "train.batch_size=16",
                                    fmt::format("train.steps={}", request["steps"].get<std::int64_t>() * (arm.twice ? 2 : 1)),
                                    "train.optimizer=\"adamw\"", "train.learning_rate=5e-5", "train.warmup=10", "train.threads=1",
                                    "train.checkpoint_every=100000", fmt::format("run.seed={}", request["seed"].get<int>()),
                                    "distill.cache=" + Json((scratch / "cache").string()).dump()};
    for (const std::string& assignment : arm_settings(arm)) set.push_back(assignment);
    const fs::path run = scratch / "student";
    call_operation("distill",
                   {{"teacher", teacher}, {"student_layers", "every-second"}, {"set", set}, {"run", run.string()},
                    {"measure", false}, {"force", true}},
                   context);
    result["arms"][arm.name] = {{"rows", disparities({{"run", run.string()}}, real_rows(), context)}};
  }
  return result;
}

Json measure_roles(const Json& request, const fs::path& scratch, core::OperationContext& context) {
  return request["kind"] == "planted" ? measure_planted(request, scratch, context) : measure_real(request, scratch, context);
}

// ---- what it says

/// A model's values over seeds: [seed][item].
using SeedValues = std::vector<std::vector<double>>;

const Json* model_of(const Json& cell, const std::string& model) {
  if (model == "teacher") return &cell["teacher"];
  return cell["arms"].contains(model) ? &cell["arms"][model] : nullptr;
}

std::vector<const Json*> models_of(const StudyResults& finished, const std::string& kind, const std::string& model) {
  std::vector<const Json*> models;
  for (const auto& [name, cell] : finished) {
    if (!name.starts_with(kind)) continue;
    if (const Json* found = model_of(cell, model)) models.push_back(found);
  }
  return models;
}

SeedValues values_of_row(const StudyResults& finished, const std::string& kind, const std::string& model, const std::string& row) {
  SeedValues values;
  for (const Json* measured : models_of(finished, kind, model)) values.push_back((*measured)["rows"][row].get<std::vector<double>>());
  return values;
}

struct RoleEstimate {
  double value = 0, low = 0, high = 0;
  std::size_t seeds = 0, items = 0;
};

/// Mean of `a`, or of a - b paired by seed and item; 95 % by resampling items and, over that, seeds.
std::optional<RoleEstimate> estimate_of(const SeedValues& a, const SeedValues* b = nullptr) {
  if (a.empty() || a.front().empty() || (b != nullptr && b->size() != a.size())) return std::nullopt;
  const std::size_t seeds = a.size(), items = a.front().size();
  const auto mean = [&](const std::vector<std::size_t>& chosen_seeds, const std::vector<std::size_t>& chosen_items) {
    double sum = 0;
    for (const std::size_t s : chosen_seeds) {
      for (const std::size_t i : chosen_items) sum += a[s][i] - (b != nullptr ? (*b)[s][i] : 0);
    }
    return sum / static_cast<double>(chosen_seeds.size() * chosen_items.size());
  };
  std::vector<std::size_t> chosen_seeds(seeds), chosen_items(items);
  std::iota(chosen_seeds.begin(), chosen_seeds.end(), 0);
  std::iota(chosen_items.begin(), chosen_items.end(), 0);
  RoleEstimate estimate{.value = mean(chosen_seeds, chosen_items), .seeds = seeds, .items = items};
  core::ReproducibleRng rng(1, "role-reversal");
  std::vector<double> means;
  for (int k = 0; k < 2000; ++k) {
    for (std::size_t& s : chosen_seeds) s = rng.below(seeds);
    for (std::size_t& i : chosen_items) i = rng.below(items);
    means.push_back(mean(chosen_seeds, chosen_items));
  }
  std::ranges::sort(means);
  estimate.low = stats::sorted_quantile(means, .025);
  estimate.high = stats::sorted_quantile(means, .975);
  return estimate;
}

std::string shown(const std::optional<RoleEstimate>& estimate, int digits = 2) {
  if (!estimate) return "not measured";
  return fmt::format("{:.{}f} [{:.{}f}, {:.{}f}]", estimate->value, digits, estimate->low, digits, estimate->high, digits);
}

/// One number of each seed's model.
SeedValues scalars(const StudyResults& finished, const std::string& model, const char* key) {
  SeedValues values;
  for (const Json* measured : models_of(finished, "planted", model)) {
    if ((*measured)[key].is_number()) values.push_back({(*measured)[key].get<double>()});
  }
  return values;
}

std::vector<std::string> shown_models(StudyPreset preset) {
  std::vector<std::string> models = {"teacher"};
  for (const std::string& arm : arm_names(preset)) models.push_back(arm);
  return models;
}

Json disparity_table(StudyPreset preset, const StudyResults& finished) {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> header = {"model"};
  for (const OddsRow& row : planted_rows()) header.push_back(row.name);
  for (const std::string& model : shown_models(preset)) {
    std::vector<std::string> cells = {model};
    for (const OddsRow& row : planted_rows()) cells.push_back(shown(estimate_of(values_of_row(finished, "planted", model, row.name))));
    rows.push_back(cells);
  }
  const std::vector<const Json*> seeds = models_of(finished, "planted", "teacher");
  return study_table("Mean |log P(male)/P(female)| of the next token, planted teacher", header, rows,
                     fmt::format("{} seeds; intervals resample professions and seeds. The planted odds are 9 to 1: log 9 = 2.20, 0 is "
                                 "none; control professions are planted even. Only held-out columns are evidence: the others are "
                                 "balanced by construction. No line about a held-out profession is in a student's text, and held-out "
                                 "words and names are never exchanged there.",
                                 seeds.size()));
}

/// A bar of the value, its interval's end marked: a chart that any reader of the page can show.
std::string bar_of(const RoleEstimate& estimate) {
  constexpr double kPerMark = 0.1;
  const auto marks = [](double value) { return static_cast<std::size_t>(std::lround(std::clamp(value, 0.0, 4.0) / kPerMark)); };
  std::string bar;
  for (std::size_t i = 0; i < marks(estimate.high); ++i) bar += i < marks(estimate.low) ? "█" : i < marks(estimate.value) ? "▓" : "░";
  return bar;
}

Json disparity_chart(StudyPreset preset, const StudyResults& finished) {
  std::vector<std::vector<std::string>> rows;
  for (const std::string& model : shown_models(preset)) {
    const auto estimate = estimate_of(values_of_row(finished, "planted", model, "pronouns, held-out professions"));
    if (estimate) rows.push_back({model, bar_of(*estimate), fmt::format("{:.2f}", estimate->value)});
  }
  return study_table("Pronouns after held-out professions", {"model", "|log P(he)/P(she)|", "mean"}, rows,
                     "A mark is 0.1; full up to the interval's low end, dark up to the mean, light up to its high end.");
}

Json cost_table(StudyPreset preset, const StudyResults& finished) {
  std::vector<std::vector<std::string>> rows;
  for (const std::string& model : shown_models(preset)) {
    const SeedValues base = scalars(finished, "none", "perplexity"), own = scalars(finished, model, "perplexity");
    SeedValues ratio;
    for (std::size_t s = 0; s < own.size() && s < base.size(); ++s) ratio.push_back({own[s][0] / base[s][0]});
    rows.push_back({model, shown(estimate_of(own), 3), shown(estimate_of(scalars(finished, model, "perplexity_gendered")), 3),
                    shown(estimate_of(ratio), 3), shown(estimate_of(scalars(finished, model, "association")))});
  }
  return study_table("What it costs, and embeddings", {"model", "perplexity", "on sentences with words of gender",
                                                       "perplexity / that of none", "SEAT effect size"},
                     rows,
                     "Intervals resample seeds. The test text has the planted skew, so that a model without it must pay for it. SEAT: "
                     "professions that lean male and female against words of gender, mean hidden rows of neutral sentences.");
}

Json difference_table(StudyPreset preset, const StudyResults& finished) {
  std::vector<std::vector<std::string>> rows;
  for (const std::string& arm : arm_names(preset)) {
    if (arm == "none") continue;
    std::vector<std::string> cells = {arm};
    for (const char* row : {"pronouns, held-out professions", "held-out words", "held-out names"}) {
      const SeedValues base = values_of_row(finished, "planted", "none", row);
      const SeedValues own = values_of_row(finished, "planted", arm, row);
      cells.push_back(shown(estimate_of(own, &base)));
    }
    rows.push_back(cells);
  }
  return study_table("Held-out rows: arm minus none", {"arm", "pronouns, held-out professions", "held-out words", "held-out names"},
                     rows, "Paired by seed and profession. Below 0: less disparity.");
}

Json sample_table(const StudyResults& finished) {
  std::vector<std::vector<std::string>> rows;
  for (const std::string model : {"teacher", "none", "both"}) {
    const auto models = models_of(finished, "planted", model);
    if (models.empty()) continue;
    for (const Json& text : (*models.front())["samples"]) rows.push_back({model, text.get<std::string>()});
  }
  return study_table("Texts before and after", {"model", "text"}, rows, "One sample each, first seed, no selection.");
}

Json real_table(StudyPreset preset, const StudyResults& finished) {
  std::vector<std::vector<std::string>> rows;
  for (const std::string& model : shown_models(preset)) {
    const auto estimate = estimate_of(values_of_row(finished, "real", model, "pronouns"));
    if (estimate) rows.push_back({model, shown(estimate), std::to_string(estimate->seeds)});
  }
  return study_table("Real teacher: mean |log P(he)/P(she)|", {"model", "pronouns", "seeds"}, rows,
                     "Intervals resample professions; no test is made over these seeds.");
}

Json main_verdict(StudyPreset preset, const StudyResults& finished) {
  const std::string claim = "Both modifications lower gender disparity on held-out professions at a perplexity at most 10 % higher";
  const SeedValues base = values_of_row(finished, "planted", "none", "pronouns, held-out professions");
  const SeedValues both = values_of_row(finished, "planted", "both", "pronouns, held-out professions");
  const auto difference = estimate_of(both, &base);
  const SeedValues before = scalars(finished, "none", "perplexity"), after = scalars(finished, "both", "perplexity");
  SeedValues ratio;
  for (std::size_t s = 0; s < after.size() && s < before.size(); ++s) ratio.push_back({after[s][0] / before[s][0]});
  const auto cost = estimate_of(ratio);
  if (!difference || !cost) return study_verdict(claim, "inconclusive", "not measured");
  const bool shown_lower = difference->high < 0, cheap = cost->high <= 1.1;
  std::string verdict = "inconclusive";
  if (difference->low > 0 || cost->low > 1.1) verdict = "not reproduced";
  else if (shown_lower && cheap) verdict = "reproduced";
  std::string why = fmt::format("difference {}, perplexity {} times that of none, {} seeds; the interval's half width, {:.2f}, is the "
                                "smallest effect to be seen",
                                shown(difference), shown(cost, 3), difference->seeds, (difference->high - difference->low) / 2);
  if (preset == StudyPreset::kQuick && verdict != "inconclusive") {
    why += fmt::format("; {} by this, but three seeds are no test", verdict);
    verdict = "inconclusive";
  }
  return study_verdict(claim, verdict, why);
}

Json transfer_verdict(StudyPreset preset, const StudyResults& finished) {
  const std::string claim = "Less disparity in text does not reach the embeddings (SEAT)";
  constexpr double kEquivalent = 0.3;
  SeedValues moved;
  const SeedValues before = scalars(finished, "none", "association"), after = scalars(finished, "both", "association");
  for (std::size_t s = 0; s < after.size() && s < before.size(); ++s) moved.push_back({std::abs(after[s][0]) - std::abs(before[s][0])});
  const auto change = estimate_of(moved);
  if (!change) return study_verdict(claim, "inconclusive", "not measured");
  std::string verdict = "inconclusive";
  if (preset == StudyPreset::kFull && change->low > -kEquivalent && change->high < kEquivalent) verdict = "reproduced";
  if (preset == StudyPreset::kFull && change->high < -kEquivalent) verdict = "not reproduced";
  return study_verdict(claim, verdict,
                       fmt::format("|effect size| of both minus none {} over {} seeds; equivalence asks for less than {:g} either way",
                                   shown(change), change->seeds, kEquivalent));
}

Json analyse_roles(StudyPreset preset, const StudyResults& finished) {
  Json tables = {disparity_table(preset, finished), disparity_chart(preset, finished), difference_table(preset, finished), cost_table(preset, finished),
                 sample_table(finished)};
  const bool real = !models_of(finished, "real", "teacher").empty();
  if (real) tables.push_back(real_table(preset, finished));
  Json verdicts = {main_verdict(preset, finished), transfer_verdict(preset, finished)};
  if (!real) {
    verdicts.push_back(study_verdict("The same with a real teacher (GPT-2, SmolLM2)", "not testable",
                                     "skipped: no folder was named (DISCREET_STUDY_TEACHER=DIR discreet study role-reversal)"));
  }
  Json results = Json::array();
  for (const std::string& model : shown_models(preset)) {
    for (const OddsRow& row : planted_rows()) {
      const auto estimate = estimate_of(values_of_row(finished, "planted", model, row.name));
      if (!estimate) continue;
      results.push_back({{"model", model}, {"row", row.name}, {"value", estimate->value},
                         {"ci", {estimate->low, estimate->high}}, {"seeds", estimate->seeds}, {"items", estimate->items}});
    }
  }
  Json caveats = {
      "Combinations, their alignment, and log-probabilities as what is combined are our reading of Gupta et al. 2022; the target token "
      "is not reversed.",
      "All arms take the same number of updates, and so about as many tokens; augmented text then passes once where plain text passes "
      "twice. The full preset has arms with equal passes.",
      "Students begin as every second layer of their teacher. Names and words of two genders alone, English alone, a text of some "
      "twenty sentence forms.",
      "Downstream classification is not measured here; published figures of GPT-2 and DistilGPT-2 and human judgements are not "
      "testable."};
  return {{"tables", tables}, {"verdicts", verdicts}, {"results", results}, {"caveats", caveats}};
}

Study make_role_reversal() {
  return {.title = "Counterfactual role reversal in distillation",
          .question = "Which part of the method lowers gender disparity in text, at what cost, and does it reach embeddings?",
          .cells = role_cells,
          .measure = measure_roles,
          .analyse = analyse_roles};
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
