#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace discreet::app {

/// The configurations that come with the program: DISCREET_RECIPES, else the installed ones, else
/// those of the source tree that the program was built in.
std::vector<std::filesystem::path> recipe_files();

/// The file of recipe NAME. Throws: kUsage naming the nearest known name.
std::filesystem::path find_recipe(const std::string& name);

}  // namespace discreet::app
