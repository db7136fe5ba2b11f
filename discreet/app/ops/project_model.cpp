#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "discreet/app/ops/run_model.h"
#include "discreet/app/probe_report.h"
#include "discreet/app/table.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/operation.h"
#include "discreet/core/registry.h"
#include "discreet/core/run_dir.h"
#include "discreet/nn/batch.h"
#include "discreet/nn/checkpoint.h"
#include "discreet/nn/hidden_rows.h"
#include "discreet/nn/pretrained/model.h"
#include "discreet/text/subword/subword_tokenizer.h"

namespace discreet {
namespace app {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kProjectTokens = 2048;  // of a batch

/// A model whose head reads one row of each text, and texts with their attribute.
struct ProjectedModel {
  std::shared_ptr<nn::Model> model;
  nn::EncodedExamples data;
  std::vector<std::string> attribute, label;  ///< [M]; label may be empty strings
  std::vector<std::string> classes;           ///< Of the head.
  std::string head = "intent_head";
  std::string input;                          ///< File of the data, where there is one.
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
  return opened;
}

ProjectedModel open_folder(const fs::path& folder, const Json& request) {
  const std::string source = request.at("data").get<std::string>(), column = request.at("protected").get<std::string>();
  const std::string text = request.value("text", "text"), label = request.value("label", "");
  const auto model = nn::open_pretrained(folder);
  if (model->head().head != nn::PretrainedHead::kSequence) {
    throw usage_error(
        fmt::format("{}: a {} cannot take a projection: behind its last layer norm no dense layer of its own reads the rows, and a "
                    "layer norm's gain and bias cannot hold one",
                    folder.string(), model->head().class_name),
        "Fold it into a classifier: a folder with a sequence classification head, or a run trained on this encoder.");
  }
  ProjectedModel opened{.model = model, .data = {}, .classes = model->source().config.labels};
  opened.input = source;
  std::vector<std::string> names = {text, column};
  if (!label.empty()) names.push_back(label);
  const Table table = read_table(source, names);
  const auto tokenizer = text::SubwordTokenizer::load(folder);
  const nn::PretrainedForm& form = model->source().form;
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

/// What the head reads of each text, [M, d], and what it answers, [M].
struct HeadRows {
  std::vector<double> rows;
  std::size_t dimension = 0;
  std::vector<std::int64_t> answer;
};

HeadRows head_rows(ProjectedModel& opened) {
  const at::NoGradGuard no_gradients;
  opened.model->eval();
  HeadRows result;
  const nn::EncodedExamples& data = opened.data;
  for (std::int64_t begin = 0, end = 0; begin < data.size(); begin = end) {
    do {
      ++end;
    } while (end < data.size() && data.offsets[end + 1] - data.offsets[begin] <= kProjectTokens);
    std::vector<std::int64_t> indices(static_cast<std::size_t>(end - begin));
    std::iota(indices.begin(), indices.end(), begin);
    const nn::PackedBatch batch = nn::collate(data, indices);
    const nn::HiddenRowsScope scope;
    const nn::ModelOutput output = opened.model->forward(batch);
    if (!scope.rows().defined() || scope.rows().size(0) != batch.examples() || !output.intent_logits.defined()) {
      throw usage_error("the model keeps no row for each text that a classifier reads");
    }
    const at::Tensor rows = scope.rows().to(at::kCPU, at::kDouble).contiguous();
    const double* values = rows.const_data_ptr<double>();
    result.rows.insert(result.rows.end(), values, values + rows.numel());
    result.dimension = static_cast<std::size_t>(rows.size(1));
    const at::Tensor answers = output.intent_logits.argmax(1).cpu();
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

void write_run(const fs::path& from, const fs::path& out, const nn::Model& model, const std::string& note) {
  core::write_folder_atomically(out, [&](const fs::path& folder) {
    fs::copy_file(from / "config.toml", folder / "config.toml");
    fs::copy_file(from / "manifest.json", folder / "manifest.json");
    if (fs::exists(from / "holdout.json")) fs::copy_file(from / "holdout.json", folder / "holdout.json");
    fs::copy(from / "model", folder / "model", fs::copy_options::recursive);
    nn::write_tensors(folder / "model" / "model.safetensors", nn::model_tensors(model));
    core::write_file_atomically(folder / "model" / "README.md", core::read_file(from / "model" / "README.md") + "\n## Projection\n\n" + note + "\n");
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

/// Share of positives or of each class over groups: the largest total variation between two groups' answers, and
/// accuracy where labels are known.
Effect answer_gap(const std::vector<std::int64_t>& before, const std::vector<std::int64_t>& after, const std::vector<std::uint32_t>& group,
                  std::size_t groups, std::size_t classes, std::uint64_t seed) {
  const auto gap = [&](const std::vector<std::int64_t>& answer, const std::vector<std::size_t>& rows) {
    std::vector<double> shares(groups * classes, 0), n(groups, 0);
    for (const std::size_t i : rows) {
      shares[group[i] * classes + static_cast<std::size_t>(answer[i])] += 1;
      n[group[i]] += 1;
    }
    double widest = 0;
    for (std::size_t a = 0; a < groups; ++a) {
      for (std::size_t b = a + 1; b < groups; ++b) {
        double distance = 0;
        for (std::size_t c = 0; c < classes; ++c) {
          distance += std::abs(shares[a * classes + c] / std::max(n[a], 1.0) - shares[b * classes + c] / std::max(n[b], 1.0)) / 2;
        }
        widest = std::max(widest, distance);
      }
    }
    return widest;
  };
  std::vector<std::size_t> all(group.size());
  std::iota(all.begin(), all.end(), 0u);
  std::vector<std::vector<std::size_t>> members(groups);
  for (const std::size_t i : all) members[group[i]].push_back(i);
  core::ReproducibleRng rng(seed, "answer gap");
  std::vector<double> olds, fresh, differences;
  for (int r = 0; r < 500; ++r) {
    std::vector<std::size_t> drawn;
    for (const auto& rows : members) {
      for (std::size_t k = 0; k < rows.size(); ++k) drawn.push_back(rows[rng.below(rows.size())]);
    }
    olds.push_back(gap(before, drawn));
    fresh.push_back(gap(after, drawn));
    differences.push_back(fresh.back() - olds.back());
  }
  const auto interval = [](std::vector<double>& values) {
    std::sort(values.begin(), values.end());
    return stats::Interval{values[12], values[487]};
  };
  Effect effect;
  effect.aspect = "fairness";
  effect.metric = "answers_difference";
  effect.before = gap(before, all);
  effect.after = gap(after, all);
  effect.before_ci = interval(olds);
  effect.after_ci = interval(fresh);
  effect.difference_ci = interval(differences);
  effect.n = group.size();
  effect.unit = "text";
  return effect;
}

Effect accuracy_of(const ProjectedModel& opened, const std::vector<std::size_t>& rows, const std::vector<std::int64_t>& before,
                   const std::vector<std::int64_t>& after) {
  Effect effect;
  effect.aspect = "utility";
  effect.metric = "accuracy";
  effect.better = "higher";
  effect.unit = "text";
  std::uint64_t n = 0, old = 0, fresh = 0, gained = 0, lost = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto known = std::find(opened.classes.begin(), opened.classes.end(), opened.label[rows[i]]);
    if (known == opened.classes.end()) continue;
    const auto label = static_cast<std::int64_t>(known - opened.classes.begin());
    ++n;
    old += before[i] == label ? 1 : 0;
    fresh += after[i] == label ? 1 : 0;
    gained += before[i] != label && after[i] == label ? 1 : 0;
    lost += before[i] == label && after[i] != label ? 1 : 0;
  }
  effect.n = n;
  if (n == 0) {
    effect.reason = "the data name no class that the head knows";
    return effect;
  }
  const auto count = static_cast<double>(n);
  effect.before = static_cast<double>(old) / count;
  effect.after = static_cast<double>(fresh) / count;
  effect.before_ci = stats::wilson(old, n);
  effect.after_ci = stats::wilson(fresh, n);
  // Paired: only texts whose answer became right or wrong count.
  const double mean = (static_cast<double>(gained) - static_cast<double>(lost)) / count;
  const double variance = ((static_cast<double>(gained) + static_cast<double>(lost)) / count - mean * mean) / count;
  const double half = 1.959963985 * std::sqrt(std::max(variance, 0.0));
  effect.difference_ci = stats::Interval{mean - half, mean + half};
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
  const std::string at = request.value("at", "");
  if (!at.empty() && at != opened.head) {
    throw usage_error(fmt::format("--at {}: its input is read by other layers too, or passes a layer norm first", at),
                      "Only the head, " + opened.head + ", can take a projection that changes nothing else.");
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
  for (std::size_t i = 0; i < opened.attribute.size(); ++i) {
    if (opened.attribute[i].empty()) continue;
    kept.push_back(i);
    const auto row = std::span(before.rows).subspan(i * before.dimension, before.dimension);
    data.rows.insert(data.rows.end(), row.begin(), row.end());
    data.labels.push_back(names.at(opened.attribute[i]));
  }
  mitigate::AffineMap map = projection.fit(data, options);

  const ProbePlan plan{request.value<std::size_t>("folds", 5), request.value<std::size_t>("hidden", 32), request.value<std::uint64_t>("seed", 0)};
  std::vector<std::uint32_t> unit(data.size());
  std::iota(unit.begin(), unit.end(), 0u);
  std::vector<Effect> effects = probe_effects(column, data, probe_folds(unit, plan.folds, plan.seed), plan,
                                              [&, fold = probe_folds(unit, plan.folds, plan.seed)](std::size_t k) {
                                                return projection.fit(without_fold(data, fold, k), options).apply(data.rows);
                                              });
  fold(*opened.model, opened.head, map);
  const HeadRows after = head_rows(opened);
  std::vector<std::int64_t> old, fresh;
  for (const std::size_t i : kept) {
    old.push_back(before.answer[i]);
    fresh.push_back(after.answer[i]);
  }
  effects.push_back(answer_gap(old, fresh, data.labels, data.classes, opened.classes.size(), plan.seed));
  effects.push_back(accuracy_of(opened, kept, old, fresh));

  const std::string note = fmt::format(
      "What `{}` reads was projected by {}: {} of {} directions that tell `{}` are gone. Weight and bias hold the projection; all other "
      "weights are unchanged, and so is what the encoder knows of `{}`.",
      opened.head, method, map.removed, map.dimension, column, column);
  if (is_run) write_run(path, out, *opened.model, note);
  else write_folder(path, out, static_cast<const nn::PretrainedModel&>(*opened.model), note);

  Mitigation mitigation;
  mitigation.name = method;
  mitigation.configuration = request;
  mitigation.before = is_run ? path / "model" : path;
  mitigation.after = is_run ? out / "model" : out;
  if (!opened.input.empty()) mitigation.inputs.push_back(core::describe_input("data", opened.input));
  mitigation.caveats = {note, "Probes read the rows as the head does; each fold is probed under a projection fitted without it.",
                        "answers_difference and accuracy are of the texts that the projection was fitted on."};
  if (is_run && fs::exists(path / "privacy.json")) {
    mitigation.caveats.push_back(
        "The projection is made from DATA, which the run's guarantee does not cover unless they are public: privacy.json was not copied.");
  }
  Json document = before_after(mitigation, effects);
  document["projection"] = describe_projection(method, map, data);
  document["projection"]["folded_into"] = opened.head;
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
