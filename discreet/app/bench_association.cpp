#include "discreet/app/bench_association.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>

#include "discreet/core/random.h"
#include "discreet/stats/ceat.h"

namespace discreet::app {
namespace {

double least_milliseconds(int repeats, const std::function<void()>& work) {
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < repeats; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    least = std::min(least, std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
  }
  return least;
}

stats::WordSet drawn_rows(std::size_t rows, std::size_t dimension, core::ReproducibleRng& rng) {
  stats::WordSet set{dimension, {}};
  for (std::size_t i = 0; i < rows * dimension; ++i) set.values.push_back(static_cast<float>(rng.normal()));
  return set;
}

}  // namespace

Json bench_association(int repeats) {
  core::ReproducibleRng rng(0, "bench association");
  Json document = {{"schema", "discreet.bench.association/1"}, {"results", Json::array()}};
  const auto x = drawn_rows(8, 300, rng), y = drawn_rows(8, 300, rng), a = drawn_rows(8, 300, rng), b = drawn_rows(8, 300, rng);
  document["results"].push_back({{"shape", "weat exact, 8 and 8 words"},
                                 {"milliseconds", least_milliseconds(std::max(repeats, 20), [&] {
                                    stats::weat(stats::association(x, a, b), stats::association(y, a, b));
                                  })}});
  const auto words = [&] {
    stats::ContextualSet set;
    for (int i = 0; i < 8; ++i) set.push_back(drawn_rows(1000, 768, rng));
    return set;
  };
  const auto cx = words(), cy = words(), ca = words(), cb = words();
  for (const bool bootstrap : {false, true}) {
    document["results"].push_back({{"shape", bootstrap ? "ceat, 10000 draws, interval" : "ceat, 10000 draws"},
                                   {"milliseconds", least_milliseconds(bootstrap ? 1 : repeats, [&] {
                                      stats::ceat(cx, cy, ca, cb, {.draws = 10000, .resamples = bootstrap ? 200u : 0u});
                                    })}});
  }
  return document;
}

}  // namespace discreet::app
