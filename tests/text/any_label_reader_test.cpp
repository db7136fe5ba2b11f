#include <gtest/gtest.h>

#include "discreet/core/error.h"
#include "discreet/text/reader.h"
#include "tests/core/temporary_folder.h"

namespace discreet::text {
namespace {

std::vector<Example> read_labelled(const std::string& name, const std::string& bytes, const ReaderOptions& options) {
  const core::TemporaryFolder folder;
  return read_all(*make_reader("", folder.write(name, bytes), options));
}

std::vector<std::string> labels_of(const std::vector<Example>& examples) {
  std::vector<std::string> labels;
  for (const Example& example : examples) labels.push_back(example.label);
  return labels;
}

// The six columns of Jigsaw's competition, of which any makes a comment toxic.
TEST(AnyLabelReader, OneOfSeveralColumnsIsEnough) {
  const char* columns = "toxic|obscene|threat";
  const std::vector<std::string> expected = {"not toxic", "toxic", "toxic", "not toxic", "toxic"};
  const auto examples = read_labelled("c.csv",
                                      "comment,toxic,obscene,threat,identity\n"
                                      "a,0,0,0,1\nb,0,1,0,0\nc,1,1,1,0\nd,0.4,0.49,,0\ne,false,False,true,0\n",
                                      {.text = "comment", .label = columns, .group = {"identity", "threat"}});
  EXPECT_EQ(labels_of(examples), expected);
  // What was asked for as a group stays one; the others' columns are gone.
  EXPECT_EQ(examples[2].groups, (std::map<std::string, std::string>{{"identity", "0"}, {"threat", "1"}}));
  EXPECT_EQ(labels_of(read_labelled("c.jsonl",
                                    "{\"text\": \"a\", \"toxic\": 0, \"obscene\": 0.5, \"threat\": false}\n"
                                    "{\"text\": \"b\", \"toxic\": 0, \"obscene\": 0, \"threat\": false}\n",
                                    {.label = columns})),
            (std::vector<std::string>{"toxic", "not toxic"}));
}

TEST(AnyLabelReader, NamesWhatIsNoLabel) {
  for (const char* cell : {"yes", "2", "-1", "nan", "0.5x"}) {
    try {
      read_labelled("c.csv", std::string("text,toxic,threat\na,0,0\nb,0,") + cell + "\n", {.label = "toxic|threat"});
      FAIL() << cell;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kBadData);
      EXPECT_NE(std::string(e.what()).find("c.csv:3: column 'threat' holds '" + std::string(cell) + "'"), std::string::npos) << e.what();
    }
  }
  EXPECT_THROW(read_labelled("c.csv", "text,toxic\na,0\n", {.label = "toxic|threat"}), Error);  // no such column
  EXPECT_THROW(read_labelled("c.csv", "text,toxic\na,0\n", {.label = "toxic|"}), Error);
}

}  // namespace
}  // namespace discreet::text
