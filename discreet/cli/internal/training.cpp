#include "discreet/cli/internal/training.h"

#include <fmt/format.h>

namespace discreet::cli {
namespace {

std::string interval_text(const Json& interval) {
  if (!interval.is_array()) return "";
  return fmt::format("[{:.4f}, {:.4f}]", interval[0].get<double>(), interval[1].get<double>());
}

void print_repeats(const Json& repeats) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, entry] : repeats.items()) {
    std::string values;
    for (const Json& value : entry["values"]) values += fmt::format("{:.4f} ", value.get<double>());
    rows.push_back({name, fmt::format("{:.4f}", entry["mean"].get<double>()),
                    interval_text(entry.value("ci", Json())), values});
  }
  print_table({"metric", "mean", "95 % interval", "by seed"}, rows);
}

void print_selection(const Json& selection) {
  fmt::print("\nbest of {} candidates by {} = {:.4f} ({} development data)\n",
             selection["candidates"].get<std::int64_t>(), selection["metric"].get<std::string>(),
             selection["score"].get<double>(), selection["development_data"].get<std::string>());
  for (const Json& assignment : selection["chosen"]) fmt::print("  {}\n", assignment.get<std::string>());
}

}  // namespace

void print_metrics(const Json& metrics) {
  for (const auto& [name, value] : metrics.items()) {
    if (value.is_number_float()) fmt::print("{:<18} {:.4f}\n", name, value.get<double>());
    if (value.is_number_integer()) fmt::print("{:<18} {}\n", name, value.get<std::int64_t>());
  }
}

int finish_training(const Program& program, const Json& document) {
  if (document.is_null()) return 0;  // one of several processes; another one speaks for all
  if (program.global().json) {
    print_document(document);
  } else {
    if (document.contains("repeats")) {
      print_repeats(document["repeats"]);
    } else {
      print_metrics(document["metrics"]);
    }
    if (document.contains("selection")) print_selection(document["selection"]);
    if (document["private"].get<bool>()) fmt::print("\n{}\n", document["statement"].get<std::string>());
    fmt::print("\nrun: {}\n", document["run"].get<std::string>());
  }
  return 0;
}

}  // namespace discreet::cli
