#include "discreet/app/internal/demo_mitigation.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "discreet/app/internal/role_corpus.h"
#include "discreet/app/loader.h"
#include "discreet/core/files.h"

namespace discreet::app {
namespace {
namespace fs = std::filesystem;

void write_texts(const fs::path& file, const RoleCorpusOptions& options) {
  std::string text;
  for (const std::string& line : role_corpus(options)) text += line + "\n";
  core::write_file_atomically(file, text);
}

/// "The nurse said that", of every profession with a lean.
void write_prompts(const fs::path& file) {
  std::string text;
  for (const RoleProfession& profession : role_professions()) {
    if (profession.lean == 0) continue;
    text += Json{{"text", fmt::format("The {} said that", profession.name)}, {"item", profession.name}}.dump() + "\n";
  }
  core::write_file_atomically(file, text);
}

}  // namespace

Json demo_mitigation(const fs::path& folder, std::int64_t lines, std::vector<fs::path>& runs, core::OperationContext& context) {
  constexpr std::int64_t kLines = 3000;
  const std::int64_t n = lines == 0 ? kLines : std::min(lines, kLines);
  const fs::path texts = folder / "roles", teacher = folder / "roles-teacher", student = folder / "roles-student";
  fs::create_directories(texts);
  // Other lines for each, so that neither has seen what the other was trained on.
  write_texts(texts / "teacher.txt", {.lines = n, .seed = 1});
  write_texts(texts / "student.txt", {.lines = n, .seed = 2});
  write_texts(texts / "test.txt", {.lines = std::max<std::int64_t>(50, n / 6), .seed = 3});
  write_prompts(texts / "prompts.jsonl");
  const auto settings = [&](const char* file, std::int64_t most, int layers) {
    const std::int64_t steps = std::max<std::int64_t>(20, most * n / kLines);
    const auto path = [&](const char* name) { return Json((texts / name).string()).dump(); };
    return Json{"task=\"language-model\"", "data.train=" + path(file), "data.test=" + path("test.txt"), "data.format=\"text\"",
                "data.lowercase=false", "data.vocabulary=\"private\"", "data.hold_out=0.1", "model.kind=\"gpt\"",
                "model.hidden=[32]", "model.heads=2", fmt::format("model.layers={}", layers), "train.batch_size=64",
                fmt::format("train.steps={}", steps), "train.learning_rate=0.005",
                "train.schedule=\"cosine\"", fmt::format("train.warmup={}", steps / 20), "train.threads=1"};
  };
  call_operation("train", {{"set", settings("teacher.txt", 800, 3)}, {"run", teacher.string()}, {"force", true}}, context);
  Json of_student = settings("student.txt", 400, 2);
  for (const char* more : {"distill.layers=[0, 2]", "distill.augment=\"augment\"", "distill.combination=\"max\""}) {
    of_student.push_back(more);
  }
  const Json trained = call_operation("distill",
                                      {{"teacher", teacher.string()},
                                       {"set", of_student},
                                       {"prompts", (texts / "prompts.jsonl").string()},
                                       {"run", student.string()},
                                       {"force", true}},
                                      context);
  runs.push_back(student);
  return trained["mitigation"]["results"];
}

}  // namespace discreet::app
