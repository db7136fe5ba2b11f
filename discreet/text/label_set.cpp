#include "discreet/text/label_set.h"

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/fields.h"
#include "discreet/core/lines.h"
#include "discreet/text/unicode.h"

namespace discreet::text {
namespace {

constexpr const char* kLabelSetSchema = "discreet.labels/1";

}  // namespace

LabelSet::LabelSet(std::vector<std::string> names, bool from_data)
    : names_(std::move(names)), from_data_(from_data) {
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (names_[i].empty()) {
      throw bad_data(fmt::format("label {} is empty", i + 1), "Every example needs a label.");
    }
    if (!ids_.emplace(names_[i], static_cast<std::int64_t>(i)).second) {
      throw bad_data(fmt::format("label '{}' stands twice in the list of labels", names_[i]),
                     "Remove one of them.");
    }
  }
}

LabelSet LabelSet::from_file(const std::filesystem::path& path) {
  core::LineReader lines(path);
  std::vector<std::string> names;
  for (std::string line; lines.next(line);) {
    if (line.empty()) continue;
    require_utf8(line, lines.where());
    names.push_back(line);
  }
  try {
    return {std::move(names), false};
  } catch (const Error& e) {
    throw bad_data(fmt::format("{}: {}", path.string(), e.what()), e.hint());
  }
}

bool LabelSet::contains(std::string_view name) const { return find(name) >= 0; }

std::int64_t LabelSet::find(std::string_view name) const {
  const auto found = ids_.find(std::string(name));
  return found == ids_.end() ? -1 : found->second;
}

std::int64_t LabelSet::id(std::string_view name) const {
  const std::int64_t id = find(name);
  if (id >= 0) return id;
  const auto near = core::nearest(std::string(name), names_);
  throw bad_data(fmt::format("'{}' is none of the {} known labels", name, names_.size()),
                 near ? fmt::format("Did you mean '{}'?", *near)
                      : "Labels are those of the training data, or of the file that lists them.");
}

const std::string& LabelSet::name(std::int64_t id) const {
  if (id < 0 || id >= size()) {
    throw internal_error(fmt::format("label id {} outside of 0 … {}", id, size() - 1));
  }
  return names_[static_cast<std::size_t>(id)];
}

Json LabelSet::to_json() const {
  return {{"schema", kLabelSetSchema}, {"from_data", from_data_}, {"names", names_}};
}

LabelSet LabelSet::from_json(const Json& document, const std::string& origin) {
  try {
    if (document.at("schema") != kLabelSetSchema) {
      throw bad_data(
          fmt::format("{}: schema {}, expected {}", origin, document.at("schema").dump(), kLabelSetSchema));
    }
    return {document.at("names").get<std::vector<std::string>>(),
            document.at("from_data").get<bool>()};
  } catch (const Json::exception& e) {
    throw bad_data(fmt::format("{}: not a set of labels: {}", origin, e.what()),
                   "The file was written by another program or is damaged.");
  }
}

LabelSet LabelSetBuilder::build(bool complete_bio) const {
  std::set<std::string> all = names_;
  if (complete_bio) {
    all.insert("O");
    for (const std::string& name : names_) {
      if (name.starts_with("B-")) all.insert("I-" + name.substr(2));
      if (name.starts_with("I-")) all.insert("B-" + name.substr(2));
    }
  }
  std::vector<std::string> names;
  if (all.erase("O") > 0) names.push_back("O");
  names.insert(names.end(), all.begin(), all.end());
  return {std::move(names), true};
}

}  // namespace discreet::text
