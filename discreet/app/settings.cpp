#include "discreet/app/settings.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include <fmt/format.h>

#include "discreet/app/distill_options.h"
#include "discreet/app/internal/device_name.h"
#include "discreet/core/error.h"
#include "discreet/core/registry.h"

namespace discreet::app {
namespace {

using core::Config;

const std::vector<std::string> kTyped = {"data", "model", "train", "privacy", "mitigate", "distill", "run"};

std::vector<std::string> section_names() {
  std::vector<std::string> names;
  for (const core::Entry* entry : core::registry().list("section")) {
    if (entry->name != "task") names.push_back(entry->name);
  }
  return names;
}

/// "x.toml:3: train.steps", so that a message about two keys still says where to look.
std::string where(const Config& config, const std::string& path) {
  return fmt::format("{}: {}", config.origin(path), path);
}

void check_generic(const Config& config, const std::string& section) {
  const auto& fields = core::registry().find("section", section).fields;
  const Json& table = config.at(section);
  core::check_keys(table, fields, section, config);
  for (const auto& field : fields) {
    if (!table.contains(field.name)) continue;
    const std::string path = section + "." + field.name;
    core::check_field(field, table[field.name], path, config.origin(path));
  }
}

void check_train(const Settings& s, const Config& config) {
  if (s.train.epochs && s.train.steps) {
    throw usage_error(where(config, "train.steps") + " and train.epochs are both given",
                      "Give one of the two: the other follows from it.");
  }
  if (s.train.patience > 0 && s.data.dev.empty()) {
    throw usage_error(where(config, "train.patience") + ": early stopping needs data.dev",
                      "Name data to evaluate on, or set train.patience to 0.");
  }
  if (s.train.optimizer == "adam-bc" && !s.privacy.is_private()) {
    throw usage_error(where(config, "train.optimizer") + " = \"adam-bc\" takes the noise of a private run "
                          "out of its second moment, but privacy.mechanism is \"none\"",
                      "Without noise it is adamw.");
  }
}

void check_norm(const Settings& s, const Config& config) {
  const auto& m = s.model;
  if (m.norm == "batch") {
    const std::string what = where(config, "model.norm") +
                             " = \"batch\": batch normalisation computes each example's output from "
                             "the other examples of its batch";
    const std::string instead =
        "Take model.norm = \"group\" or \"layer\": their statistics are of one example.";
    if (s.privacy.is_private()) {
      throw privacy_refused(what + ", so that no example's gradient can be bounded by itself",
                            instead);
    }
    throw usage_error(what + ", and models here keep examples apart", instead);
  }
  const bool transformer = m.kind == "transformer" || m.kind == "gpt";
  if (!m.norm.empty() && m.kind != "cnn" && !transformer) {
    throw usage_error(where(config, "model.norm") + " is for a cnn or a transformer",
                      "Other kinds normalise by model.norm_inputs.");
  }
  if (m.norm == (transformer ? "group" : "rms")) {
    throw usage_error(fmt::format("{} = \"{}\" is not for model.kind = \"{}\"",
                                  where(config, "model.norm"), m.norm, m.kind),
                      transformer ? "Take layer or rms." : "Take layer or group.");
  }
  const std::int64_t filters = m.hidden.empty() ? 100 : m.hidden.front();
  const std::int64_t channels = filters * static_cast<std::int64_t>(m.widths.size());
  if (m.norm == "group" && channels % m.norm_groups != 0) {
    throw usage_error(fmt::format("{} = {} does not divide the {} filters of all widths",
                                  where(config, "model.norm_groups"), m.norm_groups, channels),
                      "Each group takes an equal part of the filters.");
  }
}

void check_data(const Settings& s, const Config& config) {
  if (s.data.dev_public && s.data.dev.empty()) {
    throw usage_error(where(config, "data.dev_public") + ": there is no data.dev to be public",
                      "Set data.dev, or leave data.dev_public out.");
  }
}

/// What belongs to pretrained models and to stacks of blocks.
void check_stack(const Settings& s, const Config& config) {
  const std::string& kind = s.model.kind;
  const std::string now = ", but model.kind is \"" + kind + "\"";
  if (kind != "pretrained" && !s.model.adapter.empty()) {
    throw usage_error(where(config, "model.adapter") + " is given" + now,
                      "An adapter stands beside the layers of a pretrained model: set model.path.");
  }
  if (!s.model.adapter.empty() && s.model.lora_rank > 0) {
    throw usage_error(where(config, "model.adapter") + " and model.lora_rank are both given",
                      "The adapter's own ranks hold: leave model.lora_rank out.");
  }
  if (kind != "pretrained" && s.train.recompute) {
    throw usage_error(where(config, "train.recompute") + " is given" + now, "It belongs to pretrained models.");
  }
  const bool blocks = kind == "pretrained" || kind == "transformer" || kind == "gpt";
  if (!blocks && s.train.layer_decay != 1) {
    throw usage_error(where(config, "train.layer_decay") + " is given" + now,
                      "Rates fall from block to block of a transformer, gpt or pretrained model.");
  }
}

void check_model(const Settings& s, const Config& config) {
  check_stack(s, config);
  const std::set<std::int64_t> widths(s.model.widths.begin(), s.model.widths.end());
  if (widths.empty() || widths.size() != s.model.widths.size()) {
    throw usage_error(where(config, "model.widths") +
                      ": expected one width or more, each of them once");
  }
  if (s.model.vectors_frozen && s.model.vectors.empty()) {
    throw usage_error(where(config, "model.vectors_frozen") + ": there are no vectors to freeze",
                      "Set model.vectors, or leave model.vectors_frozen out.");
  }
  if (s.model.kind.ends_with("-crf") && s.task == "text-classification") {
    throw usage_error(where(config, "model.kind") + ": a CRF needs tags, text-classification has none",
                      "Take model.kind = \"bilstm\", or another task.");
  }
  check_norm(s, config);
  const bool transformer = s.model.kind == "transformer" || s.model.kind == "gpt";
  if (s.model.char_embedding > 0 && transformer) {
    throw usage_error(where(config, "model.char_embedding") + ": a transformer reads no characters",
                      "Take a recurrent kind, cnn or bow, or leave the key out.");
  }
  if (transformer && !s.model.hidden.empty() &&
      s.model.hidden.front() % s.model.heads != 0) {
    throw usage_error(fmt::format("{} = {} is not a multiple of model.heads = {}",
                                  where(config, "model.hidden"), s.model.hidden.front(),
                                  s.model.heads),
                      "Each attention head takes an equal part of the width.");
  }
  if (s.model.kv_heads > 0 && s.model.heads % s.model.kv_heads != 0) {
    throw usage_error(fmt::format("{} = {} does not divide model.heads = {}",
                                  where(config, "model.kv_heads"), s.model.kv_heads, s.model.heads),
                      "Each head of keys and values serves an equal group of heads.");
  }
  if (!transformer && s.model.activation == "swiglu") {
    throw usage_error(where(config, "model.activation") + " = \"swiglu\" needs a transformer",
                      "Take relu, gelu or tanh.");
  }
  if (s.model.lora_rank == 0 && !s.model.lora_targets.empty()) {
    throw usage_error(where(config, "model.lora_targets") + " is given, but model.lora_rank is 0",
                      "Set model.lora_rank, or leave the key out.");
  }
  if (!internal::is_device_name(s.run.device)) {
    throw usage_error(fmt::format("{} = \"{}\": expected cpu, cuda, cuda:N or auto",
                                  where(config, "run.device"), s.run.device));
  }
}

/// Kinds of models that a task can be learnt by; empty: all that have heads.
const std::vector<std::string>& kinds_of(const std::string& task) {
  static const std::vector<std::string> next = {"gpt", "pretrained"}, both = {"encoder-decoder", "pretrained"},
                                        masked = {"transformer", "pretrained"}, all;
  if (task == "language-model") return next;
  if (task == "seq2seq") return both;
  return task == "masked-lm" ? masked : all;
}

std::string why_no_kind(const std::string& task) {
  if (task == "language-model") return "a language model must not see the word it predicts";
  if (task == "seq2seq") return "a text for a text needs an encoder and a decoder";
  return "a masked language model reads both sides of a token";
}

void check_kind(const Settings& s, const Config& config) {
  const std::string kind = fmt::format("{} = \"{}\"", where(config, "model.kind"), s.model.kind);
  const auto& kinds = kinds_of(s.task);
  if (!kinds.empty() && std::ranges::find(kinds, s.model.kind) == kinds.end()) {
    throw usage_error(kind + ": " + why_no_kind(s.task),
                      fmt::format("Take model.kind = \"{}\".", kinds.front()));
  }
  if (s.model.kind == "encoder-decoder" && s.task != "seq2seq") {
    throw usage_error(kind + " needs task = \"seq2seq\"", "Take an encoder, for example \"transformer\".");
  }
  const bool pairs = s.model.kind == "encoder-decoder";
  if (s.model.positions == (pairs ? "rotary" : "relative")) {
    throw usage_error(fmt::format("{} = \"{}\" does not go with {}", where(config, "model.positions"),
                                  s.model.positions, kind),
                      fmt::format("Take learned or {}.", pairs ? "relative" : "rotary"));
  }
  if (s.task == "span-qa" && (s.model.kind.ends_with("-crf") || s.model.kind == "gpt")) {
    throw usage_error(kind + ": the ends of an answer are told from both sides and not as tags",
                      "Take model.kind = \"transformer\", \"bilstm\" or \"pretrained\".");
  }
  const bool pretrained = s.model.kind == "pretrained";
  if (pretrained && s.model.path.empty()) {
    throw usage_error(kind + " needs model.path", "Name the folder with config.json and model.safetensors.");
  }
  if (!pretrained && !s.model.path.empty()) {
    throw usage_error(where(config, "model.path") + " is given, but model.kind is \"" + s.model.kind + "\"",
                      "Set model.kind = \"pretrained\", or leave model.path out.");
  }
}

/// Keys of [data] that a task gives meaning to, as long as they are not what they are by default.
void check_task_keys(const Settings& s, const Config& config) {
  const DataOptions none;
  const auto refuse = [&](bool set, const std::string& key, const std::string& tasks) {
    if (!set) return;
    throw usage_error(fmt::format("{} needs task = {}", where(config, "data." + key), tasks),
                      fmt::format("The task is \"{}\": leave the key out.", s.task));
  };
  if (s.task != "span-qa") {
    for (const auto& [key, value] : {std::pair{"context", &s.data.context}, {"question", &s.data.question},
                                     {"answers", &s.data.answers}}) {
      refuse(!value->empty(), key, "\"span-qa\"");
    }
    refuse(s.data.stride != none.stride, "stride", "\"span-qa\"");
    refuse(s.data.max_answer != none.max_answer, "max_answer", "\"span-qa\"");
  }
  if (s.task != "seq2seq") {
    refuse(!s.data.source.empty(), "source", "\"seq2seq\"");
    refuse(!s.data.target.empty(), "target", "\"seq2seq\"");
  }
  if (s.task != "masked-lm") {
    refuse(s.data.mask_rate != none.mask_rate, "mask_rate", "\"masked-lm\"");
    refuse(s.data.whole_words, "whole_words", "\"masked-lm\"");
  }
  const bool cut = s.task == "language-model" || s.task == "masked-lm";
  refuse(s.data.block > 0 && !cut, "block", "\"language-model\" or \"masked-lm\"");
}

void check_tokenizer(const Settings& s, const Config& config) {
  const std::string asked =
      fmt::format("{} = \"{}\"", where(config, "data.tokenizer"), s.data.tokenizer);
  const bool words = s.task == "intent-slot" || s.task == "tagging" || s.task == "span-qa";
  if (s.data.tokenizer == "character" && words) {
    throw usage_error(asked + ": slots and answers belong to words",
                      "Take data.tokenizer = \"word\" or \"subword\".");
  }
  const bool subwords = s.data.tokenizer == "subword";
  if (s.model.kind == "pretrained" && !subwords) {
    throw usage_error(asked + ", but a pretrained model reads the pieces of its own tokenizer",
                      "Leave data.tokenizer out, or take \"subword\".");
  }
  if (!subwords) return;
  const std::string& vocabulary = s.data.vocabulary;
  const bool named = vocabulary != "auto" && vocabulary != "hashed" && vocabulary != "private";
  const bool of_teacher = s.task == "language-model" && !config.at("distill.teacher").is_null();
  if (!named && s.model.path.empty() && !of_teacher) {
    throw usage_error(asked + " needs data.vocabulary or model.path",
                      "Name a folder with tokenizer.json, or with vocab.txt.");
  }
  if (s.model.kind.ends_with("-crf")) {
    throw usage_error(where(config, "model.kind") + ": a CRF tags words, and pieces of words have no tags",
                      "Take a kind without -crf, or data.tokenizer = \"word\".");
  }
  if (!s.model.vectors.empty() || s.model.char_embedding > 0 || s.model.kind == "bilstm-cnn-crf") {
    throw usage_error(asked + ": vectors and characters are of words, not of their pieces",
                      "Leave model.vectors and model.char_embedding out, or take words.");
  }
}

void check_task(const Settings& s, const Config& config) {
  check_kind(s, config);
  check_task_keys(s, config);
  check_tokenizer(s, config);
  const std::int64_t room = s.data.max_length == 0 ? 384 : s.data.max_length;
  if (s.task == "span-qa" && s.data.stride >= room) {
    throw usage_error(fmt::format("{} = {} leaves windows of {} tokens no room to move",
                                  where(config, "data.stride"), s.data.stride, room),
                      "Take a stride well below data.max_length.");
  }
}

/// What the task and model.path say where the configuration leaves it open.
void choose_for_task(Settings& s, const Config& config) {
  if (config.origin("model.kind") == "default") {
    if (s.task == "language-model") s.model.kind = "gpt";
    if (s.task == "seq2seq") s.model.kind = "encoder-decoder";
    if (s.task == "masked-lm") s.model.kind = "transformer";
    if (!s.model.path.empty()) s.model.kind = "pretrained";
  }
  if (config.origin("data.tokenizer") == "default" && !s.model.path.empty()) s.data.tokenizer = "subword";
}

/// Without a mechanism, a budget is a claim that nothing backs.
void check_not_private(const Config& config) {
  for (const char* key :
       {"epsilon", "noise_multiplier", "delta", "insecure_seed", "ledger", "generic_rule"}) {
    const std::string path = std::string("privacy.") + key;
    if (config.origin(path) == "default" || config.at(path) == "") continue;
    if (config.at(path).is_array() && config.at(path).empty()) continue;
    throw usage_error(
        fmt::format("{} is given, but privacy.mechanism is \"none\"", where(config, path)),
        "Set privacy.mechanism = \"dp-sgd\", or leave the key out.");
  }
}

bool is_given(const Config& config, const std::string& path) {
  return config.origin(path) != "default";
}

/// Keys that another key makes meaningless are refused rather than passed over.
void refuse_given(const Config& config, const std::vector<std::string>& keys, const std::string& why,
                  const std::string& hint) {
  for (const std::string& key : keys) {
    const std::string path = "privacy." + key;
    if (is_given(config, path)) throw usage_error(where(config, path) + " " + why, hint);
  }
}

void check_clipping(const PrivacyOptions& p, const Config& config) {
  const bool by_layer = p.clipping == "per-layer" || p.clipping == "group-wise";
  const bool adaptive = p.clipping == "adaptive" || p.clipping == "group-wise";
  const std::string now = "privacy.clipping is \"" + p.clipping + "\"";
  if (!by_layer && !p.clip_norms.empty()) {
    throw usage_error(where(config, "privacy.clip_norms") + " needs layers that are clipped apart, but " + now,
                      "Set privacy.clipping = \"per-layer\", or give privacy.clip_norm alone.");
  }
  if (!p.clip_norms.empty() && is_given(config, "privacy.clip_norm") && p.clip_norm != 1) {
    throw usage_error(where(config, "privacy.clip_norms") + " and privacy.clip_norm are both given",
                      "The layers' norms are absolute: leave privacy.clip_norm out.");
  }
  if (!by_layer && p.clip_weights != "uniform") {
    throw usage_error(where(config, "privacy.clip_weights") + " has no meaning: " + now,
                      "It divides clip_norm over layers: set privacy.clipping = \"per-layer\".");
  }
  if (!by_layer && p.clip_groups != "layer") {
    throw usage_error(where(config, "privacy.clip_groups") + " has no meaning: " + now,
                      "It says what is clipped apart: set privacy.clipping = \"per-layer\".");
  }
  const bool moved = p.quantile != 0.5 || p.quantile_rate != 0.2 || p.quantile_steps != 0 || p.count_noise != 0;
  if (!adaptive && moved) {
    refuse_given(config, {"quantile", "quantile_rate", "quantile_steps", "count_noise"},
                 "has no meaning: " + now,
                 "Bounds follow quantiles with privacy.clipping = \"adaptive\" or \"group-wise\".");
  }
  if (!by_layer && p.noise_placement == "per-layer") {
    throw usage_error(where(config, "privacy.noise_placement") + " = \"per-layer\" has no layers: " + now,
                      "Set privacy.clipping = \"per-layer\", or the placement to \"global\".");
  }
}

void check_slots(const PrivacyOptions& p, const Config& config) {
  const bool slotted = p.mechanism == "edp-sgd";
  const std::string now = "privacy.mechanism is \"" + p.mechanism + "\"";
  if (!slotted && p.slots != 0) {
    throw usage_error(where(config, "privacy.slots") + " is given, but " + now,
                      "Slots belong to privacy.mechanism = \"edp-sgd\".");
  }
  if (!slotted && p.noise_placement == "per-worker") {
    throw usage_error(where(config, "privacy.noise_placement") + " = \"per-worker\" has no workers: " + now,
                      "Slots are the workers of \"edp-sgd\"; take \"global\" or \"per-layer\" here.");
  }
  if (p.micro_batches == "chunks") {
    throw privacy_refused(
        where(config, "privacy.micro_batches") +
            " = \"chunks\": if batches are cut into consecutive chunks, one example more or less moves "
            "every later chunk, by up to 2 C for each of them, and no bound of 2 C holds",
        "Take privacy.micro_batches = \"slots\": each example falls into its slot whatever else was "
        "drawn (docs/edp-sgd.md).");
  }
}

void check_ftrl(const PrivacyOptions& p, const Config& config) {
  const bool moved = p.ftrl_matrix != "banded" || p.ftrl_sampling != "fixed-order" || p.ftrl_bands != 0 || !p.ftrl_honaker;
  if (p.mechanism != "dp-ftrl") {
    if (!moved) return;  // as a complete configuration states them
    refuse_given(config, {"ftrl_matrix", "ftrl_bands", "ftrl_honaker", "ftrl_sampling"},
                 "has no meaning: privacy.mechanism is \"" + p.mechanism + "\"",
                 "It belongs to privacy.mechanism = \"dp-ftrl\".");
    return;
  }
  if (p.ftrl_matrix == "tree") {
    if (p.ftrl_bands != 0) {
      throw usage_error(where(config, "privacy.ftrl_bands") + ": a tree has no bands",
                        "Set privacy.ftrl_matrix = \"banded\", or leave it out.");
    }
    if (p.ftrl_sampling == "cyclic-poisson") {
      throw usage_error(where(config, "privacy.ftrl_sampling") + " = \"cyclic-poisson\" needs a banded matrix",
                        "A tree's nodes hold units of all groups; no amplification is proven for them.");
    }
  }
  if (p.clipping == "adaptive" || p.clipping == "group-wise" || p.noise_schedule != "constant") {
    throw usage_error(where(config, p.noise_schedule != "constant" ? "privacy.noise_schedule" : "privacy.clipping") +
                          ": the noise of dp-ftrl is taken back in later steps, so its size must not change",
                      "Take a clipping rule whose bounds stay, and no noise schedule.");
  }
}

void check_schedule(const PrivacyOptions& p, const Config& config) {
  const bool falls = p.noise_schedule != "constant";
  if (falls && p.noise_decay == 1) {
    throw usage_error(where(config, "privacy.noise_schedule") + " = \"" + p.noise_schedule +
                          "\" needs privacy.noise_decay below 1",
                      "For example 0.9: each epoch has nine tenths of the noise of the one before.");
  }
  if (!falls && (p.noise_decay != 1 || p.noise_every != 1)) {
    throw usage_error(where(config, p.noise_decay != 1 ? "privacy.noise_decay" : "privacy.noise_every") +
                          " is given, but privacy.noise_schedule is \"constant\"",
                      "Name the schedule: exponential, linear or step.");
  }
  if (falls && p.noise_schedule != "step" && p.noise_every != 1) {
    throw usage_error(where(config, "privacy.noise_every") + " belongs to the schedule \"step\", not \"" +
                      p.noise_schedule + "\"");
  }
}

void check_private(const Settings& s, const Config& config) {
  const auto& p = s.privacy;
  const std::string mechanism = where(config, "privacy.mechanism") + " = \"" + p.mechanism + "\"";
  if (p.epsilon.has_value() == p.noise_multiplier.has_value()) {
    throw usage_error(
        fmt::format("{}: {} of epsilon and noise_multiplier given, expected one", mechanism,
                    p.epsilon ? "both" : "none"),
        "privacy.epsilon lets the noise be calibrated; privacy.noise_multiplier sets it.");
  }
  if (!p.delta) {
    throw usage_error(mechanism + ": privacy.delta is missing",
                      "Choose it well below one over the number of units, for example 1e-5 for "
                      "ten thousand examples.");
  }
  if (p.unit == "user" && s.data.user.empty()) {
    throw usage_error(where(config, "privacy.unit") + " = \"user\" needs data.user",
                      "Name the column that says who wrote each example.");
  }
  if (s.train.gradient_clip > 0) {
    throw usage_error(where(config, "train.gradient_clip") + " has no meaning in a private run",
                      "Each unit's gradient is bounded by privacy.clip_norm; leave it out.");
  }
  if (p.insecure_seed && !p.ledger.empty()) {
    throw usage_error(where(config, "privacy.insecure_seed") +
                          ": a run without a guarantee cannot be charged to privacy.ledger",
                      "Leave one of the two out.");
  }
  core::registry().find("accountant", p.accountant);
  check_slots(p, config);
  check_clipping(p, config);
  check_schedule(p, config);
  check_ftrl(p, config);
}

void check_mitigation(const Settings& s, const Config& config) {
  const MitigateOptions& m = s.mitigate;
  const bool classifies = s.task == "text-classification" || s.task == "intent-slot";
  if (m.adversary > 0 && m.attribute.empty()) {
    throw usage_error(where(config, "mitigate.adversary") + " needs mitigate.protected",
                      "Name the column of what the adversary is to tell.");
  }
  if (m.adversary == 0 && !m.attribute.empty()) {
    throw usage_error(where(config, "mitigate.protected") + " is given, but mitigate.adversary is 0",
                      "Set its weight, for example 1, or leave the column out; groups to be measured belong in data.group.");
  }
  if (m.adversary > 0 && !classifies) {
    throw usage_error(where(config, "mitigate.adversary") + ": task \"" + s.task + "\" has no classifier",
                      "The adversary reads what the classifier of a text reads.");
  }
  if (m.counterfactual != "none" && (s.task == "span-qa" || s.task == "seq2seq")) {
    throw usage_error(where(config, "mitigate.counterfactual") + ": task \"" + s.task + "\" has texts that belong together",
                      "Exchange their words in the files: discreet mitigate swap.");
  }
  // A complete configuration states the usual share.
  if (m.counterfactual != "substitute" && m.share != MitigateOptions{}.share) {
    throw usage_error(where(config, "mitigate.share") + " belongs to mitigate.counterfactual = \"substitute\"");
  }
  if (!s.privacy.is_private()) return;
  const auto refuse = [&](const char* key, const char* why, const char* hint) {
    throw privacy_refused(where(config, key) + std::string(": ") + why, hint);
  };
  if (m.adversary > 0) {
    refuse("mitigate.adversary", "the adversary's own updates look at the private examples without noise",
           "Train without privacy, or remove the attribute from public text: discreet mitigate project.");
  }
  if (!m.weight.empty()) {
    refuse("mitigate.weight", "weights that were made from counts of the private data tell of all of them, and no noise covers that",
           "Train without privacy, or choose thresholds on other data: discreet mitigate thresholds.");
  }
  if (m.counterfactual == "augment") {
    refuse("mitigate.counterfactual", "a person's text would enter twice, as itself and as its counterfactual, and be counted once",
           "\"substitute\" keeps one text for one: each is exchanged with probability mitigate.share.");
  }
}

}  // namespace

core::Config read_config(const std::vector<std::string>& files,
                         const std::vector<std::string>& assignments) {
  Config config;
  for (const auto& file : files) {
    if (file.find('=') != std::string::npos && !std::filesystem::exists(file)) {
      throw usage_error(file + ": there is no such configuration file", "An assignment stands behind a --set of its own: --set " + file + ".");
    }
    config.add_toml_file(file);
  }
  config.add_environment(section_names());
  for (const auto& assignment : assignments) config.add_assignment(assignment);
  return config;
}

namespace {

/// privacy.clip_norms = "auto" stands for a whole configuration of group-wise clipping.
Config with_auto_clip_norms(const Config& given) {
  const std::string path = "privacy.clip_norms";
  if (given.at(path) != "auto") return given;
  const std::string origin = given.origin(path);
  const Json& rule = given.at("privacy.clipping");
  if (!rule.is_null() && rule != "group-wise") {
    throw usage_error(where(given, path) + " = \"auto\": the layers' norms follow private quantiles, but " +
                          "privacy.clipping is " + rule.dump(),
                      "Leave privacy.clipping out, or set it to \"group-wise\".");
  }
  Config config = given;
  config.set(path, Json::array(), origin);
  config.set("privacy.clipping", "group-wise", origin);
  return config;
}

}  // namespace

Settings parse_settings(const Config& given) {
  const Config config = with_auto_clip_norms(given);
  const auto sections = section_names();
  Settings s = task_fields().parse(config, sections);
  s.data = data_fields().parse(config);
  s.model = model_fields().parse(config);
  s.train = train_fields().parse(config);
  s.privacy = privacy_fields().parse(config);
  s.mitigate = mitigate_fields().parse(config);
  s.run = run_fields().parse(config);
  for (const auto& section : sections) {
    const bool typed = std::find(kTyped.begin(), kTyped.end(), section) != kTyped.end();
    if (!typed && !config.at(section).is_null()) check_generic(config, section);
  }

  if (s.data.train.empty() && s.data.dev.empty() && s.data.test.empty()) {
    s.data.train = s.data.dev = s.data.test = s.task == "span-qa" ? "questions" : "assistant";
  }
  if (s.data.train.empty()) {
    throw usage_error("data.train is missing", "Name the training data, or no data at all to take "
                                               "the built-in corpus.");
  }
  if (s.privacy.mechanism == "edp-sgd") {
    if (s.privacy.slots == 0) s.privacy.slots = 16;
    if (!is_given(config, "privacy.clipping")) s.privacy.clipping = "per-layer";
  }
  choose_for_task(s, config);
  check_data(s, config);
  check_train(s, config);
  check_model(s, config);
  check_task(s, config);
  parse_distill(s, config);
  check_mitigation(s, config);
  if (s.privacy.is_private()) {
    check_private(s, config);
  } else {
    check_not_private(config);
  }
  if (!s.train.epochs && !s.train.steps) s.train.epochs = 10;
  return s;
}

Json dump_settings(const Settings& s) {
  Json values = task_fields().dump(s);
  values["data"] = data_fields().dump(s.data);
  values["model"] = model_fields().dump(s.model);
  values["train"] = train_fields().dump(s.train);
  values["privacy"] = privacy_fields().dump(s.privacy);
  values["mitigate"] = mitigate_fields().dump(s.mitigate);
  values["run"] = run_fields().dump(s.run);
  return values;
}

}  // namespace discreet::app
