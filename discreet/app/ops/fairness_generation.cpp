#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "discreet/app/generation.h"
#include "discreet/app/ops/internal/text_classifier.h"
#include "discreet/app/ops/internal/text_writer.h"
#include "discreet/app/ops/run_model.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/operation.h"
#include "discreet/core/progress.h"
#include "discreet/core/registry.h"
#include "discreet/core/run_dir.h"
#include "discreet/core/sha256.h"

namespace discreet {
namespace app {
namespace {
namespace fs = std::filesystem;

constexpr const char* kGenerations = "discreet.generations/1";
constexpr std::size_t kAuditPrompts = 64;  // of a batch

GenerationQuestion generation_question(const Json& request) {
  GenerationQuestion question;
  question.vectors = request.value("vectors", "");
  question.hurtful = request.value("hurtful", "");
  question.word_lists = request.value("word_lists", "");
  question.targets = request.value("targets", "");
  question.seed = request.value("seed", question.seed);
  question.resamples = request.value("resamples", question.resamples);
  question.confidence = request.value("confidence", question.confidence);
  question.least = request.value("least", question.least);
  return question;
}

/// What a model writes behind prompts, into a file that grows line by line: what stands there already is
/// kept, if it was made by the same model from the same prompts in the same way.
class PromptedTexts {
 public:
  PromptedTexts(const Json& request, core::OperationContext& context)
      : context_(context),
        path_(request.at("model").get<std::string>()),
        source_(request.at("prompts").get<std::string>()),
        most_(request.value("most_prompts", std::uint64_t{0})),
        per_group_(request.value("prompts_per_group", std::uint64_t{0})) {
    const bool run = core::RunDir::is_run(path_);
    writer_ = run ? open_run_writer(path_) : open_folder_writer(path_);
    input_ = core::describe_input("model", run ? path_ / "model" : path_);
    options_ = writer_->defaults();
    options_.sample = request.value("sample", true);
    options_.max_new_tokens = request.value("max_new_tokens", std::int64_t{40});
    options_.max_length = 0;
    options_.temperature = request.value("temperature", 1.0);
    options_.top_p = request.value("top_p", 1.0);
    options_.top_k = request.value("top_k", std::int64_t{0});
    options_.seed = request.value("generation_seed", std::uint64_t{1});
    options_.sequences = request.value("sequences", std::int64_t{1});
    ask_self_debias(*writer_, request, options_);
    text::check_generation(options_);
    std::map<std::string, std::uint64_t> of_group;
    for_each_prompt(source_, [&](const GenerationRecord& prompt) {
      if (most_ > 0 && prompts_.size() >= most_) return;
      if (per_group_ > 0 && ++of_group[prompt.domain + "\n" + prompt.group] > per_group_) return;
      prompts_.push_back(prompt);
    });
    if (prompts_.empty()) throw bad_data(source_ + ": no prompts");
    std::string text;
    for (const GenerationRecord& prompt : prompts_) text += to_json(prompt).dump() + "\n";
    configuration_ = {{"prompts", prompts_.size()}, {"prompts_sha256", core::sha256(text)}, {"model_sha256", input_.sha256},
                      {"sample", options_.sample}, {"max_new_tokens", options_.max_new_tokens}, {"temperature", options_.temperature},
                      {"top_p", options_.top_p}, {"top_k", options_.top_k}, {"generation_seed", options_.seed},
                      {"sequences", options_.sequences}};
    if (request.contains("self_debias")) {
      configuration_.update({{"self_debias", request["self_debias"]}, {"self_debias_decay", options_.debias_decay},
                             {"self_debias_floor", options_.debias_floor}});
    }
  }

  const core::InputFile& input() const { return input_; }
  const Json& configuration() const { return configuration_; }
  bool run() const { return core::RunDir::is_run(path_); }
  const fs::path& path() const { return path_; }

  /// `file` empty: nothing is kept.
  std::vector<GenerationRecord> write(const fs::path& file) {
    std::vector<GenerationRecord> records;
    std::optional<core::AppendFile> out;
    if (!file.empty()) {
      records = begun(file);
      const bool fresh = !fs::exists(file);
      out.emplace(file);
      if (fresh) out->append(Json{{"schema", kGenerations}, {"configuration", configuration_}}.dump());
    }
    const auto per_prompt = static_cast<std::size_t>(options_.sequences);
    records.resize(records.size() - records.size() % per_prompt);
    std::size_t next = records.size() / per_prompt;
    core::Progress progress({.label = "generate", .unit = "prompts", .total = static_cast<std::int64_t>(prompts_.size()),
                             .start = static_cast<std::int64_t>(next), .quiet = context_.quiet});
    while (next < prompts_.size()) {
      if (context_.stopping()) {
        throw core::interrupted(context_, file.empty() ? "Nothing was kept: name a file with --generations-out to go on from."
                                                       : "Give the same command again to go on.");
      }
      const std::size_t end = std::min(prompts_.size(), next + kAuditPrompts);
      std::vector<std::vector<std::int64_t>> ids;
      for (std::size_t p = next; p < end; ++p) ids.push_back(writer_->encode(prompts_[p].prompt));
      options_.first_prompt = next;
      const auto texts = writer_->write(ids, options_, {});
      for (std::size_t p = next; p < end; ++p) {
        for (const text::GeneratedText& text : texts[p - next]) {
          GenerationRecord record = prompts_[p];
          record.completion = writer_->decode(text.ids);
          if (out) out->append(to_json(record).dump(-1, ' ', false, Json::error_handler_t::replace));
          records.push_back(std::move(record));
        }
      }
      next = end;
      progress.update(static_cast<std::int64_t>(next));
    }
    progress.finish();
    return records;
  }

 private:
  /// The whole prompts' records of a file that was begun. Lines of a prompt that was not finished are cut off.
  std::vector<GenerationRecord> begun(const fs::path& file) const {
    if (!fs::exists(file)) return {};
    std::vector<GenerationRecord> records;
    std::string kept;
    const std::string text = core::read_file(file);
    std::size_t number = 0, pending = 0;
    std::string waiting;
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = text.find('\n', begin);
      if (end == std::string::npos) break;  // torn
      const std::string line = text.substr(begin, end - begin);
      begin = end + 1;
      const std::string where = fmt::format("{}:{}", file.string(), ++number);
      const Json json = core::parse_json(line, where);
      if (number == 1) {
        if (!json.is_object() || json.value("schema", "") != kGenerations) {
          throw usage_error(file.string() + " exists and is no file of generations", "Name another file.");
        }
        if (json.value("configuration", Json()) != configuration_) {
          throw usage_error(file.string() + " was begun with another model, other prompts or other options",
                            "Name another file, or give the command that began it.");
        }
        kept = line + "\n";
        continue;
      }
      records.push_back(generation_of(json, where, true));
      waiting += line + "\n";
      if (++pending == static_cast<std::size_t>(options_.sequences)) {
        kept += waiting;
        waiting.clear();
        pending = 0;
      }
    }
    records.resize(records.size() - pending);
    if (kept.size() != text.size()) core::write_file_atomically(file, kept);
    if (kept.empty()) fs::remove(file);
    return records;
  }

  core::OperationContext& context_;
  fs::path path_;
  std::string source_;
  std::uint64_t most_, per_group_;
  std::unique_ptr<TextWriter> writer_;
  core::InputFile input_;
  text::GenerationOptions options_;
  std::vector<GenerationRecord> prompts_;
  Json configuration_;
};

/// The text that a classifier reads: prompt and completion, for regard with the mention hidden.
std::string classified_text(const GenerationRecord& record, const std::string& role) {
  const bool space = !record.prompt.empty() && record.prompt.back() != ' ' && !record.completion.empty() && record.completion.front() != ' ';
  std::string text = record.prompt + (space ? " " : "") + record.completion;
  if (role != "regard" || record.mention.empty()) return text;
  std::string lower = text, mention = record.mention;
  const auto fold = [](std::string& s) {
    for (char& c : s) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  fold(lower);
  fold(mention);
  for (std::size_t at = lower.find(mention); at != std::string::npos; at = lower.find(mention, at + 3)) {
    text.replace(at, mention.size(), "XYZ");
    lower.replace(at, mention.size(), "XYZ");
  }
  return text;
}

ClassifierLabels classify(const std::string& role, TextClassifier& classifier, const std::vector<GenerationRecord>& records) {
  std::vector<std::string> texts;
  for (const GenerationRecord& record : records) texts.push_back(classified_text(record, role));
  ClassifierLabels labels;
  labels.role = role;
  labels.classes = classifier.classes();
  labels.labels = classifier.classify(texts);
  labels.input = classifier.input();
  labels.input.role = role + "_classifier";
  labels.caveat = classifier.known();
  return labels;
}

/// Request: generations (a file) or model with prompts (a file, or a built-in set) and how to write;
/// generations_out; sentiment, toxicity, regard (classifiers: folders or runs); toxic_labels: those of which any is toxic; the question's files; out.
Json generation_audit(const Json& request, core::OperationContext& context) {
  // Before anything is written: what is wrong with them shows at once.
  std::vector<std::pair<std::string, std::unique_ptr<TextClassifier>>> classifiers;
  for (const char* role : {"sentiment", "toxicity", "regard"}) {
    const auto counted = request.value(std::string(role) == "toxicity" ? "toxic_labels" : "", std::vector<std::string>{});
    if (request.contains(role)) classifiers.emplace_back(role, open_text_classifier(request[role].get<std::string>(), counted));
  }
  std::vector<GenerationRecord> records;
  std::vector<core::InputFile> inputs;
  Json configuration = Json::object();
  fs::path run;
  if (request.contains("generations")) {
    const fs::path file = request["generations"].get<std::string>();
    records = read_generations(file);
    inputs.push_back(core::describe_input("generations", file));
  } else {
    PromptedTexts texts(request, context);
    records = texts.write(request.value("generations_out", ""));
    inputs.push_back(texts.input());
    configuration = texts.configuration();
    if (texts.run()) run = texts.path();
  }
  std::vector<ClassifierLabels> labels;
  for (const auto& [role, classifier] : classifiers) labels.push_back(classify(role, *classifier, records));
  if (request.contains("toxic_labels")) configuration["toxic_labels"] = request["toxic_labels"];
  Json document = generation_document(records, labels, generation_question(request), inputs, configuration);
  write_model_finding(request, run, document);
  return document;
}

}  // namespace
}  // namespace app

void register_operation_fairness_generation(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "fairness-generation",
                .summary = "What a causal model writes behind prompts of groups: polarity, hurtful words, representation, classes",
                .make = core::Operation(&app::generation_audit)});
}

}  // namespace discreet
