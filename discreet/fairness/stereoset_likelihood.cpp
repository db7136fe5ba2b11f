#include "discreet/fairness/stereoset_likelihood.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/fairness/pair_likelihood.h"

namespace discreet::fairness {
namespace {

constexpr std::string_view kBlank = "BLANK";

std::vector<std::string> split_spaces(const std::string& text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (c == ' ') words.emplace_back();
    else words.back().push_back(c);
  }
  return words;
}

using Spans = std::vector<std::pair<std::int64_t, std::int64_t>>;

/// The context with a word for each BLANK, and where the words stand.
std::pair<std::string, Spans> filled(const std::string& context, const std::string& word) {
  std::string text;
  Spans spans;
  for (std::size_t at = 0;;) {
    const std::size_t found = context.find(kBlank, at);
    text += context.substr(at, found == std::string::npos ? found : found - at);
    if (found == std::string::npos) return {text, spans};
    spans.emplace_back(text.size(), text.size() + word.size());
    text += word;
    at = found + kBlank.size();
  }
}

/// The texts that a masked model is asked for one sentence: for each piece of the word one.
void append_fillings(const StereoSentence& sentence, const TextCoder& coder, std::vector<AskedText>& texts) {
  const auto [text, spans] = filled(sentence.context, filled_word(sentence));
  const CodedText coded = coder.code(text);
  std::vector<std::pair<std::size_t, std::size_t>> words;  // their tokens
  std::size_t most = 0;
  for (const auto& [begin, end] : spans) {
    words.push_back(coded.tokens_of(begin, end));
    most = std::max(most, words.back().second - words.back().first);
  }
  if (most == 0) throw bad_data("'" + sentence.sentence + "': the tokenizer drops the word that fills the blank");
  for (std::size_t piece = 0; piece < most; ++piece) {
    AskedText asked;
    const auto keep = [&](std::size_t i, std::int64_t id) {
      asked.tokens.push_back(id);
      asked.types.push_back(coded.types[i]);
    };
    for (std::size_t i = 0; i < coded.size(); ++i) {
      const auto word = std::find_if(words.begin(), words.end(), [&](const auto& w) { return i >= w.first && i < w.second; });
      const std::size_t place = word == words.end() ? 0 : i - word->first;
      if (word == words.end() || place < piece) {
        keep(i, coded.ids[i]);
      } else if (place == piece) {
        asked.rows.push_back(static_cast<std::int64_t>(asked.tokens.size()));
        asked.ids.push_back(coded.ids[i]);
        keep(i, coder.mask());
      }
    }
    texts.push_back(std::move(asked));
  }
}

/// P(first | mark), then the later tokens without the mark.
void append_beginning(const StereoSentence& sentence, const TextCoder& coder, std::vector<AskedText>& texts) {
  const AskedText whole = causal_text(coder.code(sentence.sentence), coder.start());
  if (whole.ids.empty()) throw bad_data("'" + sentence.sentence + "' has no token");
  texts.push_back({{coder.start()}, {}, {0}, {whole.ids.front()}});
  AskedText rest;
  for (std::size_t i = 0; i + 1 < whole.ids.size(); ++i) {
    rest.tokens.push_back(whole.ids[i]);
    rest.rows.push_back(static_cast<std::int64_t>(i));
    rest.ids.push_back(whole.ids[i + 1]);
  }
  texts.push_back(std::move(rest));
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

/// Context and sentence in one line, and where the sentence begins.
std::pair<std::string, std::int64_t> joined(const StereoSentence& sentence) {
  const std::string before = sentence.context + " ";
  return {before + sentence.sentence, static_cast<std::int64_t>(before.size())};
}

void need_start(const TokenModel& model, const TextCoder& coder) {
  if (!model.causal()) throw internal_error("a causal model was expected");
  if (coder.start() < 0) {
    throw usage_error("the tokenizer names no token that a text begins with",
                      "Add bos_token or eos_token to tokenizer_config.json.");
  }
}

void need_mask(const TextCoder& coder) {
  if (coder.mask() < 0) {
    throw usage_error("the tokenizer names no mask", "Add mask_token to tokenizer_config.json.");
  }
}

}  // namespace

std::string filled_word(const StereoSentence& sentence) {
  const std::vector<std::string> context = split_spaces(sentence.context);
  const std::vector<std::string> words = split_spaces(sentence.sentence);
  std::size_t place = context.size();
  for (std::size_t i = 0; i < context.size(); ++i) {
    if (context[i].find(kBlank) != std::string::npos) place = i;
  }
  if (place == context.size()) {
    throw bad_data("'" + sentence.context + "' has no BLANK", "An intrasentence context says BLANK where the word goes.");
  }
  if (place >= words.size()) {
    throw bad_data(fmt::format("'{}' ends before word {}, where '{}' has its BLANK", sentence.sentence, place + 1, sentence.context));
  }
  std::string word;
  for (const char c : words[place]) {
    if (std::ispunct(static_cast<unsigned char>(c)) == 0 || static_cast<unsigned char>(c) > 127) word.push_back(c);
  }
  if (word.empty()) throw bad_data("'" + sentence.sentence + "' has no word where '" + sentence.context + "' has its BLANK");
  return word;
}

std::vector<double> fill_scores(TokenModel& model, const TextCoder& coder,
                                std::span<const StereoSentence> sentences, const AskOptions& options) {
  if (model.causal()) need_start(model, coder);
  else need_mask(coder);
  std::vector<AskedText> texts;
  std::vector<std::size_t> ends;
  for (const StereoSentence& sentence : sentences) {
    if (model.causal()) append_beginning(sentence, coder, texts);
    else append_fillings(sentence, coder, texts);
    ends.push_back(texts.size());
  }
  const auto answers = log_probs(model, texts, options);
  std::vector<double> scores;
  for (std::size_t i = 0, first = 0; i < ends.size(); first = ends[i++]) {
    std::vector<double> values;
    for (std::size_t t = first; t < ends[i]; ++t) {
      for (const double log_prob : answers[t]) values.push_back(model.causal() ? log_prob : std::exp(log_prob));
    }
    scores.push_back(model.causal() ? std::exp(mean_of(values)) : mean_of(values));
  }
  return scores;
}

std::vector<double> follow_ratios(TokenModel& model, const TextCoder& coder,
                                  std::span<const StereoSentence> sentences, const AskOptions& options) {
  need_start(model, coder);
  std::vector<AskedText> texts;
  for (const StereoSentence& sentence : sentences) {
    const auto [text, begin] = joined(sentence);
    const CodedText coded = coder.code(text);
    const std::size_t first = coded.tokens_of(begin, static_cast<std::int64_t>(text.size())).first;
    texts.push_back(causal_text(coded, coder.start(), first));
    texts.push_back(causal_text(coder.code(sentence.sentence), coder.start()));
    if (texts.back().ids.empty()) throw bad_data("'" + sentence.sentence + "' has no token");
  }
  const auto answers = log_probs(model, texts, options);
  std::vector<double> scores;
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    scores.push_back(std::exp(mean_of(answers[2 * i]) - mean_of(answers[2 * i + 1])));
  }
  return scores;
}

std::vector<double> follow_pseudo_scores(TokenModel& model, const TextCoder& coder,
                                         std::span<const StereoSentence> sentences, const AskOptions& options) {
  need_mask(coder);
  std::vector<AskedText> texts;
  std::vector<std::size_t> ends;
  for (const StereoSentence& sentence : sentences) {
    const CodedText coded = coder.code_pair(sentence.context, sentence.sentence);
    std::vector<std::int64_t> places;
    for (std::size_t i = 0; i < coded.size(); ++i) {
      if (coded.texts[i] == 1) places.push_back(static_cast<std::int64_t>(i));
    }
    if (places.empty()) throw bad_data("'" + sentence.sentence + "' has no token");
    append_hidden(coded, places, coder.mask(), texts);
    ends.push_back(texts.size());
  }
  const auto answers = log_probs(model, texts, options);
  std::vector<double> scores;
  for (std::size_t i = 0, first = 0; i < ends.size(); first = ends[i++]) {
    double sum = 0;
    for (std::size_t t = first; t < ends[i]; ++t) sum += answers[t].front();
    scores.push_back(std::exp(sum / static_cast<double>(ends[i] - first)));
  }
  return scores;
}

std::vector<double> next_sentence_scores(nn::Model& model, const TextCoder& coder,
                                         std::span<const StereoSentence> sentences, std::int64_t longest,
                                         std::int64_t batch_tokens) {
  const at::NoGradGuard no_gradients;
  std::vector<double> scores;
  std::vector<AskedText> waiting;
  std::int64_t tokens = 0;
  const at::Device device = model.parameters().front().device();
  const auto flush = [&] {
    if (waiting.empty()) return;
    const at::Tensor logits = model.forward(pack(waiting, device)).intent_logits.to(at::kCPU, at::kDouble);
    if (logits.dim() != 2 || logits.size(1) != 2) throw internal_error("a next-sentence head has two classes");
    const at::Tensor follows = logits.softmax(1).select(1, 0).contiguous();
    scores.insert(scores.end(), follows.data_ptr<double>(), follows.data_ptr<double>() + follows.numel());
    waiting.clear();
    tokens = 0;
  };
  for (const StereoSentence& sentence : sentences) {
    const CodedText coded = coder.code_pair(sentence.context, sentence.sentence);
    const auto length = static_cast<std::int64_t>(coded.size());
    if (length > longest) {
      throw bad_data(fmt::format("'{}' and its context have {} tokens, the model reads {} at most", sentence.sentence, length, longest));
    }
    if (tokens + length > batch_tokens) flush();
    waiting.push_back({coded.ids, coded.types, {}, {}});
    tokens += length;
  }
  flush();
  return scores;
}

}  // namespace discreet::fairness
