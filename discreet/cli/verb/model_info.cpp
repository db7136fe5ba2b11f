#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discreet/app/model_info.h"
#include "discreet/cli/program.h"

namespace discreet {
namespace {

// "LABEL_0, LABEL_1, …", at most ten.
std::string label_line(const Json& labels) {
  std::string line;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (i == 10) return line + ", …";
    line += (i == 0 ? "" : ", ") + labels[i].get<std::string>();
  }
  return line;
}

std::string key_line(const Json& keys) {
  return fmt::format("{}", fmt::join(keys.get<std::vector<std::string>>(), ", "));
}

void print_model_weights(const Json& weights) {
  std::string dtypes;
  for (const auto& [name, values] : weights["dtypes"].items()) {
    dtypes += (dtypes.empty() ? "" : ", ") + name;
  }
  fmt::print("{} parameters in {} tensors, {:.1f} MB, {}\n",
             weights["parameters"].get<std::int64_t>(), weights["tensors"].get<std::int64_t>(),
             weights["bytes"].get<double>() / 1e6, dtypes);
  std::vector<std::vector<std::string>> rows;
  for (const Json& group : weights["groups"]) {
    rows.push_back({group["group"].get<std::string>(),
                    std::to_string(group["tensors"].get<std::int64_t>()),
                    std::to_string(group["parameters"].get<std::int64_t>())});
  }
  cli::print_table({"group", "tensors", "parameters"}, rows);
}

void print_model_info(const Json& document) {
  fmt::print("{}: {}", document["source"].get<std::string>(), document["form"].get<std::string>());
  if (!document["model_type"].is_null()) {
    fmt::print(", {}", document["model_type"].get<std::string>());
  }
  if (!document["architectures"].empty()) fmt::print(" ({})", key_line(document["architectures"]));
  fmt::print("\n");
  if (!document["supported"].get<bool>()) {
    fmt::print("not supported: {}\n", document["supported_reason"].get<std::string>());
  }
  if (!document["sizes"].is_null()) {
    std::string sizes;
    for (const auto& [name, size] : document["sizes"].items()) {
      sizes += fmt::format("{}{} {}", sizes.empty() ? "" : ", ", name, size.get<std::int64_t>());
    }
    fmt::print("{}\n", sizes);
  }
  if (!document["labels"].empty()) fmt::print("labels: {}\n", label_line(document["labels"]));
  if (!document["tokenizer"].is_null()) {
    fmt::print("tokenizer: {} ({})\n", document["tokenizer"]["kind"].get<std::string>(),
               document["tokenizer"]["file"].get<std::string>());
  }
  if (!document["ignored"].empty()) {
    fmt::print("unknown keys, ignored: {}\n", key_line(document["ignored"]));
  }
  if (!document["weights"].is_null()) print_model_weights(document["weights"]);
  for (const Json& caveat : document["caveats"]) fmt::print("{}\n", caveat.get<std::string>());
}

}  // namespace

void register_verb_model_info(cli::Program& program) {
  static std::string source;
  CLI::App* verb =
      program.add_verb("model info", "Says what a model folder, weights or GGUF file holds.",
                       "Models of other programs.");
  verb->add_option("source", source, "A folder, a .gguf, .safetensors or config.json file.")
      ->required();
  program.on_run(verb, [&program] {
    const Json document = app::model_info(source);
    if (program.global().json) {
      cli::print_document(document);
    } else {
      print_model_info(document);
    }
    return 0;
  });
}

}  // namespace discreet
