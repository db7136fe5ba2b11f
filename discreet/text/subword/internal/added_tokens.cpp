#include "discreet/text/subword/internal/added_tokens.h"

#include <algorithm>

#include "discreet/text/subword/internal/code_points.h"

namespace discreet::text::subword {

AddedToken read_added_token(const JsonFields& f) {
  return {.content = f.text("content"),
          .single_word = f.boolean("single_word", false),
          .lstrip = f.boolean("lstrip", false),
          .rstrip = f.boolean("rstrip", false),
          .normalized = f.boolean("normalized", true),
          .special = f.boolean("special", false),
          .spelling = {}};
}

AddedTokens::AddedTokens(std::vector<AddedToken> tokens, const Normalizer* normalizer)
    : tokens_(std::move(tokens)) {
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    by_id_[tokens_[i].id] = i;
    by_content_.set(tokens_[i].content, static_cast<std::int32_t>(i));
    if (tokens_[i].special) special_.set(tokens_[i].content, 0);
  }
  // Special tokens come first where two look the same.
  std::vector<std::int32_t> order;
  for (const bool special : {true, false}) {
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (tokens_[i].special == special) order.push_back(static_cast<std::int32_t>(i));
    }
  }
  std::vector<std::int32_t> plain_order, normal_order;
  for (const std::int32_t i : order) {
    AddedToken& token = tokens_[static_cast<std::size_t>(i)];
    std::string text = token.content;
    if (token.normalized && normalizer != nullptr) {
      Aligned aligned, scratch;
      aligned.assign(text, 0, text.size(), false);
      normalizer->apply(aligned, scratch);
      text = aligned.text();
    }
    token.spelling = text;
    if (text.empty()) continue;
    Patterns& patterns = token.normalized ? normal_ : plain_;
    patterns.first[static_cast<unsigned char>(text[0])] = true;
    patterns.texts.push_back(std::move(text));
    (token.normalized ? normal_order : plain_order).push_back(i);
  }
  const auto build = [](Patterns& patterns, const std::vector<std::int32_t>& which) {
    if (which.empty()) return;
    std::vector<std::pair<std::string_view, std::int32_t>> keys;
    for (std::size_t i = which.size(); i-- > 0;) keys.emplace_back(patterns.texts[i], which[i]);
    patterns.trie.emplace(std::move(keys));
  };
  build(plain_, plain_order);
  build(normal_, normal_order);
}

void AddedTokens::find(std::string_view text, bool normalized, std::vector<TextPart>& parts) const {
  const auto add = [&](std::size_t begin, std::size_t end, std::int32_t id) {
    if (begin < end) parts.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end), id});
  };
  const Patterns& patterns = normalized ? normal_ : plain_;
  if (!patterns.trie) {
    add(0, text.size(), -1);
    return;
  }
  const std::uint16_t* classes = class_table();
  const auto word_ends = [&](std::size_t end) {
    return end > 0 && is(classes[read_code_point_before(text, end)], kWord);
  };
  const auto word_begins = [&](std::size_t begin) {
    return begin < text.size() && is(classes[read_code_point(text, begin)], kWord);
  };
  std::size_t last = 0;  // what is before it is in `parts`
  for (std::size_t at = 0; at < text.size();) {
    std::size_t bytes = 0;
    std::int32_t which = -1;
    if (patterns.first[static_cast<unsigned char>(text[at])]) {
      patterns.trie->prefixes(text.substr(at), [&](std::size_t n, std::int32_t value) {
        bytes = n;
        which = value;
      });
    }
    if (which < 0) {
      ++at;
      continue;
    }
    const AddedToken& token = tokens_[static_cast<std::size_t>(which)];
    std::size_t begin = at, end = at + bytes;
    at = end;
    if (token.single_word && (word_ends(begin) || word_begins(end))) continue;
    if (token.lstrip) {
      while (begin > last) {
        std::size_t before = begin;
        if (!is(classes[read_code_point_before(text, before)], kSpace)) break;
        begin = before;
      }
      begin = std::min(std::max(begin, last), end);
    }
    if (token.rstrip) {
      for (std::size_t behind = end; behind < text.size(); end = behind) {
        if (!is(classes[read_code_point(text, behind)], kSpace)) break;
      }
    }
    add(last, begin, -1);
    add(begin, end, token.id);
    // The search goes on behind the token itself: one of white space is found in what `rstrip` took, as there.
    last = end;
  }
  add(last, text.size(), -1);
}

const AddedToken* AddedTokens::by_id(std::int32_t id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &tokens_[found->second];
}

const AddedToken* AddedTokens::by_content(std::string_view content) const {
  const std::int32_t found = by_content_.find(content);
  return found < 0 ? nullptr : &tokens_[static_cast<std::size_t>(found)];
}

bool AddedTokens::is_special(std::string_view content) const { return special_.find(content) >= 0; }

}  // namespace discreet::text::subword
