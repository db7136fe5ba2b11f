#include <algorithm>
#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include "discreet/core/error.h"
#include "discreet/core/registry.h"
#include "discreet/text/internal/columns.h"

namespace discreet::text {
namespace {

namespace fs = std::filesystem;

/// Roman I to V; 0: none of them.
int act_number(const std::string& numeral) {
  static const std::vector<std::string> kNumerals = {"I", "II", "III", "IV", "V"};
  const auto found = std::find(kNumerals.begin(), kNumerals.end(), numeral);
  return found == kNumerals.end() ? 0 : static_cast<int>(found - kNumerals.begin()) + 1;
}

std::string trimmed_line(const std::string& line) {
  const auto first = line.find_first_not_of(" \t\r");
  if (first == std::string::npos) return "";
  return line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
}

/// Of a direction "[Enter NAME" with one name in capitals, that name.
std::string enters_alone(const std::string& direction) {
  constexpr std::string_view kEnter = "[Enter ";
  if (!direction.starts_with(kEnter)) return "";
  std::vector<std::string> names;
  std::string word;
  bool goes_on = false;  // the last capital word ended with a blank: the next belongs to the same name
  for (const char byte : direction.substr(kEnter.size()) + ' ') {
    if ((byte >= 'A' && byte <= 'Z') || byte == '\'') {
      word += byte;
      continue;
    }
    const bool rest_of_word = byte >= 'a' && byte <= 'z';
    if (word.size() > 1 && !rest_of_word) {
      if (goes_on) {
        names.back() += ' ' + word;
      } else {
        names.push_back(word);
      }
      goes_on = byte == ' ';
    } else if (!word.empty() || rest_of_word) {
      goes_on = false;
    }
    word.clear();
  }
  return names.size() == 1 ? names.front() : "";
}

// Plays as the Moby edition sets them: "NAME<tab>words" begins a speech (a long name's first part on a line of
// its own before it), "<tab>words" goes on with it, directions stand in brackets and may run over lines. Every
// spoken line is an example: user "play/ROLE", group "act" 1 to 5. Inductions and prologues before the first
// act count as of it; other text there (names of persons, poems) is left out. Lines without a name are of the
// PROLOGUE or EPILOGUE that they stand under, or of who entered alone.
class PlaysReader final : public Reader {
 public:
  PlaysReader(const fs::path& path, const ReaderOptions& options) : options_(options) {
    if (fs::is_directory(path)) {
      for (const auto& entry : fs::directory_iterator(path)) {
        if (entry.path().extension() == ".txt") files_.push_back(entry.path());
      }
      std::sort(files_.begin(), files_.end());
    } else {
      files_.push_back(path);
    }
    if (files_.empty()) throw bad_data(path.string() + ": no .txt files in this folder", "Name a folder of plays, or one play.");
  }

  bool next(Example& example) override {
    for (;;) {
      if (!lines_) {
        if (file_ == files_.size()) return false;
        lines_ = std::make_unique<internal::TextLines>(files_[file_], options_.encoding);
        act_ = depth_ = 0;
        role_.clear();
        title_.clear();
        name_begun_.clear();
      }
      if (!lines_->next(line_)) {
        lines_.reset();
        ++file_;
        continue;
      }
      const std::string spoken = spoken_part();
      if (spoken.empty()) continue;
      example = Example{};
      example.line = lines_->number();
      example.text = spoken;
      example.user = files_[file_].stem().string() + "/" + role_;
      example.groups["act"] = std::to_string(act_);
      return true;
    }
  }

 private:
  /// What is said in the line, or nothing; keeps act, role and open brackets.
  std::string spoken_part() {
    const std::string bare = trimmed_line(line_);
    if (bare.empty()) {
      depth_ = 0;  // some brackets are never closed
      return "";
    }
    if (title_.empty()) title_ = bare;
    if (bare == title_) return "";  // it heads every scene
    if (bare.starts_with("ACT ")) {
      if (const int act = act_number(trimmed_line(bare.substr(4))); act > 0) {
        act_ = act;
        role_.clear();
        return "";
      }
    }
    if (is_heading(bare)) return "";
    if (act_ == 0) return "";
    std::string words = bare;
    const auto tab = line_.find('\t');
    if (line_[0] != ' ' && line_[0] != '\t') {
      if (tab == std::string::npos) {
        name_begun_ = bare + ' ';
        return "";
      }
      role_ = name_begun_ + trimmed_line(line_.substr(0, tab));
      words = trimmed_line(line_.substr(tab + 1));
      depth_ = 0;
    }
    name_begun_.clear();
    if (role_.empty()) role_ = enters_alone(words);
    if (role_.empty()) {
      note_brackets(words);
      return "";
    }
    return note_brackets(words);
  }

  /// Headings end a role; those of an induction, a prologue or an epilogue say who speaks what has no name.
  bool is_heading(const std::string& bare) {
    if (bare == "SONG." || bare == "SONG") return true;  // who spoke last, or who is named next, sings
    for (const char* heading : {"SCENE", "INDUCTION", "PROLOGUE", "THE PROLOGUE", "EPILOGUE"}) {
      const std::string name = heading;
      if (bare != name && bare != name + "." && !bare.starts_with(name + " ") && !bare.starts_with(name + "\t")) continue;
      role_.clear();
      if (name.ends_with("LOGUE")) role_ = name.substr(name.size() - 8);
      if (name != "SCENE" && name != "EPILOGUE") act_ = std::max(act_, 1);
      return true;
    }
    return false;
  }

  /// The words outside of brackets; keeps how many are open.
  std::string note_brackets(const std::string& words) {
    std::string spoken;
    for (const char byte : words) {
      if (byte == '[') ++depth_;
      if (depth_ == 0) spoken += byte;
      if (byte == ']' && depth_ > 0) --depth_;
    }
    return trimmed_line(spoken);
  }

  ReaderOptions options_;
  std::vector<fs::path> files_;
  std::size_t file_ = 0;
  std::unique_ptr<internal::TextLines> lines_;
  std::string line_, role_, title_, name_begun_;
  int act_ = 0, depth_ = 0;
};

}  // namespace
}  // namespace discreet::text

namespace discreet {

void register_reader_plays(core::Registry& registry) {
  registry.add({.kind = "reader",
                .name = "plays",
                .summary = "Plays, one example per spoken line; users are roles, the group act is 1 to 5",
                .fields = text::reader_fields().info(),
                .make = text::MakeReader(
                    [](const std::filesystem::path& path, const text::ReaderOptions& options) {
                      return std::unique_ptr<text::Reader>(new text::PlaysReader(path, options));
                    })});
}

}  // namespace discreet
