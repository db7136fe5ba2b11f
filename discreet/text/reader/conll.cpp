#include <fmt/format.h>

#include <charconv>

#include "discreet/core/registry.h"
#include "discreet/text/internal/columns.h"
#include "discreet/text/unicode.h"

namespace discreet::text {
namespace {

constexpr std::string_view kDocumentStart = "-DOCSTART-";

// One token per line, columns between tabs (if the line has one) or white space; a blank line ends
// a sentence. By default the first column is the word and the last one is the tag.
class ConllReader final : public Reader {
 public:
  ConllReader(const std::filesystem::path& path, const ReaderOptions& options)
      : lines_(path, options.encoding),
        word_column_(column_number(options.text, "data.text")),
        tag_column_(column_number(options.slots, "data.slots")) {
    for (const auto& [name, option] :
         {std::pair{options.label, "data.label"}, std::pair{options.user, "data.user"}}) {
      if (!name.empty()) {
        throw usage_error(
            fmt::format("{} = '{}': a CoNLL file has words and tags only", option, name),
            "Remove the key, or convert the file to JSON lines.");
      }
    }
  }

  bool next(Example& example) override {
    example = Example{};
    while (lines_.next(line_)) {
      const std::vector<std::string> columns = split_columns();
      if (columns.empty() || columns[0] == kDocumentStart) {
        if (!example.words.empty()) break;
        continue;
      }
      if (example.words.empty()) example.line = lines_.number();
      add_token(columns, example);
    }
    example.text = internal::join_words(example.words);
    return !example.words.empty();
  }

 private:
  static std::size_t column_number(const std::string& name, const char* option) {
    if (name.empty()) return 0;
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error != std::errc() || end != name.data() + name.size() || number == 0) {
      throw usage_error(fmt::format("{} = '{}': expected a column's number from 1", option, name),
                        "The columns of a CoNLL file have no names.");
    }
    return number;
  }

  // Empty for a line that is blank but for white space.
  std::vector<std::string> split_columns() const {
    if (line_.find('\t') == std::string::npos) return split_spaces(line_);
    if (line_.find_first_not_of(" \t") == std::string::npos) return {};
    std::vector<std::string> columns;
    for (std::size_t at = 0; at <= line_.size();) {
      const std::size_t end = std::min(line_.find('\t', at), line_.size());
      columns.push_back(line_.substr(at, end - at));
      at = end + 1;
    }
    return columns;
  }

  void add_token(const std::vector<std::string>& columns, Example& example) {
    if (columns_ == 0) columns_ = columns.size();
    if (columns.size() != columns_) {
      throw bad_data(fmt::format("{}: {} columns, expected {} as in the first token's line",
                                 lines_.where(), columns.size(), columns_),
                     "Separate the columns by one tab each, and sentences by an empty line.");
    }
    const std::size_t word = word_column_ == 0 ? 1 : word_column_;
    const std::size_t tag = tag_column_ == 0 ? columns_ : tag_column_;
    if (word > columns_ || tag > columns_) {
      throw bad_data(fmt::format("{}: {} columns, but column {} was asked for", lines_.where(),
                                 columns_, std::max(word, tag)),
                     "Set data.text and data.slots to numbers of columns from 1.");
    }
    if (columns[word - 1].empty()) {
      throw bad_data(fmt::format("{}: the word is empty", lines_.where()),
                     "Write the word before its tag, or leave the line wholly empty to end a "
                     "sentence.");
    }
    example.words.push_back(columns[word - 1]);
    // A file of one column is text without tags.
    if (columns_ == 1) return;
    if (columns[tag - 1].empty()) {
      throw bad_data(fmt::format("{}: the tag is empty", lines_.where()),
                     "Write O for a word outside of every name.");
    }
    example.tags.push_back(columns[tag - 1]);
  }

  internal::TextLines lines_;
  std::size_t word_column_, tag_column_;
  std::size_t columns_ = 0;
  std::string line_;
};

}  // namespace
}  // namespace discreet::text

namespace discreet {

void register_reader_conll(core::Registry& registry) {
  registry.add({.kind = "reader",
                .name = "conll",
                .summary = "One token per line with its tag; blank lines between sentences",
                .fields = text::reader_fields().info(),
                .make = text::MakeReader(
                    [](const std::filesystem::path& path, const text::ReaderOptions& options) {
                      return std::unique_ptr<text::Reader>(new text::ConllReader(path, options));
                    })});
}

}  // namespace discreet
