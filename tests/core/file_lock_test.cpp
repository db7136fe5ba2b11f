#include "discreet/core/file_lock.h"

#include <gtest/gtest.h>

#include "discreet/core/error.h"
#include "tests/core/temporary_folder.h"

namespace discreet::core {
namespace {

TEST(FileLock, IsTakenOrNotAtOnce) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder / "lock";
  {
    const auto held = FileLock::try_take(path);
    ASSERT_TRUE(held);
    EXPECT_FALSE(FileLock::try_take(path));
    EXPECT_THROW(FileLock(path, "the thing"), Error);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_TRUE(FileLock::try_take(path));
  EXPECT_THROW(FileLock::try_take(folder / "none" / "lock"), Error);
}

}  // namespace
}  // namespace discreet::core
