#include "discreet/text/generation/search.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "discreet/core/error.h"
#include "discreet/text/generation/filters.h"
#include "discreet/text/generation/internal/beam.h"
#include "discreet/text/generation/self_debias.h"

namespace discreet::text {
namespace {

void require(bool holds, const std::string& message) {
  if (!holds) throw usage_error(message, "See docs/generation.md for what each option means.");
}

/// One text being written without beams.
struct Writing {
  std::size_t prompt, sequence;
  std::int64_t row;  // of the last call
  internal::TextLimits limits;
  std::vector<std::int64_t> ids;
  core::ReproducibleRng rng;
  GeneratedText out;
};

/// Chooses the next token; true if the text goes on.
bool write_token(Writing& text, std::span<float> logits, const GenerationOptions& options) {
  thread_local std::vector<float> row;
  row.assign(logits.begin(), logits.end());
  internal::process(row, text.ids, text.limits, options);
  if (options.sample) internal::warp(row, options, 1);
  const std::int64_t token = options.sample ? draw_token(row, text.rng) : most_likely(row);
  text.out.log_prob += logits[static_cast<std::size_t>(token)] - internal::finite_total(logits);
  text.ids.push_back(token);
  text.out.ids.push_back(token);
  text.out.ended = std::ranges::count(options.end, token) > 0;
  return !text.out.ended && static_cast<std::int64_t>(text.ids.size()) < text.limits.longest;
}

std::span<float> next_step(NextTokenModel& model, std::span<const std::int64_t> parents, std::span<const std::int64_t> tokens,
                           const GenerationOptions& options) {
  if (options.before_step) options.before_step();
  return model.step(parents, tokens);
}

std::vector<std::vector<GeneratedText>> write_rows(NextTokenModel& model,
                                                   std::span<const std::vector<std::int64_t>> prompts,
                                                   const GenerationOptions& options,
                                                   const OnToken& on_token) {
  std::vector<Writing> texts;
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    for (std::size_t s = 0; s < static_cast<std::size_t>(options.sequences); ++s) {
      const std::string stream = "generate/" + std::to_string(options.first_prompt + p) + "/" + std::to_string(s);
      texts.push_back({p, s, static_cast<std::int64_t>(p), internal::limits_of(model, prompts[p], options),
                       prompts[p], core::ReproducibleRng(options.seed, stream), {}});
    }
  }
  std::vector<std::vector<GeneratedText>> out(prompts.size(),
                                              std::vector<GeneratedText>(options.sequences));
  const auto width = static_cast<std::size_t>(model.vocabulary());
  std::span<float> logits = model.start(prompts);
  std::vector<std::int64_t> parents, tokens;
  while (!texts.empty()) {
    parents.clear();
    tokens.clear();
    std::vector<Writing> alive;
    for (Writing& text : texts) {
      const bool goes_on = write_token(
          text, logits.subspan(static_cast<std::size_t>(text.row) * width, width), options);
      if (on_token) on_token(text.prompt, text.sequence, text.ids.back());
      if (goes_on) {
        parents.push_back(text.row);
        tokens.push_back(text.ids.back());
        text.row = static_cast<std::int64_t>(tokens.size()) - 1;
        alive.push_back(std::move(text));
      } else {
        text.out.score = text.out.log_prob;
        out[text.prompt][text.sequence] = std::move(text.out);
      }
    }
    texts = std::move(alive);
    if (!texts.empty()) logits = next_step(model, parents, tokens, options);
  }
  return out;
}

std::vector<std::vector<GeneratedText>> write_beams(NextTokenModel& model,
                                                    std::span<const std::vector<std::int64_t>> prompts,
                                                    const GenerationOptions& options) {
  std::vector<internal::BeamSearch> searches;
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    searches.emplace_back(prompts[p], internal::limits_of(model, prompts[p], options), options,
                          options.first_prompt + p);
  }
  const auto width = static_cast<std::size_t>(model.vocabulary());
  std::span<float> logits = model.start(prompts);
  std::vector<std::size_t> first_row(prompts.size());
  for (std::size_t p = 0; p < prompts.size(); ++p) first_row[p] = p;
  std::vector<std::int64_t> parents, tokens;
  for (bool any = !prompts.empty(); any;) {
    parents.clear();
    tokens.clear();
    for (std::size_t p = 0; p < searches.size(); ++p) {
      internal::BeamSearch& search = searches[p];
      if (search.done()) continue;
      search.advance(logits.subspan(first_row[p] * width, search.beams().size() * width));
      if (search.done()) continue;
      const std::size_t begin = tokens.size();
      for (const internal::Beam& beam : search.beams()) {
        parents.push_back(static_cast<std::int64_t>(first_row[p]) + beam.parent);
        tokens.push_back(beam.ids.back());
      }
      first_row[p] = begin;
    }
    any = !tokens.empty();
    if (any) logits = next_step(model, parents, tokens, options);
  }
  std::vector<std::vector<GeneratedText>> out;
  for (internal::BeamSearch& search : searches) out.push_back(search.best());
  return out;
}

}  // namespace

void check_generation(const GenerationOptions& o) {
  const auto share = [](double value) { return value > 0 && value <= 1; };
  require(o.max_new_tokens >= 1, "max_new_tokens must be at least 1");
  require(o.min_length >= 0 && o.min_new_tokens >= 0, "min_length and min_new_tokens must not be negative");
  require(o.repetition_penalty > 0, "repetition_penalty must be above 0");
  require(o.no_repeat_ngram_size >= 0, "no_repeat_ngram_size must not be negative");
  require(o.temperature > 0, "temperature must be above 0; without sampling the most likely token comes");
  require(o.top_k >= 0, "top_k must not be negative; 0 keeps all tokens");
  require(share(o.top_p), "top_p must lie in (0, 1]");
  require(o.min_p >= 0 && o.min_p <= 1, "min_p must lie in [0, 1]");
  require(share(o.typical_p), "typical_p must lie in (0, 1]");
  require(o.beams >= 1, "num_beams must be at least 1");
  require(std::isfinite(o.length_penalty), "length_penalty must be finite");
  require(o.sequences >= 1, "num_return_sequences must be at least 1");
  require(o.sample || o.sequences <= o.beams,
          "without sampling, " + std::to_string(o.sequences) + " texts per prompt need as many beams");
  require(o.beams == 1 || o.sequences <= o.beams,
          std::to_string(o.sequences) + " texts per prompt need as many beams");
}

std::vector<std::vector<GeneratedText>> generate(NextTokenModel& model,
                                                 std::span<const std::vector<std::int64_t>> prompts,
                                                 const GenerationOptions& options,
                                                 const OnToken& on_token) {
  check_generation(options);
  if (!options.debias_prefixes.empty()) {
    SelfDebias debiased(model, {options.debias_prefixes, static_cast<std::size_t>(options.debias_shared), options.debias_decay,
                                options.debias_floor});
    GenerationOptions plain = options;
    plain.debias_prefixes.clear();
    return generate(debiased, prompts, plain, on_token);
  }
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    const auto length = static_cast<std::int64_t>(prompts[p].size());
    if (length == 0) throw bad_data("prompt " + std::to_string(p + 1) + " has no tokens");
    for (const std::int64_t id : prompts[p]) {
      if (id >= 0 && id < model.vocabulary()) continue;
      throw bad_data("prompt " + std::to_string(p + 1) + " holds token " + std::to_string(id) +
                     ", the vocabulary has " + std::to_string(model.vocabulary()));
    }
    if (length >= model.longest()) {
      throw bad_data("prompt " + std::to_string(p + 1) + " has " + std::to_string(length) +
                         " tokens, the model reads and writes at most " + std::to_string(model.longest()),
                     "Shorten the prompt.");
    }
  }
  if (options.beams > 1) return write_beams(model, prompts, options);
  return write_rows(model, prompts, options, on_token);
}

}  // namespace discreet::text
