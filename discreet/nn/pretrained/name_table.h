#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "discreet/nn/pretrained/architecture.h"

// Names of parameters, ours to a file's and back; no tensor in sight.
namespace discreet::nn {

/// What a file calls one parameter of ours. Names are without the bare model's prefix.
struct NamesInFile {
  const WeightRow* row = nullptr;  ///< Null: the form's files have no name for it.
  bool of_head = false;            ///< Of no bare model.
  std::vector<std::string> theirs;
};

class NameTable {
 public:
  /// Where several heads have names for a parameter, those of `preferred` hold.
  NameTable(const PretrainedSource& source, const HeadForm& preferred);

  NamesInFile find(const std::string& ours) const;
  /// Whether a name without prefix is that of some parameter of some head.
  bool is_of_head(const std::string& theirs) const { return head_names_.count(theirs) > 0; }

 private:
  void add(const std::vector<WeightRow>& rows, bool base);

  const PretrainedSource& source_;
  std::map<std::string, std::pair<const WeightRow*, bool>> rows_;
  std::set<std::string> head_names_;
};

/// The table in both directions, with prefixes as a file of `head` has them.
class FileNames {
 public:
  FileNames(const PretrainedSource& source, const HeadForm& head);

  /// Empty: there is none.
  std::vector<std::string> of(const std::string& ours) const;

  struct Place {
    std::string ours;
    std::size_t part = 0, parts = 1;
  };
  /// Whose name this is, with the prefix or without it.
  std::optional<Place> find(const std::string& theirs) const;

 private:
  const PretrainedSource& source_;
  bool bare_;
  NameTable table_;
  std::map<std::string, Place> places_;  // without prefix
};

/// The head that a configuration names; the bare model's where that is not known.
const HeadForm& preferred_head(const PretrainedSource& source);

/// Rows of the parts of a parameter of `rows` rows that files have apart: queries, keys and values, or
/// two equal parts (keys and values, a gate and what it lets through).
std::vector<std::int64_t> part_sizes(const PretrainedForm& form, std::size_t parts, std::int64_t rows);

}  // namespace discreet::nn
