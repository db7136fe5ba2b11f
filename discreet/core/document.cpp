#include "discreet/core/document.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <utility>

#include "discreet/core/error.h"
#include "discreet/core/fields.h"
#include "discreet/core/files.h"
#include "discreet/core/json_schema.h"
#include "discreet/core/sha256.h"
#include "discreet/core/version.h"

namespace discreet::core {
namespace internal {
const std::vector<std::pair<std::string, std::string>>& embedded_schemas();  // generated
}

namespace {
namespace fs = std::filesystem;

// What every document keeps, ours or not.
constexpr const char* kFrameFile = "common.json";
constexpr const char* kPrefix = "discreet.";
constexpr std::size_t kProblemsShown = 5;

const std::map<std::string, Json>& schema_files() {
  static const auto* files = [] {
    auto* parsed = new std::map<std::string, Json>;
    for (const auto& [file, text] : internal::embedded_schemas()) {
      (*parsed)[file] = parse_json(text, "docs/schemas/" + file);
    }
    return parsed;
  }();
  return *files;
}

const Json* find_schema_file(const std::string& file) {
  const auto found = schema_files().find(file);
  return found == schema_files().end() ? nullptr : &found->second;
}

std::vector<std::string> document_problems(const Json& document) {
  const std::string name = schema_name(document);
  const std::string id = document["schema"].get<std::string>();
  const bool ours = id.rfind(kPrefix, 0) == 0;
  if (!ours) {
    const Json frame = {{"$ref", std::string(kFrameFile) + "#/definitions/document"}};
    return schema_problems(frame, document, find_schema_file);
  }
  return schema_problems(document_schema(name), document, find_schema_file);
}

std::string first_of(const std::vector<std::string>& problems) {
  const auto shown = std::min(problems.size(), kProblemsShown);
  std::string text = fmt::format(
      "{}",
      fmt::join(problems.begin(), problems.begin() + static_cast<std::ptrdiff_t>(shown), "; "));
  if (shown < problems.size()) text += fmt::format("; and {} more", problems.size() - shown);
  return text;
}

std::string hash_of_folder(const fs::path& folder, std::uint64_t& bytes) {
  std::map<std::string, fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file())
      files[fs::relative(entry.path(), folder).generic_string()] = entry.path();
  }
  std::string listing;
  bytes = 0;
  for (const auto& [name, path] : files) {
    listing += sha256_file(path) + "  " + name + "\n";
    bytes += fs::file_size(path);
  }
  return sha256(listing);
}

}  // namespace

InputFile describe_input(const std::string& role, const fs::path& path) {
  InputFile input{role, path.string(), 0, ""};
  try {
    if (fs::is_directory(path)) {
      input.sha256 = hash_of_folder(path, input.bytes);
    } else {
      input.sha256 = sha256_file(path);
      input.bytes = fs::file_size(path);
    }
  } catch (const fs::filesystem_error& e) {
    throw runtime_failure(fmt::format("{}: cannot read: {}", path.string(), e.code().message()));
  }
  return input;
}

Json to_json(const InputFile& input) {
  return {
      {"role", input.role}, {"path", input.path}, {"bytes", input.bytes}, {"sha256", input.sha256}};
}

InputFile input_from_json(const Json& json) {
  const Json schema = {{"$ref", std::string(kFrameFile) + "#/definitions/input"}};
  if (const auto problems = schema_problems(schema, json, find_schema_file); !problems.empty()) {
    throw bad_data("input: " + first_of(problems));
  }
  return {json["role"], json["path"], json["bytes"], json["sha256"]};
}

Json make_document(const DocumentStart& start) {
  Json inputs = Json::array();
  for (const auto& input : start.inputs) inputs.push_back(to_json(input));
  return {
      {"schema", start.schema}, {"version", version()},     {"configuration", start.configuration},
      {"inputs", inputs},       {"results", Json::array()}, {"caveats", Json::array()}};
}

std::string schema_name(const Json& document) {
  if (!document.is_object() || !document.contains("schema") || !document["schema"].is_string()) {
    throw bad_data("not a document: it has no \"schema\"",
                   "A document is a JSON object with a key like \"schema\": \"discreet.eval/1\".");
  }
  std::string name = document["schema"].get<std::string>();
  const auto slash = name.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == name.size() ||
      name.find_first_not_of("0123456789", slash + 1) != std::string::npos) {
    throw bad_data(fmt::format("schema \"{}\" is not of the form name/version", name));
  }
  name.resize(slash);
  return name.rfind(kPrefix, 0) == 0 ? name.substr(std::string(kPrefix).size()) : name;
}

std::string document_file_name(const Json& document) {
  std::string kind = schema_name(document);
  if (kind.rfind("audit.", 0) == 0) kind = kind.substr(6);
  std::replace(kind.begin(), kind.end(), '.', '-');
  for (char& c : kind) {
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_') c = '_';
  }
  // Sorted keys: the same question asked with its keys in another order is the same question.
  nlohmann::json asked;
  asked["configuration"] = nlohmann::json(document.value("configuration", Json::object()));
  asked["inputs"] = nlohmann::json::array();
  for (const auto& input : document.value("inputs", Json::array())) {
    asked["inputs"].push_back({input.value("role", ""), input.value("sha256", "")});
  }
  return fmt::format("{}-{}.json", kind, sha256(asked.dump()).substr(0, 12));
}

std::vector<std::string> document_schemas() {
  std::vector<std::string> names;
  for (const auto& [file, schema] : schema_files()) {
    if (file != kFrameFile) names.push_back(fs::path(file).stem().string());
  }
  return names;
}

const Json& document_schema(const std::string& name) {
  if (name + ".json" != kFrameFile) {
    if (const Json* found = find_schema_file(name + ".json")) return *found;
  }
  const auto near = nearest(name, document_schemas());
  throw usage_error(fmt::format("no schema is called '{}'", name),
                    near ? fmt::format("Did you mean '{}'?", *near)
                         : fmt::format("Known: {}", fmt::join(document_schemas(), ", ")));
}

void validate_document(const Json& document, const std::string& origin) {
  std::vector<std::string> problems;
  try {
    problems = document_problems(document);
  } catch (const Error& e) {
    if (e.code() == ErrorCode::kInternal) throw;
    throw bad_data(fmt::format("{}: {}", origin, e.what()), e.hint());
  }
  if (problems.empty()) return;
  throw bad_data(fmt::format("{}: {}", origin, first_of(problems)),
                 fmt::format("The schema is {}; see docs/schemas.", document["schema"].dump()));
}

Json read_document(const fs::path& path) {
  Json document = parse_json(read_file(path), path.string());
  validate_document(document, path.string());
  return document;
}

namespace {

/// What a document was made from, or tells of, is not to be lost to it.
void refuse_to_replace(const fs::path& path, const Json& document) {
  if (!document.is_object()) return;
  Json named = document.value("inputs", Json::array());
  if (document.contains("output")) named.push_back(document["output"]);
  for (const Json& file : named) {
    if (!file.is_object() || !file.value("path", Json()).is_string()) continue;
    std::error_code ignored;
    if (!fs::equivalent(path, file["path"].get<std::string>(), ignored)) continue;
    throw usage_error(fmt::format("{}: the document would replace a file that it is about ({})", path.string(), file.value("role", "input")),
                      "Write it to another file.");
  }
}

}  // namespace

void write_document(const fs::path& path, const Json& document) {
  refuse_to_replace(path, document);
  try {
    validate_document(document, path.string());
  } catch (const Error& e) {
    throw internal_error(e.what());
  }
  // A path need not be UTF-8; a document is.
  const auto replace = Json::error_handler_t::replace;
  write_file_atomically(path, document.dump(2, ' ', false, replace) + "\n");
}

}  // namespace discreet::core
