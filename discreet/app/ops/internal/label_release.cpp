#include "discreet/app/ops/internal/label_release.h"

#include <set>

#include <fmt/format.h>

#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/privacy/ledger.h"
#include "discreet/text/reader.h"

namespace discreet::app {
namespace fs = std::filesystem;
namespace {

Json spent_document(const privacy::PrivacyStatement& statement) {
  Json document = statement.document;
  document["status"] = "spent";
  return document;
}

Json announced(const privacy::PrivacyStatement& statement, double delta) {
  return {{"epsilon", core::number(statement.epsilon.value)},
          {"delta", delta},
          {"statement", statement.words},
          {"caveats", statement.caveats},
          {"warnings", statement.warnings}};
}

std::size_t classes_in(const fs::path& file) {
  const auto reader = text::make_reader("", file);
  std::set<std::string> labels;
  text::Example example;
  while (reader->next(example)) labels.insert(example.label);
  return labels.size();
}

}  // namespace

std::string plain_text(const text::Example& example) {
  if (!example.text.empty()) return example.text;
  std::string text;
  for (const std::string& word : example.words) text += (text.empty() ? "" : " ") + word;
  return text;
}

void write_labelled(const fs::path& file, const std::vector<text::Example>& examples) {
  std::string lines;
  for (const text::Example& example : examples) {
    lines += Json{{"text", plain_text(example)}, {"label", example.label}}.dump() + "\n";
  }
  core::write_file_atomically(file, lines);
}

std::optional<LabelRelease> find_release(const fs::path& folder, const Json& asked, bool force) {
  core::recover_folder(folder);
  if (!fs::exists(folder)) return {};
  const fs::path note = folder / "release.json";
  if (!fs::exists(note)) throw usage_error(folder.string() + ": is there, and holds no labels that were released here", "Choose another --run, or move it away.");
  if (core::parse_json(core::read_file(note), note.string()) != asked) {
    if (force) return {};
    throw usage_error(fmt::format("{} holds labels that were asked for in another way; what they cost is spent", folder.string()),
                      "Name another run with --run, or replace them with --force.");
  }
  const fs::path statement = folder / "privacy.json";
  const Json document = core::parse_json(core::read_file(statement), statement.string());
  const privacy::PrivacyRun spent = privacy::privacy_run_of(document);
  return LabelRelease{folder / "labels.jsonl", classes_in(folder / "labels.jsonl"), privacy::read_ledger(folder / "ledger.jsonl").event, document,
                      announced(privacy::state_privacy(spent), spent.delta)};
}

LabelRelease write_release(const fs::path& folder, const Json& asked, const std::vector<text::Example>& labelled,
                           const privacy::PrivacyRun& spent, const privacy::Event& event) {
  const privacy::PrivacyStatement statement = privacy::state_privacy(spent);
  const Json document = spent_document(statement);
  core::write_folder_atomically(folder, [&](const fs::path& into) {
    core::write_file_atomically(into / "ledger.jsonl", privacy::ledger_line(0, event).dump() + "\n");
    core::write_file_atomically(into / "privacy.json", document.dump(2) + "\n");
    core::write_file_atomically(into / "release.json", asked.dump(2) + "\n");
    write_labelled(into / "labels.jsonl", labelled);
  });
  return {folder / "labels.jsonl", classes_in(folder / "labels.jsonl"), event, document, announced(statement, spent.delta)};
}

}  // namespace discreet::app
