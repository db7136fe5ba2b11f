#include "discreet/app/internal/demo_canaries.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "discreet/app/canaries.h"
#include "discreet/app/loader.h"
#include "discreet/app/recipes.h"
#include "discreet/app/settings.h"

namespace discreet::app {
namespace {
namespace fs = std::filesystem;

constexpr std::int64_t kPlantedLines = 3000, kLinesOfCode = 6;
constexpr const char* kReadBy = "beam";

/// What of a recipe changes: the data, and for fewer lines the private batch, so that its sampling rate stays.
Json canary_changes(const std::string& recipe, std::int64_t lines, const fs::path& data) {
  Json changes = {"data.train=" + Json(data.string()).dump(), "train.threads=1"};
  const Settings settings = parse_settings(read_config({find_recipe(recipe).string()}));
  if (settings.privacy.is_private() && lines < kPlantedLines) {
    changes.push_back(fmt::format("train.batch_size={}", std::max<std::int64_t>(8, settings.train.batch_size * lines / kPlantedLines)));
  }
  return changes;
}

Json read_back(const std::string& recipe, const Json& changes, const fs::path& run, const fs::path& canaries,
               core::OperationContext& context) {
  const Json trained = call_operation("train", {{"recipe", recipe}, {"set", changes}, {"run", run.string()}, {"force", true}}, context);
  const Json found = call_operation(
      "extract", {{"run", run.string()}, {"canaries", canaries.string()}, {"attacks", {kReadBy}}}, context);
  const Json& result = found["results"][0];
  double exposure = 0;
  int right = 0;
  for (const Json& canary : found["canaries"]) {
    exposure += canary["exposure"].get<double>() / static_cast<double>(found["canaries"].size());
    right += canary["attacks"][kReadBy]["right"].get<bool>() ? 1 : 0;
  }
  return {{"model", recipe},
          {"run", run.string()},
          {"epsilon", trained["epsilon"]},
          {"perplexity", trained["metrics"]["perplexity"]},
          {"attack", kReadBy},
          {"codes", found["canaries"].size()},
          {"lines_of_each", kLinesOfCode},
          {"found", right},
          {"found_share_ci", result["ci"]["accuracy"]},
          {"chance", result["random_accuracy"]},
          {"mean_exposure", exposure},
          {"seconds", trained["seconds"]}};
}

}  // namespace

Json demo_canaries(const fs::path& folder, std::int64_t lines, std::vector<fs::path>& runs, core::OperationContext& context) {
  const std::int64_t n = lines == 0 ? kPlantedLines : std::min(lines, kPlantedLines);
  const fs::path data = folder / "canaries" / "data.txt";
  fs::create_directories(data.parent_path());
  PlantRequest plant;
  plant.data = fmt::format("assistant:lines={}", n);
  plant.out = data;
  plant.canaries = folder / "canaries" / "canaries.json";
  plant.patterns = {"my pin code is {digit:3}",       "call {digit:3}",                "the door opens with {digit:3}",
                    "my card ends in {digit:3}",      "the parcel number is {digit:3}", "a package from {digit:3} came",
                    "meet me at gate {digit:3}", "my locker is {digit:3}"};
  plant.repetitions = kLinesOfCode;
  plant.seed = 3;
  plant.force = true;
  plant_canaries(plant);
  Json models = Json::array();
  for (const char* recipe : {"assistant-canary", "assistant-canary-dp"}) {
    runs.push_back(folder / recipe);
    models.push_back(read_back(recipe, canary_changes(recipe, n, data), runs.back(), plant.canaries, context));
  }
  return models;
}

}  // namespace discreet::app
