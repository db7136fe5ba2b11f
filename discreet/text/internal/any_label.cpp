#include "discreet/text/internal/any_label.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "discreet/text/unicode.h"

namespace discreet::text::internal {
namespace {

std::vector<std::string> label_columns(const std::string& label) {
  std::vector<std::string> columns;
  for (std::size_t begin = 0; begin <= label.size();) {
    const std::size_t end = std::min(label.find('|', begin), label.size());
    const std::string name = label.substr(begin, end - begin);
    if (name.empty()) {
      throw usage_error(fmt::format("data.label = \"{}\": a column without a name", label), "Write toxic|obscene|threat.");
    }
    columns.push_back(name);
    begin = end + 1;
  }
  return columns;
}

class AnyLabelReader final : public Reader {
 public:
  AnyLabelReader(std::unique_ptr<Reader> inner, std::string path, const ReaderOptions& options)
      : inner_(std::move(inner)), path_(std::move(path)), kept_(options.group), columns_(label_columns(options.label)) {}

  bool next(Example& example) override {
    if (!inner_->next(example)) return false;
    bool any = false;
    for (const std::string& column : columns_) {
      any = is_set(example.groups[column], column, example.line) || any;
      if (std::find(kept_.begin(), kept_.end(), column) == kept_.end()) example.groups.erase(column);
    }
    example.label = any ? columns_.front() : "not " + columns_.front();
    return true;
  }

 private:
  bool is_set(const std::string& cell, const std::string& column, std::int64_t line) const {
    const std::string lower = lowercase(cell);
    if (lower == "true") return true;
    if (lower.empty() || lower == "false") return false;
    double value = 0;
    const auto [stop, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
    if (error != std::errc() || stop != cell.data() + cell.size() || !(value >= 0 && value <= 1)) {
      throw bad_data(fmt::format("{}:{}: column '{}' holds '{}', expected 0 to 1, true or false", path_, line, column, cell),
                     "Columns that data.label joins by | say whether a text has that label.");
    }
    return value >= .5;
  }

  std::unique_ptr<Reader> inner_;
  std::string path_;
  std::vector<std::string> kept_, columns_;
};

}  // namespace

bool names_several(const std::string& label) { return label.find('|') != std::string::npos; }

ReaderOptions any_label_options(const ReaderOptions& options) {
  ReaderOptions inner = options;
  inner.label.clear();
  for (const std::string& column : label_columns(options.label)) {
    if (std::find(inner.group.begin(), inner.group.end(), column) == inner.group.end()) inner.group.push_back(column);
  }
  return inner;
}

std::unique_ptr<Reader> make_any_label_reader(std::unique_ptr<Reader> inner, const std::string& path, const ReaderOptions& options) {
  return std::make_unique<AnyLabelReader>(std::move(inner), path, options);
}

}  // namespace discreet::text::internal
