#include "discreet/text/subword/internal/tokenizer_file.h"

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/text/subword/internal/json_fields.h"

namespace discreet::text::subword {
namespace {

constexpr std::size_t kDeepestJson = 64;
constexpr std::size_t kMostKeys = 5'000;

/// Builds a tree, and diverts the lists of "model" (or, of a vocab.json, the root) on the way.
class Events final : public nlohmann::json_sax<Json> {
 public:
  enum class Root { kTokenizer, kVocabulary, kPlain };
  Events(Root root, const std::string& origin) : root_kind_(root), origin_(origin) {}

  bool null() override { return value(Json(nullptr)); }
  bool boolean(bool v) override { return value(Json(v)); }
  bool number_integer(number_integer_t v) override { return number(Json(v), static_cast<double>(v), v); }
  bool number_unsigned(number_unsigned_t v) override {
    return number(Json(v), static_cast<double>(v), v > INT64_MAX ? INT64_MAX : static_cast<std::int64_t>(v));
  }
  bool number_float(number_float_t v, const string_t&) override { return number(Json(v), v, -1); }
  bool string(string_t& v) override {
    if (list_ == List::kNone) return value(Json(std::move(v)));
    if (list_ == List::kVocabulary) bad_entry("expected an id");
    texts_.push_back(std::move(v));
    if (depth_in_list_ == 1) {
      if (list_ == List::kPieces) bad_entry("expected [piece, score] or [left, right]");
      finish_entry();
    }
    return true;
  }
  bool binary(binary_t&) override { return fail("binary values are not JSON"); }

  bool start_object(std::size_t) override {
    if (list_ != List::kNone) bad_entry("unexpected object");
    if (starts_list(true)) return true;
    return push(Json::object());
  }
  bool key(string_t& v) override {
    if (list_ == List::kVocabulary) {
      key_ = std::move(v);
      return true;
    }
    if (stack_.back()->size() >= kMostKeys) return fail("an object has too many keys");
    key_ = std::move(v);
    return true;
  }
  bool end_object() override {
    if (list_ == List::kVocabulary) {
      list_ = List::kNone;
      return true;
    }
    return pop();
  }
  bool start_array(std::size_t) override {
    if (list_ == List::kVocabulary) bad_entry("expected an id");
    if (list_ != List::kNone) {
      if (++depth_in_list_ > 2) bad_entry("nested too deeply");
      texts_.clear();
      scores_.clear();
      return true;
    }
    if (starts_list(false)) return true;
    return push(Json::array());
  }
  bool end_array() override {
    if (list_ == List::kNone) return pop();
    if (--depth_in_list_ == 0) {
      list_ = List::kNone;
    } else {
      finish_entry();
    }
    return true;
  }
  bool parse_error(std::size_t byte, const std::string&, const nlohmann::detail::exception& e) override {
    const std::string what = e.what();
    const std::size_t place = what.find(": ");
    throw bad_data(fmt::format("{}: not valid JSON at byte {}", origin_, byte),
                   place == std::string::npos ? what : what.substr(place + 2));
  }

  Json tree;
  TokenizerLists lists;

 private:
  enum class List { kNone, kVocabulary, kPieces, kMerges };

  bool fail(const std::string& what) { throw bad_data(fmt::format("{}: {}", origin_, what)); }
  [[noreturn]] void bad_entry(const std::string& what) {
    const bool merges = list_ == List::kMerges;
    throw bad_data(fmt::format("{}: {}, entry {}: {}", origin_, merges ? "model: merges" : "model: vocab",
                               merges ? lists.merges.size() : lists.vocabulary.size() + lists.pieces.size(), what));
  }

  bool starts_list(bool object) {
    const bool root = stack_.empty() && root_kind_ == Root::kVocabulary;
    const bool in_model = root_kind_ == Root::kTokenizer && stack_.size() == 2 && parent_key_ == "model";
    if (root && object) {
      list_ = List::kVocabulary;
      lists.has_vocabulary = true;
      return true;
    }
    if (!in_model || (key_ != "vocab" && !(key_ == "merges" && !object))) return false;
    if (object) {
      list_ = List::kVocabulary;
      lists.has_vocabulary = true;
    } else if (key_ == "vocab") {
      list_ = List::kPieces;
      lists.has_pieces = true;
    } else {
      list_ = List::kMerges;
      lists.has_merges = true;
    }
    depth_in_list_ = 1;
    texts_.clear();
    scores_.clear();
    return true;
  }

  bool number(Json json, double real, std::int64_t whole) {
    if (list_ == List::kNone) return value(std::move(json));
    if (list_ == List::kVocabulary) {
      lists.vocabulary.emplace_back(std::move(key_), whole);
      if (whole < 0 || whole > INT32_MAX) bad_entry("expected an id from 0 to 2147483647");
      return true;
    }
    if (depth_in_list_ != 2) bad_entry("unexpected number");
    scores_.push_back(real);
    return true;
  }

  bool value(Json json) {
    if (list_ != List::kNone) bad_entry("unexpected " + shown(json));
    put(std::move(json));
    return true;
  }

  void finish_entry() {
    if (list_ == List::kPieces) {
      if (texts_.size() != 1 || scores_.size() != 1) bad_entry("expected [piece, score]");
      lists.pieces.emplace_back(std::move(texts_[0]), scores_[0]);
    } else if (texts_.size() == 1 && scores_.empty()) {
      const std::size_t space = texts_[0].find(' ');
      if (space == std::string::npos || texts_[0].find(' ', space + 1) != std::string::npos) {
        bad_entry("expected two tokens with one space between them");
      }
      lists.merges.emplace_back(texts_[0].substr(0, space), texts_[0].substr(space + 1));
    } else if (texts_.size() == 2 && scores_.empty()) {
      lists.merges.emplace_back(std::move(texts_[0]), std::move(texts_[1]));
    } else {
      bad_entry("expected two tokens");
    }
    texts_.clear();
    scores_.clear();
  }

  Json* put(Json json) {
    if (stack_.empty()) {
      tree = std::move(json);
      return &tree;
    }
    Json& top = *stack_.back();
    if (top.is_array()) {
      top.push_back(std::move(json));
      return &top.back();
    }
    // A key that stands twice: the later one counts.
    Json& place = top[key_];
    place = std::move(json);
    return &place;
  }

  bool push(Json json) {
    if (stack_.size() >= kDeepestJson) return fail("nested too deeply");
    if (stack_.size() == 1) parent_key_ = key_;
    stack_.push_back(put(std::move(json)));
    return true;
  }
  bool pop() {
    stack_.pop_back();
    return true;
  }

  Root root_kind_;
  std::string origin_, key_, parent_key_;
  std::vector<Json*> stack_;
  List list_ = List::kNone;
  int depth_in_list_ = 0;
  std::vector<std::string> texts_;
  std::vector<double> scores_;
};

}  // namespace

TokenizerFile read_tokenizer_json(const std::string& text, const std::string& origin) {
  Events events(Events::Root::kTokenizer, origin);
  Json::sax_parse(text, &events);
  if (!events.tree.is_object()) throw bad_data(origin + ": expected an object");
  return {std::move(events.tree), std::move(events.lists)};
}

TokenizerLists read_vocabulary_json(const std::string& text, const std::string& origin) {
  Events events(Events::Root::kVocabulary, origin);
  Json::sax_parse(text, &events);
  if (!events.lists.has_vocabulary) throw bad_data(origin + ": expected an object of tokens and ids");
  return std::move(events.lists);
}

Json read_small_json(const std::string& text, const std::string& origin) {
  Events events(Events::Root::kPlain, origin);
  Json::sax_parse(text, &events);
  return std::move(events.tree);
}

}  // namespace discreet::text::subword
