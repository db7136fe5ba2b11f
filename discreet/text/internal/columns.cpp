#include "discreet/text/internal/columns.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "discreet/text/unicode.h"

namespace discreet::text::internal {
namespace {

constexpr Role kNamedRoles[] = {Role::kText, Role::kLabel,    Role::kSlots,
                                Role::kUser, Role::kQuestion, Role::kAnswers};

}  // namespace

const std::vector<std::string>& usual_names(Role role) {
  static const std::vector<std::string> text = {"words", "tokens", "text", "sentence", "utterance"};
  static const std::vector<std::string> label = {"label", "intent", "class"};
  static const std::vector<std::string> slots = {"slots", "tags", "ner_tags"};
  static const std::vector<std::string> user = {"user", "user_id", "client", "speaker"};
  static const std::vector<std::string> none;
  switch (role) {
    case Role::kText:
      return text;
    case Role::kLabel:
      return label;
    case Role::kSlots:
      return slots;
    case Role::kUser:
      return user;
    default:
      return none;
  }
}

std::string option_name(Role role) {
  switch (role) {
    case Role::kText:
      return "data.text";
    case Role::kLabel:
      return "data.label";
    case Role::kSlots:
      return "data.slots";
    case Role::kUser:
      return "data.user";
    case Role::kQuestion:
      return "data.question";
    case Role::kAnswers:
      return "data.answers";
    default:
      return "data.group";
  }
}

const std::string& wanted_column(const ReaderOptions& options, Role role) {
  switch (role) {
    case Role::kText:
      return options.text;
    case Role::kLabel:
      return options.label;
    case Role::kSlots:
      return options.slots;
    case Role::kUser:
      return options.user;
    case Role::kQuestion:
      return options.question;
    case Role::kAnswers:
      return options.answers;
    default:
      throw internal_error("groups and extra columns have no single name");
  }
}

std::vector<Role> assign_roles(const std::vector<std::string>& columns,
                               const ReaderOptions& options, const std::string& where) {
  std::vector<Role> roles(columns.size(), Role::kExtra);
  const auto place_of = [&](const std::string& name) {
    return static_cast<std::size_t>(std::find(columns.begin(), columns.end(), name) -
                                    columns.begin());
  };
  const auto missing = [&](const std::string& option, const std::string& name) {
    const auto near = core::nearest(name, columns);
    return bad_data(fmt::format("{}: no column '{}' ({}); columns: {}", where, name, option,
                                fmt::join(columns, ", ")),
                    near ? fmt::format("Did you mean '{}'?", *near)
                         : fmt::format("Set {} to one of them.", option));
  };
  for (const std::string& name : options.group) {
    const std::size_t place = place_of(name);
    if (place == columns.size()) throw missing("data.group", name);
    roles[place] = Role::kGroup;
  }
  for (const Role role : kNamedRoles) {
    const std::string& wanted = wanted_column(options, role);
    if (!wanted.empty()) {
      const std::size_t place = place_of(wanted);
      if (place == columns.size()) throw missing(option_name(role), wanted);
      roles[place] = role;
      continue;
    }
    for (const std::string& name : usual_names(role)) {
      const std::size_t place = place_of(name);
      if (place == columns.size() || roles[place] != Role::kExtra) continue;
      roles[place] = role;
      break;
    }
  }
  if (std::find(roles.begin(), roles.end(), Role::kText) == roles.end()) {
    throw bad_data(fmt::format("{}: none of the columns is known to hold the text: {}", where,
                               fmt::join(columns, ", ")),
                   "Set data.text to the name of the column that does.");
  }
  return roles;
}

TextLines::TextLines(const std::filesystem::path& path, FileEncoding encoding)
    : lines_(path), encoding_(encoding) {}

bool TextLines::next(std::string& line) {
  if (!lines_.next(line)) return false;
  if (encoding_ == FileEncoding::kLatin1) {
    line = latin1_to_utf8(line);
  } else if (find_invalid_utf8(line) != std::string::npos) {
    require_utf8(line, lines_.where());
  }
  return true;
}

bool TextLines::next_with_text(std::string& line) {
  while (next(line)) {
    if (line.find_first_not_of(" \t") != std::string::npos) return true;
  }
  return false;
}

void set_words_and_tags(Example& example, std::vector<std::string> words,
                        std::vector<std::string> tags, const std::string& where) {
  if (words.size() != tags.size()) {
    throw bad_data(fmt::format("{}: {} words but {} tags", where, words.size(), tags.size()),
                   "Each word needs one tag: B-name, I-name or O.");
  }
  example.words = std::move(words);
  example.tags = std::move(tags);
}

void shorten_label(const ReaderOptions& options, std::string& label) {
  if (options.coarse) label = label.substr(0, label.find(':'));
}

std::string join_words(const std::vector<std::string>& words) {
  std::string joined;
  for (const std::string& word : words) {
    if (!joined.empty()) joined += ' ';
    joined += word;
  }
  return joined;
}

}  // namespace discreet::text::internal
