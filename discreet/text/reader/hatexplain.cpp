#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "discreet/core/error.h"
#include "discreet/core/json.h"
#include "discreet/core/registry.h"
#include "discreet/text/internal/columns.h"

namespace discreet::text {
namespace {

/// Posts with the labels of several annotators, and the communities that they are aimed at.
class HateXplainReader final : public Reader {
 public:
  HateXplainReader(const std::filesystem::path& path, const ReaderOptions& options)
      : lines_(path, options.encoding), options_(options) {}

  bool next(Example& example) override {
    if (!lines_.next_with_text(line_)) return false;
    const Json post = core::parse_json(line_, lines_.where());
    for (const char* key : {"text", "labels", "targets"}) {
      if (!post.is_object() || !post.contains(key)) {
        throw bad_data(fmt::format("{}: a post without \"{}\"", lines_.where(), key),
                       "A line is {\"text\": …, \"labels\": [… of annotators], \"targets\": […], \"split\": …}.");
      }
    }
    const auto strings = [](const Json& list) {
      return list.is_array() && std::all_of(list.begin(), list.end(), [](const Json& item) { return item.is_string(); });
    };
    if (!post["text"].is_string() || !strings(post["labels"]) || post["labels"].empty() || !strings(post["targets"])) {
      throw bad_data(lines_.where() + ": \"text\" is no string, or \"labels\" and \"targets\" are no lists of strings");
    }
    example = Example{};
    example.line = lines_.number();
    example.text = post["text"].get<std::string>();
    example.label = majority(post["labels"]);
    internal::shorten_label(options_, example.label);
    std::vector<std::string> targets;
    for (const Json& target : post["targets"]) {
      if (target != "None") targets.push_back(target.get<std::string>());
    }
    for (const std::string& name : options_.group) {
      if (name == "target") {
        example.groups[name] = targets.empty() ? "none" : targets.size() > 1 ? "several" : targets.front();
      } else {
        const bool named = std::find(targets.begin(), targets.end(), name) != targets.end();
        example.groups[name] = named ? "1" : "0";
      }
    }
    for (const char* key : {"split", "post_id"}) {
      if (post.contains(key) && post[key].is_string()) example.extra[key] = post[key].get<std::string>();
    }
    return true;
  }

 private:
  /// What most annotators say; without a majority "undecided". Both kinds of toxic posts can be one (data.coarse).
  std::string majority(const Json& labels) const {
    std::map<std::string, std::size_t> counts;
    for (const Json& label : labels) ++counts[label.get<std::string>()];
    for (const auto& [label, count] : counts) {
      if (2 * count > labels.size()) return label == "normal" ? "normal" : "toxic:" + label;
    }
    return counts.contains("normal") ? "undecided" : options_.coarse ? "toxic:undecided" : "undecided";
  }

  internal::TextLines lines_;
  ReaderOptions options_;
  std::string line_;
};

}  // namespace
}  // namespace discreet::text

namespace discreet {

void register_reader_hatexplain(core::Registry& registry) {
  registry.add({.kind = "reader",
                .name = "hatexplain",
                .summary = "HateXplain's posts: the majority label (normal, toxic:offensive, toxic:hatespeech); groups target, or a "
                           "community's name as 0 or 1",
                .reference = "Mathew et al. 2021",
                .fields = text::reader_fields().info(),
                .make = text::MakeReader(
                    [](const std::filesystem::path& path, const text::ReaderOptions& options) {
                      return std::unique_ptr<text::Reader>(new text::HateXplainReader(path, options));
                    })});
}

}  // namespace discreet
