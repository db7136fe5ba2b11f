#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "discreet/app/study.h"

namespace discreet::app {

/// Finished cells of a study: a file each in the study's folder, and those of a file of lines that stands
/// beside a page, so that a page's cells need not be measured again to go on with it.
class StudyCells {
 public:
  /// `lines`: such a file, or empty. One that is not there begins empty. Throws: kBadData naming the line.
  StudyCells(std::filesystem::path folder, std::filesystem::path lines);

  /// The cell's result if it is finished and was asked for in the same way.
  bool find(const StudyCell& cell, Json& result) const;
  /// A file of the folder, whole or not at all.
  void store(const StudyCell& cell, const Json& result, double seconds);
  /// Puts those of these cells that are finished into the file of lines; its other lines stay as they are. A line names
  /// its request by SHA-256 alone: {"cell", "request", "seconds", "version", "revision", "result"}.
  void write_lines(const std::vector<StudyCell>& cells) const;

 private:
  std::filesystem::path file_of(const StudyCell& cell) const;
  /// What the folder or the lines hold of the cell, as a line; null if it is not finished.
  Json line_of(const StudyCell& cell) const;

  std::filesystem::path folder_, lines_;
  std::vector<Json> given_;                   ///< Lines in their order.
  std::map<std::string, std::size_t> places_; ///< Of a cell's name among them.
};

}  // namespace discreet::app
