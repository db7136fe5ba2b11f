#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>

#include "discreet/app/internal/signal_files.h"
#include "discreet/app/membership_signals.h"
#include "discreet/app/ops/internal/model_signals.h"
#include "discreet/app/ops/internal/neighbours.h"
#include "discreet/app/subwords.h"
#include "discreet/app/table.h"
#include "discreet/core/error.h"
#include "discreet/core/operation.h"
#include "discreet/core/registry.h"
#include "discreet/nn/pretrained/model.h"

namespace discreet {
namespace app {
namespace {

/// A causal model of a folder, with its tokenizer.
class CausalFolder {
 public:
  explicit CausalFolder(const std::filesystem::path& folder)
      : folder_(folder), model_(nn::open_pretrained(folder)), subwords_(Subwords::load(folder)) {
    if (model_->head().head == nn::PretrainedHead::kNextToken) return;
    throw usage_error(fmt::format("{}: not a model of the next token ({})", folder.string(), model_->head().class_name),
                      "These attacks are on causal language models; a classifier's outputs go into --signals.");
  }

  /// Each token but the first is told by those before it; of a text that is too long, the beginning.
  EncodedData encode(const std::vector<std::string>& texts) const {
    const Frame& frame = subwords_->single();
    const auto longest = static_cast<std::size_t>(model_->source().form.longest) + 1;
    EncodedData data;
    for (const std::string& text : texts) {
      std::vector<std::int64_t> ids = frame.before;
      for (const Piece& piece : subwords_->pieces(text)) ids.push_back(piece.id);
      ids.insert(ids.end(), frame.after.begin(), frame.after.end());
      if (ids.size() > longest) {
        ids.resize(longest);
        ++data.cut_examples;
      }
      for (std::size_t t = 0; t + 1 < ids.size(); ++t) {
        data.tokens.push_back(ids[t]);
        data.tags.push_back(ids[t + 1]);
      }
      data.offsets.push_back(static_cast<std::int64_t>(data.tokens.size()));
    }
    return data;
  }

  ModelSignals signals(const EncodedData& data) const {
    return signals_of(*model_, data, SignalForm::kTokens, vocabulary());
  }
  std::int64_t vocabulary() const { return model_->source().form.vocabulary; }
  nn::Model& model() const { return *model_; }
  core::InputFile input(const std::string& role) const { return core::describe_input(role, folder_); }

 private:
  std::filesystem::path folder_;
  std::shared_ptr<nn::PretrainedModel> model_;
  std::shared_ptr<const Subwords> subwords_;
};

/// The lines of --data that have something to tell.
struct AuditedTexts {
  AuditedRows rows;
  std::vector<std::int64_t> user;  // numbers for the file of signals
};

AuditedTexts read_texts(const std::filesystem::path& path, const SignalAuditOptions& options) {
  const std::vector<std::string> there = table_columns(path);
  const auto has = [&](const std::string& name) { return std::find(there.begin(), there.end(), name) != there.end(); };
  std::vector<std::string> names = {"member", "text"}, columns = options.slices;
  columns.insert(columns.end(), options.report.blind.begin(), options.report.blind.end());
  std::erase(columns, "length");
  std::sort(columns.begin(), columns.end());
  columns.erase(std::unique(columns.begin(), columns.end()), columns.end());
  for (const char* name : {"id", "user"}) {
    if (has(name)) names.emplace_back(name);
  }
  names.insert(names.end(), columns.begin(), columns.end());
  const Table table = read_table(path, names);
  AuditedTexts texts;
  std::map<std::string, std::int64_t> users;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string& member = table.column("member")[row];
    const bool yes = member == "1" || member == "true";
    if (!yes && member != "0" && member != "false") {
      throw bad_data(fmt::format("{}: member is '{}', expected 0 or 1", table.where(row), member),
                     "1 marks a text that was in the training data, 0 one that was not.");
    }
    texts.rows.member.push_back(yes ? 1 : 0);
    texts.rows.id.push_back(has("id") ? table.column("id")[row] : fmt::format("{}", row + 1));
    texts.rows.text.push_back(table.column("text")[row]);
    for (const std::string& name : columns) texts.rows.columns[name].push_back(table.column(name)[row]);
    if (!has("user")) continue;
    texts.rows.user.push_back(table.column("user")[row]);
    texts.user.push_back(users.try_emplace(texts.rows.user.back(), static_cast<std::int64_t>(users.size())).first->second);
  }
  return texts;
}

template <class T>
void keep_values(std::vector<T>& values, const std::vector<std::size_t>& rows) {
  if (values.empty()) return;
  std::vector<T> kept;
  for (const std::size_t row : rows) kept.push_back(values[row]);
  values = std::move(kept);
}

void keep_rows(AuditedTexts& texts, const std::vector<std::size_t>& rows) {
  keep_values(texts.rows.id, rows);
  keep_values(texts.rows.member, rows);
  keep_values(texts.rows.text, rows);
  keep_values(texts.rows.user, rows);
  keep_values(texts.user, rows);
  for (auto& [name, values] : texts.rows.columns) keep_values(values, rows);
}

/// Per token of the target, so that models with other tokenizers compare.
void add_reference(const CausalFolder& reference, const AuditedTexts& texts, std::size_t place,
                   internal::SignalTable& table) {
  const ModelSignals signals = reference.signals(reference.encode(texts.rows.text));
  for (std::size_t i = 0; i < texts.rows.size(); ++i) {
    double nats = 0;
    for (auto t = signals.offsets[i]; t < signals.offsets[i + 1]; ++t) nats -= signals.token_log_probs[t];
    table.shadow_loss[i * table.models + place] = nats / static_cast<double>(table.offsets[i + 1] - table.offsets[i]);
  }
}

/// Request: model and references (folders), data (a file with text and member); what signal_audit_options reads
/// (attacks: all that can run if absent); neighbours, neighbour_share, neighbour_model; out.
Json membership_of_model(const Json& request, core::OperationContext&) {
  SignalAuditOptions options = signal_audit_options(request);
  if (options.attacks == std::vector<std::string>{"all"}) options.attacks.clear();
  const std::filesystem::path file = request.at("data").get<std::string>();
  const CausalFolder target(request.at("model").get<std::string>());
  AuditedTexts texts = read_texts(file, options);
  const EncodedData data = target.encode(texts.rows.text);
  const ModelSignals signals = target.signals(data);

  internal::SignalTable table;
  table.offsets.push_back(0);
  std::vector<std::size_t> told;
  for (std::size_t i = 0; i < texts.rows.size(); ++i) {
    if (!std::isfinite(signals.loss[i])) continue;
    told.push_back(i);
    const auto append = [&](const std::vector<double>& from, std::vector<double>& to) {
      to.insert(to.end(), from.begin() + signals.offsets[i], from.begin() + signals.offsets[i + 1]);
    };
    append(signals.token_log_probs, table.token_log_probs);
    append(signals.token_means, table.token_means);
    append(signals.token_deviations, table.token_deviations);
    table.offsets.push_back(static_cast<std::int64_t>(table.token_log_probs.size()));
    table.length.push_back(static_cast<double>(signals.offsets[i + 1] - signals.offsets[i]));
    table.zlib_bytes.push_back(internal::zlib_bytes_of(texts.rows.text[i]));
  }
  const std::size_t untold = texts.rows.size() - told.size();
  keep_rows(texts, told);
  if (told.empty()) throw bad_data(file.string() + ": no text of two tokens or more");
  table.member = texts.rows.member;
  table.user = texts.user;
  for (const std::size_t row : told) table.id.push_back(static_cast<std::int64_t>(row) + 1);

  std::vector<core::InputFile> inputs = {target.input("model"), core::describe_input("data", file)};
  const auto references = request.value("references", std::vector<std::string>{});
  table.models = references.size();
  table.shadow_loss.resize(table.models * told.size());
  for (std::size_t m = 0; m < references.size(); ++m) {
    const CausalFolder reference(references[m]);
    add_reference(reference, texts, m, table);
    inputs.push_back(reference.input("reference"));
  }
  Json configuration = signal_configuration(options);
  const auto names = options.attacks.empty() ? attack_names() : options.attacks;
  if (std::any_of(names.begin(), names.end(), &needs_neighbours)) {
    const NeighbourOptions asked = neighbour_options(request, options.report.statistics.seed);
    table.neighbours = neighbour_log_probs(
        target.model(), texts.rows.text, target.vocabulary(),
        [&](const std::vector<std::string>& copies) { return target.encode(copies); }, asked);
    configuration["neighbours"] = to_json(asked);
  }

  Json document = core::make_document(
      {.schema = "discreet.audit.membership/1", .configuration = configuration, .inputs = inputs});
  // Without --out nothing is kept; the attacks read the same file in either case.
  const bool kept = request.contains("out");
  std::filesystem::path stem = kept ? std::filesystem::path(request["out"].get<std::string>())
                                    : std::filesystem::temp_directory_path() / fmt::format("discreet-{}", ::getpid());
  if (stem.extension() == ".json") stem.replace_extension();
  const std::filesystem::path written = internal::write_signals(stem.string() + "-signals", table);
  if (kept) document["signals"] = core::to_json(core::describe_input("signals", written));
  MembershipSignals read = read_membership_signals(written, {});
  if (!kept) std::filesystem::remove(written);
  texts.rows.length = read.rows.length;
  read.rows = texts.rows;
  attack_signals(std::move(read), options, file.string(), document);
  if (untold > 0) {
    document["caveats"].push_back(fmt::format("{} texts of fewer than two tokens were left out.", untold));
  }
  if (data.cut_examples > 0) {
    document["caveats"].push_back(fmt::format("{} texts are longer than the model reads: their ends were not looked at.",
                                              data.cut_examples));
  }
  if (request.contains("out")) core::write_document(request["out"].get<std::string>(), document);
  return document;
}

}  // namespace
}  // namespace app

void register_operation_membership_model(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "membership-model",
                .summary = "Membership inference on a causal language model's folder, by what it says of tokens",
                .reference = "Shi et al. 2024; Zhang et al. 2024; Carlini et al. 2021; Mattern et al. 2023",
                .make = core::Operation(&app::membership_of_model)});
}

}  // namespace discreet
