#include "discreet/text/internal/separated.h"

#include <fmt/format.h>

#include <set>

#include "discreet/text/internal/answers.h"
#include "discreet/text/internal/columns.h"
#include "discreet/text/unicode.h"

namespace discreet::text::internal {
namespace {

constexpr std::size_t kMaxFieldBytes = 16u << 20;

class SeparatedReader final : public Reader {
 public:
  SeparatedReader(const std::filesystem::path& path, const ReaderOptions& options, char separator)
      : lines_(path, options.encoding), options_(options), separator_(separator) {
    if (!next_row()) {
      throw bad_data(fmt::format("{}: empty, expected a row of column names", path.string()),
                     "Give the file a header, or set data.header = false.");
    }
    if (options.header) {
      columns_ = row_;
    } else {
      for (std::size_t i = 1; i <= row_.size(); ++i) columns_.push_back(std::to_string(i));
      pending_ = true;
    }
    std::set<std::string> seen;
    for (const std::string& name : columns_) {
      if (!name.empty() && !seen.insert(name).second) {
        throw bad_data(
            fmt::format("{}:{}: two columns are called '{}'", path.string(), row_line_, name),
            "Rename one of them.");
      }
    }
    roles_ = assign_roles(columns_, options, fmt::format("{}:{}", path.string(), row_line_));
  }

  bool next(Example& example) override {
    if (!std::exchange(pending_, false) && !next_row()) return false;
    example = Example{};
    example.line = row_line_;
    if (row_.size() != columns_.size()) {
      throw bad_data(fmt::format("{}: row of {} fields, expected {} as in the first row",
                                 row_where_, row_.size(), columns_.size()),
                     "Quote fields that contain the separator or a line break; if '\"' is an "
                     "ordinary character here, set data.quotes = false.");
    }
    std::string tags;
    bool tagged = false;
    for (std::size_t i = 0; i < row_.size(); ++i) {
      switch (roles_[i]) {
        case Role::kText:
          example.text = std::move(row_[i]);
          break;
        case Role::kLabel:
          example.label = std::move(row_[i]);
          break;
        case Role::kUser:
          example.user = std::move(row_[i]);
          break;
        case Role::kQuestion:
          example.question = std::move(row_[i]);
          break;
        case Role::kAnswers:
          if (!row_[i].empty()) example.answers = {std::move(row_[i])};
          break;
        case Role::kGroup:
          example.groups[columns_[i]] = std::move(row_[i]);
          break;
        case Role::kExtra:
          example.extra[columns_[i]] = std::move(row_[i]);
          break;
        case Role::kSlots:
          tags = std::move(row_[i]);
          tagged = true;
          break;
      }
    }
    shorten_label(options_, example.label);
    find_answers(example);
    if (tagged) {
      set_words_and_tags(example, split_spaces(example.text), split_spaces(tags), row_where_);
    }
    return true;
  }

 private:
  // The next row that is not an empty line into row_.
  bool next_row() {
    do {
      if (!lines_.next(line_)) return false;
    } while (line_.empty());
    row_line_ = lines_.number();
    row_where_ = lines_.where();
    row_.clear();
    std::size_t at = 0;
    for (;;) {
      row_.emplace_back();
      if (options_.quotes && at < line_.size() && line_[at] == '"') {
        at = quoted_field(at + 1, row_.back());
      } else {
        const std::size_t end = std::min(line_.find(separator_, at), line_.size());
        row_.back().assign(line_, at, end - at);
        at = end;
      }
      if (at == line_.size()) return true;
      ++at;
    }
  }

  // Reads from behind the opening quote; gives the place of the separator or of the line's end.
  std::size_t quoted_field(std::size_t at, std::string& field) {
    for (;;) {
      const std::size_t quote = line_.find('"', at);
      if (quote == std::string::npos) {
        field.append(line_, at, std::string::npos);
        field += '\n';
        // A stray quote would otherwise swallow the rest of a file of any size.
        if (field.size() > kMaxFieldBytes || !lines_.next(line_)) {
          throw bad_data(
              fmt::format("{}: a quoted field that begins in this row never ends", row_where_),
              "Close it with '\"', or set data.quotes = false if '\"' is an ordinary "
              "character here.");
        }
        at = 0;
      } else if (quote + 1 < line_.size() && line_[quote + 1] == '"') {
        field.append(line_, at, quote + 1 - at);
        at = quote + 2;
      } else {
        field.append(line_, at, quote - at);
        if (quote + 1 < line_.size() && line_[quote + 1] != separator_) {
          throw bad_data(
              fmt::format("{}: byte {}: text behind a closing quote", lines_.where(), quote + 2),
              "Write '\"\"' for a quote inside a quoted field, or set data.quotes = "
              "false if '\"' is an ordinary character here.");
        }
        return quote + 1;
      }
    }
  }

  TextLines lines_;
  ReaderOptions options_;
  char separator_;
  std::vector<std::string> columns_;
  std::vector<Role> roles_;
  std::string line_;
  std::vector<std::string> row_;
  std::int64_t row_line_ = 0;
  std::string row_where_;
  bool pending_ = false;
};

}  // namespace

std::unique_ptr<Reader> make_separated_reader(const std::filesystem::path& path,
                                              const ReaderOptions& options, char separator) {
  return std::make_unique<SeparatedReader>(path, options, separator);
}

}  // namespace discreet::text::internal
