#include "discreet/core/registry.h"
#include "discreet/text/internal/separated.h"

namespace discreet {

void register_reader_csv(core::Registry& registry) {
  registry.add(
      {.kind = "reader",
       .name = "csv",
       .summary = "Comma-separated rows (RFC 4180) with a header; quoted fields may span lines",
       .reference = "RFC 4180",
       .fields = text::reader_fields().info(),
       .make = text::MakeReader(
           [](const std::filesystem::path& path, const text::ReaderOptions& options) {
             return text::internal::make_separated_reader(path, options, ',');
           })});
}

}  // namespace discreet
