#include "discreet/app/internal/built_in_columns.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discreet/core/error.h"

namespace discreet::app {
namespace {

// The usual names of text/reader.h: what a corpus has under one of them stands in the example already.
const std::set<std::string> kTextNames = {"words", "tokens", "text", "sentence", "utterance", "context", "source"};
const std::set<std::string> kLabelNames = {"label", "intent", "class"};
const std::set<std::string> kSlotNames = {"slots", "tags", "ner_tags"};
const std::set<std::string> kUserNames = {"user", "user_id", "client", "speaker"};

class ColumnsReader final : public text::Reader {
 public:
  ColumnsReader(std::unique_ptr<text::Reader> corpus, const text::ReaderOptions& options)
      : corpus_(std::move(corpus)), options_(options) {}

  bool next(text::Example& example) override {
    if (!corpus_->next(example)) return false;
    refuse_unless(options_.text, kTextNames, "data.text", example);
    refuse_unless(options_.slots, kSlotNames, "data.slots", example);
    take(options_.label, kLabelNames, "data.label", example, example.label);
    take(options_.user, kUserNames, "data.user", example, example.user);
    for (const std::string& name : options_.group) {
      if (kLabelNames.count(name) + kUserNames.count(name) > 0) continue;
      if (example.groups.count(name) == 0) example.groups[name] = column(name, "data.group", example);
    }
    return true;
  }

 private:
  static std::string column(const std::string& name, const char* key, const text::Example& example) {
    const auto group = example.groups.find(name), extra = example.extra.find(name);
    if (group != example.groups.end()) return group->second;
    if (extra != example.extra.end()) return extra->second;
    std::vector<std::string> known;
    for (const auto& [column, value] : example.groups) known.push_back(column);
    for (const auto& [column, value] : example.extra) known.push_back(column);
    throw bad_data(fmt::format("the built-in data have no column '{}' ({})", name, key),
                   known.empty() ? "They have none to choose." : fmt::format("They have: {}.", fmt::join(known, ", ")));
  }
  static void take(const std::string& name, const std::set<std::string>& usual, const char* key, const text::Example& example,
                   std::string& to) {
    if (!name.empty() && usual.count(name) == 0) to = column(name, key, example);
  }
  static void refuse_unless(const std::string& name, const std::set<std::string>& usual, const char* key, const text::Example& example) {
    if (name.empty() || usual.count(name) > 0) return;
    column(name, key, example);
    throw bad_data(fmt::format("{} = \"{}\": the words of the built-in data are their text", key, name), "Leave it out.");
  }

  std::unique_ptr<text::Reader> corpus_;
  text::ReaderOptions options_;
};

}  // namespace

std::unique_ptr<text::Reader> with_columns(std::unique_ptr<text::Reader> corpus, const text::ReaderOptions& options) {
  return std::make_unique<ColumnsReader>(std::move(corpus), options);
}

}  // namespace discreet::app
