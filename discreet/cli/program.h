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
  const std::atomic<int>* stop = nullptr;
};

/// A verb parses its own options and gives back its work; the program runs it, prints errors in one
/// form and turns them into exit codes.
class Program {
 public:
  explicit Program(CLI::App& app, const std::atomic<int>& stop);

  /// Adds `discreet NAME`; NAME may be two words ("privacy epsilon"): the first becomes a group.
  /// The group's help text is `group_summary` of whoever comes first with one.
  CLI::App* add_verb(const std::string& name, const std::string& summary,
                     const std::string& group_summary = "");
  /// What the verb does; its return value is the exit code.
  void on_run(CLI::App* verb, std::function<int()> run);

  /// Throws kUsage if the first words of the command line are no verb; names the nearest.
  void check_verb(int argc, const char* const* argv) const;
  /// Runs the verb that was parsed.
  int run();
  const Global& global() const { return global_; }
  core::OperationContext context() const;

 private:
  CLI::App& app_;
  Global global_;
  std::map<std::string, CLI::App*> groups_;
  std::map<CLI::App*, std::function<int()>> runs_;
};

/// `document` as the one JSON document on stdout.
void print_document(const Json& document);

/// Columns aligned, numbers to the right; for people.
void print_table(const std::vector<std::string>& header,
                 const std::vector<std::vector<std::string>>& rows);

}  // namespace discreet::cli
