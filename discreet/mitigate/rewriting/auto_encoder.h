#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "discreet/core/random.h"
#include "discreet/mitigate/words/context_noise.h"
#include "discreet/nn/layers/embedding.h"
#include "discreet/nn/layers/gru.h"
#include "discreet/nn/layers/linear.h"
#include "discreet/text/vocabulary.h"

namespace discreet::mitigate {

/// What an auto-encoder looks like.
struct AutoEncoderForm {
  std::int64_t vocabulary = 0;  ///< Words, the unknown one (0) included; behind them the mark that ends a text.
  std::int64_t embedding = 64, hidden = 128;
  std::int64_t context = 32;    ///< Values of the context vector.
  double clip = 1;              ///< Its norm at most, in training as in use.
  bool l1 = false;              ///< The norm is L1, else L2.
  std::int64_t longest = 32;    ///< Words of a text; longer ones are cut.
};

/// A text as ids to one bounded vector, and back: two recurrent readings, one recurrent writer that sees the vector at
/// each word. Ref: Krishna, Gupta and Dupuy 2021 (ADePT), with gated recurrent units.
class AutoEncoder final : public torch::nn::Module {
 public:
  AutoEncoder(const AutoEncoderForm& form, core::ReproducibleRng& rng);
  const AutoEncoderForm& form() const { return form_; }

  /// Clipped context vectors, [B, context], of texts of 1 to `longest` ids.
  at::Tensor contexts(const std::vector<std::vector<std::int64_t>>& texts);
  /// Mean cross entropy per text of writing the texts again from `contexts`, [B]. `seen`: what the writer reads of the
  /// words before, ids as in texts (some made unknown, so that it must rely on the vector).
  at::Tensor losses(const at::Tensor& contexts, const std::vector<std::vector<std::int64_t>>& texts,
                    const std::vector<std::vector<std::int64_t>>& seen);
  /// The likeliest words one by one, without the end mark; at most `longest`.
  std::vector<std::vector<std::int64_t>> write(const at::Tensor& contexts);

 private:
  AutoEncoderForm form_;
  nn::Embedding words_{nullptr};
  nn::Gru reader_{nullptr}, writer_{nullptr};
  nn::Linear bottleneck_{nullptr}, output_{nullptr};
};

struct AutoEncoderTraining {
  std::int64_t epochs = 10, batch_size = 32;
  double learning_rate = 3e-3;
  double word_dropout = 0.3;  ///< Share of words that the writer does not see.
  double noise = 0;           ///< Deviation of normal noise on each context value in training.
  std::uint64_t seed = 1;
};

/// An auto-encoder with its words.
struct Rewriter {
  text::Vocabulary vocabulary;
  std::shared_ptr<AutoEncoder> model;

  std::vector<std::int64_t> ids(std::span<const std::string> words) const;
};

/// Trains on texts of words. `log` gets epoch and mean loss. Throws: kBadData without texts.
Rewriter train_rewriter(const std::vector<std::vector<std::string>>& texts, AutoEncoderForm form, std::int64_t most_words,
                        std::int64_t least_count, const AutoEncoderTraining& training,
                        const std::function<void(std::int64_t, double)>& log);

/// Texts written again from noisy context vectors: all that they have of a text is what `noise` lets through. A text
/// without words gives one too, from a zero vector.
std::vector<std::vector<std::string>> rewrite(Rewriter& rewriter, const std::vector<std::vector<std::string>>& texts,
                                              const ContextNoise& noise, core::SecureRng& rng);

/// rewriter.json and model.safetensors. Throws (load): kBadData naming the file.
void save_rewriter(const std::filesystem::path& folder, const Rewriter& rewriter);
Rewriter load_rewriter(const std::filesystem::path& folder);

}  // namespace discreet::mitigate
