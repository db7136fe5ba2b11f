#include "discreet/app/internal/study_cells.h"

#include <algorithm>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/sha256.h"
#include "discreet/core/version.h"

namespace discreet::app {
namespace fs = std::filesystem;
namespace {

std::string digest(const Json& request) { return core::sha256(request.dump()); }

}  // namespace

StudyCells::StudyCells(fs::path folder, fs::path lines) : folder_(std::move(folder)), lines_(std::move(lines)) {
  if (lines_.empty() || !fs::exists(lines_)) return;
  const std::string text = core::read_file(lines_);
  std::size_t number = 0;
  for (std::size_t begin = 0, end = 0; begin < text.size(); begin = end + 1) {
    end = std::min(text.find('\n', begin), text.size());
    const std::string at = fmt::format("{}:{}", lines_.string(), ++number);
    Json line = core::parse_json(text.substr(begin, end - begin), at);
    const auto named = [&line](const char* key) { return line.value(key, Json()).is_string(); };
    if (!line.is_object() || !named("cell") || !named("request") || !line.contains("result")) {
      throw bad_data(at + ": no finished cell of a study", "Take a file that `discreet study --cells` wrote.");
    }
    places_[line["cell"].get<std::string>()] = given_.size();
    given_.push_back(std::move(line));
  }
}

fs::path StudyCells::file_of(const StudyCell& cell) const { return folder_ / "cells" / (cell.name + ".json"); }

Json StudyCells::line_of(const StudyCell& cell) const {
  if (const fs::path file = file_of(cell); fs::exists(file)) {
    Json document = core::parse_json(core::read_file(file), file.string());
    if (document.value("request", Json()) == cell.request) {
      document["cell"] = cell.name;
      document["request"] = digest(cell.request);
      return document;
    }
  }
  const auto place = places_.find(cell.name);
  if (place == places_.end() || given_[place->second]["request"] != digest(cell.request)) return {};
  return given_[place->second];
}

bool StudyCells::find(const StudyCell& cell, Json& result) const {
  const Json line = line_of(cell);
  if (line.is_null()) return false;
  result = line.at("result");
  return true;
}

void StudyCells::store(const StudyCell& cell, const Json& result, double seconds) {
  // What it took stands beside the result, since no request can repeat it.
  const Json document = {{"request", cell.request},
                         {"seconds", seconds},
                         {"version", core::version()},
                         {"revision", core::git_revision()},
                         {"result", result}};
  core::write_file_atomically(file_of(cell), document.dump(1) + "\n");
}

void StudyCells::write_lines(const std::vector<StudyCell>& cells) const {
  if (lines_.empty()) return;
  std::vector<Json> all = given_;
  for (const StudyCell& cell : cells) {
    Json line = line_of(cell);
    if (line.is_null()) continue;
    const auto place = places_.find(cell.name);
    if (place == places_.end()) {
      all.push_back(std::move(line));
    } else {
      all[place->second] = std::move(line);
    }
  }
  std::string text;
  for (const Json& line : all) text += line.dump() + "\n";
  if (lines_.has_parent_path()) fs::create_directories(lines_.parent_path());
  core::write_file_atomically(lines_, text);
}

}  // namespace discreet::app
