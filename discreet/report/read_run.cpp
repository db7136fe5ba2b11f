#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "discreet/core/config.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/run_dir.h"
#include "discreet/report/internal/read_run.h"

namespace discreet::report::internal {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostPoints = 400;

/// The document `name` of a run, or null if it has none.
Json optional_document(const fs::path& run, const char* name,
                       std::vector<core::InputFile>& inputs) {
  const fs::path file = run / name;
  if (!fs::exists(file)) return nullptr;
  inputs.push_back(core::describe_input(name, file));
  return core::read_document(file);
}

/// At most kMostPoints of a curve, evenly, its ends among them.
Json thinned(const Json& points) {
  if (points.size() <= kMostPoints) return points;
  Json kept = Json::array();
  for (std::size_t k = 0; k < kMostPoints; ++k) {
    kept.push_back(points[k * (points.size() - 1) / (kMostPoints - 1)]);
  }
  return kept;
}

/// The metric that the curve shows: the first of these that development lines have.
const char* curve_metric(const std::set<std::string>& seen) {
  for (const char* name :
       {"intent_accuracy", "accuracy", "exact_match", "entity_f1", "slot_f1", "macro_f1", "f1"}) {
    if (seen.contains(name)) return name;
  }
  return nullptr;
}

Json curves_of(const std::vector<Json>& lines) {
  Json loss = {{"train", Json::array()}, {"dev", Json::array()}};
  Json epsilon = Json::array();
  std::set<std::string> seen;
  for (const Json& line : lines) {
    if (line.value("split", "") == "train") continue;
    for (const auto& [key, value] : line.items()) {
      if (value.is_number()) seen.insert(key);
    }
  }
  const char* metric = curve_metric(seen);
  Json metric_points = Json::array();
  for (const Json& line : lines) {
    if (!line.contains("step") || !line["step"].is_number()) continue;
    const std::string split = line.value("split", "");
    if (loss.contains(split) && line.contains("loss") && line["loss"].is_number()) {
      loss[split].push_back(Json::array({line["step"], line["loss"]}));
    }
    if (line.contains("epsilon") && line["epsilon"].is_number()) {
      epsilon.push_back(Json::array({line["step"], line["epsilon"]}));
    }
    if (metric != nullptr && split == "dev" && line.contains(metric)) {
      metric_points.push_back(Json::array({line["step"], line[metric]}));
    }
  }
  Json curves = {{"loss", {{"train", thinned(loss["train"])}, {"dev", thinned(loss["dev"])}}},
                 {"epsilon", thinned(epsilon)}};
  if (metric != nullptr) {
    curves["metric"] = {{"name", metric}, {"dev", thinned(metric_points)}};
  } else {
    core::set_absent(curves, "metric", "no metric of a development set was recorded");
  }
  return curves;
}

void take(const Json& from, Json& to, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    if (from.is_object() && from.contains(key)) to[key] = from[key];
  }
}

void add_caveats(const Json& document, const std::string& about, Json& caveats) {
  if (!document.is_object() || !document.contains("caveats")) return;
  for (const Json& caveat : document["caveats"]) {
    if (!caveat.is_string()) continue;
    caveats.push_back({{"about", about}, {"text", caveat}});
  }
}

Json training_of(const Json& result) {
  Json training = Json::object();
  if (result.is_null()) {
    core::set_absent(training, "metrics", "the run has not ended: there is no result.json");
    return training;
  }
  take(result, training, {"steps", "seconds", "split", "n", "metrics", "repeats"});
  return training;
}

/// A simulated federation as an entry keeps it: what it was, what it came to, and its curves.
Json federation_of(const Json& simulation) {
  Json federation = {{"loss", Json::array()}, {"metric", Json::array()}};
  take(simulation, federation, {"configuration", "final"});
  federation["configuration"].erase("federated");  // every key stands in config.toml
  federation["final"].erase("statement");
  for (const Json& round : simulation["rounds"]) {
    for (const char* key : {"loss", "metric"}) {
      if (round.value(key, Json()).is_number()) federation[key].push_back(Json::array({round["round"], round[key]}));
    }
  }
  for (const char* key : {"loss", "metric"}) federation[key] = thinned(federation[key]);
  return federation;
}

/// What stands for result.json there.
Json result_of(const Json& simulation, const Json& config_dev) {
  const Json& final = simulation["final"];
  return {{"steps", final["rounds"]},
          {"seconds", simulation["seconds"]},
          {"split", config_dev},
          {"metrics", final["metrics"]},
          {"private", final["epsilon"].is_number()}};
}

/// What the run guarantees: the document of its statement. `private` says that something is.
void set_privacy(const Json& statement, const Json& result, Json& entry) {
  if (statement.is_null()) {
    entry["private"] = false;
    core::set_absent(entry, "privacy",
                     result.is_object() && result.value("private", false)
                         ? "trained with a privacy mechanism, but there is no privacy.json"
                         : "trained without a privacy mechanism");
    return;
  }
  entry["private"] = statement.value("guarantee", false);
  Json privacy = Json::object();
  take(statement, privacy,
       {"guarantee",
        "status",
        "statement",
        "epsilon",
        "delta",
        "unit",
        "relation",
        "sampling",
        "accountant",
        "mechanism",
        "clipping",
        "details",
        "clip_norm",
        "units",
        "expected_batch_size",
        "steps",
        "phases",
        "as_published",
        "unamplified_epsilon",
        "target_epsilon",
        "results",
        "warnings"});
  entry["privacy"] = privacy;
}

void add_audit(const fs::path& file, const Json& document, Json& entry) {
  const std::string name = core::schema_name(document);
  const std::string shown = file.filename().string();
  if (name == "audit.membership") {
    Json audit = {{"file", shown}};
    take(document, audit, {"results", "duplicates", "configuration"});
    entry["membership"].push_back(audit);
  } else if (name == "audit.canary" || name == "audit.extract") {
    Json audit = {{"file", shown}};
    take(document, audit, {"results", "summary", "canaries", "configuration"});
    entry[name == "audit.canary" ? "canaries" : "extraction"].push_back(audit);
  } else if (name == "fairness.groups") {
    Json audit = {{"file", shown}};
    take(document, audit, {"n", "overall", "by_group", "results", "configuration"});
    entry["groups"].push_back(audit);
  } else if (name == "mitigation") {
    Json pairs = {{"file", shown}};
    take(document, pairs, {"mitigation", "models", "results", "configuration"});
    entry["mitigations"].push_back(pairs);
  } else if (name == "fairness.likelihood" || name == "fairness.association" || name == "fairness.generation") {
    Json audit = {{"file", shown}, {"schema", document["schema"]}};
    take(document, audit, {"n", "results", "configuration"});
    entry["language"].push_back(audit);
  } else if (name == "fairness.sensitivity") {
    Json audit = {{"file", shown}};
    take(document, audit, {"n", "results", "by_group", "tokens", "ratings", "configuration"});
    entry["sensitivity"].push_back(audit);
  } else if (name == "federated.evaluate") {
    Json audit = {{"file", shown}};
    take(document, audit, {"n", "metrics", "clients", "epsilon", "delta", "configuration"});
    entry["devices"].push_back(audit);
  } else {
    entry["other_documents"].push_back({{"file", shown}, {"schema", document["schema"]}});
  }
  add_caveats(document, shown, entry["caveats"]);
}

}  // namespace

Json read_run(const fs::path& path, std::vector<core::InputFile>& inputs) {
  const core::RunDir run = core::RunDir::open(path);
  Json entry = {{"run", path.lexically_normal().string()}};
  std::string name = path.lexically_normal().filename().string();
  if (name.empty()) name = path.lexically_normal().parent_path().filename().string();
  entry["name"] = name;

  core::Config config;
  if (fs::exists(run.config_file())) {
    inputs.push_back(core::describe_input("config.toml", run.config_file()));
    config.add_toml_file(run.config_file().string());
  }
  entry["task"] = config.at("task");
  entry["model"] = config.at("model.kind");
  entry["data"] = config.at("data.train");
  const Json manifest = run.manifest();
  take(manifest, entry, {"version", "git_revision", "started", "device", "threads", "libtorch"});

  const Json simulation = optional_document(path, "simulation.json", inputs);
  const Json result = simulation.is_object()
                          ? result_of(simulation, config.at("data.test").is_string() && config.at("data.test") != "" ? "test" : "dev")
                          : optional_document(path, "result.json", inputs);
  if (simulation.is_object()) entry["federation"] = federation_of(simulation);
  const Json statement = optional_document(path, "privacy.json", inputs);
  entry["training"] = training_of(result);
  entry["caveats"] = Json::array();
  set_privacy(statement, result, entry);
  if (fs::exists(path / "metrics.jsonl")) {
    inputs.push_back(core::describe_input("metrics.jsonl", path / "metrics.jsonl"));
  }
  const std::vector<Json> lines = run.metrics();
  entry["curves"] = curves_of(lines);
  std::set<std::string> not_private;
  for (const Json& line : lines) {
    if (!line.contains("not_private") || !line["not_private"].is_array()) continue;
    for (const Json& key : line["not_private"]) {
      if (key.is_string()) not_private.insert(key.get<std::string>());
    }
  }
  if (statement.contains("not_private")) {
    for (const Json& key : statement["not_private"]) not_private.insert(key.get<std::string>());
  }
  entry["not_private"] = not_private;
  entry["membership"] = Json::array();
  entry["canaries"] = Json::array();
  entry["extraction"] = Json::array();
  entry["groups"] = Json::array();
  entry["mitigations"] = Json::array();
  entry["language"] = Json::array();
  entry["sensitivity"] = Json::array();
  entry["devices"] = Json::array();
  entry["other_documents"] = Json::array();
  add_caveats(statement, "privacy.json", entry["caveats"]);
  add_caveats(simulation, "simulation.json", entry["caveats"]);
  for (const fs::path& file : run.audit_files()) {
    inputs.push_back(core::describe_input("audit", file));
    add_audit(file, core::read_document(file), entry);
  }
  entry["summary"] = summary_of(entry);
  return entry;
}

}  // namespace discreet::report::internal
