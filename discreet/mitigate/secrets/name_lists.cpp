#include "discreet/mitigate/secrets/name_lists.h"

namespace discreet::mitigate {

const std::unordered_set<std::string>& built_in_given_names() {
  static const std::unordered_set<std::string> names = {
      "aaron", "abigail", "adam", "ahmed", "alan", "albert", "alex", "alexander", "alexis", "alice", "amanda", "amber", "amy", "ana",
      "andrea", "andrew", "angela", "ann", "anna", "anne", "anthony", "antonio", "arthur", "ashley", "austin", "barbara", "ben", "benjamin",
      "betty", "beverly", "bill", "billy", "bob", "bobby", "brandon", "brenda", "brian", "brittany", "bruce", "bryan", "carl", "carlos",
      "carol", "carolyn", "catherine", "charles", "charlotte", "cheryl", "chris", "christian", "christina", "christine", "christopher",
      "cynthia", "dan", "daniel", "danielle", "david", "deborah", "debra", "denise", "dennis", "diana", "diane", "donald", "donna",
      "dorothy", "douglas", "dylan", "edward", "elena", "elijah", "elizabeth", "emily", "emma", "eric", "ethan", "eugene", "evelyn",
      "fatima", "frances", "francisco", "frank", "gabriel", "gary", "george", "gerald", "giovanni", "gloria", "grace", "gregory", "hannah",
      "hans", "harold", "harry", "heather", "helen", "henry", "ian", "ingrid", "isabella", "ivan", "jack", "jacob", "jacqueline", "james",
      "jan", "jane", "janet", "janice", "jason", "jean", "jeff", "jeffrey", "jennifer", "jeremy", "jerry", "jesse", "jessica", "jim",
      "joan", "joe", "john", "johnny", "jonathan", "jordan", "jose", "joseph", "joshua", "joyce", "juan", "judith", "judy", "julia",
      "julie", "justin", "karen", "karl", "kate", "katherine", "kathleen", "kathryn", "kayla", "keith", "kelly", "kenneth", "kevin",
      "kimberly", "kyle", "larry", "laura", "lauren", "lawrence", "lisa", "logan", "lori", "louis", "lucas", "luis", "madison", "margaret",
      "maria", "marie", "marilyn", "mario", "mark", "marta", "martha", "martin", "mary", "mason", "matthew", "megan", "melissa", "michael",
      "michelle", "mike", "mohammed", "nancy", "natalie", "nathan", "nicholas", "nicole", "nikolai", "noah", "olga", "olivia", "pamela",
      "patricia", "patrick", "paul", "pedro", "peter", "philip", "pierre", "rachel", "ralph", "randy", "raymond", "rebecca", "richard",
      "robert", "roger", "ronald", "rose", "roy", "russell", "ruth", "ryan", "sam", "samantha", "samuel", "sandra", "sara", "sarah",
      "scott", "sean", "sharon", "shirley", "sophia", "sophie", "stephanie", "stephen", "steve", "steven", "susan", "teresa", "terry",
      "theresa", "thomas", "tim", "timothy", "tom", "tony", "tyler", "victor", "victoria", "vincent", "virginia", "walter", "wayne",
      "william", "willie", "yuki", "yusuf", "zachary"};
  return names;
}

const std::unordered_set<std::string>& also_words() {
  static const std::unordered_set<std::string> words = {
      "amber", "austin", "ben", "bill", "billy", "bob", "carol", "christian", "dan", "diane", "frank", "gary", "grace", "heather", "jack", "jan", "jean",
      "jordan", "joy", "joyce", "karen", "logan", "madison", "mark", "mason", "mike", "randy", "rose", "roy", "ruth", "sam", "scott", "tim", "tom",
      "tony", "tyler", "victor", "victoria", "virginia", "wayne"};
  return words;
}

const std::unordered_set<std::string>& title_words() {
  static const std::unordered_set<std::string> words = {"mr", "mrs", "ms", "miss", "dr", "prof", "professor", "sir", "madam", "doctor"};
  return words;
}

const std::unordered_set<std::string>& street_words() {
  static const std::unordered_set<std::string> words = {"street", "st",   "road",  "rd",    "avenue", "ave",  "lane",      "ln",       "drive",
                                                        "dr",     "square", "sq",  "court", "ct",     "way",  "boulevard", "blvd",     "terrace",
                                                        "place",  "close", "crescent", "parade", "alley", "row", "highway", "hwy"};
  return words;
}

const std::unordered_set<std::string>& street_nouns() {
  static const std::unordered_set<std::string> words = {"street", "road", "rd", "avenue", "ave", "lane", "square", "boulevard", "blvd", "terrace",
                                                        "crescent", "alley", "highway", "hwy"};
  return words;
}

const std::unordered_set<std::string>& no_street_names() {
  static const std::unordered_set<std::string> words = {
      "a", "an", "the", "this", "that", "these", "those", "my", "your", "his", "her", "its", "our", "their", "some", "any", "each", "every", "no",
      "other", "another", "same", "one", "of", "to", "on", "in", "at", "by", "for", "from", "with", "off", "up", "down", "into", "onto", "over",
      "along", "across", "around", "through", "near", "past", "per", "out", "and", "or", "but", "as", "than", "is", "are", "was", "were", "be",
      "have", "has", "had", "will", "would", "can", "which", "who", "where", "when", "if", "so", "then", "more", "most", "less", "many", "few",
      "good", "bad", "great", "different", "possible", "only", "just", "away", "long", "wide", "second", "seconds", "minute", "minutes", "hour", "hours",
      "day", "days", "week", "weeks", "month", "months", "year", "years", "am", "pm", "mile", "miles", "meter", "meters", "metre", "metres", "km",
      "kilometers", "kilometres", "yard", "yards", "foot", "feet", "inch", "inches", "lane", "lanes", "percent", "dollars", "euros", "pounds", "people",
      "men", "women", "children", "cars", "times", "blocks", "block", "houses", "homes", "shops", "stores", "rooms", "points", "degrees"};
  return words;
}

const std::unordered_set<std::string>& no_names() {
  static const std::unordered_set<std::string> words = {
      "sir", "sirs", "madam", "all", "everyone", "everybody", "team", "customer", "customers", "friend", "friends", "god", "lord",
      "santa", "diary", "colleague", "colleagues", "editor", "there", "guys", "folks", "world", "reader", "readers", "hiring",
      "manager", "member", "members", "parent", "parents", "sweetheart", "darling", "me", "you", "us", "mom", "mum", "dad", "mother",
      "father", "back", "when", "if", "later", "tomorrow", "today", "now", "not", "a", "an", "the", "on", "in", "at", "my", "your",
      "his", "her", "their", "our", "also", "still", "too", "so", "what", "that", "this", "listed", "spelled", "spelt", "written",
      "misspelled", "misspelt", "pronounced", "known", "unknown", "here", "and", "or", "but", "as", "i", "it", "is", "of", "to", "for",
      "from", "by", "with", "wrong", "missing", "required", "optional", "hard", "long", "short", "common", "rare", "mentioned",
      "called", "already", "being", "no", "never", "nothing", "none", "just", "only", "very", "quite", "really", "something", "similar",
      "different", "same"};
  return words;
}

const std::unordered_set<std::string>& name_particles() {
  static const std::unordered_set<std::string> words = {"van", "von", "der", "den", "de", "del", "della", "da", "di", "dos", "du", "la", "le", "bin", "ibn",
                                                        "al", "el", "ter", "zu", "y"};
  return words;
}

}  // namespace discreet::mitigate
