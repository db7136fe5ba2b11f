#include "discreet/dp/internal/row_sums.h"

#include <algorithm>
#include <cstring>

namespace discreet::dp::internal {
namespace {
constexpr std::int64_t kFirstRows = 64;
}

RowSums::RowSums(std::int64_t rows, std::int64_t width, at::ScalarType type)
    : width_(width), place_(static_cast<std::size_t>(rows), -1),
      sums_(at::empty({std::min(kFirstRows, rows), width}, type)) {}

std::int64_t RowSums::place(std::int64_t id) {
  std::int32_t& known = place_[static_cast<std::size_t>(id)];
  if (known >= 0) return known;
  const auto next = static_cast<std::int64_t>(ids_.size());
  if (next == sums_.size(0)) {
    at::Tensor wider = at::empty({2 * next, width_}, sums_.options());
    wider.narrow(0, 0, next).copy_(sums_);
    sums_ = std::move(wider);
  }
  const std::size_t bytes = static_cast<std::size_t>(width_) * sums_.element_size();
  std::memset(static_cast<char*>(sums_.data_ptr()) + static_cast<std::size_t>(next) * bytes, 0, bytes);
  ids_.push_back(id);
  known = static_cast<std::int32_t>(next);
  return next;
}

void RowSums::clear() {
  for (const std::int64_t id : ids_) place_[static_cast<std::size_t>(id)] = -1;
  ids_.clear();
}

bool RowSums::read(std::int64_t first, std::int64_t size, float* out) const {
  const std::int64_t end = first + size;
  bool any = false;
  for (std::int64_t row = first / width_; row * width_ < end && !any; ++row) {
    any = place_[static_cast<std::size_t>(row)] >= 0;
  }
  if (!any) return false;
  const float* sums = sums_.const_data_ptr<float>();
  for (std::int64_t at = first; at < end;) {
    const std::int64_t row = at / width_, column = at % width_;
    const std::int64_t length = std::min(width_ - column, end - at);
    const std::int32_t place = place_[static_cast<std::size_t>(row)];
    if (place < 0) {
      std::fill_n(out, length, 0.0F);
    } else {
      std::copy_n(sums + place * width_ + column, length, out);
    }
    out += length;
    at += length;
  }
  return true;
}

void RowSums::add_to(at::Tensor& table) const {
  if (ids_.empty()) return;
  const auto count = static_cast<std::int64_t>(ids_.size());
  table.index_add_(0, at::tensor(ids_, at::kLong), sums_.narrow(0, 0, count));
}

}  // namespace discreet::dp::internal
