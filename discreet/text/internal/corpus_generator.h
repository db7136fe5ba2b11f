#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "discreet/core/random.h"
#include "discreet/text/corpus.h"
#include "discreet/text/internal/grammar.h"
#include "discreet/text/internal/lexicon.h"

namespace discreet::text::internal {

/// Draws the built-in corpus line by line. Memory grows with the devices, periods and secrets that
/// the options ask for, not with the lines.
class CorpusGenerator {
 public:
  /// Throws: kUsage if the secrets do not fit.
  explicit CorpusGenerator(const CorpusOptions& options);
  bool next(Example& example);

  static std::vector<std::string> intents();
  static std::vector<std::string> slots();

 private:
  struct Person {
    std::string user, device, gender, dialect;
    Speaker speaker;
  };

  void place_secrets();
  void assign_dialects();
  Person draw_person();
  std::size_t draw_intent(std::int64_t period);
  void draw_line(std::size_t intent, std::int64_t period, const Speaker& speaker, Draft& draft);
  void draw_two_commands(std::size_t intent, std::size_t other, const Speaker& speaker,
                         Draft& draft);
  void append(const char* words, Draft& draft) const;
  void respell(Draft& draft);
  void add_typos(Draft& draft);
  void add_disfluency(Draft& draft);
  void add_slot_noise(Draft& draft);
  void store(Draft draft, Example& example) const;
  std::string time_of(std::int64_t line) const;

  CorpusOptions options_;
  Grammar grammar_;
  core::ReproducibleRng rng_;
  ZipfSampler activity_;
  std::vector<bool> hill_;                 ///< Devices of the second dialect.
  std::vector<int> commands_, sentences_;  ///< Rule of each intent.
  int opening_ = 0, closing_ = 0;
  std::vector<std::vector<double>> cumulative_;  ///< Of intents, for each period.
  std::map<std::int64_t, std::int64_t> secret_lines_;
  std::vector<std::string> secrets_;
  std::unordered_map<std::string, std::string> respelled_[3];
  std::int64_t line_ = 0;
};

}  // namespace discreet::text::internal
