#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "discreet/app/run_data.h"

namespace discreet::app {

/// A piece of a text, and whether a word begins with it.
struct Piece {
  std::int64_t id = 0;
  Place place{};
  bool begins_word = true;
  std::int64_t word = 0;  ///< Of `pieces_of_words`: which of the words it is of.
};

/// Special tokens around one text, or around two: before, between, after, as the tokenizer's
/// post-processor sets them. Types say which text each token is counted to.
struct Frame {
  std::vector<std::int64_t> before, between, after;
  std::vector<std::int64_t> before_types, between_types, after_types;
  std::int64_t first_type = 0, second_type = 0;
  std::int64_t size() const {
    return static_cast<std::int64_t>(before.size() + between.size() + after.size());
  }
};

/// A subword tokenizer as tasks need it.
class Subwords {
 public:
  virtual ~Subwords() = default;
  /// Throws: kBadData if the folder has no tokenizer that is known, or one that is damaged.
  static std::shared_ptr<const Subwords> load(const std::filesystem::path& folder);

  /// No special tokens are added. Places are of `text`.
  virtual std::vector<Piece> pieces(std::string_view text) const = 0;
  /// Words that were cut before; places are of each word.
  virtual std::vector<Piece> pieces_of_words(const std::vector<std::string>& words) const = 0;
  virtual const Frame& single() const = 0;
  virtual const Frame& pair() const = 0;
  virtual std::int64_t size() const = 0;
  /// Ids of special tokens, -1 where the tokenizer has none.
  virtual std::int64_t mask() const = 0;
  virtual std::int64_t end() const = 0;  ///< End of text: eos, else sep, else bos.
  virtual std::int64_t unknown() const = 0;
  virtual bool is_special(std::int64_t id) const = 0;
  /// Whether the id goes on with a word, by its spelling.
  virtual bool continues(std::int64_t id) const = 0;
  /// Text of ids, special tokens left out.
  virtual std::string decode(const std::vector<std::int64_t>& ids) const = 0;
  /// Copies the tokenizer's files.
  virtual void save(const std::filesystem::path& folder) const = 0;
};

}  // namespace discreet::app
