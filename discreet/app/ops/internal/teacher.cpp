#include "discreet/app/ops/internal/teacher.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <string_view>
#include <unordered_map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discreet/app/internal/counterfactual.h"
#include "discreet/app/internal/encoder.h"
#include "discreet/app/ops/internal/device.h"
#include "discreet/app/ops/internal/lineage.h"
#include "discreet/app/ops/internal/session.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/core/progress.h"
#include "discreet/core/sha256.h"
#include "discreet/mitigate/distillation/distilled_model.h"
#include "discreet/nn/hidden_rows.h"
#include "discreet/nn/model.h"
#include "discreet/nn/pretrained/model.h"
#include "discreet/nn/token_batches.h"

namespace discreet::app {
namespace fs = std::filesystem;
namespace {

/// A classifier of the Hugging Face layout, with its own head and labels.
RunModel open_classifier(const Settings& settings, const DistillOptions& distill, const fs::path& folder) {
  const auto model = nn::open_pretrained(folder);
  if (model->head().head != nn::PretrainedHead::kSequence) {
    throw usage_error(fmt::format("distill.teacher = \"{}\" classifies no texts ({})", folder.string(), model->head().class_name),
                      "Name a model with a sequence classifier's head, or a run.");
  }
  RunModel opened{.settings = settings, .encoder = teacher_encoder(settings, distill)};
  text::LabelSetBuilder labels;
  for (const std::string& label : model->source().config.labels) labels.add(label);
  opened.encoder.intents = labels.build();
  // Logits stand in the order of the folder, labels are kept sorted: only an order that is both can be trusted.
  if (opened.encoder.intents.names() != model->source().config.labels) {
    throw usage_error(fmt::format("{}: its labels do not stand in alphabetical order", folder.string()),
                      "Import it as a run first, or rename the labels in config.json.");
  }
  opened.model = model;
  opened.model->move_to(find_device(settings.run.device));
  return opened;
}

std::int64_t longest_batch(std::int64_t vocabulary) {
  constexpr std::int64_t kLogits = 1 << 25;  // 128 MiB of logits
  return std::clamp<std::int64_t>(kLogits / std::max<std::int64_t>(1, vocabulary), 64, 4096);
}

std::string bytes_of(const std::vector<std::int64_t>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(std::int64_t)};
}

/// What outputs are a function of.
std::string cache_key(const DistillOptions& distill, const EncodedData& data, const mitigate::TeacherCacheShape& shape) {
  const core::InputFile teacher = core::describe_input("teacher", teacher_folder(distill));
  return core::sha256(fmt::format("{}/{}/{}/{}/", teacher.sha256, shape.vocabulary, shape.kept, shape.hidden) +
                      core::sha256(bytes_of(data.tokens)) + core::sha256(bytes_of(data.offsets)) +
                      core::sha256(bytes_of(data.token_types)));
}

/// Mean divergence of what a cache kept from what the teacher said, over some rows, at the temperature of the soft loss: that
/// spreads the mass among the tokens that were not kept, so that the divergence grows with it.
class KeptCheck {
 public:
  explicit KeptCheck(double temperature) : temperature_(temperature) {}
  void add(const at::Tensor& logits, std::span<const std::int64_t> rows) {
    constexpr std::int64_t kRows = 1000;
    const std::int64_t n = std::min(kRows - static_cast<std::int64_t>(rows_.size()), logits.size(0));
    if (n <= 0) return;
    exact_.push_back(logits.narrow(0, 0, n).to(at::kCPU, at::kFloat).div(temperature_).log_softmax(1));
    rows_.insert(rows_.end(), rows.begin(), rows.begin() + n);
  }
  void finish(const mitigate::TeacherCache& cache, TeacherReport& report) const {
    if (rows_.empty()) return;
    double sum = 0;
    std::size_t first = 0;
    for (const at::Tensor& exact : exact_) {
      const auto n = static_cast<std::size_t>(exact.size(0));
      const at::Tensor kept = cache.outputs(std::span(rows_).subspan(first, n)).log_probs.div(temperature_).log_softmax(1);
      sum += (exact.exp() * (exact - kept)).sum().item<double>();
      first += n;
    }
    report.checked_rows = static_cast<std::int64_t>(rows_.size());
    report.kept_divergence = sum / static_cast<double>(rows_.size());
  }

 private:
  double temperature_;
  std::vector<at::Tensor> exact_;
  std::vector<std::int64_t> rows_;
};

/// What a model reads of example `e`, as bytes.
std::string what_is_read(const EncodedData& data, std::int64_t e) {
  const auto slice = [](const std::vector<std::int64_t>& values, std::int64_t begin, std::int64_t end) {
    return std::string_view(reinterpret_cast<const char*>(values.data() + begin), static_cast<std::size_t>(end - begin) * sizeof(std::int64_t));
  };
  const auto place = static_cast<std::size_t>(e);
  const std::int64_t begin = data.offsets[place], end = data.offsets[place + 1];
  std::string read = fmt::format("{} ", end - begin);
  read += slice(data.tokens, begin, end);
  if (!data.token_types.empty()) read += slice(data.token_types, begin, end);
  if (!data.characters.empty()) {
    const std::int64_t first = data.character_offsets[static_cast<std::size_t>(begin)];
    for (std::int64_t t = begin; t <= end; ++t) read += fmt::format("{} ", data.character_offsets[static_cast<std::size_t>(t)] - first);
    read += slice(data.characters, first, data.character_offsets[static_cast<std::size_t>(end)]);
  }
  return read;
}

/// Outputs for other examples of the same teacher.
struct KnownOutputs {
  const EncodedData* data = nullptr;
  const mitigate::TeacherCache* cache = nullptr;
};

/// For each example of `data` one of `known` that a model reads alike, or -1.
std::vector<std::int64_t> known_examples(const EncodedData& data, const EncodedData* known) {
  std::vector<std::int64_t> found(static_cast<std::size_t>(data.size()), -1);
  if (known == nullptr) return found;
  std::unordered_map<std::string, std::int64_t> places;
  for (std::int64_t e = 0; e < known->size(); ++e) places.emplace(what_is_read(*known, e), e);
  for (std::int64_t e = 0; e < data.size(); ++e) {
    const auto place = places.find(what_is_read(data, e));
    if (place != places.end()) found[static_cast<std::size_t>(e)] = place->second;
  }
  return found;
}

/// The rows of a cache that example `e` has: one for each token, or one.
void append_rows(const EncodedData& data, bool each_token, std::int64_t e, std::vector<std::int64_t>& rows) {
  const std::int64_t begin = each_token ? data.offsets[static_cast<std::size_t>(e)] : e;
  const std::int64_t end = each_token ? data.offsets[static_cast<std::size_t>(e) + 1] : e + 1;
  for (std::int64_t row = begin; row < end; ++row) rows.push_back(row);
}

/// Runs the teacher over `data` and keeps what it says, row by row; what it said of `known` it is not asked again. `report`, if
/// given, hears how far what was kept is from that.
std::shared_ptr<const mitigate::TeacherCache> teacher_outputs(const DistillOptions& distill, RunModel& teacher, const EncodedData& data,
                                                              const mitigate::TeacherCacheShape& shape, const KnownOutputs& known,
                                                              const fs::path& folder, core::OperationContext& context, TeacherReport* report) {
  const std::string key = cache_key(distill, data, shape);
  const fs::path path = folder / (key.substr(0, 16) + ".teacher");
  const bool from_cache = mitigate::has_teacher_cache(path, key);
  if (report != nullptr) report->from_cache = from_cache;
  if (from_cache) return std::make_shared<mitigate::TeacherCache>(path, key);

  const at::NoGradGuard no_grad;
  nn::EncodedExamples examples = to_examples(data);
  examples.tags.clear();
  examples.intents.clear();
  mitigate::TeacherCacheWriter writer(path, shape, key);
  KeptCheck check(distill.temperature);
  const bool each_token = teacher.encoder.language.end >= 0;
  const std::vector<std::int64_t> places = known_examples(data, known.data);
  std::vector<std::int64_t> asked, offsets{0}, from, rows;
  for (std::int64_t e = 0; e < data.size(); ++e) {
    const std::int64_t place = places[static_cast<std::size_t>(e)];
    if (place < 0) {
      asked.push_back(e);
      offsets.push_back(offsets.back() + data.offsets[static_cast<std::size_t>(e) + 1] - data.offsets[static_cast<std::size_t>(e)]);
      continue;
    }
    append_rows(*known.data, each_token, place, from);
    append_rows(data, each_token, e, rows);
  }
  if (known.cache != nullptr) writer.add_copies(*known.cache, from, rows);
  core::Progress progress({.label = "teacher", .unit = "tokens", .total = offsets.back(), .quiet = context.quiet});
  const std::int64_t longest = longest_batch(shape.vocabulary);
  for (std::int64_t begin = 0, end = 0; begin < static_cast<std::int64_t>(asked.size()); begin = end) {
    if (begin > 0 && context.stopping()) throw core::interrupted(context, "The same command begins the teacher's outputs again.");
    end = nn::batch_end(offsets, begin, longest);
    const std::span<const std::int64_t> batch = std::span(asked).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
    rows.clear();
    for (const std::int64_t e : batch) append_rows(data, each_token, e, rows);
    const nn::HiddenRowsScope hidden;
    const nn::ModelOutput output = teacher.model->forward(nn::collate(examples, batch));
    const at::Tensor logits = output.intent_logits.defined() ? output.intent_logits : output.emissions;
    if (logits.size(1) != shape.vocabulary) throw internal_error("a teacher that says something of another size");
    if (report != nullptr) check.add(logits, rows);
    writer.add(logits, hidden.rows(), rows);
    progress.update(offsets[static_cast<std::size_t>(end)], {});
  }
  progress.finish();
  writer.finish();
  auto cache = std::make_shared<mitigate::TeacherCache>(path, key);
  if (report != nullptr) check.finish(*cache, *report);
  return cache;
}

/// The student's examples as the teacher reads them.
EncodedData for_teacher(const RunModel& teacher, const Encoder& student, const EncodedData& data) {
  std::vector<text::Example> examples = data.examples;
  const bool same_words = teacher.encoder.tokenizer->config() == student.tokenizer->config();
  for (text::Example& example : examples) {
    if (same_words || example.text.empty()) continue;
    example.words.clear();
    example.tags.clear();
    text::tokenize_example(*teacher.encoder.tokenizer, example);
  }
  return encode(teacher.encoder, std::move(examples));
}

void check_labels(const Session& session, const RunModel& teacher) {
  static constexpr std::size_t kShown = 10;
  const auto &theirs = teacher.encoder.intents.names(), &ours = session.data.encoder.intents.names();
  if (theirs == ours) return;
  const auto shown = [](const std::vector<std::string>& names) {
    return fmt::format("{}{}", fmt::join(std::span(names).first(std::min(kShown, names.size())), ", "), names.size() > kShown ? ", …" : "");
  };
  throw usage_error(fmt::format("the teacher tells {} classes ({}), the training data have {} ({}); they are not the same", theirs.size(), shown(theirs),
                                ours.size(), shown(ours)),
                    "Distil on data with the teacher's labels, or the classes' numbers from 0, each of them at least once.");
}

void check_task(const Session& session, const RunModel& teacher) {
  if (teacher.settings.task == session.settings.task) return;
  throw usage_error(fmt::format("the teacher was trained for {}, the student's task is {}", teacher.settings.task,
                                session.settings.task),
                    "Give the student the task of its teacher.");
}

void write_report(Session& session, const TeacherReport& report) {
  Json document = {{"rows", report.rows},
                   {"kept", session.distill.kept},
                   {"checked_rows", report.checked_rows},
                   {"temperature", session.distill.temperature},
                   {"from_cache", report.from_cache}};
  if (report.checked_rows > 0) {
    document["kept_divergence"] = report.kept_divergence;
  } else {
    core::set_absent(document, "kept_divergence", "the outputs were found in the cache");
  }
  if (session.distill.reverses()) {
    document["reversed_rows"] = report.reversed_rows;
    document["changed_examples"] = report.changed_examples;
    document["aligned_rows"] = report.aligned_rows;
    document["unaligned_rows"] = report.unaligned_rows;
  }
  session.run.update_manifest({{"teacher", document}});
}

}  // namespace

void name_classes_as(const text::LabelSet& labels, RunModel& teacher) {
  constexpr std::size_t kOfOneDigit = 10;
  const std::vector<std::string>& names = labels.names();
  if (names.size() > kOfOneDigit || names.size() != teacher.encoder.intents.names().size()) return;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] != std::to_string(i)) return;
  }
  teacher.encoder.intents = labels;
}

fs::path own_teacher_cache(const fs::path& run) { return run / "teacher"; }

RunModel open_teacher(const Settings& settings, const DistillOptions& distill) {
  const fs::path folder = teacher_folder(distill);
  if (fs::exists(folder / "encoder.json")) return open_run_model(folder.parent_path(), settings.run.device);
  if (settings.task == "text-classification") return open_classifier(settings, distill, folder);
  Settings own;
  own.task = settings.task;
  own.model.kind = "pretrained";
  own.model.path = folder.string();
  own.data.tokenizer = "subword";
  RunModel opened{.settings = own, .encoder = teacher_encoder(settings, distill)};
  opened.model = make_run_model(own, opened.encoder);
  opened.model->move_to(find_device(settings.run.device));
  opened.model->eval();
  return opened;
}

std::shared_ptr<nn::Model> with_teacher(Session& session, core::OperationContext& context) {
  const DistillOptions& asked = session.distill;
  if (!asked.has_teacher() || session.run.elsewhere()) return session.model;
  if (!alone(session)) {
    throw usage_error("a student learns from its teacher in one process", "Start it without launch, torchrun or mpirun.");
  }
  if (session.settings.privacy.is_private()) lineage_gap(session.settings, asked, session.data.inputs);  // refuses before the work
  RunModel teacher = open_teacher(session.settings, asked);
  set_threads(session.settings.train.threads);
  check_task(session, teacher);
  const bool language = session.data.encoder.language.end >= 0;
  if (!language) {
    name_classes_as(session.data.encoder.intents, teacher);
    check_labels(session, teacher);
  }
  const EncodedData own = language ? EncodedData() : for_teacher(teacher, session.data.encoder, session.data.train);
  const EncodedData& data = language ? session.data.train : own;
  const bool hidden = asked.hidden_cosine > 0 || asked.hidden_squared > 0;
  mitigate::TeacherCacheShape shape{.vocabulary = language ? table_entries(teacher.encoder) : teacher.encoder.intents.size(),
                                    .kept = asked.kept};
  const at::NoGradGuard no_grad;
  {
    // What one example gives says how wide the hidden rows are, and how many tokens there are.
    const std::int64_t first[] = {0};
    nn::EncodedExamples examples = to_examples(data);
    examples.tags.clear();
    examples.intents.clear();
    const nn::HiddenRowsScope scope;
    const nn::ModelOutput output = teacher.model->forward(nn::collate(examples, first));
    shape.vocabulary = (language ? output.emissions : output.intent_logits).size(1);
    if (hidden && !scope.rows().defined()) {
      throw usage_error("the teacher shows no hidden rows", "Set the weights of the hidden-state loss to 0.");
    }
    if (hidden) shape.hidden = scope.rows().size(1);
  }
  const fs::path folder = asked.cache.empty() ? own_teacher_cache(session.run.path()) : fs::path(asked.cache);
  TeacherReport report;
  mitigate::TeacherTargets targets;
  targets.combination = asked.combination;
  targets.on = asked.combine_on == "logits" ? mitigate::CombineOn::kLogits : mitigate::CombineOn::kLogProbs;
  targets.original = teacher_outputs(asked, teacher, data, shape, {}, folder, context, &report);
  report.rows = targets.original->rows();
  if (asked.reverses()) {
    const ReversedRows reversed = reverse_rows(session.settings, asked, teacher.encoder, data);
    mitigate::TeacherCacheShape plain = shape;
    plain.hidden = 0;
    const KnownOutputs known{.data = &data, .cache = targets.original.get()};
    targets.reversed = teacher_outputs(asked, teacher, reversed.reversed, plain, known, folder, context, nullptr);
    targets.aligned = reversed.aligned;
    report.reversed_rows = targets.reversed->rows();
    report.changed_examples = reversed.changed_examples;
    report.aligned_rows = reversed.aligned_rows;
    report.unaligned_rows = reversed.unaligned_rows;
  }
  if (language) {
    targets.offsets = data.offsets;
  } else {
    targets.offsets.resize(static_cast<std::size_t>(data.size()) + 1);
    std::iota(targets.offsets.begin(), targets.offsets.end(), 0);
  }
  write_report(session, report);
  return std::make_shared<mitigate::DistilledModel>(
      session.model, std::move(targets),
      mitigate::DistillationWeights{.temperature = asked.temperature,
                                    .soft = asked.soft,
                                    .hard = asked.hard,
                                    .hidden_cosine = asked.hidden_cosine,
                                    .hidden_squared = asked.hidden_squared});
}

}  // namespace discreet::app
