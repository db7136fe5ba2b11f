#include "discreet/text/built_in_columns.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discreet/core/error.h"
#include "discreet/text/internal/columns.h"

namespace discreet::text {
namespace {

/// Whether a corpus has this under its own name: what it is called by stands in the example already.
bool is_usual(internal::Role role, const std::string& name) {
  const std::vector<std::string>& usual = internal::usual_names(role);
  const bool text_of_a_task = role == internal::Role::kText && (name == "context" || name == "source");
  return text_of_a_task || std::find(usual.begin(), usual.end(), name) != usual.end();
}

class ColumnsReader final : public Reader {
 public:
  ColumnsReader(std::unique_ptr<Reader> corpus, const ReaderOptions& options)
      : corpus_(std::move(corpus)), options_(options) {}

  bool next(Example& example) override {
    if (!corpus_->next(example)) return false;
    using internal::Role;
    refuse_unless_usual(Role::kText, example);
    refuse_unless_usual(Role::kSlots, example);
    take(Role::kLabel, example, example.label);
    take(Role::kUser, example, example.user);
    for (const std::string& name : options_.group) {
      if (is_usual(Role::kLabel, name) || is_usual(Role::kUser, name)) continue;
      if (example.groups.count(name) == 0) example.groups[name] = column(name, Role::kGroup, example);
    }
    return true;
  }

 private:
  static std::string column(const std::string& name, internal::Role role, const Example& example) {
    const auto group = example.groups.find(name), extra = example.extra.find(name);
    if (group != example.groups.end()) return group->second;
    if (extra != example.extra.end()) return extra->second;
    std::vector<std::string> known;
    for (const auto& [column, value] : example.groups) known.push_back(column);
    for (const auto& [column, value] : example.extra) known.push_back(column);
    throw bad_data(fmt::format("the built-in data have no column '{}' ({})", name, internal::option_name(role)),
                   known.empty() ? "They have none to choose." : fmt::format("They have: {}.", fmt::join(known, ", ")));
  }
  void take(internal::Role role, const Example& example, std::string& to) const {
    const std::string& name = internal::wanted_column(options_, role);
    if (!name.empty() && !is_usual(role, name)) to = column(name, role, example);
  }
  void refuse_unless_usual(internal::Role role, const Example& example) const {
    const std::string& name = internal::wanted_column(options_, role);
    if (name.empty() || is_usual(role, name)) return;
    column(name, role, example);
    throw bad_data(fmt::format("{} = \"{}\": the words of the built-in data are their text", internal::option_name(role), name), "Leave it out.");
  }

  std::unique_ptr<Reader> corpus_;
  ReaderOptions options_;
};

}  // namespace

std::unique_ptr<Reader> with_columns(std::unique_ptr<Reader> corpus, const ReaderOptions& options) {
  return std::make_unique<ColumnsReader>(std::move(corpus), options);
}

}  // namespace discreet::text
