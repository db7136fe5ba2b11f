#include "discreet/federated/engine/small_trainer.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/random.h"

namespace discreet::federated {
namespace {

constexpr std::size_t kAhead = 6;  // rows that are asked of the memory before they are read

void prefetch(const float* row, std::size_t width) {
  constexpr std::size_t kLine = 16;  // floats in a line of the cache
  for (std::size_t i = 0; i < width; i += kLine) __builtin_prefetch(row + i);
}

}  // namespace

SmallTrainer::SmallTrainer(nn::stacked::Shape shape, std::shared_ptr<const nn::StackedData> data,
                           const LocalOptions& options)
    : shape_(std::move(shape)),
      data_(std::move(data)),
      options_(options),
      pass_(shape_),
      own_(shape_.sizes.size()),
      start_(shape_.sizes.size()),
      gradients_(shape_.sizes.size()) {
  if (!options_.personal.empty() || options_.exact_lora || options_.measure_loss) {
    throw internal_error("a small trainer was asked for what it cannot do");
  }
  for (std::size_t i = 0; i < shape_.sizes.size(); ++i) {
    places_.push_back(static_cast<std::size_t>(values_));
    values_ += shape_.sizes[i];
    if (shape_.table == i) continue;
    own_[i].resize(static_cast<std::size_t>(shape_.sizes[i]));
    start_[i] = gradients_[i] = own_[i];
  }
  if (shape_.table) {
    seat_.assign(static_cast<std::size_t>(shape_.vocabulary), 0);
    stamp_.assign(seat_.size(), 0);
  }
  own_pointers_.resize(own_.size());
  gradient_pointers_.resize(own_.size());
}

/// The client's examples with words as seats among its own rows.
void SmallTrainer::take_rows(const LocalWork& work, const nn::stacked::DataView& all) {
  rows_.clear();
  tokens_.clear();
  labels_.clear();
  offsets_.assign(1, 0);
  if (++turn_ == 0) {  // after 2^32 clients
    std::fill(stamp_.begin(), stamp_.end(), 0);
    turn_ = 1;
  }
  for (const std::int64_t e : work.examples) {
    for (std::int64_t t = all.offsets[e]; t < all.offsets[e + 1]; ++t) {
      const auto word = static_cast<std::size_t>(all.tokens[t]);
      if (stamp_[word] != turn_) {
        stamp_[word] = turn_;
        seat_[word] = static_cast<std::int32_t>(rows_.size());
        rows_.push_back(all.tokens[t]);
      }
      tokens_.push_back(seat_[word]);
    }
    offsets_.push_back(static_cast<std::int64_t>(tokens_.size()));
    labels_.push_back(all.labels[e]);
  }
}

void SmallTrainer::take_start(std::span<const float> start) {
  const auto width = static_cast<std::size_t>(shape_.width);
  for (std::size_t i = 0; i < own_.size(); ++i) {
    const float* from = start.data() + places_[i];
    if (shape_.table == i) {
      start_[i].resize(rows_.size() * width);
      own_[i].resize(start_[i].size());
      for (std::size_t r = 0; r < rows_.size(); ++r) {
        if (r + kAhead < rows_.size()) {
          prefetch(from + static_cast<std::size_t>(rows_[r + kAhead]) * width, width);
        }
        const float* row = from + static_cast<std::size_t>(rows_[r]) * width;
        std::copy_n(row, width, start_[i].data() + r * width);
        std::copy_n(row, width, own_[i].data() + r * width);
      }
    } else {
      std::copy_n(from, start_[i].size(), start_[i].data());
      own_[i].assign(start_[i].begin(), start_[i].end());
    }
    own_pointers_[i] = own_[i].data();
  }
}

/// What training changed takes the place of what it came to.
void SmallTrainer::make_pieces() {
  pieces_.clear();
  meter_.clear();
  const auto width = static_cast<std::size_t>(shape_.width);
  for (std::size_t i = 0; i < own_.size(); ++i) {
    meter_.subtract(own_[i], start_[i].data());
    if (shape_.table != i) {
      pieces_.push_back({places_[i], own_[i].size(), own_[i].data()});
      continue;
    }
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      pieces_.push_back({places_[i] + static_cast<std::size_t>(rows_[r]) * width, width, own_[i].data() + r * width});
    }
  }
}

/// w -= rate * gradient, without a gradient of the table.
void SmallTrainer::plain_step(double rate) {
  const auto by = static_cast<float>(-rate);
  pass_.gradients(gradient_pointers_);
  for (std::size_t i = 0; i < own_.size(); ++i) {
    if (shape_.table == i) continue;  // Pass adds into it: its pointer is that of the rows themselves
    const float* gradient = gradients_[i].data();
    float* values = own_[i].data();
    for (std::size_t j = 0; j < own_[i].size(); ++j) values[j] += by * gradient[j];
  }
}

void SmallTrainer::general_step(double rate, double pull) {
  for (std::size_t i = 0; i < own_.size(); ++i) {
    if (shape_.table == i) gradients_[i].assign(own_[i].size(), 0.0F);
    gradient_pointers_[i] = gradients_[i].data();
  }
  pass_.gradients(gradient_pointers_);
  double squares = 0;
  for (std::size_t i = 0; options_.gradient_clip > 0 && i < own_.size(); ++i) {
    for (const float value : gradients_[i]) squares += double(value) * value;
  }
  const double norm = std::sqrt(squares);
  const float factor = options_.gradient_clip > 0 && norm > options_.gradient_clip
                           ? static_cast<float>(options_.gradient_clip / norm)
                           : 1.0F;
  optimizer_->begin_step(rate);
  for (std::size_t i = 0; i < own_.size(); ++i) {
    const auto mu = static_cast<float>(pull);
    for (std::size_t j = 0; j < own_[i].size(); ++j) {
      gradients_[i][j] = factor * gradients_[i][j] + mu * (own_[i][j] - start_[i][j]);
    }
    if (!own_[i].empty()) optimizer_->update(i, 0, gradients_[i]);
  }
}

LocalResult SmallTrainer::train(const LocalWork& work) {
  nn::stacked::DataView all = data_->view;
  if (work.data != nullptr) {
    all = {.size = work.data->size(),
           .tokens = work.data->tokens.data(),
           .offsets = work.data->offsets.data(),
           .labels = work.data->intents.data(),
           .features = nullptr,
           .frozen_table = data_->view.frozen_table};
  }
  nn::stacked::DataView mine = all;
  const bool rows = shape_.table.has_value();
  if (rows) {
    take_rows(work, all);
    mine = {.size = static_cast<std::int64_t>(labels_.size()),
            .tokens = tokens_.data(),
            .offsets = offsets_.data(),
            .labels = labels_.data()};
  }
  take_start(work.start);
  const double pull = work.pull >= 0 ? work.pull : options_.proximal;
  const bool plain = options_.optimizer.kind == nn::OptimizerKind::kSgd && pull == 0 &&
                     options_.optimizer.weight_decay == 0 && options_.gradient_clip == 0;
  if (!plain) {
    nn::NamedTensors tensors;
    for (std::size_t i = 0; i < own_.size(); ++i) {
      tensors.emplace_back(fmt::format("{}", i),
                           at::from_blob(own_[i].data(), {static_cast<std::int64_t>(own_[i].size())}, at::kFloat));
    }
    optimizer_ = std::make_unique<nn::Optimizer>(tensors, options_.optimizer);
  }
  // The same streams as ClientTrainer's.
  core::ReproducibleRng rng = local_rng(options_, work);
  (void)rng();  // dropout's, of which these models have none
  order_.resize(work.examples.size());
  if (rows) {
    std::iota(order_.begin(), order_.end(), 0);
  } else {
    std::copy(work.examples.begin(), work.examples.end(), order_.begin());
  }
  const auto batch = static_cast<std::size_t>(options_.batch_size);
  const std::int64_t planned = planned_steps(options_, order_.size());
  const nn::Schedule schedule = local_schedule(options_, work, planned);
  LocalResult result;
  double loss_sum = 0;
  std::int64_t seen = 0;
  for (std::int64_t epoch = 0; result.steps < planned; ++epoch) {
    core::shuffle(std::span<std::int64_t>(order_), rng);
    for (std::size_t begin = 0; begin < order_.size() && result.steps < planned; begin += batch) {
      const auto part = std::span<const std::int64_t>(order_).subspan(
          begin, std::min(batch, order_.size() - begin));
      const double rate = nn::learning_rate_at(schedule, result.steps);
      pass_.forward(own_pointers_, mine, part);
      const double sum = pass_.losses(mine, 1.0F / static_cast<float>(part.size()));
      if (epoch == 0) {
        loss_sum += sum;
        seen += static_cast<std::int64_t>(part.size());
      }
      pass_.backward(own_pointers_);
      if (plain) {
        for (std::size_t i = 0; i < own_.size(); ++i) {
          gradient_pointers_[i] = shape_.table == i ? own_[i].data() : gradients_[i].data();
        }
        if (shape_.table) {
          // A plain step adds straight into the rows, so what reaches them carries -rate.
          for (const nn::stacked::Use& use : pass_.uses()) {
            if (use.parameter != *shape_.table) continue;
            const std::int64_t size = (use.by_token ? pass_.offsets().back() : pass_.examples()) * use.out;
            for (std::int64_t i = 0; i < size; ++i) use.gradient[i] *= static_cast<float>(-rate);
          }
        }
        plain_step(rate);
      } else {
        general_step(rate, pull);
      }
      ++result.steps;
    }
  }
  optimizer_.reset();
  make_pieces();
  result.loss = loss_sum / static_cast<double>(seen);
  result.root_mean_square_loss = std::nan("");
  return result;
}

LocalResult SmallTrainer::train(const LocalWork& work, std::span<float> difference) {
  const LocalResult result = train(work);
  std::ranges::sort(pieces_, {}, &FlatPiece::begin);
  parts_.clear();
  for (const FlatPiece& piece : pieces_) {
    std::copy_n(piece.values, piece.size, difference.data() + piece.begin);
    if (!parts_.empty() && parts_.back().end == piece.begin) {
      parts_.back().end += piece.size;
    } else {
      parts_.push_back({piece.begin, piece.begin + piece.size});
    }
  }
  return result;
}

}  // namespace discreet::federated
