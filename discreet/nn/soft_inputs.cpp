#include "discreet/nn/soft_inputs.h"

#include <algorithm>

#include "discreet/core/error.h"

namespace discreet::nn {
namespace {

thread_local const std::vector<SoftWords>* current_soft_words = nullptr;

at::Tensor soft_ids(const std::vector<std::int64_t>& ids) {
  at::Tensor tensor = at::empty({static_cast<std::int64_t>(ids.size())}, at::kLong);
  std::ranges::copy(ids, tensor.data_ptr<std::int64_t>());
  return tensor;
}

Rows one_segment(std::int64_t rows) {
  auto segments = std::make_shared<Segments>();
  segments->offsets.push_back(rows);
  return segments;
}

at::Tensor mixed(const at::Tensor& rows, const at::Tensor& places, const at::Tensor& weights,
                 const at::Tensor& candidates) {
  return rows.index_copy(0, places, weights.to(rows.scalar_type()).matmul(candidates));
}

/// Whether all candidates have as many characters as each token in whose place they stand.
bool same_length(const SoftWords& soft, const std::vector<std::int64_t>& offsets) {
  const std::size_t length = soft.characters.front().size();
  const auto* rows = soft.rows.const_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < soft.rows.numel(); ++i) {
    const auto n = static_cast<std::size_t>(rows[i]);
    if (static_cast<std::size_t>(offsets.at(n + 1) - offsets.at(n)) != length) return false;
  }
  return std::ranges::all_of(soft.characters, [&](const auto& ids) { return ids.size() == length; });
}

void check_characters(const SoftWords& soft) {
  if (soft.characters.size() != static_cast<std::size_t>(soft.ids.numel()) || soft.characters.empty()) {
    throw internal_error("soft words without their characters, in a model that reads them");
  }
}

}  // namespace

SoftInputScope::SoftInputScope(const std::vector<SoftWords>& words) : previous_(current_soft_words) {
  current_soft_words = &words;
}
SoftInputScope::~SoftInputScope() { current_soft_words = previous_; }
bool SoftInputScope::active() { return current_soft_words != nullptr; }

at::Tensor mix_tokens(const at::Tensor& rows, const LookUp& look_up) {
  if (current_soft_words == nullptr) return rows;
  at::Tensor out = rows;
  for (const SoftWords& soft : *current_soft_words) {
    out = mixed(out, soft.rows, soft.weights, look_up(soft.ids, one_segment(soft.ids.numel())));
  }
  return out;
}

at::Tensor mix_characters(const at::Tensor& rows, const std::vector<std::int64_t>& offsets, const LookUp& look_up) {
  if (current_soft_words == nullptr) return rows;
  at::Tensor out = rows;
  for (const SoftWords& soft : *current_soft_words) {
    check_characters(soft);
    if (!same_length(soft, offsets)) continue;
    const auto* tokens = soft.rows.const_data_ptr<std::int64_t>();
    for (std::size_t c = 0; c < soft.characters.front().size(); ++c) {
      std::vector<std::int64_t> places, ids;
      for (std::int64_t i = 0; i < soft.rows.numel(); ++i) {
        places.push_back(offsets.at(static_cast<std::size_t>(tokens[i])) + static_cast<std::int64_t>(c));
      }
      for (const auto& candidate : soft.characters) ids.push_back(candidate[c]);
      out = mixed(out, soft_ids(places), soft.weights,
                  look_up(soft_ids(ids), one_segment(static_cast<std::int64_t>(ids.size()))));
    }
  }
  return out;
}

at::Tensor mix_words(const at::Tensor& rows, const std::vector<std::int64_t>& offsets, const ReadWords& read) {
  if (current_soft_words == nullptr) return rows;
  at::Tensor out = rows;
  for (const SoftWords& soft : *current_soft_words) {
    if (same_length(soft, offsets)) continue;
    std::vector<std::int64_t> ids;
    Sequences words;
    for (const auto& candidate : soft.characters) {
      ids.insert(ids.end(), candidate.begin(), candidate.end());
      words.offsets.push_back(static_cast<std::int64_t>(ids.size()));
    }
    words.segments = one_segment(static_cast<std::int64_t>(ids.size()));
    out = mixed(out, soft.rows, soft.weights, read(soft_ids(ids), words));
  }
  return out;
}

}  // namespace discreet::nn
