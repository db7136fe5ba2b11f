#include "discreet/cli/internal/before_after.h"

#include <fmt/format.h>

#include "discreet/cli/program.h"

namespace discreet::cli {
namespace {

std::string value_with_ci(const Json& effect, const char* key) {
  if (!effect[key].is_number()) return "n/a";
  const Json& ci = effect["ci"];
  if (!ci.contains(key) || !ci[key][0].is_number()) return fmt::format("{:.4f}", effect[key].get<double>());
  return fmt::format("{:.4f} [{:.3f}, {:.3f}]", effect[key].get<double>(), ci[key][0].get<double>(), ci[key][1].get<double>());
}

}  // namespace

void print_before_after(const Json& document) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& effect : document["results"]) {
    rows.push_back({effect["metric"].get<std::string>(), value_with_ci(effect, "before"), value_with_ci(effect, "after"),
                    effect["verdict"].get<std::string>()});
  }
  print_table({"metric", "before", "after", "change"}, rows);
  for (const Json& caveat : document["caveats"]) fmt::print("- {}\n", caveat.get<std::string>());
}

}  // namespace discreet::cli
