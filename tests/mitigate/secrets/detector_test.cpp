#include "discreet/mitigate/secrets/detector.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "discreet/text/details.h"

namespace discreet::mitigate {
namespace {

/// "kind:what" of each finding.
std::vector<std::string> found(std::string_view text) {
  std::vector<Finding> findings;
  Detector().find(text, findings);
  std::vector<std::string> list;
  for (const Finding& f : findings) list.push_back(f.kind + ":" + std::string(text.substr(f.begin, f.end - f.begin)));
  return list;
}

using List = std::vector<std::string>;

TEST(Detector, Forms) {
  EXPECT_EQ(found("mail anna.b+x@mail.example.org, now"), List{"email:anna.b+x@mail.example.org"});
  EXPECT_EQ(found("a @ b, x@y, @handle"), List{});
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
