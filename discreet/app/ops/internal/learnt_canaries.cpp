#include "discreet/app/ops/internal/learnt_canaries.h"

#include <algorithm>
#include <cstdint>
#include <map>

#include <fmt/format.h>

#include "discreet/app/run_data.h"
#include "discreet/core/error.h"
#include "discreet/text/unicode.h"

namespace discreet::app {
namespace {

std::string line_of(const text::Example& example) {
  return text::lowercase(example.text) + '\n' + example.label;
}

}  // namespace

std::string take_held_back(const std::filesystem::path& run, std::vector<Canary>& canaries) {
  if (!std::filesystem::exists(run / "holdout.json")) return "";
  std::map<std::string, std::int64_t> held;
  for (const text::Example& example : load_data_of_run(run).hold_out.examples) ++held[line_of(example)];
  std::size_t fewer = 0, none = 0;
  std::erase_if(canaries, [&](Canary& canary) {
    const auto found = canary.planted ? held.find(line_of(canary.example)) : held.end();
    if (found == held.end()) return false;
    canary.repetitions -= std::min(canary.repetitions, found->second);
    ++(canary.repetitions > 0 ? fewer : none);
    return canary.repetitions == 0;
  });
  if (canaries.empty()) {
    throw bad_data("the run held back every line of every canary (data.hold_out)", "Train without data.hold_out where canaries are planted.");
  }
  if (fewer + none == 0) return "";
  return fmt::format("The run held back lines of canaries (data.hold_out): {} of which none was learnt are left out, {} count only the "
                     "lines that were learnt. A bound from one run needs coins of one half: train without data.hold_out.",
                     none, fewer);
}

}  // namespace discreet::app
