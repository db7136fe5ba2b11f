#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "discreet/app/run_data.h"
#include "discreet/app/subwords.h"
#include "discreet/core/error.h"
#include "discreet/text/characters.h"
#include "discreet/text/unicode.h"

namespace discreet::app {
namespace {

// Of nn/span_model.h, which the base does not see.
constexpr std::int64_t kStarts = 1, kEnds = 2;
constexpr std::int64_t kLongestQuestion = 64;

/// Pieces of a text: subwords, or words as the tokenizer cuts them, each with its place.
std::vector<Piece> pieces_of(const Encoder& encoder, const std::string& text) {
  if (encoder.subwords) return encoder.subwords->pieces(text);
  std::vector<Piece> pieces;
  for (const text::Token& token : encoder.tokenizer->tokenize(text)) {
    pieces.push_back({encoder.vocabulary.id(token.text),
                      {static_cast<std::int64_t>(token.begin), static_cast<std::int64_t>(token.end)}});
  }
  return pieces;
}

/// Pieces of an example that a source gave as words, or as text.
std::vector<Piece> pieces_of(const Encoder& encoder, const text::Example& example, bool by_words) {
  if (encoder.subwords) {
    return by_words ? encoder.subwords->pieces_of_words(example.words)
                    : encoder.subwords->pieces(example.text);
  }
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < example.words.size(); ++i) {
    pieces.push_back({.id = encoder.vocabulary.id(example.words[i]), .word = static_cast<std::int64_t>(i)});
  }
  return pieces;
}

/// Special tokens around one text; words have none.
const Frame& single_frame(const Encoder& encoder) {
  static const Frame none;
  return encoder.subwords ? encoder.subwords->single() : none;
}

/// Around two; words have the mark before each text.
Frame pair_frame(const Encoder& encoder) {
  if (encoder.subwords) return encoder.subwords->pair();
  const std::int64_t mark = mark_id(encoder);
  return {.before = {mark}, .between = {mark}, .before_types = {0}, .between_types = {0}, .second_type = 1};
}

void append_frame(EncodedData& data, const std::vector<std::int64_t>& ids,
                  const std::vector<std::int64_t>& types, bool tagged, bool placed) {
  data.tokens.insert(data.tokens.end(), ids.begin(), ids.end());
  data.token_types.insert(data.token_types.end(), types.begin(), types.end());
  if (tagged) data.tags.insert(data.tags.end(), ids.size(), kNotTagged);
  if (placed) data.places.resize(data.places.size() + ids.size());
}

void end_example(EncodedData& data) {
  data.offsets.push_back(static_cast<std::int64_t>(data.tokens.size()));
}

/// Token types that are all 0 say nothing.
void drop_plain_types(EncodedData& data) {
  const bool plain = std::ranges::all_of(data.token_types, [](std::int64_t type) { return type == 0; });
  if (plain) data.token_types.clear();
}

/// Cuts pieces at the end so that they fit beside the special tokens, and counts what is lost.
void cut_to_length(const Encoder& encoder, std::int64_t specials, std::vector<Piece>& pieces,
                   EncodedData& data) {
  const std::int64_t longest = encoder.lengths.longest;
  if (longest == 0) return;
  const auto room = static_cast<std::size_t>(std::max<std::int64_t>(1, longest - specials));
  if (pieces.size() <= room) return;
  ++data.cut_examples;
  data.cut_tokens += static_cast<std::int64_t>(pieces.size() - room);
  pieces.resize(room);
}

// ---- the next token

std::int64_t bytes_written(const std::string& text, const std::vector<Piece>& pieces, bool cut) {
  // A cut line ends with its last piece; a whole one with its end, which is a byte too.
  if (cut) return pieces.empty() ? 0 : pieces.back().place.end;
  return static_cast<std::int64_t>(text.size()) + 1;
}

void append_next_tokens(const Encoder& encoder, std::span<const std::int64_t> ids, EncodedData& data) {
  std::int64_t before = encoder.language.end;
  for (const std::int64_t id : ids) {
    data.tokens.push_back(before);
    data.tags.push_back(id);
    before = id;
  }
  end_example(data);
}

EncodedData encode_next_tokens(const Encoder& encoder, std::vector<text::Example> examples) {
  EncodedData data;
  for (const text::Example& example : examples) {
    std::vector<Piece> pieces = pieces_of(encoder, example, false);
    const std::size_t whole = pieces.size();
    const bool ends = !encoder.language.blocks;
    cut_to_length(encoder, ends ? 1 : 0, pieces, data);
    if (encoder.subwords) data.raw_bytes += bytes_written(example.text, pieces, pieces.size() < whole);
    std::vector<std::int64_t> ids;
    for (const Piece& piece : pieces) ids.push_back(piece.id);
    if (ends) ids.push_back(encoder.language.end);
    append_next_tokens(encoder, ids, data);
  }
  data.examples = std::move(examples);
  return data;
}

// ---- blocks of subwords

struct Block {
  text::Example example;
  std::vector<std::int64_t> ids;
};

/// Pieces of consecutive lines, each user's apart, in blocks of `length`; a line's end is a line break
/// where the tokenizer writes one.
std::vector<Block> blocks_of(const Encoder& encoder, const std::vector<text::Example>& lines,
                             std::int64_t length, std::int64_t& bytes) {
  std::vector<Block> blocks;
  std::map<std::string, std::size_t> open;  // user to the block being filled
  for (const text::Example& line : lines) {
    bytes += static_cast<std::int64_t>(line.text.size()) + 1;
    const std::string text = line.text + "\n";
    std::int64_t written = 0;  // what stands between two pieces goes with the second
    for (const Piece& piece : encoder.subwords->pieces(text)) {
      const auto [place, fresh] = open.try_emplace(line.user, blocks.size());
      if (fresh || static_cast<std::int64_t>(blocks[place->second].ids.size()) >= length) {
        place->second = blocks.size();
        blocks.emplace_back();
        blocks.back().example.user = line.user;
        blocks.back().example.groups = line.groups;
        blocks.back().example.line = line.line;
      }
      Block& block = blocks[place->second];
      block.ids.push_back(piece.id);
      if (piece.place.end <= written) continue;  // a character of several pieces
      block.example.text += text.substr(static_cast<std::size_t>(written),
                                        static_cast<std::size_t>(piece.place.end - written));
      written = piece.place.end;
    }
  }
  for (Block& block : blocks) block.example.words = text::split_spaces(block.example.text);
  return blocks;
}

EncodedData encode_subword_blocks(const Encoder& encoder, const std::vector<text::Example>& lines) {
  EncodedData data;
  const bool next = encoder.task == "language-model";
  const Frame& frame = single_frame(encoder);
  const std::int64_t specials = next ? 0 : frame.size();
  const std::int64_t length = std::max<std::int64_t>(1, encoder.language.block - specials);
  for (Block& block : blocks_of(encoder, lines, length, data.raw_bytes)) {
    if (next) {
      append_next_tokens(encoder, block.ids, data);
    } else {
      append_frame(data, frame.before, frame.before_types, false, false);
      data.tokens.insert(data.tokens.end(), block.ids.begin(), block.ids.end());
      data.token_types.insert(data.token_types.end(), block.ids.size(), frame.first_type);
      append_frame(data, frame.after, frame.after_types, false, false);
      end_example(data);
    }
    data.examples.push_back(std::move(block.example));
  }
  drop_plain_types(data);
  return data;
}

// ---- answers in a text

/// Rows first .. last of `context` that hold the answer's bytes; first -1 where none does.
struct AnswerRows {
  std::int64_t first = -1, last = -1;
};

AnswerRows rows_of(const std::vector<Piece>& context, std::int64_t begin, std::int64_t end) {
  AnswerRows rows;
  for (std::size_t i = 0; i < context.size(); ++i) {
    const Place& place = context[i].place;
    if (place.end <= begin || place.begin >= end || place.end <= place.begin) continue;
    if (rows.first < 0) rows.first = static_cast<std::int64_t>(i);
    rows.last = static_cast<std::int64_t>(i);
  }
  return rows;
}

/// The first answer whose place is known.
AnswerRows gold_rows(const text::Example& example, const std::vector<Piece>& context) {
  for (std::size_t i = 0; i < example.answers.size() && i < example.answer_begins.size(); ++i) {
    const std::int64_t begin = example.answer_begins[i];
    if (begin < 0 || example.answers[i].empty()) continue;
    return rows_of(context, begin, begin + static_cast<std::int64_t>(example.answers[i].size()));
  }
  return {};
}

/// Where windows of `room` pieces begin, so that all are seen.
std::vector<std::int64_t> window_starts(std::int64_t pieces, std::int64_t room, std::int64_t stride) {
  std::vector<std::int64_t> starts{0};
  const std::int64_t step = std::max<std::int64_t>(1, room - stride);
  while (starts.back() + room < pieces) starts.push_back(starts.back() + step);
  return starts;
}

/// The window that holds the answer whole with most text around it; the one that holds its beginning,
/// where none holds it whole.
std::int64_t best_window(const std::vector<std::int64_t>& starts, std::int64_t room, AnswerRows gold) {
  std::int64_t best = starts.front(), best_margin = -1;
  for (const std::int64_t start : starts) {
    const std::int64_t margin = std::min(gold.first - start, start + room - 1 - gold.last);
    const bool begins = gold.first >= start && gold.first < start + room;
    if (margin > best_margin || (best_margin < 0 && begins)) best = start;
    best_margin = std::max(best_margin, margin);
  }
  return best;
}

struct QuestionWindow {
  const Frame& frame;
  const std::vector<Piece>& question;
  std::span<const Piece> context;
  AnswerRows gold;     ///< Rows of the window, or -1.
  bool unanswerable;  ///< Nothing answers: the first row does.
};

void append_window(const QuestionWindow& window, EncodedData& data) {
  const Frame& frame = window.frame;
  const std::size_t first = data.tokens.size();
  append_frame(data, frame.before, frame.before_types, true, true);
  for (const Piece& piece : window.question) {
    data.tokens.push_back(piece.id);
    data.token_types.push_back(frame.first_type);
    data.tags.push_back(kNotTagged);
    data.places.emplace_back();
  }
  append_frame(data, frame.between, frame.between_types, true, true);
  for (std::size_t i = 0; i < window.context.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    data.tokens.push_back(window.context[i].id);
    data.token_types.push_back(frame.second_type);
    data.tags.push_back((row == window.gold.first ? kStarts : 0) + (row == window.gold.last ? kEnds : 0));
    data.places.push_back(window.context[i].place);
  }
  append_frame(data, frame.after, frame.after_types, true, true);
  data.tags[first] = window.unanswerable ? kStarts + kEnds : 0;
  end_example(data);
}

EncodedData encode_questions(const Encoder& encoder, std::vector<text::Example> examples,
                             EncodeFor purpose) {
  EncodedData data;
  const Frame frame = pair_frame(encoder);
  const bool training = purpose == EncodeFor::kTraining;
  for (std::size_t e = 0; e < examples.size(); ++e) {
    const text::Example& example = examples[e];
    std::vector<Piece> question = pieces_of(encoder, example.question);
    const std::vector<Piece> context = pieces_of(encoder, example.text);
    if (question.size() > kLongestQuestion) {
      ++data.cut_examples;
      data.cut_tokens += static_cast<std::int64_t>(question.size()) - kLongestQuestion;
      question.resize(kLongestQuestion);
    }
    const AnswerRows gold = gold_rows(example, context);
    const bool unanswerable = example.answers.empty();
    if (training && !unanswerable && gold.first < 0) {
      throw bad_data(fmt::format("line {}: the answer '{}' is not in the text of the question '{}'",
                                 example.line, example.answers.front(), example.question),
                     "Training data name answers as they are written in the text.");
    }
    const std::int64_t room = std::max<std::int64_t>(
        1, encoder.lengths.longest - frame.size() - static_cast<std::int64_t>(question.size()));
    std::vector<std::int64_t> starts =
        window_starts(static_cast<std::int64_t>(context.size()), room, encoder.lengths.stride);
    if (training) starts = {unanswerable ? starts.front() : best_window(starts, room, gold)};
    for (const std::int64_t start : starts) {
      const std::int64_t end = std::min(start + room, static_cast<std::int64_t>(context.size()));
      AnswerRows inside{gold.first - start, std::min(gold.last, end - 1) - start};
      const bool whole = gold.first >= start && gold.last < end;
      if (gold.first < start || gold.first >= end || (!training && !whole)) inside = {};
      append_window({frame, question, std::span(context).subspan(start, end - start), inside, unanswerable},
                    data);
      data.owners.push_back(static_cast<std::int64_t>(e));
    }
  }
  if (training) data.owners.clear();  // one window each
  drop_plain_types(data);
  data.examples = std::move(examples);
  return data;
}

// ---- a text for a text

std::vector<std::int64_t> ids_of(const std::vector<Piece>& pieces, const Frame& frame) {
  std::vector<std::int64_t> ids = frame.before;
  for (const Piece& piece : pieces) ids.push_back(piece.id);
  ids.insert(ids.end(), frame.after.begin(), frame.after.end());
  return ids;
}

/// Rows as nn/streams.h has them: the source's tokens, then what the decoder reads, each with what comes
/// next. Of several targets the first is scored.
EncodedData encode_pairs(const Encoder& encoder, std::vector<text::Example> examples) {
  EncodedData data;
  const std::int64_t end = mark_id(encoder);
  Frame frame = single_frame(encoder);
  if (frame.after.empty()) frame.after = {end};
  const auto cut = [&](std::vector<Piece>& pieces) { cut_to_length(encoder, frame.size(), pieces, data); };
  for (const text::Example& example : examples) {
    std::vector<Piece> source = pieces_of(encoder, example, example.text.empty());
    cut(source);
    for (const std::int64_t id : ids_of(source, frame)) {
      data.tokens.push_back(id);
      data.tags.push_back(kNotTagged);
    }
    std::int64_t before = encoder.decoder_start;
    std::vector<Piece> target;
    if (!example.answers.empty()) target = pieces_of(encoder, example.answers.front());
    cut(target);
    for (const std::int64_t id : ids_of(target, frame)) {
      data.tokens.push_back(before);
      // Without a target there is nothing to score, and a loss would say nothing.
      data.tags.push_back(example.answers.empty() ? -1 : id);
      before = id;
    }
    end_example(data);
  }
  data.examples = std::move(examples);
  return data;
}

// ---- labels and tags

void append_tagged(const Encoder& encoder, const text::Example& example, const std::vector<Piece>& pieces,
                   EncodedData& data) {
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (!pieces[i].begins_word) {
      data.tags.push_back(kNotTagged);
    } else if (example.tags.empty()) {
      data.tags.push_back(-1);
    } else {
      data.tags.push_back(encoder.tags.find(example.tags[pieces[i].word]));
    }
  }
}

void append_words(const Encoder& encoder, const text::Example& example, EncodedData& data) {
  const bool tagged = encoder.tags.size() > 0;
  const Frame& frame = single_frame(encoder);
  std::vector<Piece> pieces = pieces_of(encoder, example, tagged || example.text.empty());
  cut_to_length(encoder, frame.size(), pieces, data);
  append_frame(data, frame.before, frame.before_types, tagged, false);
  for (const Piece& piece : pieces) {
    data.tokens.push_back(piece.id);
    if (!encoder.characters) continue;
    text::append_characters(example.words[piece.word], data.characters);
    data.character_offsets.push_back(static_cast<std::int64_t>(data.characters.size()));
  }
  if (encoder.subwords) {
    data.token_types.insert(data.token_types.end(), pieces.size(), frame.first_type);
  }
  if (tagged) append_tagged(encoder, example, pieces, data);
  append_frame(data, frame.after, frame.after_types, tagged, false);
  end_example(data);
}

}  // namespace

EncodedData encode(const Encoder& encoder, std::vector<text::Example> examples, EncodeFor purpose) {
  if (encoder.subwords && encoder.language.blocks) return encode_subword_blocks(encoder, examples);
  if (encoder.task == "language-model") return encode_next_tokens(encoder, std::move(examples));
  if (encoder.task == "span-qa") return encode_questions(encoder, std::move(examples), purpose);
  if (encoder.task == "seq2seq") return encode_pairs(encoder, std::move(examples));
  EncodedData data;
  if (encoder.characters) data.character_offsets.push_back(0);
  for (const text::Example& example : examples) {
    append_words(encoder, example, data);
    if (encoder.intents.size() > 0) data.intents.push_back(encoder.intents.find(example.label));
  }
  drop_plain_types(data);
  data.examples = std::move(examples);
  return data;
}

std::string cut_note(const EncodedData& data, const std::string& which) {
  if (data.cut_examples == 0) return {};
  return fmt::format("{} of {} {} examples were cut: they lost {} tokens at their ends.", data.cut_examples,
                     data.examples.size(), which, data.cut_tokens);
}

std::vector<std::int64_t> word_rows(const Encoder& encoder, const EncodedData& data, std::int64_t i) {
  std::vector<std::int64_t> rows;
  const std::int64_t begin = data.offsets[i], end = data.offsets[i + 1];
  for (std::int64_t n = begin; n < end; ++n) {
    if (data.tags.empty() || data.tags[n] != kNotTagged) rows.push_back(n);
  }
  const std::size_t words = data.examples[i].words.size();
  if (!encoder.subwords || rows.size() == words) {
    rows.resize(words, -1);
    return rows;
  }
  // A word may have no piece at all: which ones have is asked again.
  std::vector<std::int64_t> by_word(words, -1);
  std::size_t next = 0;
  for (const Piece& piece : encoder.subwords->pieces_of_words(data.examples[i].words)) {
    if (piece.begins_word && next < rows.size()) by_word[piece.word] = rows[next++];
  }
  return by_word;
}

}  // namespace discreet::app
