#include "discreet/app/ops/internal/text_writer.h"

#include <algorithm>

#include "discreet/app/ops/run_model.h"
#include "discreet/app/subwords.h"
#include "discreet/core/error.h"
#include "discreet/nn/decoder.h"
#include "discreet/nn/pretrained/model.h"
#include "discreet/nn/sequence_decoder.h"
#include "discreet/text/join_words.h"

namespace discreet::app {
namespace {

/// Tokens as a person would write them, as far as they tell: characters end to end, words apart; without
/// the end mark and special tokens.
std::string joined(const Encoder& encoder, std::span<const std::int64_t> ids) {
  if (encoder.subwords) return encoder.subwords->decode({ids.begin(), ids.end()});
  std::vector<std::string> words;
  for (const std::int64_t id : ids) {
    if (id != mark_id(encoder)) words.push_back(encoder.vocabulary.word(id));
  }
  if (encoder.tokenizer->config().value("tokenizer", "") != "character") return text::join_words(words);
  std::string text;
  for (const std::string& character : words) text += character;
  return text;
}

/// Ids of a prompt's text in the way of the run, without special tokens.
std::vector<std::int64_t> text_ids(const Encoder& encoder, const std::string& text) {
  std::vector<std::int64_t> ids;
  if (encoder.subwords) {
    for (const Piece& piece : encoder.subwords->pieces(text)) ids.push_back(piece.id);
    return ids;
  }
  for (const std::string& word : encoder.tokenizer->words(text)) ids.push_back(encoder.vocabulary.id(word));
  return ids;
}

constexpr std::int64_t kSourcesPerBatch = 64;

/// The rows of example i that are its source.
std::vector<std::int64_t> source_ids(const EncodedData& data, std::int64_t i) {
  std::vector<std::int64_t> ids;
  for (std::int64_t n = data.offsets[i]; n < data.offsets[i + 1] && data.tags[n] == kNotTagged; ++n) {
    ids.push_back(data.tokens[n]);
  }
  return ids;
}

text::GenerationOptions pair_options(const Encoder& encoder) {
  text::GenerationOptions options;
  options.max_new_tokens = 128;
  options.end = {mark_id(encoder)};
  return options;
}

/// Tokens that a row of a language model's run may have.
std::int64_t longest_of(const RunModel& run) {
  const auto* model = dynamic_cast<const nn::PretrainedModel*>(run.model.get());
  if (model != nullptr) return model->source().form.longest;
  return run.encoder.lengths.longest > 0 ? run.encoder.lengths.longest : run.settings.model.longest;
}

/// A run of task language-model.
class LanguageRunWriter final : public TextWriter {
 public:
  explicit LanguageRunWriter(RunModel run)
      : run_(std::move(run)),
        model_(run_.model, {table_entries(run_.encoder), longest_of(run_)}) {}

  text::GenerationOptions defaults() const override {
    text::GenerationOptions options;
    options.max_new_tokens = 64;
    // Blocks are cut anywhere: a model of them never learnt to end, so it must not.
    auto& marks = run_.encoder.language.blocks ? options.suppressed : options.end;
    marks = {run_.encoder.language.end};
    return options;
  }
  std::vector<std::int64_t> encode(const std::string& prompt) const override {
    std::vector<std::int64_t> ids = text_ids(run_.encoder, prompt);
    ids.insert(ids.begin(), run_.encoder.language.end);
    return ids;
  }
  std::string decode(std::span<const std::int64_t> ids) const override { return joined(run_.encoder, ids); }
  std::vector<std::vector<text::GeneratedText>> write(std::span<const std::vector<std::int64_t>> prompts,
                                                      const text::GenerationOptions& options,
                                                      const text::OnToken& on_token) override {
    return text::generate(model_, prompts, options, on_token);
  }

 private:
  RunModel run_;
  nn::CachedDecoder model_;
};

/// A run of task seq2seq.
class PairRunWriter final : public TextWriter {
 public:
  explicit PairRunWriter(RunModel run)
      : run_(std::move(run)), model_(std::dynamic_pointer_cast<nn::EncoderDecoder>(run_.model)) {}

  text::GenerationOptions defaults() const override { return pair_options(run_.encoder); }
  std::vector<std::int64_t> encode(const std::string& prompt) const override {
    text::Example example{.text = prompt};
    text::tokenize_example(*run_.encoder.tokenizer, example);
    return source_ids(app::encode(run_.encoder, {example}), 0);
  }
  std::string decode(std::span<const std::int64_t> ids) const override { return joined(run_.encoder, ids); }
  std::vector<std::vector<text::GeneratedText>> write(std::span<const std::vector<std::int64_t>> prompts,
                                                      const text::GenerationOptions& options,
                                                      const text::OnToken& on_token) override {
    refuse_self_debias(options);
    model_.read(prompts);
    const std::vector<std::vector<std::int64_t>> begin(prompts.size(), {run_.encoder.decoder_start});
    return text::generate(model_, begin, options, on_token);
  }

 private:
  RunModel run_;
  nn::SequenceDecoder model_;
};

}  // namespace

std::vector<std::string> write_targets(const std::shared_ptr<nn::Model>& model, const Encoder& encoder,
                                       const EncodedData& data) {
  const auto pairs = std::dynamic_pointer_cast<nn::EncoderDecoder>(model);
  if (!pairs) throw internal_error("the model of task seq2seq is no encoder with a decoder");
  nn::SequenceDecoder decoder(pairs);
  std::vector<std::string> texts;
  for (std::int64_t first = 0; first < data.size(); first += kSourcesPerBatch) {
    std::vector<std::vector<std::int64_t>> sources;
    for (std::int64_t i = first; i < std::min(data.size(), first + kSourcesPerBatch); ++i) {
      sources.push_back(source_ids(data, i));
    }
    decoder.read(sources);
    const std::vector<std::vector<std::int64_t>> begin(sources.size(), {encoder.decoder_start});
    for (const auto& written : text::generate(decoder, begin, pair_options(encoder))) {
      texts.push_back(joined(encoder, written.front().ids));
    }
  }
  return texts;
}

void ask_self_debias(const TextWriter& writer, const Json& request, text::GenerationOptions& options) {
  if (!request.contains("self_debias")) return;
  // What stands before every text, whatever it is: a prefix stands behind it once.
  options.debias_shared = static_cast<std::int64_t>(writer.encode("").size());
  for (const Json& prefix : request.at("self_debias")) options.debias_prefixes.push_back(writer.encode(prefix.get<std::string>()));
  options.debias_decay = request.value("self_debias_decay", options.debias_decay);
  options.debias_floor = request.value("self_debias_floor", options.debias_floor);
}

void refuse_self_debias(const text::GenerationOptions& options) {
  if (options.debias_prefixes.empty()) return;
  throw usage_error("--self-debias is for models that continue a text; this one answers it", "Leave it out.");
}

std::unique_ptr<TextWriter> open_run_writer(const std::filesystem::path& run, const std::string& device) {
  RunModel opened = open_run_model(run, device);
  if (opened.encoder.language.end >= 0) return std::make_unique<LanguageRunWriter>(std::move(opened));
  if (opened.encoder.task == "seq2seq") return std::make_unique<PairRunWriter>(std::move(opened));
  throw usage_error(run.string() + ": a model of task \"" + opened.settings.task + "\" writes no texts",
                    "Generate from a run of task \"language-model\" or \"seq2seq\".");
}

}  // namespace discreet::app
