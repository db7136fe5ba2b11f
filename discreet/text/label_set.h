#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "discreet/core/json.h"

namespace discreet::text {

/// Names of classes, intents or tags, to ids 0 .. size()-1.
class LabelSet {
 public:
  LabelSet() = default;
  /// In the order given. `from_data`: the names were seen in training data.
  /// Throws: kBadData for a repeated or empty name.
  LabelSet(std::vector<std::string> names, bool from_data);
  /// One name per line. Throws: kBadData.
  static LabelSet from_file(const std::filesystem::path& path);

  std::int64_t size() const { return static_cast<std::int64_t>(names_.size()); }
  bool contains(std::string_view name) const;
  /// Throws: kBadData naming the nearest known label.
  std::int64_t id(std::string_view name) const;
  /// -1 if the name is unknown.
  std::int64_t find(std::string_view name) const;
  const std::string& name(std::int64_t id) const;
  const std::vector<std::string>& names() const { return names_; }

  /// Whether its names were taken from the training data, not from a file; a private run's statement says so.
  bool from_data() const { return from_data_; }

  Json to_json() const;
  static LabelSet from_json(const Json& document, const std::string& origin);

 private:
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::int64_t> ids_;
  bool from_data_ = false;
};

/// Collects the names that occur. Order: "O" first if it occurs, then by spelling.
class LabelSetBuilder {
 public:
  void add(const std::string& name) { names_.insert(name); }
  void add(std::span<const std::string> names) { names_.insert(names.begin(), names.end()); }
  /// For BIO tags: `complete_bio` adds to each B-x its I-x and to each I-x its B-x, and "O".
  LabelSet build(bool complete_bio = false) const;

 private:
  std::set<std::string> names_;
};

}  // namespace discreet::text
