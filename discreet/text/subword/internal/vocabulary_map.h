#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "discreet/text/subword/internal/string_map.h"

namespace discreet::text::subword {

/// Tokens and ids both ways. A token that is put in twice keeps its last id.
class TokenIds {
 public:
  void add(std::string token, std::int32_t id) {
    ids_.set(token, id);
    longest_ = std::max(longest_, token.size());
    largest_ = std::max(largest_, id);
    tokens_[id] = std::move(token);
  }
  /// -1 if there is none.
  std::int32_t id_of(std::string_view token) const { return ids_.find(token); }
  const std::string* token_of(std::int32_t id) const {
    const auto found = tokens_.find(id);
    return found == tokens_.end() ? nullptr : &found->second;
  }
  std::size_t count() const { return ids_.size(); }
  std::int32_t largest_id() const { return largest_; }
  std::size_t longest_token() const { return longest_; }
  const std::unordered_map<std::int32_t, std::string>& all() const { return tokens_; }

 private:
  StringMap ids_;
  std::unordered_map<std::int32_t, std::string> tokens_;
  std::size_t longest_ = 0;
  std::int32_t largest_ = -1;
};

}  // namespace discreet::text::subword
