#pragma once

#include <array>
#include <deque>
#include <string>
#include <vector>

#include "discreet/core/random.h"
#include "discreet/text/questions.h"

namespace discreet::text::internal {

/// What an event is made of, and what may be asked for.
enum Part : std::size_t { kWho, kDeed, kCount, kItem, kWhere, kWhen, kParts };

/// An event by the numbers of its values in the lists of the paragraph (kDeed: of the grammar).
using Event = std::array<std::size_t, kParts>;

/// A part of a paragraph's text where a value stands.
struct Mention {
  std::size_t event;
  Part part;
  std::size_t begin, end;  ///< Bytes.
};

/// Draws paragraphs and questions about them.
class QuestionGenerator {
 public:
  explicit QuestionGenerator(const QuestionOptions& options);
  bool next(Example& example);

 private:
  struct Person {
    std::string name;
    bool female;
  };

  void draw_paragraph();
  void draw_values();
  void draw_events();
  void write_event(std::size_t e);
  void write_decoy(std::size_t e);
  void write_aside();
  void say(const std::string& words) { text_ += words; }
  void mention(std::size_t e, Part part, const std::string& words);
  void ask();
  bool tells_apart(std::size_t e, const std::vector<Part>& cues) const;
  std::vector<Part> cues_for(std::size_t e, Part asked);
  std::string question_about(const Event& event, Part asked, const std::vector<Part>& cues);
  bool chance(double p) { return rng_.uniform() < p; }

  QuestionOptions options_;
  core::ReproducibleRng rng_;
  std::vector<Person> people_;
  std::vector<std::string> counts_, items_, places_, days_;
  std::vector<std::size_t> deeds_, forms_;  ///< Of the paragraph; forms_: how each event says its deed.
  std::vector<Event> events_;
  std::vector<Mention> mentions_;
  std::string text_;
  std::deque<Example> waiting_;
  std::int64_t paragraph_ = 0, asked_ = 0;
};

}  // namespace discreet::text::internal
