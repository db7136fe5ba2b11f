#include "discreet/app/contexts.h"

#include <algorithm>
#include <unordered_map>

#include "discreet/core/error.h"
#include "discreet/core/lines.h"
#include "discreet/core/random.h"
#include "discreet/text/tokenizer.h"
#include "discreet/text/unicode.h"

namespace discreet::app {
namespace {

struct Reservoir {
  std::vector<std::string> words;  ///< As they were asked for; several with `lowercase`.
  std::vector<WordContext> kept;
  std::uint64_t seen = 0;
  core::ReproducibleRng rng;
};

WordContext context_of(const std::string& line, const std::vector<text::Token>& tokens, std::size_t at, std::int64_t window) {
  std::size_t begin = 0, end = line.size();
  if (window > 0) {
    const auto reach = static_cast<std::size_t>(window);
    begin = tokens[at > reach ? at - reach : 0].begin;
    end = tokens[std::min(tokens.size() - 1, at + reach)].end;
  }
  return {line.substr(begin, end - begin), static_cast<std::int64_t>(tokens[at].begin - begin),
          static_cast<std::int64_t>(tokens[at].end - begin)};
}

}  // namespace

FoundContexts sample_contexts(const std::filesystem::path& corpus, const std::vector<std::string>& words,
                              const ContextOptions& options) {
  std::unordered_map<std::string, Reservoir> reservoirs;
  FoundContexts found;
  for (const std::string& word : words) {
    const std::string key = options.lowercase ? text::lowercase(word) : word;
    const auto [at, fresh] = reservoirs.try_emplace(key, Reservoir{{}, {}, 0, core::ReproducibleRng(options.seed, "contexts of " + key)});
    if (std::count(at->second.words.begin(), at->second.words.end(), word) == 0) at->second.words.push_back(word);
  }
  const auto tokenizer = text::make_tokenizer("word", text::TokenizerOptions{.lowercase = options.lowercase});
  core::LineReader lines(corpus);
  for (std::string line; lines.next(line); ++found.lines) {
    std::vector<text::Token> tokens;
    try {
      tokens = tokenizer->tokenize(line);
    } catch (const Error& error) {
      throw bad_data(lines.where() + ": " + error.what(), error.hint());
    }
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const auto at = reservoirs.find(tokens[i].text);
      if (at == reservoirs.end()) continue;
      Reservoir& reservoir = at->second;
      ++reservoir.seen;
      if (reservoir.kept.size() < options.most) {
        reservoir.kept.push_back(context_of(line, tokens, i, options.window));
        continue;
      }
      const std::uint64_t place = reservoir.rng.below(reservoir.seen);
      if (place < options.most) reservoir.kept[place] = context_of(line, tokens, i, options.window);
    }
  }
  for (auto& [key, reservoir] : reservoirs) {
    for (const std::string& word : reservoir.words) {
      found.seen[word] = reservoir.seen;
      if (!reservoir.kept.empty()) found.of[word] = reservoir.kept;
    }
  }
  return found;
}

}  // namespace discreet::app
