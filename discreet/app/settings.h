#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "discreet/core/config.h"
#include "discreet/core/fields.h"
#include "discreet/nn/token_batches.h"
#include "discreet/text/reader.h"

namespace discreet::app {

/// [data]: what is read. Meaning, unit and bounds of each field: section/data.cpp.
struct DataOptions {
  std::string train, dev, test;
  std::string format;
  std::string text, label, slots, user;
  std::string context, question, answers, source, target;
  std::vector<std::string> group;
  bool coarse = false;
  std::string tokenizer = "word";
  std::int64_t block = 0;
  std::int64_t max_length = 0;
  std::int64_t stride = 64;
  std::int64_t max_answer = 30;
  double mask_rate = 0.15;
  bool whole_words = false;
  text::FileEncoding encoding = text::FileEncoding::kUtf8;
  bool header = true;
  bool quotes = true;
  bool dev_public = false;
  std::string vocabulary = "auto";
  std::int64_t buckets = 1 << 15;
  std::int64_t min_count = 1;
  std::int64_t max_vocabulary = 100000;
  bool lowercase = true;
  double hold_out = 0;
};

/// [model]: what is trained. section/model.cpp.
struct ModelOptions {
  std::string kind = "bilstm";
  std::string path;
  std::string adapter;
  std::int64_t embedding = 100;
  std::string vectors;
  bool vectors_frozen = false;
  std::vector<std::int64_t> hidden;
  std::int64_t layers = 1;
  std::vector<std::int64_t> widths{3, 4, 5};
  std::string norm;
  std::int64_t norm_groups = 4;
  std::int64_t char_embedding = 0;
  std::int64_t char_filters = 30;
  std::int64_t char_width = 3;
  std::int64_t heads = 4;
  std::int64_t kv_heads = 0;
  std::int64_t feed_forward = 0;
  std::string positions = "learned";
  bool tied = true;
  bool mix_layers = false;
  std::string start;
  std::int64_t lora_rank = 0;
  double lora_alpha = 16;
  std::vector<std::string> lora_targets;
  bool pre_norm = true;
  std::int64_t longest = 512;
  std::string pooling;
  std::string activation;
  std::int64_t context = 0;
  std::vector<std::int64_t> tag_hidden;
  bool skip = false;
  std::int64_t skip_context = 0;
  double context_scale = 1;
  bool tag_sentence = false;
  double tag_intent = 0;
  std::int64_t tag_layer = 0;
  bool tag_parts = false;
  bool random_field = false;
  double random_field_scale = 1;
  bool random_field_rules = false;
  bool norm_inputs = false;
  double dropout = 0;
  double word_dropout = 0;
  double slot_weight = 1;
};

/// [train]: how parameters move. section/train.cpp.
struct TrainOptions {
  std::int64_t batch_size = 64;  ///< The expected size where a privacy mechanism samples.
  std::optional<std::int64_t> epochs, steps;
  std::string optimizer = "adam";
  double learning_rate = 1e-3;
  std::string schedule = "constant";
  double final_fraction = 0;
  std::int64_t warmup = 0;
  std::int64_t patience = 0;
  std::string metric;
  std::int64_t threads = 0;
  double weight_decay = 0;
  double momentum = 0.9;
  double beta1 = 0.9, beta2 = 0.999;
  double second_moment_floor = 0;
  double average = 0;
  double gradient_clip = 0;
  std::vector<std::string> trainable;
  double layer_decay = 1;
  bool recompute = false;
  std::int64_t physical_tokens = nn::kPhysicalTokens;
  std::int64_t eval_every = 0, checkpoint_every = 0, log_every = 10;
  bool sharded_optimizer = false;
  std::int64_t process_timeout = 600;
};

/// [privacy]: what is guaranteed. section/privacy.cpp.
struct PrivacyOptions {
  std::string mechanism = "none";
  std::optional<double> epsilon, noise_multiplier, delta;
  double clip_norm = 1;
  std::string unit = "example";
  std::string clipping = "flat";
  std::vector<double> clip_norms;
  std::string clip_weights = "uniform";
  std::string clip_groups = "layer";
  double quantile = 0.5, quantile_rate = 0.2, count_noise = 0;
  std::int64_t quantile_steps = 0;
  std::int64_t slots = 0;
  std::string micro_batches = "slots";
  std::string noise_placement = "global";
  std::string noise_schedule = "constant";
  double noise_decay = 1, noise_floor = 0;
  std::int64_t noise_every = 1;
  std::string ftrl_matrix = "banded", ftrl_sampling = "fixed-order";
  std::int64_t ftrl_bands = 0;
  bool ftrl_honaker = true;
  std::string noise_protection = "grid";
  std::string ledger;
  double ledger_epsilon = 0, ledger_delta = 0;
  std::string accountant = "prv";
  std::int64_t max_examples_per_user = 8;
  std::int64_t kept_mib = 256;
  std::vector<std::string> generic_rule;
  std::int64_t generic_mib = 256;
  std::optional<std::int64_t> insecure_seed;

  bool is_private() const { return mechanism != "none"; }
};

/// [mitigate]: what training does against unequal treatment of groups. section/mitigate.cpp.
struct MitigateOptions {
  std::string weight;               ///< Column of example weights; empty: all 1.
  std::string attribute;            ///< Key "protected": the column that an adversary tells.
  double adversary = 0;             ///< Weight of the reversed gradient; 0: no adversary.
  std::int64_t adversary_hidden = 64;
  bool adversary_label = false;     ///< The adversary knows the right class too.
  std::string counterfactual = "none";
  double share = 0.5;               ///< Of examples, with substitute.
};

/// [run]: where and with what. section/run.cpp.
struct RunOptions {
  std::string dir;
  std::int64_t seed = 1;
  std::string device = "cpu";
};

/// A whole configuration of one run.
struct Settings {
  std::string task = "intent-slot";
  DataOptions data;
  ModelOptions model;
  TrainOptions train;
  PrivacyOptions privacy;
  MitigateOptions mitigate;
  RunOptions run;
};

/// The descriptions, one for each section; `task_fields` holds the keys of the top level. Each is
/// registered under kind "section", so `explain`, `validate` and docs/reference.md know it.
const core::Fields<Settings>& task_fields();
const core::Fields<DataOptions>& data_fields();
const core::Fields<ModelOptions>& model_fields();
const core::Fields<TrainOptions>& train_fields();
const core::Fields<PrivacyOptions>& privacy_fields();
const core::Fields<MitigateOptions>& mitigate_fields();
const core::Fields<RunOptions>& run_fields();

/// Files in order, then DISCREET_<SECTION>_<KEY> of the environment, then `--set` assignments.
/// Throws: as core::Config does.
core::Config read_config(const std::vector<std::string>& files,
                         const std::vector<std::string>& assignments = {});

/// Every section of `config` checked on its own (keys, types, bounds) and against the others, and
/// what is left to choose chosen: no data means the built-in corpus, neither epochs nor steps means
/// ten epochs. Sections that modules register beyond these are checked key by key.
/// Needs no libtorch and opens no data. Throws: kUsage naming where the value was given.
Settings parse_settings(const core::Config& config);

/// The complete configuration: `parse_settings` of its TOML text gives equal settings again.
Json dump_settings(const Settings& settings);

}  // namespace discreet::app
