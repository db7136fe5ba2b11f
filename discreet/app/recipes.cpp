#include "discreet/app/recipes.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discreet/core/error.h"
#include "discreet/core/fields.h"

namespace discreet::app {
namespace fs = std::filesystem;
namespace {

fs::path recipes_folder() {
  if (const char* folder = std::getenv("DISCREET_RECIPES")) return folder;
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  const fs::path installed = program.parent_path() / "share/discreet/recipes";
  if (fs::is_directory(installed)) return installed;
  // build/discreet, or build/dev/discreet.
  for (fs::path folder = program; folder.has_relative_path(); folder = folder.parent_path()) {
    if (fs::exists(folder / "recipes/assistant.toml")) return folder / "recipes";
  }
  return "recipes";
}

}  // namespace

std::vector<fs::path> recipe_files() {
  std::vector<fs::path> files;
  const fs::path folder = recipes_folder();
  if (!fs::is_directory(folder)) return files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".toml") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

fs::path find_recipe(const std::string& name) {
  std::vector<std::string> names;
  for (const fs::path& file : recipe_files()) {
    if (file.stem() == name) return file;
    names.push_back(file.stem().string());
  }
  const auto near = core::nearest(name, names);
  throw usage_error(fmt::format("--recipe {}: there is no such recipe", name),
                    near ? fmt::format("Did you mean {}?", *near)
                         : fmt::format("There are: {}.", fmt::join(names, ", ")));
}

}  // namespace discreet::app
