#include <fmt/format.h>

#include <map>
#include <optional>

#include "discreet/core/registry.h"
#include "discreet/text/internal/columns.h"
#include "discreet/text/unicode.h"

namespace discreet::text {
namespace {

using internal::Role;
using internal::TextLines;

std::string trimmed(const std::string& line) {
  const std::size_t begin = line.find_first_not_of(" \t");
  if (begin == std::string::npos) return "";
  return line.substr(begin, line.find_last_not_of(" \t") + 1 - begin);
}

// A folder of files whose n-th lines belong together: seq.in (words), seq.out (tags), label; the
// last two may be absent. Further files (users, groups) are read if the options name them.
class ParallelReader final : public Reader {
 public:
  ParallelReader(const std::filesystem::path& folder, const ReaderOptions& options)
      : folder_(folder) {
    if (!std::filesystem::is_directory(folder)) {
      throw bad_data(fmt::format("{}: not a folder", folder.string()),
                     "The parallel form is a folder with the files seq.in, seq.out and label.");
    }
    open(Role::kText, options.text, "seq.in", true, options.encoding);
    open(Role::kSlots, options.slots, "seq.out", false, options.encoding);
    open(Role::kLabel, options.label, "label", false, options.encoding);
    open(Role::kUser, options.user, "user", false, options.encoding);
    for (const std::string& name : options.group) {
      open(Role::kGroup, name, "", true, options.encoding);
    }
  }

  bool next(Example& example) override {
    example = Example{};
    const bool more = files_.front().lines.next(line_);
    if (more) {
      example.line = files_.front().lines.number();
      example.words = split_spaces(line_);
      example.text = internal::join_words(example.words);
    }
    for (std::size_t i = 1; i < files_.size(); ++i) {
      File& file = files_[i];
      if (file.lines.next(line_) != more) throw uneven(file, more);
      if (more) store(file, example);
    }
    return more;
  }

 private:
  struct File {
    Role role;
    std::string name;
    TextLines lines;
  };

  void open(Role role, const std::string& wanted, const std::string& usual, bool required,
            FileEncoding encoding) {
    const std::string name = wanted.empty() ? usual : wanted;
    if (!std::filesystem::exists(folder_ / name)) {
      if (!required && wanted.empty()) return;
      throw bad_data(fmt::format("{}: no file '{}'", folder_.string(), name),
                     "The parallel form is a folder with the files seq.in, seq.out and label.");
    }
    files_.push_back({role, name, TextLines(folder_ / name, encoding)});
  }

  Error uneven(const File& file, bool more) const {
    const File& longer = more ? files_.front() : file;
    const File& shorter = more ? file : files_.front();
    return bad_data(fmt::format("{}: {} ended after {} lines, {} goes on", longer.lines.where(),
                                shorter.name, shorter.lines.number(), longer.name),
                    "The files of a folder must have the same number of lines.");
  }

  void store(const File& file, Example& example) {
    switch (file.role) {
      case Role::kSlots:
        internal::set_words_and_tags(example, std::move(example.words), split_spaces(line_),
                                     file.lines.where());
        break;
      case Role::kLabel:
        example.label = trimmed(line_);
        if (example.label.empty()) {
          throw bad_data(fmt::format("{}: the label is empty", file.lines.where()),
                         "Each line of the label file names one class.");
        }
        break;
      case Role::kUser:
        example.user = trimmed(line_);
        break;
      default:
        example.groups[file.name] = trimmed(line_);
        break;
    }
  }

  std::filesystem::path folder_;
  std::vector<File> files_;
  std::string line_;
};

}  // namespace
}  // namespace discreet::text

namespace discreet {

void register_reader_parallel(core::Registry& registry) {
  registry.add({.kind = "reader",
                .name = "parallel",
                .summary = "A folder with seq.in (words), seq.out (tags) and label, line by line",
                .fields = text::reader_fields().info(),
                .make = text::MakeReader(
                    [](const std::filesystem::path& path, const text::ReaderOptions& options) {
                      return std::unique_ptr<text::Reader>(new text::ParallelReader(path, options));
                    })});
}

}  // namespace discreet
