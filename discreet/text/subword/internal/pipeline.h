#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "discreet/text/subword/internal/added_tokens.h"
#include "discreet/text/subword/internal/decoder.h"
#include "discreet/text/subword/internal/model.h"
#include "discreet/text/subword/internal/normalizer.h"
#include "discreet/text/subword/internal/post_processor.h"
#include "discreet/text/subword/internal/pre_tokenizer.h"
#include "discreet/text/subword/subword_tokenizer.h"

namespace discreet::text::subword {

/// What a tokeniser's files come down to.
struct Parts {
  std::vector<AddedToken> added;
  NormalizerPtr normalizer;
  PreTokenizerPtr pre_tokenizer;
  ModelPtr model;
  PostProcessor post_processor;
  DecoderPtr decoder;
  SpecialTokens special;
  /// Parts' text must know where it came from even if nobody asks for offsets.
  bool needs_origins = false;
};

/// Of a tokenizer.json. Throws: kBadData.
Parts parts_from_json(const std::string& text, const std::string& origin);
/// Of a folder or file, as SubwordTokenizer::load says.
Parts load_parts(const std::filesystem::path& path);

/// Tokens of one text before the post-processor.
struct Sequence {
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> words;
  std::vector<Span> offsets;
  std::vector<std::string> tokens;
  void clear();
};

/// What one call of encode works with; kept for the next one.
struct Scratch {
  Splits splits;
  Aligned part, other_part;
  std::vector<TextPart> plain_parts, normal_parts;
  std::vector<ModelToken> tokens;
  Sequence first, second;
  /// Pieces met before and their tokens.
  StringMap cache;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> cached_ranges;
  std::vector<ModelToken> cached_tokens;
};

/// Scratch spaces that no call uses at the moment.
class ScratchPool {
 public:
  std::unique_ptr<Scratch> take();
  void give_back(std::unique_ptr<Scratch> scratch);

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Scratch>> free_;
};

}  // namespace discreet::text::subword
