#include "discreet/text/details.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <string_view>
#include <utility>

#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/text/tokenizer.h"

namespace discreet::text {
namespace {

constexpr std::string_view kDetailsName = "details";
constexpr double kStrangeWords = 0.15;  // of the words of training messages

constexpr std::array kGivenNames = {
    "Anna",   "James",  "Priya",   "Olumide", "Mary",   "Robert", "Ingrid", "Kenji",  "Linda",  "David",   "Fatima", "Marek",
    "Susan",  "Thomas", "Ngozi",   "Björn",   "Karen",  "Daniel", "Yusuf",  "Leila",  "Nancy",  "Paul",    "Giulia", "Tomasz",
    "Helen",  "George", "Amara",   "Dmitri",  "Laura",  "Kevin",  "Siobhan", "Mateo", "Emma",   "Patrick", "Zainab", "Henrik",
    "Olivia", "Samuel", "Chiara",  "Rajesh",  "Sophia", "Walter", "Eszter", "Kofi",   "Julia",  "Vincent", "Noor",   "Pavel"};
constexpr std::array kStreetKinds = {"Street", "Road", "Avenue", "Lane", "Drive", "Square", "Court", "Way"};
constexpr std::array kDigitWords = {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"};
constexpr std::array kSyllables = {"ba", "den", "ford", "gar", "hol", "kel", "lin", "mor", "nor", "pel", "ros", "san", "ter", "ul",
                                   "ver", "wes", "yar", "zim", "cas", "dor", "fen", "har"};

// {d} is the detail.
constexpr std::array kNameTexts = {"Please tell {d} that dinner is ready.", "I met {d} at the station this morning.",
                                   "{d} will bring the cake.", "Ask {d} about the keys.", "The parcel is for {d}.",
                                   "This is {d} speaking, call me back.", "Have you seen {d} today?"};
constexpr std::array kEmailTexts = {"Write to {d} about the invoice.", "My address for mail is {d}, use it.",
                                    "Send the report to {d} please.", "You can reach us at {d}.", "Forward this to {d} and to the office."};
constexpr std::array kNumberTexts = {"My phone number is {d}.", "The door code is {d}, keep it safe.", "Call me on {d} after six.",
                                     "Account {d} was charged twice.", "Use {d} as the pin.", "My membership number is {d}."};
constexpr std::array kAddressTexts = {"We live at {d}.", "Deliver it to {d} before noon.", "The meeting is at {d}.",
                                      "Please send a taxi to {d}.", "I moved to {d} last year."};
constexpr std::array kSpelledEmailTexts = {"Write to {d} about the invoice.", "You can reach us at {d}."};
constexpr std::array kSpelledNumberTexts = {"The door code is {d}, keep it safe.", "Call me on {d} after six.", "Use {d} as the pin."};
constexpr std::array kPlateTexts = {"My car has the plate {d}.", "The taxi with plate {d} is late."};
constexpr std::array kIbanTexts = {"Pay the rent to {d} please.", "The refund goes to {d}."};
constexpr std::array kHandleTexts = {"Follow me as {d} if you like.", "My user name is {d} there."};
constexpr std::array kBirthdayTexts = {"I was born on {d}.", "My date of birth is {d}."};
constexpr std::array kPlainTexts = {"The film begins at {n} and is two hours long.", "It will rain on {n} days this week.",
                                    "I bought {n} apples and some bread.", "Turn the heating up to {n} degrees.",
                                    "The book is from 19{n}.", "We need chairs for {n} people.", "Play some music in the kitchen.",
                                    "Is there any milk left?", "The old bridge is closed until spring.", "Remind me to water the plants.",
                                    "It costs {n} euros.", "My street is quiet at night.", "Write a letter about the weather."};

class DetailGenerator final : public Reader {
 public:
  explicit DetailGenerator(const DetailOptions& options)
      : options_(options), tokenizer_(make_tokenizer("word", {.lowercase = false})),
        rng_(options.seed, fmt::format("details/{}/{}", to_string(options.split), options.kinds)) {
    if (options.kinds != "held-back") kinds_ = known_details();
    if (options.kinds != "known") kinds_.insert(kinds_.end(), held_back_details().begin(), held_back_details().end());
  }

  bool next(Example& example) override {
    if (line_ == options_.lines) return false;
    example = Example{};
    example.line = ++line_;
    if (rng_.uniform() < options_.plain) {
      const std::string shown = std::string(pick(kPlainTexts));
      fill(with_strange_words(shown), "{n}", std::to_string(2 + rng_.below(97)), "", example);
      example.label = "plain";
      return true;
    }
    const std::string& kind = kinds_[rng_.below(kinds_.size())];
    const std::string value = value_of(kind);
    fill(with_strange_words(text_of(kind)), "{d}", value, kind, example);
    example.label = kind;
    return true;
  }

 private:
  template <class List>
  const char* pick(const List& list) {
    return list[rng_.below(list.size())];
  }

  const char* text_of(const std::string& kind) {
    if (kind == "name") return pick(kNameTexts);
    if (kind == "email") return pick(kEmailTexts);
    if (kind == "number") return pick(kNumberTexts);
    if (kind == "address") return pick(kAddressTexts);
    if (kind == "spelled-email") return pick(kSpelledEmailTexts);
    if (kind == "spelled-number") return pick(kSpelledNumberTexts);
    if (kind == "plate") return pick(kPlateTexts);
    if (kind == "iban") return pick(kIbanTexts);
    if (kind == "handle") return pick(kHandleTexts);
    return pick(kBirthdayTexts);
  }

  std::string digits(std::size_t n) {
    std::string text;
    for (std::size_t i = 0; i < n; ++i) text += static_cast<char>('0' + rng_.below(10));
    return text;
  }
  std::string letters(std::size_t n) {
    std::string text;
    for (std::size_t i = 0; i < n; ++i) text += static_cast<char>('A' + rng_.below(26));
    return text;
  }
  std::string coined() {
    std::string word;
    const std::size_t n = 2 + rng_.below(2);
    for (std::size_t i = 0; i < n; ++i) word += pick(kSyllables);
    return word;
  }
  std::string capitalised(std::string word) {
    word[0] = static_cast<char>(word[0] - 'a' + 'A');
    return word;
  }
  /// Of training messages: some lower-case words outside the slot become made-up ones, so that a finder learns that not
  /// all that is new is a detail.
  std::string with_strange_words(const std::string& shown) {
    if (options_.split != Split::kTrain) return shown;
    std::string out;
    for (std::size_t at = 0; at < shown.size();) {
      std::size_t end = at;
      while (end < shown.size() && shown[end] >= 'a' && shown[end] <= 'z') ++end;
      const bool inside = at > 0 && (shown[at - 1] == '{' || (shown[at - 1] >= 'A' && shown[at - 1] <= 'Z'));
      if (end == at) out += shown[at++];
      else {
        const bool replaced = !inside && rng_.uniform() < kStrangeWords;
        out += replaced ? coined() : shown.substr(at, end - at);
        at = end;
      }
    }
    return out;
  }

  /// Training and other splits share no given name.
  std::string given_name() {
    const std::size_t half = kGivenNames.size() / 2;
    return kGivenNames[2 * rng_.below(half) + (options_.split == Split::kTrain ? 0 : 1)];
  }

  std::string number() {
    switch (rng_.below(5)) {
      case 0: return digits(4);
      case 1: return fmt::format("+{} {} {} {}", 30 + rng_.below(60), digits(3), digits(3), digits(4));
      case 2: return fmt::format("{}-{}-{}", digits(3), digits(3), digits(4));
      case 3: {
        std::string spaced;
        for (const char digit : digits(4 + rng_.below(3))) spaced += (spaced.empty() ? "" : " ") + std::string(1, digit);
        return spaced;
      }
      default: return digits(6 + rng_.below(5));
    }
  }

  std::string value_of(const std::string& kind) {
    if (kind == "name") return given_name() + (rng_.uniform() < .6 ? " " + capitalised(coined()) : "");
    if (kind == "email") {
      return fmt::format("{}{}{}@{}.{}", coined(), rng_.uniform() < .5 ? "." : "", rng_.uniform() < .5 ? coined() : digits(2), coined(),
                         std::array{"com", "org", "example", "net"}[rng_.below(4)]);
    }
    if (kind == "number") return number();
    if (kind == "address") return fmt::format("{} {} {}", 1 + rng_.below(300), capitalised(coined()), pick(kStreetKinds));
    if (kind == "spelled-email") return fmt::format("{} at {} dot {}", coined(), coined(), std::array{"com", "org", "net"}[rng_.below(3)]);
    if (kind == "spelled-number") {
      std::string spelled;
      for (const char digit : digits(4 + rng_.below(3))) spelled += (spelled.empty() ? "" : " ") + std::string(kDigitWords[static_cast<std::size_t>(digit - '0')]);
      return spelled;
    }
    if (kind == "plate") return fmt::format("{}-{} {}", letters(2), letters(2), digits(3 + rng_.below(2)));
    if (kind == "iban") return fmt::format("{}{} {} {} {}", letters(2), digits(2), digits(4), digits(4), digits(4));
    if (kind == "handle") return fmt::format("{}_{}{}", coined(), coined(), digits(2));
    constexpr std::array kMonths = {"January", "March", "May", "July", "October", "December"};
    return fmt::format("{} {} {}", 1 + rng_.below(28), pick(kMonths), 1940 + rng_.below(70));
  }

  /// `shown` with its slot filled; the words of the value get the kind's tags.
  void fill(const std::string& shown, const std::string& slot, const std::string& value, const std::string& kind, Example& example) {
    const std::size_t at = shown.find(slot);
    example.text = shown;
    std::size_t begin = 0, end = 0;
    if (at != std::string::npos) {
      example.text.replace(at, slot.size(), value);
      if (!kind.empty()) {
        begin = at;
        end = at + value.size();
      }
    }
    bool inside = false;
    for (const Token& token : tokenizer_->tokenize(example.text)) {
      const bool of_value = token.begin < end && token.end > begin;
      example.words.push_back(token.text);
      example.tags.push_back(!of_value ? "O" : (inside ? "I-" : "B-") + kind);
      inside = of_value;
    }
    if (!kind.empty()) {
      example.extra["begin"] = std::to_string(begin);
      example.extra["end"] = std::to_string(end);
    }
  }

  DetailOptions options_;
  std::unique_ptr<Tokenizer> tokenizer_;
  core::ReproducibleRng rng_;
  std::vector<std::string> kinds_;
  std::int64_t line_ = 0;
};

}  // namespace

const core::Fields<DetailOptions>& detail_fields() {
  static const auto fields =
      core::Fields<DetailOptions>("details")
          .add("lines", &DetailOptions::lines, {.min = 1, .doc = "Messages."})
          .add("seed", &DetailOptions::seed, {.doc = "The same seed gives the same messages."})
          .add("split", &DetailOptions::split, {.choices = {"train", "dev", "test"}, .doc = "Another split is another stream."})
          .add("kinds", &DetailOptions::kinds,
               {.choices = {"known", "held-back", "all"}, .doc = "Kinds of details: those that a finder is trained on, others, or all."})
          .add("plain", &DetailOptions::plain, {.min = 0, .max = 1, .doc = "Share of messages without a detail."});
  return fields;
}

const std::vector<std::string>& known_details() {
  static const std::vector<std::string> kinds = {"name", "email", "number", "address"};
  return kinds;
}

const std::vector<std::string>& held_back_details() {
  static const std::vector<std::string> kinds = {"spelled-email", "spelled-number", "plate", "iban", "handle", "birthday"};
  return kinds;
}

bool is_detail_spec(const std::string& name) {
  return name == kDetailsName || (name.starts_with(kDetailsName) && name[kDetailsName.size()] == ':');
}

DetailOptions parse_detail_spec(const std::string& spec) {
  if (!is_detail_spec(spec)) throw usage_error(fmt::format("'{}' is not the built-in details", spec), "Write details, or details:lines=6000,seed=1.");
  core::Config config;
  for (std::size_t at = kDetailsName.size() + 1; at < spec.size();) {
    const std::size_t end = std::min(spec.find(',', at), spec.size());
    const std::string item = spec.substr(at, end - at);
    if (item.find('=') == std::string::npos) {
      throw usage_error(fmt::format("'{}': expected key=value, got '{}'", spec, item), "For example details:lines=6000,seed=1.");
    }
    config.add_assignment("details." + item);
    at = end + 1;
  }
  return detail_fields().parse(config);
}

std::unique_ptr<Reader> make_detail_reader(const DetailOptions& options) { return std::make_unique<DetailGenerator>(options); }

}  // namespace discreet::text
