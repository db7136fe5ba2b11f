#pragma once

#include <memory>

#include "discreet/text/reader.h"

namespace discreet::text {

/// A built-in corpus read as a file with its columns would be: data.user and data.label may name any of them, data.group
/// those that are kept apart. Throws when read: kBadData for a column that the corpus has not, naming those it has.
std::unique_ptr<Reader> with_columns(std::unique_ptr<Reader> corpus, const ReaderOptions& options);

}  // namespace discreet::text
