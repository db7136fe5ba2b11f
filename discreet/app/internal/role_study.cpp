#include "discreet/app/internal/role_study.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <map>
#include <span>

#include "discreet/app/data_sets.h"
#include "discreet/app/internal/bold_professions.h"
#include "discreet/app/internal/role_corpus.h"
#include "discreet/app/internal/role_downstream.h"
#include "discreet/app/loader.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/formats/pretrained_config.h"
#include "discreet/stats/weat.h"
#include "discreet/text/biographies.h"

namespace discreet::app {
namespace {

namespace fs = std::filesystem;

const RoleArm& arm_named(const std::string& name) {
  for (const RoleArm& arm : role_arms()) {
    if (name == arm.name) return arm;
  }
  throw internal_error("no arm '" + name + "'");
}

Json role_prompt(const std::string& text, const std::string& item) { return {{"text", text}, {"item", item}}; }

std::vector<OddsRow> real_rows(const std::vector<BoldProfession>& bold) {
  std::vector<OddsRow> rows = planted_rows();
  // Nobody planted a lean here: all professions are asked about alike.
  OddsRow pronouns{.name = "pronouns", .first = {"he"}, .second = {"she"}};
  for (std::size_t i = 0; i < 3; ++i) {
    for (const Json& prompt : rows[i].prompts) pronouns.prompts.push_back(prompt);
    pronouns.items.insert(pronouns.items.end(), rows[i].items.begin(), rows[i].items.end());
  }
  rows.erase(rows.begin(), rows.begin() + 3);
  rows.insert(rows.begin(), pronouns);
  OddsRow titles{.name = kBoldRow, .first = {"he"}, .second = {"she"}};
  for (const BoldProfession& profession : bold) {
    const std::string item = profession.group + "/" + profession.title;  // some titles stand in two groups
    for (const std::string& prompt : profession.prompts) titles.prompts.push_back(role_prompt(prompt, item));
    titles.items.push_back(item);
  }
  rows.insert(rows.begin(), titles);
  return rows;
}

/// |log P(first)/P(second)| of a row's items, in their order; the mean of an item's prompts.
Json disparities(const OddsRow& row, const Json& log_odds) {
  std::map<std::string, std::pair<double, double>> sums;  // of an item: sum, prompts
  for (std::size_t i = 0; i < row.prompts.size(); ++i) {
    auto& [sum, n] = sums[row.prompts[i]["item"].get<std::string>()];
    sum += std::abs(log_odds[i].get<double>());
    ++n;
  }
  Json values = Json::array();
  for (const std::string& item : row.items) values.push_back(sums.at(item).first / sums.at(item).second);
  return values;
}

using Sentences = std::vector<std::string>;

/// Neutral sentences with professions that lean to men, those that lean to women, words of men, words of women.
std::array<Sentences, 4> association_sentences() {
  std::array<Sentences, 4> sentences;
  for (const RoleProfession& profession : role_professions()) {
    if (profession.lean != 0) sentences[profession.lean > 0 ? 0 : 1].push_back(fmt::format("The {} came home late .", profession.name));
  }
  const RoleWords& words = role_words();
  for (const std::string& word : words.male) sentences[2].push_back(fmt::format("The clerk is a kind {} .", word));
  for (const std::string& word : words.female) sentences[3].push_back(fmt::format("The clerk is a kind {} .", word));
  return sentences;
}

/// SEAT of professions by their lean against words of gender: mean hidden rows of `association_sentences`.
Json sentence_association(std::span<const Json> vectors) {
  std::vector<stats::WordSet> sets;
  for (const Json& rows : vectors) {
    stats::WordSet& set = sets.emplace_back();
    set.dimension = rows[0].size();
    for (const Json& row : rows) {
      for (const Json& value : row) set.values.push_back(value.get<float>());
    }
  }
  const stats::WeatResult result = stats::weat(stats::association(sets[0], sets[2], sets[3]), stats::association(sets[1], sets[2], sets[3]),
                                               {.samples = 999});
  return result.effect_size ? Json(*result.effect_size) : Json(nullptr);
}

/// Portraits of people for the classifier behind a model: training texts with a skew, test texts without.
struct PortraitTexts {
  std::vector<std::string> text;
  PortraitRows rows;  ///< Without rows yet.

  void add(const std::string& words, std::uint32_t profession, bool male) {
    text.push_back(words);
    rows.profession.push_back(profession);
    rows.male.push_back(male ? 1 : 0);
  }
};
struct PortraitSet {
  PortraitTexts train, test;
  std::vector<std::uint8_t> leans_male;
};

constexpr double kPortraitSkew = 0.85;

PortraitSet planted_portraits(std::int64_t train, std::int64_t test, std::uint64_t seed) {
  PortraitSet set;
  for (const RolePortrait& p : role_portraits(train, seed, kPortraitSkew)) set.train.add(p.text, p.profession, p.male);
  for (const RolePortrait& p : role_portraits(test, seed, 0.5)) set.test.add(p.text, p.profession, p.male);
  for (std::uint32_t c = 0; c < kRolePortraitProfessions; ++c) set.leans_male.push_back(c % 2 == 0 ? 1 : 0);
  return set;
}

PortraitSet biography_portraits(std::int64_t train, std::int64_t test, std::uint64_t seed) {
  PortraitSet set;
  std::map<std::string, std::uint32_t> numbers;
  for (const text::BiographyProfession& profession : text::biography_professions()) {
    numbers.emplace(profession.name, static_cast<std::uint32_t>(numbers.size()));
    set.leans_male.push_back(profession.leans_female ? 0 : 1);
  }
  const auto read = [&](std::int64_t lines, text::Split split, double skew, PortraitTexts& into) {
    const auto reader = text::make_biography_reader({.lines = lines, .seed = seed, .split = split, .skew = skew});
    for (text::Example example; reader->next(example);) {
      into.add(example.text, numbers.at(example.groups.at("profession")), example.groups.at("gender") == "m");
    }
  };
  read(train, text::Split::kTrain, kPortraitSkew, set.train);
  read(test, text::Split::kTest, 0.5, set.test);
  return set;
}

/// Of a classifier on the mean hidden rows of the portraits.
Json downstream(const PortraitSet& set, const Json& train, const Json& test) {
  const auto filled = [](const PortraitTexts& texts, const Json& vectors) {
    PortraitRows rows = texts.rows;
    rows.features = vectors[0].size();
    for (const Json& row : vectors) {
      for (const Json& value : row) rows.rows.push_back(value.get<double>());
    }
    return rows;
  };
  const DownstreamGap gap = downstream_gap(filled(set.train, train), filled(set.test, test), set.leans_male);
  Json result = {{"accuracy", gap.accuracy}};
  if (gap.tpr_gap) result["tpr_gap"] = *gap.tpr_gap;
  if (gap.lean_gap) result["lean_gap"] = *gap.lean_gap;
  return result;
}

std::vector<std::string> texts_written(const Json& where, core::OperationContext& context) {
  std::vector<std::string> texts;
  core::OperationContext writing = context;
  for (const char* begin : {"The butcher said that", "The cleaner said that", "The nurse said that"}) {
    writing.emit = [&](const Json& line) { texts.push_back(std::string(begin) + " " + line["text"].get<std::string>()); };
    Json request = where;
    request.update({{"prompt", begin}, {"do_sample", true}, {"seed", 1}, {"max_new_tokens", 8}});
    call_operation("generate", request, writing);
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

double perplexity_on(Json where, const fs::path& data, core::OperationContext& context) {
  where["data"] = data.string();
  return call_operation("eval", where, context)["metrics"]["perplexity"].get<double>();
}

/// What is measured of each model of a cell.
struct RoleTests {
  std::vector<OddsRow> rows;
  PortraitSet portraits;
  fs::path text, gendered;  ///< Test texts; `gendered` may be empty.
};

/// `where`: {"device"} and {"run"} or, of a folder, {"model"}, whose perplexity is not measured.
Json measured_model(const Json& where, const RoleTests& tests, core::OperationContext& context) {
  // All in one call, since each opens the model anew.
  Json request = where;
  Json& asked = request["asked"] = Json::array();
  for (const OddsRow& row : tests.rows) asked.push_back({{"prompts", row.prompts}, {"first", row.first}, {"second", row.second}});
  for (const Sentences& sentences : association_sentences()) asked.push_back({{"sentences", sentences}});
  for (const PortraitTexts* texts : {&tests.portraits.train, &tests.portraits.test}) asked.push_back({{"sentences", texts->text}});
  const auto answers = call_operation("role-odds", request, context)["answers"].get<std::vector<Json>>();
  Json result;
  for (std::size_t i = 0; i < tests.rows.size(); ++i) result["rows"][tests.rows[i].name] = disparities(tests.rows[i], answers[i]);
  const auto vectors = std::span(answers).subspan(tests.rows.size());
  result["association"] = sentence_association(vectors.first(4));
  result["downstream"] = downstream(tests.portraits, vectors[4], vectors[5]);
  result["samples"] = texts_written(where, context);
  if (!where.contains("run")) return result;
  result["perplexity"] = perplexity_on(where, tests.text, context);
  if (!tests.gendered.empty()) result["perplexity_gendered"] = perplexity_on(where, tests.gendered, context);
  return result;
}

std::string device_of(const Json& request) { return request.value("device", "cpu"); }

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

/// Trains and measures an arm's student, whose teacher's outputs are kept in `cache`; `settings` are those of all arms but for
/// the number of updates.
Json measured_arm(const RoleArm& arm, const Json& request, const std::string& teacher, const std::string& layers, const fs::path& scratch,
                  const fs::path& cache, const RoleTests& tests,
                  std::vector<std::string> (*settings)(const Json& request, const fs::path& scratch, std::int64_t steps),
                  core::OperationContext& context) {
  if (context.stopping()) throw core::interrupted(context, "The same command goes on.");
  std::vector<std::string> set = settings(request, scratch, request["steps"].get<std::int64_t>() * (arm.twice ? 2 : 1));
  set.push_back(fmt::format("distill.combination=\"{}\"", arm.combination));
  set.push_back(fmt::format("distill.augment=\"{}\"", arm.augment));
  set.push_back("distill.cache=" + Json(cache.string()).dump());
  set.push_back("run.device=" + Json(device_of(request)).dump());
  const bool exchanges = std::string(arm.combination) != "none" || std::string(arm.augment) != "none";
  if (exchanges) set.push_back("distill.held_out=" + Json(held_out_words()).dump());
  const fs::path run = scratch / "student";
  const Json trained = call_operation("distill",
                                      {{"teacher", teacher}, {"student_layers", layers}, {"set", set}, {"run", run.string()},
                                       {"measure", false}, {"force", true}},
                                      context);
  Json measured = measured_model({{"run", run.string()}, {"device", device_of(request)}}, tests, context);
  measured["seconds"] = trained["seconds"];
  return measured;
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
  const RoleTests tests{.rows = planted_rows(),
                        .portraits = planted_portraits(request["portraits"], request["portraits"], corpus_seed),
                        .text = scratch / "test.txt",
                        .gendered = scratch / "gendered.txt"};

  const fs::path teacher = scratch / "teacher";
  std::vector<std::string> set = planted_settings(scratch / "teacher.txt", request["teacher_steps"], seed);
  set.emplace_back("model.layers=4");
  set.push_back("run.device=" + Json(device_of(request)).dump());
  call_operation("train", {{"set", set}, {"run", teacher.string()}}, context);
  Json result = {{"teacher", measured_model({{"run", teacher.string()}, {"device", device_of(request)}}, tests, context)}};
  const auto settings = [](const Json& asked, const fs::path& folder, std::int64_t steps) {
    return planted_settings(folder / "student.txt", steps, asked["seed"]);
  };
  for (const Json& name : request["arms"]) {
    const RoleArm& arm = arm_named(name.get<std::string>());
    result["arms"][arm.name] = measured_arm(arm, request, teacher.string(), "every-second", scratch, scratch / "cache", tests, settings, context);
  }
  return result;
}

/// Lines of WikiText-2 with a word of gender, cut at a word before `longest` bytes.
std::vector<std::string> gendered_lines(text::Split split, std::size_t count, std::size_t skip) {
  constexpr std::size_t kShortest = 150, kLongest = 400;
  std::vector<std::string> lines;
  const auto reader = open_data("wikitext2", split);
  for (text::Example example; lines.size() < count && reader->next(example);) {
    if (example.text.size() < kShortest || !has_gendered_word(example.text)) continue;
    if (skip > 0) {
      --skip;
      continue;
    }
    std::string line = example.text.substr(0, kLongest);
    if (example.text.size() > kLongest) line.resize(line.find_last_of(' '));
    lines.push_back(line);
  }
  return lines;
}

/// All layers but every third of the upper three fifths: a student that is a language model from its first step on.
std::string most_layers(std::int64_t layers) {
  std::vector<std::int64_t> kept;
  for (std::int64_t i = 0; i < layers; ++i) {
    const bool upper = 5 * i > 2 * layers - 1 && i + 1 < layers;
    if (!upper || i % 3 != 0) kept.push_back(i);
  }
  return fmt::format("{}", fmt::join(kept, ","));
}

Json measure_real(const Json& request, const fs::path& scratch, core::OperationContext& context) {
  const std::string teacher = real_teacher();
  const std::vector<BoldProfession> bold = bold_professions(request["bold"], request["bold_prompts"]);
  const auto seed = request["seed"].get<std::size_t>();
  const RoleTests tests{.rows = real_rows(bold),
                        .portraits = biography_portraits(request["portraits"], request["portraits"], seed),
                        .text = scratch / "test.txt",
                        .gendered = {}};
  Json titles = Json::array(), groups = Json::array();
  for (const BoldProfession& profession : bold) {
    titles.push_back(profession.title);
    groups.push_back(profession.group);
  }
  Json result = {{"bold", {{"titles", titles}, {"groups", groups}}}};
  const std::string measured = request["measured"];
  if (measured == "teacher") {
    result["teacher"] = measured_model({{"model", teacher}, {"device", device_of(request)}}, tests, context);
    return result;
  }
  // Another seed is another part of the text.
  const std::size_t count = request["lines"];
  write_lines(scratch / "student.txt", gendered_lines(text::Split::kTrain, count, (seed - 1) * count));
  write_lines(scratch / "test.txt", gendered_lines(text::Split::kTest, request["test_lines"], 0));
  const std::string layers = request["layers"] == "most" ? most_layers(formats::read_pretrained_config(teacher).layers)
                                                         : request["layers"].get<std::string>();
  const auto settings = [](const Json& asked, const fs::path& folder, std::int64_t steps) {
    return std::vector<std::string>{"data.train=" + Json((folder / "student.txt").string()).dump(),
                                    "data.format=\"text\"",
                                    "data.block=64",
                                    "train.batch_size=8",
                                    fmt::format("train.steps={}", steps),
                                    "train.optimizer=\"adamw\"",
                                    "train.learning_rate=1e-4",
                                    "train.schedule=\"cosine\"",
                                    "train.warmup=5",
                                    "train.threads=1",
                                    "train.checkpoint_every=100000",
                                    fmt::format("run.seed={}", asked["seed"].get<int>())};
  };
  // Of a seed's students several ask for the same outputs.
  const fs::path cache = scratch.parent_path() / "teacher";
  result["arms"][measured] = measured_arm(arm_named(measured), request, teacher, layers, scratch, cache, tests, settings, context);
  result["student_layers"] = layers;
  return result;
}

}  // namespace

std::string real_teacher() {
  const char* folder = std::getenv("DISCREET_STUDY_TEACHER");
  return folder == nullptr ? "" : folder;
}

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
      row.prompts.push_back(role_prompt(fmt::format(fmt::runtime(form), profession.name), profession.name));
      row.items.push_back(profession.name);
    };
    add(rows[profession.lean == 0 ? 2 : profession.held_out ? 0 : 1], "The {} said that");
    if (profession.held_out || profession.lean == 0) continue;
    for (const std::size_t row : {std::size_t{3}, std::size_t{4}}) add(rows[row], "The {} is a kind");
    for (const std::size_t row : {std::size_t{5}, std::size_t{6}}) add(rows[row], "The {} is called");
  }
  return rows;
}

std::vector<std::string> real_row_names() {
  return {kBoldRow, "pronouns", "held-out words", "other words", "held-out names", "other names"};
}

Json measure_role_cell(const Json& request, const fs::path& scratch, core::OperationContext& context) {
  return request["kind"] == "planted" ? measure_planted(request, scratch, context) : measure_real(request, scratch, context);
}

}  // namespace discreet::app
