#include "discreet/app/ops/internal/lineage.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "discreet/app/internal/encoder.h"
#include "discreet/app/ops/internal/pretrained_start.h"
#include "discreet/core/error.h"

namespace discreet::app {
namespace fs = std::filesystem;
namespace {

constexpr const char* kOriginSchema = "discreet.origin/1";

void add_input(Json& list, const Json& input) {
  const Json entry = {{"path", input.value("path", "")}, {"sha256", input.value("sha256", "")}};
  if (std::find(list.begin(), list.end(), entry) == list.end()) list.push_back(entry);
}

std::string how_protected(const fs::path& run) {
  const fs::path stated = run / "privacy.json";
  if (!fs::exists(stated)) return "without a privacy mechanism";
  return "under its own statement: " + core::read_document(stated).value("statement", "none");
}

/// A model that a run begins or learns from.
struct Ancestor {
  enum Kind { kStart, kFolder, kTeacher } kind = kFolder;
  std::string name;             ///< As the configuration has it.
  std::optional<Json> data;     ///< Behind it; none: not known.
  std::string protection;
};

/// Of a run, of a folder with an origin, or of a folder that says nothing.
Ancestor ancestor_of(Ancestor::Kind kind, const std::string& name, const fs::path& run, const fs::path& folder) {
  if (fs::exists(run / "manifest.json")) return {kind, name, data_behind(run), how_protected(run)};
  const fs::path origin = folder / kOriginFile;
  if (!fs::exists(origin)) return {kind, name, {}, ""};
  const Json document = core::read_document(origin);
  return {kind, name, document.value("learnt_from", Json::array()), document.value("protected", "")};
}

std::vector<Ancestor> ancestors_of(const Settings& settings, const DistillOptions& distill) {
  std::vector<Ancestor> found;
  const ModelOptions& model = settings.model;
  if (!model.start.empty()) found.push_back(ancestor_of(Ancestor::kStart, model.start, model.start, ""));
  if (!model.path.empty()) {
    const fs::path folder = pretrained_folder(settings);
    found.push_back(ancestor_of(Ancestor::kFolder, model.path, folder.filename() == "model" ? folder.parent_path() : folder, folder));
  }
  if (!model.adapter.empty()) found.push_back(ancestor_of(Ancestor::kFolder, model.adapter, model.adapter, model.adapter));
  if (distill.has_teacher()) {
    const fs::path folder = teacher_folder(distill);
    const bool of_run = fs::exists(folder / "encoder.json");
    found.push_back(ancestor_of(Ancestor::kTeacher, distill.teacher, of_run ? folder.parent_path() : folder, folder));
  }
  return found;
}

const char* key_of(Ancestor::Kind kind) {
  return kind == Ancestor::kStart ? "the run that model.start names" : kind == Ancestor::kTeacher ? "the teacher" : "the folder";
}

/// Throws: kPrivacyRefused if data of the run are behind the ancestor.
void check_not_behind(const Ancestor& ancestor, const std::vector<core::InputFile>& inputs) {
  for (const Json& behind : ancestor.data.value_or(Json::array())) {
    for (const core::InputFile& mine : inputs) {
      if (mine.role != "train" || mine.sha256 != behind.value("sha256", "")) continue;
      throw privacy_refused(fmt::format("{} ({}) was trained on {} too, itself or by what it learnt from: it tells of the same examples, "
                                        "and the epsilon of this run would not count that",
                                        key_of(ancestor.kind), ancestor.name, mine.path),
                            ancestor.kind == Ancestor::kTeacher ? "Distil on other data than the teacher's, or train with privacy without a teacher."
                                                                : "Begin with a model of other data, or train from the beginning.");
    }
  }
}

/// "a.jsonl + b.jsonl without a privacy mechanism".
std::string trained_on(const Ancestor& ancestor) {
  std::string data;
  for (const Json& behind : *ancestor.data) data += (data.empty() ? "" : " + ") + behind.value("path", "");
  return (data.empty() ? "no data" : data) + " " + ancestor.protection;
}

std::string gap_of(const Ancestor& ancestor, const DistillOptions& distill) {
  const char* unknown = ", whose training data are not known here: what {} of them is not covered, and the guarantee holds only if this "
                        "run's data were not among them.";
  if (ancestor.kind == Ancestor::kTeacher) {
    const char* tells = distill.layers.empty() ? "its outputs tell" : "its layers and outputs tell";
    if (!ancestor.data) return fmt::format("The student learns from the folder {}", ancestor.name) + fmt::format(fmt::runtime(unknown), tells);
    return fmt::format("The student learns from the teacher {}, trained on {}. What the teacher's {} and vocabulary tell of those data is "
                       "covered by that alone; the epsilon here is of the student's own data, which must not be among them.",
                       ancestor.name, trained_on(ancestor), distill.layers.empty() ? "outputs" : "layers, outputs");
  }
  const char* from = ancestor.kind == Ancestor::kStart ? "The model started from the run" : "The model began as the folder";
  if (!ancestor.data) return fmt::format("{} {}", from, ancestor.name) + fmt::format(fmt::runtime(unknown), "its parameters tell");
  return fmt::format("{} {}, trained on {}: what its parameters and its vocabulary tell of those data is not covered.", from, ancestor.name,
                     trained_on(ancestor));
}

}  // namespace

Json data_behind(const fs::path& run) {
  Json list = Json::array();
  const Json manifest = core::read_document(run / "manifest.json");
  for (const Json& input : manifest.value("inputs", Json::array())) {
    if (input.value("role", "") == "train") add_input(list, input);
  }
  for (const Json& input : manifest.value("learnt_from", Json::array())) add_input(list, input);
  return list;
}

void write_origin(const fs::path& run, const fs::path& folder) {
  core::write_document(folder / kOriginFile,
                       {{"schema", kOriginSchema}, {"learnt_from", data_behind(run)}, {"protected", how_protected(run)}});
}

Json learnt_from(const Settings& settings, const DistillOptions& distill) {
  Json list = Json::array();
  for (const Ancestor& ancestor : ancestors_of(settings, distill)) {
    for (const Json& input : ancestor.data.value_or(Json::array())) add_input(list, input);
  }
  return list;
}

std::string lineage_gap(const Settings& settings, const DistillOptions& distill, const std::vector<core::InputFile>& inputs) {
  std::string gap;
  for (const Ancestor& ancestor : ancestors_of(settings, distill)) {
    check_not_behind(ancestor, inputs);
    gap += (gap.empty() ? "" : " ") + gap_of(ancestor, distill);
  }
  if (!distill.has_teacher() || distill.cache.empty()) return gap;
  return gap + fmt::format(" What the teacher says of the private text stays in distill.cache ({}) and is not covered.", distill.cache);
}

}  // namespace discreet::app
