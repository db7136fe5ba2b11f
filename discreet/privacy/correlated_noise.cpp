#include "discreet/privacy/correlated_noise.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include <fmt/format.h>

#include "discreet/core/error.h"

namespace discreet::privacy {

CorrelatedNoise::CorrelatedNoise(
    std::shared_ptr<const NoiseStrategy> strategy, const Participation& participation,
    const std::function<std::unique_ptr<NoiseSource>(std::int64_t)>& source)
    : strategy_(std::move(strategy)),
      scale_(strategy_->sensitivity(participation) /
             std::sqrt(static_cast<double>(participation.most))),
      first_past_(static_cast<std::size_t>(strategy_->memory())) {
  for (std::int64_t i = 0; i < strategy_->draws(); ++i) sources_.push_back(source(i));
}

void CorrelatedNoise::begin_step(std::uint64_t step) {
  if (position_ >= 0 && step != last_step_ + 1) {
    throw internal_error(
        fmt::format("correlated noise was asked for step {} after step {}", step, last_step_));
  }
  if (position_ >= 0 && size_ == 0) {
    size_ = offset_;
    for (const auto& row : first_past_) past_.insert(past_.end(), row.begin(), row.end());
    first_past_.clear();
  }
  if (position_ >= 0 && offset_ != size_) {
    throw internal_error(fmt::format("a step noised {} numbers, the first one {}", offset_, size_));
  }
  if (++position_ >= strategy_->steps()) {
    throw internal_error(fmt::format("the matrix mechanism is for {} steps", strategy_->steps()));
  }
  last_step_ = step;
  offset_ = call_ = 0;
  for (const auto& source : sources_) source->begin_step(step);
}

template <class T>
void CorrelatedNoise::add(std::span<T> values, double std, std::optional<std::uint64_t> place) {
  if (!(std >= 0) || std::isinf(std)) {
    throw usage_error(fmt::format("noise std = {}: expected a finite number >= 0", std));
  }
  if (values.empty()) return;
  if (position_ < 0) begin_step(0);
  if (position_ == 0 && size_ == 0) stds_.push_back(std);
  const double first = call_ < stds_.size() ? stds_[call_] : -1;
  if (std != first) {
    throw privacy_refused(
        fmt::format("noise of size {} was asked for where the first step had noise of size {}", std,
                    first),
        "The noise of DP-FTRL cancels over the steps, so the clip norm must not change.");
  }
  const std::size_t n = values.size();
  float* past = nullptr;
  std::size_t stride = size_;
  std::vector<float> fresh;  // the first step: room for these coordinates alone
  if (size_ == 0) {
    fresh.assign(first_past_.size() * n, 0.0F);
    past = fresh.data();
    stride = n;
  } else if (offset_ + n > size_) {
    throw internal_error("a step noises more numbers than the first one");
  } else {
    past = past_.data() + offset_;
  }
  block_.resize(n);
  std::span<float> block(block_);
  if constexpr (std::is_same_v<T, float>) {
    block = values;
  } else {
    std::transform(values.begin(), values.end(), block_.begin(),
                   [](T value) { return static_cast<float>(value); });
  }
  const double size = std * scale_;
  strategy_->next(position_, block, past, stride, [&](std::int64_t i, std::span<float> row) {
    NoiseSource& source = *sources_[static_cast<std::size_t>(i)];
    if (place) return source.add_reserved({*place, row.data(), row, size, 1.0});
    source.add_gaussian(row, size);
  });
  if (size_ == 0) {
    for (std::size_t row = 0; row < first_past_.size(); ++row) {
      first_past_[row].insert(first_past_[row].end(),
                              fresh.begin() + static_cast<std::ptrdiff_t>(row * n),
                              fresh.begin() + static_cast<std::ptrdiff_t>((row + 1) * n));
    }
  }
  offset_ += n;
  ++call_;
  if constexpr (!std::is_same_v<T, float>) std::copy(block_.begin(), block_.end(), values.begin());
}

void CorrelatedNoise::add_gaussian(std::span<float> values, double std) { add(values, std); }
void CorrelatedNoise::add_gaussian(std::span<double> values, double std) { add(values, std); }

std::optional<std::uint64_t> CorrelatedNoise::reserve_shared(std::uint64_t count) {
  std::optional<std::uint64_t> place;
  for (const auto& source : sources_) {
    const auto found = source->reserve(count);
    // Each source has a stream of its own, and all of them stand at the same place of it.
    if (!found || (place && *place != *found)) {
      throw internal_error("the sources of correlated noise stand at different places");
    }
    place = found;
  }
  return place;
}

void CorrelatedNoise::add_shared(const ReservedNoise& part) {
  if (part.in == nullptr) {
    std::fill(part.out.begin(), part.out.end(), 0.0F);
  } else if (part.in != part.out.data()) {
    std::copy_n(part.in, part.out.size(), part.out.begin());
  }
  add(part.out, part.std, part.position);
  const auto scale = static_cast<float>(part.scale);
  for (float& value : part.out) value *= scale;
}

double CorrelatedNoise::step_deviation(double std) const {
  const std::int64_t position = std::max<std::int64_t>(position_, 0);
  return std * scale_ * std::sqrt(strategy_->step_variance(position));
}

CorrelatedNoise::State CorrelatedNoise::state() const {
  if (secure()) {
    throw privacy_refused("the state of secure noise does not leave the memory",
                          "A resumed run starts the mechanism anew for the steps that are left.");
  }
  State state{.position = position_ + 1, .stds = stds_, .past = past_};
  if (size_ == 0) {
    for (const auto& row : first_past_) state.past.insert(state.past.end(), row.begin(), row.end());
  }
  return state;
}

void CorrelatedNoise::restore(const State& state) {
  const auto rows = static_cast<std::size_t>(strategy_->memory());
  if (state.position < 0 || state.position > strategy_->steps() ||
      (rows > 0 && state.past.size() % rows != 0)) {
    throw bad_data("the state of the correlated noise does not fit its mechanism",
                   "It was written by a run of another configuration.");
  }
  position_ = state.position - 1;
  stds_ = state.stds;
  last_step_ = static_cast<std::uint64_t>(position_);
  if (rows == 0 || state.past.empty()) return;
  past_ = state.past;
  size_ = offset_ = past_.size() / rows;
  first_past_.clear();
}

}  // namespace discreet::privacy
