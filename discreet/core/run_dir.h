#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "discreet/core/document.h"
#include "discreet/core/json.h"

namespace discreet::core {

/// How a run came to be, for manifest.json.
struct Manifest {
  std::vector<std::string> command_line;
  std::map<std::string, std::uint64_t> seeds;  ///< Of reproducible generators only.
  int threads = 1;
  std::string device = "cpu";
  std::string libtorch;           ///< Empty if the run used none.
  std::string blas;               ///< Empty if the run used none.
  std::vector<InputFile> inputs;  ///< Every file the run read.
  Json more = Json::object();     ///< Further keys, beside the others.
};

/// A saved state of training.
struct Checkpoint {
  std::int64_t step = 0;
  std::filesystem::path folder;
  Json state;  ///< What `write_checkpoint` was given.
};

/// A run directory: complete, re-runnable, one writer at a time.
///
///   config.toml manifest.json metrics.jsonl ledger.jsonl privacy.json checkpoints/step-000500/
///   model/ audits/ report.json report.html
///
/// Every file is written whole or not at all; lines of the two .jsonl files likewise. Reading needs
/// no lock and sees whole lines only, also while the run is being written.
class RunDir {
 public:
  /// Makes the folder, takes its lock, writes manifest.json and config.toml. An existing run, or
  /// any folder with something in it, is refused; `force` empties an existing run first (never a
  /// folder that is not a run). Throws: kUsage if refused; kRuntime if locked or not writable.
  static RunDir create(const std::filesystem::path& path, const Manifest& manifest,
                       const Json& config, bool force = false);
  /// Takes back what `create` made, for a run that could not begin: the folder goes, unless something
  /// else is in it. Throws: kInternal if the run has spent anything, or is not locked.
  void discard() &&;
  /// An existing run, locked, for resuming. Throws: kUsage if it is no run; kRuntime if locked.
  static RunDir open_for_writing(const std::filesystem::path& path);
  /// An existing run, for reading and for `write_audit`. Throws: kUsage if it is no run.
  static RunDir open(const std::filesystem::path& path);
  /// A run that another process keeps, for the processes that work on it with that one: what is written
  /// to this object goes nowhere, and `path` need not be there.
  static RunDir kept_elsewhere(const std::filesystem::path& path);
  /// Whether the folder has a manifest.json.
  static bool is_run(const std::filesystem::path& path);

  ~RunDir();
  RunDir(RunDir&&) noexcept;
  RunDir& operator=(RunDir&&) noexcept;

  const std::filesystem::path& path() const;
  bool elsewhere() const;
  std::filesystem::path model_dir() const { return path() / "model"; }
  std::filesystem::path config_file() const { return path() / "config.toml"; }

  Json manifest() const;
  /// Sets keys of the manifest (null removes), for example "finished" or "resumes". Needs the lock.
  void update_manifest(const Json& changes);
  /// Ends the run: the manifest says so, and holds the SHA-256 of what the run left beside its checkpoints, audits and
  /// logs of others ("outputs"), so that `verify` sees what was exchanged since. Needs the lock.
  void finish();
  /// What `finish` recorded and is there no more, or not as it was: a line for each file. Nothing for a run that was
  /// finished before there were such records.
  std::vector<std::string> changed_outputs() const;

  /// Appends a line to metrics.jsonl. `line` has an integer "step". Needs the lock.
  void append_metric(const Json& line);
  std::vector<Json> metrics() const;
  /// Drops the lines with a step beyond `step`, atomically: a run resumed from a checkpoint at
  /// `step` then writes what an uninterrupted one would have written. Needs the lock.
  void truncate_metrics(std::int64_t step);

  /// Appends a line to ledger.jsonl and returns once it is on the disk: call it before the noisy
  /// update takes effect. Nothing ever shortens the ledger: abandoned steps were spent. Needs the
  /// lock.
  void append_ledger(const Json& event);
  std::vector<Json> ledger() const;

  /// privacy.json, report.json. Validates like core::write_document.
  void write_document(const std::string& name, const Json& document);
  /// Into audits/, by atomic rename; needs no lock. Returns the file.
  std::filesystem::path write_audit(const Json& document) const;
  /// The files in audits/, sorted.
  std::vector<std::filesystem::path> audit_files() const;

  /// Writes checkpoints/step-%06d whole or not at all: `fill` puts files into the folder it is
  /// given; state.json beside them carries `state` and the SHA-256 of each file. Metrics up to here
  /// are on the disk before the checkpoint is. A checkpoint of the same step is replaced. Needs the
  /// lock.
  Checkpoint write_checkpoint(std::int64_t step, const Json& state,
                              const std::function<void(const std::filesystem::path&)>& fill);
  /// Steps of the checkpoint folders, rising; not checked.
  std::vector<std::int64_t> checkpoint_steps() const;
  /// Reads state.json and checks every file's hash. Throws: kBadData naming what is wrong.
  Checkpoint load_checkpoint(std::int64_t step) const;
  /// The last whole one; what is wrong with later ones goes to `skipped`.
  std::optional<Checkpoint> latest_checkpoint(std::vector<std::string>* skipped = nullptr) const;
  /// Removes all but the last `keep` and those of `also` (for example the best). Needs the lock.
  void remove_old_checkpoints(std::size_t keep, const std::vector<std::int64_t>& also = {});

  /// Replaces model/ whole or not at all. Needs the lock.
  void write_model(const std::function<void(const std::filesystem::path&)>& fill);

 private:
  struct State;
  explicit RunDir(std::unique_ptr<State> state);
  /// False for a run that is kept elsewhere; throws unless this process holds the lock of it.
  bool writes(const char* what) const;
  std::unique_ptr<State> state_;
};

}  // namespace discreet::core
