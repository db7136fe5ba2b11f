#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "discreet/core/json.h"
#include "discreet/core/operation.h"

namespace discreet::cli {

/// What every verb has: `--json`, `--quiet`, and a way to print.
struct Global {
  bool json = false;
  bool quiet = false;
};

/// A verb parses its own options and gives back its work; the program runs it, prints errors in one
/// form and turns them into exit codes.
class Program {
 public:
  /// `catch_signals`: called when a verb begins work that looks at the signal it returns; until then a
  /// signal ends the program by itself.
  Program(CLI::App& app, std::function<const std::atomic<int>&()> catch_signals);

  /// Adds `discreet NAME`; NAME may be two words ("privacy epsilon"): the first becomes a group.
  /// The group's help text is `group_summary` of whoever comes first with one.
  CLI::App* add_verb(const std::string& name, const std::string& summary,
                     const std::string& group_summary = "");
  /// What the verb does; its return value is the exit code. To be called when the verb has its options:
  /// integers among them are held to what their type can hold.
  void on_run(CLI::App* verb, std::function<int()> run);

  /// Throws kUsage if the first words of the command line are no verb; names the nearest.
  void check_verb(int argc, const char* const* argv) const;
  /// What mends a command line that was not parsed: the nearest option where one is unknown, else the verb's help.
  std::string parse_hint(int argc, const char* const* argv) const;
  /// Runs the verb that was parsed.
  int run();
  const Global& global() const { return global_; }
  /// For work that ends by itself after a signal, having saved what it has.
  core::OperationContext context() const;
  /// The signal that asks for the end, 0 without one. From here on signals end nothing by themselves.
  const std::atomic<int>* stop() const { return &catch_signals_(); }

 private:
  CLI::App& app_;
  Global global_;
  std::function<const std::atomic<int>&()> catch_signals_;
  std::map<std::string, CLI::App*> groups_;
  std::map<CLI::App*, std::function<int()>> runs_;
};

/// One of the lines that are a verb's result, at once: who wrote to a pipe waits for the answer.
void print_line(const Json& line);
/// `document` as the one JSON document on stdout.
void print_document(const Json& document);
/// Throws: kUsage for any of these options that was given: `beside` leaves it without effect.
void refuse_options(const CLI::App& verb, std::initializer_list<const char*> options, const std::string& beside);

/// Columns aligned, numbers to the right; for people.
void print_table(const std::vector<std::string>& header,
                 const std::vector<std::vector<std::string>>& rows);

}  // namespace discreet::cli
