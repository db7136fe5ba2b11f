#include "discreet/federated/storage.h"

#include <fmt/format.h>

#include <algorithm>

#include "discreet/core/error.h"

namespace discreet::federated {

StoragePolicy parse_storage(const std::string& text) {
  using Kind = StoragePolicy::Kind;
  if (text == "keep-all") return {};
  const std::size_t colon = text.find(':');
  const std::string name = text.substr(0, colon);
  StoragePolicy policy;
  if (name == "window") policy.kind = Kind::kWindow;
  if (name == "fifo") policy.kind = Kind::kFifo;
  if (name == "reservoir") policy.kind = Kind::kReservoir;
  if (name == "ttl") policy.kind = Kind::kTimeToLive;
  if (name == "replay") policy.kind = Kind::kReplay;
  const std::string number = colon == std::string::npos ? "" : text.substr(colon + 1);
  const bool whole = !number.empty() && number.size() < 16 &&
                     number.find_first_not_of("0123456789") == std::string::npos;
  if (policy.kind == Kind::kKeepAll || !whole || std::stoll(number) < 1) {
    throw usage_error(fmt::format("federated.storage = \"{}\" is no policy of storage", text),
                      "Take keep-all, window:W or ttl:P (periods), fifo:B, reservoir:B or replay:B (examples).");
  }
  policy.size = std::stoll(number);
  return policy;
}

void DeviceStore::arrive(std::int64_t period, const std::vector<std::int64_t>& items) {
  using Kind = StoragePolicy::Kind;
  if (policy_.kind == Kind::kWindow || policy_.kind == Kind::kTimeToLive) {
    std::erase_if(held_, [&](const auto& held) { return held.second <= period - policy_.size; });
  }
  for (const std::int64_t item : items) {
    ++seen_;
    if (policy_.kind == Kind::kReservoir &&
        static_cast<std::int64_t>(held_.size()) == policy_.size) {
      // Item m stays with chance B/m, in the place of one drawn at random (Vitter 1985, R).
      const std::uint64_t place = rng_.below(static_cast<std::uint64_t>(seen_));
      if (place < held_.size()) held_[place] = {item, period};
      continue;
    }
    held_.emplace_back(item, period);
  }
  if (policy_.kind == Kind::kFifo && static_cast<std::int64_t>(held_.size()) > policy_.size) {
    held_.erase(held_.begin(), held_.end() - policy_.size);
  }
}

void DeviceStore::end_period(const Choose& choose) {
  if (!is_over_full()) return;
  std::vector<std::int64_t> items;
  for (const auto& [item, period] : held_) items.push_back(item);
  std::vector<std::size_t> stay = choose(items, static_cast<std::size_t>(policy_.size));
  std::sort(stay.begin(), stay.end());
  std::vector<std::pair<std::int64_t, std::int64_t>> kept;
  for (const std::size_t place : stay) kept.push_back(held_.at(place));
  held_ = std::move(kept);
}

std::vector<std::size_t> nearest_mean(std::span<const float> rows, std::size_t width,
                                      std::size_t keep) {
  const std::size_t n = width == 0 ? 0 : rows.size() / width;
  std::vector<double> mean(width, 0.0), sum(width, 0.0);
  for (std::size_t r = 0; r < n; ++r) {
    for (std::size_t i = 0; i < width; ++i) mean[i] += rows[r * width + i] / static_cast<double>(n);
  }
  std::vector<std::size_t> chosen;
  std::vector<char> taken(n, 0);
  while (chosen.size() < std::min(keep, n)) {
    const double count = static_cast<double>(chosen.size() + 1);
    std::size_t best = n;
    double least = 0;
    for (std::size_t r = 0; r < n; ++r) {
      if (taken[r]) continue;
      double distance = 0;
      for (std::size_t i = 0; i < width; ++i) {
        const double apart = (sum[i] + rows[r * width + i]) / count - mean[i];
        distance += apart * apart;
      }
      if (best == n || distance < least) {
        best = r;
        least = distance;
      }
    }
    taken[best] = 1;
    chosen.push_back(best);
    for (std::size_t i = 0; i < width; ++i) sum[i] += rows[best * width + i];
  }
  return chosen;
}

std::vector<std::int64_t> DeviceStore::items() const {
  std::vector<std::int64_t> items;
  for (const auto& [item, period] : held_) items.push_back(item);
  std::sort(items.begin(), items.end());
  return items;
}

std::vector<std::vector<std::int64_t>> arrivals(const std::vector<std::int64_t>& items,
                                                std::int64_t periods) {
  std::vector<std::vector<std::int64_t>> parts(static_cast<std::size_t>(periods));
  const auto n = static_cast<std::int64_t>(items.size());
  for (std::int64_t p = 0; p < periods; ++p) {
    // Parts differ by at most one item, and their sizes add up.
    const std::int64_t begin = p * n / periods, end = (p + 1) * n / periods;
    parts[static_cast<std::size_t>(p)].assign(items.begin() + begin, items.begin() + end);
  }
  return parts;
}

double forgetting(const std::vector<double>& values_so_far) {
  if (values_so_far.empty()) return 0;
  return *std::max_element(values_so_far.begin(), values_so_far.end()) - values_so_far.back();
}

}  // namespace discreet::federated
