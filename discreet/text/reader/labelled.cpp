#include <fmt/format.h>

#include "discreet/core/registry.h"
#include "discreet/text/internal/columns.h"

namespace discreet::text {
namespace {

// "LABEL the text": the form of the TREC questions.
class LabelledReader final : public Reader {
 public:
  LabelledReader(const std::filesystem::path& path, const ReaderOptions& options)
      : lines_(path, options.encoding), options_(options) {}

  bool next(Example& example) override {
    if (!lines_.next_with_text(line_)) return false;
    example = Example{};
    example.line = lines_.number();
    const std::size_t space = line_.find_first_of(" \t");
    const std::size_t begin =
        space == std::string::npos ? space : line_.find_first_not_of(" \t", space);
    if (space == 0 || begin == std::string::npos) {
      throw bad_data(fmt::format("{}: expected a label, a space and the text", lines_.where()),
                     "For example: weather will it rain tomorrow");
    }
    example.label = line_.substr(0, space);
    example.text = line_.substr(begin);
    internal::shorten_label(options_, example.label);
    return true;
  }

 private:
  internal::TextLines lines_;
  ReaderOptions options_;
  std::string line_;
};

}  // namespace
}  // namespace discreet::text

namespace discreet {

void register_reader_labelled(core::Registry& registry) {
  registry.add({.kind = "reader",
                .name = "labelled",
                .summary = "Lines of a label, a space and the text",
                .fields = text::reader_fields().info(),
                .make = text::MakeReader(
                    [](const std::filesystem::path& path, const text::ReaderOptions& options) {
                      return std::unique_ptr<text::Reader>(new text::LabelledReader(path, options));
                    })});
}

}  // namespace discreet
