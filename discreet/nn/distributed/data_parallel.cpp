#include "discreet/nn/distributed/data_parallel.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/nn/distributed/share.h"

namespace discreet::nn {
namespace {

at::Tensor flat(const at::Tensor& tensor) { return tensor.detach().view({-1}); }

/// Names a piece as no parameter is named.
std::string piece_name(const NamedTensors& parameters, const ParameterPiece& piece) {
  return fmt::format("{}[{}:{}]", parameters[piece.parameter].first, piece.first,
                     piece.first + piece.size);
}

}  // namespace

std::vector<std::int64_t> share_of(std::span<const std::int64_t> all, int rank, int size) {
  std::vector<std::int64_t> mine;
  for (std::size_t i = static_cast<std::size_t>(rank); i < all.size(); i += static_cast<std::size_t>(size)) {
    mine.push_back(all[i]);
  }
  return mine;
}

DataParallel::DataParallel(std::shared_ptr<ParallelRun> run, NamedTensors parameters)
    : run_(std::move(run)), parameters_(std::move(parameters)),
      layout_(parameters_, run_->group->size()) {
  const at::TensorOptions options = parameters_.front().second.options().requires_grad(false);
  sent_ = at::zeros({size(), layout_.part_size()}, options);
  received_ = at::zeros({size(), layout_.part_size()}, options);
  mine_ = at::zeros({layout_.part_size()}, options);
}

NamedTensors DataParallel::optimizer_parameters() const {
  if (!sharded()) return parameters_;
  NamedTensors views;
  for (const ParameterPiece& piece : pieces()) {
    views.emplace_back(piece_name(parameters_, piece),
                       flat(parameters_[piece.parameter].second).narrow(0, piece.first, piece.size));
  }
  return views;
}

at::Tensor DataParallel::part_of(at::Tensor& buffer, const ParameterPiece& piece) const {
  return buffer.narrow(0, piece.place - rank() * layout_.part_size(), piece.size);
}

at::Tensor DataParallel::piece(std::size_t index) { return part_of(mine_, pieces()[index]); }

std::vector<at::Tensor> DataParallel::owned_gradients() {
  std::vector<at::Tensor> gradients;
  for (std::size_t i = 0; i < pieces().size(); ++i) gradients.push_back(piece(i));
  return gradients;
}

void DataParallel::reduce(std::span<const at::Tensor> gradients) {
  if (gradients.size() != parameters_.size()) {
    throw internal_error(fmt::format("{} gradients for {} parameters", gradients.size(),
                                     parameters_.size()));
  }
  const at::NoGradGuard no_gradients;
  at::Tensor buffer = flat(sent_);
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    at::Tensor place = buffer.narrow(0, layout_.places()[i], parameters_[i].second.numel());
    if (gradients[i].defined()) {
      place.copy_(gradients[i].reshape({-1}));
    } else {
      place.zero_();
    }
  }
  run_->group->exchange(sent_, received_);
  // One pass for any R; each element's terms are added in the order of ranks.
  mine_.copy_(received_.select(0, 0));
  for (int r = 1; r < size(); ++r) mine_.add_(received_.select(0, r));
}

std::vector<at::Tensor> DataParallel::gather() {
  run_->group->gather_all(mine_, sent_);
  const at::Tensor buffer = flat(sent_);
  std::vector<at::Tensor> gradients;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor& parameter = parameters_[i].second;
    gradients.push_back(buffer.narrow(0, layout_.places()[i], parameter.numel()).view(parameter.sizes()));
  }
  return gradients;
}

void DataParallel::gather_parameters() {
  const at::NoGradGuard no_gradients;
  for (const ParameterPiece& piece : pieces()) {
    part_of(mine_, piece).copy_(
        flat(parameters_[piece.parameter].second).narrow(0, piece.first, piece.size));
  }
  const std::vector<at::Tensor> values = gather();
  for (std::size_t i = 0; i < parameters_.size(); ++i) parameters_[i].second.detach().copy_(values[i]);
}

void DataParallel::add_up(std::span<double> values) {
  const auto count = static_cast<std::int64_t>(values.size());
  at::Tensor mine = at::empty({count + 1}, at::kDouble);
  double* data = mine.data_ptr<double>();
  std::copy(values.begin(), values.end(), data);
  data[count] = run_->asked_to_stop && run_->asked_to_stop() ? 1 : 0;
  at::Tensor all = at::empty({size(), count + 1}, at::kDouble);
  run_->group->gather_all(mine, all);
  std::fill(values.begin(), values.end(), 0.0);
  for (int r = 0; r < size(); ++r) {
    const double* row = all.data_ptr<double>() + r * (count + 1);
    for (std::int64_t i = 0; i < count; ++i) values[static_cast<std::size_t>(i)] += row[i];
    run_->stop = run_->stop || row[count] > 0;
  }
}

void DataParallel::share(std::span<double> values) const {
  if (values.empty()) return;
  at::Tensor tensor = at::from_blob(values.data(), {static_cast<std::int64_t>(values.size())}, at::kDouble);
  run_->group->share(tensor);
}

NamedTensors DataParallel::whole_state(const Optimizer& optimizer) const {
  if (!sharded()) return rank() == 0 ? optimizer.state() : NamedTensors();
  const NamedTensors parts = optimizer.state();
  const std::map<std::string, at::Tensor> by_name(parts.begin(), parts.end());
  // What an optimiser keeps for each parameter, as rank 0 sees it: others may own no piece.
  std::vector<std::string> kinds;
  NamedTensors whole;
  if (rank() == 0) {
    const std::string first = piece_name(parameters_, pieces().front()) + ".";
    for (const auto& [name, tensor] : parts) {
      if (name.starts_with(first)) kinds.push_back(name.substr(first.size()));
      if (name.find('[') == std::string::npos) whole.emplace_back(name, tensor);
    }
  }
  kinds = share_json(*run_->group, kinds).get<std::vector<std::string>>();
  for (const std::string& kind : kinds) {
    at::Tensor mine = at::zeros_like(mine_);
    for (const ParameterPiece& piece : pieces()) {
      part_of(mine, piece).copy_(by_name.at(piece_name(parameters_, piece) + "." + kind));
    }
    const at::Tensor all = run_->group->gather(mine);
    if (rank() != 0) continue;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const auto& [name, parameter] = parameters_[i];
      whole.emplace_back(name + "." + kind,
                         flat(all).narrow(0, layout_.places()[i], parameter.numel()).view(parameter.sizes()));
    }
  }
  return whole;
}

void DataParallel::load_state(Optimizer& optimizer, const NamedTensors& whole) const {
  if (!sharded()) return optimizer.load(whole);
  NamedTensors parts;
  for (const auto& [name, tensor] : whole) {
    bool kept_per_parameter = false;
    for (const ParameterPiece& piece : pieces()) {
      const auto& [parameter, values] = parameters_[piece.parameter];
      if (!name.starts_with(parameter + ".") || tensor.sizes() != values.sizes()) continue;
      kept_per_parameter = true;
      parts.emplace_back(piece_name(parameters_, piece) + name.substr(parameter.size()),
                         flat(tensor).narrow(0, piece.first, piece.size));
    }
    if (!kept_per_parameter) parts.emplace_back(name, tensor);
  }
  optimizer.load(parts);
}

}  // namespace discreet::nn
