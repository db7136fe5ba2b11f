#include "discreet/text/frame.h"

#include <gtest/gtest.h>

namespace discreet::text {
namespace {

TEST(Frame, LabelAndSlotsInTheirOrder) {
  Example example;
  example.label = "book";
  example.words = {"a", "vegan", "place", "in", "new", "york", "new", "haven", "by", "bus"};
  example.tags = {"O", "B-cuisine", "O", "O", "B-city", "I-city", "B-city", "I-city", "O", "I-transport"};
  EXPECT_EQ(frame_of(example), "book ; cuisine = vegan ; city = new york ; city = new haven ; transport = bus");
  example.label.clear();
  EXPECT_EQ(frame_of(example).substr(0, 15), "cuisine = vegan");
  example.tags = {"I-a", "I-a", "O", "I-a", "I-b", "O", "", "B-", "O", "O"};
  EXPECT_EQ(frame_of(example), "a = a vegan ; a = in ; b = new");
  EXPECT_EQ(frame_of({}), "");
}

}  // namespace
}  // namespace discreet::text
