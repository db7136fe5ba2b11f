#include <algorithm>
#include <filesystem>
#include <memory>
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

// Plays as the Moby edition sets them: "NAME<tab>words" begins a speech, "<tab>words" goes on with it,
// directions stand in brackets and may run over lines. Every spoken line is an example: user "play/ROLE",
// group "act" 1 to 5. What stands before the first act (names of persons, poems) is left out.
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
    for (const char* heading : {"SCENE", "PROLOGUE", "EPILOGUE"}) {
      if (bare == heading || bare.starts_with(std::string(heading) + " ") || bare.starts_with(std::string(heading) + "\t")) {
        role_.clear();
        return "";
      }
    }
    if (act_ == 0) return "";
    std::string words = bare;
    const auto tab = line_.find('\t');
    if (tab != std::string::npos && tab > 0 && line_[0] != ' ') {
      role_ = trimmed_line(line_.substr(0, tab));
      words = trimmed_line(line_.substr(tab + 1));
      depth_ = 0;
    }
    if (role_.empty()) return "";
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
  std::string line_, role_, title_;
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
