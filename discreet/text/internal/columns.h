#pragma once

#include <optional>
#include <string>
#include <vector>

#include "discreet/core/lines.h"
#include "discreet/text/reader.h"

namespace discreet::text::internal {

enum class Role { kText, kLabel, kSlots, kUser, kQuestion, kAnswers, kGroup, kExtra };

/// Usual names of a role's column, best first.
const std::vector<std::string>& usual_names(Role role);
/// "data.text" and so on, for errors.
std::string option_name(Role role);
/// The column that the options name for a role; empty if they leave it open.
const std::string& wanted_column(const ReaderOptions& options, Role role);

/// Gives every named column its role. Throws: kBadData (at `where`) if an asked-for column is
/// absent.
std::vector<Role> assign_roles(const std::vector<std::string>& columns,
                               const ReaderOptions& options, const std::string& where);

/// Lines of a file as UTF-8, with errors that name file and line.
class TextLines {
 public:
  TextLines(const std::filesystem::path& path, FileEncoding encoding);
  bool next(std::string& line);
  /// The same, past lines of nothing but white space.
  bool next_with_text(std::string& line);
  std::string where() const { return lines_.where(); }
  std::int64_t number() const { return static_cast<std::int64_t>(lines_.line_number()); }

 private:
  core::LineReader lines_;
  FileEncoding encoding_;
};

/// Words of a text that has tags, by white space; checks that there is one tag for each.
/// Throws: kBadData naming `where` and both counts.
void set_words_and_tags(Example& example, std::vector<std::string> words,
                        std::vector<std::string> tags, const std::string& where);

/// What data.coarse keeps of a label: all before its first colon.
void shorten_label(const ReaderOptions& options, std::string& label);

std::string join_words(const std::vector<std::string>& words);

}  // namespace discreet::text::internal
