#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "discreet/core/json.h"

namespace discreet::core {

/// A file that a result depends on, as it was when it was read.
struct InputFile {
  std::string role;  ///< "train", "scores", "config"
  std::string path;
  std::uint64_t bytes = 0;
  std::string sha256;
};

/// Size and hash of a file, or of a folder (the hash of its sorted names and hashes).
/// Throws: kRuntime naming the file.
InputFile describe_input(const std::string& role, const std::filesystem::path& path);
Json to_json(const InputFile& input);
/// Throws: kBadData naming the key that is wrong.
InputFile input_from_json(const Json& json);

/// What a document is made from.
struct DocumentStart {
  std::string schema;                   ///< "discreet.audit.membership/1"
  Json configuration = Json::object();  ///< Resolved: what was asked, defaults included.
  std::vector<InputFile> inputs;
};

/// {"schema", "version", "configuration", "inputs", "results": [], "caveats": []}: the frame of
/// every document. The maker fills `results` (n and interval with each) and `caveats` (sentences).
Json make_document(const DocumentStart& start);

/// "audit.membership" of "discreet.audit.membership/1".
std::string schema_name(const Json& document);

/// "<kind>-<12 hex>.json": what was asked and of which bytes, so that asking again replaces the
/// answer. Hashes configuration, roles and SHA-256 of the inputs, not where they lie.
std::string document_file_name(const Json& document);

/// Names of the built-in schemas ("audit.membership", …), sorted. They lie in docs/schemas.
std::vector<std::string> document_schemas();
/// Throws: kUsage naming the nearest.
const Json& document_schema(const std::string& name);

/// Throws: kBadData naming `origin` and each place that departs from the document's schema, or that
/// `schema` is missing or unknown. A schema outside "discreet." (somebody else's) is held to the
/// frame only: schema, and if present inputs, results, caveats.
void validate_document(const Json& document, const std::string& origin);

/// Reads and validates. Throws: kRuntime, kBadData.
Json read_document(const std::filesystem::path& path);

/// Validates and writes, whole or not at all. Throws: kInternal if the document departs from its
/// schema (its maker is wrong); kRuntime.
/// Throws also: kUsage if the path is one of the document's inputs, or its output.
void write_document(const std::filesystem::path& path, const Json& document);

}  // namespace discreet::core
