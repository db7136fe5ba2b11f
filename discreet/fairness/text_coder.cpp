#include "discreet/fairness/text_coder.h"

#include <algorithm>

#include "discreet/core/error.h"

namespace discreet::fairness {

std::pair<std::size_t, std::size_t> CodedText::tokens_of(std::int64_t begin, std::int64_t end,
                                                         std::int32_t text) const {
  std::size_t first = 0, last = 0;
  for (std::size_t i = 0; i < size(); ++i) {
    if (texts[i] != text || places[i].second <= begin || places[i].first >= end) continue;
    if (first == last) first = i;
    last = i + 1;
  }
  return {first, last};
}

SubwordCoder::SubwordCoder(text::SubwordTokenizer tokenizer, bool framed, std::int64_t start)
    : tokenizer_(std::move(tokenizer)), framed_(framed), start_(start) {
  if (start_ >= 0) return;
  const text::SpecialTokens& tokens = tokenizer_.special_tokens();
  if (tokens.bos) start_ = *tokens.bos;
  else if (tokens.eos) start_ = *tokens.eos;
  else start_ = tokenizer_.id_of("<|endoftext|>").value_or(-1);  // GPT-2's bare files name no roles
}

SubwordCoder SubwordCoder::load(const std::filesystem::path& folder) {
  return SubwordCoder(text::SubwordTokenizer::load(folder));
}

CodedText SubwordCoder::coded(const text::SubwordEncoding& encoding, std::size_t first_tokens) const {
  CodedText coded;
  std::size_t own = 0;
  for (std::size_t i = 0; i < encoding.size(); ++i) {
    const bool special = encoding.special[i] != 0;
    coded.ids.push_back(encoding.ids[i]);
    coded.types.push_back(encoding.type_ids[i]);
    coded.places.emplace_back(special ? -1 : encoding.offsets[i].first, special ? -1 : encoding.offsets[i].second);
    coded.texts.push_back(special ? -1 : own < first_tokens ? 0 : 1);
    own += special ? 0 : 1;
  }
  return coded;
}

CodedText SubwordCoder::code(std::string_view text) const {
  const auto encoding =
      tokenizer_.encode(text, {.special_tokens = framed_, .offsets = text::OffsetUnit::kBytes});
  return coded(encoding, encoding.size());
}

CodedText SubwordCoder::code_pair(std::string_view first, std::string_view second) const {
  const auto alone = tokenizer_.encode(first, {.special_tokens = false});
  return coded(tokenizer_.encode_pair(first, second,
                                      {.special_tokens = framed_, .offsets = text::OffsetUnit::kBytes}),
               alone.size());
}

}  // namespace discreet::fairness
