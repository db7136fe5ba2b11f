#include "discreet/text/reader.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <string>
#include <vector>

#include "discreet/core/error.h"
#include "tests/core/temporary_folder.h"

namespace discreet::text {
namespace {

using Words = std::vector<std::string>;

std::vector<Example> read_bytes(const std::string& name, const std::string& bytes,
                                const ReaderOptions& options = {}, const std::string& format = "") {
  const core::TemporaryFolder folder;
  return read_all(*make_reader(format, folder.write(name, bytes), options));
}

// "file:line: message | hint" without the folder; checks the code.
std::string reader_failure(const std::string& name, const std::string& bytes,
                           const ReaderOptions& options = {},
                           ErrorCode code = ErrorCode::kBadData) {
  const core::TemporaryFolder folder;
  try {
    read_all(*make_reader("", folder.write(name, bytes), options));
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), code);
    EXPECT_FALSE(e.hint().empty()) << e.what();
    std::string message = e.what();
    const std::string prefix = folder.path().string() + "/";
    if (const auto at = message.find(prefix); at != std::string::npos) {
      message.erase(at, prefix.size());
    }
    return message + " | " + e.hint();
  }
  return "no error";
}

TEST(JsonlReader, ReadsWordsTagsLabelUserGroupsAndTheRest) {
  const auto examples = read_bytes(
      "a.jsonl",
      "{\"words\":[\"play\",\"jazz\"],\"tags\":[\"O\",\"B-genre\"],\"intent\":\"play_music\","
      "\"user\":7,\"gender\":\"f\",\"device\":\"kitchen\",\"time\":12.5,\"deep\":{\"x\":1}}\n"
      "\n"
      "{\"text\":\"hello there\",\"slots\":\"O O\",\"label\":true,\"gender\":null}\r\n"
      "{\"sentence\":\"just text\",\"gender\":\"m\"}",
      {.group = {"gender"}});
  ASSERT_EQ(examples.size(), 3u);
  EXPECT_EQ(examples[0].words, (Words{"play", "jazz"}));
  EXPECT_EQ(examples[0].tags, (Words{"O", "B-genre"}));
  EXPECT_EQ(examples[0].text, "play jazz");
  EXPECT_EQ(examples[0].label, "play_music");
  EXPECT_EQ(examples[0].user, "7");
  EXPECT_EQ(examples[0].groups.at("gender"), "f");
  EXPECT_EQ(examples[0].extra,
            (std::map<std::string, std::string>{{"device", "kitchen"}, {"time", "12.5"}}));
  EXPECT_EQ(examples[1].words, (Words{"hello", "there"}));
  EXPECT_EQ(examples[1].label, "true");
  EXPECT_EQ(examples[1].line, 3);
  EXPECT_TRUE(examples[2].words.empty());
  EXPECT_EQ(examples[2].text, "just text");
  EXPECT_EQ(examples[2].line, 4);
}

TEST(JsonlReader, NamedColumnsWinOverUsualNames) {
  const auto examples =
      read_bytes("a.jsonl", "{\"text\":\"a\",\"body\":\"b c\",\"label\":\"x\",\"topic\":\"y\"}\n",
                 {.text = "body", .label = "topic"});
  EXPECT_EQ(examples.at(0).text, "b c");
  EXPECT_EQ(examples.at(0).label, "y");
  EXPECT_EQ(examples.at(0).extra.at("label"), "x");
}

TEST(JsonlReader, ErrorsNameFileLineAndCure) {
  EXPECT_EQ(reader_failure("a.jsonl", "{\"text\":\"a\"}\n{\"text\": }\n").substr(0, 27),
            "a.jsonl:2: not JSON at byte");
  EXPECT_EQ(reader_failure("a.jsonl", "[1]\n").substr(0, 52),
            "a.jsonl:1: expected a JSON object, got an array | Wr");
  EXPECT_EQ(reader_failure("a.jsonl", "{\"words\":[\"a\",\"b\"],\"tags\":[\"O\"]}\n"),
            "a.jsonl:1: 2 words but 1 tags | Each word needs one tag: B-name, I-name or O.");
  EXPECT_EQ(reader_failure("a.jsonl", "{\"txt\":\"a\"}", {.text = "text"}),
            "a.jsonl:1: no key 'text' (data.text); keys: txt | Did you mean 'txt'?");
  EXPECT_NE(reader_failure("a.jsonl", "{\"label\":\"a\"}").find("no text: none of the keys words"),
            std::string::npos);
  EXPECT_NE(reader_failure("a.jsonl", "{\"words\":[\"a\",[\"b\"]]}").find("item 2 of the words"),
            std::string::npos);
  EXPECT_NE(reader_failure("a.jsonl", "{\"text\":5}").find("must be a string or an array"),
            std::string::npos);
  EXPECT_NE(reader_failure("a.jsonl", "{\"text\":\"a\",\"label\":[1]}").find("'label' must be"),
            std::string::npos);
  EXPECT_NE(reader_failure("a.jsonl", "{\"text\":\"a\"}", {.group = {"g"}}).find("(data.group)"),
            std::string::npos);
}

TEST(Readers, NameTheBadByte) {
  EXPECT_EQ(reader_failure("a.jsonl", "{\"text\":\"ok\"}\n{\"text\":\"caf\xe9\"}\n").substr(0, 46),
            "a.jsonl:2: byte 13 (0xe9) is not UTF-8 | Save ");
  const auto latin =
      read_bytes("a.jsonl", "{\"text\":\"caf\xe9\"}\n", {.encoding = FileEncoding::kLatin1});
  EXPECT_EQ(latin.at(0).text, "caf\xc3\xa9");
  for (const char* name : {"a.csv", "a.tsv", "a.conll"}) {
    EXPECT_NE(reader_failure(name, "text\nab\xff\n").find("byte 3 (0xff)"), std::string::npos);
  }
}

TEST(TextReader, EveryLineThatIsNotBlankIsAnExample) {
  const auto examples = read_bytes("a.txt", "one two\n\n  \nthree, \"four\"\n");
  ASSERT_EQ(examples.size(), 2u);
  EXPECT_EQ(examples[0].text, "one two");
  EXPECT_EQ(examples[1].text, "three, \"four\"");
  EXPECT_EQ(examples[1].line, 4);
  EXPECT_NE(reader_failure("a.txt", "ab\xff\n").find("byte 3 (0xff)"), std::string::npos);
}

TEST(CsvReader, ReadsQuotedFieldsOverLines) {
  const auto examples = read_bytes("a.csv",
                                   "\xef\xbb\xbfid,text,label,g\r\n"
                                   "1,\"one, \"\"two\"\"\r\nthree\",x,m\r\n"
                                   "\r\n"
                                   "2,plain \"inner\" quotes,,\r\n",
                                   {.group = {"g"}});
  ASSERT_EQ(examples.size(), 2u);
  EXPECT_EQ(examples[0].text, "one, \"two\"\nthree");
  EXPECT_EQ(examples[0].label, "x");
  EXPECT_EQ(examples[0].groups.at("g"), "m");
  EXPECT_EQ(examples[0].extra.at("id"), "1");
  EXPECT_EQ(examples[0].line, 2);
  EXPECT_EQ(examples[1].text, "plain \"inner\" quotes");
  EXPECT_EQ(examples[1].label, "");
  EXPECT_EQ(examples[1].line, 5);
}

TEST(CsvReader, SlotsColumnMakesWords) {
  const auto examples = read_bytes("a.tsv", "text\tslots\nplay  jazz\tO B-genre\n");
  EXPECT_EQ(examples.at(0).words, (Words{"play", "jazz"}));
  EXPECT_EQ(examples.at(0).tags, (Words{"O", "B-genre"}));
}

TEST(CsvReader, WithoutHeaderColumnsAreNumbers) {
  const auto examples =
      read_bytes("a.tsv", "-1\tXYZ was\n2\tXYZ is\n", {.text = "2", .label = "1", .header = false});
  ASSERT_EQ(examples.size(), 2u);
  EXPECT_EQ(examples[0].label, "-1");
  EXPECT_EQ(examples[1].text, "XYZ is");
}

TEST(CsvReader, WithoutQuotesTheyAreCharacters) {
  const auto examples = read_bytes("a.tsv", "text\tlabel\n\"x\" y\t1\n", {.quotes = false});
  EXPECT_EQ(examples.at(0).text, "\"x\" y");
}

TEST(CsvReader, ErrorsNameFileLineAndCure) {
  EXPECT_EQ(reader_failure("a.csv", "").substr(0, 39), "a.csv: empty, expected a row of column ");
  EXPECT_EQ(reader_failure("a.csv", "text,label\na,b\na,b,c\n").substr(0, 60),
            "a.csv:3: row of 3 fields, expected 2 as in the first row | Q");
  EXPECT_NE(reader_failure("a.csv", "text,label\n\"a\"b,c\n").find("a.csv:2: byte 4: text behind"),
            std::string::npos);
  EXPECT_NE(reader_failure("a.csv", "text,label\n\"a,c\n\n").find("a.csv:2: a quoted field that"),
            std::string::npos);
  EXPECT_NE(reader_failure("a.csv", "text,text\na,b\n").find("two columns are called 'text'"),
            std::string::npos);
  EXPECT_EQ(
      reader_failure("a.csv", "text,lable\na,b\n", {.label = "label"}),
      "a.csv:1: no column 'label' (data.label); columns: text, lable | Did you mean 'lable'?");
  EXPECT_NE(reader_failure("a.csv", "a,b\n1,2\n").find("none of the columns is known"),
            std::string::npos);
  EXPECT_NE(reader_failure("a.csv", "text,slots\na b,O\n").find("a.csv:2: 2 words but 1 tags"),
            std::string::npos);
}

TEST(ConllReader, ReadsSentencesBetweenBlankLines) {
  const auto examples =
      read_bytes("a.conll", "-DOCSTART-\tO\n\nEU\tB-ORG\nrejects\tO\n\n\n\t\nNew York\tB-LOC\n");
  ASSERT_EQ(examples.size(), 2u);
  EXPECT_EQ(examples[0].words, (Words{"EU", "rejects"}));
  EXPECT_EQ(examples[0].tags, (Words{"B-ORG", "O"}));
  EXPECT_EQ(examples[0].line, 3);
  EXPECT_EQ(examples[1].words, (Words{"New York"}));
  EXPECT_EQ(examples[1].line, 8);
}

TEST(ConllReader, ChoosesColumnsByNumber) {
  const auto examples =
      read_bytes("a.conll", "1 EU NNP B-ORG\n2 ! . O\n", {.text = "2", .slots = "3"});
  EXPECT_EQ(examples.at(0).words, (Words{"EU", "!"}));
  EXPECT_EQ(examples.at(0).tags, (Words{"NNP", "."}));
  EXPECT_EQ(read_bytes("b.conll", "just\nwords\n").at(0).tags, Words{});
}

TEST(ConllReader, ErrorsNameFileLineAndCure) {
  EXPECT_EQ(reader_failure("a.conll", "EU\tO\nrejects\n").substr(0, 66),
            "a.conll:2: 1 columns, expected 2 as in the first token's line | Se");
  EXPECT_NE(reader_failure("a.conll", "\tO\n").find("a.conll:1: the word is empty"),
            std::string::npos);
  EXPECT_NE(reader_failure("a.conll", "EU\t\n").find("a.conll:1: the tag is empty"),
            std::string::npos);
  EXPECT_NE(reader_failure("a.conll", "EU\tO\n", {.text = "3"}).find("column 3 was asked for"),
            std::string::npos);
  EXPECT_NE(reader_failure("a.conll", "EU\tO\n", {.text = "word"}, ErrorCode::kUsage)
                .find("expected a column's number"),
            std::string::npos);
  EXPECT_NE(reader_failure("a.conll", "EU\tO\n", {.label = "x"}, ErrorCode::kUsage)
                .find("words and tags only"),
            std::string::npos);
}

TEST(ParallelReader, ReadsTheFilesOfAFolder) {
  const core::TemporaryFolder folder;
  folder.write("s/seq.in", "play jazz \nstop\n");
  folder.write("s/seq.out", "O B-genre \nO\n");
  folder.write("s/label", "play \nstop\n");
  folder.write("s/who", "f\nm\n");
  const auto examples = read_all(*make_reader("", folder.path() / "s", {.group = {"who"}}));
  ASSERT_EQ(examples.size(), 2u);
  EXPECT_EQ(examples[0].words, (Words{"play", "jazz"}));
  EXPECT_EQ(examples[0].tags, (Words{"O", "B-genre"}));
  EXPECT_EQ(examples[0].label, "play");
  EXPECT_EQ(examples[0].text, "play jazz");
  EXPECT_EQ(examples[1].groups.at("who"), "m");
}

TEST(ParallelReader, ErrorsNameFileLineAndCure) {
  const core::TemporaryFolder folder;
  const auto failure = [&](const ReaderOptions& options = {}) -> std::string {
    try {
      read_all(*make_reader("parallel", folder.path() / "s", options));
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kBadData);
      return e.what();
    }
    return "no error";
  };
  EXPECT_NE(failure().find("no such file"), std::string::npos);
  folder.write("s/label", "a\nb\n");
  EXPECT_NE(failure().find("no file 'seq.in'"), std::string::npos);
  folder.write("s/seq.in", "x y\nz\nw\n");
  EXPECT_NE(failure().find("label ended after 2 lines, seq.in goes on"), std::string::npos);
  folder.write("s/label", "a\nb\nc\nd\n");
  EXPECT_NE(failure().find("label:4: seq.in ended after 3 lines, label goes on"),
            std::string::npos);
  folder.write("s/label", "a\n \nc\n");
  EXPECT_NE(failure().find("label:2: the label is empty"), std::string::npos);
  folder.write("s/label", "a\nb\nc\n");
  folder.write("s/seq.out", "O\nO\nO\n");
  EXPECT_NE(failure().find("seq.out:1: 2 words but 1 tags"), std::string::npos);
  EXPECT_NE(failure({.user = "who"}).find("no file 'who'"), std::string::npos);
}

TEST(LabelledReader, ReadsLabelAndText) {
  const auto examples = read_bytes("a.txt", "4 What is it ?\n\n0 How ?\n", {}, "labelled");
  ASSERT_EQ(examples.size(), 2u);
  EXPECT_EQ(examples[0].label, "4");
  EXPECT_EQ(examples[0].text, "What is it ?");
  const core::TemporaryFolder folder;
  EXPECT_THROW(read_all(*make_reader("labelled", folder.write("b", "lonely\n"))), Error);
}

TEST(MakeReader, RefusesUnknownFormatsAndMissingFiles) {
  const core::TemporaryFolder folder;
  const auto path = folder.write("a.xyz", "x");
  try {
    make_reader("", path);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kUsage);
  }
  try {
    make_reader("jsnol", path);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.hint(), "Did you mean 'jsonl'?");
  }
  try {
    make_reader("jsonl", folder.path() / "none.jsonl");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kBadData);
  }
  EXPECT_EQ(guess_format("x/a.tsv.gz"), "tsv");
  EXPECT_EQ(guess_format(folder.path()), "parallel");
}

TEST(Readers, MemoryStaysFlatOnABigFile) {
  const core::TemporaryFolder folder;
  const auto path = folder.path() / "big.jsonl";
  constexpr int kLines = 200000;
  {
    std::ofstream out(path);
    for (int i = 0; i < kLines; ++i) {
      out << "{\"words\":[\"turn\",\"on\",\"lamp\",\"" << i
          << "\"],\"tags\":[\"O\",\"O\",\"B-device\",\"I-device\"],\"label\":\"lights_on\","
             "\"filler\":\""
          << std::string(80, 'x') << "\"}\n";
    }
  }
  const auto reader = make_reader("", path);
  Example example;
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(reader->next(example));
  rusage before{}, after{};
  getrusage(RUSAGE_SELF, &before);
  int count = 1000;
  while (reader->next(example)) ++count;
  getrusage(RUSAGE_SELF, &after);
  EXPECT_EQ(count, kLines);
  EXPECT_EQ(example.line, kLines);
#ifndef __SANITIZE_ADDRESS__  // which keeps what was freed, to see its use
  // The file has 38 MB; the peak (KiB) may grow by what the allocator rounds up.
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 4096);
#endif
}

}  // namespace
}  // namespace discreet::text
