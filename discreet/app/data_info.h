#pragma once

#include <string>

#include "discreet/core/operation.h"
#include "discreet/text/reader.h"

namespace discreet::app {

/// Counts of one stream of examples: size, words, labels, tags, users, duplicates. Texts are
/// counted, never shown. Memory grows with the different words, labels and users, and by 8 bytes
/// for a line.
Json describe_examples(text::Reader& reader, core::OperationContext& context);

/// The document of `data info SOURCE`: `describe_examples` of a file, of a known data set's splits
/// that are in the cache, or of the built-in corpus; and what the catalogue says.
Json data_info(const std::string& source, const std::string& format,
               const text::ReaderOptions& options, core::OperationContext& context);

}  // namespace discreet::app
