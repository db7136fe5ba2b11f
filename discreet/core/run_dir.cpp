#include "discreet/core/run_dir.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ctime>

#include "discreet/core/config.h"
#include "discreet/core/error.h"
#include "discreet/core/file_lock.h"
#include "discreet/core/files.h"
#include "discreet/core/sha256.h"
#include "discreet/core/version.h"

namespace discreet::core {
namespace fs = std::filesystem;

struct RunDir::State {
  fs::path path;
  std::optional<FileLock> lock;
  // Opened at the first line, so that a run without metrics has no such file.
  std::optional<AppendFile> metrics, ledger;
  bool elsewhere = false;
};

namespace {

constexpr const char* kManifestFile = "manifest.json";
constexpr const char* kStateFile = "state.json";
constexpr const char* kLockFile = "lock";
constexpr const char* kConfigFile = "config.toml";
constexpr const char* kCheckpoints = "checkpoints";
constexpr const char* kAudits = "audits";
constexpr const char* kStepPrefix = "step-";

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

Json manifest_json(const Manifest& manifest) {
  Json seeds = Json::object(), inputs = Json::array();
  for (const auto& [name, seed] : manifest.seeds) seeds[name] = seed;
  for (const auto& input : manifest.inputs) inputs.push_back(to_json(input));
  Json json = {{"schema", "discreet.run.manifest/1"},
               {"version", version()},
               {"git_revision", text_or_null(git_revision())},
               {"started", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)))},
               {"command_line", manifest.command_line},
               {"seeds", seeds},
               {"threads", manifest.threads},
               {"device", manifest.device},
               {"libtorch", text_or_null(manifest.libtorch)},
               {"blas", text_or_null(manifest.blas)},
               {"inputs", inputs}};
  json.update(manifest.more);
  return json;
}

/// Whole lines only: the last one may be under way.
std::vector<Json> read_json_lines(const fs::path& path) {
  std::vector<Json> lines;
  if (!fs::exists(path)) return lines;
  const std::string text = read_file(path);
  std::size_t begin = 0;
  for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    lines.push_back(parse_json(text.substr(begin, end - begin),
                               fmt::format("{}:{}", path.string(), lines.size() + 1)));
  }
  return lines;
}

std::string step_name(std::int64_t step) { return fmt::format("{}{:06}", kStepPrefix, step); }

std::optional<std::int64_t> step_of(const std::string& name) {
  const std::size_t prefix = std::string_view(kStepPrefix).size();
  if (name.rfind(kStepPrefix, 0) != 0) return std::nullopt;
  std::int64_t step = -1;
  const char* end = name.data() + name.size();
  const auto [rest, error] = std::from_chars(name.data() + prefix, end, step);
  // "step-1" beside "step-000001" would be the same step twice.
  if (error != std::errc() || rest != end || step < 0 || name != step_name(step))
    return std::nullopt;
  return step;
}

Json describe_files(const fs::path& folder) {
  Json files = Json::object();
  std::vector<fs::path> sorted;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) sorted.push_back(entry.path());
  }
  std::sort(sorted.begin(), sorted.end());
  for (const auto& file : sorted) {
    files[fs::relative(file, folder).generic_string()] = {{"bytes", fs::file_size(file)},
                                                          {"sha256", sha256_file(file)}};
  }
  return files;
}

/// Empties an existing run; the manifest goes last, so that a crash leaves what is still a run.
void empty_run(const fs::path& path) {
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(path)) {
    const std::string name = entry.path().filename().string();
    if (name != kLockFile && name != kManifestFile) entries.push_back(entry.path());
  }
  for (const auto& entry : entries) fs::remove_all(entry);
  fs::remove(path / kManifestFile);
}

/// Nothing but what `create` makes before the manifest: a creation that was cut short, or a new
/// folder.
bool holds_no_work(const fs::path& path) {
  return std::all_of(fs::directory_iterator(path), fs::directory_iterator(), [](const auto& entry) {
    const std::string name = entry.path().filename().string();
    const bool made_first = name == kLockFile || name == kConfigFile || name.rfind(".tmp-", 0) == 0;
    return made_first || ((name == kCheckpoints || name == kAudits) && fs::is_empty(entry.path()));
  });
}

std::string run_name(const fs::path& path) { return fmt::format("run {}", path.string()); }

void need_run(const fs::path& path) {
  if (RunDir::is_run(path)) return;
  throw usage_error(fmt::format("{} is not a run: it has no {}", path.string(), kManifestFile),
                    "Give the folder that `discreet train` printed, for example runs/snips.");
}

void check_checkpoint_files(const Json& state, const fs::path& folder) {
  for (const auto& [name, about] : state["files"].items()) {
    const fs::path file = folder / name;
    std::error_code error;
    const auto bytes = fs::file_size(file, error);
    if (error) throw bad_data(fmt::format("{}: is missing", file.string()));
    if (bytes != about["bytes"].get<std::uint64_t>()) {
      throw bad_data(fmt::format("{}: expected {} bytes, got {}", file.string(),
                                 about["bytes"].dump(), bytes));
    }
    if (sha256_file(file) != about["sha256"].get<std::string>()) {
      throw bad_data(
          fmt::format("{}: its SHA-256 is not the one in {}", file.string(), kStateFile));
    }
  }
}

}  // namespace

RunDir::RunDir(std::unique_ptr<State> state) : state_(std::move(state)) {}
RunDir::~RunDir() = default;
RunDir::RunDir(RunDir&&) noexcept = default;
RunDir& RunDir::operator=(RunDir&&) noexcept = default;

namespace {

/// The command that goes on with a run, by what its configuration holds.
std::string how_to_resume(const fs::path& path) {
  Config config;
  try {
    config.add_toml_file((path / kConfigFile).string());
  } catch (const Error&) {
    return "discreet resume " + path.string();  // which says what is wrong with it
  }
  return (config.at("federated").is_null() ? "discreet resume " : "discreet federated simulate --resume ") + path.string();
}

}  // namespace

bool RunDir::is_run(const fs::path& path) { return fs::is_regular_file(path / kManifestFile); }

RunDir RunDir::create(const fs::path& path, const Manifest& manifest, const Json& config,
                      bool force) {
  auto state = std::make_unique<State>();
  state->path = path;
  try {
    fs::create_directories(path);
    // Looked at under the lock: two programs may want the same name at once.
    state->lock.emplace(path / kLockFile, run_name(path));
    const bool taken = is_run(path);
    if (taken || !holds_no_work(path)) {
      if (!taken) {
        throw usage_error(fmt::format("{} exists, is not empty and is not a run", path.string()),
                          "Choose another folder; --force empties only what is a run.");
      }
      if (!force) {
        throw usage_error(fmt::format("{} exists", run_name(path)),
                          fmt::format("Choose another name, or replace the run with --force; `{}` goes on with it.",
                                      how_to_resume(path)));
      }
      empty_run(path);
    }
    remove_temporaries(path);
    write_file_atomically(path / kConfigFile, to_toml(config));
    fs::create_directories(path / kCheckpoints);
    fs::create_directories(path / kAudits);
    // The manifest makes the folder a run, so it comes last: what is a run is complete.
    write_file_atomically(path / kManifestFile, manifest_json(manifest).dump(2) + "\n");
  } catch (const fs::filesystem_error& e) {
    throw runtime_failure(fmt::format("{}: cannot create: {}", path.string(), e.code().message()));
  }
  return RunDir(std::move(state));
}

void RunDir::discard() && {
  if (!writes("discard")) return;
  const fs::path path = state_->path;
  if (!ledger().empty()) {
    throw internal_error(fmt::format("{}: a run that spent privacy is not discarded", path.string()));
  }
  empty_run(path);
  state_.reset();  // removes the lock file too
  std::error_code not_empty;
  fs::remove(path, not_empty);
}

RunDir RunDir::open_for_writing(const fs::path& path) {
  need_run(path);
  auto state = std::make_unique<State>();
  state->path = path;
  state->lock.emplace(path / kLockFile, run_name(path));
  recover_folder(path / "model");
  remove_temporaries(path);
  fs::create_directories(path / kCheckpoints);
  remove_temporaries(path / kCheckpoints);
  for (const auto& entry : fs::directory_iterator(path / kCheckpoints)) {
    const std::string name = entry.path().filename().string();
    if (name.rfind(".old-", 0) == 0) recover_folder(path / kCheckpoints / name.substr(5));
  }
  return RunDir(std::move(state));
}

RunDir RunDir::open(const fs::path& path) {
  need_run(path);
  auto state = std::make_unique<State>();
  state->path = path;
  return RunDir(std::move(state));
}

RunDir RunDir::kept_elsewhere(const fs::path& path) {
  auto state = std::make_unique<State>();
  state->path = path;
  state->elsewhere = true;
  return RunDir(std::move(state));
}

const fs::path& RunDir::path() const { return state_->path; }
bool RunDir::elsewhere() const { return state_->elsewhere; }

bool RunDir::writes(const char* what) const {
  if (state_->elsewhere) return false;
  if (state_->lock) return true;
  throw internal_error(
      fmt::format("{}: {} needs a run that was opened for writing", path().string(), what));
}

Json RunDir::manifest() const { return read_document(path() / kManifestFile); }

void RunDir::update_manifest(const Json& changes) {
  if (!writes("update_manifest")) return;
  Json json = manifest();
  for (const auto& [key, value] : changes.items()) {
    if (value.is_null()) {
      json.erase(key);
    } else {
      json[key] = value;
    }
  }
  core::write_document(path() / kManifestFile, json);
}

void RunDir::finish() {
  if (!writes("finish")) return;
  Json outputs = Json::object();
  for (auto entry = fs::recursive_directory_iterator(path()); entry != fs::recursive_directory_iterator(); ++entry) {
    const std::string name = entry->path().filename().string();
    if (entry->is_directory() && (name == "checkpoints" || name == "audits")) entry.disable_recursion_pending();
    if (!entry->is_regular_file() || name == kManifestFile || name == kLockFile || name.starts_with(".") || name.starts_with("events.out") ||
        name.starts_with("report.")) {
      continue;
    }
    outputs[fs::relative(entry->path(), path()).generic_string()] = sha256_file(entry->path());
  }
  update_manifest({{"finished", true}, {"outputs", outputs}});
}

std::vector<std::string> RunDir::changed_outputs() const {
  std::vector<std::string> changed;
  const Json all = manifest();
  if (!all.contains("outputs") || !all["outputs"].is_object()) return changed;
  for (const auto& [name, hash] : all["outputs"].items()) {
    const fs::path file = path() / name;
    if (!fs::is_regular_file(file)) changed.push_back(name + " is missing");
    else if (Json(sha256_file(file)) != hash) changed.push_back(name + " is not what the run wrote");
  }
  return changed;
}

void RunDir::append_metric(const Json& line) {
  if (!writes("append_metric")) return;
  if (!line.is_object() || !line.contains("step") || !line["step"].is_number_integer()) {
    throw internal_error(fmt::format("a metric has no integer \"step\": {}", line.dump()));
  }
  if (!state_->metrics) state_->metrics.emplace(path() / "metrics.jsonl");
  state_->metrics->append(line.dump());
}

std::vector<Json> RunDir::metrics() const { return read_json_lines(path() / "metrics.jsonl"); }

void RunDir::truncate_metrics(std::int64_t step) {
  if (!writes("truncate_metrics")) return;
  state_->metrics.reset();
  const fs::path file = path() / "metrics.jsonl";
  if (!fs::exists(file)) return;
  std::string kept;
  for (const Json& line : metrics()) {
    if (line.at("step").get<std::int64_t>() <= step) kept += line.dump() + "\n";
  }
  write_file_atomically(file, kept);
}

void RunDir::append_ledger(const Json& event) {
  if (!writes("append_ledger")) return;
  if (!state_->ledger) state_->ledger.emplace(path() / "ledger.jsonl");
  state_->ledger->append_synced(event.dump());
}

std::vector<Json> RunDir::ledger() const { return read_json_lines(path() / "ledger.jsonl"); }

void RunDir::write_document(const std::string& name, const Json& document) {
  if (!writes("write_document")) return;
  core::write_document(path() / name, document);
}

fs::path RunDir::write_audit(const Json& document) const {
  if (state_->elsewhere) return {};
  const fs::path file = path() / "audits" / document_file_name(document);
  fs::create_directories(file.parent_path());
  core::write_document(file, document);
  return file;
}

std::vector<fs::path> RunDir::audit_files() const {
  std::vector<fs::path> files;
  if (!fs::is_directory(path() / "audits")) return files;
  for (const auto& entry : fs::directory_iterator(path() / "audits")) {
    const std::string name = entry.path().filename().string();
    if (entry.path().extension() == ".json" && name.front() != '.') files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

Checkpoint RunDir::write_checkpoint(std::int64_t step, const Json& state,
                                    const std::function<void(const fs::path&)>& fill) {
  if (!writes("write_checkpoint")) return {step, {}, state};
  if (state_->metrics) state_->metrics->sync();
  const fs::path folder = path() / "checkpoints" / step_name(step);
  write_folder_atomically(folder, [&](const fs::path& temporary) {
    fill(temporary);
    const Json document = {{"schema", "discreet.run.checkpoint/1"},
                           {"step", step},
                           {"files", describe_files(temporary)},
                           {"state", state},
                           {"state_sha256", sha256(state.dump())}};
    core::write_document(temporary / kStateFile, document);
  });
  return {step, folder, state};
}

std::vector<std::int64_t> RunDir::checkpoint_steps() const {
  std::vector<std::int64_t> steps;
  if (!fs::is_directory(path() / "checkpoints")) return steps;
  for (const auto& entry : fs::directory_iterator(path() / "checkpoints")) {
    if (const auto step = step_of(entry.path().filename().string())) steps.push_back(*step);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

Checkpoint RunDir::load_checkpoint(std::int64_t step) const {
  const fs::path folder = path() / "checkpoints" / step_name(step);
  const fs::path file = folder / kStateFile;
  if (!fs::exists(file)) throw bad_data(fmt::format("{}: is missing", file.string()));
  const Json state = read_document(file);
  if (state["step"].get<std::int64_t>() != step) {
    throw bad_data(
        fmt::format("{}: expected step {}, got {}", file.string(), step, state["step"].dump()));
  }
  if (sha256(state["state"].dump()) != state["state_sha256"].get<std::string>()) {
    throw bad_data(fmt::format("{}: \"state\" does not match \"state_sha256\"", file.string()));
  }
  check_checkpoint_files(state, folder);
  return {step, folder, state["state"]};
}

std::optional<Checkpoint> RunDir::latest_checkpoint(std::vector<std::string>* skipped) const {
  auto steps = checkpoint_steps();
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    try {
      return load_checkpoint(*step);
    } catch (const Error& e) {
      if (e.code() != ErrorCode::kBadData && e.code() != ErrorCode::kRuntime) throw;
      if (skipped != nullptr) skipped->push_back(e.what());
    }
  }
  return std::nullopt;
}

void RunDir::remove_old_checkpoints(std::size_t keep, const std::vector<std::int64_t>& also) {
  if (!writes("remove_old_checkpoints")) return;
  const auto steps = checkpoint_steps();
  for (std::size_t i = 0; i + keep < steps.size(); ++i) {
    if (std::find(also.begin(), also.end(), steps[i]) != also.end()) continue;
    remove_folder_atomically(path() / "checkpoints" / step_name(steps[i]));
  }
}

void RunDir::write_model(const std::function<void(const fs::path&)>& fill) {
  if (!writes("write_model")) return;
  write_folder_atomically(path() / "model", fill);
}

}  // namespace discreet::core
