#include "discreet/app/bench_tokenizers.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/lines.h"
#include "discreet/core/sha256.h"
#include "discreet/text/subword/subword_tokenizer.h"

namespace discreet::app {
namespace {

struct Passed {
  double seconds, cpu_seconds;
};

double cpu_clock() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

Passed time_of(const std::function<void()>& work) {
  const double cpu = cpu_clock();
  const auto start = std::chrono::steady_clock::now();
  work();
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), cpu_clock() - cpu};
}

double middle(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
}

}  // namespace

Json bench_tokenizers(const std::vector<std::string>& models, const std::filesystem::path& text, int repeats) {
  if (models.empty()) {
    throw usage_error("no tokeniser is named", "discreet bench --what tokenizers MODEL... --text FILE");
  }
  std::vector<std::string> lines;
  std::size_t bytes = 0;
  core::LineReader reader(text);
  for (std::string line; reader.next(line);) {
    bytes += line.size();
    lines.push_back(line);
  }
  Json results = Json::array();
  for (const std::string& model : models) {
    std::unique_ptr<text::SubwordTokenizer> tokenizer;
    const Passed load = time_of([&] {
      tokenizer = std::make_unique<text::SubwordTokenizer>(text::SubwordTokenizer::load(model));
    });
    for (const bool offsets : {false, true}) {
      const text::EncodeOptions options{.offsets = offsets ? text::OffsetUnit::kCodePoints : text::OffsetUnit::kNone};
      std::size_t tokens = 0;
      const auto pass = [&] {
        tokens = 0;
        for (const std::string& line : lines) {
          tokens += offsets ? tokenizer->encode(line, options).size() : tokenizer->ids(line).size();
        }
      };
      const Passed first = time_of(pass);
      std::vector<double> times, cpu_times;
      for (int i = 0; i < repeats; ++i) {
        const Passed passed = time_of(pass);
        times.push_back(passed.seconds);
        cpu_times.push_back(passed.cpu_seconds);
      }
      std::string spelled;
      for (const std::string& line : lines) {
        for (const std::int32_t id : tokenizer->ids(line)) spelled += fmt::format("{}\n", id);
      }
      const double fastest = *std::min_element(cpu_times.begin(), cpu_times.end());
      results.push_back({{"model", model},
                         {"kind", tokenizer->model_kind()},
                         {"offsets", offsets},
                         {"tokens", tokens},
                         {"ids_sha256", core::sha256(spelled)},
                         {"load_seconds", load.seconds},
                         {"first_cpu_seconds", first.cpu_seconds},
                         {"minimum_cpu_seconds", fastest},
                         {"minimum_seconds", *std::min_element(times.begin(), times.end())},
                         {"median_seconds", middle(times)},
                         {"megabytes_per_second", static_cast<double>(bytes) / 1e6 / fastest}});
    }
  }
  return {{"schema", "discreet.bench.tokenizers/1"},
          {"text", text.string()},
          {"lines", lines.size()},
          {"bytes", bytes},
          {"threads", 1},
          {"repeats", repeats},
          {"results", std::move(results)}};
}

}  // namespace discreet::app
