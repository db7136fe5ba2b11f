#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "discreet/app/bench_accountants.h"
#include "discreet/app/bench_association.h"
#include "discreet/app/bench_tokenizers.h"
#include "discreet/app/loader.h"
#include "discreet/cli/program.h"
#include "discreet/core/files.h"
#include "discreet/core/machine.h"

namespace discreet {
namespace {

struct BenchFlags {
  std::vector<std::string> shapes;
  std::vector<std::string> trainers;
  std::vector<std::string> modes{"ordinary", "private", "edp-sgd"};
  std::vector<int> threads{1, 2};
  std::vector<std::int64_t> examples{0};
  int steps = 15;
  int warm_up = 3;
  bool describe = false;
  int models = 32;
  std::int64_t clients = 100000;
  std::string what = "steps", data, out, text, device = "cpu";
};

/// One row per result, each beside the first mode of its group.
void print_results(const Json& results, std::size_t modes) {
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const Json &result = results[i], &base = results[i - i % modes];
    const auto ratio = [&](const char* key) {
      return base[key].is_number() && base[key].get<double>() > 0
                 ? fmt::format("{:.2f}", result[key].get<double>() / base[key].get<double>())
                 : std::string("-");
    };
    rows.push_back({result["shape"], std::to_string(result["examples"].get<int>()),
                    std::to_string(result["threads"].get<int>()), result["mode"],
                    fmt::format("{:.2f}", result["minimum_ms"].get<double>()),
                    fmt::format("{:.2f}", result["median_ms"].get<double>()), ratio("minimum_ms"),
                    ratio("minimum_cpu_ms"),
                    result["peak_mib"].is_number()
                        ? fmt::format("{:.0f}", result["peak_mib"].get<double>())
                        : "-",
                    ratio("peak_mib"),
                    result.contains("attention_share")
                        ? fmt::format("{:.0f} %", 100 * result["attention_share"].get<double>())
                        : "-"});
  }
  cli::print_table({"shape", "examples", "threads", "mode", "minimum ms", "median ms", "ratio",
                    "of CPU", "MiB", "ratio", "attention"},
                   rows);
}

void print_stacked(const Json& document) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& result : document["results"]) {
    rows.push_back({result["shape"], std::to_string(result["models"].get<int>()),
                    fmt::format("{:.3f}", result["one_by_one_ms"].get<double>()),
                    fmt::format("{:.3f}", result["stacked_ms"].get<double>()),
                    fmt::format("{:.2f}", result["speedup"].get<double>()),
                    fmt::format("{:.0f} %", 100 * result["share_of_peak"].get<double>())});
  }
  cli::print_table({"shape", "models", "alone ms", "stacked ms", "speedup", "of peak"}, rows);
}

void print_federated(const Json& document) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& row : document["results"]) {
    const auto number = [&](const char* key, const char* form) { return fmt::format(fmt::runtime(form), row[key].get<double>()); };
    rows.push_back({row["case"], row["trainer"], row["threads"].dump(), number("ms_per_client", "{:.3f}"),
                    number("minimum_ms_per_client", "{:.3f}"), number("minimum_cpu_ms_per_client", "{:.3f}"), number("clients_per_second", "{:.1f}"),
                    fmt::format("{:.1f} %", 100 * row["overhead_share"].get<double>()),
                    fmt::format("{:.0f} %", 100 * row["share_of_peak"].get<double>())});
  }
  if (!rows.empty()) {
    cli::print_table({"case", "trainer", "threads", "ms/client", "minimum", "CPU ms", "clients/s", "overhead", "of peak"}, rows);
  }
  if (!document.contains("many_clients")) return;
  const Json& many = document["many_clients"];
  fmt::print("\n{} clients of Zipf sizes, {:.0f} examples: {:.0f} clients/s, {:.0f} MiB\n", many["clients"].get<std::int64_t>(),
             many["examples"].get<double>(), many["clients_per_second"].get<double>(), many["peak_mib"].get<double>());
}

void print_accountants(const Json& results) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& row : results) {
    const auto ms = [&](const char* key) { return fmt::format("{:.2f}", row[key].get<double>()); };
    rows.push_back({row["accountant"], row["noise_multiplier"].dump(), row["sampling_rate"].dump(),
                    row["steps"].dump(), ms("minimum_cpu_ms"), ms("median_cpu_ms"),
                    ms("minimum_ms"), ms("median_ms")});
  }
  cli::print_table({"accountant", "noise", "rate", "steps", "CPU ms", "median", "ms", "median"},
                   rows);
}

void print_noise(const Json& document) {
  std::vector<std::vector<std::string>> rows;
  const auto ns = [](const Json& value) { return fmt::format("{:.2f}", value.get<double>()); };
  for (const Json& kernel : document["kernels"]) {
    rows.push_back({kernel["instructions"], kernel["cipher"], ns(kernel["plain_ns"]),
                    ns(kernel["grid_ns"]), ns(kernel["words_ns"])});
  }
  cli::print_table({"instructions", "cipher", "plain ns", "grid ns", "of it bits"}, rows);
  rows.clear();
  for (const Json& update : document["updates"]) {
    rows.push_back({update["optimizer"], std::to_string(update["threads"].get<int>()),
                    ns(update["plain_ns"]), ns(update["grid_ns"])});
  }
  fmt::print("\nNoise and update of a million parameters:\n");
  cli::print_table({"optimizer", "threads", "plain ns", "grid ns"}, rows);
}

void print_processes(const Json& document) {
  fmt::print("{} processes over {}, {} threads each\n\n", document["processes"].get<int>(),
             document["backend"].get<std::string>(), document["threads"].get<int>());
  const auto ms = [](const Json& row, const char* key) { return fmt::format("{:.2f}", row[key].get<double>()); };
  std::vector<std::vector<std::string>> rows;
  for (const Json& row : document["exchange"]) {
    rows.push_back({row["elements"].dump(), ms(row, "minimum_ms"), ms(row, "median_ms")});
  }
  cli::print_table({"gradient values", "exchange ms", "median"}, rows);
  rows.clear();
  for (const Json& row : document["results"]) {
    rows.push_back({row["shape"], row["mode"], row["examples"].dump(), row["parameters"].dump(),
                    ms(row, "minimum_ms"), ms(row, "median_ms"),
                    fmt::format("{:.0f}", row["examples_per_second"].get<double>())});
  }
  fmt::print("\n");
  cli::print_table({"shape", "mode", "examples", "parameters", "step ms", "median", "examples/s"}, rows);
}

void print_sensitivity_times(const Json& document) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& row : document["results"]) {
    rows.push_back({row["model"], row["classes"].dump(), row["classes_weight"], row["sentences"].dump(),
                    fmt::format("{:.3f}", row["predictions_seconds"].get<double>()),
                    fmt::format("{:.3f}", row["sensitivity_seconds"].get<double>()),
                    fmt::format("{:.2f}", row["ratio"].get<double>())});
  }
  cli::print_table({"model", "classes", "weights", "sentences", "predictions s", "sensitivity s", "ratio"}, rows);
}

void print_tokenizers(const Json& document) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& row : document["results"]) {
    const auto ms = [&](const char* key) { return fmt::format("{:.1f}", 1e3 * row[key].get<double>()); };
    rows.push_back({row["model"], row["kind"], row["offsets"].get<bool>() ? "ids, offsets" : "ids", row["tokens"].dump(), ms("load_seconds"),
                    ms("first_cpu_seconds"), ms("minimum_cpu_seconds"), fmt::format("{:.1f}", row["megabytes_per_second"].get<double>())});
  }
  cli::print_table({"model", "kind", "gives", "tokens", "load ms", "first pass", "CPU ms", "MB/s"}, rows);
}

/// Columns as the results have them.
void print_plain(const Json& results) {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
  for (const auto& [key, value] : results.front().items()) header.push_back(key);
  for (const Json& result : results) {
    rows.emplace_back();
    for (const auto& [key, value] : result.items()) {
      rows.back().push_back(value.is_number_float() ? fmt::format("{:.4g}", value.get<double>()) : value.is_string() ? value.get<std::string>() : value.dump());
    }
  }
  cli::print_table(header, rows);
}

}  // namespace

void register_verb_bench(cli::Program& program) {
  static BenchFlags flags;
  CLI::App* verb = program.add_verb(
      "bench", "Times training steps with and without privacy, turn by turn, and their memory.");
  verb->add_option("shapes", flags.shapes, "Some of the shapes; without them, all. With --what tokenizers: model folders.");
  verb->add_option("--modes", flags.modes, "Kinds of step; ratios are to the first.")
      ->capture_default_str();
  verb->add_option("--examples", flags.examples, "Batch sizes; 0: the shape's own.")
      ->check(CLI::Range(0, 1 << 20));
  verb->add_option("--what", flags.what,
                   "steps: of training; noise: draws by instruction set and the noisy update, in nanoseconds "
                   "a value; processes: the exchange of gradients and steps of the processes that `discreet launch` "
                   "started; stacked: many small models at once against one after another; federated: clients of simulated "
                   "rounds (linear, bag-of-words, lstm, cnn, transformer, zipf with --clients); accountants: "
                   "one epsilon by each (--steps repeats); tokenizers: of model folders on the lines of --text; "
                   "likelihood: scores of hidden tokens, packed against one sentence at a time (--examples of each benchmark); "
                   "association: exact WEAT and CEAT; sensitivity: of 10,000 sentences (--examples), beside their predictions (--steps repeats).")
      ->check(CLI::IsMember({"steps", "noise", "processes", "stacked", "federated", "accountants", "tokenizers", "likelihood", "association", "sensitivity"}))
      ->capture_default_str();
  verb->add_option("--threads", flags.threads, "Numbers of threads.")->check(CLI::Range(1, 1024));
  verb->add_option("--steps", flags.steps, "Timed steps of each kind.")->check(CLI::Range(1, 100000));
  verb->add_option("--warm-up", flags.warm_up, "Steps before these.")->check(CLI::Range(0, 1000));
  verb->add_option("--device", flags.device, "Where steps run: cpu (default), cuda, cuda:N or auto.");
  verb->add_option("--data", flags.data, "A folder with snips/, for the lengths of real utterances.");
  verb->add_option("--out", flags.out, "Write the document here.");
  verb->add_option("--models", flags.models, "How many, with --what stacked.")->check(CLI::Range(1, 4096));
  verb->add_option("--clients", flags.clients, "How many there are, with --what federated zipf.")
      ->check(CLI::Range(1, 100000000));
  verb->add_option("--trainers", flags.trainers, "With --what federated: of small and general, these alone.")
      ->check(CLI::IsMember({"small", "general"}));
  verb->add_option("--text", flags.text, "The text of --what tokenizers.");
  verb->add_flag("--describe", flags.describe, "Say what the shapes are and time nothing.");
  program.on_run(verb, [&program, verb] {
    if (flags.data.empty() && std::getenv("DISCREET_DATA") != nullptr) {
      flags.data = std::getenv("DISCREET_DATA");
    }
    core::OperationContext context = program.context();
    const Json request = {{"shapes", flags.shapes},   {"threads", flags.threads},
                          {"modes", flags.modes},     {"examples", flags.examples},
                          {"steps", flags.steps},     {"warm_up", flags.warm_up},
                          {"data", flags.data},       {"describe", flags.describe},
                          {"device", flags.device}};
    const Json stacked_request = {{"shapes", flags.shapes},
                                  {"threads", verb->count("--threads") > 0 ? flags.threads.front() : 1},
                                  {"steps", flags.steps},
                                  {"models", flags.models}};
    Json federated_request = request;
    federated_request["trainers"] = flags.trainers;
    federated_request["clients"] = flags.clients;
    const std::string& what = flags.what;
    const Json likelihood_request = {{"data", flags.data}, {"examples", std::max<std::int64_t>(flags.examples.front(), 30)},
                                     {"steps", verb->count("--steps") > 0 ? flags.steps : 3},
                                     {"threads", verb->count("--threads") > 0 ? flags.threads.front() : 1}};
    Json one_thread = request;  // processes share the cores by themselves
    one_thread["threads"] = verb->count("--threads") > 0 ? flags.threads.front() : 1;
    Json document = what == "accountants" ? app::bench_accountants(flags.steps)
                    : what == "tokenizers" ? app::bench_tokenizers(flags.shapes, flags.text, flags.steps)
                    : what == "association" ? app::bench_association(flags.steps)
                    : what == "likelihood" ? app::call_operation("bench-likelihood", likelihood_request, context)
                    : what == "noise"     ? app::call_operation("bench-noise", request, context)
                    : what == "processes" ? app::call_operation("bench-processes", one_thread, context)
                    : what == "federated" ? app::call_operation("bench-federated", federated_request, context)
                    : what == "sensitivity"
                        ? app::call_operation("bench-sensitivity",
                                              {{"repeats", verb->count("--steps") > 0 ? flags.steps : 3},
                                               {"sentences", flags.examples.front() > 0 ? flags.examples.front() : 10000},
                                               {"threads", one_thread["threads"]}},
                                              context)
                    : what == "stacked"   ? app::call_operation("bench-stacked", stacked_request, context)
                                          : app::call_operation("bench", request, context);
    if (document.is_null()) return 0;  // one of several processes; rank 0 speaks for all
    document.update(core::measurement_stamp());
    if (!flags.out.empty()) core::write_file_atomically(flags.out, document.dump(2) + "\n");
    if (program.global().json || flags.describe) {
      cli::print_document(document);
    } else if (what == "stacked") {
      print_stacked(document);
    } else if (what == "federated") {
      print_federated(document);
    } else if (what == "accountants") {
      print_accountants(document["results"]);
    } else if (what == "sensitivity") {
      print_sensitivity_times(document);
    } else if (what == "tokenizers") {
      print_tokenizers(document);
    } else if (what == "likelihood" || what == "association") {
      print_plain(document["results"]);
    } else if (what == "noise") {
      print_noise(document);
    } else if (what == "processes") {
      print_processes(document);
    } else {
      print_results(document["results"], flags.modes.size());
    }
    return 0;
  });
}

}  // namespace discreet
