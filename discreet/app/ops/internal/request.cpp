#include "discreet/app/ops/internal/request.h"

#include "discreet/app/recipes.h"
#include "discreet/app/settings.h"

namespace discreet::app {

core::Config requested_config(const Json& request) {
  std::vector<std::string> files;
  if (request.contains("recipe")) files.push_back(find_recipe(request["recipe"].get<std::string>()).string());
  if (request.contains("config")) files.push_back(request["config"].get<std::string>());
  core::Config config =
      read_config(files, request.value("set", Json::array()).get<std::vector<std::string>>());
  if (request.contains("run")) config.set("run.dir", request["run"], "--run");
  if (request.contains("hold_out")) config.set("data.hold_out", request["hold_out"], "--hold-out");
  if (request.value("insecure_seed", false)) {
    const Json& seed = config.at("run.seed");
    config.set("privacy.insecure_seed", seed.is_null() ? Json(1) : seed, "--insecure-seed");
  }
  return config;
}

}  // namespace discreet::app
