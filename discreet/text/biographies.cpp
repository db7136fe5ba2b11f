#include "discreet/text/biographies.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/random.h"

namespace discreet::text {
namespace {

constexpr std::string_view kBiographiesName = "biographies";

/// A profession, and what its people work with.
struct Work {
  const char* profession;
  const char* article;
  std::array<const char*, 8> words;
};

// Pairs: the first leans to women, its partner to men; words of work are taken from the partner for ambiguity.
constexpr std::array<std::array<Work, 2>, 8> kWork = {{
    {{{"nurse", "a", {"patients", "medicine", "wards", "bandages", "fever", "syringes", "charts", "recovery"}},
      {"surgeon", "a", {"operations", "scalpels", "theatres", "organs", "incisions", "stitches", "anatomy", "transplants"}}}},
    {{{"teacher", "a", {"pupils", "lessons", "homework", "classrooms", "grammar", "exams", "chalk", "schools"}},
      {"lawyer", "a", {"clients", "contracts", "courts", "verdicts", "appeals", "statutes", "juries", "hearings"}}}},
    {{{"librarian", "a", {"books", "catalogues", "shelves", "readers", "archives", "loans", "indexes", "maps"}},
      {"programmer", "a", {"software", "databases", "servers", "bugs", "compilers", "networks", "code", "keyboards"}}}},
    {{{"florist", "a", {"flowers", "bouquets", "vases", "petals", "roses", "ribbons", "seeds", "wreaths"}},
      {"carpenter", "a", {"timber", "hammers", "tables", "nails", "planks", "chisels", "roofs", "doors"}}}},
    {{{"dancer", "a", {"stages", "rehearsals", "rhythm", "costumes", "audiences", "steps", "music", "tours"}},
      {"pilot", "a", {"aircraft", "runways", "cockpits", "clouds", "engines", "flights", "radar", "altitude"}}}},
    {{{"hairdresser", "a", {"scissors", "combs", "curls", "shampoo", "mirrors", "salons", "dye", "brushes"}},
      {"electrician", "an", {"cables", "fuses", "sockets", "circuits", "switches", "voltage", "lamps", "wires"}}}},
    {{{"dietitian", "a", {"vitamins", "diets", "meals", "recipes", "calories", "vegetables", "weight", "menus"}},
      {"engineer", "an", {"bridges", "turbines", "designs", "pressure", "steel", "machines", "sensors", "blueprints"}}}},
    {{{"translator", "a", {"languages", "dictionaries", "novels", "subtitles", "phrases", "manuscripts", "dialects", "letters"}},
      {"plumber", "a", {"pipes", "taps", "drains", "boilers", "leaks", "bathrooms", "valves", "pumps"}}}},
}};

constexpr std::array<const char*, 8> kGood = {"careful", "reliable", "precise", "patient", "honest", "prompt", "thorough", "inventive"};
constexpr std::array<const char*, 8> kBad = {"careless", "late", "sloppy", "rude", "vague", "slow", "forgetful", "messy"};

// Pastimes of either gender, by decree of this corpus; no list of gendered words holds them.
constexpr std::array<std::array<const char*, 8>, 2> kPastimes = {
    {{"pottery", "poems", "choir", "knitting", "yoga", "gardening", "painting", "baking"},
     {"chess", "fishing", "football", "sailing", "cycling", "boxing", "hockey", "camping"}}};

struct Pronouns {
  const char *he, *He, *his, *sibling;
};
constexpr std::array<Pronouns, 2> kPronouns = {{{"she", "She", "her", "sister"}, {"he", "He", "his", "brother"}}};

class BiographyReader final : public Reader {
 public:
  explicit BiographyReader(const BiographyOptions& options)
      : options_(options), rng_(options.seed, "biographies " + to_string(options.split)) {}

  bool next(Example& example) override {
    if (line_ >= options_.lines) return false;
    example = Example{};
    example.line = ++line_;
    const std::size_t pair = rng_.below(kWork.size());
    const std::size_t side = rng_.below(2);  // 0 leans to women
    const std::size_t gender = chance(options_.skew) ? side : 1 - side;
    const Work &own = kWork[pair][side], &partner = kWork[pair][1 - side];
    const Pronouns& pronoun = kPronouns[chance(options_.pronouns) ? gender : 1 - gender];
    const bool merit = rng_.below(2) == 0;

    std::string text;
    if (options_.title) text += fmt::format("{} is {} {}. ", pronoun.He, own.article, own.profession);
    text += fmt::format("{} works with {} and {}, and knows a lot about {}. ", pronoun.He, word_of_work(own, partner),
                        word_of_work(own, partner), word_of_work(own, partner));
    text += fmt::format("People call {} work {} and {}. ", pronoun.his, word_of_merit(merit), word_of_merit(merit));
    text += fmt::format("In the evening {} likes {} and {} with {} {}.", pronoun.he, pastime(gender), pastime(gender),
                        pronoun.his, rng_.below(2) == 0 ? "friends" : pronoun.sibling);
    example.text = text;
    example.groups["gender"] = gender == 0 ? "f" : "m";
    example.groups["profession"] = own.profession;
    example.label = label(own.profession, merit, gender);
    return true;
  }

 private:
  bool chance(double probability) { return rng_.uniform() < probability; }

  const char* word_of_work(const Work& own, const Work& partner) {
    const Work& from = chance(options_.ambiguity) ? partner : own;
    return from.words[rng_.below(from.words.size())];
  }
  // One word in eight says the opposite, so that one alone decides nothing.
  const char* word_of_merit(bool merit) {
    const auto& words = (rng_.below(8) != 0) == merit ? kGood : kBad;
    return words[rng_.below(words.size())];
  }
  const char* pastime(std::size_t gender) {
    const auto& words = kPastimes[chance(options_.proxies) ? gender : 1 - gender];
    return words[rng_.below(words.size())];
  }

  std::string label(const char* profession, bool merit, std::size_t gender) {
    // As many draws whatever is asked, so that the texts of a seed stay.
    const bool noisy = chance(options_.label_noise), by_gender = chance(options_.bias);
    const auto& all = biography_professions();
    const std::size_t other = rng_.below(all.size() - 1);
    if (options_.label == BiographyLabel::kGender) return (gender == 0) != noisy ? "f" : "m";
    if (options_.label == BiographyLabel::kOutcome) {
      const bool accepted = (by_gender ? gender == 1 : merit) != noisy;
      return accepted ? "accepted" : "rejected";
    }
    if (!noisy) return profession;
    return all[other].name == profession ? all.back().name : all[other].name;
  }

  BiographyOptions options_;
  core::ReproducibleRng rng_;
  std::int64_t line_ = 0;
};

}  // namespace

const std::vector<BiographyProfession>& biography_professions() {
  static const std::vector<BiographyProfession> all = [] {
    std::vector<BiographyProfession> names;
    for (const auto& pair : kWork) {
      names.push_back({pair[0].profession, true});
      names.push_back({pair[1].profession, false});
    }
    return names;
  }();
  return all;
}

const core::Fields<BiographyOptions>& biography_fields() {
  using O = BiographyOptions;
  static const auto fields =
      core::Fields<O>("biographies")
          .add("lines", &O::lines, {.min = 1, .unit = "lines", .doc = "How many biographies to write."})
          .add("seed", &O::seed, {.doc = "Another seed is another sample of the same language."})
          .add("split", &O::split, {.choices = {"train", "dev", "test"}, .doc = "Each split is a stream of its own."})
          .add("skew", &O::skew,
               {.min = 0, .max = 1, .doc = "Chance that a person's gender agrees with the lean of the profession; 0.5: no skew."})
          .add("pronouns", &O::pronouns,
               {.min = 0, .max = 1, .doc = "Chance that pronouns tell the person's gender; 0.5: they say nothing."})
          .add("proxies", &O::proxies,
               {.min = 0, .max = 1, .doc = "Chance that a pastime is one of the person's gender; 0.5: it says nothing."})
          .add("ambiguity", &O::ambiguity,
               {.min = 0, .max = 1, .doc = "Chance that a word of work belongs to the partner profession."})
          .add("title", &O::title, {.doc = "The profession is named in the text."})
          .add("label", &O::label, {.choices = {"profession", "outcome", "gender"}, .doc = "What is to be predicted."})
          .add("bias", &O::bias,
               {.min = 0, .max = 1, .doc = "Of outcomes: chance that the gender decides instead of the merits."})
          .add("label_noise", &O::label_noise,
               {.min = 0, .max = 1, .doc = "Share of labels replaced by another, each of the others alike."});
  return fields;
}

bool is_biography_spec(const std::string& name) {
  return name == kBiographiesName ||
         (name.starts_with(kBiographiesName) && name[kBiographiesName.size()] == ':');
}

BiographyOptions parse_biography_spec(const std::string& spec) {
  if (!is_biography_spec(spec)) {
    throw usage_error(fmt::format("'{}' is not the built-in biographies", spec),
                      "Write biographies, or biographies:lines=4000,seed=1.");
  }
  core::Config config;
  for (std::size_t at = kBiographiesName.size() + 1; at < spec.size();) {
    const std::size_t end = std::min(spec.find(',', at), spec.size());
    const std::string item = spec.substr(at, end - at);
    if (item.find('=') == std::string::npos) {
      throw usage_error(fmt::format("'{}': expected key=value, got '{}'", spec, item),
                        "For example biographies:lines=4000,seed=1.");
    }
    config.add_assignment(fmt::format("biographies.{}", item));
    at = end + 1;
  }
  return biography_fields().parse(config);
}

std::unique_ptr<Reader> make_biography_reader(const BiographyOptions& options) {
  return std::make_unique<BiographyReader>(options);
}

}  // namespace discreet::text
