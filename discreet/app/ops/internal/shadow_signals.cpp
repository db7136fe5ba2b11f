#include "discreet/app/ops/internal/shadow_signals.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <ctime>
#include <map>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "discreet/app/internal/encoder.h"
#include "discreet/core/error.h"
#include "discreet/core/file_lock.h"
#include "discreet/core/progress.h"
#include "discreet/core/random.h"
#include "discreet/core/sha256.h"
#include "discreet/formats/safetensors.h"
#include "discreet/stats/shadow_design.h"

namespace discreet::app {
namespace fs = std::filesystem;
namespace {

// Models that one process takes at once: enough for a stack to keep its memory warm, few enough to share out.
constexpr std::int64_t kStackedBlock = 8, kSingleBlock = 2;

template <class T>
std::string_view bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

/// All that a shadow model depends on: configuration, what the encoder makes of the pool, seed, way.
std::string pool_key(const TrainingPool& pool, SignalForm form, const ShadowOptions& options, bool stacked) {
  Json settings = dump_settings(pool.settings);
  settings.erase("run");
  settings["train"].erase("threads");
  settings["privacy"].erase("ledger");
  std::string all = settings.dump() + name_of(form) + fmt::format(" {} {} ", options.seed, stacked);
  for (const EncodedData* data : {&pool.pool, &pool.dev}) {
    for (const auto* numbers : {&data->tokens, &data->offsets, &data->intents, &data->tags, &data->characters}) {
      all += core::sha256(bytes_of(*numbers));
    }
    for (const text::Example& example : data->examples) all += example.user + "\n";
  }
  return core::sha256(all).substr(0, 12);
}

/// Places of the pool that shadow model `model` is trained on.
std::vector<std::int64_t> half_of(const TrainingPool& pool, std::uint64_t model, std::uint64_t seed) {
  if (!privacy_unit_is_user(pool.settings)) return stats::shadow_half(pool.pool.size(), model, seed);
  std::map<std::string, std::int64_t> places;
  std::vector<std::int64_t> user_of;
  for (const text::Example& example : pool.pool.examples) {
    user_of.push_back(places.try_emplace(example.user, static_cast<std::int64_t>(places.size())).first->second);
  }
  const auto users = stats::shadow_half(static_cast<std::int64_t>(places.size()), model, seed);
  std::vector<std::int64_t> half;
  for (std::size_t i = 0; i < user_of.size(); ++i) {
    if (std::binary_search(users.begin(), users.end(), user_of[i])) half.push_back(static_cast<std::int64_t>(i));
  }
  return half;
}

std::int64_t seed_of(std::uint64_t seed, std::uint64_t model) {
  core::ReproducibleRng rng(seed, fmt::format("shadow model {}", model));
  return static_cast<std::int64_t>(rng() >> 2);
}

/// What finished models said, as files.
class KeptSignals {
 public:
  KeptSignals(fs::path folder, SignalForm form, std::int64_t examples, std::int64_t classes)
      : folder_(std::move(folder)), form_(form), examples_(examples), classes_(classes) {
    if (!folder_.empty()) fs::create_directories(folder_);
  }

  std::optional<ModelSignals> read(std::size_t model) const {
    if (folder_.empty() || !fs::exists(file(model))) return std::nullopt;
    const formats::SafetensorsFile kept(file(model));
    const formats::TensorView& view = kept.at(name_of(form_));
    ModelSignals signals;
    const bool logits = form_ == SignalForm::kLogits;
    const auto dtype = logits ? formats::DType::kF32 : formats::DType::kF64;
    const std::int64_t expected = logits ? examples_ * classes_ : examples_;
    if (view.count() != expected || view.dtype != dtype) {
      throw bad_data(fmt::format("{}: {} values, expected {}", file(model).string(), view.count(), expected),
                     "Remove the file: the model is then trained again.");
    }
    signals.logits.resize(logits ? static_cast<std::size_t>(expected) : 0);
    signals.loss.resize(logits ? 0 : static_cast<std::size_t>(expected));
    void* to = logits ? static_cast<void*>(signals.logits.data()) : signals.loss.data();
    std::memcpy(to, view.bytes.data(), view.bytes.size());
    return signals;
  }

  void write(std::size_t model, const ModelSignals& signals) const {
    if (folder_.empty()) return;
    const bool logits = form_ == SignalForm::kLogits;
    const auto bytes = logits ? std::as_bytes(std::span(signals.logits)) : std::as_bytes(std::span(signals.loss));
    std::vector<std::int64_t> shape = {examples_};
    if (logits) shape.push_back(classes_);
    const formats::NamedTensorView tensors[] = {
        {name_of(form_), {logits ? formats::DType::kF32 : formats::DType::kF64, shape, bytes}}};
    formats::write_safetensors(file(model), tensors);
  }

  bool keeps() const { return !folder_.empty(); }
  std::optional<core::FileLock> try_block(std::int64_t block) const {
    return core::FileLock::try_take(folder_ / fmt::format("block-{:04d}.lock", block));
  }

 private:
  fs::path file(std::size_t model) const { return folder_ / fmt::format("model-{:04d}.safetensors", model); }

  fs::path folder_;
  SignalForm form_;
  std::int64_t examples_, classes_;
};

class ShadowWork {
 public:
  ShadowWork(const TrainingPool& pool, SignalForm form, const ShadowOptions& options, const fs::path& folder,
             bool stacked, core::OperationContext& context)
      : pool_(pool),
        form_(form),
        options_(options),
        stacked_(stacked),
        context_(context),
        kept_(folder, form, pool.pool.size(), pool.encoder.intents.size()),
        progress_({.label = "shadow models", .unit = "models", .total = options.models, .quiet = context.quiet}) {
    for (std::int64_t k = 0; k < options.models; ++k) {
      models_.push_back({half_of(pool, static_cast<std::uint64_t>(k), options.seed),
                         seed_of(options.seed, static_cast<std::uint64_t>(k))});
    }
    signals_.resize(models_.size());
  }

  void finish() {
    const std::int64_t size = stacked_ ? kStackedBlock : kSingleBlock;
    while (take_finished() > 0) {
      bool worked = false;
      for (std::int64_t block = 0; block * size < options_.models; ++block) {
        worked = work_on(block, block * size, std::min(options_.models, (block + 1) * size)) || worked;
      }
      // What is missing is in the hands of other processes.
      if (!worked) std::this_thread::sleep_for(std::chrono::milliseconds(200));
      if (context_.stopping()) throw core::interrupted(context_, "Finished shadow models are kept; the same command goes on.");
    }
    progress_.finish();
  }

  std::vector<ModelSignals> take_signals() {
    std::vector<ModelSignals> all;
    for (auto& signals : signals_) all.push_back(std::move(*signals));
    return all;
  }
  const std::vector<PoolModel>& models() const { return models_; }
  std::int64_t trained() const { return trained_; }

 private:
  /// Returns how many models are missing.
  std::size_t take_finished() {
    std::size_t missing = 0;
    for (std::size_t k = 0; k < models_.size(); ++k) {
      if (!signals_[k]) signals_[k] = kept_.read(k);
      missing += signals_[k] ? 0 : 1;
    }
    progress_.update(static_cast<std::int64_t>(models_.size() - missing));
    return missing;
  }

  bool work_on(std::int64_t block, std::int64_t first, std::int64_t last) {
    const auto lacks_some = [&] {
      return std::any_of(signals_.begin() + first, signals_.begin() + last, [](const auto& s) { return !s; });
    };
    if (!lacks_some()) return false;
    std::optional<core::FileLock> lock;
    if (kept_.keeps()) {
      lock = kept_.try_block(block);
      if (!lock) return false;
      take_finished();  // another process may have ended between the look and the lock
      if (!lacks_some()) return true;
    }
    std::vector<PoolModel> models;
    std::vector<std::size_t> places;
    for (auto k = static_cast<std::size_t>(first); k < static_cast<std::size_t>(last); ++k) {
      if (signals_[k]) continue;
      models.push_back(models_[k]);
      places.push_back(k);
    }
    train_on_parts(pool_, models, stacked_, context_, [&](std::size_t k, nn::Model& model) {
      signals_[places[k]] = signals_of(model, pool_.pool, form_);
      kept_.write(places[k], *signals_[places[k]]);
      ++trained_;
      progress_.update(std::count_if(signals_.begin(), signals_.end(), [](const auto& s) { return s.has_value(); }));
    });
    return true;
  }

  const TrainingPool& pool_;
  SignalForm form_;
  const ShadowOptions& options_;
  bool stacked_;
  core::OperationContext& context_;
  KeptSignals kept_;
  core::Progress progress_;
  std::vector<PoolModel> models_;
  std::vector<std::optional<ModelSignals>> signals_;
  std::int64_t trained_ = 0;
};

}  // namespace

ShadowSignals shadow_signals(const TrainingPool& pool, SignalForm form, const ShadowOptions& options,
                             core::OperationContext& context) {
  if (options.models < 2 || options.models % 2 != 0) {
    throw usage_error(fmt::format("{} shadow models, expected an even number from 2 on", options.models),
                      "So half of them are trained on each example.");
  }
  if (pool.pool.size() < 4) throw bad_data("fewer than 4 examples to train shadow models on");
  const std::string why_not = options.stack ? not_stacked(pool) : "asked for";
  const bool stacked = why_not.empty();
  const SignalForm own = form == SignalForm::kTokens ? SignalForm::kLoss : form;  // means over tokens
  fs::path folder;
  if (!options.folder.empty()) folder = options.folder / ("shadows-" + pool_key(pool, own, options, stacked));
  const auto started = std::chrono::steady_clock::now();
  const std::clock_t clock = std::clock();
  ShadowWork work(pool, own, options, folder, stacked, context);
  work.finish();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - started;
  ShadowSignals shadows;
  shadows.form = own;
  shadows.models = work.take_signals();
  for (const PoolModel& model : work.models()) {
    auto& in = shadows.in.emplace_back(static_cast<std::size_t>(pool.pool.size()), std::uint8_t{0});
    for (const std::int64_t place : model.examples) in[static_cast<std::size_t>(place)] = 1;
  }
  shadows.about = {{"models", options.models},
                   {"examples_each", work.models().front().examples.size()},
                   {"pool", pool.pool.size()},
                   {"trained_now", work.trained()},
                   {"seconds", seconds.count()},
                   {"processor_seconds", static_cast<double>(std::clock() - clock) / CLOCKS_PER_SEC},
                   {"stacked", stacked}};
  if (!stacked) shadows.about["stacked_reason"] = why_not;
  if (!folder.empty()) shadows.about["folder"] = folder.string();
  return shadows;
}

}  // namespace discreet::app
