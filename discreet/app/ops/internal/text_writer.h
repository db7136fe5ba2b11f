#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "discreet/app/run_data.h"
#include "discreet/core/json.h"
#include "discreet/text/generation/search.h"

namespace discreet::nn {
class Model;
}  // namespace discreet::nn

namespace discreet::app {

/// A trained model as something that writes texts.
class TextWriter {
 public:
  virtual ~TextWriter() = default;
  /// What the model's own files say of how it writes; flags go over it.
  virtual text::GenerationOptions defaults() const = 0;
  /// What a prompt's text is to the model, special tokens included. Throws: kUsage without a tokenizer.
  virtual std::vector<std::int64_t> encode(const std::string& prompt) const = 0;
  /// The text of new tokens, without end marks and special tokens. "" without a tokenizer.
  virtual std::string decode(std::span<const std::int64_t> ids) const = 0;
  /// Continues the prompts, or answers them where the model goes from text to text.
  virtual std::vector<std::vector<text::GeneratedText>> write(
      std::span<const std::vector<std::int64_t>> prompts, const text::GenerationOptions& options,
      const text::OnToken& on_token) = 0;
};

/// What the model of task seq2seq writes for each source of `data`, most likely tokens, in its order.
/// Throws: kInternal for another model.
std::vector<std::string> write_targets(const std::shared_ptr<nn::Model>& model, const Encoder& encoder,
                                       const EncodedData& data);

/// Throws: kUsage if Self-Debias is asked of a model that goes from text to text.
void refuse_self_debias(const text::GenerationOptions& options);

/// Puts what a request says of Self-Debias into `options`: self_debias (a list of prefixes), self_debias_decay,
/// self_debias_floor. Nothing without the first.
void ask_self_debias(const TextWriter& writer, const Json& request, text::GenerationOptions& options);

/// `run`: of a task that writes texts. Throws: kUsage for another; kBadData as open_run_model.
std::unique_ptr<TextWriter> open_run_writer(const std::filesystem::path& run, const std::string& device = "cpu");

/// `folder`: a causal model, BART or T5 in the Hugging Face layout; how it writes by default stands in its
/// generation_config.json. Throws: kBadData for files that do not fit; kUsage for models that write no
/// texts, and for options there that are not supported, by name.
std::unique_ptr<TextWriter> open_folder_writer(const std::filesystem::path& folder, const std::string& device = "cpu");

}  // namespace discreet::app
