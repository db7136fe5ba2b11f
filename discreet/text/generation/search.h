#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace discreet::text {

/// When a beam search ends: once `beams` sequences have ended; once the best running one would have to
/// be shorter than it is to beat the worst that ended; or only once no length could.
enum class EarlyStopping { kTrue, kFalse, kNever };

/// How a text is written token by token. Names and meanings are those of Hugging Face's
/// generation_config.json; a default here is "off".
struct GenerationOptions {
  std::int64_t max_new_tokens = 20;
  std::int64_t max_length = 0;      ///< the same with the prompt's, where it is above 0
  std::int64_t min_length = 0;      ///< tokens before an end mark may come, the prompt's included
  std::int64_t min_new_tokens = 0;  ///< the same without the prompt's
  std::vector<std::int64_t> end;    ///< marks that end a text (eos_token_id); empty: none does
  std::int64_t forced_first = -1;   ///< forced_bos_token_id: behind a prompt of one token
  std::vector<std::int64_t> forced_last;  ///< forced_eos_token_id: at the length's limit
  double repetition_penalty = 1;
  std::int64_t no_repeat_ngram_size = 0;
  std::vector<std::vector<std::int64_t>> forbidden_words;  ///< bad_words_ids
  std::vector<std::int64_t> suppressed;                    ///< suppress_tokens

  bool sample = false;  ///< else the most likely token
  double temperature = 1;
  std::int64_t top_k = 0;
  double top_p = 1;
  double min_p = 0;
  double typical_p = 1;
  std::uint64_t seed = 1;
  std::uint64_t first_prompt = 0;  ///< number of the first prompt, where a call takes a part of many

  std::int64_t beams = 1;
  double length_penalty = 1;  ///< a beam's score is its log probability / new tokens ^ this
  EarlyStopping early_stopping = EarlyStopping::kFalse;
  std::int64_t sequences = 1;  ///< texts per prompt; without sampling at most `beams`

  /// Self-Debias (self_debias.h): tokens that stand before the prompt; empty: off.
  std::vector<std::vector<std::int64_t>> debias_prefixes;
  std::int64_t debias_shared = 0;  ///< first tokens that a prefix replaces
  double debias_decay = 50, debias_floor = 0.01;

  /// Called before each step of the model; what it throws ends the search. May be empty.
  std::function<void()> before_step;
};

/// Throws: kUsage naming the option and its bounds.
void check_generation(const GenerationOptions& options);

/// A model of the next token that keeps what it has read. A row is one text that is being written.
///
/// Logits are [rows, V], row by row; the caller may write into them, and they are valid until the next
/// call. Rows never see one another.
class NextTokenModel {
 public:
  virtual ~NextTokenModel() = default;
  virtual std::int64_t vocabulary() const = 0;
  /// The most tokens that a row may have.
  virtual std::int64_t longest() const = 0;
  /// Forgets all rows; row r reads prompts[r], at least one token.
  virtual std::span<float> start(std::span<const std::vector<std::int64_t>> prompts) = 0;
  /// New row r is row parents[r] of the last call with tokens[r] behind it; a row may have several
  /// children or none.
  virtual std::span<float> step(std::span<const std::int64_t> parents,
                                std::span<const std::int64_t> tokens) = 0;
};

struct GeneratedText {
  std::vector<std::int64_t> ids;  ///< new tokens, with the end mark if one came
  double log_prob = 0;            ///< their log probability under the model, before any filter
  double score = 0;               ///< what beams are ranked by; without beams log_prob
  bool ended = false;             ///< by an end mark; else by its length
};

/// Told each token of text `sequence` of prompt `prompt` as it is chosen; not with several beams.
using OnToken = std::function<void(std::size_t prompt, std::size_t sequence, std::int64_t token)>;

/// Writes options.sequences texts for each prompt, best first with beams. All rows of all prompts that
/// have not ended take each step together; what a prompt gets does not depend on the others.
///
/// Order of the filters, Hugging Face's: repetition penalty, repeated n-grams, forbidden words, least
/// length, least new tokens, forced first, forced last, suppressed tokens; with sampling then temperature,
/// top-k, top-p, min-p, typical. A beam search filters log probabilities instead of logits, keeps
/// 2 beams candidates of all beams (more with several end marks) and, sampling, draws them
/// without replacement.
/// Sampling: text i of prompt p draws from the stream (seed, first_prompt + p, i) alone.
/// Edge cases: a row stops where the model can hold no more tokens. Throws: kUsage as check_generation;
/// kBadData on a prompt without tokens or as long as the model can read.
std::vector<std::vector<GeneratedText>> generate(NextTokenModel& model,
                                                 std::span<const std::vector<std::int64_t>> prompts,
                                                 const GenerationOptions& options,
                                                 const OnToken& on_token = {});

}  // namespace discreet::text
