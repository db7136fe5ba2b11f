#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "discreet/app/before_after.h"
#include "discreet/app/data_sets.h"
#include "discreet/app/distill_options.h"
#include "discreet/app/internal/encoder.h"
#include "discreet/app/ops/internal/request.h"
#include "discreet/app/ops/internal/role_measures.h"
#include "discreet/app/ops/internal/teacher.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/operation.h"
#include "discreet/core/registry.h"
#include "discreet/core/run_dir.h"
#include "discreet/formats/pretrained_config.h"
#include "discreet/mitigate/distillation/student.h"

namespace discreet {
namespace app {
namespace {
namespace fs = std::filesystem;

/// "every-second", or "0,2,4".
std::vector<std::int64_t> parse_layers(const std::string& asked, std::int64_t teacher_layers) {
  if (asked == "every-second") return mitigate::every_second(teacher_layers);
  std::vector<std::int64_t> layers;
  std::size_t begin = 0;
  while (begin <= asked.size()) {
    const std::size_t end = std::min(asked.find(',', begin), asked.size());
    std::int64_t layer = -1;
    const auto [stop, error] = std::from_chars(asked.data() + begin, asked.data() + end, layer);
    if (error != std::errc() || stop != asked.data() + end || layer < 0 || layer >= teacher_layers) {
      throw usage_error(fmt::format("--student-layers {}: the teacher has layers 0 to {}", asked, teacher_layers - 1),
                        "Write every-second, or layers such as 0,2,4.");
    }
    layers.push_back(layer);
    begin = end + 1;
  }
  return layers;
}

std::string assignment(const std::string& key, const Json& value) { return key + "=" + value.dump(); }

/// What differs from the defaults in some sections of the teacher's configuration.
void inherit(const Settings& teacher, std::vector<std::string>& set) {
  Settings plain;
  plain.task = teacher.task;
  const Json values = dump_settings(teacher), defaults = dump_settings(plain);
  set.push_back(assignment("task", teacher.task));
  for (const char* section : {"data", "model", "train"}) {
    for (const auto& [key, value] : values[section].items()) {
      // What the teacher began from is not what the student begins from.
      const bool start = key == "start" || key == "vocabulary" || key == "adapter";
      if (start || value == defaults[section].value(key, Json()) || value.is_null()) continue;
      set.push_back(assignment(std::string(section) + "." + key, value));
    }
  }
  set.push_back(assignment("model.kind", teacher.model.kind));
  set.push_back(assignment("data.tokenizer", teacher.data.tokenizer));
}

std::string usual_run(const fs::path& teacher) {
  const fs::path clean = teacher.lexically_normal();
  const std::string name = clean.filename().empty() ? clean.parent_path().filename().string() : clean.filename().string();
  return "runs/distilled-" + name;
}

/// What a folder's head is for.
std::string usual_task(const fs::path& folder) {
  const std::vector<std::string> classes = formats::read_pretrained_config(folder).architectures;
  return !classes.empty() && classes.front().ends_with("ForSequenceClassification") ? "text-classification" : "language-model";
}

bool asks_for_pretrained(const Json& request) {
  const Json set = request.value("set", Json::array());
  return std::any_of(set.begin(), set.end(), [](const Json& text) { return text.get<std::string>().starts_with("model.path="); });
}

/// The configuration of the student as assignments: the teacher's own where no configuration is given, its layers, and
/// what was asked for, which goes over all else.
struct StudentPlan {
  std::vector<std::string> set;
  std::string run;
};

/// The folder of a student made of a teacher's layers: made anew unless it was made of just these.
void prepare_student(const fs::path& teacher, const std::vector<std::int64_t>& layers, const fs::path& out) {
  const Json made_of = {{"teacher", core::describe_input("teacher", teacher).sha256}, {"layers", layers}};
  const fs::path note = out / mitigate::kStudentNote;
  if (fs::exists(out)) {
    if (!fs::exists(note)) {
      throw usage_error(out.string() + ": is there, and is no student that was made here", "Choose another --run, or move it away.");
    }
    if (core::parse_json(core::read_file(note), note.string()) == made_of) return;
  }
  mitigate::write_student(teacher, layers, out, made_of);
}

StudentPlan plan_student(const Json& request) {
  const std::string teacher = request.at("teacher").get<std::string>();
  const fs::path folder = teacher_folder({.teacher = teacher});
  const bool of_run = fs::exists(folder / "encoder.json");
  const bool configured = request.contains("config") || request.contains("recipe");
  const std::string layers = request.value("student_layers", "");
  StudentPlan plan;
  plan.run = request.value("run", usual_run(teacher));
  plan.set.push_back(assignment("distill.teacher", teacher));
  std::string kind = "pretrained";
  if (of_run) {
    const Settings settings = load_run_settings(folder.parent_path());
    kind = settings.model.kind;
    if (!configured) inherit(settings, plan.set);
    if (!layers.empty() && kind != "pretrained") {
      const auto chosen = parse_layers(layers, settings.model.layers);
      plan.set.push_back(assignment("model.layers", chosen.size()));
      plan.set.push_back(assignment("distill.layers", chosen));
    }
  } else if (!configured) {
    const std::string task = request.value("task", usual_task(folder));
    plan.set.push_back(assignment("task", task));
    // A classifier's student may be of any kind, and only a pretrained one brings a vocabulary of pieces.
    if (task == "language-model" || !layers.empty() || asks_for_pretrained(request)) plan.set.push_back(assignment("data.tokenizer", "subword"));
  }
  if (!layers.empty() && kind == "pretrained") {
    if (of_run) {
      throw usage_error(fmt::format("--student-layers: {} is a run of a pretrained model", teacher),
                        fmt::format("Export it first: discreet model export {} --out DIR, and name DIR as the teacher.", teacher));
    }
    const auto chosen = parse_layers(layers, formats::read_pretrained_config(folder).layers);
    const std::string student = plan.run + "-student";
    prepare_student(folder, chosen, student);
    plan.set.push_back(assignment("model.kind", "pretrained"));
    plan.set.push_back(assignment("model.path", student));
  }
  for (const Json& given : request.value("set", Json::array())) {
    const std::string text = given.get<std::string>();
    // One of the two follows from the other: what is asked for now replaces what the teacher took.
    for (const auto& [asked, other] : {std::pair("train.steps=", "train.epochs="), std::pair("train.epochs=", "train.steps=")}) {
      if (!text.starts_with(asked)) continue;
      std::erase_if(plan.set, [&](const std::string& before) { return before.starts_with(other); });
    }
    plan.set.push_back(text);
  }
  return plan;
}

MeasuredRun measured_before(const Json& request, const Settings& settings, const DistillOptions& distill) {
  if (request.contains("before")) {
    const fs::path run = request.at("before").get<std::string>();
    return {open_run_model(run, settings.run.device), run};
  }
  const fs::path folder = teacher_folder(distill);
  const bool of_run = fs::exists(folder / "encoder.json");
  return {open_teacher(settings, distill), of_run ? folder.parent_path() : fs::path()};
}

/// Of a sharded folder, the folder.
fs::path weights_of(const fs::path& folder) {
  const fs::path file = folder / "model.safetensors";
  return fs::exists(file) ? file : folder;
}

/// Fairness, utility and leakage before and after, into the run's audits.
Json measure_effect(const Json& request, const fs::path& run, core::OperationContext& context) {
  const MeasuredRun after{open_run_model(run, load_run_settings(run).run.device), run};
  const DistillOptions distill = load_run_distill(run);
  MeasuredRun before = measured_before(request, after.model.settings, distill);
  name_classes_as(after.model.encoder.intents, before.model);
  const std::vector<RolePrompt> prompts =
      request.contains("prompts") ? read_prompts(request.at("prompts").get<std::string>()) : corpus_prompts();
  const bool compared = request.contains("before");
  Mitigation mitigation{.name = "distill",
                        .configuration = {{"distill", distill_fields().dump(distill)},
                                          {"before", compared ? request.at("before").get<std::string>() : distill.teacher},
                                          {"after", run.string()}},
                        .before = weights_of(compared ? before.run / "model" : teacher_folder(distill)),
                        .after = weights_of(run / "model")};
  if (!compared) {
    mitigation.caveats.push_back("Before is the teacher: a smaller student differs from it by its size too. `--before RUN` compares "
                                 "with a student that was distilled without the mitigation.");
  }
  if (distill.active() && !distill.reverses() && distill.augment == "none") {
    mitigation.caveats.push_back("Neither text nor teacher was role-reversed: this is plain distillation.");
  }
  if (!request.contains("prompts") && after.model.encoder.language.end >= 0) {
    mitigation.caveats.push_back("Prompts are about the professions of the built-in corpus; none was held out of the balancing.");
  }
  if (distill.reverses()) {
    mitigation.caveats.push_back("Combinations of predictions, their alignment and the choice of log-probabilities are our reading of "
                                 "Gupta et al. 2022.");
  }
  const std::vector<Effect> effects = role_effects(before, after, prompts, mitigation.caveats, context);
  const Json document = before_after(mitigation, effects);
  const core::RunDir opened = core::RunDir::open(run);
  write_finding(request.contains("effect") ? Json{{"out", request["effect"]}} : Json::object(), opened, document);
  return document;
}

Json distill_operation(const Json& request, core::OperationContext& context) {
  const StudentPlan plan = plan_student(request);
  Json asked = {{"set", plan.set}, {"run", plan.run}, {"force", request.value("force", false)}};
  for (const char* key : {"config", "recipe", "hold_out", "insecure_seed"}) {
    if (request.contains(key)) asked[key] = request[key];
  }
  const auto train = core::registry().make<core::Operation>("operation", "train");
  Json document = train(asked, context);
  if (!request.value("measure", true) || document.is_null()) return document;
  document["mitigation"] = measure_effect(request, document["run"].get<std::string>(), context);
  return document;
}

/// The measures alone, for studies: request {"run" or "model", "device", "asked": […]}. Asked are {"prompts": [{"text"}], "first",
/// "second"}, answered by the log odds of the two sets of words after each, or {"sentences"}, by their mean hidden rows.
Json role_odds(const Json& request, core::OperationContext&) {
  RunModel model = [&] {
    const std::string device = request.value("device", "cpu");
    if (request.contains("run")) return open_run_model(request.at("run").get<std::string>(), device);
    Settings settings;
    settings.task = "language-model";
    settings.run.device = device;
    return open_teacher(settings, {.teacher = request.at("model").get<std::string>()});
  }();
  Json answers = Json::array();
  for (const Json& asked : request.at("asked")) {
    if (asked.contains("sentences")) {
      answers.push_back(sentence_vectors(model, asked["sentences"].get<std::vector<std::string>>()));
      continue;
    }
    const auto words = [&](const char* key, const char* usual) { return asked.value(key, std::vector<std::string>{usual}); };
    answers.push_back(log_odds_after(model, prompts_of(asked.at("prompts")), words("first", "he"), words("second", "she")));
  }
  return {{"schema", "discreet.role-odds/1"}, {"answers", answers}};
}

}  // namespace
}  // namespace app

void register_operation_distill(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "distill",
                .summary = "Trains a student from a teacher, with role-reversed text and predictions, and measures what it changed",
                .make = core::Operation(&app::distill_operation)});
  registry.add({.kind = "operation",
                .name = "role-odds",
                .summary = "log P(he)/P(she) of the next token after prompts, and mean hidden rows of sentences",
                .make = core::Operation(&app::role_odds)});
}

}  // namespace discreet
