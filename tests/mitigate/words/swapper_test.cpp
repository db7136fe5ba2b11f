#include "discreet/mitigate/words/swapper.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "discreet/core/error.h"
#include "discreet/core/json.h"
#include "discreet/core/lines.h"
#include "discreet/core/random.h"
#include "discreet/mitigate/words/pronouns.h"
#include "discreet/text/unicode.h"

namespace discreet::mitigate {
namespace {

const Swapper& gender() {
  static const Swapper swapper(default_gender_lists());
  return swapper;
}

std::string swapped(const std::string& text, SwapCounts* counts = nullptr) {
  SwapCounts own = gender().no_counts();
  std::string out;
  gender().swap(text, out, own);
  if (counts != nullptr) *counts = own;
  return out;
}

TEST(Swapper, WordsCaseAndPunctuation) {
  EXPECT_EQ(swapped("He said \"(she)\" he. HE!"), "She said \"(he)\" she. SHE!");
  EXPECT_EQ(swapped("The Queen's MOTHER and the kings' daughters;"), "The King's FATHER and the queens' sons;");
  EXPECT_EQ(swapped("She's here, he'll come, she'd go"), "He's here, she'll come, he'd go");
  EXPECT_EQ(swapped("he/she \xE2\x80\x9Che\xE2\x80\x9D he\xE2\x80\x94she"), "she/he \xE2\x80\x9Cshe\xE2\x80\x9D she\xE2\x80\x94he");
  EXPECT_EQ(swapped("Mother-In-Law, mother-in-law's, FATHER-IN-LAW"), "Father-In-Law, father-in-law's, MOTHER-IN-LAW");
  EXPECT_EQ(swapped("Fianc\xC3\xA9 FIANC\xC3\x89""E"), "Fianc\xC3\xA9""e FIANC\xC3\x89");
  EXPECT_EQ(swapped("Mr. Brown and Mrs. Brown"), "Mrs. Brown and Mr. Brown");
}

TEST(Swapper, NothingInsideWords) {
  for (const char* text : {"the theory of history", "sheriff Hermann shed", "he2 she_ 3he", "womanised", "Thess\xC3\xA9h\xC3\xA9", ""}) {
    EXPECT_EQ(swapped(text), text);
  }
  SwapCounts counts;
  EXPECT_EQ(swapped("write to she@example.com or me@mother", &counts), "write to she@example.com or me@mother");
  EXPECT_EQ(counts.in_addresses, 2U);
}

TEST(Swapper, FormsForBothStay) {
  SwapCounts counts;
  EXPECT_EQ(swapped("s/he, (s)he and S/He; (wo)men and fe/male", &counts), "s/he, (s)he and S/He; (wo)men and fe/male");
  EXPECT_EQ(counts.of_both, 5U);
  EXPECT_EQ(counts.changed(), 0U);
  EXPECT_EQ(swapped("she/he, he(r) and boys/he; yes (s) he"), "he/she, she(r) and girls/she; yes (s) she");
}

TEST(Swapper, Names) {
  SwapCounts counts;
  EXPECT_EQ(swapped("I saw James and MARY, not james.", &counts), "I saw Mary and JAMES, not james.");
  EXPECT_EQ(counts.names[0][0], 1U);
  EXPECT_EQ(counts.names[0][1], 1U);
  EXPECT_EQ(swapped("It was Elizabeth Scott who met Mr. James.", &counts), "It was David Scott who met Mrs. James.");
  EXPECT_EQ(counts.surnames, 2U);
  // A capital says nothing where a sentence begins; and its partner stays there too, so that nothing is lost.
  EXPECT_EQ(swapped("Mark my words. Ashley and then Mark."), "Mark my words. Ashley and then Ashley.");
}

TEST(Swapper, CaseOfAnyScript) {
  SwapLists lists;
  lists.pairs = {{"özil", "müller"}, {"été", "hiver"}, {"гора", "река"}, {"āda", "cook"}};
  const Swapper swapper(lists);
  const auto swap = [&](const std::string& text) {
    SwapCounts counts = swapper.no_counts();
    std::string out;
    swapper.swap(text, out, counts);
    return out;
  };
  EXPECT_EQ(swap("Özil ÖZIL özil, ÉTÉ Été; Гора ГОРА река Āda"), "Müller MÜLLER müller, HIVER Hiver; Река РЕКА гора Cook");
  EXPECT_EQ(swap("Özils \xC3 ÉT"), "Özils \xC3 ÉT");
  EXPECT_EQ(swap(swap("ÖZIL Hiver Река")), "ÖZIL Hiver Река");
  SwapLists names;
  names.names = {{"élodie", "zoltán"}};
  std::string out;
  SwapCounts counts = Swapper(names).no_counts();
  Swapper(names).swap("So Élodie and élodie", out, counts);
  EXPECT_EQ(out, "So Zoltán and élodie");
}

TEST(Swapper, TitlesStandBeforeNames) {
  EXPECT_EQ(swapped("Miss Green and Lady Bracknell met Lord Byron and Sir Elton."), "Mr Green and Lord Bracknell met Lady Byron and Dame Elton.");
  EXPECT_EQ(swapped("I miss the lady. Yes, sir. Oh Lord, that Lady!"), "I miss the gentleman. Yes, madam. Oh Lord, that Gentleman!");
  EXPECT_EQ(swapped("Sir John came to St. John Church"), "Dame Jennifer came to St. John Church");
  SwapCounts counts;
  swapped("Lady Ann", &counts);
  EXPECT_EQ(counts.titles, 1U);
}

TEST(Swapper, GodsAndPossessives) {
  EXPECT_EQ(swapped("Thank God. Thank god, God knows; a god and the goddess"), "Thank God. Thank god, God knows; a goddess and the god");
  EXPECT_EQ(swapped("the ladies' room, the gentlemen's club, the princess's hat"), "the gentlemen's room, the ladies' club, the prince's hat");
  EXPECT_EQ(swapped("Yes, ma\xE2\x80\x99""am; ma'am"), "Yes, sir; sir");
  EXPECT_EQ(swapped("the women\xE2\x80\x99s team"), "the men\xE2\x80\x99s team");
  EXPECT_EQ(swapped("The hostess and my auntie, a housewife"), "The host and my uncle, a househusband");
}

TEST(Swapper, HerAsAnObject) {
  for (const char* text : {"I love her very much", "We met her last week", "I saw her first", "I saw her Monday", "It makes her proud", "It kept her busy",
                           "Let her finish", "Have her call me", "He bought her dinner", "They sent her 3 letters", "Make her apologise", "I miss her sooo much",
                           "i love her omg", "I told her dinner was ready", "We saw her open the door", "They want her gone", "I heard of her losing the cup",
                           "It drove her insane", "They made her captain", "He hit her 3 times", "It took her 45 years", "It took her two full years",
                           "Bring her hither", "They help her capture the thief", "It made her numb", "We watched her act", "He did her wrong",
                           "They jolt her back to life", "He shot her several times", "It came to her every five minutes", "They had her sent away",
                           "I agree with her 100%", "He saw her on-screen",
                           "She gave her more time", "I sat with her last night", "They gave her flowers"}) {
    EXPECT_NE(swapped(text).find(" him"), std::string::npos) << swapped(text);
  }
  for (const char* text : {"They asked her opinion", "I told her neighbour to wait", "In her later years", "Her earlier films", "She charged her phone",
                           "The court granted her appeal", "It hit her right arm", "He kissed her back", "She did her best", "That is of her past",
                           "I know her home", "the role of her acting", "her rather famous song", "It was her first", "Her first was a failure", "They asked her manager",
                           "She scored her first ever goal", "a woman in her late 40s", "She pays for her folly", "It was her 30% share", "in her last years",
                           "She got her just deserts", "She made her escape", "Given her past roles", "She turned her back on us", "He hurt her back in a fall",
                           "Her well known poems", "We like her on-screen husband", "She made her major league debut"}) {
    const std::string out = swapped(text);
    EXPECT_TRUE(out.find("his") != std::string::npos || out.find("His") != std::string::npos) << out;
  }
  EXPECT_EQ(swapped("her and her children's care"), "his and his children's care");
  EXPECT_EQ(swapped("Her and my parents met"), "His and my parents met");
  EXPECT_EQ(swapped("his or her book, her/his book; him or her; call her/him"), "her or his book, his/her book; her or him; call him/her");
  EXPECT_EQ(swapped("A friend of his called. His came first. The house is his now."), "A friend of hers called. Hers came first. The house is hers now.");
}

TEST(Swapper, PronounsByContext) {
  EXPECT_EQ(swapped("She took her book and he gave her his."), "He took his book and she gave him hers.");
  EXPECT_EQ(swapped("The book is hers; I saw him."), "The book is his; I saw her.");
  EXPECT_EQ(swapped("Her mother told her that her own car"), "His father told him that his own car");
  EXPECT_EQ(swapped("took her home, at her home, called her back, on her back"),
            "took him home, at his home, called him back, on his back");
  EXPECT_EQ(swapped("they made her cry; they watched her walking to the shop"),
            "they made him cry; they watched him walking to the shop");
  EXPECT_EQ(swapped("a friend of his."), "a friend of hers.");
  SwapCounts counts;
  swapped("her book, for her", &counts);
  EXPECT_EQ(counts.her_to_his, 1U);
  EXPECT_EQ(counts.her_to_him, 1U);
}

TEST(Swapper, CountsAddUp) {
  SwapCounts counts;
  swapped("The king and his queen met James; he saw Ms. Smith.", &counts);
  EXPECT_EQ(counts.words, 11U);
  EXPECT_EQ(counts.changed(), 6U);
  SwapCounts twice = counts;
  twice += counts;
  EXPECT_EQ(twice.changed(), 12U);
}

TEST(SwapperProperty, TwiceGivesTheTextBack) {
  // Random texts of list words, he and she, names, other words and punctuation in any case.
  core::ReproducibleRng rng(21);
  const SwapLists lists = default_gender_lists();
  const std::vector<std::string> others = {"the", "and", "history", "zebra", "caf\xC3\xA9", "42", "x_y", "\xE2\x80\x9Cso\xE2\x80\x9D"};
  const std::vector<std::string> ends = {" ", ", ", ". ", "! ", "'s ", "\n", " - ", "\xE2\x80\x94", " (", "\" "};
  const auto any = [&](const WordPairs& pairs) {
    const auto& [a, b] = pairs[rng.below(pairs.size())];
    return rng.below(2) == 0 ? a : b;
  };
  for (int round = 0; round < 400; ++round) {
    std::string text;
    for (std::size_t k = rng.below(12) + 1; k > 0; --k) {
      std::string word;
      switch (rng.below(5)) {
        case 0: word = any(lists.pairs); break;
        case 1: word = rng.below(2) == 0 ? "he" : "she"; break;
        case 2: word = rng.below(2) == 0 ? "himself" : "herself"; break;
        case 3: word = any(lists.names); break;
        default: word = others[rng.below(others.size())];
      }
      const std::uint64_t letters = rng.below(3);
      const bool ascii = std::all_of(word.begin(), word.end(), [](char c) { return static_cast<signed char>(c) >= 0; });
      for (std::size_t i = 0; ascii && i < word.size(); ++i) {
        if ((letters == 1 && i == 0) || letters == 2) word[i] = static_cast<char>(std::toupper(word[i]));
      }
      text += word + ends[rng.below(ends.size())];
    }
    EXPECT_EQ(swapped(swapped(text)), text) << swapped(text);
  }
}

TEST(SwapperProperty, BytesThatAreNotOfWordsStay) {
  core::ReproducibleRng rng(22);
  for (int round = 0; round < 300; ++round) {
    std::string text;
    for (std::size_t k = rng.below(60); k > 0; --k) text += static_cast<char>(rng.below(256));
    text += " he ";
    std::string out = swapped(text);
    // "he" became "she"; everything that is no ASCII letter is there in the same order.
    const auto rest = [](const std::string& s) {
      std::string kept;
      for (const char c : s) {
        if (!((c | 32) >= 'a' && (c | 32) <= 'z') || static_cast<signed char>(c) < 0) kept += c;
      }
      return kept;
    };
    EXPECT_EQ(rest(out), rest(text));
  }
}

class PairFile {
 public:
  PairFile(const std::string& name, const std::string& content)
      : path_(std::filesystem::temp_directory_path() / (std::to_string(::getpid()) + name)) {
    std::ofstream(path_) << content;
  }
  ~PairFile() { std::filesystem::remove(path_); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

TEST(SwapLists, FormsOfFiles) {
  const PairFile json("a.json", R"([["Actor", "actress "], ["he", "she"], ["actress", "actor"]])");
  const PairFile tabs("b.txt", "uncle \tAunt \n\nmr.\tmrs.\n# a remark\n");
  const PairFile left("c.txt", "monk\nking\n"), right("d.txt", "nun\nqueen\n");
  WordPairs pairs;
  std::vector<std::string> left_out;
  read_pairs(json.path(), PairConflict::kError, true, pairs, left_out);
  read_pairs(tabs.path(), PairConflict::kError, true, pairs, left_out);
  read_pairs(left.path() + ":" + right.path(), PairConflict::kError, true, pairs, left_out);
  EXPECT_EQ(pairs, (WordPairs{{"actor", "actress"}, {"uncle", "aunt"}, {"mr", "mrs"}, {"monk", "nun"}, {"king", "queen"}}));
  EXPECT_EQ(left_out, (std::vector<std::string>{"he/she: pronouns are exchanged by rules"}));
}

TEST(SwapLists, AWordHasOnePartner) {
  const PairFile file("e.txt", "guy girl\nboy girl\nsame same\nguy girl\n");
  WordPairs pairs;
  std::vector<std::string> left_out;
  EXPECT_THROW(read_pairs(file.path(), PairConflict::kError, true, pairs, left_out), Error);
  pairs.clear();
  left_out.clear();
  read_pairs(file.path(), PairConflict::kFirst, true, pairs, left_out);
  EXPECT_EQ(pairs, (WordPairs{{"guy", "girl"}}));
  EXPECT_EQ(left_out.size(), 2U);
  const PairFile wrong("f.txt", "one two three\n"), blank("g.json", R"([["a b", "c"]])");
  EXPECT_THROW(read_pairs(wrong.path(), PairConflict::kError, true, pairs, left_out), Error);
  EXPECT_THROW(read_pairs(blank.path(), PairConflict::kError, true, pairs, left_out), Error);
  EXPECT_THROW(read_pairs(wrong.path() + ":" + file.path(), PairConflict::kError, true, pairs, left_out), Error);
  SwapLists twice = default_gender_lists();
  twice.one_way.emplace_back("king", "prince");
  EXPECT_THROW(Swapper{twice}, Error);
}

TEST(SwapLists, OneWayListsMayMeet) {
  const PairFile file("h.txt", "mother parent\nfather parent\nmother parent\n"), wrong("i.txt", "mother parent\nmother person\n");
  WordPairs pairs;
  std::vector<std::string> left_out;
  read_one_way(file.path(), PairConflict::kError, true, pairs, left_out);
  EXPECT_EQ(pairs, (WordPairs{{"mother", "parent"}, {"father", "parent"}}));
  SwapLists lists;
  lists.one_way = pairs;
  std::string out;
  SwapCounts counts = Swapper(lists).no_counts();
  Swapper(lists).swap("Mother, father, parent", out, counts);
  EXPECT_EQ(out, "Parent, parent, parent");
  EXPECT_THROW(read_one_way(wrong.path(), PairConflict::kError, true, pairs, left_out), Error);
  read_one_way(wrong.path(), PairConflict::kFirst, true, pairs, left_out);
  EXPECT_EQ(left_out.size(), 1U);
}

TEST(SwapLists, OwnListsHaveNoDoubledWord) { EXPECT_GT(gender().lists().pairs.size(), 100U); }

// Real text: what is certain in it is turned around and must come back.
struct Restored {
  std::array<std::uint64_t, 2> decisions{}, right{};  // of him, of his
  double share(std::size_t which) const { return static_cast<double>(right[which]) / static_cast<double>(decisions[which]); }
  std::string text(std::size_t which) const { return std::to_string(right[which]) + " of " + std::to_string(decisions[which]); }
};

/// Turns natural text around, and counts of each "him", and each "his" that became "her", whether it comes back.
void count_restored(const Swapper& swapper, const std::string& line, Restored& restored) {
  std::string turned, back;
  SwapCounts counts = swapper.no_counts();
  std::vector<SwapSpan> there, here;
  swapper.swap(line, turned, counts, there);
  swapper.swap(turned, back, counts, here);
  ASSERT_EQ(there.size(), here.size()) << line;
  for (std::size_t k = 0; k < there.size(); ++k) {
    const auto word = [](const std::string& text, std::size_t begin, std::size_t end) { return text::lowercase(text.substr(begin, end - begin)); };
    const std::string was = word(line, there[k].begin, there[k].end);
    if ((was != "him" && was != "his") || word(turned, here[k].begin, here[k].end) != "her") continue;
    const std::size_t which = was == "his" ? 1 : 0;
    ++restored.decisions[which];
    restored.right[which] += word(back, here[k].out_begin, here[k].out_end) == was ? 1 : 0;
  }
}

TEST(SwapperData, NaturalPronounsComeBack) {
  const char* data = std::getenv("DISCREET_DATA");
  if (data == nullptr) GTEST_SKIP() << "DISCREET_DATA is not set";
  SwapLists pronouns_alone;
  const Swapper swapper(pronouns_alone);
  for (const char* file : {"gap/gap-development.tsv", "gap/gap-test.tsv", "wikitext2/test.txt", "imdb/test.jsonl.gz"}) {
    Restored restored;
    core::LineReader lines(std::filesystem::path(data) / file);
    for (std::string line; lines.next(line);) {
      // The second column of GAP is the text, and a field of IMDb.
      if (line.starts_with('{')) line = core::parse_json(line, file)["text"].get<std::string>();
      const std::size_t tab = line.find('\t');
      if (tab != std::string::npos) line = line.substr(tab + 1, line.find('\t', tab + 1) - tab - 1);
      count_restored(swapper, line, restored);
    }
    EXPECT_GT(restored.decisions[0] + restored.decisions[1], 700U) << file;
    EXPECT_GT(restored.share(0), .95) << file;
    EXPECT_GT(restored.share(1), .98) << file;
    const std::filesystem::path path(file);
    const std::string name = path.parent_path().string() + "-" + path.stem().stem().string();
    RecordProperty(name + "-him", restored.text(0));
    RecordProperty(name + "-his", restored.text(1));
  }
}

TEST(SwapperData, WinoBiasPronouns) {
  const char* data = std::getenv("DISCREET_DATA");
  if (data == nullptr) GTEST_SKIP() << "DISCREET_DATA is not set";
  // The pro- and anti-stereotyped files differ in pronouns line by line: gold for each decision on "her".
  std::uint64_t decisions = 0, right = 0;
  for (const char* type : {"type1.txt.dev", "type1.txt.test", "type2.txt.dev", "type2.txt.test"}) {
    for (const bool turned : {false, true}) {
      const std::filesystem::path folder = std::filesystem::path(data) / "winobias/data";
      core::LineReader pro(folder / (std::string(turned ? "anti_stereotyped_" : "pro_stereotyped_") + type));
      core::LineReader anti(folder / (std::string(turned ? "pro_stereotyped_" : "anti_stereotyped_") + type));
      const auto words_of = [](std::string line) {
        std::erase_if(line, [](char c) { return c == '[' || c == ']'; });
        return line.substr(line.find(' ') + 1);
      };
      for (std::string a, b; pro.next(a) && anti.next(b);) {
        a = words_of(a);
        b = words_of(b);
        for (std::size_t i = 0; (i = a.find("her", i)) != std::string::npos; i += 3) {
          const auto letter = [&](std::size_t k) { return k < a.size() && std::isalpha(static_cast<unsigned char>(a[k])) != 0; };
          if ((i > 0 && letter(i - 1)) || letter(i + 3) || a.compare(0, i, b, 0, i) != 0) continue;
          const std::string gold = b.substr(i, 3);
          if (gold != "him" && gold != "his") continue;
          ++decisions;
          right += her_is_possessive({std::string_view(a).substr(0, i), std::string_view(a).substr(i + 3)}) == (gold == "his") ? 1 : 0;
        }
      }
    }
  }
  EXPECT_GT(decisions, 800U);
  EXPECT_GT(static_cast<double>(right) / static_cast<double>(decisions), .95);
  RecordProperty("right", std::to_string(right) + " of " + std::to_string(decisions));
}

}  // namespace
}  // namespace discreet::mitigate
