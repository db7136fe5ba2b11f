#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "discreet/app/federated_partition.h"
#include "discreet/cli/program.h"

namespace discreet {
namespace {

std::string summary_cell(const Json& statistics, const std::string& key, const char* part) {
  if (statistics[key].is_null()) return "n/a";
  return fmt::format("{:.4g}", statistics[key][part].get<double>());
}

void print_partition(const Json& document) {
  const Json& statistics = document["results"][0];
  fmt::print("{}: {} examples to {} clients, {} left out\n\n",
             document["configuration"]["method"].get<std::string>(),
             document["n"].get<std::int64_t>(), statistics["clients"].get<std::size_t>(),
             statistics["left_out"].get<std::size_t>());
  std::vector<std::vector<std::string>> rows;
  for (const auto& [key, name] :
       {std::pair("train", "training examples"), std::pair("test", "test examples"),
        std::pair("js_between", "distance between clients"),
        std::pair("js_to_all", "distance to all examples"),
        std::pair("js_train_test", "distance of own train and test")}) {
    rows.push_back({name, summary_cell(statistics, key, "min"),
                    summary_cell(statistics, key, "median"), summary_cell(statistics, key, "max"),
                    summary_cell(statistics, key, "mean")});
  }
  cli::print_table({"of a client", "min", "median", "max", "mean"}, rows);
  fmt::print("\nDistances are Jensen-Shannon, of {}, logarithm to base {}.\n",
             statistics["js_of"].get<std::string>(), statistics["js_log_base"].get<std::string>());
  for (const Json& caveat : document["caveats"]) fmt::print("- {}\n", caveat.get<std::string>());
}

std::string flag_of_key(std::string key) {
  std::replace(key.begin(), key.end(), '_', '-');
  return "--" + key;
}

}  // namespace

void register_verb_federated_partition(cli::Program& program) {
  static app::PartitionQuestion question;
  static std::map<std::string, std::string> given;
  CLI::App* verb = program.add_verb("federated partition", "Divides data among clients.",
                                    "Federated learning, simulated and deployed.");
  verb->add_option("--input", question.input, "Training data: a file, a data set or assistant.");
  verb->add_option("--test", question.test, "Test data; indices follow those of the input.");
  verb->add_option("--method", question.method, "See `discreet list partition`.");
  for (const core::FieldInfo& field : federated::partition_fields().info()) {
    const std::string flag = flag_of_key(field.name);
    const std::string names = field.name == "alpha" ? flag + ",--beta" : flag;
    verb->add_option(names, given[field.name],
                     field.default_value.is_null()
                         ? field.spec.doc
                         : fmt::format("{} [{}]", field.spec.doc, field.default_value.dump()));
  }
  verb->add_option("--by", question.by, "natural: the column whose values are the clients.");
  verb->add_option("--embeddings", question.embeddings,
                   "cluster-dirichlet: .npy or .safetensors, a row for each example.");
  verb->add_option("--from", question.from, "Check this partition (.h5 or .json); draw none.");
  verb->add_option("--from-name", question.from_name, "Which partition of an .h5 file.");
  verb->add_option("--out", question.out, "FILE.h5 (FedNLP's form) or FILE.json.");
  verb->add_option("--leaf", question.leaf, "Also write the examples in LEAF's form: FILE.json.");
  verb->add_option("--heat-map", question.heat_map, "SVG of the distances between clients.");
  verb->add_option("--histogram", question.histogram, "SVG of the clients' sizes.");
  verb->add_flag_callback(
      "--base-2", [] { question.log_base = 2; }, "Distances in [0, 1]: logarithms to base 2.");
  verb->add_option("--format", question.format, "See `discreet list reader`.");
  verb->add_option("--text", question.reader.text, "Column of the text.");
  verb->add_option("--label", question.reader.label, "Column of the label.");
  verb->add_option("--slots", question.reader.slots, "Column of the tags.");
  verb->add_option("--user", question.reader.user, "Column of the user.");
  verb->add_flag_callback(
      "--latin-1", [] { question.reader.encoding = text::FileEncoding::kLatin1; },
      "The files are in Latin-1, not in UTF-8.");
  verb->add_flag_callback(
      "--no-header", [] { question.reader.header = false; },
      "CSV, TSV: the columns are 1, 2, …");
  verb->add_flag_callback(
      "--no-quotes", [] { question.reader.quotes = false; },
      "CSV, TSV: '\"' is a character like others.");
  program.on_run(verb, [&program, verb] {
    if (question.from.empty() && !question.method.empty()) {
      const std::string beside = "on method " + question.method;
      for (const auto& [key, value] : given) {
        if (!federated::partition_uses(question.method, key)) cli::refuse_options(*verb, {flag_of_key(key).c_str()}, beside);
      }
      if (question.method != "cluster-dirichlet") cli::refuse_options(*verb, {"--embeddings"}, beside);
      if (question.method != "natural") cli::refuse_options(*verb, {"--by"}, beside);
    }
    core::Config config;
    for (const auto& [key, value] : given) {
      if (!value.empty()) config.add_assignment(fmt::format("partition.{}={}", key, value));
    }
    question.options = federated::partition_fields().parse(config);
    core::OperationContext context = program.context();
    const Json document = app::partition_data(question, context);
    if (program.global().json) {
      cli::print_document(document);
    } else {
      print_partition(document);
    }
    return 0;
  });
}

}  // namespace discreet
