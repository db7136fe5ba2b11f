#include "discreet/nn/stacked/model.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <numeric>

#include "discreet/core/error.h"
#include "discreet/nn/ordinary_step.h"

namespace discreet::nn {
namespace {

void check_spec(const StackedSpec& spec) {
  const ModelSpec& m = spec.model;
  const char* what = nullptr;
  if (spec.seeds.empty()) what = "no models: seeds is empty";
  if (m.kind != "bow" && m.kind != "lstm" && m.kind != "bilstm")
    what = "a kind other than bow, lstm, bilstm";
  if (spec.sizes.tags > 0 || spec.sizes.intents <= 0) what = "heads other than one for intents";
  if (!m.pooling.empty() && m.pooling != "mean") what = "a pooling other than mean";
  if (m.dropout > 0 || m.word_dropout > 0) what = "dropout";
  if (m.skip || m.norm_inputs) what = "skip connections or normalised inputs";
  if (what == nullptr) return;
  throw usage_error(std::string("a stacked model cannot have ") + what,
                    "Train such models one at a time, or leave it out.");
}

stacked::Slope slope_of(const std::string& name) {
  if (name.empty() || name == "relu") return stacked::Slope::kRelu;
  return name == "gelu" ? stacked::Slope::kGelu : stacked::Slope::kTanh;
}

std::size_t place_of(const NamedTensors& parameters, const std::string& name) {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (parameters[i].first == name) return i;
  }
  throw internal_error("a stacked model has no parameter '" + name + "'");
}

stacked::LinearPlace linear_place(const NamedTensors& parameters, const std::string& name) {
  const std::size_t weight = place_of(parameters, name + ".weight");
  const at::Tensor& value = parameters[weight].second;
  return {weight, place_of(parameters, name + ".bias"), value.size(1), value.size(0)};
}

/// `parameters`: of one model.
stacked::Shape shape_of(const StackedSpec& spec, const NamedTensors& parameters,
                        std::int64_t width) {
  stacked::Shape shape;
  shape.vocabulary = spec.sizes.vocabulary;
  shape.width = width;
  shape.slope = slope_of(spec.model.activation);
  for (const auto& [name, value] : parameters) shape.sizes.push_back(value.numel());
  const bool bag = spec.model.kind == "bow";
  shape.features = bag && spec.model.freeze_vectors;
  if (!spec.model.freeze_vectors) shape.table = place_of(parameters, "encoder.embedding.weight");
  for (std::int64_t layer = 0; !bag && layer < spec.model.layers; ++layer) {
    auto& directions = shape.lstm.emplace_back();
    for (const char* direction : {"forward", "backward"}) {
      if (directions.size() == 1 && spec.model.kind == "lstm") break;
      const std::string prefix = "encoder.layer" + std::to_string(layer) + "." + direction + "_";
      const std::size_t place = place_of(parameters, prefix + "weight_ih");
      const at::Tensor& value = parameters[place].second;
      directions.push_back({place, place_of(parameters, prefix + "weight_hh"),
                            place_of(parameters, prefix + "bias"), value.size(1),
                            value.size(0) / 4});
    }
  }
  for (std::size_t i = 0; bag && i < spec.model.hidden.size(); ++i) {
    shape.linear.push_back(linear_place(parameters, "encoder.hidden" + std::to_string(i)));
  }
  shape.linear.push_back(linear_place(parameters, "intent_head"));
  return shape;
}

}  // namespace

StackedModel::StackedModel(const StackedSpec& spec)
    : spec_(spec), models_(static_cast<std::int64_t>(spec.seeds.size())) {
  check_spec(spec_);
  const at::NoGradGuard no_gradients;
  for (std::int64_t k = 0; k < models_; ++k) {
    const auto model = make_one(spec_.seeds[static_cast<std::size_t>(k)]);
    const NamedTensors own = trainable_parameters(*model);
    if (k == 0) {
      for (const auto& [name, value] : own) {
        std::vector<std::int64_t> sizes = value.sizes().vec();
        sizes.insert(sizes.begin(), models_);
        parameters_.emplace_back(name, at::empty(sizes, at::kFloat));
      }
      const at::Tensor table = model->named_parameters()["encoder.embedding.weight"];
      shape_ = shape_of(spec_, own, table.size(1));
      if (spec_.model.freeze_vectors) frozen_table_ = table.detach().contiguous();
    }
    for (std::size_t i = 0; i < own.size(); ++i)
      parameters_[i].second.select(0, k).copy_(own[i].second);
  }
}

std::shared_ptr<Model> StackedModel::make_one(std::uint64_t seed) const {
  core::ReproducibleRng rng(seed, "parameters");
  return make_model(spec_.model, spec_.sizes, spec_.vectors, rng);
}

NamedTensors StackedModel::parameters_of(std::int64_t model) const {
  NamedTensors own;
  for (const auto& [name, value] : parameters_) own.emplace_back(name, value.select(0, model));
  return own;
}

std::vector<float*> StackedModel::pointers_of(std::int64_t model) const {
  std::vector<float*> pointers;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    pointers.push_back(parameters_[i].second.data_ptr<float>() + model * shape_.sizes[i]);
  }
  return pointers;
}

std::shared_ptr<Model> StackedModel::extract(std::int64_t model) const {
  const at::NoGradGuard no_gradients;
  auto one = make_one(spec_.seeds[static_cast<std::size_t>(model)]);
  const NamedTensors own = trainable_parameters(*one);
  for (std::size_t i = 0; i < own.size(); ++i) {
    own[i].second.detach().copy_(parameters_[i].second.select(0, model));
  }
  return one;
}

std::shared_ptr<const StackedData> StackedModel::prepare(EncodedExamples examples) const {
  auto data = std::make_shared<StackedData>();
  data->examples = std::move(examples);
  const EncodedExamples& e = data->examples;
  data->view = {e.size(),         e.tokens.data(),
                e.offsets.data(), e.intents.empty() ? nullptr : e.intents.data(),
                nullptr,          nullptr};
  if (frozen_table_.defined()) data->view.frozen_table = frozen_table_.const_data_ptr<float>();
  if (shape_.features) {
    data->features = at::zeros({e.size(), shape_.width});
    for (std::int64_t i = 0; i < e.size(); ++i) {
      const std::int64_t first = e.offsets[static_cast<std::size_t>(i)],
                         last = e.offsets[static_cast<std::size_t>(i) + 1];
      if (first == last) continue;
      const at::Tensor ids = at::from_blob(const_cast<std::int64_t*>(e.tokens.data()) + first,
                                           {last - first}, at::kLong);
      data->features[i].copy_(
          frozen_table_.index_select(0, ids).sum(0).div_(static_cast<double>(last - first)));
    }
    data->view.features = data->features.const_data_ptr<float>();
  }
  return data;
}

at::Tensor StackedModel::logits(const StackedData& data,
                                std::span<const std::int64_t> examples) const {
  constexpr std::size_t kBatch = 256;
  const std::int64_t classes = shape_.classes();
  at::Tensor all = at::empty({models_, static_cast<std::int64_t>(examples.size()), classes});
  float* out = all.data_ptr<float>();
  at::parallel_for(0, models_, 1, [&](std::int64_t begin, std::int64_t end) {
    stacked::Pass pass(shape_);
    for (std::int64_t k = begin; k < end; ++k) {
      const std::vector<float*> parameters = pointers_of(k);
      for (std::size_t first = 0; first < examples.size(); first += kBatch) {
        const auto part = examples.subspan(first, std::min(kBatch, examples.size() - first));
        pass.forward(parameters, data.view, part);
        std::copy_n(pass.logits(), static_cast<std::int64_t>(part.size()) * classes,
                    out + (k * static_cast<std::int64_t>(examples.size()) +
                           static_cast<std::int64_t>(first)) *
                              classes);
      }
    }
  });
  return all;
}

}  // namespace discreet::nn
