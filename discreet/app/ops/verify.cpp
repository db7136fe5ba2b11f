#include <functional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discreet/app/ops/run_model.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/core/operation.h"
#include "discreet/core/registry.h"
#include "discreet/core/run_dir.h"
#include "discreet/privacy/verify.h"

namespace discreet {
namespace app {
namespace {
namespace fs = std::filesystem;

/// A list of checks that goes on after a failed one: whoever verifies wants to see all that is wrong.
class Checks {
 public:
  /// `check` returns what was found and throws what is wrong.
  void run(const std::string& name, const std::function<std::string()>& check) {
    try {
      add(name, true, check());
    } catch (const Error& e) {
      add(name, false, e.what());
    }
  }
  void add(const std::string& name, bool ok, const std::string& detail) {
    results_.push_back({{"check", name}, {"ok", ok}, {"detail", detail}});
    ok_ = ok_ && ok;
  }
  bool ok() const { return ok_; }
  const Json& results() const { return results_; }

 private:
  Json results_ = Json::array();
  bool ok_ = true;
};

void check_input(const RunModel& run, const core::InputFile& before, Checks& checks) {
  checks.run("input " + before.role + " " + before.path, [&] {
    const core::InputFile now = describe_source(run.settings, run.encoder, before);
    if (now.sha256 != before.sha256) {
      throw bad_data(fmt::format("SHA-256 is {}, the run read {}", now.sha256, before.sha256));
    }
    return "SHA-256 " + now.sha256;
  });
}

void check_document(const fs::path& run, const fs::path& file, Checks& checks) {
  checks.run("document " + fs::relative(file, run).string(), [&] {
    return "follows " + core::read_document(file).at("schema").get<std::string>();
  });
}

Json verify(const Json& request, core::OperationContext&) {
  const fs::path path = request.at("run").get<std::string>();
  const core::RunDir run = core::RunDir::open(path);
  Checks checks;

  std::optional<RunModel> model;
  checks.run("model", [&] {
    model = open_run_model(path);
    return fmt::format("{} trainable values", model->trainable_values);
  });
  if (model) {
    const Json manifest = run.manifest();
    for (const Json& input : manifest.at("inputs")) {
      check_input(*model, core::input_from_json(input), checks);
    }
  } else {
    checks.add("inputs", false, "they cannot be read again without the model's tokeniser");
  }
  try {
    for (const privacy::VerifyCheck& check : privacy::verify_privacy(path)) checks.add(check.name, check.ok, check.detail);
  } catch (const Error& error) {
    checks.add("privacy", false, error.what());
  }
  checks.run("outputs", [&] {
    const std::vector<std::string> changed = run.changed_outputs();
    if (!changed.empty()) throw bad_data(fmt::format("{}", fmt::join(changed, "; ")));
    return std::string("are what the run wrote");
  });
  checks.run("claims", [&] {
    if (!fs::exists(path / "result.json")) return std::string("there is no result.json");
    const bool claimed = core::read_document(path / "result.json").value("private", false);
    if (claimed && !fs::exists(path / "privacy.json")) throw bad_data("result.json says private, and there is no privacy.json");
    return std::string(claimed ? "result.json says private, privacy.json says how" : "result.json claims no privacy");
  });
  for (const char* name : {"manifest.json", "privacy.json", "holdout.json", "result.json", "report.json"}) {
    if (fs::exists(path / name)) check_document(path, path / name, checks);
  }
  for (const fs::path& file : run.audit_files()) check_document(path, file, checks);
  for (const std::int64_t step : run.checkpoint_steps()) {
    checks.run(fmt::format("checkpoint {}", step), [&] {
      run.load_checkpoint(step);
      return std::string("hashes of its files are right");
    });
  }
  return {{"schema", "discreet.verify/1"},
          {"run", path.string()},
          {"ok", checks.ok()},
          {"results", checks.results()}};
}

}  // namespace
}  // namespace app

void register_operation_verify(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "verify",
                .summary = "Re-hashes a run's inputs, recomputes its epsilon, checks its documents",
                .make = core::Operation(&app::verify)});
}

}  // namespace discreet
