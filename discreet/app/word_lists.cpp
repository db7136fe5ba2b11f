#include "discreet/app/word_lists.h"

#include <array>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/json.h"
#include "discreet/core/sha256.h"

namespace discreet::app {
namespace {

// Greenwald, McGhee and Schwartz 1998; Bertrand and Mullainathan 2004; Nosek, Banaji and Greenwald 2002;
// as Caliskan et al. 2017 list them, names without vectors left out as there.
const std::map<std::string, const char*>& list_texts() {
  static const std::map<std::string, const char*> texts = {
      {"flowers",
       "aster clover hyacinth marigold poppy azalea crocus iris orchid rose bluebell daffodil lilac pansy tulip "
       "buttercup daisy lily peony violet carnation gladiola magnolia petunia zinnia"},
      {"insects",
       "ant caterpillar flea locust spider bedbug centipede fly maggot tarantula bee cockroach gnat mosquito termite "
       "beetle cricket hornet moth wasp blackfly dragonfly horsefly roach weevil"},
      {"instruments",
       "bagpipe cello guitar lute trombone banjo clarinet harmonica mandolin trumpet bassoon drum harp oboe tuba bell "
       "fiddle harpsichord piano viola bongo flute horn saxophone violin"},
      {"weapons",
       "arrow club gun missile spear axe dagger harpoon pistol sword blade dynamite hatchet rifle tank bomb firearm "
       "knife shotgun teargas cannon grenade mace slingshot whip"},
      {"pleasant",
       "caress freedom health love peace cheer friend heaven loyal pleasure diamond gentle honest lucky rainbow "
       "diploma gift honor miracle sunrise family happy laughter paradise vacation"},
      {"unpleasant",
       "abuse crash filth murder sickness accident death grief poison stink assault disaster hatred pollute tragedy "
       "divorce jail poverty ugly cancer kill rotten vomit agony prison"},
      {"unpleasant_names",
       "abuse crash filth murder sickness accident death grief poison stink assault disaster hatred pollute tragedy "
       "bomb divorce jail poverty ugly cancer evil kill rotten vomit"},
      {"european_american_names_1998",
       "Adam Harry Josh Roger Alan Frank Justin Ryan Andrew Jack Matthew Stephen Brad Greg Paul Jonathan Peter Amanda "
       "Courtney Heather Melanie Katie Betsy Kristin Nancy Stephanie Ellen Lauren Colleen Emily Megan Rachel"},
      {"african_american_names_1998",
       "Alonzo Jamel Theo Alphonse Jerome Leroy Torrance Darnell Lamar Lionel Tyree Deion Lamont Malik Terrence Tyrone "
       "Lavon Marcellus Wardell Nichelle Shereen Ebony Latisha Shaniqua Jasmine Tanisha Tia Lakisha Latoya Yolanda "
       "Malika Yvette"},
      {"european_american_names_2004",
       "Brad Brendan Geoffrey Greg Brett Jay Matthew Neil Todd Allison Anne Carrie Emily Jill Laurie Kristen Meredith "
       "Sarah"},
      {"african_american_names_2004",
       "Darnell Hakim Jermaine Kareem Jamal Leroy Rasheed Tremayne Tyrone Aisha Ebony Keisha Kenya Latonya Lakisha "
       "Latoya Tamika Tanisha"},
      {"pleasant_2002", "joy love peace wonderful pleasure friend laughter happy"},
      {"unpleasant_2002", "agony terrible horrible nasty evil war awful failure"},
      {"male_names", "John Paul Mike Kevin Steve Greg Jeff Bill"},
      {"female_names", "Amy Joan Lisa Sarah Diana Kate Ann Donna"},
      {"career", "executive management professional corporation salary office business career"},
      {"family", "home parents children family cousins marriage wedding relatives"},
      {"math", "math algebra geometry calculus equations computation numbers addition"},
      {"arts", "poetry art dance literature novel symphony drama sculpture"},
      {"male_terms", "male man boy brother he him his son"},
      {"female_terms", "female woman girl sister she her hers daughter"},
      {"science", "science technology physics chemistry Einstein NASA experiment astronomy"},
      {"arts_with_names", "poetry art Shakespeare dance literature novel symphony drama"},
      {"male_relatives", "brother father uncle grandfather son he his him"},
      {"female_relatives", "sister mother aunt grandmother daughter she hers her"},
      {"mental_disease", "sad hopeless gloomy tearful miserable depressed"},
      {"physical_disease", "sick illness influenza disease virus cancer"},
      {"temporary", "impermanent unstable variable fleeting short brief occasional"},
      {"permanent", "stable always constant persistent chronic prolonged forever"},
      {"young_names", "Tiffany Michelle Cindy Kristy Brad Eric Joey Bill"},
      {"old_names", "Ethel Bernice Gertrude Agnes Cecil Wilbert Mortimer Edgar"},
  };
  return texts;
}

struct TestNames {
  const char *name, *x, *y, *a, *b;
};

constexpr std::array<TestNames, 10> kTests = {{
    {"weat1", "flowers", "insects", "pleasant", "unpleasant"},
    {"weat2", "instruments", "weapons", "pleasant", "unpleasant"},
    {"weat3", "european_american_names_1998", "african_american_names_1998", "pleasant", "unpleasant_names"},
    {"weat4", "european_american_names_2004", "african_american_names_2004", "pleasant", "unpleasant_names"},
    {"weat5", "european_american_names_2004", "african_american_names_2004", "pleasant_2002", "unpleasant_2002"},
    {"weat6", "male_names", "female_names", "career", "family"},
    {"weat7", "math", "arts", "male_terms", "female_terms"},
    {"weat8", "science", "arts_with_names", "male_relatives", "female_relatives"},
    {"weat9", "mental_disease", "physical_disease", "temporary", "permanent"},
    {"weat10", "young_names", "old_names", "pleasant_2002", "unpleasant_2002"},
}};

WordList built_in_list(const std::string& name) {
  WordList list{name, {}};
  std::istringstream text(list_texts().at(name));
  for (std::string word; text >> word;) list.words.push_back(word);
  return list;
}

WordList list_of(const std::string& name, const Json& words, const std::string& file) {
  WordList list{name, {}};
  const bool strings = words.is_array() && !words.empty() &&
                       std::all_of(words.begin(), words.end(), [](const Json& word) {
                         return word.is_string() && !word.get<std::string>().empty();
                       });
  if (!strings) {
    throw bad_data(fmt::format("{}: '{}' is no list of words", file, name),
                   "Expected {\"name\": [\"word\", …], …} with at least one word in each list.");
  }
  for (const Json& word : words) list.words.push_back(word.get<std::string>());
  return list;
}

}  // namespace

std::string WordList::hash() const {
  std::string text;
  for (const std::string& word : words) text += word + "\n";
  return core::sha256(text);
}

std::vector<std::string> built_in_tests() {
  std::vector<std::string> names;
  for (const TestNames& test : kTests) names.emplace_back(test.name);
  return names;
}

AssociationTest built_in_test(const std::string& name) {
  for (const TestNames& test : kTests) {
    if (name != test.name) continue;
    return {name, built_in_list(test.x), built_in_list(test.y), built_in_list(test.a), built_in_list(test.b)};
  }
  throw usage_error(fmt::format("no association test is called '{}'", name),
                    fmt::format("Known: {}; or give --word-lists, --targets and --attributes.",
                                fmt::join(built_in_tests(), ", ")));
}

std::map<std::string, WordList> read_word_lists(const std::filesystem::path& path) {
  const Json json = core::parse_json(core::read_file(path), path.string());
  if (!json.is_object() || json.empty()) {
    throw bad_data(path.string() + ": expected an object of word lists", "For example {\"career\": [\"office\", \"salary\"]}");
  }
  std::map<std::string, WordList> lists;
  for (const auto& [name, value] : json.items()) {
    const bool with_category = value.is_object() && value.contains("examples");
    WordList list = list_of(name, with_category ? value["examples"] : value, path.string());
    lists[name] = std::move(list);
  }
  return lists;
}

}  // namespace discreet::app
