#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "discreet/core/json.h"

namespace discreet::app {

/// discreet.bench.tokenizers/1: the tokenisers of `models` on the lines of `text`, in one thread: ids alone,
/// and ids with offsets. Minimum and median of `repeats` passes after one that fills the word cache and is
/// given as `first_cpu_seconds`; megabytes (10^6) of text by CPU time. The number of ids and a hash of them tell whether another program made the same.
/// Throws: what SubwordTokenizer::load and reading throw.
Json bench_tokenizers(const std::vector<std::string>& models, const std::filesystem::path& text, int repeats);

}  // namespace discreet::app
