#include "discreet/app/ops/internal/bench_shapes.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "discreet/core/lines.h"
#include "discreet/core/random.h"
#include "discreet/text/characters.h"
#include "discreet/text/corpus.h"

namespace discreet::app {
namespace {

std::vector<std::int64_t> equal_lengths(std::int64_t examples, std::int64_t tokens) {
  return std::vector<std::int64_t>(static_cast<std::size_t>(examples), tokens);
}

BenchShape transformer_shape(const std::string& name, std::int64_t vocabulary,
                             std::vector<std::int64_t> lengths) {
  BenchShape shape{
      .name = name, .spec = {}, .vocabulary = vocabulary, .lengths = std::move(lengths)};
  shape.spec.kind = "transformer";
  shape.spec.embedding = 256;
  shape.spec.hidden = {256};
  shape.spec.layers = 4;
  shape.spec.heads = 4;
  shape.spec.feed_forward = 1024;
  return shape;
}

BenchShape causal_shape(const std::string& name, bool tied) {
  BenchShape shape = transformer_shape(name, 8192, equal_lengths(16, 64));
  shape.spec.kind = "gpt";
  shape.spec.tied = tied;
  shape.next_token = true;
  return shape;
}

BenchShape bilstm_shape() {
  BenchShape shape{
      .name = "bilstm", .spec = {}, .vocabulary = 5000, .lengths = equal_lengths(64, 32)};
  shape.spec.kind = "bilstm";
  shape.spec.embedding = 128;
  shape.spec.hidden = {128};
  return shape;
}

BenchShape bag_shape() {
  BenchShape shape{
      .name = "bag-of-words", .spec = {}, .vocabulary = 5000, .lengths = equal_lengths(256, 32)};
  shape.spec.kind = "bow";
  shape.spec.embedding = 128;
  shape.spec.hidden = {512, 512};
  return shape;
}

/// Words with characters, intents and tags: the shape of the recipes, at the size of "bilstm".
BenchShape bilstm_cnn_crf_shape() {
  BenchShape shape{.name = "bilstm-cnn-crf",
                   .spec = {},
                   .vocabulary = 5000,
                   .lengths = equal_lengths(64, 32),
                   .tags = 40,
                   .characters = true};
  shape.spec.kind = "bilstm-cnn-crf";
  shape.spec.embedding = 128;
  shape.spec.hidden = {128};
  return shape;
}

/// Lengths of the first utterances of SNIPS, or of the built-in corpus where it is not at hand.
std::vector<std::int64_t> utterance_lengths(const std::string& data, std::size_t count) {
  std::vector<std::int64_t> lengths;
  std::ifstream file(std::filesystem::path(data) / "snips" / "train" / "seq.in");
  for (std::string line; !data.empty() && lengths.size() < count && std::getline(file, line);) {
    std::istringstream words(line);
    lengths.push_back(std::distance(std::istream_iterator<std::string>(words), {}));
  }
  if (!lengths.empty()) return lengths;
  const auto reader = text::make_corpus_reader({.lines = static_cast<std::int64_t>(count)});
  text::Example example;
  while (reader->next(example)) lengths.push_back(static_cast<std::int64_t>(example.words.size()));
  return lengths;
}

/// Words of the first posts of 20 newsgroups, 254 and two marks at most; without them lengths spread like
/// theirs: exp(5 + 1.1 z), z from -2 to 2.
std::vector<std::int64_t> post_lengths(const std::string& data, std::size_t count) {
  constexpr std::int64_t kLongest = 256;
  std::vector<std::int64_t> lengths;
  const auto file = std::filesystem::path(data) / "20newsgroups" / "bydate-train.jsonl.gz";
  if (!data.empty() && std::filesystem::exists(file)) {
    core::LineReader lines(file);
    for (std::string line; lengths.size() < count && lines.next(line);) {
      std::istringstream words(core::parse_json(line, lines.where())["text"].get<std::string>());
      lengths.push_back(std::distance(std::istream_iterator<std::string>(words), {}) + 2);
    }
  }
  for (std::size_t i = lengths.size(); i < count; ++i) {
    const double z = -2 + 4 * (static_cast<double>(i) + 0.5) / static_cast<double>(count);
    lengths.push_back(static_cast<std::int64_t>(std::exp(5 + 1.1 * z)));
  }
  for (std::int64_t& length : lengths) length = std::min(length, kLongest);
  return lengths;
}

/// BERT's form: norms behind the parts of each block; two marks around each text.
BenchShape bert_shape(const std::string& name, bool mini, std::vector<std::int64_t> lengths) {
  BenchShape shape = transformer_shape(name, 30522, std::move(lengths));
  shape.spec.pre_norm = false;
  shape.spec.embedding = mini ? 384 : 128;
  shape.spec.hidden = {shape.spec.embedding};
  shape.spec.layers = mini ? 6 : 2;
  shape.spec.heads = mini ? 12 : 2;
  shape.spec.feed_forward = 4 * shape.spec.embedding;
  return shape;
}

std::vector<std::int64_t> with_marks(std::vector<std::int64_t> lengths) {
  for (std::int64_t& length : lengths) length += 2;
  return lengths;
}

}  // namespace

std::vector<BenchShape> bench_shapes(const std::string& data) {
  return {transformer_shape("transformer-t32", 2000, equal_lengths(32, 32)),
          bilstm_shape(),
          bilstm_cnn_crf_shape(),
          bag_shape(),
          transformer_shape("transformer-utterances", 2000, utterance_lengths(data, 64)),
          transformer_shape("transformer-t256", 2000, equal_lengths(4, 256)),
          transformer_shape("transformer-v30522", 30522, equal_lengths(16, 32)),
          causal_shape("causal-lm", false),
          causal_shape("causal-lm-tied", true),
          bert_shape("bert-tiny-utterances", false, with_marks(utterance_lengths(data, 64))),
          bert_shape("minilm-utterances", true, with_marks(utterance_lengths(data, 64))),
          bert_shape("bert-tiny-posts", false, post_lengths(data, 16)),
          bert_shape("minilm-posts", true, post_lengths(data, 16))};
}

BenchShape with_examples(BenchShape shape, std::int64_t examples) {
  const std::vector<std::int64_t> given = std::move(shape.lengths);
  shape.lengths.clear();
  for (std::size_t i = 0; i < static_cast<std::size_t>(examples); ++i) {
    shape.lengths.push_back(given[i % given.size()]);
  }
  return shape;
}

std::shared_ptr<nn::Model> bench_model(const BenchShape& shape) {
  core::ReproducibleRng rng(1, "bench/" + shape.name);
  const nn::ModelSizes sizes{.vocabulary = shape.vocabulary,
                             .intents = shape.next_token ? 0 : shape.classes,
                             .tags = shape.tags,
                             .characters = shape.characters ? text::kCharacterIds : 0,
                             .next_token = shape.next_token};
  auto model = nn::make_model(shape.spec, sizes, {}, rng);
  model->train();
  return model;
}

nn::EncodedExamples bench_examples(const BenchShape& shape) {
  core::ReproducibleRng rng(2, "bench/" + shape.name);
  const auto below = [&rng](std::int64_t bound) {
    return static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(bound)));
  };
  nn::EncodedExamples data;
  if (shape.characters) data.character_offsets.push_back(0);
  for (const std::int64_t length : shape.lengths) {
    for (std::int64_t t = 0; t < length; ++t) {
      data.tokens.push_back(below(shape.vocabulary));
      if (shape.tags > 0) data.tags.push_back(below(shape.tags));
      if (shape.next_token) data.tags.push_back(below(shape.vocabulary));
      if (!shape.characters) continue;
      std::string word;
      for (std::int64_t i = 2 + below(9); i > 0; --i) word += static_cast<char>('a' + below(26));
      text::append_characters(word, data.characters);
      data.character_offsets.push_back(static_cast<std::int64_t>(data.characters.size()));
    }
    data.offsets.push_back(static_cast<std::int64_t>(data.tokens.size()));
    data.intents.push_back(below(shape.classes));
  }
  return data;
}

Json describe(const BenchShape& shape) {
  return {{"name", shape.name},
          {"kind", shape.spec.kind},
          {"embedding", shape.spec.embedding},
          {"hidden", shape.spec.hidden},
          {"layers", shape.spec.layers},
          {"heads", shape.spec.heads},
          {"feed_forward", shape.spec.feed_forward},
          {"pre_norm", shape.spec.pre_norm},
          {"vocabulary", shape.vocabulary},
          {"classes", shape.classes},
          {"tags", shape.tags},
          {"characters", shape.characters},
          {"next_token", shape.next_token},
          {"tied", shape.next_token && shape.spec.tied},
          {"lengths", shape.lengths}};
}

}  // namespace discreet::app
