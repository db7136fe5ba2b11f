#include "discreet/nn/stacked/pass.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "discreet/nn/gemm.h"
#include "discreet/nn/kernels/rows.h"

namespace discreet::nn::stacked {
namespace {

std::size_t count(std::int64_t rows, std::int64_t width) {
  return static_cast<std::size_t>(rows * width);
}

void sum_columns(const float* from, std::int64_t rows, std::int64_t width, float* to) {
  std::fill_n(to, width, 0.0F);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t i = 0; i < width; ++i) to[i] += from[r * width + i];
  }
}

}  // namespace

Pass::Pass(Shape shape)
    : shape_(std::move(shape)),
      sequences_(shape_.lstm.size() + 1),
      sequence_grads_(shape_.lstm.size() + 1),
      states_(shape_.lstm.size()),
      activations_(shape_.linear.size() + 1),
      slopes_(shape_.linear.size()),
      activation_grads_(shape_.linear.size() + 1) {
  for (std::size_t i = 0; i < states_.size(); ++i) states_[i].resize(shape_.lstm[i].size());
}

void Pass::gather(const DataView& data, std::span<const std::int64_t> examples) {
  examples_.assign(examples.begin(), examples.end());
  offsets_.assign(1, 0);
  ids_.clear();
  for (const std::int64_t e : examples) {
    if (!shape_.features) {
      ids_.insert(ids_.end(), data.tokens + data.offsets[e], data.tokens + data.offsets[e + 1]);
    }
    offsets_.push_back(static_cast<std::int64_t>(ids_.size()));
  }
}

void Pass::forward(std::span<float* const> parameters, const DataView& data,
                   std::span<const std::int64_t> examples) {
  gather(data, examples);
  uses_.clear();
  pool_words(parameters, data);
  const std::int64_t rows = this->examples();
  for (std::size_t l = 0; l < shape_.linear.size(); ++l) {
    const LinearPlace& place = shape_.linear[l];
    std::vector<float>& y = activations_[l + 1];
    y.resize(count(rows, place.out));
    const float* bias = parameters[place.bias];
    for (std::int64_t r = 0; r < rows; ++r) std::copy_n(bias, place.out, y.data() + r * place.out);
    gemm<float>({rows, place.out, place.in}, {activations_[l].data(), place.in},
                {parameters[place.weight], place.in, true}, y.data(), place.out, 1, 1);
    if (l + 1 < shape_.linear.size()) activate(l);
  }
}

void Pass::pool_words(std::span<float* const> parameters, const DataView& data) {
  const std::int64_t rows = examples(), tokens = offsets_.back(), d = shape_.width;
  const std::int64_t width = shape_.linear.front().in;
  std::vector<float>& pooled = activations_.front();
  pooled.assign(count(rows, width), 0.0F);
  if (shape_.features) {
    for (std::int64_t r = 0; r < rows; ++r) {
      std::copy_n(data.features + examples_[static_cast<std::size_t>(r)] * d, d,
                  pooled.data() + r * d);
    }
    return;
  }
  const float* table = shape_.table ? parameters[*shape_.table] : data.frozen_table;
  const float* sums = table;
  const std::int64_t* ids = ids_.data();
  if (!shape_.lstm.empty()) {
    order_in_time();
    sequences_[0].resize(count(tokens, d));
    for (std::int64_t n = 0; n < tokens; ++n) {
      std::copy_n(table + ids_[static_cast<std::size_t>(n)] * d, d, sequences_[0].data() + n * d);
    }
    for (std::size_t layer = 0; layer < shape_.lstm.size(); ++layer) run_lstm(parameters, layer);
    sums = sequences_.back().data();
    ids = nullptr;
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::int64_t first = offsets_[static_cast<std::size_t>(r)],
                       last = offsets_[static_cast<std::size_t>(r) + 1];
    float* to = pooled.data() + r * width;
    if (ids != nullptr) {
      kernels::sum_rows(sums, ids + first, last - first, width, to);
    } else {
      for (std::int64_t n = first; n < last; ++n)
        kernels::add_scaled(to, sums + n * width, 1.0F, width);
    }
    const float share = 1.0F / static_cast<float>(std::max<std::int64_t>(1, last - first));
    for (std::int64_t i = 0; i < width; ++i) to[i] *= share;
  }
}

void Pass::activate(std::size_t layer) {
  std::vector<float>& y = activations_[layer + 1];
  if (shape_.slope == Slope::kRelu) {
    for (float& value : y) value = value < 0 ? 0 : value;  // NaN stays
  } else if (shape_.slope == Slope::kTanh) {
    for (float& value : y) value = std::tanh(value);
  } else {
    slopes_[layer].resize(y.size());
    scratch_[0] = y;
    kernels::gelu(scratch_[0].data(), y.data(), slopes_[layer].data(),
                  static_cast<std::int64_t>(y.size()));
  }
}

/// The gradient after hidden layer `layer` turns into the one before its activation.
void Pass::deactivate(std::size_t layer) {
  const std::vector<float>& y = activations_[layer + 1];
  std::vector<float>& grad = activation_grads_[layer + 1];
  for (std::size_t i = 0; i < grad.size(); ++i) {
    if (shape_.slope == Slope::kRelu) {
      grad[i] = y[i] > 0 ? grad[i] : (y[i] == y[i] ? 0 : y[i]);
    } else {
      grad[i] *= shape_.slope == Slope::kTanh ? 1 - y[i] * y[i] : slopes_[layer][i];
    }
  }
}

double Pass::losses(const DataView& data, float weight) {
  const std::int64_t rows = examples(), classes = shape_.classes();
  std::vector<float>& grad = activation_grads_.back();
  grad.resize(activations_.back().size());
  double sum = 0;
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::int64_t label = data.labels[examples_[static_cast<std::size_t>(r)]];
    float* p = grad.data() + r * classes;
    if (label < 0) {
      std::fill_n(p, classes, 0.0F);
      continue;
    }
    sum += kernels::cross_entropy_row(activations_.back().data() + r * classes, p, classes, label);
    p[label] -= 1;
    for (std::int64_t i = 0; i < classes; ++i) p[i] *= weight;
  }
  return sum;
}

void Pass::backward(std::span<float* const> parameters) {
  const std::int64_t rows = examples(), tokens = offsets_.back();
  const bool words = !shape_.features && (shape_.table || !shape_.lstm.empty());
  for (std::size_t l = shape_.linear.size(); l-- > 0;) {
    const LinearPlace& place = shape_.linear[l];
    if (l + 1 < shape_.linear.size()) deactivate(l);
    uses_.push_back({Use::Kind::kLinear, place.weight, false, place.in, place.out,
                     activations_[l].data(), nullptr, activation_grads_[l + 1].data()});
    if (l == 0 && !words) return;
    activation_grads_[l].resize(count(rows, place.in));
    gemm<float>({rows, place.in, place.out}, {activation_grads_[l + 1].data(), place.out},
                {parameters[place.weight], place.in}, activation_grads_[l].data(), place.in);
  }
  if (shape_.lstm.empty()) {
    uses_.push_back({Use::Kind::kBag, *shape_.table, false, 0, shape_.width, nullptr, nullptr,
                     activation_grads_[0].data()});
    return;
  }
  const std::int64_t width = shape_.linear.front().in;
  std::vector<float>& top = sequence_grads_.back();
  top.resize(count(tokens, width));
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::int64_t first = offsets_[static_cast<std::size_t>(r)],
                       last = offsets_[static_cast<std::size_t>(r) + 1];
    const float share = 1.0F / static_cast<float>(std::max<std::int64_t>(1, last - first));
    const float* from = activation_grads_[0].data() + r * width;
    for (std::int64_t n = first; n < last; ++n) {
      for (std::int64_t i = 0; i < width; ++i)
        top[count(n, width) + static_cast<std::size_t>(i)] = share * from[i];
    }
  }
  for (std::size_t layer = shape_.lstm.size(); layer-- > 0;) run_lstm_back(parameters, layer);
  if (shape_.table) {
    uses_.push_back({Use::Kind::kEmbedding, *shape_.table, true, 0, shape_.width, nullptr, nullptr,
                     sequence_grads_[0].data()});
  }
}

void Pass::scale(std::span<const double> factors) {
  for (const Use& use : uses_) {
    for (std::size_t e = 0; e < factors.size(); ++e) {
      const std::int64_t first = use.by_token ? offsets_[e] : static_cast<std::int64_t>(e);
      const std::int64_t last = use.by_token ? offsets_[e + 1] : static_cast<std::int64_t>(e) + 1;
      float* gradient = use.gradient + first * use.out;
      const std::int64_t size = (last - first) * use.out;
      if (factors[e] != 0) {
        const auto factor = static_cast<float>(factors[e]);
        if (factor != 1) {
          for (std::int64_t i = 0; i < size; ++i) gradient[i] *= factor;
        }
        continue;
      }
      std::fill_n(gradient, size, 0.0F);
      if (use.input != nullptr)
        std::fill_n(use.input + first * use.in, (last - first) * use.in, 0.0F);
      if (use.previous != nullptr) {
        std::fill_n(use.previous + first * (use.out / 4), (last - first) * (use.out / 4), 0.0F);
      }
    }
  }
}

void Pass::gradients(std::span<float* const> gradients) const {
  const std::int64_t tokens = offsets_.back();
  for (const Use& use : uses_) {
    const std::int64_t rows = use.by_token ? tokens : examples();
    float* const* grads = gradients.data() + use.parameter;
    switch (use.kind) {
      case Use::Kind::kLinear:
        gemm<float>({use.out, use.in, rows}, {use.gradient, use.out, true}, {use.input, use.in},
                    grads[0], use.in);
        sum_columns(use.gradient, rows, use.out, grads[1]);
        break;
      case Use::Kind::kLstm:
        gemm<float>({use.out, use.in, rows}, {use.gradient, use.out, true}, {use.input, use.in},
                    grads[0], use.in);
        gemm<float>({use.out, use.out / 4, rows}, {use.gradient, use.out, true},
                    {use.previous, use.out / 4}, grads[1], use.out / 4);
        sum_columns(use.gradient, rows, use.out, grads[2]);
        break;
      case Use::Kind::kBag:
        for (std::size_t e = 0; e + 1 < offsets_.size(); ++e) {
          const float share =
              1.0F / static_cast<float>(std::max<std::int64_t>(1, offsets_[e + 1] - offsets_[e]));
          const float* from = use.gradient + static_cast<std::int64_t>(e) * use.out;
          for (std::int64_t n = offsets_[e]; n < offsets_[e + 1]; ++n) {
            kernels::add_scaled(grads[0] + ids_[static_cast<std::size_t>(n)] * use.out, from, share,
                                use.out);
          }
        }
        break;
      case Use::Kind::kEmbedding:
        for (std::int64_t n = 0; n < tokens; ++n) {
          kernels::add_scaled(grads[0] + ids_[static_cast<std::size_t>(n)] * use.out,
                              use.gradient + n * use.out, 1.0F, use.out);
        }
        break;
    }
  }
}

}  // namespace discreet::nn::stacked
