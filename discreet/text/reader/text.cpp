#include "discreet/core/registry.h"
#include "discreet/text/internal/columns.h"

namespace discreet::text {
namespace {

// Plain text: every line that is not blank is an example, without label, slots or user.
class TextReader final : public Reader {
 public:
  TextReader(const std::filesystem::path& path, const ReaderOptions& options)
      : lines_(path, options.encoding) {}

  bool next(Example& example) override {
    if (!lines_.next_with_text(line_)) return false;
    example = Example{};
    example.line = lines_.number();
    example.text = line_;
    return true;
  }

 private:
  internal::TextLines lines_;
  std::string line_;
};

}  // namespace
}  // namespace discreet::text

namespace discreet {

void register_reader_text(core::Registry& registry) {
  registry.add({.kind = "reader",
                .name = "text",
                .summary = "Plain text, one example per line that is not blank",
                .fields = text::reader_fields().info(),
                .make = text::MakeReader(
                    [](const std::filesystem::path& path, const text::ReaderOptions& options) {
                      return std::unique_ptr<text::Reader>(new text::TextReader(path, options));
                    })});
}

}  // namespace discreet
