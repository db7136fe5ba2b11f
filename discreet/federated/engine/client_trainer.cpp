#include "discreet/federated/engine/client_trainer.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/pattern.h"
#include "discreet/core/random.h"
#include "discreet/federated/engine/label_source.h"
#include "discreet/nn/layers/linear.h"
#include "discreet/nn/model.h"
#include "discreet/nn/ordinary_step.h"
#include "discreet/nn/still_rows.h"

namespace discreet::federated {
namespace {

std::span<float> values_of(const at::Tensor& tensor) {
  return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

double limit_gradients(std::span<const at::Tensor> gradients, double most) {
  if (most <= 0) return 0;
  double squares = 0;
  for (const at::Tensor& gradient : gradients) {
    if (!gradient.defined()) continue;
    const double norm = gradient.norm().item<double>();
    squares += norm * norm;
  }
  const double norm = std::sqrt(squares);
  if (norm > most) {
    for (const at::Tensor& gradient : gradients) {
      if (gradient.defined()) gradient.mul_(most / norm);
    }
  }
  return norm;
}

/// Copies tensors behind one another into `flat` (`to_flat`) or out of it.
template <class Flat>
std::size_t copy_flat(std::span<const std::pair<std::string, at::Tensor>> tensors, Flat flat,
                      std::size_t place) {
  for (const auto& [name, tensor] : tensors) {
    const auto values = values_of(tensor);
    if constexpr (std::is_const_v<typename Flat::element_type>) {
      std::copy_n(flat.begin() + static_cast<std::ptrdiff_t>(place), values.size(), values.begin());
    } else {
      std::copy(values.begin(), values.end(), flat.begin() + static_cast<std::ptrdiff_t>(place));
    }
    place += values.size();
  }
  return place;
}

std::int64_t count(std::span<const std::pair<std::string, at::Tensor>> tensors) {
  std::int64_t sum = 0;
  for (const auto& [name, tensor] : tensors) sum += tensor.numel();
  return sum;
}

at::Tensor matrix_of(const double* values, const at::Tensor& like) {
  return at::from_blob(const_cast<double*>(values), like.sizes(), at::kDouble);
}

}  // namespace

SketchPlace sketch_place(std::uint64_t place, std::int64_t width) {
  // splitmix64: well mixed, and the same everywhere.
  std::uint64_t x = place + 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  x ^= x >> 31;
  return {static_cast<std::int64_t>((x >> 1) % static_cast<std::uint64_t>(width)),
          (x & 1) != 0 ? 1.0F : -1.0F};
}

std::string stream_name(const LocalOptions& options, std::int64_t client) {
  return options.names == nullptr ? std::to_string(client) : options.names->at(static_cast<std::size_t>(client));
}

core::ReproducibleRng local_rng(const LocalOptions& options, const LocalWork& work) {
  return core::ReproducibleRng(options.seed, fmt::format("{}.{}.{}", work.stream, work.round, stream_name(options, work.client)));
}

std::int64_t planned_steps(const LocalOptions& options, std::size_t examples) {
  const auto batch = static_cast<std::size_t>(options.batch_size);
  const std::int64_t all = options.epochs * static_cast<std::int64_t>((examples + batch - 1) / batch);
  return options.most_steps > 0 ? std::min(all, options.most_steps) : all;
}

nn::Schedule local_schedule(const LocalOptions& options, const LocalWork& work, std::int64_t planned) {
  return {.kind = options.schedule.kind,
          .peak = work.learning_rate > 0 ? work.learning_rate : options.learning_rate,
          .steps = std::max<std::int64_t>(1, planned),
          .warmup_steps = std::llround(options.schedule.warmup_share * static_cast<double>(planned)),
          .final_fraction = options.schedule.final_fraction};
}

ClientTrainer::ClientTrainer(std::shared_ptr<nn::Model> model,
                             std::shared_ptr<const nn::EncodedExamples> data,
                             const LocalOptions& options)
    : model_(std::move(model)), data_(std::move(data)), options_(options) {
  nn::NamedTensors personal;
  std::vector<std::string> names;
  for (const auto& [name, parameter] : nn::trainable_parameters(*model_)) {
    if (!parameter.is_contiguous() || parameter.scalar_type() != at::kFloat || !parameter.is_cpu()) {
      throw internal_error("parameter " + name + " is not a plain float32 tensor on the CPU");
    }
    names.push_back(name);
    const bool stays = !options_.personal.empty() && core::matches_any(options_.personal, name);
    (stays ? personal : parameters_).emplace_back(name, parameter);
  }
  if (!options_.personal.empty()) core::check_patterns("federated.personal", options_.personal, names);
  shared_ = parameters_.size();
  sent_ = count(parameters_);
  personal_values_ = count(personal);
  if (sent_ == 0) {
    throw usage_error("the model has no trainable parameter that travels",
                      "Check train.trainable and federated.personal.");
  }
  parameters_.insert(parameters_.end(), personal.begin(), personal.end());
  values_ = sent_;
  if (options_.exact_lora) find_lora();
}

void ClientTrainer::find_lora() {
  std::size_t place = 0;
  std::vector<std::pair<const void*, std::size_t>> places;
  for (std::size_t i = 0; i < shared_; ++i) {
    places.emplace_back(parameters_[i].second.data_ptr(), place);
    place += static_cast<std::size_t>(parameters_[i].second.numel());
  }
  const auto place_of = [&](const at::Tensor& tensor) {
    for (const auto& [data, where] : places) {
      if (data == tensor.data_ptr()) return where;
    }
    throw usage_error("federated.lora = \"exact\" needs both LoRA factors trained and shared",
                      "Leave federated.personal and patterns that freeze one of them out.");
  };
  for (const auto& item : model_->named_modules()) {
    const auto* layer = item.value()->as<nn::LinearImpl>();
    if (layer == nullptr || !layer->lora_a.defined()) continue;
    if (layer->weight.requires_grad()) {
      throw usage_error("federated.lora = \"exact\": " + item.key() + ".weight is trained beside its LoRA",
                        "Leave it out of train.trainable.");
    }
    lora_.push_back({layer->weight, layer->lora_a, layer->lora_b, layer->lora_scale(),
                     place_of(layer->lora_a), place_of(layer->lora_b),
                     static_cast<std::size_t>(values_)});
    values_ += layer->weight.numel();
  }
  if (lora_.empty()) throw usage_error("federated.lora = \"exact\": the model has no LoRA", "Set model.lora_rank.");
}

void ClientTrainer::read(std::span<float> flat) const {
  std::size_t place = copy_flat(std::span(parameters_).first(shared_), flat, 0);
  for (const LoraLayer& layer : lora_) {
    const auto values = values_of(layer.weight);
    std::copy(values.begin(), values.end(), flat.begin() + static_cast<std::ptrdiff_t>(place));
    place += values.size();
  }
}

void ClientTrainer::write(std::span<const float> flat) {
  std::size_t place = copy_flat(std::span(parameters_).first(shared_), flat, 0);
  for (const LoraLayer& layer : lora_) {
    const auto values = values_of(layer.weight);
    std::copy_n(flat.begin() + static_cast<std::ptrdiff_t>(place), values.size(), values.begin());
    place += values.size();
  }
}

void ClientTrainer::read_personal(std::span<float> flat) const {
  copy_flat(std::span(parameters_).subspan(shared_), flat, 0);
}

void ClientTrainer::write_personal(std::span<const float> flat) {
  copy_flat(std::span(parameters_).subspan(shared_), flat, 0);
}

double ClientTrainer::measure(const nn::EncodedExamples& data, std::span<const std::int64_t> examples) {
  const at::NoGradGuard no_gradients;
  model_->eval();
  double sum = 0;
  constexpr std::size_t kBatch = 256;
  for (std::size_t begin = 0; begin < examples.size(); begin += kBatch) {
    const auto part = examples.subspan(begin, std::min(kBatch, examples.size() - begin));
    sum += model_->forward(nn::collate(data, part)).loss.sum().item<double>();
  }
  return sum / static_cast<double>(examples.size());
}

void ClientTrainer::move_gradients(const LocalWork& work, std::span<const at::Tensor> gradients) {
  const double pull = pull_of(work);
  if (pull == 0 && work.correction.empty()) return;
  const std::span<const float> anchor = work.anchor.empty() ? work.start : work.anchor;
  std::size_t place = 0;
  for (std::size_t i = 0; i < shared_; ++i) {
    const auto values = values_of(parameters_[i].second);
    if (!gradients[i].defined()) {
      place += values.size();
      continue;
    }
    const auto gradient = values_of(gradients[i]);
    for (std::size_t j = 0; j < values.size(); ++j, ++place) {
      if (pull != 0) gradient[j] += static_cast<float>(pull) * (values[j] - anchor[place]);
      if (!work.correction.empty()) gradient[j] += work.correction[place];
    }
  }
}

std::map<std::int64_t, DeviceLabel> ClientTrainer::device_labels(const LocalWork& work) {
  const LabelSource& source = *options_.labels;
  if (work.data != nullptr) throw internal_error("labels made on devices, of data that the simulator does not have");
  std::vector<float> probabilities;
  if (source.reads_model()) {
    const at::NoGradGuard no_gradients;
    model_->eval();
    constexpr std::size_t kBatch = 256;
    for (std::size_t begin = 0; begin < work.examples.size(); begin += kBatch) {
      const auto part = work.examples.subspan(begin, std::min(kBatch, work.examples.size() - begin));
      const at::Tensor own = at::softmax(model_->forward(nn::collate(*data_, part)).intent_logits, 1).contiguous();
      probabilities.insert(probabilities.end(), own.const_data_ptr<float>(), own.const_data_ptr<float>() + own.numel());
    }
  }
  const auto made = source.labels_of(work.client, work.examples, probabilities);
  std::map<std::int64_t, DeviceLabel> labels;
  for (std::size_t i = 0; i < made.size(); ++i) {
    if (made[i].weight > 0) labels[work.examples[i]] = made[i];
  }
  return labels;
}

at::Tensor ClientTrainer::losses_of(std::span<const std::int64_t> part, const nn::EncodedExamples& data,
                                    const std::map<std::int64_t, DeviceLabel>& labels,
                                    const std::map<std::int64_t, std::int64_t>& places, core::ReproducibleRng& rng) {
  nn::PackedBatch batch = nn::collate(data, part);
  // What is drawn for an example goes by its place with the client: its place in the data moves with other clients.
  for (std::int64_t& index : batch.indices) index = places.at(index);
  const nn::ModelOutput output = model_->forward(batch);
  if (!options_.labels) return output.loss;
  std::vector<DeviceLabel> own;
  for (const std::int64_t place : part) own.push_back(labels.at(place));
  return (*options_.labels->loss)(output.intent_logits, own, rng);
}

LocalResult ClientTrainer::train(const LocalWork& work, std::span<float> difference) {
  const nn::EncodedExamples& data = work.data != nullptr ? *work.data : *data_;
  write(work.start);
  if (!work.personal.empty()) write_personal(work.personal);
  LocalResult result;
  const double at_start = options_.measure_loss ? measure(data, work.examples) : 0;
  core::ReproducibleRng rng = local_rng(options_, work);
  const std::uint64_t dropout_seed = rng();
  nn::Optimizer optimizer(parameters_, options_.optimizer);
  if (options_.optimizer.weight_decay > 0) nn::keep_padding_still(*model_, optimizer);
  std::vector<std::int64_t> order(work.examples.begin(), work.examples.end());
  std::map<std::int64_t, std::int64_t> places;
  for (const std::int64_t example : work.examples) places.emplace(example, static_cast<std::int64_t>(places.size()));
  std::map<std::int64_t, DeviceLabel> labels;
  if (options_.labels) {
    labels = device_labels(work);
    std::erase_if(order, [&](std::int64_t place) { return labels.count(place) == 0; });
  }
  const auto batch = static_cast<std::size_t>(options_.batch_size);
  const std::int64_t planned = planned_steps(options_, order.size());
  const nn::Schedule schedule = local_schedule(options_, work, planned);
  double loss_sum = 0, square_sum = 0;
  const bool corrects = pull_of(work) != 0 || !work.correction.empty();
  model_->train();
  std::int64_t seen = 0;
  for (std::int64_t epoch = 0; result.steps < planned; ++epoch) {
    core::shuffle(std::span<std::int64_t>(order), rng);
    for (std::size_t begin = 0; begin < order.size() && result.steps < planned; begin += batch) {
      const auto part = std::span<const std::int64_t>(order).subspan(
          begin, std::min(batch, order.size() - begin));
      model_->set_dropout(dropout_seed, static_cast<std::uint64_t>(result.steps));
      for (const auto& [name, parameter] : parameters_) parameter.mutable_grad().reset();
      const at::Tensor losses = losses_of(part, data, labels, places, rng);
      if (epoch == 0) {
        const at::Tensor plain = losses.detach().to(at::kDouble);
        loss_sum += plain.sum().item<double>();
        square_sum += plain.square().sum().item<double>();
        seen += static_cast<std::int64_t>(part.size());
      }
      (losses.sum() / static_cast<double>(part.size())).backward();
      std::vector<at::Tensor> gradients;
      for (const auto& [name, parameter] : parameters_) {
        at::Tensor gradient = parameter.grad();
        if (corrects && !gradient.defined()) gradient = at::zeros_like(parameter);
        gradients.push_back(gradient.defined() ? gradient.contiguous() : gradient);
      }
      limit_gradients(gradients, options_.gradient_clip);
      {
        const at::NoGradGuard no_gradients;
        move_gradients(work, gradients);
      }
      optimizer.step(gradients, nn::learning_rate_at(schedule, result.steps));
      ++result.steps;
    }
  }
  read(difference);
  if (!work.personal.empty()) read_personal(work.personal);
  for (std::size_t i = 0; i < static_cast<std::size_t>(sent_); ++i) difference[i] -= work.start[i];
  const at::NoGradGuard no_gradients;
  for (const LoraLayer& layer : lora_) {
    // In double precision: the difference of two products that are nearly equal.
    const auto start_a = at::from_blob(const_cast<float*>(work.start.data() + layer.a_place),
                                       layer.a.sizes(), at::kFloat).to(at::kDouble);
    const auto start_b = at::from_blob(const_cast<float*>(work.start.data() + layer.b_place),
                                       layer.b.sizes(), at::kFloat).to(at::kDouble);
    const at::Tensor moved = (at::mm(layer.b.to(at::kDouble), layer.a.to(at::kDouble)) -
                              at::mm(start_b, start_a)) * layer.scale;
    const at::Tensor plain = moved.to(at::kFloat).contiguous();
    std::copy_n(plain.const_data_ptr<float>(), plain.numel(), difference.begin() + static_cast<std::ptrdiff_t>(layer.weight_place));
  }
  result.loss = options_.measure_loss ? at_start : loss_sum / static_cast<double>(std::max<std::int64_t>(1, seen));
  result.root_mean_square_loss = std::sqrt(square_sum / static_cast<double>(std::max<std::int64_t>(1, seen)));
  return result;
}

void ClientTrainer::settle_lora(std::span<double> w, std::span<const double> before) const {
  const at::NoGradGuard no_gradients;
  for (const LoraLayer& layer : lora_) {
    const at::Tensor now = at::mm(matrix_of(w.data() + layer.b_place, layer.b),
                                  matrix_of(w.data() + layer.a_place, layer.a));
    const at::Tensor old = at::mm(matrix_of(before.data() + layer.b_place, layer.b),
                                  matrix_of(before.data() + layer.a_place, layer.a));
    const at::Tensor moved = ((now - old) * layer.scale).contiguous();
    const double* values = moved.const_data_ptr<double>();
    for (std::int64_t i = 0; i < moved.numel(); ++i) {
      w[layer.weight_place + static_cast<std::size_t>(i)] -= values[i];
    }
  }
}

std::int64_t ClientTrainer::residual_values(std::int64_t cohort) const {
  std::int64_t sum = 0;
  for (const LoraLayer& layer : lora_) {
    const std::int64_t rank = layer.a.size(0) * (cohort + 1);
    sum += std::min(layer.weight.numel(), rank * (layer.weight.size(0) + layer.weight.size(1)));
  }
  return sum;
}

void ClientTrainer::gradient(std::span<const float> start, std::span<const std::int64_t> examples,
                             std::span<float> gradient) {
  std::fill(gradient.begin(), gradient.end(), 0.0F);
  if (examples.empty()) return;
  write(start);
  model_->eval();
  for (const auto& [name, parameter] : parameters_) parameter.mutable_grad().reset();
  constexpr std::size_t kBatch = 64;
  for (std::size_t begin = 0; begin < examples.size(); begin += kBatch) {
    const auto part = examples.subspan(begin, std::min(kBatch, examples.size() - begin));
    (model_->forward(nn::collate(*data_, part)).loss.sum() / static_cast<double>(examples.size()))
        .backward();
  }
  std::size_t place = 0;
  for (std::size_t i = 0; i < shared_; ++i) {
    const at::Tensor& parameter = parameters_[i].second;
    if (parameter.grad().defined()) {
      const at::Tensor plain = parameter.grad().contiguous();
      std::copy_n(plain.const_data_ptr<float>(), plain.numel(), gradient.begin() + static_cast<std::ptrdiff_t>(place));
    }
    place += static_cast<std::size_t>(parameter.numel());
  }
}

std::vector<float> ClientTrainer::gradient_sketches(std::span<const float> start,
                                                    std::span<const std::int64_t> examples,
                                                    std::int64_t width) {
  std::vector<float> sketches(examples.size() * static_cast<std::size_t>(width), 0.0F);
  std::vector<float> own(static_cast<std::size_t>(values_));
  for (std::size_t e = 0; e < examples.size(); ++e) {
    gradient(start, examples.subspan(e, 1), own);
    float* sketch = sketches.data() + e * static_cast<std::size_t>(width);
    for (std::size_t i = 0; i < own.size(); ++i) {
      if (own[i] == 0) continue;
      const SketchPlace place = sketch_place(i, width);
      sketch[place.bucket] += place.sign * own[i];
    }
  }
  return sketches;
}

}  // namespace discreet::federated
