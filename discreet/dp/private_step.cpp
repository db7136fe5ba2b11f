#include "discreet/dp/private_step.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/nn/checkpoint.h"
#include "discreet/nn/distributed/share.h"
#include "discreet/nn/model.h"
#include "discreet/nn/still_rows.h"

namespace discreet::dp {
namespace {

nn::NamedTensors trainable(const nn::Model& model) {
  nn::NamedTensors parameters;
  for (const auto& item : model.named_parameters()) {
    if (item.value().requires_grad()) parameters.emplace_back(item.key(), item.value());
  }
  if (parameters.empty()) throw usage_error("the model has nothing to train: all of it is frozen");
  return parameters;
}

std::unique_ptr<nn::DataParallel> make_parallel(const nn::Model& model, const PrivatePlan& plan,
                                                const PrivateStepOptions& options) {
  if (options.parallel == nullptr || options.parallel->alone()) return nullptr;
  if (options.parallel->sharded_optimizer && options.optimizer.kind == nn::OptimizerKind::kAdamBc) {
    throw usage_error("train.sharded_optimizer does not work with the optimizer adam-bc",
                      "It keeps the variance of the noise by parameter; leave the key out, or take adamw.");
  }
  return std::make_unique<nn::DataParallel>(options.parallel, trainable(model));
}

/// A user's examples of one step: at most `limit`, any of them with the same chance.
std::vector<std::int64_t> choose_examples(std::vector<std::int64_t> examples, std::int64_t limit,
                                          core::ReproducibleRng& rng) {
  if (static_cast<std::int64_t>(examples.size()) <= limit) return examples;
  core::shuffle(std::span<std::int64_t>(examples), rng);
  examples.resize(static_cast<std::size_t>(limit));
  return examples;
}

/// Refuses a loss that is not one value for each example, each a function of its own example alone:
/// clipping example by example would bound nothing then. `collate_one` packs the part's first example
/// by itself; its loss must be what it was among the others.
void check_examples_apart(nn::Model& model, const at::Tensor& losses, std::int64_t examples,
                          const std::function<nn::PackedBatch()>& collate_one) {
  const std::string hint =
      "Take group or layer normalisation, negatives from a public list, and losses that are means "
      "over an example's own tokens.";
  if (losses.dim() != 1 || losses.size(0) != examples) {
    throw privacy_refused("the model's loss is not one value for each example: a loss over the batch "
                          "mixes its examples",
                          hint);
  }
  if (examples < 2) return;
  const at::NoGradGuard no_grad;
  const double among = losses[0].item<double>();
  const double alone = model.forward(collate_one()).loss[0].item<double>();
  // Far above rounding, far below what shared statistics or negatives do to a loss.
  if (!(std::abs(among - alone) > 1e-3 * (1 + std::abs(alone)))) return;
  throw privacy_refused("an example's loss changes with the other examples of its batch (batch "
                        "normalisation, in-batch negatives or the like)",
                        hint);
}

}  // namespace

PrivateStep::PrivateStep(nn::Model& model, std::unique_ptr<PrivatePlan> plan, Data data,
                         PrivateStepOptions options, Charge charge)
    : model_(model), plan_(std::move(plan)), data_(std::move(data)), options_(options),
      charge_(std::move(charge)), parallel_(make_parallel(model, *plan_, options)),
      optimizer_(parallel_ ? parallel_->optimizer_parameters() : trainable(model), options.optimizer),
      clipper_(plan_->make_clipper(trainable(model), options.rules)) {
  const bool users = plan_->options().unit == privacy::Unit::kUser;
  const std::size_t units = users ? data_.user_examples.size() : data_.lengths.size();
  if (units != plan_->options().units) {
    throw usage_error("the privacy plan is for " + std::to_string(plan_->options().units) +
                      " units, the data have " + std::to_string(units));
  }
  if (users && options_.user_examples < 1) throw usage_error("user_examples must be at least 1");
  nn::keep_padding_still(model_, optimizer_, parallel_.get());
  // Dropout masks and a user's choice of examples follow the places in the data. With a seed that is
  // known, removing one unit would move the others' in a known way; a secret one hides that.
  if (!plan_->options().insecure_seed.has_value()) options_.seed = core::SecureRng()();
}

PrivateStep::~PrivateStep() = default;

nn::LogicalBatch PrivateStep::sample(std::int64_t number) {
  number_ = number;
  const std::vector<std::uint64_t> units = plan_->begin_step(static_cast<std::uint64_t>(number));
  nn::LogicalBatch batch;
  batch.segment_offsets = {0};
  batch.collate = data_.collate;
  if (plan_->options().slots > 0) {
    add_slots(units, batch);
    return batch;
  }
  for (const std::uint64_t unit : units) {
    add_examples(unit, batch);
    batch.segment_offsets.push_back(static_cast<std::int64_t>(batch.indices.size()));
  }
  return batch;
}

/// Units ordered by slot: a segment is one slot, empty ones included. Several processes take every R-th
/// slot each; a unit's slot comes from the process that drew it, so it is still a function of key, step
/// and unit alone.
void PrivateStep::add_slots(const std::vector<std::uint64_t>& units, nn::LogicalBatch& batch) {
  const auto step = static_cast<std::uint64_t>(number_);
  std::vector<std::int64_t> drawn;  // slot, unit, slot, unit …
  for (const std::uint64_t unit : units) {
    drawn.push_back(plan_->slot_of(step, unit));
    drawn.push_back(static_cast<std::int64_t>(unit));
  }
  if (parallel_) drawn = nn::join(*options_.parallel->group, drawn);
  const std::int64_t first = parallel_ ? parallel_->rank() : 0, every = parallel_ ? parallel_->size() : 1;
  const std::int64_t mine = (plan_->options().slots - first + every - 1) / every;
  std::vector<std::vector<std::uint64_t>> slots(static_cast<std::size_t>(std::max<std::int64_t>(0, mine)));
  for (std::size_t i = 0; i < drawn.size(); i += 2) {
    if (drawn[i] % every != first) continue;
    slots[static_cast<std::size_t>(drawn[i] / every)].push_back(static_cast<std::uint64_t>(drawn[i + 1]));
  }
  for (auto& members : slots) {
    std::sort(members.begin(), members.end());  // as one process draws them
    for (const std::uint64_t unit : members) add_examples(unit, batch);
    batch.segment_offsets.push_back(static_cast<std::int64_t>(batch.indices.size()));
  }
}

void PrivateStep::add_examples(std::uint64_t unit, nn::LogicalBatch& batch) const {
  if (plan_->options().unit != privacy::Unit::kUser) {
    batch.indices.push_back(static_cast<std::int64_t>(unit));
    return;
  }
  // A function of step and user alone, so that it does not matter who else was drawn, and where.
  core::ReproducibleRng rng(options_.seed, fmt::format("user-examples/{}/{}", number_, unit));
  const auto chosen = choose_examples(data_.user_examples[unit], options_.user_examples, rng);
  batch.indices.insert(batch.indices.end(), chosen.begin(), chosen.end());
}

std::int64_t PrivateStep::tokens_of(const nn::LogicalBatch& batch, std::int64_t position) const {
  const std::int64_t example = batch.indices[static_cast<std::size_t>(position)];
  return data_.lengths[static_cast<std::size_t>(example)];
}

double PrivateStep::weight_of(const nn::LogicalBatch& batch, std::size_t segment) const {
  if (plan_->options().slots == 0) return 1;
  const std::int64_t members = batch.segment_offsets[segment + 1] - batch.segment_offsets[segment];
  return 1 / static_cast<double>(std::max<std::int64_t>(1, members));
}

void PrivateStep::run_examples(const nn::LogicalBatch& batch, std::int64_t begin, std::int64_t end,
                               std::span<const std::int64_t> offsets, nn::StepReport& report) {
  const nn::PackedBatch part = batch.collate(
      std::span(batch.indices).subspan(static_cast<std::size_t>(begin),
                                       static_cast<std::size_t>(end - begin)),
      offsets);
  nn::RecordingScope recording(*clipper_);
  const at::Tensor losses = model_.forward(part).loss;
  if (!checked_apart_) {
    check_examples_apart(model_, losses, end - begin, [&] {
      const std::int64_t one[] = {0, 1};
      return batch.collate(std::span(batch.indices).subspan(static_cast<std::size_t>(begin), 1), one);
    });
    checked_apart_ = end - begin > 1;
  }
  if (plan_->options().slots == 0) {
    losses.sum().backward();
  } else {
    std::vector<double> weights;
    auto segment = static_cast<std::size_t>(
        std::upper_bound(batch.segment_offsets.begin(), batch.segment_offsets.end(), begin) -
        batch.segment_offsets.begin() - 1);
    for (std::int64_t position = begin; position < end; ++position) {
      while (batch.segment_offsets[segment + 1] <= position) ++segment;
      weights.push_back(weight_of(batch, segment));
    }
    losses.dot(at::tensor(weights, losses.options().requires_grad(false))).backward();
  }
  report.loss_sum += losses.detach().nan_to_num(0, 0, 0).sum().item<double>();
}

void PrivateStep::count_norms(nn::StepReport& report) const {
  for (const double norm : clipper_->norms()) {
    if (std::isfinite(norm)) report.gradient_norm += norm;
  }
}

void PrivateStep::run_part(const nn::LogicalBatch& batch, std::size_t first, std::size_t last,
                           nn::StepReport& report) {
  const std::int64_t begin = batch.segment_offsets[first], end = batch.segment_offsets[last];
  if (begin == end) {
    clipper_->add_empty(static_cast<std::int64_t>(last - first));
    return;
  }
  std::vector<std::int64_t> offsets;
  for (std::size_t s = first; s <= last; ++s) offsets.push_back(batch.segment_offsets[s] - begin);
  clipper_->begin(static_cast<std::int64_t>(last - first));
  run_examples(batch, begin, end, offsets, report);
  clipper_->finish();
  count_norms(report);
}

void PrivateStep::run_pieces(const nn::LogicalBatch& batch, std::size_t segment,
                             nn::StepReport& report) {
  const std::int64_t end = batch.segment_offsets[segment + 1];
  std::int64_t first = batch.segment_offsets[segment];
  while (first < end) {
    const std::int64_t last = nn::part_end(batch.indices, data_.lengths, first, end, options_.part_tokens);
    clipper_->begin_piece();
    const std::int64_t offsets[] = {0, last - first};
    run_examples(batch, first, last, offsets, report);
    clipper_->finish();
    first = last;
  }
  clipper_->close();
  count_norms(report);
}

nn::StepReport PrivateStep::run(const nn::LogicalBatch& batch, double learning_rate) {
  nn::StepReport report;
  report.examples = static_cast<std::int64_t>(batch.indices.size());
  model_.set_dropout(options_.seed, static_cast<std::uint64_t>(number_));
  const std::size_t segments = batch.segment_offsets.size() - 1;
  std::int64_t tokens = 0;
  std::size_t first = 0;
  const auto flush = [&](std::size_t last) {
    if (first < last) run_part(batch, first, last, report);
    first = last;
    tokens = 0;
  };
  for (std::size_t s = 0; s < segments; ++s) {
    const std::int64_t begin = batch.segment_offsets[s], end = batch.segment_offsets[s + 1];
    std::int64_t length = 0;
    for (std::int64_t i = begin; i < end; ++i) length += tokens_of(batch, i);
    if (tokens + length > options_.part_tokens) flush(s);
    if (length > options_.part_tokens && end - begin > 1) {
      run_pieces(batch, s, report);
      first = s + 1;
    } else {
      tokens += length;
    }
  }
  flush(segments);

  ClippedSum sum = clipper_->take();
  if (parallel_) plan_->reduce(sum, *parallel_);
  // The ledger knows of the step before the parameters do: a crash in between costs budget, not privacy.
  if (charge_) charge_(static_cast<std::uint64_t>(number_), plan_->step_event(number_));
  if (parallel_) {
    double values[] = {report.loss_sum, static_cast<double>(report.examples), report.gradient_norm};
    plan_->add_up(sum, values);
    report.loss_sum = values[0];
    report.examples = static_cast<std::int64_t>(values[1]);
    report.gradient_norm = values[2];
  }
  report.clipped = sum.clipped();
  report.non_finite = sum.non_finite();
  if (sum.segments() > sum.non_finite()) {
    report.gradient_norm /= static_cast<double>(sum.segments() - sum.non_finite());
  }
  plan_->update(sum, optimizer_, learning_rate);
  clipper_->recycle(std::move(sum));
  return report;
}

std::optional<double> PrivateStep::epsilon(std::int64_t steps) const { return plan_->epsilon(steps); }

std::optional<double> PrivateStep::epsilon_as_published(std::int64_t steps) const {
  return plan_->epsilon_as_published(steps);
}

void PrivateStep::prepare_save() {
  if (parallel_ && parallel_->sharded()) saved_state_ = parallel_->whole_state(optimizer_);
}

Json PrivateStep::save(const std::filesystem::path& folder) const {
  const bool sharded = parallel_ != nullptr && parallel_->sharded();
  nn::write_tensors(folder / "optimizer.safetensors", sharded ? saved_state_ : optimizer_.state());
  plan_->save(folder);
  return {{"optimizer", nn::optimizer_name(options_.optimizer.kind)},
          {"private", true},
          {"clipping", clipper_->rule().state()}};
}

void PrivateStep::load(const std::filesystem::path& folder, const Json& state) {
  const std::string name = nn::optimizer_name(options_.optimizer.kind);
  if (!state.value("private", false) || state.value("optimizer", "") != name) {
    throw bad_data("the checkpoint in " + folder.string() + " is not of a private step with " + name,
                   "Resume with the configuration that the run was started with.");
  }
  if (parallel_) {
    nn::ProcessGroup& group = *options_.parallel->group;
    nn::NamedTensors tensors;
    if (group.leads()) tensors = nn::read_tensors(folder / "optimizer.safetensors");
    parallel_->load_state(optimizer_, nn::share_tensors(group, std::move(tensors)));
  } else {
    optimizer_.load(nn::read_tensors(folder / "optimizer.safetensors"));
  }
  plan_->load(folder);
  if (state.contains("clipping")) clipper_->rule().load(state["clipping"]);
}

}  // namespace discreet::dp
