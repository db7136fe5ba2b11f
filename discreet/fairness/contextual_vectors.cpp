#include "discreet/fairness/contextual_vectors.h"

#include "discreet/core/error.h"

namespace discreet::fairness {
namespace {

struct RowRange {
  std::size_t first, last;  // tokens of the text
};

/// The mean of each range's rows, in the order of the texts.
stats::WordSet pooled_rows(TokenModel& model, const std::vector<AskedText>& texts, const std::vector<RowRange>& ranges,
                           const VectorOptions& options) {
  stats::WordSet set;
  for_each_batch(model, texts, options.batch_tokens, [&](const nn::PackedBatch& batch, std::size_t first, std::size_t last) {
    const at::Tensor rows = model.hidden(batch, options.layer).to(at::kCPU, at::kFloat).contiguous();
    const auto width = static_cast<std::size_t>(rows.size(1));
    set.dimension = width;
    const float* values = rows.const_data_ptr<float>();
    for (std::size_t t = first; t < last; ++t) {
      const auto offset = static_cast<std::size_t>(batch.offsets[t - first]);
      const RowRange& range = ranges[t];
      const std::size_t begin = set.values.size();
      set.values.resize(begin + width, 0.0F);
      const float weight = 1.0F / static_cast<float>(range.last - range.first);
      for (std::size_t i = range.first; i < range.last; ++i) {
        const float* row = values + (offset + i) * width;
        for (std::size_t k = 0; k < width; ++k) set.values[begin + k] += weight * row[k];
      }
    }
    if (options.progress && !options.progress(last)) {
      throw Error(ErrorCode::kInterrupted, "interrupted", "Nothing was written.");
    }
  });
  return set;
}

RowRange chosen(RowRange range, VectorPooling pooling) {
  if (pooling == VectorPooling::kLast) return {range.last - 1, range.last};
  if (pooling == VectorPooling::kFirst) return {range.first, range.first + 1};
  return range;
}

/// A causal model reads its mark of beginning first, where it has one.
AskedText model_text(const TokenModel& model, const TextCoder& coder, const CodedText& coded, std::size_t& shift) {
  AskedText text{coded.ids, coded.types, {}, {}};
  shift = 0;
  if (model.causal() && coder.start() >= 0 && (coded.ids.empty() || coded.ids.front() != coder.start())) {
    text.tokens.insert(text.tokens.begin(), coder.start());
    text.types.insert(text.types.begin(), 0);
    shift = 1;
  }
  return text;
}

}  // namespace

stats::WordSet word_vectors(TokenModel& model, const TextCoder& coder, std::span<const PlacedWord> words,
                            const VectorOptions& options, std::vector<std::size_t>* cut) {
  std::vector<AskedText> texts;
  std::vector<RowRange> ranges;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const CodedText coded = coder.code(words[i].text);
    const auto [first, last] = coded.tokens_of(words[i].begin, words[i].end);
    std::size_t shift = 0;
    AskedText text = model_text(model, coder, coded, shift);
    if (first == last || static_cast<std::int64_t>(text.tokens.size()) > model.longest()) {
      if (cut != nullptr) cut->push_back(i);
      continue;
    }
    texts.push_back(std::move(text));
    ranges.push_back(chosen({first + shift, last + shift}, options.pooling));
  }
  return pooled_rows(model, texts, ranges, options);
}

stats::WordSet sentence_vectors(TokenModel& model, const TextCoder& coder, std::span<const std::string> texts,
                                const VectorOptions& options) {
  std::vector<AskedText> read;
  std::vector<RowRange> ranges;
  for (const std::string& text : texts) {
    const CodedText coded = coder.code(text);
    if (coded.size() == 0) throw bad_data("'" + text + "' has no token");
    std::size_t shift = 0;
    read.push_back(model_text(model, coder, coded, shift));
    ranges.push_back(chosen({0, read.back().tokens.size()}, options.pooling));
  }
  return pooled_rows(model, read, ranges, options);
}

}  // namespace discreet::fairness
