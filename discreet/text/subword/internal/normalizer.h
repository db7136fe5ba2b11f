#pragma once

#include <memory>
#include <string>

#include "discreet/core/json.h"
#include "discreet/text/subword/internal/aligned.h"

namespace discreet::text::subword {

/// One step from given text to the text that is cut into tokens. Stateless, thread-safe.
class Normalizer {
 public:
  virtual ~Normalizer() = default;
  /// Changes `text`; `scratch` is overwritten.
  virtual void apply(Aligned& text, Aligned& scratch) const = 0;
};

using NormalizerPtr = std::unique_ptr<const Normalizer>;

/// Of tokenizer.json's form; null gives null. `where` is its place, for errors.
/// Throws: kBadData for an unknown kind or option.
NormalizerPtr make_normalizer(const Json& json, const std::string& where, int depth = 0);

/// SentencePiece's compiled replacements (`precompiled_charsmap`): a double array over UTF-8 and the
/// texts it points to.
class CharacterMap {
 public:
  /// Throws: kBadData if sizes do not agree or the texts are not UTF-8.
  CharacterMap(std::string bytes, const std::string& where);
  struct Found {
    std::size_t bytes = 0;  ///< of the input; 0: no replacement
    std::string_view text;
  };
  Found longest(std::string_view text) const;
  Found shortest(std::string_view text) const;

 private:
  Found find(std::string_view text, bool longest) const;
  std::string bytes_;
  std::size_t units_ = 0;
  std::size_t texts_at_ = 0;
};

}  // namespace discreet::text::subword
