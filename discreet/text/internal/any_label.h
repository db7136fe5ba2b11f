#pragma once

#include <memory>
#include <string>

#include "discreet/text/reader.h"

namespace discreet::text::internal {

/// Whether a label is made of several columns: "toxic|obscene|threat".
bool names_several(const std::string& label);

/// Texts with several labels of their own, as one: the first column's name where any of the columns is from .5 on (or true),
/// else "not " and that name. Columns are 0 to 1, true or false; empty counts as 0. `inner` reads them as groups.
/// Throws (when read): kBadData naming the row's line, the column and what stands there.
std::unique_ptr<Reader> make_any_label_reader(std::unique_ptr<Reader> inner, const std::string& path, const ReaderOptions& options);

/// The options that `inner` is made with.
ReaderOptions any_label_options(const ReaderOptions& options);

}  // namespace discreet::text::internal
