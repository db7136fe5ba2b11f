#include "discreet/mitigate/secrets/name_lists.h"

namespace discreet::mitigate {

const std::unordered_set<std::string>& built_in_given_names() {
  static const std::unordered_set<std::string> names = {
      "aaron", "abdul", "abdullah", "abena", "abigail", "ada", "adam", "adebayo", "adele", "adrian", "adriana", "agnes", "agnieszka", "ahmad",
      "ahmed", "aiden", "aimee", "aisha", "akira", "alan", "alana", "albert", "alec", "alejandro", "alessandro", "alex", "alexander", "alexandra",
      "alexis", "alfred", "ali", "alice", "alicia", "alina", "alison", "allen", "allison", "alma", "alvin", "alyssa", "amanda", "amber", "amelia",
      "amina", "amir", "amit", "amy", "amélie", "ana", "anastasia", "anatoly", "anders", "andre", "andrea", "andreas", "andrei", "andrew",
      "andrzej", "andrés", "andy", "angela", "angelica", "angelina", "angelo", "angie", "angus", "anil", "anita", "anjali", "anke", "ann", "anna",
      "annabelle", "anne", "annette", "annie", "anthony", "antoinette", "anton", "antonio", "aoife", "archie", "ariana", "arjun", "arlene",
      "arnold", "arthur", "ashley", "astrid", "audrey", "austin", "ava", "ayesha", "barbara", "barry", "bart", "beatrice", "beatriz", "becky",
      "belinda", "ben", "benjamin", "benny", "bernadette", "bernard", "bernice", "bert", "bertha", "bessie", "beth", "bethany", "betty",
      "beverly", "bianca", "bilal", "bill", "billie", "billy", "birgit", "blake", "blanche", "bob", "bobby", "bogdan", "bonnie", "boris", "brad",
      "bradley", "brandi", "brandon", "brenda", "brendan", "brent", "brett", "brian", "briana", "brianna", "bridget", "brigitte", "brittany",
      "brody", "brooke", "bruce", "bryan", "bryce", "byron", "caitlin", "caleb", "calvin", "cameron", "camila", "camille", "candace", "candice",
      "carl", "carla", "carlo", "carlos", "carlton", "carmen", "carol", "caroline", "carolyn", "carrie", "casey", "cassandra", "cassie",
      "catherine", "cecil", "cecilia", "cedric", "celeste", "celia", "celine", "chantal", "charlene", "charles", "charlotte", "cheryl", "chester",
      "chidi", "chinedu", "chloe", "chris", "christa", "christian", "christina", "christine", "christopher", "christy", "cindy", "claire",
      "clara", "clarence", "claude", "claudia", "clayton", "clifford", "clifton", "clyde", "cody", "colin", "colleen", "connie", "connor",
      "constance", "cora", "corey", "cory", "courtney", "craig", "curtis", "cynthia", "céline", "damian", "damien", "damon", "dan", "dana",
      "daniel", "danielle", "danny", "daphne", "darlene", "darrell", "darren", "darryl", "daryl", "dave", "david", "deanna", "debbie", "deborah",
      "debra", "deepak", "delia", "delores", "denise", "dennis", "derek", "derrick", "desiree", "devin", "dexter", "diana", "diane", "diego",
      "dieter", "dimitri", "dmitry", "dolores", "dominic", "donald", "donna", "donnie", "dora", "doris", "dorothy", "doug", "douglas", "duane",
      "dustin", "dwayne", "dwight", "dylan", "eddie", "edgar", "edith", "edmund", "edna", "edward", "edwin", "eileen", "ekaterina", "elaine",
      "eleanor", "elena", "eli", "elijah", "elisa", "elise", "eliza", "elizabeth", "ella", "ellen", "elliot", "elliott", "elmer", "elodie",
      "elsa", "elsie", "elvis", "emeka", "emily", "emma", "emmanuel", "emmett", "enrique", "eoin", "eric", "erica", "erik", "erika", "erin",
      "ernest", "ernie", "ervin", "esmeralda", "esteban", "estelle", "esther", "ethan", "ethel", "etienne", "eugene", "eva", "evan", "evangeline",
      "evelyn", "everett", "farah", "fatemeh", "fatima", "federico", "felix", "ferenc", "fergus", "fernando", "fiona", "floyd", "folake",
      "frances", "francesca", "francine", "francisco", "francois", "frank", "françois", "fred", "freda", "freddie", "frederick", "freya",
      "friedrich", "gabriel", "gabriela", "gabrielle", "gail", "gareth", "garrett", "gary", "gavin", "genevieve", "geoffrey", "george", "gerald",
      "geraldine", "gerard", "gertrude", "gilbert", "gina", "giovanni", "giuseppe", "gladys", "glenda", "gloria", "gordon", "grace", "graham",
      "greg", "gregory", "greta", "gretchen", "guadalupe", "guillaume", "gus", "gustav", "gustavo", "gwen", "gwendolyn", "gwyneth", "günter",
      "hailey", "hamish", "hamza", "hannah", "hans", "harold", "harriet", "harrison", "harry", "harvey", "hassan", "hattie", "heather", "hector",
      "heidi", "heike", "heinz", "helen", "helga", "helmut", "henri", "henrietta", "henry", "herbert", "herman", "hilda", "hillary", "hiroshi",
      "homer", "horace", "howard", "hubert", "hugh", "hugo", "hussein", "ian", "ibrahim", "ifeoma", "ignacio", "igor", "imogen", "imran",
      "indira", "ingrid", "ioana", "irene", "irma", "irving", "isaac", "isabel", "isabella", "isabelle", "isaiah", "isla", "ismail", "istván",
      "ivan", "jack", "jackie", "jacob", "jacqueline", "jacquelyn", "jacques", "jaime", "jake", "jakub", "jamal", "james", "jamie", "jamila",
      "jan", "jana", "jane", "janelle", "janet", "janice", "janine", "jared", "jason", "jasper", "javier", "jayden", "jean", "jeanette", "jeanne",
      "jeff", "jeffrey", "jenna", "jennie", "jennifer", "jenny", "jens", "jeremy", "jerome", "jerry", "jesse", "jessica", "jill", "jim", "jimmie",
      "jimmy", "joan", "joann", "joanna", "joanne", "joao", "joaquín", "jocelyn", "jodi", "jodie", "jody", "joe", "joel", "joey", "johan",
      "johann", "johannes", "john", "johnnie", "johnny", "jon", "jonah", "jonas", "jonathan", "jordan", "jorge", "jose", "josefina", "joseph",
      "josephine", "joshua", "josiah", "josé", "joyce", "joão", "juan", "juanita", "judith", "judy", "julia", "julian", "julianne", "julie",
      "juliet", "julio", "julius", "justin", "jürgen", "kai", "kaitlyn", "kara", "kareem", "karen", "karina", "karl", "karla", "katarzyna",
      "kate", "katelyn", "katherine", "kathleen", "kathryn", "kathy", "katie", "katja", "katrina", "kayla", "kayleigh", "keegan", "keiko",
      "keith", "kelly", "ken", "kendra", "kenneth", "kenny", "kerry", "kevin", "khadija", "khalid", "kimberly", "kirk", "kirsten", "klaus",
      "krista", "kristen", "kristin", "kristina", "kristy", "krzysztof", "kurt", "kwame", "kyle", "kylie", "lakshmi", "lana", "landon", "larry",
      "lars", "laszlo", "latoya", "laura", "lauren", "laurent", "laurie", "lawrence", "layla", "leah", "leif", "leland", "lena", "leo", "leon",
      "leona", "leonard", "leroy", "leslie", "lester", "leticia", "levi", "lewis", "liam", "lila", "lillian", "lillie", "lindsay", "lindsey",
      "lionel", "lisa", "lloyd", "logan", "lola", "lonnie", "lorenzo", "loretta", "lori", "lorraine", "louis", "louise", "luca", "lucas", "lucia",
      "lucille", "lucinda", "lucy", "luis", "lukas", "luke", "luther", "lydia", "lyle", "lynette", "lynn", "mabel", "madison", "magda", "maggie",
      "mahmoud", "malcolm", "mamie", "mandy", "manuel", "marcella", "marcia", "marco", "marcus", "margaret", "margie", "marguerite", "maria",
      "marian", "marianne", "maribel", "marie", "marilyn", "mario", "marion", "marissa", "marjorie", "mark", "marlene", "marsha", "marta",
      "martha", "martin", "marvin", "mary", "maryam", "maryann", "maría", "mason", "mathieu", "matteo", "matthew", "matthias", "mattie",
      "maureen", "maurice", "maximilian", "maxine", "maxwell", "maya", "megan", "mehdi", "mehmet", "melanie", "melinda", "melissa", "melvin",
      "meredith", "mia", "michael", "michel", "michelle", "mickey", "miguel", "mike", "mikhail", "mildred", "millie", "milton", "mindy", "minnie",
      "miranda", "mirela", "miriam", "mitchell", "mohamed", "mohammad", "mohammed", "molly", "mona", "monica", "monika", "monique", "morgan",
      "morris", "moses", "muhammad", "muriel", "murray", "mustafa", "myra", "nadia", "nancy", "naoko", "naomi", "nasser", "natalia", "natalie",
      "natalya", "natasha", "nathan", "nathaniel", "neha", "neil", "nellie", "nelson", "niamh", "nicholas", "nichole", "nicole", "nikhil",
      "niklas", "nikolai", "nils", "nina", "nneka", "noah", "nora", "norma", "norman", "oksana", "olena", "olga", "oliver", "olivia", "olivier",
      "oluwaseun", "omar", "ophelia", "otis", "otto", "owen", "pablo", "padraig", "paige", "pamela", "paolo", "pasquale", "patricia", "patrick",
      "patsy", "patty", "paul", "paula", "paulette", "pauline", "pedro", "peggy", "penelope", "percy", "perry", "pete", "peter", "petra", "phil",
      "philip", "phillip", "phoebe", "phyllis", "pierre", "piotr", "pooja", "preston", "priscilla", "quentin", "rachael", "rachel", "rafael",
      "rafaela", "rahul", "raj", "ralph", "ramon", "ramona", "randall", "randy", "rania", "raquel", "raul", "ravi", "raymond", "rebecca",
      "reggie", "reginald", "rene", "rené", "rex", "reza", "rhonda", "rhys", "ricardo", "richard", "rick", "ricky", "riley", "rita", "robbie",
      "robert", "roberta", "roberto", "robyn", "rochelle", "rocío", "roderick", "rodney", "rodrigo", "roger", "rohan", "roland", "ron", "ronald",
      "ronnie", "rory", "rosa", "rosalie", "rosalind", "rose", "rosemarie", "rosie", "ross", "roxanne", "roy", "ruben", "rudolph", "rudy",
      "rufus", "rupert", "russell", "ruth", "ryan", "sabine", "sabrina", "sadie", "sally", "salma", "salvatore", "sam", "samantha", "samir",
      "sammy", "samuel", "sandeep", "sandra", "sanjay", "saoirse", "sara", "sarah", "sasha", "saskia", "saul", "scott", "seamus", "sean",
      "sebastian", "selena", "serena", "sergei", "sergey", "sergio", "seth", "seymour", "shane", "shannon", "shari", "sharon", "shaun", "shawn",
      "shawna", "sheila", "shelby", "sheldon", "shelley", "shelly", "sheri", "sherman", "sherri", "sheryl", "shirley", "shreya", "sidney",
      "silas", "silvia", "simon", "simone", "sipho", "solomon", "sonia", "sonja", "sonya", "sophia", "sophie", "spencer", "stacey", "stacie",
      "stacy", "stan", "stanley", "stefan", "stefano", "stella", "stephan", "stephanie", "stephen", "steve", "steven", "stewart", "stuart",
      "sunil", "suresh", "susan", "susanna", "susannah", "susie", "suzanne", "sven", "svetlana", "sybil", "sylvester", "sylvia", "sylvie",
      "tabitha", "takashi", "tamara", "tami", "tammy", "tanya", "tara", "tariq", "tasha", "tatiana", "tatyana", "ted", "teddy", "terence",
      "teresa", "terrance", "terrell", "terri", "terry", "tessa", "thabo", "thelma", "theo", "theodore", "theresa", "thiago", "thierry", "thomas",
      "tiffany", "tim", "timmy", "timothy", "tina", "tobias", "toby", "todd", "tom", "tommy", "toni", "tony", "tonya", "torsten", "tracey",
      "traci", "tracy", "travis", "trevor", "tricia", "trisha", "tristan", "troy", "trudy", "tucker", "tyler", "ulrich", "ulrike", "ursula",
      "uwe", "valerie", "vance", "vanessa", "vaughn", "velma", "vera", "verna", "vernon", "veronica", "vicki", "vickie", "vicky", "victor",
      "victoria", "vijay", "vikram", "vince", "vincent", "vincenzo", "virginia", "vivian", "vladimir", "wallace", "walter", "wanda", "warren",
      "wayne", "wei", "wendell", "wendy", "wesley", "whitney", "wilbur", "wilfred", "willard", "william", "willie", "wilma", "winifred",
      "winston", "wojciech", "wolfgang", "xavier", "ximena", "xiomara", "yasmin", "yelena", "yoko", "yolanda", "yuki", "yusuf", "yvette",
      "yvonne", "zach", "zachariah", "zachary", "zahra", "zane", "zbigniew", "zoe", "zoltán"};
  return names;
}

const std::unordered_set<std::string>& also_words() {
  static const std::unordered_set<std::string> words = {
      "ada", "ali", "amber", "angus", "austin", "bart", "ben", "bill", "billy", "blake", "bob", "bonnie", "brad", "brent", "carol", "celeste",
      "christian", "constance", "dan", "diane", "dolores", "eva", "frank", "gail", "gary", "grace", "graham", "harvey", "heather", "homer",
      "isla", "jack", "jackie", "jake", "jan", "jasper", "jean", "jordan", "joy", "joyce", "kai", "karen", "ken", "kirk", "leo", "lila", "logan",
      "lynn", "madison", "marian", "mark", "mason", "maya", "mia", "mickey", "mike", "miranda", "molly", "morgan", "norma", "otto", "paige",
      "patsy", "patty", "percy", "perry", "raj", "randy", "rex", "rick", "rose", "ross", "roy", "ruth", "sally", "sam", "scott", "stella", "ted",
      "teddy", "tim", "tom", "tony", "troy", "tucker", "tyler", "vance", "victor", "victoria", "virginia", "warren", "wayne"};
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
