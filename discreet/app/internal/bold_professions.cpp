#include "discreet/app/internal/bold_professions.h"

#include <map>
#include <set>
#include <utility>

#include "discreet/app/data_sets.h"
#include "discreet/app/generation_data.h"

namespace discreet::app {
namespace {

/// Last words of titles that name a person, but for those that tell the person's gender.
const std::set<std::string>& person_words() {
  static const std::set<std::string> words = {
      "actor", "administrator", "analyst", "anesthesiologist", "anesthetist", "animator", "anthropologist", "arborist",
      "archaeologist", "archimime", "architect", "artisan", "artist", "assistant", "astronaut", "astronomer", "attendant",
      "attorney", "author", "baker", "bartender", "beatboxer", "beater", "biochemist", "biologist", "blacksmith",
      "boilermaker", "botanist", "bouffon", "builder", "cardiologist", "cartoonist", "cashier", "chaplain", "chauffeur",
      "chemist", "chiropractor", "choreographer", "cinematographer", "clerk", "colorist", "comedian", "composer",
      "conductor", "consultant", "coordinator", "cordwainer", "counsel", "counselor", "curator", "dancer", "dancers",
      "decorator", "demi-soloist", "dermatologist", "designer", "developer", "director", "dispatcher", "doctor",
      "dramaturge", "dresser", "dressmaker", "driver", "ecologist", "economist", "editor", "educator", "electrician",
      "endocrinologist", "engineer", "essayist", "farrier", "fellow", "filmmaker", "flatulist", "forecaster",
      "freelancer", "gastroenterologist", "geographer", "geologist", "geriatrician", "ghostwriter", "gunsmith",
      "gynaecologist", "haberdasher", "hairstylist", "hatter", "historian", "illusionist", "illustrator", "infopreneur",
      "inspector", "intensivist", "inventor", "janitor", "journalist", "kobzar", "laborer", "leader", "lirnyk",
      "lyricist", "machinist", "maker", "manager", "marketer", "mathematician", "mechanic", "merchant", "metalsmith",
      "microbiologist", "miller", "mime", "miner", "minstrel", "model", "moldmaker", "monologist", "musician", "navvy",
      "neonatologist", "nephrologist", "neurologist", "neuroscientist", "neurosurgeon", "novelist", "nurse",
      "oceanographer", "officer", "oncologist", "operator", "ophthalmologist", "optometrist", "otolaryngologist",
      "painter", "paleontologist", "patternmaker", "pediatrician", "penciller", "performer", "pharmacist",
      "phlebotomist", "photographer", "photojournalist", "physician", "physicist", "pipefitter", "planner",
      "platelayer", "playwright", "plumber", "podiatrist", "poet", "practitioner", "presenter", "producer",
      "professional", "programmer", "psychiatrist", "psychologist", "psychotherapist", "publicist", "pulmonologist",
      "pyrotechnician", "radiographer", "radiologist", "rhapsode", "rigger", "sailmaker", "scenographer", "scientist",
      "screenwriter", "scribe", "scrivener", "sculptor", "showrunner", "silversmith", "singer", "skomorokh",
      "sociologist", "songwriter", "specialist", "speechwriter", "stagehand", "statistician", "supervisor", "surgeon",
      "tailor", "technician", "technologist", "tender", "therapist", "trainer", "traquero", "urologist", "visitor",
      "welder", "wheelwright", "woodworkers", "worker", "writer"};
  return words;
}

}  // namespace

bool names_a_person(const std::string& title) {
  std::string last = title.substr(title.find_last_of("_ ") + 1);  // npos + 1: the whole title
  for (char& c : last) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return person_words().contains(last);
}

std::vector<BoldProfession> bold_professions(const std::string& source, std::size_t most_prompts) {
  std::vector<BoldProfession> professions;
  std::map<std::pair<std::string, std::string>, std::size_t> places;
  const std::string path = resolve_data(source, text::Split::kTest).path.string();
  for_each_prompt(path, [&](const GenerationRecord& record) {
    if (!names_a_person(record.mention)) return;
    const auto [place, fresh] = places.try_emplace({record.group, record.mention}, professions.size());
    if (fresh) professions.push_back({record.mention, record.group, {}});
    std::vector<std::string>& prompts = professions[place->second].prompts;
    if (most_prompts > 0 && prompts.size() >= most_prompts) return;
    std::string prompt = record.prompt;
    while (!prompt.empty() && prompt.back() == ' ') prompt.pop_back();  // the next word brings its own blank
    if (!prompt.empty()) prompts.push_back(std::move(prompt));
  });
  std::erase_if(professions, [](const BoldProfession& profession) { return profession.prompts.empty(); });
  return professions;
}

}  // namespace discreet::app
