#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "discreet/app/ops/internal/answer_effects.h"
#include "discreet/app/ops/internal/sentence_folder.h"
#include "discreet/app/ops/run_model.h"
#include "discreet/app/probe_report.h"
#include "discreet/app/table.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/operation.h"
#include "discreet/core/random.h"
#include "discreet/core/registry.h"
#include "discreet/core/run_dir.h"
#include "discreet/nn/batch.h"
#include "discreet/nn/checkpoint.h"
#include "discreet/nn/hidden_rows.h"
#include "discreet/nn/layers/pool.h"
#include "discreet/nn/pretrained/model.h"
#include "discreet/nn/token_batches.h"
#include "discreet/text/subword/subword_tokenizer.h"

namespace discreet {
namespace app {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kProjectTokens = 2048;  // of a batch
constexpr std::size_t kProbedRows = 4000;      // at most, where rows are of tokens: a probe's time grows with them

constexpr const char* kPooledRows = "pooled rows";

/// A model whose head reads one row of each text, and texts with their attribute.
struct ProjectedModel {
  std::shared_ptr<nn::Model> model;
  nn::EncodedExamples data;
  std::vector<std::string> attribute, label;  ///< [M]; label may be empty strings
  std::vector<std::string> classes;           ///< Of the head.
  std::string head = "intent_head";           ///< The dense layer whose input is projected.
  std::string input;                          ///< File of the data, where there is one.
  core::InputFile fitted_on;                  ///< The data as a training's manifest would name them.
  std::optional<SentenceFolder> sentence;     ///< Of a sentence encoder: no layer of its own reads the pooled rows.
};

ProjectedModel open_run(const fs::path& path, const std::string& source, const std::string& column) {
  RunModel run = open_run_model(path);
  auto& groups = run.settings.data.group;
  if (std::find(groups.begin(), groups.end(), column) == groups.end()) groups.push_back(column);
  if (run.encoder.intents.size() == 0) {
    throw usage_error(fmt::format("{}: task \"{}\" has no classifier of a text: no dense layer reads one row of each", path.string(),
                                  run.settings.task),
                      "A projection is folded into the head of a classifier.");
  }
  const EncodedData data = load_examples(run.settings, run.encoder, source, text::Split::kTrain);
  ProjectedModel opened{.model = run.model, .data = to_examples(data), .classes = run.encoder.intents.names()};
  for (const text::Example& example : data.examples) {
    const auto cell = example.groups.find(column);
    opened.attribute.push_back(cell == example.groups.end() ? "" : cell->second);
    opened.label.push_back(example.label);
  }
  if (fs::exists(source)) opened.input = source;
  opened.fitted_on = fs::exists(source) ? core::describe_input("train", source) : core::InputFile{.role = "train", .path = source, .sha256 = content_sha256(data.examples)};
  return opened;
}

ProjectedModel open_folder(const fs::path& folder, const Json& request) {
  const std::string source = request.at("data").get<std::string>(), column = request.at("protected").get<std::string>();
  const std::string text = request.value("text", "text"), label = request.value("label", "");
  const auto model = nn::open_pretrained(folder);
  const nn::PretrainedForm& form = model->source().form;
  const bool sequence = model->head().head == nn::PretrainedHead::kSequence;
  const bool masked = model->head().head == nn::PretrainedHead::kMaskedTokens && !form.transform_activation.empty();
  const bool bare = model->head().head == nn::PretrainedHead::kNone;
  auto sentence = bare ? read_sentence_folder(folder) : std::nullopt;
  if (!sequence && !masked && !sentence) {
    throw usage_error(
        fmt::format("{}: a {} cannot take a projection: behind its last layer norm no dense layer of its own reads the rows, and a "
                    "layer norm's gain and bias cannot hold one",
                    folder.string(), model->head().class_name),
        "Fold it into a classifier or a masked language model: a folder with such a head, or a run trained on this encoder; a "
        "sentence encoder's folder (modules.json) gets a dense module.");
  }
  ProjectedModel opened{.model = model, .data = {}, .classes = model->source().config.labels};
  opened.head = sequence ? "intent_head" : masked ? "encoder.transform" : kPooledRows;
  opened.sentence = std::move(sentence);
  const std::string at = request.value("at", "");
  if (sequence && at == "encoder.pooler" && !form.pooler_activation.empty()) opened.head = at;
  opened.input = source;
  std::vector<std::string> names = {text, column};
  if (!label.empty()) names.push_back(label);
  const Table table = read_table(source, names);
  const auto tokenizer = text::SubwordTokenizer::load(folder);
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const auto encoding = tokenizer.encode(table.column(text)[row]);
    const auto count = std::min<std::size_t>(encoding.ids.size(), static_cast<std::size_t>(form.longest));
    for (std::size_t i = 0; i < count; ++i) {
      opened.data.tokens.push_back(std::min<std::int64_t>(encoding.ids[i], form.vocabulary - 1));
      opened.data.token_types.push_back(0);
    }
    opened.data.offsets.push_back(static_cast<std::int64_t>(opened.data.tokens.size()));
    opened.attribute.push_back(table.column(column)[row]);
    opened.label.push_back(label.empty() ? "" : table.column(label)[row]);
  }
  return opened;
}

/// What the layer reads, [R, d]: a row of each text, or of each token under a masked language model; whose it is, [R];
/// and the likeliest class or word that comes of it, [R].
struct HeadRows {
  std::vector<double> rows;
  std::size_t dimension = 0;
  std::vector<std::size_t> text;
  std::vector<std::int64_t> answer;
};

/// Rows behind the stack's last norm: of first tokens, or all.
at::Tensor last_rows(ProjectedModel& opened, const nn::PackedBatch& batch) {
  auto& encoder = static_cast<nn::PretrainedModel&>(*opened.model).encoder();
  const at::Tensor rows = encoder.rows(batch, nn::DropoutKey{}, nn::DropoutKey{});
  if (opened.head == "encoder.transform") return rows;
  if (opened.sentence) return nn::pool(rows, batch, nn::parse_pooling(opened.sentence->pooling));
  return rows.index_select(0, batch.offsets_tensor.narrow(0, 0, batch.examples()));
}

HeadRows head_rows(ProjectedModel& opened) {
  const at::NoGradGuard no_gradients;
  opened.model->eval();
  HeadRows result;
  const nn::EncodedExamples& data = opened.data;
  for (std::int64_t begin = 0, end = 0; begin < data.size(); begin = end) {
    end = nn::batch_end(data.offsets, begin, kProjectTokens);
    const nn::PackedBatch batch = nn::collate(data, nn::consecutive(begin, end));
    const bool tokens = opened.head == "encoder.transform";
    nn::ModelOutput output;
    at::Tensor read;
    if (opened.sentence) {
      read = last_rows(opened, batch);
    } else {
      const nn::HiddenRowsScope scope;
      output = opened.model->forward(batch);
      read = opened.head == "intent_head" ? scope.rows() : last_rows(opened, batch);
    }
    const at::Tensor logits = tokens ? output.emissions : output.intent_logits;
    if (!read.defined() || (!opened.sentence && (!logits.defined() || read.size(0) != logits.size(0)))) {
      throw usage_error("the model keeps no row for each text that a classifier reads");
    }
    const at::Tensor rows = read.to(at::kCPU, at::kDouble).contiguous();
    const double* values = rows.const_data_ptr<double>();
    result.rows.insert(result.rows.end(), values, values + rows.numel());
    result.dimension = static_cast<std::size_t>(rows.size(1));
    for (std::int64_t e = 0; e < batch.examples(); ++e) {
      const std::int64_t count = tokens ? batch.offsets[e + 1] - batch.offsets[e] : 1;
      result.text.insert(result.text.end(), static_cast<std::size_t>(count), static_cast<std::size_t>(begin + e));
    }
    if (opened.sentence) continue;
    const at::Tensor answers = logits.argmax(1).cpu();
    const auto* classes = answers.const_data_ptr<std::int64_t>();
    result.answer.insert(result.answer.end(), classes, classes + answers.numel());
  }
  return result;
}

/// W' = W A, b' = b + W offset: the head reads the projected rows from now on.
void fold(nn::Model& model, const std::string& head, const mitigate::AffineMap& map) {
  const at::NoGradGuard no_gradients;
  at::Tensor weight, bias;
  bool lora = false;
  for (const auto& item : model.named_parameters()) {
    if (item.key() == head + ".weight") weight = item.value();
    if (item.key() == head + ".bias") bias = item.value();
    lora = lora || item.key().rfind(head + ".lora_", 0) == 0;
  }
  const auto d = static_cast<std::int64_t>(map.dimension);
  if (!weight.defined() || weight.size(1) != d) throw usage_error(fmt::format("the model has no dense layer '{}' of width {}", head, d));
  if (lora) throw usage_error(fmt::format("'{}' has a LoRA adapter beside its weight", head), "Export the run first: discreet model export.");
  if (!map.linear() && !bias.defined()) {
    throw usage_error(fmt::format("'{}' has no bias that could hold the projection's offset", head),
                      "Methods without an offset can be folded: inlp, sentence-debias.");
  }
  const at::Tensor matrix = at::empty({d, d}, at::kDouble), offset = at::empty({d}, at::kDouble);
  std::copy(map.matrix.begin(), map.matrix.end(), matrix.data_ptr<double>());
  std::copy(map.offset.begin(), map.offset.end(), offset.data_ptr<double>());
  const at::Tensor wide = weight.to(at::kDouble);
  if (bias.defined()) bias.add_(wide.mv(offset).to(bias.scalar_type()));
  weight.copy_(wide.mm(matrix).to(weight.scalar_type()));
}

/// A card without what it said of privacy, which the projection was not part of.
std::string card_after(const fs::path& from, const std::string& note) {
  std::string card = core::read_file(from / "model" / "README.md");
  const std::string heading = "\n## Privacy\n";
  if (const std::size_t begin = card.find(heading); begin != std::string::npos) {
    const std::size_t end = std::min(card.find("\n## ", begin + 1), card.size());
    card.replace(begin, end - begin, heading + "\nThe projection was made from data that no guarantee covers: none is stated of this model.\n");
  }
  return card + "\n## Projection\n\n" + note + "\n";
}

void write_run(const fs::path& from, const fs::path& out, const nn::Model& model, const core::InputFile& data, const std::string& note) {
  core::write_folder_atomically(out, [&](const fs::path& folder) {
    fs::copy_file(from / "config.toml", folder / "config.toml");
    // Whoever begins with this model begins with what it learnt from these data, too.
    Json manifest = core::parse_json(core::read_file(from / "manifest.json"), (from / "manifest.json").string());
    manifest["learnt_from"].push_back({{"path", data.path}, {"sha256", data.sha256}});
    core::write_file_atomically(folder / "manifest.json", manifest.dump(2) + "\n");
    if (fs::exists(from / "holdout.json")) fs::copy_file(from / "holdout.json", folder / "holdout.json");
    fs::copy(from / "model", folder / "model", fs::copy_options::recursive);
    nn::write_tensors(folder / "model" / "model.safetensors", nn::model_tensors(model));
    core::write_file_atomically(folder / "model" / "README.md", card_after(from, note));
  });
}

void write_folder(const fs::path& from, const fs::path& out, const nn::PretrainedModel& model, const std::string& note) {
  core::write_folder_atomically(out, [&](const fs::path& folder) {
    for (const auto& entry : fs::directory_iterator(from)) {
      const std::string name = entry.path().filename().string();
      const bool weights = name.ends_with(".safetensors") || name.ends_with(".safetensors.index.json") || name.ends_with(".bin");
      if (entry.is_regular_file() && !weights && name != "config.json") fs::copy_file(entry.path(), folder / name);
    }
    nn::save_pretrained(folder, model);
    const std::string card = fs::exists(from / "README.md") ? core::read_file(from / "README.md") : std::string("# Model card\n");
    core::write_file_atomically(folder / "README.md", card + "\n## Projection\n\n" + note + "\n");
  });
}

/// The folder with its encoder as it was, subfolders included, and a dense module behind the pooling.
void write_sentence_folder(const fs::path& from, const fs::path& out, const SentenceFolder& sentence, const mitigate::AffineMap& map,
                           const std::string& note) {
  core::write_folder_atomically(out, [&](const fs::path& folder) {
    fs::copy(from, folder, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    // Copies of files that may not be written cannot be changed.
    for (const auto& entry : fs::recursive_directory_iterator(folder)) fs::permissions(entry.path(), fs::perms::owner_write, fs::perm_options::add);
    add_dense_module(folder, sentence, map);
    const std::string card = fs::exists(from / "README.md") ? core::read_file(from / "README.md") : std::string("# Model card\n");
    core::write_file_atomically(folder / "README.md", card + "\n## Projection\n\n" + note + "\n");
  });
}

/// Of a masked language model: how often the likeliest word of a token stays.
Effect words_kept(const HeadRows& before, const HeadRows& after, const std::vector<std::size_t>& rows) {
  std::uint64_t same = 0;
  for (const std::size_t i : rows) same += before.answer[i] == after.answer[i] ? 1 : 0;
  Effect effect;
  effect.aspect = "utility";
  effect.metric = "likeliest_words_kept";
  effect.before = 1;
  effect.after = static_cast<double>(same) / static_cast<double>(rows.size());
  effect.after_ci = stats::wilson(same, rows.size());
  effect.better = "higher";
  effect.n = rows.size();
  effect.unit = "token";
  return effect;
}

/// Request: model (a run or a folder), data, protected, out; method, set, text, label, at, hidden, folds, seed, force.
Json project_model_head(const Json& request, core::OperationContext&) {
  const fs::path path = request.at("model").get<std::string>(), out = request.at("out").get<std::string>();
  const std::string column = request.at("protected").get<std::string>(), method = request.value("method", "leace");
  if (fs::exists(out) && !fs::is_empty(out) && !request.value("force", false)) {
    throw usage_error(out.string() + ": is there already and not empty", "Choose another --out, or give --force.");
  }
  const auto projection = core::registry().make<mitigate::ProjectionMethod>("projection", method);
  if (projection.needs_pairs) {
    throw usage_error(fmt::format("{} needs pairs of rows; a model's data have classes", method), "Take leace or inlp.");
  }
  core::Config options;
  for (const std::string& assignment : request.value("set", std::vector<std::string>{})) options.add_assignment(assignment);
  const bool is_run = core::RunDir::is_run(path);
  ProjectedModel opened = is_run ? open_run(path, request.at("data").get<std::string>(), column) : open_folder(path, request);
  if (const std::string at = request.value("at", ""); !at.empty() && at != opened.head) {
    throw usage_error(fmt::format("--at {}: its input is read by other layers too, or passes a layer norm first", at),
                      "What can take a projection that changes nothing else: intent_head, encoder.pooler, encoder.transform, as "
                      "far as the model has them; here " + opened.head + ".");
  }

  const HeadRows before = head_rows(opened);
  std::map<std::string, std::uint32_t> names;
  for (const std::string& value : opened.attribute) {
    if (!value.empty()) names.emplace(value, 0);
  }
  if (names.size() < 2) throw bad_data(fmt::format("column '{}' has {} different values, expected two or more", column, names.size()));
  std::uint32_t number = 0;
  for (auto& [name, n] : names) n = number++;
  mitigate::ProjectionData data{.dimension = before.dimension, .rows = {}, .labels = {}, .classes = names.size(), .pairs = {}};
  std::vector<std::size_t> kept;
  std::vector<std::uint32_t> unit;  // rows of one text stay in one fold
  for (std::size_t i = 0; i < before.text.size(); ++i) {
    const std::string& value = opened.attribute[before.text[i]];
    if (value.empty()) continue;
    kept.push_back(i);
    const auto row = std::span(before.rows).subspan(i * before.dimension, before.dimension);
    data.rows.insert(data.rows.end(), row.begin(), row.end());
    data.labels.push_back(names.at(value));
    const bool same = unit.size() > 0 && before.text[kept[kept.size() - 2]] == before.text[i];
    unit.push_back(unit.empty() ? 0 : unit.back() + (same ? 0 : 1));
  }
  mitigate::AffineMap map = projection.fit(data, options);

  const ProbePlan plan{request.value<std::size_t>("folds", 5), request.value<std::size_t>("hidden", 32), request.value<std::uint64_t>("seed", 0)};
  const std::vector<std::uint32_t> folds = probe_folds(unit, plan.folds, plan.seed);
  // Probes read whole texts, one in so many of them at random; projections are fitted on all rows outside the fold.
  const std::size_t stride = (data.size() + kProbedRows - 1) / kProbedRows;
  core::ReproducibleRng chance(plan.seed, "probed texts");
  std::vector<std::uint8_t> read(unit.empty() ? 0 : unit.back() + 1);
  for (std::uint8_t& one : read) one = chance.below(stride) == 0 ? 1 : 0;
  mitigate::ProjectionData probed{.dimension = data.dimension, .rows = {}, .labels = {}, .classes = data.classes, .pairs = {}};
  std::vector<std::uint32_t> probed_folds;
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (read[unit[i]] == 0) continue;
    probed.rows.insert(probed.rows.end(), data.row(i).begin(), data.row(i).end());
    probed.labels.push_back(data.labels[i]);
    probed_folds.push_back(folds[i]);
  }
  std::vector<Effect> effects = probe_effects(column, probed, probed_folds, plan, [&](std::size_t k) {
    return projection.fit(without_fold(data, folds, k), options).apply(probed.rows);
  });
  HeadRows after;
  if (!opened.sentence) {
    fold(*opened.model, opened.head, map);
    after = head_rows(opened);
  }
  if (opened.sentence) {
    effects.push_back(nearest_ten_kept("text", data.rows, map.apply(data.rows), data.dimension));
  } else if (opened.head == "encoder.transform") {
    effects.push_back(words_kept(before, after, kept));
  } else {
    PairedAnswers answers{.before = {}, .after = {}, .label = {}, .group = data.labels, .groups = data.classes, .classes = opened.classes.size()};
    for (const std::size_t i : kept) {
      answers.before.push_back(before.answer[i]);
      answers.after.push_back(after.answer[i]);
      const auto known = std::find(opened.classes.begin(), opened.classes.end(), opened.label[before.text[i]]);
      answers.label.push_back(known == opened.classes.end() ? -1 : known - opened.classes.begin());
    }
    for (Effect& effect : answer_effects(answers, plan.seed)) effects.push_back(std::move(effect));
  }

  const std::string where = opened.sentence ? std::string("A dense module behind the pooling holds the projection: what loads the folder as a "
                                                          "sentence encoder has it, what loads the encoder alone does not; all")
                                            : std::string("Weight and bias hold the projection; all other");
  const std::string note = fmt::format(
      "What `{}` {} was projected by {}: {} of {} directions that tell `{}` are gone. {} weights are unchanged, and so is what the encoder "
      "knows of `{}`.",
      opened.head, opened.sentence ? "are" : "reads", method, map.removed, map.dimension, column, where, column);
  if (is_run) write_run(path, out, *opened.model, opened.fitted_on, note);
  else if (opened.sentence) write_sentence_folder(path, out, *opened.sentence, map, note);
  else write_folder(path, out, static_cast<const nn::PretrainedModel&>(*opened.model), note);

  Mitigation mitigation;
  mitigation.name = method;
  mitigation.configuration = request;
  mitigation.before = is_run ? path / "model" : path;
  mitigation.after = is_run ? out / "model" : out;
  if (!opened.input.empty()) mitigation.inputs.push_back(core::describe_input("data", opened.input));
  mitigation.caveats = {note, "Probes read the rows as the head does; each fold is probed under a projection fitted without it."};
  if (!opened.sentence && opened.head != "encoder.transform") {
    mitigation.caveats.push_back("answers_difference and accuracy are of the texts that the projection was fitted on.");
  }
  if (stride > 1) mitigation.caveats.push_back(fmt::format("Probes read {} of {} rows, those of about one text in {}.", probed.size(), data.size(), stride));
  if (is_run && fs::exists(path / "privacy.json")) {
    mitigation.caveats.push_back(
        "The projection is made from DATA, which the run's guarantee does not cover unless they are public: privacy.json was not copied.");
  }
  Json document = before_after(mitigation, effects);
  document["projection"] = describe_projection(method, map, data);
  document["projection"]["folded_into"] = opened.head;
  if (is_run) core::RunDir::open(out).write_audit(document);
  return document;
}

}  // namespace
}  // namespace app

void register_operation_project_model(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "project-model",
                .summary = "Removes a protected attribute from what a classifier's head reads, and writes the new model",
                .make = core::Operation(&app::project_model_head)});
}

}  // namespace discreet
