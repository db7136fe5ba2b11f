#pragma once

#include <cstddef>
#include <string_view>

namespace discreet::mitigate::internal {

// Of folded texts (folded_text.h). Each looks a bounded number of characters ahead.

/// The end of a postcode with letters that begins at `i`, in capitals ("NW1 6XE", "K1A 0B1"), or `i`.
std::size_t end_of_postcode(std::string_view text, std::size_t i);

/// The end of "P.O. Box 12" that begins at `i`, or `i`.
std::size_t end_of_box(std::string_view text, std::size_t i);

/// Where an address ends whose street ends at `end`: a quarter ("NW"), a flat or a floor with its number ("Apt. 5", "#12"), and the town
/// if a code of five digits or a postcode says that it is one ("Springfield, IL 62704", "London NW1 6XE", "10115 Berlin").
std::size_t end_of_address(std::string_view text, std::size_t end);

}  // namespace discreet::mitigate::internal
