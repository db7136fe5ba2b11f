#include "discreet/app/ops/internal/text_writer.h"

#include <algorithm>
#include <optional>

#include "discreet/app/ops/internal/device.h"
#include "discreet/app/subwords.h"
#include "discreet/core/error.h"
#include "discreet/formats/generation_config.h"
#include "discreet/formats/pretrained_config.h"
#include "discreet/nn/decoder.h"
#include "discreet/nn/pretrained/model.h"
#include "discreet/nn/pretrained/sequence.h"
#include "discreet/nn/sequence_decoder.h"

namespace discreet::app {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kUsualNewTokens = 64;
constexpr std::int64_t kUsualTopK = 50;  // transformers' own, where it samples

template <class T, class U>
void take_given(const std::optional<T>& from, U& to) {
  if (from) to = static_cast<U>(*from);
}

void refuse(const fs::path& folder, const std::string& key) {
  throw usage_error(folder.string() + ": generation_config.json asks for " + key + ", which is not supported",
                    "Remove the key, or generate with transformers.");
}

bool has_generation_config(const fs::path& folder) { return fs::exists(folder / "generation_config.json"); }

text::GenerationOptions options_of_folder(const fs::path& folder, const formats::PretrainedConfig& model) {
  const formats::GenerationConfig config = formats::read_generation_config(folder);
  for (const auto& [key, value] : config.unsupported.items()) refuse(folder, key);
  if (config.epsilon_cutoff.value_or(0) > 0) refuse(folder, "epsilon_cutoff");
  if (config.eta_cutoff.value_or(0) > 0) refuse(folder, "eta_cutoff");
  if (config.renormalize_logits.value_or(false)) refuse(folder, "renormalize_logits");
  if (!config.begin_suppress_tokens.empty()) refuse(folder, "begin_suppress_tokens");
  text::GenerationOptions options;
  options.max_new_tokens = kUsualNewTokens;
  if (config.max_new_tokens) {
    options.max_new_tokens = *config.max_new_tokens;
  } else if (config.max_length) {
    options.max_new_tokens = options.max_length = *config.max_length;
  }
  take_given(config.min_length, options.min_length);
  take_given(config.min_new_tokens, options.min_new_tokens);
  // As in transformers: with a generation_config.json, config.json has no say in these, absent or null there or not.
  const bool own = has_generation_config(folder);
  options.end = own ? config.eos_token_ids : model.eos_token_ids;
  take_given(own ? config.forced_bos_token_id : model.forced_bos_token_id, options.forced_first);
  options.forced_last = own ? config.forced_eos_token_ids : model.forced_eos_token_ids;
  take_given(config.repetition_penalty, options.repetition_penalty);
  take_given(config.no_repeat_ngram_size, options.no_repeat_ngram_size);
  for (const std::vector<std::int64_t>& word : config.bad_words_ids) {
    // As there: a rule against an end mark by itself would mean texts without an end.
    const bool is_end = word.size() == 1 && std::ranges::count(options.end, word.front()) > 0;
    if (!is_end) options.forbidden_words.push_back(word);
  }
  options.suppressed = config.suppress_tokens;
  take_given(config.do_sample, options.sample);
  take_given(config.temperature, options.temperature);
  options.top_k = config.top_k.value_or(kUsualTopK);
  take_given(config.top_p, options.top_p);
  take_given(config.min_p, options.min_p);
  take_given(config.typical_p, options.typical_p);
  take_given(config.num_beams, options.beams);
  take_given(config.length_penalty, options.length_penalty);
  take_given(config.num_return_sequences, options.sequences);
  if (config.early_stopping == "true") options.early_stopping = text::EarlyStopping::kTrue;
  if (config.early_stopping == "never") options.early_stopping = text::EarlyStopping::kNever;
  return options;
}

/// Null for a kind of tokenizer that is not read: ids do without it.
std::shared_ptr<const Subwords> load_known_tokenizer(const fs::path& folder) {
  try {
    return Subwords::load(folder);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUsage) throw;
    return nullptr;
  }
}

/// What both kinds of folder share: options and tokenizer.
class FolderWriter : public TextWriter {
 public:
  FolderWriter(const fs::path& folder, const formats::PretrainedConfig& config)
      : folder_(folder), options_(options_of_folder(folder, config)) {
    for (const char* file : {"tokenizer.json", "vocab.txt", "vocab.json", "tokenizer.model", "spiece.model"}) {
      if (!fs::exists(folder / file)) continue;
      tokenizer_ = load_known_tokenizer(folder);
      break;
    }
  }
  text::GenerationOptions defaults() const override { return options_; }
  std::vector<std::int64_t> encode(const std::string& prompt) const override {
    if (!tokenizer_) {
      throw usage_error(folder_.string() + ": there is no tokenizer in it",
                        "Give prompts as {\"input_ids\":[…]}.");
    }
    const Frame& frame = tokenizer_->single();
    std::vector<std::int64_t> ids = frame.before;
    for (const Piece& piece : tokenizer_->pieces(prompt)) ids.push_back(piece.id);
    ids.insert(ids.end(), frame.after.begin(), frame.after.end());
    return ids;
  }
  std::string decode(std::span<const std::int64_t> ids) const override {
    return tokenizer_ ? tokenizer_->decode({ids.begin(), ids.end()}) : "";
  }

 private:
  fs::path folder_;
  text::GenerationOptions options_;
  std::shared_ptr<const Subwords> tokenizer_;  // null: ids alone
};

class CausalFolderWriter final : public FolderWriter {
 public:
  CausalFolderWriter(const fs::path& folder, const formats::PretrainedConfig& config,
                     const std::shared_ptr<nn::PretrainedModel>& model)
      : FolderWriter(folder, config),
        model_(model, {config.vocab_size, model->source().form.longest}) {}
  std::vector<std::vector<text::GeneratedText>> write(std::span<const std::vector<std::int64_t>> prompts,
                                                      const text::GenerationOptions& options,
                                                      const text::OnToken& on_token) override {
    return text::generate(model_, prompts, options, on_token);
  }

 private:
  nn::CachedDecoder model_;
};

class SequenceFolderWriter final : public FolderWriter {
 public:
  SequenceFolderWriter(const fs::path& folder, const formats::PretrainedConfig& config,
                       const std::shared_ptr<nn::EncoderDecoder>& model)
      : FolderWriter(folder, config), model_(model) {
    const formats::GenerationConfig generation = formats::read_generation_config(folder);
    // transformers refuses a generation_config.json without either; config.json can only help there.
    const auto own = generation.decoder_start_token_id ? generation.decoder_start_token_id : generation.bos_token_id;
    const auto start = has_generation_config(folder) && own ? own
                       : config.decoder_start_token_id      ? config.decoder_start_token_id
                                                            : config.bos_token_id;
    if (!start) {
      throw bad_data(folder.string() + ": config.json has no decoder_start_token_id and no bos_token_id",
                     "A decoder must begin with some token.");
    }
    start_ = *start;
  }
  std::vector<std::vector<text::GeneratedText>> write(std::span<const std::vector<std::int64_t>> prompts,
                                                      const text::GenerationOptions& options,
                                                      const text::OnToken& on_token) override {
    refuse_self_debias(options);
    model_.read(prompts);
    const std::vector<std::vector<std::int64_t>> begin(prompts.size(), {start_});
    return text::generate(model_, begin, options, on_token);
  }

 private:
  nn::SequenceDecoder model_;
  std::int64_t start_ = 0;
};

}  // namespace

std::unique_ptr<TextWriter> open_folder_writer(const fs::path& folder, const std::string& device) {
  const at::Device where = find_device(device);  // refused before anything is read
  const formats::PretrainedConfig config = formats::read_pretrained_config(folder);
  if (config.is_sequence_to_sequence()) {
    const nn::PretrainedSequence opened = nn::open_pretrained_sequence(folder);
    opened.model->move_to(where);
    return std::make_unique<SequenceFolderWriter>(folder, config, opened.model);
  }
  if (!config.is_causal()) {
    throw usage_error(folder.string() + ": a model of type '" +
                          std::string(formats::model_type_name(config.form)) + "' writes no texts",
                      "Generate from a causal model, BART or T5.");
  }
  const auto model = nn::open_pretrained(folder);
  if (model->head().head != nn::PretrainedHead::kNextToken) {
    throw usage_error(folder.string() + ": the model has no output layer over tokens (" +
                          model->head().class_name + ")",
                      "Generate from a model with a language model's head.");
  }
  model->move_to(where);
  return std::make_unique<CausalFolderWriter>(folder, config, model);
}

}  // namespace discreet::app
