#include "discreet/app/data_sets.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <set>

#include "discreet/app/data_generate.h"
#include "discreet/app/data_info.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/sha256.h"
#include "tests/core/temporary_folder.h"

namespace discreet::app {
namespace {

using text::Split;
using core::TemporaryFolder;

// The cache of these tests is a folder of their own.
class DataSets : public testing::Test {
 protected:
  void SetUp() override { setenv("DISCREET_CACHE", folder_.path().c_str(), 1); }
  void TearDown() override { unsetenv("DISCREET_CACHE"); }
  std::string failure(const std::string& source, ErrorCode code, Split split = Split::kTrain) {
    try {
      resolve_data(source, split);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), code) << e.what();
      return std::string(e.what()) + " | " + e.hint();
    }
    return "no error";
  }
  core::TemporaryFolder folder_;
};

TEST_F(DataSets, CatalogueIsWellFormed) {
  std::set<std::string> names;
  for (const DataSet& set : data_catalogue()) {
    SCOPED_TRACE(set.name);
    EXPECT_TRUE(names.insert(set.name).second);
    EXPECT_FALSE(set.summary.empty() || set.licence.empty() || set.files.empty());
    EXPECT_TRUE(set.origin.starts_with("https://"));
    std::set<std::string> paths;
    for (const DataFile& file : set.files) {
      EXPECT_TRUE(paths.insert(file.path).second);
      EXPECT_EQ(file.sha256.size(), 64u);
      EXPECT_EQ(file.path.find(".."), std::string::npos);
      EXPECT_TRUE(file.url.empty() || file.url.starts_with("https://")) << file.url;
      EXPECT_FALSE(file.url.empty() && set.note.empty())
          << "no address and no reason: " << file.path;
    }
    for (const auto& [split, source] : set.splits) {
      const std::string path = source.substr(0, source.find('?'));  // some rows of a file
      EXPECT_TRUE(split == "train" || split == "dev" || split == "test");
      const bool is_file = paths.count(path) > 0;
      const bool is_folder = set.format == "parallel" && paths.count(path + "/seq.in") > 0;
      EXPECT_TRUE(is_file || is_folder) << path;
    }
  }
  EXPECT_GE(names.size(), 30u);
  core::validate_document(list_data(), "list");
}

TEST_F(DataSets, ResolvesTheCorpusWithTheSplitOfItsRole) {
  EXPECT_EQ(resolve_data("assistant", Split::kDev).corpus.split, Split::kDev);
  EXPECT_EQ(resolve_data("assistant:lines=5,split=test", Split::kTrain).corpus.split, Split::kTest);
  EXPECT_EQ(text::read_all(*open_data("assistant:lines=5", Split::kTest)).size(), 5u);
}

TEST_F(DataSets, ResolvesFilesAndKnownNames) {
  const auto file = folder_.write("x.jsonl", "{\"text\":\"a\",\"topic\":\"b\"}\n");
  EXPECT_EQ(resolve_data(file.string(), Split::kTrain).kind, DataSource::Kind::kFile);
  const auto read =
      text::read_all(*open_data(file.string(), Split::kTrain, "", {.label = "topic"}));
  EXPECT_EQ(read.at(0).label, "b");

  EXPECT_EQ(failure("snips", ErrorCode::kBadData),
            "data set 'snips': " + (folder_.path() / "data/snips/train").string() +
                " is not there | Run `discreet data get snips`.");
  folder_.write("data/snips/dev/seq.in", "play jazz\n");
  folder_.write("data/snips/dev/label", "PlayMusic\n");
  EXPECT_EQ(resolve_data("snips", Split::kDev).data_set->name, "snips");
  EXPECT_EQ(text::read_all(*open_data("snips:dev", Split::kTrain)).at(0).label, "PlayMusic");
  EXPECT_EQ(resolve_data("snips/dev", Split::kTrain).path, folder_.path() / "data/snips/dev");
}

TEST_F(DataSets, CatalogueOptionsGiveWayToTheCallers) {
  folder_.write("data/trec/TREC.train.all", "3 caf\xe9\n");
  EXPECT_EQ(text::read_all(*open_data("trec", Split::kTrain)).at(0).text, "caf\xc3\xa9");
  folder_.write("data/e2e_nlg/trainset.csv", "mr,ref\na,b\n");
  EXPECT_EQ(text::read_all(*open_data("e2e_nlg", Split::kTrain)).at(0).text, "b");
  EXPECT_EQ(text::read_all(*open_data("e2e_nlg", Split::kTrain, "", {.text = "mr"})).at(0).text,
            "a");
}

TEST_F(DataSets, ErrorsSayWhatToDo) {
  EXPECT_EQ(failure("snisp", ErrorCode::kUsage),
            "data 'snisp': no such file or folder, and no known data set | Did you mean 'snips'?");
  EXPECT_EQ(failure("trec", ErrorCode::kUsage, Split::kDev),
            "data set 'trec' has no split 'dev' | It has: test, train.");
  EXPECT_NE(failure("bold", ErrorCode::kUsage).find("Name one of its files: bold/"),
            std::string::npos);
  EXPECT_NE(failure("imdb", ErrorCode::kBadData).find("with --mirror"), std::string::npos);
  EXPECT_THROW(data_set("assistent"), Error);
}

TEST_F(DataSets, InfoCounts) {
  const auto file = folder_.write("x.jsonl",
                                  "{\"words\":[\"play\",\"jazz\"],\"tags\":[\"O\",\"B-x\"],"
                                  "\"label\":\"p\",\"user\":\"u1\",\"g\":\"f\"}\n"
                                  "{\"words\":[\"play\",\"jazz\"],\"tags\":[\"O\",\"B-x\"],"
                                  "\"label\":\"p\",\"user\":\"u1\",\"g\":\"m\"}\n"
                                  "{\"text\":\"Stop it now!\",\"label\":\"s\",\"g\":\"f\"}\n");
  core::OperationContext context{.quiet = true};
  const Json info = data_info(file.string(), "", {.group = {"g"}}, context);
  core::validate_document(info, "info");
  const Json& split = info["results"][0];
  EXPECT_EQ(split["examples"], 3);
  EXPECT_EQ(split["words"]["all"], 8);
  EXPECT_EQ(split["words"]["types"], 6);
  EXPECT_EQ(split["words"]["fewest"], 2);
  EXPECT_EQ(split["words"]["most"], 4);
  EXPECT_EQ(split["labels"], Json({{"p", 2}, {"s", 1}}));
  EXPECT_EQ(split["tagged"], 2);
  EXPECT_EQ(split["tags"], Json({{"B-x", 2}, {"O", 2}}));
  EXPECT_EQ(split["duplicates"], 1);
  EXPECT_EQ(split["users"], Json({{"users", 1}, {"examples", 2}, {"most", 2}}));
  EXPECT_EQ(split["groups"]["g"], Json({{"f", 2}, {"m", 1}}));
  EXPECT_NE(info["caveats"][0].get<std::string>().find("privacy.unit"), std::string::npos);
}

TEST_F(DataSets, InfoOfAKnownSetWorksBeforeItIsThere) {
  core::OperationContext context{.quiet = true};
  const Json info = data_info("snips", "", {}, context);
  core::validate_document(info, "info");
  EXPECT_TRUE(info["results"].empty());
  EXPECT_EQ(info["data_set"]["cached"], false);
  EXPECT_EQ(info["caveats"][0], "Not fetched yet: `discreet data get snips`.");
}

TEST_F(DataSets, GenerateWritesWholeOrNothing) {
  core::OperationContext context{.quiet = true};
  GenerateOptions options{.corpus = {.lines = 50}, .out = folder_.path() / "new" / "a.jsonl"};
  const Json document = generate_data(options, context);
  core::validate_document(document, "generate");
  EXPECT_EQ(document["lines"], 50);
  EXPECT_EQ(document["sha256"], core::sha256_file(options.out));
  EXPECT_EQ(document["bytes"], std::filesystem::file_size(options.out));
  EXPECT_EQ(text::read_all(*open_data(options.out.string(), Split::kTrain)).size(), 50u);
  EXPECT_THROW(generate_data(options, context), Error);
  options.force = true;
  options.corpus.seed = 2;
  EXPECT_NE(generate_data(options, context)["sha256"], document["sha256"]);

  const std::atomic<int> stop = 2;
  core::OperationContext stopped{.stop = &stop, .quiet = true};
  options.out = folder_.path() / "b.jsonl";
  options.corpus.lines = 100000;
  try {
    generate_data(options, stopped);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kInterrupted);
  }
  EXPECT_FALSE(std::filesystem::exists(options.out));
  EXPECT_FALSE(std::filesystem::exists(options.out.string() + ".part"));
}

}  // namespace
}  // namespace discreet::app
