#include "discreet/app/internal/demo_mitigation.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "discreet/app/loader.h"

namespace discreet::app {

Json demo_mitigation(const std::filesystem::path& folder, std::int64_t lines, std::vector<std::filesystem::path>& runs,
                     core::OperationContext& context) {
  constexpr std::int64_t kLines = 4000;
  const std::int64_t n = lines == 0 ? kLines : std::min(lines, kLines);
  const auto changes = [&](int seed, std::int64_t steps) {
    return Json{fmt::format("data.train=assistant:lines={},gender_skew=0.95,seed={}", n, seed),
                fmt::format("data.test=assistant:lines={},gender_skew=0.95", n / 8),
                fmt::format("train.steps={}", std::max<std::int64_t>(20, steps * n / kLines)),
                "train.learning_rate=0.01", "model.hidden=32"};
  };
  const std::filesystem::path teacher = folder / "assistant-lm-skewed", student = folder / "assistant-lm-distilled";
  call_operation("train",
                 {{"recipe", "assistant-lm-skewed"}, {"set", changes(1, 250)}, {"run", teacher.string()}, {"force", true}}, context);
  const Json trained = call_operation("distill",
                                      {{"recipe", "assistant-lm-distilled"},
                                       {"teacher", teacher.string()},
                                       {"set", changes(2, 200)},
                                       {"run", student.string()},
                                       {"force", true}},
                                      context);
  runs.push_back(student);
  return trained["mitigation"]["results"];
}

}  // namespace discreet::app
