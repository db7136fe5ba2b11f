#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace discreet::core {

/// Whether `name` is of the form `pattern`: '*' stands for any characters (dots too), '?' for one, all
/// others for themselves.
bool matches_pattern(std::string_view pattern, std::string_view name);

/// Whether one of the patterns fits.
bool matches_any(std::span<const std::string> patterns, std::string_view name);

/// Throws: kUsage if one of `patterns`, which stand under `key`, fits none of `names`; lists these.
void check_patterns(const std::string& key, std::span<const std::string> patterns,
                    std::span<const std::string> names);

}  // namespace discreet::core
