#include "discreet/mitigate/words/swap_lists.h"

namespace discreet::mitigate {
namespace {

// English words for people whose gender they name, male first.
constexpr const char* kGenderPairs[][2] = {
    {"man", "woman"}, {"men", "women"}, {"boy", "girl"}, {"boys", "girls"}, {"guy", "gal"}, {"guys", "gals"},
    {"male", "female"}, {"males", "females"}, {"gentleman", "lady"}, {"gentlemen", "ladies"}, {"lad", "lass"},
    {"lads", "lasses"}, {"mister", "missus"}, {"mr", "mrs"}, {"sir", "madam"}, {"sirs", "madams"},
    {"father", "mother"}, {"fathers", "mothers"}, {"dad", "mom"}, {"dads", "moms"}, {"daddy", "mommy"},
    {"daddies", "mommies"}, {"papa", "mama"}, {"papas", "mamas"},
    {"fatherhood", "motherhood"}, {"fatherly", "motherly"}, {"paternal", "maternal"}, {"paternity", "maternity"},
    {"son", "daughter"}, {"sons", "daughters"}, {"brother", "sister"}, {"brothers", "sisters"},
    {"brotherhood", "sisterhood"}, {"fraternity", "sorority"}, {"fraternities", "sororities"}, {"fraternal", "sororal"},
    {"husband", "wife"}, {"husbands", "wives"}, {"boyfriend", "girlfriend"}, {"boyfriends", "girlfriends"},
    {"fiancé", "fiancée"}, {"fiance", "fiancee"}, {"groom", "bride"}, {"grooms", "brides"},
    {"widower", "widow"}, {"widowers", "widows"}, {"bachelor", "bachelorette"},
    {"bachelors", "bachelorettes"}, {"grandfather", "grandmother"}, {"grandfathers", "grandmothers"},
    {"grandpa", "grandma"}, {"grandpas", "grandmas"}, {"granddad", "granny"}, {"grandson", "granddaughter"},
    {"grandsons", "granddaughters"}, {"uncle", "aunt"}, {"uncles", "aunts"}, {"nephew", "niece"}, {"nephews", "nieces"},
    {"stepfather", "stepmother"}, {"stepfathers", "stepmothers"}, {"stepson", "stepdaughter"},
    {"stepsons", "stepdaughters"}, {"stepdad", "stepmom"}, {"stepdads", "stepmoms"}, {"stepbrother", "stepsister"}, {"stepbrothers", "stepsisters"},
    {"father-in-law", "mother-in-law"}, {"fathers-in-law", "mothers-in-law"}, {"son-in-law", "daughter-in-law"},
    {"sons-in-law", "daughters-in-law"}, {"brother-in-law", "sister-in-law"}, {"brothers-in-law", "sisters-in-law"},
    {"godfather", "godmother"}, {"godfathers", "godmothers"}, {"godson", "goddaughter"}, {"godsons", "goddaughters"},
    {"king", "queen"}, {"kings", "queens"}, {"prince", "princess"}, {"princes", "princesses"}, {"duke", "duchess"},
    {"dukes", "duchesses"}, {"baron", "baroness"}, {"barons", "baronesses"}, {"emperor", "empress"},
    {"emperors", "empresses"}, {"czar", "czarina"}, {"czars", "czarinas"}, {"tsar", "tsarina"}, {"tsars", "tsarinas"},
    {"god", "goddess"}, {"gods", "goddesses"}, {"monk", "nun"}, {"monks", "nuns"}, {"abbot", "abbess"},
    {"priest", "priestess"}, {"priests", "priestesses"}, {"wizard", "witch"}, {"wizards", "witches"},
    {"sorcerer", "sorceress"}, {"hero", "heroine"}, {"heroes", "heroines"}, {"heir", "heiress"}, {"heirs", "heiresses"},
    {"actor", "actress"}, {"actors", "actresses"}, {"waiter", "waitress"},
    {"waiters", "waitresses"}, {"steward", "stewardess"}, {"stewards", "stewardesses"}, {"landlord", "landlady"},
    {"landlords", "landladies"}, {"headmaster", "headmistress"}, {"schoolboy", "schoolgirl"},
    {"schoolboys", "schoolgirls"}, {"cowboy", "cowgirl"}, {"cowboys", "cowgirls"}, {"busboy", "busgirl"},
    {"policeman", "policewoman"}, {"policemen", "policewomen"}, {"fireman", "firewoman"}, {"firemen", "firewomen"},
    {"businessman", "businesswoman"}, {"businessmen", "businesswomen"}, {"salesman", "saleswoman"},
    {"salesmen", "saleswomen"}, {"chairman", "chairwoman"}, {"chairmen", "chairwomen"}, {"spokesman", "spokeswoman"},
    {"spokesmen", "spokeswomen"}, {"congressman", "congresswoman"}, {"congressmen", "congresswomen"},
    {"councilman", "councilwoman"}, {"councilmen", "councilwomen"}, {"craftsman", "craftswoman"},
    {"craftsmen", "craftswomen"}, {"fisherman", "fisherwoman"}, {"fishermen", "fisherwomen"}, {"horseman", "horsewoman"},
    {"horsemen", "horsewomen"}, {"sportsman", "sportswoman"}, {"sportsmen", "sportswomen"}, {"workman", "workwoman"},
    {"workmen", "workwomen"}, {"airman", "airwoman"}, {"airmen", "airwomen"}, {"mailman", "mailwoman"},
    {"mailmen", "mailwomen"}, {"postman", "postwoman"}, {"postmen", "postwomen"}, {"cameraman", "camerawoman"},
    {"cameramen", "camerawomen"}, {"anchorman", "anchorwoman"}, {"anchormen", "anchorwomen"}, {"handyman", "handywoman"},
    {"countryman", "countrywoman"}, {"countrymen", "countrywomen"}, {"nobleman", "noblewoman"},
    {"noblemen", "noblewomen"}, {"serviceman", "servicewoman"}, {"servicemen", "servicewomen"},
    {"manhood", "womanhood"}, {"boyhood", "girlhood"}, {"manly", "womanly"}, {"boyish", "girlish"},
    {"masculine", "feminine"}, {"masculinity", "femininity"}, {"patriarch", "matriarch"},
    {"patriarchs", "matriarchs"}, {"patriarchy", "matriarchy"}, {"patriarchal", "matriarchal"}, {"masseur", "masseuse"},
    {"masseurs", "masseuses"}, {"host", "hostess"}, {"hosts", "hostesses"}, {"househusband", "housewife"},
    {"househusbands", "housewives"}, {"mankind", "womankind"}, {"stuntman", "stuntwoman"}, {"stuntmen", "stuntwomen"},
    {"assemblyman", "assemblywoman"}, {"assemblymen", "assemblywomen"}, {"clergyman", "clergywoman"}, {"clergymen", "clergywomen"},
    {"foreman", "forewoman"}, {"foremen", "forewomen"}, {"alderman", "alderwoman"}, {"aldermen", "alderwomen"},
    {"gunman", "gunwoman"}, {"gunmen", "gunwomen"}, {"kinsman", "kinswoman"}, {"kinsmen", "kinswomen"},
    {"ombudsman", "ombudswoman"}, {"ombudsmen", "ombudswomen"}, {"showman", "showwoman"}, {"showmen", "showwomen"},
    {"weatherman", "weatherwoman"}, {"weathermen", "weatherwomen"}, {"washerman", "washerwoman"}, {"washermen", "washerwomen"},
    {"salesboy", "salesgirl"}, {"salesboys", "salesgirls"}, {"playboy", "playgirl"}, {"playboys", "playgirls"},
    {"manservant", "maidservant"}, {"menservants", "maidservants"}, {"menswear", "womenswear"}};

// Titles that the other side has no equal of.
constexpr const char* kOneWay[][2] = {{"ms", "mr"}, {"mum", "dad"}, {"mums", "dads"}, {"mummy", "daddy"}, {"ma'am", "sir"},
                                        {"auntie", "uncle"}, {"aunties", "uncles"},
                                        {"grandad", "grandma"}, {"grandads", "grandmas"}, {"granddads", "grannies"}, {"mam", "dad"},
                                        {"momma", "papa"}, {"mamma", "papa"}, {"stepmum", "stepdad"}, {"stepmums", "stepdads"},
                                        {"missis", "mister"}};

// With a capital before a name. "Miss" alone is a verb and a loss.
constexpr const char* kTitlePairs[][2] = {{"lord", "lady"}, {"sir", "dame"}};
constexpr const char* kOneWayTitles[][2] = {{"miss", "mr"}};

// First names of the United States, paired by how common they are among men and among women.
constexpr const char* kNamePairs[][2] = {
    {"james", "mary"}, {"robert", "patricia"}, {"john", "jennifer"}, {"michael", "linda"}, {"david", "elizabeth"},
    {"william", "barbara"}, {"richard", "susan"}, {"joseph", "jessica"}, {"thomas", "karen"}, {"christopher", "sarah"},
    {"charles", "lisa"}, {"daniel", "nancy"}, {"matthew", "sandra"}, {"anthony", "betty"}, {"mark", "ashley"},
    {"donald", "emily"}, {"steven", "kimberly"}, {"andrew", "margaret"}, {"paul", "donna"}, {"joshua", "michelle"},
    {"kenneth", "carol"}, {"kevin", "amanda"}, {"brian", "melissa"}, {"timothy", "deborah"}, {"ronald", "stephanie"},
    {"george", "rebecca"}, {"jason", "sharon"}, {"edward", "laura"}, {"jeffrey", "cynthia"}, {"ryan", "dorothy"},
    {"jacob", "amy"}, {"nicholas", "kathleen"}, {"gary", "angela"}, {"eric", "shirley"}, {"jonathan", "emma"},
    {"stephen", "brenda"}, {"larry", "pamela"}, {"justin", "nicole"}, {"scott", "anna"}, {"brandon", "samantha"},
    {"benjamin", "katherine"}, {"samuel", "christine"}, {"gregory", "debra"}, {"alexander", "rachel"},
    {"patrick", "carolyn"}, {"frank", "janet"}, {"raymond", "maria"}, {"jack", "olivia"}, {"dennis", "heather"},
    {"jerry", "helen"}, {"tyler", "catherine"}, {"aaron", "diane"}, {"jose", "julie"}, {"adam", "victoria"},
    {"nathan", "joyce"}, {"henry", "lauren"}, {"zachary", "kelly"}, {"douglas", "christina"}, {"peter", "ruth"},
    {"kyle", "joan"}, {"noah", "virginia"}, {"ethan", "judith"}, {"jeremy", "evelyn"}, {"christian", "hannah"},
    {"walter", "andrea"}, {"keith", "megan"}, {"austin", "cheryl"}, {"roger", "jacqueline"}, {"terry", "madison"},
    {"sean", "teresa"}, {"gerald", "abigail"}, {"carl", "sophia"}, {"dylan", "martha"}, {"harold", "sara"},
    {"jordan", "gloria"}, {"jesse", "janice"}, {"bryan", "kathryn"}, {"lawrence", "ann"}, {"arthur", "isabella"},
    {"gabriel", "judy"}, {"bruce", "charlotte"}, {"logan", "julia"}, {"billy", "grace"}, {"joe", "amber"},
    {"alan", "alice"}, {"juan", "jean"}, {"albert", "denise"}, {"willie", "danielle"}, {"elijah", "marilyn"},
    {"wayne", "beverly"}, {"randy", "theresa"}, {"vincent", "brittany"}, {"mason", "diana"}, {"roy", "natalie"},
    {"ralph", "frances"}, {"bobby", "rose"}, {"russell", "kayla"}, {"philip", "alexis"}, {"eugene", "lori"}};

template <std::size_t N>
void append(const char* const (&from)[N][2], WordPairs& into) {
  for (const auto& pair : from) into.emplace_back(pair[0], pair[1]);
}

}  // namespace

SwapLists default_gender_lists() {
  SwapLists lists;
  append(kGenderPairs, lists.pairs);
  append(kOneWay, lists.one_way);
  append(kTitlePairs, lists.titles);
  append(kOneWayTitles, lists.one_way_titles);
  append(kNamePairs, lists.names);
  return lists;
}

}  // namespace discreet::mitigate
