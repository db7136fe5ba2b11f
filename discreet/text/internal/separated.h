#pragma once

#include <memory>

#include "discreet/text/reader.h"

namespace discreet::text::internal {

/// Rows of fields between `separator`, quoted as RFC 4180 says; a quoted field may span lines,
/// whose ends are then '\n' whatever they were in the file.
std::unique_ptr<Reader> make_separated_reader(const std::filesystem::path& path,
                                              const ReaderOptions& options, char separator);

}  // namespace discreet::text::internal
