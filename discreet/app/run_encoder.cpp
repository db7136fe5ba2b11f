#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "discreet/app/data_sets.h"
#include "discreet/app/internal/encoder.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/random.h"
#include "discreet/formats/word_vectors.h"

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
  return text::make_tokenizer(settings.data.tokenizer, {.lowercase = settings.data.lowercase});
}

namespace {

/// By the rule of data.vocabulary, or as the run of model.start had it.
void choose_vocabulary(const Settings& settings, const std::vector<text::Example>& train,
                       const std::vector<std::string>& vector_words, Encoder& encoder,
                       std::vector<core::InputFile>& inputs) {
  if (!settings.model.start.empty()) {
    // The vocabulary that the starting parameters mean, whatever it was made from.
    const fs::path start = fs::path(settings.model.start) / "model";
    const Encoder known = load_encoder(start);
    encoder.tokenizer = known.tokenizer;
    encoder.vocabulary = known.vocabulary;
    inputs.push_back(core::describe_input("start", start));
    return;
  }
  const text::VocabularyRule rule{.choice = settings.data.vocabulary,
                                  .private_run = settings.privacy.is_private(),
                                  .vector_words = vector_words,
                                  .buckets = settings.data.buckets,
                                  .key = static_cast<std::uint64_t>(settings.run.seed)};
  if (text::resolve_vocabulary(rule) == text::VocabularyKind::kText) {
    text::VocabularyBuilder builder;
    for (const text::Example& example : train) builder.add(example.words);
    encoder.vocabulary = builder.build(settings.data.min_count, settings.data.max_vocabulary);
  } else {
    encoder.vocabulary = text::public_vocabulary(rule);
    if (fs::exists(settings.data.vocabulary)) {
      inputs.push_back(core::describe_input("vocabulary", settings.data.vocabulary));
    }
  }
}

}  // namespace

Encoder build_encoder(const Settings& settings, const std::vector<text::Example>& train,
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
  choose_vocabulary(settings, train, vector_words, encoder, inputs);
  text::LabelSetBuilder intents, tags;
  for (const text::Example& example : train) {
    if (needs_intents(settings)) intents.add(example.label);
    if (needs_tags(settings)) tags.add(std::span<const std::string>(example.tags));
  }
  if (needs_intents(settings)) encoder.intents = intents.build();
  if (needs_tags(settings)) encoder.tags = tags.build(true);
  if (predicts_next_token(settings)) {
    encoder.language = {.end = encoder.vocabulary.size(), .blocks = settings.data.block > 0};
  }
  return encoder;
}

std::vector<std::string> encoder_caveats(const Encoder& encoder) {
  std::vector<std::string> caveats;
  for (const std::string& caveat :
       {encoder.vocabulary.caveat(), encoder.intents.caveat(), encoder.tags.caveat()}) {
    if (!caveat.empty()) caveats.push_back(caveat);
  }
  return caveats;
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
    if (const auto found = rows.find(vocabulary.word(id)); found != rows.end()) {
      std::ranges::copy(vectors.row(found->second), row.begin());
    } else if (id != text::Vocabulary::kUnknown) {
      for (float& value : row) value = static_cast<float>(spread * rng.normal());
    }
  }
  return table;
}

void save_encoder(const fs::path& folder, const Encoder& encoder) {
  Json document = {{"schema", "discreet.encoder/1"},
                   {"tokenizer", encoder.tokenizer->config()},
                   {"vocabulary", encoder.vocabulary.to_json()},
                   {"intents", encoder.intents.to_json()},
                   {"tags", encoder.tags.to_json()},
                   {"characters", encoder.characters ? Json(kCharacterScheme) : Json(nullptr)}};
  if (encoder.language.end >= 0) {
    document["language_model"] = {{"end", encoder.language.end}, {"blocks", encoder.language.blocks}};
  }
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
    encoder.vocabulary = text::Vocabulary::from_json(document.at("vocabulary"), origin);
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
    if (document.contains("language_model")) {
      const Json& language = document.at("language_model");
      encoder.language = {language.at("end").get<std::int64_t>(), language.at("blocks").get<bool>()};
    }
  } catch (const nlohmann::json::exception& e) {
    throw bad_data(origin + ": not an encoder: " + e.what(), "Train the model again.");
  }
  return encoder;
}

}  // namespace discreet::app
