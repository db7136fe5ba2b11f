#include <algorithm>
#include <chrono>

#include "discreet/app/internal/request_lines.h"
#include "discreet/app/ops/internal/text_writer.h"
#include "discreet/core/error.h"
#include "discreet/core/log.h"
#include "discreet/core/operation.h"
#include "discreet/core/registry.h"

namespace discreet {
namespace app {
namespace {

constexpr std::size_t kPromptsPerBatch = 64;

template <class T>
void take(const Json& request, const char* name, T& to) {
  if (request.contains(name)) to = request.at(name).get<T>();
}

text::EarlyStopping parse_early_stopping(const std::string& name) {
  if (name == "true") return text::EarlyStopping::kTrue;
  if (name == "false") return text::EarlyStopping::kFalse;
  if (name == "never") return text::EarlyStopping::kNever;
  throw usage_error("early_stopping is '" + name + "'", "Choose true, false or never.");
}

/// `request` holds the names of generation_config.json; what it names goes over `options`.
void read_options(const Json& request, text::GenerationOptions& options) {
  take(request, "max_new_tokens", options.max_new_tokens);
  if (request.contains("max_new_tokens")) options.max_length = 0;
  take(request, "min_length", options.min_length);
  take(request, "min_new_tokens", options.min_new_tokens);
  take(request, "repetition_penalty", options.repetition_penalty);
  take(request, "no_repeat_ngram_size", options.no_repeat_ngram_size);
  take(request, "bad_words_ids", options.forbidden_words);
  take(request, "eos_token_id", options.end);
  take(request, "do_sample", options.sample);
  take(request, "temperature", options.temperature);
  take(request, "top_k", options.top_k);
  take(request, "top_p", options.top_p);
  take(request, "min_p", options.min_p);
  take(request, "typical_p", options.typical_p);
  take(request, "seed", options.seed);
  take(request, "num_beams", options.beams);
  take(request, "length_penalty", options.length_penalty);
  take(request, "num_return_sequences", options.sequences);
  if (request.contains("early_stopping")) {
    options.early_stopping = parse_early_stopping(request.at("early_stopping").get<std::string>());
  }
}

std::vector<std::int64_t> parse_prompt(const std::string& line, const std::string& origin,
                                       const TextWriter& writer) {
  const Json request = core::parse_json(line, origin);
  if (request.is_object() && request.contains("input_ids")) {
    const Json& ids = request.at("input_ids");
    const bool numbers = ids.is_array() && std::ranges::all_of(ids, [](const Json& id) {
      return id.is_number_integer();
    });
    if (!numbers || ids.empty()) throw bad_data(origin + ": \"input_ids\" is no list of token ids");
    return ids.get<std::vector<std::int64_t>>();
  }
  if (request.is_object() && request.contains("text") && request.at("text").is_string()) {
    return writer.encode(request.at("text").get<std::string>());
  }
  throw bad_data(origin + ": expected {\"text\":\"…\"} or {\"input_ids\":[…]}");
}

class Generation {
 public:
  Generation(TextWriter& writer, text::GenerationOptions options, bool stream,
             core::OperationContext& context)
      : writer_(writer), options_(std::move(options)), stream_(stream), context_(context) {}

  void add(std::vector<std::int64_t> prompt) { prompts_.push_back(std::move(prompt)); }
  std::size_t waiting() const { return prompts_.size(); }
  Json summary() const {
    return {{"schema", "discreet.generate/1"}, {"n", texts_}, {"tokens", tokens_}, {"seconds", seconds_}};
  }

  void write() {
    if (prompts_.empty()) return;
    text::OnToken on_token;
    if (stream_) {
      on_token = [&](std::size_t prompt, std::size_t sequence, std::int64_t id) {
        context_.emit({{"prompt", options_.first_prompt + prompt},
                       {"sequence", sequence},
                       {"id", id},
                       {"piece", writer_.decode(std::vector<std::int64_t>{id})}});
      };
    }
    const auto begin = std::chrono::steady_clock::now();
    const auto texts = writer_.write(prompts_, options_, on_token);
    seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    for (std::size_t p = 0; p < texts.size(); ++p) {
      for (std::size_t s = 0; s < texts[p].size(); ++s) emit(p, s, texts[p][s]);
    }
    options_.first_prompt += prompts_.size();
    prompts_.clear();
  }

 private:
  void emit(std::size_t prompt, std::size_t sequence, const text::GeneratedText& text) {
    Json line = {{"prompt", options_.first_prompt + prompt},
                 {"sequence", sequence},
                 {"text", writer_.decode(text.ids)},
                 {"ids", text.ids},
                 {"prompt_ids", prompts_[prompt]},
                 {"log_prob", text.log_prob},
                 {"ended", text.ended}};
    if (options_.beams > 1) line["score"] = text.score;
    context_.emit(line);
    ++texts_;
    tokens_ += static_cast<std::int64_t>(text.ids.size());
  }

  TextWriter& writer_;
  text::GenerationOptions options_;
  bool stream_;
  core::OperationContext& context_;
  std::vector<std::vector<std::int64_t>> prompts_;
  std::int64_t texts_ = 0, tokens_ = 0;
  double seconds_ = 0;
};

void read_prompts(const Json& request, TextWriter& writer, Generation& generation,
                  const core::OperationContext& context) {
  internal::RequestLines input(request);
  std::string line;
  while (input.next(line, context)) {
    generation.add(parse_prompt(line, input.origin(), writer));
    if (generation.waiting() == kPromptsPerBatch || input.awaited()) generation.write();
  }
  generation.write();
}

Json generate_texts(const Json& request, core::OperationContext& context) {
  const std::string device = request.value("device", "cpu");
  const auto writer = request.contains("model")
                          ? open_folder_writer(request.at("model").get<std::string>(), device)
                          : open_run_writer(request.at("run").get<std::string>(), device);
  text::GenerationOptions options = writer->defaults();
  read_options(request, options);
  ask_self_debias(*writer, request, options);
  text::check_generation(options);
  const bool stream = request.value("stream", false);
  if (stream && options.beams > 1) {
    throw usage_error("a beam search knows its texts only at the end: nothing to stream",
                      "Leave out --stream or --beams.");
  }
  options.before_step = [&context] {
    if (context.stopping()) throw core::interrupted(context, "Texts that were written before stand.");
  };
  Generation generation(*writer, options, stream, context);
  if (request.contains("prompt")) {
    generation.add(writer->encode(request.at("prompt").get<std::string>()));
    generation.write();
  } else {
    read_prompts(request, *writer, generation, context);
  }
  const Json summary = generation.summary();
  const double seconds = summary.at("seconds").get<double>();
  const auto tokens = summary.at("tokens").get<std::int64_t>();
  if (seconds > 0 && !context.quiet) {
    core::log_info("{} tokens in {:.2f} s: {:.0f} tokens/s", tokens, seconds,
                   static_cast<double>(tokens) / seconds);
  }
  return summary;
}

}  // namespace
}  // namespace app

void register_operation_generate(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "generate",
                .summary = "Texts that a language model writes, or makes of a source text",
                .make = core::Operation(&app::generate_texts)});
}

}  // namespace discreet
