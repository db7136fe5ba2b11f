#include "discreet/app/bench_accountants.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "discreet/privacy/accountant.h"
#include "discreet/stats/attack.h"

namespace discreet::app {
namespace {

double thread_milliseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return 1e3 * static_cast<double>(now.tv_sec) + 1e-6 * static_cast<double>(now.tv_nsec);
}

struct Setting {
  privacy::Phase phase;
  double delta;
};

/// DP-SGD as in the tests of Opacus and TF Privacy, and longer runs.
constexpr Setting kSettings[] = {{{1.0, .01, 1000}, 1e-5},  {{1.5, .04, 2250}, 1e-5},
                                 {{1.0, .001, 10000}, 1e-6}, {{0.8, .005, 1000}, 1e-6},
                                 {{1.3, .0025, 6000}, 1e-5}, {{1.0, .001, 30000}, 1e-7}};

}  // namespace

Json bench_accountants(int repeats) {
  Json results = Json::array();
  for (const Setting& setting : kSettings) {
    const privacy::Event event = privacy::event_of({setting.phase});
    for (const char* name : {"rdp", "prv", "pld"}) {
      const auto accountant = privacy::make_accountant(name);
      std::vector<double> cpu, wall;
      double epsilon = 0;
      for (int i = 0; i <= repeats; ++i) {
        const double cpu_start = thread_milliseconds();
        const auto start = std::chrono::steady_clock::now();
        epsilon = accountant->epsilon(event, privacy::Delta(setting.delta)).value;
        const std::chrono::duration<double, std::milli> passed =
            std::chrono::steady_clock::now() - start;
        if (i == 0) continue;
        cpu.push_back(thread_milliseconds() - cpu_start);
        wall.push_back(passed.count());
      }
      results.push_back({{"accountant", name},
                         {"noise_multiplier", setting.phase.noise_multiplier},
                         {"sampling_rate", setting.phase.sampling_rate},
                         {"steps", setting.phase.steps},
                         {"delta", setting.delta},
                         {"epsilon", core::number(epsilon)},
                         {"minimum_cpu_ms", *std::min_element(cpu.begin(), cpu.end())},
                         {"median_cpu_ms", stats::median(cpu)},
                         {"minimum_ms", *std::min_element(wall.begin(), wall.end())},
                         {"median_ms", stats::median(wall)}});
    }
  }
  return {{"schema", "discreet.bench.accountants/1"},
          {"threads", 1},
          {"repeats", repeats},
          {"results", std::move(results)}};
}

}  // namespace discreet::app
