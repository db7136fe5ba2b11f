#include "discreet/cli/program.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/fields.h"

namespace discreet::cli {

namespace {

/// Empty if `text` is an integer that 64 bits hold: the parser takes what is beyond for the largest number,
/// a minus before an unsigned number for a huge one, and a zero in front for octal digits.
std::string why_no_integer(const std::string& text, bool is_signed) {
  const char *begin = text.data(), *end = begin + text.size();
  if (text.starts_with('+')) ++begin;
  std::int64_t number = 0;
  std::uint64_t natural = 0;
  const auto [at, error] = is_signed ? std::from_chars(begin, end, number) : std::from_chars(begin, end, natural);
  const std::string_view digits = std::string_view(begin, end).substr(text.starts_with('-') ? 1 : 0);
  const bool octal = digits.size() > 1 && digits.starts_with('0');
  if (error == std::errc() && at == end && !octal) return "";
  return fmt::format("{}: expected an integer {}", text,
                     is_signed ? "from -2^63 to 2^63 - 1" : "from 0 to 2^64 - 1");
}

}  // namespace

Program::Program(CLI::App& app, std::function<const std::atomic<int>&()> catch_signals)
    : app_(app), catch_signals_(std::move(catch_signals)) {
  app_.set_version_flag("--version", std::string("discreet ") + DISCREET_VERSION);
  app_.require_subcommand(1);
}

CLI::App* Program::add_verb(const std::string& name, const std::string& summary,
                            const std::string& group_summary) {
  CLI::App* parent = &app_;
  std::string last = name;
  if (const auto space = name.find(' '); space != std::string::npos) {
    const std::string group = name.substr(0, space);
    last = name.substr(space + 1);
    CLI::App*& app = groups_[group];
    if (app == nullptr) {
      app = app_.add_subcommand(group, group_summary);
      app->require_subcommand(1);
    }
    parent = app;
    if (!group_summary.empty()) parent->description(group_summary);
  }
  CLI::App* verb = parent->add_subcommand(last, summary);
  verb->add_flag("--json", global_.json, "Print exactly one JSON document on stdout.");
  verb->add_flag("--quiet", global_.quiet, "No progress on stderr.");
  return verb;
}

void Program::on_run(CLI::App* verb, std::function<int()> run) {
  runs_[verb] = std::move(run);
  for (CLI::Option* option : verb->get_options()) {
    const std::string type = option->get_type_name();
    if (type.starts_with("INT") || type.starts_with("UINT")) {
      const bool is_signed = type.starts_with("INT");
      option->check([is_signed](const std::string& text) { return why_no_integer(text, is_signed); });
    }
  }
}

void Program::check_verb(int argc, const char* const* argv) const {
  const CLI::App* at = &app_;
  std::string group;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    std::vector<std::string> names;
    const CLI::App* found = nullptr;
    for (const CLI::App* verb : at->get_subcommands([](const CLI::App*) { return true; })) {
      names.push_back(verb->get_name());
      if (verb->get_name() == word) found = verb;
    }
    if (names.empty() || word.starts_with('-')) return;
    if (found == nullptr) {
      const auto near = core::nearest(word, names);
      throw usage_error(fmt::format("no verb is called '{}{}'", group, word),
                        near ? fmt::format("Did you mean '{}{}'?", group, *near)
                             : fmt::format("`discreet {}--help` names them.", group));
    }
    at = found;
    group += word + " ";
  }
  if (!at->get_subcommands([](const CLI::App*) { return true; }).empty()) {
    throw usage_error(group.empty() ? "no verb given" : fmt::format("{}needs a verb behind it", group),
                      fmt::format("`discreet {}--help` names them.", group));
  }
}

std::string Program::parse_hint(int argc, const char* const* argv) const {
  const CLI::App* at = &app_;
  std::string verb;
  int i = 1;
  for (; i < argc; ++i) {
    const auto below = at->get_subcommands([&](const CLI::App* app) { return app->get_name() == argv[i]; });
    if (below.empty()) break;
    at = below.front();
    verb += std::string(" ") + argv[i];
  }
  std::vector<std::string> names;
  for (const CLI::Option* option : at->get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  for (; i < argc; ++i) {
    const std::string_view word = argv[i];
    const std::string name(word.substr(0, word.find('=')));
    if (!name.starts_with("--") || std::find(names.begin(), names.end(), name) != names.end()) continue;
    // The end of a longer name, --rate for --sampling-rate, is nearer than a few letters.
    const auto longer = std::find_if(names.begin(), names.end(), [&](const std::string& other) { return other.ends_with(name.substr(1)); });
    const auto near = name.size() > 2 && longer != names.end() ? std::optional(*longer) : core::nearest(name, names);
    if (near) return fmt::format("Did you mean '{}' for '{}'? `discreet{} --help` names all.", *near, name, verb);
  }
  return fmt::format("See `discreet{} --help`.", verb);
}

int Program::run() {
  for (const auto& [verb, run] : runs_) {
    if (verb->parsed()) return run();
  }
  throw usage_error("no verb given", "See `discreet --help`.");
}

core::OperationContext Program::context() const {
  core::OperationContext context;
  context.stop = stop();
  context.quiet = global_.quiet;
  if (global_.json) context.emit = print_line;
  return context;
}

// A name given as an argument need not be UTF-8.
void print_line(const Json& line) {
  fmt::print("{}\n", line.dump(-1, ' ', false, Json::error_handler_t::replace));
  std::fflush(stdout);
}

void print_document(const Json& document) { fmt::print("{}\n", document.dump(2, ' ', false, Json::error_handler_t::replace)); }

void refuse_options(const CLI::App& verb, std::initializer_list<const char*> options, const std::string& beside) {
  for (const char* option : options) {
    if (verb.count(option) == 0) continue;
    throw usage_error(fmt::format("{} has no effect {}", option, beside), fmt::format("Leave {} out.", option));
  }
}

void print_table(const std::vector<std::string>& header,
                 const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& cell : header) widths.push_back(cell.size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  const auto print_row = [&](const std::vector<std::string>& row) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += i == 0 ? fmt::format("{:<{}}", row[i], widths[i]) : fmt::format("  {:>{}}", row[i], widths[i]);
    }
    fmt::print("{}\n", line);
  };
  print_row(header);
  for (const auto& row : rows) print_row(row);
}

}  // namespace discreet::cli
