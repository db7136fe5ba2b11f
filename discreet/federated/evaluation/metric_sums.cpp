#include "discreet/federated/evaluation/metric_sums.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "discreet/core/error.h"

namespace discreet::federated {
namespace {

const double kLargestSum = std::ldexp(1.0, 62);

}  // namespace

void MetricLayout::add(MetricBlock block) {
  if (block.size == 0 || has(block.name)) throw internal_error("a block of metrics: " + block.name);
  offsets_.push_back(size_);
  size_ += block.size;
  blocks_.push_back(std::move(block));
}

bool MetricLayout::has(const std::string& name) const {
  for (const MetricBlock& block : blocks_) {
    if (block.name == name) return true;
  }
  return false;
}

std::size_t MetricLayout::place(const std::string& name) const {
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    if (blocks_[i].name == name) return i;
  }
  throw internal_error("no block of metrics is called " + name);
}

MetricSums::MetricSums(std::shared_ptr<const MetricLayout> layout)
    : layout_(std::move(layout)), sums_(layout_->size(), 0), last_(layout_->blocks().size(), -1) {}

void MetricSums::put(std::size_t place, std::size_t index, double value) {
  const MetricBlock& block = layout_->blocks()[place];
  if (index >= block.size) throw internal_error("an entry outside block " + block.name);
  const std::size_t at = layout_->offset(place) + index;
  const double scaled = std::ldexp(value, block.fraction_bits);
  const double sum = static_cast<double>(static_cast<std::int64_t>(sums_[at])) + scaled;
  if (!(std::abs(sum) < kLargestSum)) {
    throw runtime_failure(fmt::format("the sum of '{}' is too large for {} bits behind the point", block.name,
                                     block.fraction_bits),
                         "Evaluate on fewer examples at once.");
  }
  sums_[at] += static_cast<std::uint64_t>(std::llrint(scaled));
}

void MetricSums::add(std::size_t place, std::span<const MetricEntry> entries) {
  const MetricBlock& block = layout_->blocks()[place];
  const std::int64_t whose = block.per_device ? 0 : examples_;
  if (block.bound > 0 && last_[place] == whose) {
    throw internal_error("a second contribution of one example to block " + block.name);
  }
  last_[place] = whose;
  double squares = 0;
  bool finite = true;
  for (const MetricEntry& entry : entries) {
    if (std::isfinite(entry.value)) {
      squares += entry.value * entry.value;
    } else {
      finite = false;
    }
  }
  const double norm = std::sqrt(squares);
  // A little below the bound: each entry is rounded to the grid afterwards. Counts are whole already.
  const double grid = block.fraction_bits == 0
                          ? 0
                          : std::ldexp(std::sqrt(double(entries.size())), -block.fraction_bits - 1);
  const double most = std::max(0.0, block.bound - grid);
  const bool too_long = block.bound > 0 && norm > most;
  if ((block.bound > 0 && norm > block.bound) || !finite) ++clipped_;
  const double scale = too_long ? most / norm : 1;
  for (const MetricEntry& entry : entries) {
    if (!std::isfinite(entry.value) || entry.value == 0) continue;
    const double value = entry.value * scale;
    // Counts that were scaled down are cut towards zero: rounding up would lengthen them again.
    put(place, entry.index, block.fraction_bits == 0 && too_long ? std::trunc(value) : value);
  }
}

std::vector<double> MetricSums::values() const { return decode_sums(*layout_, sums_); }

void MetricSums::merge(const MetricSums& other) {
  if (other.sums_.size() != sums_.size()) throw internal_error("sums of different evaluations");
  for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] += other.sums_[i];
  examples_ += other.examples_;
  clipped_ += other.clipped_;
}

std::vector<double> decode_sums(const MetricLayout& layout, std::span<const std::uint64_t> sums) {
  if (sums.size() != layout.size()) throw internal_error("sums of another evaluation");
  std::vector<double> values;
  values.reserve(sums.size());
  for (const MetricBlock& block : layout.blocks()) {
    for (std::size_t i = 0; i < block.size; ++i) {
      const auto sum = static_cast<std::int64_t>(sums[values.size()]);
      values.push_back(std::ldexp(static_cast<double>(sum), -block.fraction_bits));
    }
  }
  return values;
}

}  // namespace discreet::federated
