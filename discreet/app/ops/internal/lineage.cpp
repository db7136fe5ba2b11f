#include "discreet/app/ops/internal/lineage.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "discreet/app/internal/encoder.h"
#include "discreet/core/error.h"

namespace discreet::app {
namespace fs = std::filesystem;
namespace {

/// The run that the teacher is; none: a folder of a model.
std::optional<fs::path> teacher_run(const DistillOptions& distill) {
  if (!distill.has_teacher()) return {};
  const fs::path folder = teacher_folder(distill);
  const fs::path run = folder.parent_path();
  if (fs::exists(folder / "encoder.json") && fs::exists(run / "manifest.json")) return run;
  return {};
}

void add(Json& list, const Json& input) {
  const Json entry = {{"path", input.value("path", "")}, {"sha256", input.value("sha256", "")}};
  if (std::find(list.begin(), list.end(), entry) == list.end()) list.push_back(entry);
}

/// "a.jsonl + b.jsonl without a privacy mechanism". Throws: kPrivacyRefused if one of them is among `inputs`.
std::string trained_on(const std::string& what, const fs::path& run, const std::vector<core::InputFile>& inputs,
                       const std::string& remedy) {
  std::string data;
  for (const Json& behind : data_behind(run)) {
    data += (data.empty() ? "" : " + ") + behind["path"].get<std::string>();
    for (const core::InputFile& mine : inputs) {
      if (mine.role != "train" || mine.sha256 != behind["sha256"]) continue;
      throw privacy_refused(fmt::format("{} was trained on {} too, itself or by what it learnt from: it tells of the same examples, "
                                        "and the epsilon of this run would not count that", what, mine.path), remedy);
    }
  }
  const fs::path stated = run / "privacy.json";
  if (!fs::exists(stated)) return data + " without a privacy mechanism";
  return fmt::format("{} under its own statement: {}", data, core::read_document(stated).value("statement", "none"));
}

}  // namespace

Json data_behind(const fs::path& run) {
  Json list = Json::array();
  const Json manifest = core::read_document(run / "manifest.json");
  for (const Json& input : manifest.value("inputs", Json::array())) {
    if (input.value("role", "") == "train") add(list, input);
  }
  for (const Json& input : manifest.value("learnt_from", Json::array())) add(list, input);
  return list;
}

Json learnt_from(const Settings& settings, const DistillOptions& distill) {
  Json list = Json::array();
  const auto take = [&list](const fs::path& run) {
    for (const Json& input : data_behind(run)) add(list, input);
  };
  if (!settings.model.start.empty()) take(settings.model.start);
  if (const auto run = teacher_run(distill)) take(*run);
  return list;
}

std::string lineage_gap(const Settings& settings, const DistillOptions& distill, const std::vector<core::InputFile>& inputs) {
  std::string gap;
  if (const std::string& start = settings.model.start; !start.empty()) {
    gap = fmt::format("The model started from the run {}, trained on {}: what its parameters and its vocabulary tell of those data "
                      "is not covered.",
                      start, trained_on("the run " + start + " that model.start names", start, inputs,
                                        "Start from a run on other data, or train from the beginning."));
  }
  if (!distill.has_teacher()) return gap;
  if (!gap.empty()) gap += ' ';
  if (!distill.cache.empty()) {
    gap += fmt::format("What the teacher says of the private text stays in distill.cache ({}) and is not covered. ", distill.cache);
  }
  const auto run = teacher_run(distill);
  if (!run) {
    return gap + fmt::format("The student learns from the folder {}, whose training data are not known here: what its outputs tell of "
                             "them is not covered, and the guarantee holds only if the student's data were not among them.",
                             distill.teacher);
  }
  return gap + fmt::format("The student learns from the teacher {}, trained on {}. What the teacher's outputs and vocabulary tell of "
                           "those data is covered by that alone; the epsilon here is of the student's own data, which must not be "
                           "among them.",
                           distill.teacher,
                           trained_on("the teacher " + distill.teacher, *run, inputs,
                                      "Distil on other data than the teacher's, or train with privacy without a teacher."));
}

}  // namespace discreet::app
