#include "discreet/mitigate/secrets/detector.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "discreet/core/random.h"
#include "discreet/text/details.h"

namespace discreet::mitigate {
namespace {

/// "kind:what" of each finding.
std::vector<std::string> found(std::string_view text, const DetectorOptions& options = {}) {
  std::vector<Finding> findings;
  Detector(options).find(text, findings);
  std::vector<std::string> list;
  for (const Finding& f : findings) list.push_back(f.kind + ":" + std::string(text.substr(f.begin, f.end - f.begin)));
  return list;
}

using List = std::vector<std::string>;

TEST(Detector, Forms) {
  EXPECT_EQ(found("mail anna.b+x@mail.example.org, now"), List{"email:anna.b+x@mail.example.org"});
  EXPECT_EQ(found("a @ b, x@y, me@@you, 3 @ 20, @7, a/@b"), List{});
  EXPECT_EQ(found("ask @night_heron88, or (@bo)."), (List{"mention:@night_heron88", "mention:@bo"}));
  EXPECT_EQ(found("see https://a.example/b?c=1."), List{"url:https://a.example/b?c=1"});
  EXPECT_EQ(found("host 192.168.0.17 is down"), List{"ip:192.168.0.17"});
  EXPECT_EQ(found("card 4111 1111 1111 1111 ok"), List{"card:4111 1111 1111 1111"});
  EXPECT_EQ(found("call +49 151 234 5678 now"), List{"phone:+49 151 234 5678"});
  EXPECT_EQ(found("call 555-123-4567."), List{"phone:555-123-4567"});
  EXPECT_EQ(found("call 4 0 9 2"), List{"number:4 0 9 2"});
  EXPECT_EQ(found("pin 0042"), List{"number:0042"});
  EXPECT_EQ(found("at 7 in 1998 for 250 people, he2 2nd 12b"), List{});
  EXPECT_EQ(found("pay GB82 WEST 1234 5698 7654 32 today"), List{"iban:GB82 WEST 1234 5698 7654 32"});
}

TEST(Detector, AddressesAndNames) {
  EXPECT_EQ(found("we live at 12 Old Mill Road now"), List{"address:12 Old Mill Road"});
  EXPECT_EQ(found("the Hauser Street 7b"), List{"address:Hauser Street 7b"});
  EXPECT_EQ(found("the road is long"), List{});
  EXPECT_EQ(found("Ask Mary Smith about Dr. Jones."), (List{"name:Mary Smith", "name:Dr. Jones"}));
  EXPECT_EQ(found("It is James's book"), List{"name:James"});
  EXPECT_EQ(found("call anna now"), List{"name:anna"});
  EXPECT_EQ(found("mark the rose"), List{});
  EXPECT_EQ(found("Mark it. Ask Mark."), List{"name:Mark"});
}

TEST(Detector, NumbersAsPeopleWriteThem) {
  EXPECT_EQ(found("We need n+1 tests."), List{});
  EXPECT_EQ(found("at (555) 123-4567 please"), List{"phone:(555) 123-4567"});
  EXPECT_EQ(found("(555-123-4567) and (1234)"), (List{"phone:555-123-4567", "number:1234"}));
  EXPECT_EQ(found("+44 (0)20 7946 0958"), List{"phone:+44 (0)20 7946 0958"});
  EXPECT_EQ(found("+1-555-123-4567 ext. 89."), List{"phone:+1-555-123-4567 ext. 89"});
  EXPECT_EQ(found("5551234567x22, 1-800-FLOWERS"), (List{"phone:5551234567x22", "phone:1-800-FLOWERS"}));
  EXPECT_EQ(found("0176 12345678"), List{"phone:0176 12345678"});
  EXPECT_EQ(found("555  123  4567"), List{"phone:555  123  4567"});
  EXPECT_EQ(found("12  5 and chapter 3 (2019) or 7 - 3 - 1"), List{});
  EXPECT_EQ(found("ssn 123-45-6789 or 123 45 6789, not 000-45-6789"), (List{"ssn:123-45-6789", "ssn:123 45 6789", "phone:000-45-6789"}));
  EXPECT_EQ(found("1,000,000 and 12500 of 250"), (List{"number:1,000,000", "number:12500"}));
  EXPECT_EQ(found("1914-1918, 2019/20, 3.14159, version 10.2.1"), List{});
  EXPECT_EQ(found("gb82 west 1234 5698 7654 32"), List{"iban:gb82 west 1234 5698 7654 32"});
  EXPECT_EQ(found("DE89-3704-0044-0532-0130-00"), List{"iban:DE89-3704-0044-0532-0130-00"});
  EXPECT_EQ(found("00:1B:44:11:3A:B7 or 00-1b-44-11-3a-b7"), (List{"mac:00:1B:44:11:3A:B7", "mac:00-1b-44-11-3a-b7"}));
  EXPECT_EQ(found("2001:0db8:85a3:0000:0000:8a2e:0370:7334, fe80::1"), (List{"ip:2001:0db8:85a3:0000:0000:8a2e:0370:7334", "ip:fe80::1"}));
  EXPECT_EQ(found("std::vector at 10:30:45, a::b"), List{});
}

TEST(Detector, DatesOnlyWhereTheyAreAskedFor) {
  const char* text = "born 12/03/1987 or 1987-03-12 10:30, 31.02.99";
  EXPECT_EQ(found(text), List{});
  EXPECT_EQ(found(text, {.dates = true}), (List{"date:12/03/1987", "date:1987-03-12", "date:31.02.99"}));
  EXPECT_EQ(found("12/03/1987 555-123-4567", {.numbers = false, .dates = true}), List{"date:12/03/1987"});
}

TEST(Detector, SignsOfUnicode) {
  EXPECT_EQ(found("“+49 30 1234567”"), List{"phone:+49 30 1234567"});
  EXPECT_EQ(found("is—4111 1111 1111 1111—ok"), List{"card:4111 1111 1111 1111"});
  EXPECT_EQ(found("555 – 123 – 4567, 555‑123‑4567"), (List{"phone:555 – 123 – 4567", "phone:555‑123‑4567"}));
  EXPECT_EQ(found("paid £123456 and €98765"), (List{"number:123456", "number:98765"}));
  EXPECT_EQ(found("“DE89 3704 0044 0532 0130 00”"), List{"iban:DE89 3704 0044 0532 0130 00"});
  EXPECT_EQ(found("“bob@x.org” and “https://a.b/c”"), (List{"email:bob@x.org", "url:https://a.b/c"}));
  EXPECT_EQ(found("“Mary” called; ‘James’ too. John—he. Then Maria’s dog at “12 Main Street”"),
            (List{"name:Mary", "name:James", "name:John", "name:Maria", "address:12 Main Street"}));
  EXPECT_EQ(found("müller@büro.de"), List{"email:müller@büro.de"});
  EXPECT_EQ(found("٤١١١ ١١١١ ١١١١ ١١١١, ４１１１"), (List{"card:٤١١١ ١١١١ ١١١١ ١١١١", "number:４１１１"}));
  EXPECT_EQ(found("\xFF""4111\xC3 anna"), (List{"number:4111", "name:anna"}));
}

TEST(Detector, MoreFormsOfNamesAndPlaces) {
  EXPECT_EQ(found("Then Jean-Luc Picard left with Dr. Angela M. Weber."), (List{"name:Jean-Luc Picard", "name:Dr. Angela M. Weber"}));
  EXPECT_EQ(found("Prof. Dr. Hans-Peter Müller-Lüdenscheidt and Martin van der Berg"),
            (List{"name:Prof. Dr. Hans-Peter Müller-Lüdenscheidt", "name:Martin van der Berg"}));
  EXPECT_EQ(found("JOHN SMITH LEFT EARLY"), List{"name:JOHN SMITH"});
  EXPECT_EQ(found("see HTTPS://EXAMPLE.COM/BOB or WWW.a.org"), (List{"url:HTTPS://EXAMPLE.COM/BOB", "url:WWW.a.org"}));
  EXPECT_EQ(found("o'brien@example.com, \"john doe\"@example.com, bob@[10.0.0.1]"),
            (List{"email:o'brien@example.com", "email:\"john doe\"@example.com", "email:bob@[10.0.0.1]"}));
  EXPECT_EQ(found("I live at 12, Main Street."), List{"address:12, Main Street"});
  EXPECT_EQ(found("He walked 12 miles down the street"), List{});
  EXPECT_EQ(found("Take 5 minutes to drive"), List{});
  EXPECT_EQ(found("He has 2 good ways to court disaster"), List{});
}

TEST(Detector, AddressesWithTheirTowns) {
  EXPECT_EQ(found("at 1600 Pennsylvania Avenue NW, Washington, DC 20500. Then"), List{"address:1600 Pennsylvania Avenue NW, Washington, DC 20500"});
  EXPECT_EQ(found("12 Main St., Apt. 5b, Salt Lake City, UT 84101-1234 is"), List{"address:12 Main St., Apt. 5b, Salt Lake City, UT 84101-1234"});
  EXPECT_EQ(found("12b Baker St., London NW1 6XE, then 7 Elm Lane #12."), (List{"address:12b Baker St., London NW1 6XE", "address:7 Elm Lane #12"}));
  EXPECT_EQ(found("at Hauser Street 7b, 10115 Berlin."), List{"address:Hauser Street 7b, 10115 Berlin"});
  EXPECT_EQ(found("24 Hill Road, Springfield, is far"), List{"address:24 Hill Road"});
  EXPECT_EQ(found("24 Hill Road. North of it 12500 people"), (List{"address:24 Hill Road", "number:12500"}));
  EXPECT_EQ(found("P.O. Box 1234, PO Box 7, post office box 99; the box 5"),
            (List{"address:P.O. Box 1234", "address:PO Box 7", "address:post office box 99"}));
  EXPECT_EQ(found("SW1A 1AA or K1A 0B1, not M25 3RD, A4 8GB or B1 5PM"), (List{"address:SW1A 1AA", "address:K1A 0B1"}));
}

TEST(Detector, PartsOfNamesElsewhereInTheText) {
  EXPECT_EQ(found("Then San Diego, Fort Lewis and Lake Victoria, where Diego lives."), List{"name:Diego"});
  EXPECT_EQ(found("Mary Quesnell came early. Then Quesnell's dog left, and Quesnell too."),
            (List{"name:Mary Quesnell", "name:Quesnell", "name:Quesnell"}));
  EXPECT_EQ(found("Mary Garden came. The Garden is a garden."), List{"name:Mary Garden"});
  EXPECT_EQ(found("Dr. Ng said that Dr. Ng and Dr went."), (List{"name:Dr. Ng", "name:Dr. Ng"}));
}

TEST(Detector, NamesThatAreSaidToBeOnes) {
  EXPECT_EQ(found("My name is Xiomara Quesnell and his name is Bo."), (List{"name:Xiomara Quesnell", "name:Bo"}));
  EXPECT_EQ(found("my name is xiomara"), List{"name:xiomara"});
  EXPECT_EQ(found("my name is not on the list; call me later"), List{});
  EXPECT_EQ(found("The file name is Report. Call me Tomorrow"), List{});
  EXPECT_EQ(found("Dear Xiomara,\nall is well.\nKind regards,\nZaphod Q. Beeble"), (List{"name:Xiomara", "name:Zaphod Q. Beeble"}));
  EXPECT_EQ(found("Dear Sir, Hi there! Hello World, Dear Reader,"), List{});
  EXPECT_EQ(found("Give my regards, Broadway is far. First name: Xio"), List{"name:Xio"});
}

/// Texts of 200 kB in which each beginning of a pattern could be followed to the end of the text.
TEST(Detector, TimeGrowsWithTheTextWhateverItIs) {
  const std::vector<std::string> parts = {"://", "@", "www.", "+", "(", "1", "12 ", "1 - ", "123 - ", "a", "A ", ".", "-", "::", "a:", "DE89 3704 ", "Mary ",
                                          "Dr. ", "St. ", "12 Old ", "\"", "'", "\xE2\x80\x9C", "\xC3", "x", "1,234,", "12 Main Street", ", Main", " P.O. Box", "my name is ", "NW1 ", ",\n"};
  core::ReproducibleRng rng(5);
  for (int round = 0; round < 60; ++round) {
    std::vector<std::string> chosen;
    for (std::size_t k = rng.below(3) + 1; k > 0; --k) chosen.push_back(parts[rng.below(parts.size())]);
    std::string text;
    while (text.size() < 200000) text += chosen[rng.below(chosen.size())];
    const auto begin = std::chrono::steady_clock::now();
    found(text);
    // Linear work takes some hundredths of this; what is quadratic takes minutes.
    EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(), 10) << chosen[0];
  }
}

TEST(Detector, AnyBytesGiveFindingsInOrder) {
  core::ReproducibleRng rng(6);
  const std::string likely = "0123456789+-. ()/@:aA\xE2\x80\x93,'x";
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (std::size_t k = rng.below(200); k > 0; --k) text += static_cast<char>(round % 2 == 0 ? rng.below(256) : static_cast<unsigned char>(likely[rng.below(likely.size())]));
    std::vector<Finding> findings;
    Detector({.dates = true}).find(text, findings);
    std::size_t last = 0;
    for (const Finding& f : findings) {
      ASSERT_LE(last, f.begin);
      ASSERT_LT(f.begin, f.end);
      ASSERT_LE(f.end, text.size());
      last = f.end;
    }
  }
}

TEST(Detector, NumbersOfChecks) {
  EXPECT_TRUE(passes_luhn("79927398713"));
  EXPECT_FALSE(passes_luhn("79927398710"));
  EXPECT_TRUE(passes_iban("DE89 3704 0044 0532 0130 00"));
  EXPECT_FALSE(passes_iban("DE88 3704 0044 0532 0130 00"));
}

TEST(Detector, OfOverlappingTheLongest) {
  const auto kept = without_overlaps({{5, 9, "a", "x"}, {0, 6, "b", "x"}, {8, 12, "c", "x"}, {3, 3, "d", "x"}});
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(kept[0].kind, "b");
  EXPECT_EQ(kept[1].kind, "c");
}

TEST(Details, SpansAndTagsAgree) {
  const auto reader = text::make_detail_reader({.lines = 2000, .kinds = "all"});
  text::Example example;
  std::size_t plain = 0, rows = 0, found_emails = 0, emails = 0;
  while (reader->next(example)) {
    ++rows;
    ASSERT_EQ(example.words.size(), example.tags.size());
    const auto tagged = static_cast<std::size_t>(std::count_if(example.tags.begin(), example.tags.end(), [](const auto& t) { return t != "O"; }));
    if (example.label == "plain") {
      ++plain;
      EXPECT_EQ(tagged, 0u) << example.text;
      continue;
    }
    EXPECT_GT(tagged, 0u) << example.text;
    if (example.label != "email") continue;
    ++emails;
    std::vector<Finding> findings;
    Detector().find(example.text, findings);
    for (const Finding& f : findings) found_emails += f.kind == "email" && std::to_string(f.begin) == example.extra["begin"] ? 1 : 0;
  }
  EXPECT_EQ(rows, 2000u);
  EXPECT_NEAR(static_cast<double>(plain) / 2000, .3, .04);
  EXPECT_EQ(found_emails, emails);
}

}  // namespace
}  // namespace discreet::mitigate
