#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "discreet/app/internal/request_lines.h"
#include "discreet/core/error.h"
#include "discreet/core/operation.h"
#include "discreet/core/registry.h"
#include "discreet/nn/batch.h"
#include "discreet/nn/pretrained/adapter.h"
#include "discreet/nn/pretrained/model.h"
#include "discreet/text/subword/subword_tokenizer.h"

namespace discreet {
namespace app {
namespace {

constexpr std::int64_t kRunTokens = 1024;            // of a batch at most
constexpr std::int64_t kRunValues = std::int64_t{1} << 24;  // of a batch's logits at most, beyond one line

/// A line's tokens.
struct RunLine {
  std::vector<std::int64_t> ids, types;
};

std::vector<std::int64_t> ids_under(const Json& request, const char* key, std::int64_t entries,
                                    const std::string& origin) {
  std::vector<std::int64_t> ids;
  if (!request[key].is_array()) throw bad_data(fmt::format("{}: \"{}\" is not a list", origin, key));
  for (const Json& id : request[key]) {
    if (!id.is_number_integer() || id.get<std::int64_t>() < 0 || id.get<std::int64_t>() >= entries) {
      throw bad_data(fmt::format("{}: \"{}\" holds {}, expected a whole number from 0 to {}", origin, key,
                                 id.dump(), entries - 1));
    }
    ids.push_back(id.get<std::int64_t>());
  }
  return ids;
}

std::string join(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

/// What is not understood must not be passed over: it would change what the model computes.
void check_keys(const Json& request, const std::string& origin) {
  if (!request.is_object()) return;
  const bool ids = request.contains("input_ids");
  if (!ids && !request.contains("text")) return;  // refused where it is read
  for (const auto& [key, value] : request.items()) {
    const bool known = ids ? key == "input_ids" || key == "token_type_ids" || key == "attention_mask"
                           : key == "text" || key == "text_pair";
    if (known) continue;
    throw bad_data(fmt::format("{}: \"{}\" is not known here", origin, key.substr(0, 80)),
                   ids ? "Beside \"input_ids\" may stand \"token_type_ids\" and \"attention_mask\"; positions are the form's own."
                       : "Beside \"text\" may stand \"text_pair\".");
  }
}

/// Each line is a batch of its own, so that there is nothing to mask: a mask of ones says what is so anyway.
void check_mask(const Json& request, std::size_t length, const std::string& origin) {
  if (!request.contains("attention_mask")) return;
  const std::vector<std::int64_t> mask = ids_under(request, "attention_mask", 2, origin);
  if (mask.size() != length) {
    throw bad_data(fmt::format("{}: {} values of \"attention_mask\" for {} tokens", origin, mask.size(), length));
  }
  if (std::find(mask.begin(), mask.end(), 0) != mask.end()) {
    throw bad_data(origin + ": \"attention_mask\" masks tokens out, which is not supported",
                   "Leave padding out: lines need not be equally long.");
  }
}

/// One model and the lines that wait for it.
class ModelRunner {
 public:
  /// `adapter`: a folder in PEFT's layout, or empty.
  ModelRunner(const std::string& folder, const std::string& adapter, core::OperationContext& context)
      : folder_(folder), model_(nn::open_pretrained(folder, &loaded_)), context_(context) {
    if (!adapter.empty()) {
      nn::put_adapter(*model_, nn::read_adapter(adapter, model_->source()));
    }
    if (!context.quiet && !loaded_.passed_over.empty()) {
      fmt::print(stderr, "not used by {}: {}\n", model_->head().class_name,
                 join(loaded_.passed_over));
    }
  }

  void add(const std::string& line, const std::string& origin) {
    RunLine parsed = parse(line, origin);
    const auto more = static_cast<std::int64_t>(parsed.ids.size());
    if (!lines_.empty() && (tokens_ + more > kRunTokens || (tokens_ + more) * columns() > kRunValues)) {
      flush();
    }
    tokens_ += more;
    lines_.push_back(std::move(parsed));
  }

  void flush() {
    if (lines_.empty()) return;
    nn::EncodedExamples data;
    for (const RunLine& line : lines_) {
      data.tokens.insert(data.tokens.end(), line.ids.begin(), line.ids.end());
      data.token_types.insert(data.token_types.end(), line.types.begin(), line.types.end());
      data.offsets.push_back(static_cast<std::int64_t>(data.tokens.size()));
    }
    std::vector<std::int64_t> all(lines_.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i);
    const at::NoGradGuard no_gradients;
    const nn::PackedBatch batch = nn::collate(data, all);
    const nn::ModelOutput output = model_->forward(batch);
    for (std::int64_t e = 0; e < batch.examples(); ++e) {
      const bool sequence = output.intent_logits.defined();
      const at::Tensor rows =
          sequence ? output.intent_logits.narrow(0, e, 1)
                   : output.emissions.narrow(0, batch.offsets[e], batch.offsets[e + 1] - batch.offsets[e]);
      context_.emit({{bare() ? "last_hidden_state" : "logits", list_of(rows)}});
    }
    lines_.clear();
    tokens_ = 0;
  }

 private:
  bool bare() const { return model_->head().head == nn::PretrainedHead::kNone; }
  std::int64_t columns() const {
    const bool words = model_->head().head == nn::PretrainedHead::kMaskedTokens ||
                       model_->head().head == nn::PretrainedHead::kNextToken;
    return words ? model_->source().form.vocabulary : model_->source().form.width;
  }

  RunLine parse(const std::string& line, const std::string& origin) {
    const Json request = core::parse_json(line, origin);
    const nn::PretrainedForm& form = model_->source().form;
    RunLine parsed;
    check_keys(request, origin);
    if (request.is_object() && request.contains("input_ids")) {
      parsed.ids = ids_under(request, "input_ids", form.vocabulary, origin);
      parsed.types.assign(parsed.ids.size(), 0);
      if (request.contains("token_type_ids")) {
        parsed.types =
            ids_under(request, "token_type_ids", std::max<std::int64_t>(1, form.token_types), origin);
      }
      check_mask(request, parsed.ids.size(), origin);
    } else {
      parsed = parse_text(request, origin);
    }
    const auto length = static_cast<std::int64_t>(parsed.ids.size());
    if (parsed.types.size() != parsed.ids.size()) {
      throw bad_data(fmt::format("{}: {} token types for {} tokens", origin, parsed.types.size(), length));
    }
    if (length == 0 || length > form.longest) {
      throw bad_data(fmt::format("{}: {} tokens, expected 1 to {}", origin, length, form.longest));
    }
    return parsed;
  }

  /// A text, or two, with the special tokens of the folder's tokenizer.
  RunLine parse_text(const Json& request, const std::string& origin) {
    const auto is_text = [&](const char* key) { return request.contains(key) && request[key].is_string(); };
    if (!request.is_object() || !is_text("text") || (request.contains("text_pair") && !is_text("text_pair"))) {
      throw bad_data(origin + ": expected {\"input_ids\":[…]} or {\"text\":\"…\"}");
    }
    if (!tokenizer_) tokenizer_.emplace(text::SubwordTokenizer::load(folder_));
    const auto text = request["text"].get<std::string>();
    const auto encoding = request.contains("text_pair")
                                        ? tokenizer_->encode_pair(text, request["text_pair"].get<std::string>())
                                        : tokenizer_->encode(text);
    const nn::PretrainedForm& form = model_->source().form;
    RunLine parsed;
    for (const std::int32_t id : encoding.ids) {
      if (id >= form.vocabulary) {
        throw bad_data(fmt::format("{}: the tokenizer has an id {}, the model {} tokens", folder_, id,
                                   form.vocabulary));
      }
      parsed.ids.push_back(id);
    }
    for (const std::int32_t type : encoding.type_ids) {
      parsed.types.push_back(std::min<std::int64_t>(type, std::max<std::int64_t>(0, form.token_types - 1)));
    }
    return parsed;
  }

  static Json list_of(const at::Tensor& rows) {
    const at::Tensor host = rows.to(at::kCPU, at::kFloat).contiguous();
    const float* values = host.const_data_ptr<float>();
    Json list = Json::array();
    for (std::int64_t r = 0; r < host.size(0); ++r) {
      list.push_back(std::vector<float>(values + r * host.size(1), values + (r + 1) * host.size(1)));
    }
    return list;
  }

  std::string folder_;
  std::optional<text::SubwordTokenizer> tokenizer_;  // read when the first text comes
  nn::LoadedWeights loaded_;
  std::shared_ptr<nn::PretrainedModel> model_;
  core::OperationContext& context_;
  std::vector<RunLine> lines_;
  std::int64_t tokens_ = 0;
};

Json run_lines(const Json& request, core::OperationContext& context) {
  ModelRunner runner(request.at("model").get<std::string>(), request.value("adapter", ""), context);
  internal::RequestLines input(request);
  std::string line;
  while (input.next(line, context)) {
    try {
      runner.add(line, input.origin());
    } catch (const Error&) {
      runner.flush();  // the lines before a bad one are answered
      throw;
    }
    if (input.awaited()) runner.flush();
  }
  runner.flush();
  return {{"schema", "discreet.model.run/1"}, {"n", input.count()}};
}

}  // namespace
}  // namespace app

void register_operation_model_run(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "model-run",
                .summary = "What a model of the Hugging Face layout computes of JSON lines of tokens or texts",
                .make = core::Operation(&app::run_lines)});
}

}  // namespace discreet
