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
  std::string kind;    ///< name, email, mention, url, ip, mac, card, iban, phone, ssn, date, number, address; a tagger's tags besides.
  std::string source;  ///< pattern, list or tagger.
};

struct DetectorOptions {
  bool names = true, emails = true, numbers = true, addresses = true;
  bool dates = false;            ///< Those written in digits; else they are none of the numbers either.
  std::size_t least_digits = 4;  ///< Of a number that counts: shorter ones are hours, prices and counts.
};

/// Finds details by their form and by lists of words: no model, no context beyond the neighbouring words.
///
/// Characters are code points: typographic quotes, dashes and blanks count as their plain forms, digits and letters of
/// all scripts as such. A byte that is not UTF-8 is a sign that nothing goes on over.
/// - email: local@domain.tld. mention: @name behind no word. url: scheme:// or www., in any case.
/// - ip: four numbers below 256, or eight groups of hexadecimal digits, or fewer around "::". mac: six pairs of them.
/// - card: 13 to 19 digits with a right check digit (Luhn). iban: country, check digits that are right (mod 97) and 11 to
///   30 characters; blanks or hyphens in between; all in one case.
/// - phone: a leading "+"; three groups of digits or more; two groups where one is in brackets or the first begins with 0;
///   letters for digits behind a free-phone code; with an extension ("ext. 89").
/// - ssn: digits as 123-45-6789, of those that are given out. date: year, month and day, or the other way round.
/// - number: as many digits as `least_digits`, also one at a time ("4 0 9 2") or in thousands ("1,000,000"); no year, no
///   range of years, no short decimal fraction ("3.1416").
/// - address: a house number and one to three words before a word for a street, none of them a word of function or measure
///   ("12 miles down the street"), or capitalised words and then the number; with a quarter, a flat and a town that has a postal code
///   behind it; postcodes with letters; post office boxes.
/// - name: a given name of the list with a capital (not behind "San", "Fort" and the like), also the first of two joined by a
///   hyphen, with the capitalised words, initials and particles ("van") behind it; a title ("Dr.") with a capitalised word. In a
///   text without any capital the list counts as it is, words that mean something else apart. Besides, what is said to be one:
///   "my name is", "call me", "Dear …," and "Regards, …" where the line ends; and what is a part of a name elsewhere in the text,
///   with a capital.
/// Findings come in order and do not overlap: the longer of two counts, then the earlier.
class Detector {
 public:
  /// The built-in lists with `given_names` in addition (any case).
  explicit Detector(const DetectorOptions& options = {}, const std::vector<std::string>& given_names = {});

  /// Appends. Text need not be UTF-8. Cost: O(bytes), and O(n log n) for n findings, whatever the text.
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
