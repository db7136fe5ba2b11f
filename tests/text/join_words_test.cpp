#include <gtest/gtest.h>

#include "discreet/text/join_words.h"
#include "discreet/text/tokenizer.h"

namespace discreet::text {
namespace {

std::string joined_words(const std::vector<std::string>& words) { return join_words(words); }

TEST(JoinWords, WritesWhatAPersonWould) {
  EXPECT_EQ(joined_words({}), "");
  EXPECT_EQ(joined_words({"It", "'s", "near", "Café", "Adriatic", ",", "isn", "n't", "it", "?"}),
            "It's near Café Adriatic, isnn't it?");
  EXPECT_EQ(joined_words({"(", "from", "£", "20", ")", "."}), "(from £20).");
  EXPECT_EQ(joined_words({"one", "\n", "two", "", "three"}), "one\ntwo three");
  EXPECT_EQ(joined_words({"they", "\u2019re", "5", "%", "off", "!"}), "they\u2019re 5% off!");
}

TEST(JoinWords, UndoesTheWordTokeniserOnPlainEnglish) {
  const auto tokenizer = make_tokenizer("word", {.lowercase = false});
  for (const std::string text : {"The Vaults pub near Café Adriatic has a 5 star rating. Prices start at £30.",
                                 "It's not family-friendly, but they don't mind (much)!"}) {
    EXPECT_EQ(join_words(tokenizer->words(text)), text);
  }
}

}  // namespace
}  // namespace discreet::text
