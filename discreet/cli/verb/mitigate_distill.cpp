#include <fmt/format.h>

#include "discreet/app/loader.h"
#include "discreet/cli/internal/training.h"
#include "discreet/cli/program.h"
#include "discreet/core/error.h"

namespace discreet {
namespace {

struct DistillFlags {
  std::string teacher, config, recipe, run, data, layers, combination, combine_on, augment, before, prompts, task, device;
  std::vector<std::string> assignments;
  std::string public_data, unit = "example", ledger;
  std::int64_t pate = 0, queries = 0;
  double epsilon = 0, vote_noise = 0, delta = 0, ledger_epsilon = 0;
  double temperature = 0, hold_out = -1;
  bool force = false, insecure_seed = false, no_measure = false;
};

std::string shown(const Json& result, const char* key) {
  if (!result[key].is_number()) return "n/a";
  std::string text = fmt::format("{:.4g}", result[key].get<double>());
  const Json interval = result["ci"].value(key, Json());
  if (interval.is_array()) text += fmt::format(" [{:.4g}, {:.4g}]", interval[0].get<double>(), interval[1].get<double>());
  return text;
}

void print_effects(const Json& document) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& result : document["results"]) {
    rows.push_back({result["aspect"].get<std::string>(), result["metric"].get<std::string>(), shown(result, "before"),
                    shown(result, "after"), shown(result, "difference"), result["verdict"].get<std::string>()});
  }
  fmt::print("\n");
  cli::print_table({"aspect", "measure", "before", "after", "after - before", "verdict"}, rows);
  for (const Json& caveat : document["caveats"]) fmt::print("- {}\n", caveat.get<std::string>());
}

}  // namespace

void register_verb_mitigate_distill(cli::Program& program) {
  static DistillFlags flags;
  CLI::App* verb = program.add_verb("mitigate distill",
                                    "Trains a student from a teacher, with role-reversed text and predictions.");
  verb->add_option("config", flags.config, "The student's configuration (TOML); without one it is the teacher's.");
  CLI::Option* teacher = verb->add_option("--teacher", flags.teacher, "A run, or a folder of the Hugging Face layout.");
  verb->add_option("--recipe", flags.recipe, "A configuration that comes with the program.");
  verb->add_option("--data", flags.data, "Training text: sets data.train.");
  verb->add_option("--task", flags.task, "Of a folder as teacher: language-model or text-classification (by its head).")
      ->check(CLI::IsMember({"language-model", "text-classification"}));
  verb->add_option("--student-layers", flags.layers, "Layers of the teacher that the student begins as: every-second, or 0,2,4.");
  verb->add_option("--combination", flags.combination, "The teacher's predictions on text and role-reversed text become one.")
      ->check(CLI::IsMember({"none", "max", "mean", "log-mean-exp", "swap"}));
  verb->add_option("--combine-on", flags.combine_on, "What is combined.")->check(CLI::IsMember({"log-probs", "logits"}));
  verb->add_option("--augment", flags.augment, "Role-reversed training text: its copy beside each example, or half of them.")
      ->check(CLI::IsMember({"none", "augment", "substitute"}));
  verb->add_option("--temperature", flags.temperature, "Of the soft loss.")->check(CLI::PositiveNumber);
  verb->add_option("--set", flags.assignments, "Sets a key: --set distill.hard=0. May be repeated.")->allow_extra_args(false);
  verb->add_option("--run", flags.run, "The run directory (default runs/distilled-NAME).");
  verb->add_option("--hold-out", flags.hold_out, "Keeps this share of the training text back, as non-members for audits.")
      ->check(CLI::Range(0.0, 0.95));
  verb->add_option("--before", flags.before, "Compare with this run instead of the teacher.");
  verb->add_option("--prompts", flags.prompts, "JSON lines {\"text\",\"item\",\"held_out\"} for the measure of pronouns.");
  verb->add_option("--device", flags.device, "Where teacher and student run: cpu, cuda, cuda:N or auto; sets run.device.");
  verb->add_flag("--no-measure", flags.no_measure, "Train alone: no pairs before and after.");
  verb->add_option("--pate", flags.pate, "Classifiers: this many teachers on disjoint parts of the data vote with noise, and no other teacher.")
      ->check(CLI::Range(2, 100000))
      ->excludes(teacher);
  verb->add_option("--public", flags.public_data, "PATE: public texts that the teachers label.");
  verb->add_option("--queries", flags.queries, "PATE: how many of them (all).")->check(CLI::PositiveNumber);
  verb->add_option("--epsilon", flags.epsilon, "PATE: what all votes may cost.")->check(CLI::PositiveNumber);
  verb->add_option("--vote-noise", flags.vote_noise, "PATE: standard deviation of the noise on each count, in votes.")
      ->check(CLI::PositiveNumber);
  verb->add_option("--delta", flags.delta, "PATE: delta.")->check(CLI::Range(0.0, 1.0));
  verb->add_option("--unit", flags.unit, "PATE: whom the guarantee is for.")->check(CLI::IsMember({"example", "user"}));
  verb->add_option("--ledger", flags.ledger, "PATE: the budget that the votes are charged to: see `discreet privacy ledger`.");
  verb->add_option("--ledger-epsilon", flags.ledger_epsilon, "PATE: the budget of a ledger that is not there yet.")
      ->check(CLI::PositiveNumber);
  verb->add_flag("--force", flags.force, "Replaces an existing run.");
  verb->add_flag("--insecure-seed", flags.insecure_seed,
                 "Private students: noise and batches from run.seed, repeatable and without any guarantee.");
  program.on_run(verb, [&program, verb] {
    if (flags.pate == 0) {
      cli::refuse_options(*verb, {"--public", "--queries", "--epsilon", "--vote-noise", "--delta", "--unit", "--ledger", "--ledger-epsilon"},
                          "without --pate");
    }
    Json set = Json::array();
    const auto add = [&](const std::string& key, const std::string& value) {
      if (!value.empty()) set.push_back(key + "=" + Json(value).dump());
    };
    add("data.train", flags.data);
    add("distill.combination", flags.combination);
    add("distill.combine_on", flags.combine_on);
    add("distill.augment", flags.augment);
    add("run.device", flags.device);
    if (flags.temperature > 0) set.push_back(fmt::format("distill.temperature={}", flags.temperature));
    for (const std::string& assignment : flags.assignments) set.push_back(assignment);
    Json request = {{"teacher", flags.teacher}, {"set", set}, {"force", flags.force},
                    {"insecure_seed", flags.insecure_seed}, {"measure", !flags.no_measure}};
    for (const auto& [key, value] : {std::pair("config", &flags.config), std::pair("recipe", &flags.recipe),
                                     std::pair("run", &flags.run), std::pair("student_layers", &flags.layers),
                                     std::pair("before", &flags.before), std::pair("prompts", &flags.prompts),
                                     std::pair("task", &flags.task)}) {
      if (!value->empty()) request[key] = *value;
    }
    if (flags.hold_out >= 0) request["hold_out"] = flags.hold_out;
    auto context = program.context();
    if (flags.pate > 0) {
      if (flags.public_data.empty()) throw usage_error("--pate needs --public", "Name public texts that the teachers label.");
      request["teachers"] = flags.pate;
      request["public"] = flags.public_data;
      request["unit"] = flags.unit;
      request["delta"] = flags.delta;
      if (flags.queries > 0) request["queries"] = flags.queries;
      if (flags.epsilon > 0) request["epsilon"] = flags.epsilon;
      if (flags.vote_noise > 0) request["vote_noise"] = flags.vote_noise;
      if (!flags.ledger.empty()) request["ledger"] = flags.ledger;
      if (flags.ledger_epsilon > 0) request["ledger_epsilon"] = flags.ledger_epsilon;
      return cli::finish_training(program, app::call_operation("pate", request, context));
    }
    if (flags.teacher.empty()) throw usage_error("mitigate distill needs --teacher, or --pate", "Name a run or a model's folder.");
    const Json document = app::call_operation("distill", request, context);
    const int code = cli::finish_training(program, document);
    if (!program.global().json && document.contains("mitigation")) print_effects(document["mitigation"]);
    return code;
  });
}

}  // namespace discreet
