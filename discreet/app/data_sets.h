#pragma once

#include <memory>
#include <string>

#include "discreet/text/corpus.h"
#include "discreet/text/reader.h"

namespace discreet::app {

/// Opens whatever a configuration may name as data: a file or folder; `assistant` or
/// `assistant:lines=…,seed=…` (the built-in corpus); a name known to `discreet data list`, looked
/// up in the cache, with `:split=dev` for another part than `split` says. Throws: kUsage for a name
/// that is nothing of these, kBadData if a known name was not fetched yet.
std::unique_ptr<text::Reader> open_data(const std::string& source, text::Split split,
                                        const std::string& format = "",
                                        const text::ReaderOptions& options = {});

}  // namespace discreet::app
