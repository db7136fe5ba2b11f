#include "discreet/app/loader.h"

#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/registry.h"

namespace discreet::app {
namespace {

/// Sets DISCREET_LIBRARY_PATH for one scope.
class LibraryPath {
 public:
  explicit LibraryPath(const std::string& value) { setenv("DISCREET_LIBRARY_PATH", value.c_str(), 1); }
  ~LibraryPath() { unsetenv("DISCREET_LIBRARY_PATH"); }
};

Json twice(const Json& request, core::OperationContext&) {
  return request.at("value").get<int>() * 2;
}

TEST(Loader, TheEnvironmentNamesAFolderOrAFile) {
  const auto folder = std::filesystem::temp_directory_path();
  {
    LibraryPath set(folder.string());
    EXPECT_EQ(tensor_library_path(), folder / "libdiscreet.so");
  }
  {
    LibraryPath set((folder / "other.so").string());
    EXPECT_EQ(tensor_library_path(), folder / "other.so");
  }
  EXPECT_EQ(tensor_library_path().filename(), "libdiscreet.so");
  EXPECT_TRUE(std::filesystem::exists(tensor_library_path().parent_path() / "libdiscreet_base.so"));
}

TEST(Loader, AMissingLibraryIsARunTimeFailureThatNamesTheFile) {
  LibraryPath set("/nowhere/at/all.so");
  core::OperationContext context;
  try {
    call_operation("no-such-operation", {}, context);
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kRuntime);
    EXPECT_NE(std::string(e.what()).find("/nowhere/at/all.so"), std::string::npos);
    EXPECT_NE(e.hint().find("DISCREET_LIBRARY_PATH"), std::string::npos);
  }
}

TEST(Loader, ThreadsWaitBrieflyUnlessTheUserSaysHow) {
  LibraryPath set("/nowhere/at/all.so");  // the environment is prepared before anything is loaded
  const auto spin_count = [] {
    EXPECT_THROW(load_tensor_library(), Error);
    const char* value = std::getenv("GOMP_SPINCOUNT");
    return std::string(value == nullptr ? "" : value);
  };
  unsetenv("GOMP_SPINCOUNT");
  setenv("OMP_WAIT_POLICY", "active", 1);
  EXPECT_EQ(spin_count(), "");
  unsetenv("OMP_WAIT_POLICY");
  EXPECT_EQ(spin_count(), "10000");
  setenv("GOMP_SPINCOUNT", "7", 1);
  EXPECT_EQ(spin_count(), "7");
  unsetenv("GOMP_SPINCOUNT");
}

TEST(Loader, AFileThatIsNoLibraryIsARunTimeFailureWithTheSystemsReason) {
  const auto file = std::filesystem::temp_directory_path() / "discreet_loader_test.so";
  core::write_file_atomically(file, "not an ELF file");
  LibraryPath set(file.string());
  try {
    load_tensor_library();
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kRuntime);
    EXPECT_NE(std::string(e.what()).find("cannot be loaded"), std::string::npos);
  }
  std::filesystem::remove(file);
}

TEST(Loader, AnOperationOfTheBaseRunsWithoutTheTensorLibrary) {
  LibraryPath set("/nowhere/at/all.so");
  if (!core::registry().contains("operation", "test-twice")) {
    core::registry().add({.kind = "operation",
                          .name = "test-twice",
                          .summary = "Doubles.",
                          .make = static_cast<core::Operation>(twice)});
  }
  core::OperationContext context;
  EXPECT_EQ(call_operation("test-twice", {{"value", 21}}, context), 42);
}

}  // namespace
}  // namespace discreet::app
