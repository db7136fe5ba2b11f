#include "discreet/nn/batch.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "discreet/core/error.h"
#include "discreet/nn/device.h"

namespace discreet::nn {
namespace {

at::Tensor integer_tensor(const std::vector<std::int64_t>& values) {
  at::Tensor tensor = at::empty({static_cast<std::int64_t>(values.size())}, at::kLong);
  if (!values.empty()) {
    std::memcpy(tensor.data_ptr<std::int64_t>(), values.data(),
                values.size() * sizeof(std::int64_t));
  }
  return tensor;
}

void check_segments(std::span<const std::int64_t> segment_offsets, std::size_t examples) {
  const bool fits = segment_offsets.front() == 0 &&
                    segment_offsets.back() == static_cast<std::int64_t>(examples) &&
                    std::is_sorted(segment_offsets.begin(), segment_offsets.end());
  if (!fits) {
    throw internal_error("segment offsets must rise from 0 to the number of examples, " +
                         std::to_string(examples));
  }
}

/// The characters of the batch's tokens, which stand in it already.
void collate_characters(const EncodedExamples& data, std::span<const std::int64_t> indices,
                        PackedBatch& batch) {
  if (data.character_offsets.size() != data.tokens.size() + 1) {
    throw internal_error("character offsets for " + std::to_string(data.character_offsets.size()) +
                         " - 1 tokens, but there are " + std::to_string(data.tokens.size()));
  }
  std::vector<std::int64_t> characters;
  batch.character_offsets.reserve(static_cast<std::size_t>(batch.token_count()) + 1);
  for (const std::int64_t index : indices) {
    const std::int64_t first = data.offsets[index], last = data.offsets[index + 1];
    const std::int64_t begin = data.character_offsets[first];
    const auto shift = static_cast<std::int64_t>(characters.size()) - begin;
    for (std::int64_t n = first; n < last; ++n) {
      batch.character_offsets.push_back(data.character_offsets[n + 1] + shift);
    }
    characters.insert(characters.end(), data.characters.begin() + begin,
                      data.characters.begin() + data.character_offsets[last]);
  }
  batch.characters = integer_tensor(characters);
  auto segments = std::make_shared<Segments>();
  segments->offsets.clear();
  for (const std::int64_t offset : batch.token_segments->offsets) {
    segments->offsets.push_back(batch.character_offsets[offset]);
  }
  batch.character_segments = std::move(segments);
}

}  // namespace

std::int64_t Segments::longest() const {
  std::int64_t most = 0;
  for (std::int64_t s = 0; s < count(); ++s) most = std::max(most, offsets[s + 1] - offsets[s]);
  return most;
}

const at::Tensor& Segments::places(at::Device device) const {
  if (!kept_places.defined() || kept_places.device() != device) {
    std::vector<std::int64_t> places;
    const std::int64_t most = longest();
    for (std::int64_t s = 0; s < count(); ++s) {
      for (std::int64_t r = offsets[s]; r < offsets[s + 1]; ++r) places.push_back(s * most + r - offsets[s]);
    }
    kept_places = integer_tensor(places).to(device);
  }
  return kept_places;
}

const at::Tensor& Segments::numbers(at::Device device) const {
  if (!kept_numbers.defined() || kept_numbers.device() != device) kept_numbers = run_numbers(offsets, device);
  return kept_numbers;
}

TimeOrder time_order(std::span<const std::int64_t> offsets) {
  const std::int64_t examples = static_cast<std::int64_t>(offsets.size()) - 1;
  const std::int64_t rows = offsets.back();
  std::vector<std::int64_t> order(examples);
  std::iota(order.begin(), order.end(), 0);
  const auto length = [&](std::int64_t e) { return offsets[e + 1] - offsets[e]; };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int64_t a, std::int64_t b) { return length(a) > length(b); });

  TimeOrder time;
  time.to_time = at::empty({rows}, at::kLong);
  time.to_example = at::empty({rows}, at::kLong);
  time.to_time_reversed = at::empty({rows}, at::kLong);
  time.to_example_reversed = at::empty({rows}, at::kLong);
  auto* forward = time.to_time.data_ptr<std::int64_t>();
  auto* forward_inverse = time.to_example.data_ptr<std::int64_t>();
  auto* backward = time.to_time_reversed.data_ptr<std::int64_t>();
  auto* backward_inverse = time.to_example_reversed.data_ptr<std::int64_t>();
  std::int64_t row = 0, alive = examples;
  for (std::int64_t step = 0; row < rows; ++step) {
    while (alive > 0 && length(order[alive - 1]) <= step) --alive;
    time.sizes.push_back(alive);
    for (std::int64_t i = 0; i < alive; ++i, ++row) {
      forward[row] = offsets[order[i]] + step;
      backward[row] = offsets[order[i] + 1] - 1 - step;
      forward_inverse[forward[row]] = row;
      backward_inverse[backward[row]] = row;
    }
  }
  return time;
}

PackedBatch collate(const EncodedExamples& data, std::span<const std::int64_t> indices,
                    std::span<const std::int64_t> segment_offsets) {
  PackedBatch batch;
  batch.indices.assign(indices.begin(), indices.end());
  for (const std::int64_t index : indices) {
    if (index < 0 || index >= data.size()) {
      throw internal_error("example " + std::to_string(index) + " asked of " +
                           std::to_string(data.size()));
    }
    batch.offsets.push_back(batch.offsets.back() + data.offsets[index + 1] - data.offsets[index]);
  }
  const auto gather = [&](const std::vector<std::int64_t>& values) {
    at::Tensor out = at::empty({batch.token_count()}, at::kLong);
    auto* target = out.data_ptr<std::int64_t>();
    for (const std::int64_t index : indices) {
      target = std::copy(values.begin() + data.offsets[index],
                         values.begin() + data.offsets[index + 1], target);
    }
    return out;
  };
  batch.tokens = gather(data.tokens);
  batch.offsets_tensor = integer_tensor(batch.offsets);
  if (!data.tags.empty()) batch.tags = gather(data.tags);
  if (!data.token_types.empty()) batch.token_types = gather(data.token_types);
  if (!data.intents.empty()) {
    batch.intent = at::empty({batch.examples()}, at::kLong);
    auto* intent = batch.intent.data_ptr<std::int64_t>();
    for (const std::int64_t index : indices) *intent++ = data.intents[index];
  }
  batch.time = time_order(batch.offsets);

  auto example_segments = std::make_shared<Segments>();
  if (segment_offsets.empty()) {
    example_segments->offsets.resize(indices.size() + 1);
    std::iota(example_segments->offsets.begin(), example_segments->offsets.end(), 0);
  } else {
    check_segments(segment_offsets, indices.size());
    example_segments->offsets.assign(segment_offsets.begin(), segment_offsets.end());
  }
  auto token_segments = std::make_shared<Segments>();
  token_segments->offsets.clear();
  for (const std::int64_t offset : example_segments->offsets) {
    token_segments->offsets.push_back(batch.offsets[offset]);
  }
  batch.example_segments = std::move(example_segments);
  batch.token_segments = std::move(token_segments);
  if (!data.character_offsets.empty()) collate_characters(data, indices, batch);
  return batch;
}

PackedBatch to_device(const PackedBatch& batch, at::Device device) {
  PackedBatch moved = batch;
  for (at::Tensor* tensor : {&moved.tokens, &moved.offsets_tensor, &moved.characters, &moved.intent,
                             &moved.tags, &moved.token_types, &moved.time.to_time,
                             &moved.time.to_example, &moved.time.to_time_reversed,
                             &moved.time.to_example_reversed}) {
    if (tensor->defined()) *tensor = tensor->to(device);
  }
  return moved;
}

}  // namespace discreet::nn
