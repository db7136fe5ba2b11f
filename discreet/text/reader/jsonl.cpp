#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "discreet/core/registry.h"
#include "discreet/text/internal/answers.h"
#include "discreet/text/internal/columns.h"
#include "discreet/text/unicode.h"

namespace discreet::text {
namespace {

using internal::Role;

const char* json_type(const Json& value) {
  return value.is_object() ? "an object" : value.is_array() ? "an array" : value.type_name();
}

// A label, user or group may be a string, a number or a truth value.
std::string scalar(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

class JsonlReader final : public Reader {
 public:
  JsonlReader(const std::filesystem::path& path, const ReaderOptions& options)
      : lines_(path, options.encoding), options_(options) {}

  bool next(Example& example) override {
    if (!lines_.next_with_text(line_)) return false;
    example = Example{};
    example.line = lines_.number();
    const Json object = parse();
    read_text(object, example);
    read_scalar(object, Role::kLabel, example.label);
    read_scalar(object, Role::kUser, example.user);
    internal::shorten_label(options_, example.label);
    if (!options_.question.empty()) read_scalar(object, Role::kQuestion, example.question);
    if (!options_.answers.empty()) read_answers(object, example);
    for (const std::string& name : options_.group) {
      if (!object.contains(name)) throw missing(name, "data.group", object);
      example.groups[name] = scalar(object[name]);
    }
    for (const auto& [key, value] : object.items()) {
      if (value.is_structured() || value.is_null() || taken(key)) continue;
      example.extra[key] = scalar(value);
    }
    return true;
  }

 private:
  Json parse() {
    Json object;
    try {
      object = Json::parse(line_);
    } catch (const Json::parse_error& e) {
      throw bad_data(fmt::format("{}: not JSON at byte {}", lines_.where(), e.byte),
                     "Each line must be one JSON object, for example {\"text\": \"hello\", "
                     "\"label\": \"greeting\"}.");
    } catch (const Json::out_of_range&) {
      throw bad_data(fmt::format("{}: a number that is too large for a double", lines_.where()),
                     "Write it as a string.");
    }
    if (!object.is_object()) {
      throw bad_data(
          fmt::format("{}: expected a JSON object, got {}", lines_.where(), json_type(object)),
          "Write one object per line; a file that is one big array needs splitting.");
    }
    taken_.clear();
    return object;
  }

  Error missing(const std::string& name, const std::string& option, const Json& object) const {
    std::vector<std::string> keys;
    for (const auto& [key, value] : object.items()) keys.push_back(key);
    const auto near = core::nearest(name, keys);
    return bad_data(
        fmt::format("{}: no key '{}' ({}); keys: {}", lines_.where(), name, option,
                    fmt::join(keys, ", ")),
        near ? fmt::format("Did you mean '{}'?", *near) : fmt::format("Set {}.", option));
  }

  // The value of a role's key, or null. A guessed key with null counts as absent.
  const Json* value_of(const Json& object, Role role) {
    const std::string& wanted = internal::wanted_column(options_, role);
    if (!wanted.empty()) {
      const auto found = object.find(wanted);
      if (found == object.end()) throw missing(wanted, internal::option_name(role), object);
      taken_.push_back(wanted);
      return &*found;
    }
    for (const std::string& name : internal::usual_names(role)) {
      const auto found = object.find(name);
      if (found == object.end() || found->is_null()) continue;
      if (std::find(options_.group.begin(), options_.group.end(), name) != options_.group.end()) {
        continue;
      }
      taken_.push_back(name);
      return &*found;
    }
    return nullptr;
  }

  bool taken(const std::string& key) const {
    return std::find(taken_.begin(), taken_.end(), key) != taken_.end() ||
           std::find(options_.group.begin(), options_.group.end(), key) != options_.group.end();
  }

  std::vector<std::string> strings(const Json& value, const char* what) const {
    if (value.is_string()) return split_spaces(value.get_ref<const std::string&>());
    if (!value.is_array()) {
      throw bad_data(fmt::format("{}: {} must be a string or an array of strings, got {}",
                                 lines_.where(), what, json_type(value)),
                     "For example [\"play\", \"jazz\"] or \"play jazz\".");
    }
    std::vector<std::string> items;
    for (const Json& item : value) {
      if (item.is_structured() || item.is_null()) {
        throw bad_data(fmt::format("{}: item {} of the {} is {}, expected a string", lines_.where(),
                                   items.size() + 1, what, json_type(item)),
                       "Nested arrays and objects are not read.");
      }
      items.push_back(scalar(item));
    }
    return items;
  }

  void read_text(const Json& object, Example& example) {
    const Json* text = value_of(object, Role::kText);
    if (text == nullptr || text->is_null()) {
      throw bad_data(fmt::format("{}: no text: none of the keys {} is there", lines_.where(),
                                 fmt::join(internal::usual_names(Role::kText), ", ")),
                     "Set data.text to the key that holds the text.");
    }
    const Json* slots = value_of(object, Role::kSlots);
    const bool tagged = slots != nullptr && !slots->is_null();
    if (text->is_string()) example.text = text->get<std::string>();
    if (!text->is_string() || tagged) {
      std::vector<std::string> words = strings(*text, "words");
      if (!text->is_string()) example.text = internal::join_words(words);
      if (tagged) {
        internal::set_words_and_tags(example, std::move(words), strings(*slots, "tags"),
                                     lines_.where());
      } else {
        example.words = std::move(words);
      }
    }
  }

  void read_scalar(const Json& object, Role role, std::string& member) {
    const Json* value = value_of(object, role);
    if (value == nullptr || value->is_null()) return;
    if (value->is_structured()) {
      throw bad_data(fmt::format("{}: '{}' must be a string or a number, got {}", lines_.where(),
                                 taken_.back(), json_type(*value)),
                     fmt::format("Set {} to another key.", internal::option_name(role)));
    }
    member = scalar(*value);
  }

  void read_answers(const Json& object, Example& example) {
    if (const Json* value = value_of(object, Role::kAnswers)) {
      internal::set_answers(*value, lines_.where() + ": '" + taken_.back() + "'", example);
    }
  }

  internal::TextLines lines_;
  ReaderOptions options_;
  std::string line_;
  std::vector<std::string> taken_;
};

}  // namespace

}  // namespace discreet::text

namespace discreet {

void register_reader_jsonl(core::Registry& registry) {
  registry.add({.kind = "reader",
                .name = "jsonl",
                .summary = "One JSON object per line: text or words, label, tags, user, groups",
                .fields = text::reader_fields().info(),
                .make = text::MakeReader(
                    [](const std::filesystem::path& path, const text::ReaderOptions& options) {
                      return std::unique_ptr<text::Reader>(new text::JsonlReader(path, options));
                    })});
}

}  // namespace discreet
