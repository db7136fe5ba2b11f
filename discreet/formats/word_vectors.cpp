#include "discreet/formats/word_vectors.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_set>

#include "discreet/core/error.h"
#include "discreet/core/lines.h"

namespace discreet::formats {
namespace {

bool is_separator(char c) { return c == ' ' || c == '\t'; }

std::string_view without_end(std::string_view line) {
  while (!line.empty() && is_separator(line.back())) line.remove_suffix(1);
  return line;
}

/// Takes the last field off `line`, with what separates it. Empty if there is none left.
std::string_view take_last(std::string_view& line) {
  line = without_end(line);
  std::size_t begin = line.size();
  while (begin > 0 && !is_separator(line[begin - 1])) --begin;
  const std::string_view field = line.substr(begin);
  line.remove_suffix(line.size() - begin);
  return field;
}

template <class T>
bool parse(std::string_view field, T& value) {
  const char* end = field.data() + field.size();
  const auto [rest, error] = std::from_chars(field.data(), end, value);
  return error == std::errc() && rest == end;
}

/// A finite float32 at `begin`; one too small for it is zero. Returns its end, or null.
const char* parse_float(const char* begin, const char* end, float& value) {
  auto [rest, error] = std::from_chars(begin, end, value);
  if (error == std::errc::result_out_of_range) {
    double wide = 0;
    error = std::from_chars(begin, end, wide).ec;
    if (std::abs(wide) > 1) return nullptr;
    value = 0;
  }
  return error == std::errc() && std::isfinite(value) ? rest : nullptr;
}

bool is_number(std::string_view field) {
  float value = 0;
  const char* end = field.data() + field.size();
  return !field.empty() && parse_float(field.data(), end, value) == end;
}

struct Header {
  std::uint64_t rows = 0;
  std::size_t dimension = 0;
};

/// "N d", the first line of word2vec's text form.
std::optional<Header> parse_header(std::string_view line) {
  Header header;
  const std::string_view second = take_last(line), first = take_last(line);
  if (first.empty() || !without_end(line).empty() || !parse(first, header.rows) ||
      !parse(second, header.dimension) || header.dimension == 0) {
    return std::nullopt;
  }
  return header;
}

/// How many values stand behind the word of a first line.
std::size_t dimension_of(std::string_view line) {
  std::size_t numbers = 0;
  for (;;) {
    const std::string_view field = take_last(line);
    // All fields are numbers: the word is one itself, as in "1990 0.1 0.2".
    if (field.empty()) return numbers > 0 ? numbers - 1 : 0;
    if (!is_number(field)) return numbers;
    ++numbers;
  }
}

class VectorReader {
 public:
  explicit VectorReader(const std::filesystem::path& path) : lines_(path) {
    if (!lines_.next(line_)) throw fail("the file is empty");
    header_ = parse_header(line_);
    dimension_ = header_ ? header_->dimension : dimension_of(line_);
    if (dimension_ == 0) throw fail("expected a word and numbers", "Each line is: word v1 v2 … vd");
    pending_ = !header_;
  }

  std::size_t dimension() const { return dimension_; }

  /// The next line's word and the text of its values.
  bool next(std::string_view& word, std::string_view& values) {
    if (!pending_ && !lines_.next(line_)) {
      check_count();
      return false;
    }
    pending_ = false;
    ++rows_;
    const std::string_view line = without_end(line_);
    word = line;
    for (std::size_t i = 0; i < dimension_; ++i) take_last(word);
    const std::size_t begin = word.size();
    word = without_end(word);
    values = line.substr(begin);
    if (word.empty()) throw wrong_count(line);
    // The word may hold spaces, but if it ends in a number there are rather too many values.
    if (std::string_view before = word;
        word.find_first_of(" \t") != word.npos && is_number(take_last(before))) {
      throw wrong_count(line);
    }
    return true;
  }

  void parse_values(std::string_view text, std::vector<float>& out) const {
    const char* at = text.data();
    const char* end = at + text.size();
    for (std::size_t i = 0; i < dimension_; ++i) {
      while (at != end && is_separator(*at)) ++at;
      float value = 0;
      const char* rest = parse_float(at, end, value);
      if (rest == nullptr || (rest != end && !is_separator(*rest))) {
        throw fail(fmt::format("value {} is no finite number", i + 1));
      }
      out.push_back(value);
      at = rest;
    }
  }

 private:
  Error fail(const std::string& what, const std::string& hint = "") const {
    return bad_data(fmt::format("{}: {}", lines_.where(), what), hint);
  }

  Error wrong_count(std::string_view line) const {
    std::size_t fields = 0;
    while (!take_last(line).empty()) ++fields;
    return fail(fmt::format("expected a word and {} values, got {} fields", dimension_, fields));
  }

  void check_count() const {
    if (header_ && rows_ != header_->rows) {
      throw fail(fmt::format("the first line says {} words, the file has {}", header_->rows, rows_),
                 "The file may be cut off; fetch it again.");
    }
    if (rows_ == 0) throw fail("the file has no vectors");
  }

  core::LineReader lines_;
  std::string line_;
  std::optional<Header> header_;
  std::size_t dimension_ = 0;
  std::uint64_t rows_ = 0;
  bool pending_ = false;
};

}  // namespace

std::unordered_map<std::string, std::size_t> WordVectors::index() const {
  std::unordered_map<std::string, std::size_t> rows;
  for (std::size_t i = 0; i < words.size(); ++i) rows.emplace(words[i], i);
  return rows;
}

WordVectors read_word_vectors(const std::filesystem::path& path, const WordVectorOptions& options) {
  VectorReader reader(path);
  WordVectors vectors;
  vectors.dimension = reader.dimension();
  std::unordered_set<std::string> seen;
  std::string_view word_text, values;
  while (vectors.words.size() < options.limit && reader.next(word_text, values)) {
    std::string word(word_text);
    if (options.wanted && !options.wanted(word)) continue;
    if (!seen.insert(word).second) {
      ++vectors.duplicates;
      continue;
    }
    reader.parse_values(values, vectors.values);
    vectors.words.push_back(std::move(word));
  }
  return vectors;
}

std::vector<std::string> read_word_vector_words(const std::filesystem::path& path,
                                                std::size_t limit) {
  VectorReader reader(path);
  std::vector<std::string> words;
  std::unordered_set<std::string> seen;
  std::string_view word, values;
  while (words.size() < limit && reader.next(word, values)) {
    if (seen.insert(std::string(word)).second) words.emplace_back(word);
  }
  return words;
}

}  // namespace discreet::formats
