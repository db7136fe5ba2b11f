#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "discreet/app/data_sets.h"
#include "discreet/app/internal/encoder.h"
#include "discreet/app/subwords.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/random.h"
#include "discreet/formats/pretrained_config.h"
#include "discreet/formats/word_vectors.h"
#include "discreet/text/unicode.h"

namespace discreet::app {
namespace fs = std::filesystem;
namespace {

/// How ids follow from characters (text/characters.h): a change there takes another name.
constexpr const char* kCharacterScheme = "code-points-258";

}  // namespace

bool needs_intents(const Settings& settings) {
  return settings.task == "intent-slot" || settings.task == "text-classification";
}

bool needs_tags(const Settings& settings) {
  return settings.task == "intent-slot" || settings.task == "tagging";
}

bool reads_characters(const Settings& settings) {
  return settings.model.char_embedding > 0 || settings.model.kind == "bilstm-cnn-crf";
}

bool privacy_unit_is_user(const Settings& settings) {
  return settings.privacy.is_private() && settings.privacy.unit == "user";
}

bool predicts_next_token(const Settings& settings) { return settings.task == "language-model"; }

std::shared_ptr<const text::Tokenizer> make_run_tokenizer(const Settings& settings) {
  // Subwords fold case by their own rules; words are what tags stand on.
  if (settings.data.tokenizer == "subword") return text::make_tokenizer("word", {.lowercase = false});
  return text::make_tokenizer(settings.data.tokenizer, {.lowercase = settings.data.lowercase});
}

std::int64_t vocabulary_size(const Encoder& encoder) {
  return encoder.subwords ? encoder.subwords->size() : encoder.vocabulary.size();
}

std::int64_t mark_id(const Encoder& encoder) {
  if (encoder.language.end >= 0) return encoder.language.end;
  if (encoder.subwords && encoder.task == "seq2seq") return encoder.subwords->end();
  if (encoder.subwords) return encoder.task == "masked-lm" ? encoder.subwords->mask() : -1;
  const bool marks = encoder.task == "masked-lm" || encoder.task == "span-qa" || encoder.task == "seq2seq";
  return marks ? encoder.vocabulary.size() : -1;
}

std::int64_t table_entries(const Encoder& encoder) {
  const bool own = !encoder.subwords && mark_id(encoder) >= 0;
  return vocabulary_size(encoder) + (own ? 1 : 0);
}

std::vector<std::uint8_t> special_ids(const Encoder& encoder) {
  std::vector<std::uint8_t> special;
  for (std::int64_t id = 0; encoder.subwords && id < encoder.subwords->size(); ++id) {
    special.push_back(encoder.subwords->is_special(id) ? 1 : 0);
  }
  return special;
}

std::vector<std::uint8_t> continuing_ids(const Encoder& encoder) {
  std::vector<std::uint8_t> continues;
  for (std::int64_t id = 0; encoder.subwords && id < encoder.subwords->size(); ++id) {
    continues.push_back(encoder.subwords->continues(id) ? 1 : 0);
  }
  return continues;
}

namespace {

/// The folder of a subword tokenizer: data.vocabulary, or that of the pretrained model.
fs::path tokenizer_folder(const Settings& settings) {
  const std::string& named = settings.data.vocabulary;
  const bool rule = named == "auto" || named == "hashed" || named == "private";
  return resolve_data(rule ? settings.model.path : named, text::Split::kTrain).path;
}

/// Positions of a folder's model.
std::int64_t longest_of(const fs::path& folder) {
  const fs::path file = folder / "config.json";
  if (!fs::exists(file)) return 0;
  const Json config = core::parse_json(core::read_file(file), file.string());
  for (const char* key : {"max_position_embeddings", "n_positions", "max_positions"}) {
    if (!config.contains(key) || !config[key].is_number_integer()) continue;
    const std::string type = config.value("model_type", "");
    // RoBERTa's positions begin behind the id of its padding.
    const bool shifted = type == "roberta" || type == "xlm-roberta" || type == "camembert";
    return config[key].get<std::int64_t>() - (shifted ? config.value("pad_token_id", 1) + 1 : 0);
  }
  return 0;
}

/// Positions that the model has, as far as the base can know; 0: without a bound, or not known.
std::int64_t positions_of(const Settings& settings) {
  const std::string& kind = settings.model.kind;
  if (kind == "transformer" || kind == "gpt" || kind == "encoder-decoder") return settings.model.longest;
  if (kind != "pretrained") return 0;
  return longest_of(resolve_data(settings.model.path, text::Split::kTrain).path);
}

/// A pretrained decoder begins with the token that it was trained to begin with, ours with the mark of an
/// end.
std::int64_t decoder_start_of(const Settings& settings, const Encoder& encoder) {
  if (settings.model.kind == "pretrained") {
    const formats::PretrainedConfig config =
        formats::read_pretrained_config(resolve_data(settings.model.path, text::Split::kTrain).path);
    const auto start = config.decoder_start_token_id ? config.decoder_start_token_id : config.bos_token_id;
    if (start) return *start;
    throw bad_data(settings.model.path + ": config.json has no decoder_start_token_id and no bos_token_id",
                   "A decoder must begin with some token.");
  }
  if (mark_id(encoder) >= 0) return mark_id(encoder);
  throw usage_error("the tokenizer has no token for the end of a text, which a decoder writes",
                    "Take a tokenizer with an end-of-text, separator or beginning token.");
}

LengthRule length_rule(const Settings& settings) {
  LengthRule rule{.stride = settings.data.stride, .answer = settings.data.max_answer};
  rule.longest = settings.data.max_length;
  if (rule.longest > 0) return rule;
  // Words that are too many for a model are refused by it; pieces are cut.
  const bool windows = settings.task == "span-qa";
  if (windows || settings.data.tokenizer == "subword") rule.longest = positions_of(settings);
  if (windows) rule.longest = rule.longest > 0 ? std::min<std::int64_t>(rule.longest, 384) : 384;
  return rule;
}

/// Refuses a student that would read other tokens than its teacher: what one says of token 7 means nothing to the other.
void check_same_tokens(const Settings& settings, const std::string& name, const Encoder& teacher) {
  const std::string& named = settings.data.vocabulary;
  const bool rule = named == "auto" || named == "hashed" || named == "private";
  const std::string hint = fmt::format("Leave data.vocabulary out: the student takes the vocabulary of {}.",
                                       name);
  const bool subwords = settings.data.tokenizer == "subword";
  if (subwords != (teacher.subwords != nullptr)) {
    throw usage_error(fmt::format("the teacher reads {}, data.tokenizer is \"{}\"",
                                  teacher.subwords ? "subwords" : "whole words or characters", settings.data.tokenizer),
                      "Student and teacher must have one vocabulary: set data.tokenizer as the teacher has it.");
  }
  if (!subwords) {
    if (!rule && text::public_vocabulary({.choice = named}).to_json() != teacher.vocabulary.to_json()) {
      throw usage_error(fmt::format("data.vocabulary = \"{}\" is not the teacher's vocabulary", named), hint);
    }
    return;
  }
  if (rule && settings.model.path.empty()) return;
  const auto own = Subwords::load(tokenizer_folder(settings));
  bool same = own->size() == teacher.subwords->size();
  for (std::int64_t id = 0; same && id < own->size(); ++id) {
    same = own->is_special(id) == teacher.subwords->is_special(id) && own->decode({id}) == teacher.subwords->decode({id});
  }
  if (same) return;
  throw usage_error(fmt::format("the student's tokenizer has {} tokens, the teacher's {}; they are not the same",
                                own->size(), teacher.subwords->size()),
                    rule ? "Begin the student from the teacher's own family: discreet mitigate distill --student-layers." : hint);
}

/// By the rule of data.vocabulary, or as the teacher or the run of model.start had it.
void choose_vocabulary(const Settings& settings, const DistillOptions& distill, const std::vector<text::Example>& train,
                       const std::vector<std::string>& vector_words, Encoder& encoder,
                       std::vector<core::InputFile>& inputs) {
  if (distill.has_teacher()) inputs.push_back(core::describe_input("teacher", teacher_folder(distill)));
  if (takes_teacher_vocabulary(settings, distill)) {
    const Encoder known = teacher_encoder(settings, distill);
    check_same_tokens(settings, distill.teacher, known);
    encoder.tokenizer = known.tokenizer;
    encoder.vocabulary = known.vocabulary;
    encoder.subwords = known.subwords;
    return;
  }
  if (!settings.model.start.empty()) {
    // The vocabulary that the starting parameters mean, whatever it was made from.
    const fs::path start = fs::path(settings.model.start) / "model";
    const Encoder known = load_encoder(start);
    encoder.tokenizer = known.tokenizer;
    encoder.vocabulary = known.vocabulary;
    encoder.subwords = known.subwords;
    inputs.push_back(core::describe_input("start", start));
    return;
  }
  if (settings.data.tokenizer == "subword") {
    const fs::path folder = tokenizer_folder(settings);
    encoder.subwords = Subwords::load(folder);
    inputs.push_back(core::describe_input("tokenizer", folder));
    return;
  }
  const text::VocabularyRule rule{.choice = settings.data.vocabulary,
                                  .private_run = settings.privacy.is_private(),
                                  .vector_words = vector_words,
                                  .buckets = settings.data.buckets,
                                  .key = static_cast<std::uint64_t>(settings.run.seed)};
  if (text::resolve_vocabulary(rule) == text::VocabularyKind::kText) {
    text::VocabularyBuilder builder;
    for (const text::Example& example : train) {
      builder.add(example.words);
      if (settings.task != "seq2seq") continue;
      for (const std::string& target : example.answers) builder.add(encoder.tokenizer->words(target));
    }
    encoder.vocabulary = builder.build(settings.data.min_count, settings.data.max_vocabulary);
  } else {
    encoder.vocabulary = text::public_vocabulary(rule);
    if (fs::exists(settings.data.vocabulary)) {
      inputs.push_back(core::describe_input("vocabulary", settings.data.vocabulary));
    }
  }
}

}  // namespace

Encoder build_encoder(const Settings& settings, const DistillOptions& distill, const std::vector<text::Example>& train,
                      std::shared_ptr<const text::Tokenizer> tokenizer,
                      std::vector<core::InputFile>& inputs) {
  Encoder encoder;
  encoder.tokenizer = std::move(tokenizer);
  encoder.characters = reads_characters(settings);

  std::vector<std::string> vector_words;
  if (!settings.model.vectors.empty()) {
    vector_words = formats::read_word_vector_words(vectors_file(settings));
    inputs.push_back(core::describe_input("vectors", vectors_file(settings)));
  }
  choose_vocabulary(settings, distill, train, vector_words, encoder, inputs);
  if (!settings.model.adapter.empty()) {
    inputs.push_back(core::describe_input("adapter", settings.model.adapter));
  }
  text::LabelSetBuilder intents, tags;
  for (const text::Example& example : train) {
    if (needs_intents(settings)) intents.add(example.label);
    if (needs_tags(settings)) tags.add(std::span<const std::string>(example.tags));
  }
  if (needs_intents(settings)) encoder.intents = intents.build();
  if (needs_tags(settings)) encoder.tags = tags.build(true);
  encoder.task = settings.task;
  encoder.lengths = length_rule(settings);
  encoder.masks = {settings.data.mask_rate, settings.data.whole_words};
  encoder.language = {.blocks = settings.data.block > 0, .block = settings.data.block};
  if (predicts_next_token(settings)) {
    encoder.language.end = encoder.subwords ? encoder.subwords->end() : encoder.vocabulary.size();
  }
  if (encoder.subwords && predicts_next_token(settings) && encoder.language.end < 0) {
    throw usage_error("the tokenizer has no token for the end of a text, which a language model predicts",
                      "Take a tokenizer with an end-of-text, separator or beginning token.");
  }
  if (encoder.subwords && settings.task == "masked-lm" && encoder.subwords->mask() < 0) {
    throw usage_error("the tokenizer has no mask token, which task = \"masked-lm\" needs",
                      "Take a tokenizer of a masked language model.");
  }
  if (settings.task == "seq2seq") encoder.decoder_start = decoder_start_of(settings, encoder);
  encoder.nothing_answers = settings.task == "span-qa" &&
                            std::ranges::any_of(train, [](const auto& e) { return e.answers.empty(); });
  return encoder;
}

fs::path teacher_folder(const DistillOptions& distill) {
  fs::path named = distill.teacher;
  if (!fs::exists(named)) named = data_cache() / distill.teacher;  // models beside the data sets
  const fs::path of_run = named / "model";
  if (fs::exists(of_run / "encoder.json")) return of_run;
  if (fs::exists(named / "config.json")) return named;
  const bool gguf = named.extension() == ".gguf";
  throw usage_error(fmt::format("distill.teacher = \"{}\": {}", distill.teacher, gguf ? "a GGUF file is no folder" : "there is no model in it"),
                    gguf ? fmt::format("Import it first, and name DIR: discreet model import --from {} --out DIR", distill.teacher)
                         : "Name a finished run, or a folder with config.json and model.safetensors.");
}

Encoder teacher_encoder(const Settings& settings, const DistillOptions& distill) {
  const fs::path folder = teacher_folder(distill);
  if (fs::exists(folder / "encoder.json")) return load_encoder(folder);
  Encoder encoder;
  encoder.tokenizer = text::make_tokenizer("word", {.lowercase = false});
  encoder.subwords = Subwords::load(folder);
  encoder.task = settings.task;
  encoder.lengths.longest = longest_of(folder);
  if (predicts_next_token(settings)) encoder.language.end = encoder.subwords->end();
  return encoder;
}

bool takes_teacher_vocabulary(const Settings& settings, const DistillOptions& distill) {
  return distill.has_teacher() && predicts_next_token(settings);
}

fs::path vectors_file(const Settings& settings) {
  return resolve_data(settings.model.vectors, text::Split::kTrain).path;
}

VectorTable load_vectors(const Settings& settings, const text::Vocabulary& vocabulary) {
  VectorTable table;
  if (settings.model.vectors.empty()) return table;
  const formats::WordVectors vectors = formats::read_word_vectors(vectors_file(settings));
  const auto rows = vectors.index();
  double square = 0;
  for (const float value : vectors.values) square += static_cast<double>(value) * value;
  const double spread = std::sqrt(square / static_cast<double>(vectors.values.size()));

  const std::size_t d = vectors.dimension;
  table.dimensions = static_cast<std::int64_t>(d);
  table.values.assign(static_cast<std::size_t>(vocabulary.size()) * d, 0.0F);
  core::ReproducibleRng rng(static_cast<std::uint64_t>(settings.run.seed), "vectors");
  for (std::int64_t id = 0; id < vocabulary.size(); ++id) {
    const std::span<float> row(table.values.data() + static_cast<std::size_t>(id) * d, d);
    const std::string word = vocabulary.word(id);
    auto found = rows.find(word);
    if (found == rows.end()) found = rows.find(text::lowercase(word));
    if (found != rows.end()) {
      std::ranges::copy(vectors.row(found->second), row.begin());
    } else if (id != text::Vocabulary::kUnknown) {
      for (float& value : row) value = static_cast<float>(spread * rng.normal());
    }
  }
  return table;
}

namespace {

/// What a task says of its examples. Models of older versions have a part of the keys.
void read_task(const Json& document, Encoder& encoder) {
  if (document.contains("language_model")) {
    const Json& language = document.at("language_model");
    encoder.language = {.end = language.at("end").get<std::int64_t>(),
                        .blocks = language.value("blocks", false)};
    encoder.task = "language-model";
  } else if (encoder.intents.size() == 0 || encoder.tags.size() == 0) {
    encoder.task = encoder.intents.size() > 0 ? "text-classification" : "tagging";
  }
  encoder.task = document.value("task", encoder.task);
  encoder.lengths.longest = document.value("longest", std::int64_t{0});
  if (document.contains("block")) {
    encoder.language.blocks = true;
    encoder.language.block = document.at("block").get<std::int64_t>();
  }
  if (document.contains("answers")) {
    const Json& answers = document.at("answers");
    encoder.lengths.stride = answers.at("stride").get<std::int64_t>();
    encoder.lengths.answer = answers.at("longest").get<std::int64_t>();
    encoder.nothing_answers = answers.at("nothing").get<bool>();
  }
  encoder.decoder_start = document.value("decoder_start", std::int64_t{-1});
  if (document.contains("masks")) {
    encoder.masks = {document.at("masks").at("rate").get<double>(),
                     document.at("masks").at("whole_words").get<bool>()};
  }
}

}  // namespace

void save_encoder(const fs::path& folder, const Encoder& encoder) {
  Json document = {{"schema", "discreet.encoder/1"},
                   {"tokenizer", encoder.tokenizer->config()},
                   {"vocabulary", encoder.subwords ? Json(nullptr) : encoder.vocabulary.to_json()},
                   {"intents", encoder.intents.to_json()},
                   {"tags", encoder.tags.to_json()},
                   {"characters", encoder.characters ? Json(kCharacterScheme) : Json(nullptr)},
                   {"task", encoder.task},
                   {"subwords", encoder.subwords != nullptr},
                   {"longest", encoder.lengths.longest}};
  if (encoder.language.end >= 0) document["language_model"] = {{"end", encoder.language.end}};
  if (encoder.language.blocks) document["block"] = encoder.language.block;
  if (encoder.task == "span-qa") {
    document["answers"] = {{"stride", encoder.lengths.stride},
                           {"longest", encoder.lengths.answer},
                           {"nothing", encoder.nothing_answers}};
  }
  if (encoder.task == "masked-lm") {
    document["masks"] = {{"rate", encoder.masks.rate}, {"whole_words", encoder.masks.whole_words}};
  }
  if (encoder.decoder_start >= 0) document["decoder_start"] = encoder.decoder_start;
  if (encoder.subwords) encoder.subwords->save(folder);
  core::write_file_atomically(folder / "encoder.json", document.dump() + "\n");
}

Encoder load_encoder(const fs::path& folder) {
  const fs::path file = folder / "encoder.json";
  if (!fs::exists(file)) {
    throw usage_error(folder.string() + ": there is no trained model in it (encoder.json is missing)",
                      "Train it first, or finish it with `discreet resume`.");
  }
  const std::string origin = file.string();
  const Json document = core::parse_json(core::read_file(file), origin);
  Encoder encoder;
  try {
    encoder.tokenizer = text::make_tokenizer(document.at("tokenizer"), origin);
    if (document.value("subwords", false)) {
      encoder.subwords = Subwords::load(folder);
    } else {
      encoder.vocabulary = text::Vocabulary::from_json(document.at("vocabulary"), origin);
    }
    encoder.intents = text::LabelSet::from_json(document.at("intents"), origin);
    encoder.tags = text::LabelSet::from_json(document.at("tags"), origin);
    // Models from before there were characters do not have the key.
    const Json characters = document.value("characters", Json(nullptr));
    encoder.characters = !characters.is_null();
    if (encoder.characters && characters != kCharacterScheme) {
      throw bad_data(origin + ": characters by the scheme " + characters.dump() + ", known is \"" +
                         kCharacterScheme + "\"",
                     "The model was trained by another version; use that one.");
    }
    read_task(document, encoder);
  } catch (const nlohmann::json::exception& e) {
    throw bad_data(origin + ": not an encoder: " + e.what(), "Train the model again.");
  }
  return encoder;
}

}  // namespace discreet::app
