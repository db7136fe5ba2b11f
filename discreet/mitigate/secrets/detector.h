#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace discreet::mitigate {

/// A private detail of a text: bytes [begin, end).
struct Finding {
  std::size_t begin = 0, end = 0;
  std::string kind;    ///< name, email, url, ip, card, iban, phone, number, address; a tagger's tags besides.
  std::string source;  ///< pattern, list or tagger.
};

struct DetectorOptions {
  bool names = true, emails = true, numbers = true, addresses = true;
  std::size_t least_digits = 4;  ///< Of a number that counts: shorter ones are hours, prices and counts.
};

/// Finds details by their form and by lists of words: no model, no context beyond the neighbouring words.
///
/// - email: local@domain.tld. url: scheme:// or www. ip: four numbers below 256. card: 13 to 19 digits with a right
///   check digit (Luhn). iban: country, check digits that are right (mod 97) and 11 to 30 characters. phone: a leading
///   "+", or three groups of digits or more. number: as many digits as `least_digits`, also one at a time ("4 0 9 2").
/// - address: a house number and one to three words before a word for a street, or the words before the number.
/// - name: a given name of the list with a capital, with the capitalised words behind it; a title ("Dr.") with a
///   capitalised word. In a text without any capital the list counts as it is, words that mean something else apart.
/// Findings come in order and do not overlap: the longer of two counts, then the earlier.
class Detector {
 public:
  /// The built-in lists with `given_names` in addition (any case).
  explicit Detector(const DetectorOptions& options = {}, const std::vector<std::string>& given_names = {});

  /// Appends. Text need not be UTF-8. Cost: O(bytes).
  void find(std::string_view text, std::vector<Finding>& findings) const;

 private:
  DetectorOptions options_;
  std::unordered_set<std::string> given_names_;
};

/// Sorted, and of overlapping ones the longest (then the earliest) alone.
std::vector<Finding> without_overlaps(std::vector<Finding> findings);

/// Whether the digits of `text` pass Luhn's check, and whether its letters and digits are an IBAN's.
bool passes_luhn(std::string_view text);
bool passes_iban(std::string_view text);

}  // namespace discreet::mitigate
