#include <fmt/format.h>

#include <map>
#include <set>

#include "discreet/app/data_generate.h"
#include "discreet/app/data_sets.h"
#include "discreet/cli/program.h"

namespace discreet {

void register_verb_data_generate(cli::Program& program) {
  static std::string name, out;
  static app::GenerateOptions options;
  static std::map<std::string, std::string> given;
  CLI::App* verb = program.add_verb("data generate", "Writes the built-in corpus, biographies or messages with private details as JSON lines, or the built-in questions as SQuAD's JSON.");
  verb->add_option("name", name, "assistant, biographies, questions or details")->required();
  verb->add_option("--out", out, "File to write; without it, or -, stdout.");
  verb->add_flag("--force", options.force, "Replace an existing file.");
  std::set<std::string> known;
  const auto add_flags = [&](const std::vector<core::FieldInfo>& fields) {
    for (const core::FieldInfo& field : fields) {
      if (!known.insert(field.name).second) continue;  // lines, seed and split are of both
      std::string flag = "--" + field.name;
      std::replace(flag.begin(), flag.end(), '_', '-');
      const std::string help = fmt::format("{} [{}]", field.spec.doc, field.default_value.dump());
      if (field.type == core::FieldType::kBool) {
        verb->add_flag_callback(
            flag, [key = field.name] { given[key] = "true"; }, help);
      } else {
        verb->add_option(flag, given[field.name], help);
      }
    }
  };
  add_flags(text::corpus_fields().info());
  add_flags(text::question_fields().info());
  add_flags(text::detail_fields().info());
  add_flags(text::biography_fields().info());
  program.on_run(verb, [&program] {
    const bool questions = name == "questions";
    if (name != "assistant" && name != "details" && name != "biographies" && !questions) {
      throw usage_error(fmt::format("'{}' cannot be generated", name),
                        "The built-in corpora are called assistant, biographies, questions and details; `discreet data get` "
                        "fetches others.");
    }
    core::Config config;
    for (const auto& [key, value] : given) {
      if (!value.empty()) config.add_assignment(fmt::format("{}.{}={}", name, key, value));
    }
    if (questions) {
      options.questions = text::question_fields().parse(config);
    } else if (name == "details") {
      options.details = text::detail_fields().parse(config);
    } else if (name == "biographies") {
      options.biographies = text::biography_fields().parse(config);
    } else {
      options.corpus = text::corpus_fields().parse(config);
    }
    options.out = out;
    if ((out.empty() || out == "-") && program.global().json) {
      throw usage_error("--json and the corpus cannot share stdout", "Name a file with --out.");
    }
    core::OperationContext context = program.context();
    const Json document = app::generate_data(options, context);
    if (program.global().json) {
      cli::print_document(document);
    } else if (document.contains("sha256")) {
      fmt::print("{}: {} lines, {:.1f} MB, SHA-256 {}\n", document["file"].get<std::string>(),
                 document["lines"].get<std::int64_t>(), document["bytes"].get<double>() / 1e6,
                 document["sha256"].get<std::string>());
    }
    return 0;
  });
}

}  // namespace discreet
