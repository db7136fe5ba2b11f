#include "discreet/app/distill_options.h"

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/run_dir.h"

namespace discreet::app {
namespace {

using core::Config;

std::string place(const Config& config, const std::string& path) {
  return fmt::format("{}: {}", config.origin(path), path);
}

/// What has no meaning without a teacher is refused rather than passed over.
void check_without_teacher(const DistillOptions& d, const Config& config) {
  const DistillOptions none;
  const auto refuse = [&](bool set, const char* key) {
    if (!set) return;
    throw usage_error(place(config, std::string("distill.") + key) + " needs distill.teacher",
                      "Name a run or the folder of a model to learn from, or leave the key out.");
  };
  refuse(d.temperature != none.temperature, "temperature");
  refuse(d.soft != none.soft, "soft");
  refuse(d.hard != none.hard, "hard");
  refuse(d.hidden_cosine > 0, "hidden_cosine");
  refuse(d.hidden_squared > 0, "hidden_squared");
  refuse(d.combination != none.combination, "combination");
  refuse(d.combine_on != none.combine_on, "combine_on");
  refuse(!d.layers.empty(), "layers");
  refuse(d.kept != none.kept, "kept");
  refuse(!d.cache.empty(), "cache");
}

void check_distill(const Settings& s, const DistillOptions& d, const Config& config) {
  const bool exchanges = d.reverses() || d.augment != "none";
  if (!exchanges && !(d.pairs.empty() && d.names.empty() && d.held_out.empty())) {
    throw usage_error("[distill] has lists of words, but nothing is exchanged",
                      "Set distill.combination or distill.augment, or leave distill.pairs, names and held_out out.");
  }
  if (d.augment == "augment" && s.privacy.is_private() && s.privacy.unit == "example") {
    throw privacy_refused(place(config, "distill.augment") + " = \"augment\": each example and its exchanged copy would be "
                              "two units, and one unit's guarantee would not cover both",
                          "Take \"substitute\", which exchanges half of the examples, or privacy.unit = \"user\".");
  }
  if (d.augment != "none" && s.mitigate.counterfactual != "none") {
    throw usage_error(place(config, "distill.augment") + " and mitigate.counterfactual both exchange words of the training text: it "
                                                         "would be exchanged twice",
                      "Leave mitigate.counterfactual out; distill.augment works without a teacher too.");
  }
  if (exchanges && s.task != "language-model" && s.task != "text-classification") {
    throw usage_error(place(config, d.reverses() ? "distill.combination" : "distill.augment") + " does not go with task = \"" +
                          s.task + "\"",
                      "Words are exchanged in tasks language-model and text-classification.");
  }
  if (!d.has_teacher()) return check_without_teacher(d, config);
  if (s.task != "language-model" && s.task != "text-classification") {
    throw usage_error(place(config, "distill.teacher") + " does not go with task = \"" + s.task + "\"",
                      "Teachers are language models, or classifiers of texts.");
  }
  if (d.soft + d.hard + d.hidden_cosine + d.hidden_squared == 0) {
    throw usage_error(place(config, "distill.soft") + ": all weights of the loss are 0", "Set distill.soft or distill.hard.");
  }
  if (d.layers.empty()) return;
  if (!s.model.start.empty()) {
    throw usage_error(place(config, "distill.layers") + " and model.start both say where the student begins",
                      "Leave one of the two out.");
  }
  if (s.model.kind != "gpt" && s.model.kind != "transformer") {
    throw usage_error(place(config, "distill.layers") + " copies blocks of a gpt or a transformer, but model.kind is \"" +
                          s.model.kind + "\"",
                      "For a folder of the Hugging Face layout: discreet mitigate distill --student-layers.");
  }
  if (static_cast<std::int64_t>(d.layers.size()) != s.model.layers) {
    throw usage_error(fmt::format("{} names {} layers of the teacher, model.layers is {}", place(config, "distill.layers"),
                                  d.layers.size(), s.model.layers),
                      "Name one for each layer of the student.");
  }
}

}  // namespace

DistillOptions parse_distill(const Settings& settings, const Config& config) {
  if (config.at("distill").is_null()) return {};
  DistillOptions options = distill_fields().parse(config);
  check_distill(settings, options, config);
  return options;
}

Json dump_settings(const Settings& settings, const DistillOptions& distill) {
  Json values = dump_settings(settings);
  if (distill.active()) values["distill"] = distill_fields().dump(distill);
  return values;
}

DistillOptions load_run_distill(const std::filesystem::path& run) {
  Config config;
  config.add_toml_file(core::RunDir::open(run).config_file().string());
  return parse_distill(parse_settings(config), config);
}

}  // namespace discreet::app
