// The catalogue against the data themselves: sizes and hashes are exact; counts of SNIPS as its pages
// state them (Coucke et al. 2018, the split of Goo et al. 2018).
#include <gtest/gtest.h>
#include <stdlib.h>

#include "discreet/app/data_download.h"
#include "discreet/app/data_info.h"
#include "tests/core/temporary_folder.h"

namespace discreet::app {
namespace {

using core::TemporaryFolder;

TEST(DataDownloadGolden, EverySetComesFromTheMirror) {
  const char* data = std::getenv("DISCREET_DATA");
  if (data == nullptr) GTEST_SKIP() << "DISCREET_DATA does not name the test data";
  const core::TemporaryFolder folder;
  core::OperationContext context{.quiet = true};
  for (const DataSet& set : data_catalogue()) {
    SCOPED_TRACE(set.name);
    const Json document = download_data_set(set, {.mirror = data, .out = folder.path()}, context);
    EXPECT_EQ(document["results"].size(), set.files.size());
    std::filesystem::remove_all(folder.path() / set.name);
  }
}

TEST(DataDownloadGolden, SnipsByNameAfterGet) {
  const char* data = std::getenv("DISCREET_DATA");
  if (data == nullptr) GTEST_SKIP() << "DISCREET_DATA does not name the test data";
  const core::TemporaryFolder folder;
  setenv("DISCREET_CACHE", folder.path().c_str(), 1);
  core::OperationContext context{.quiet = true};
  download_data_set(data_set("snips"), {.mirror = data}, context);
  EXPECT_EQ(text::read_all(*open_data("snips", text::Split::kTrain)).size(), 13084u);
  const Json info = data_info("snips", "", {}, context);
  unsetenv("DISCREET_CACHE");
  ASSERT_EQ(info["results"].size(), 3u);
  EXPECT_EQ(info["results"][0]["labels"].size(), 7u);
  EXPECT_EQ(info["results"][1]["examples"], 700);
  EXPECT_EQ(info["results"][2]["examples"], 700);
  EXPECT_TRUE(info["results"][0]["users"].is_null());
}

}  // namespace
}  // namespace discreet::app
