#include <csignal>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>

#include "discreet/cli/program.h"
#include "discreet/core/error.h"

namespace discreet {
void register_all_verb(cli::Program&);
}

namespace {

std::atomic<int> stop_signal{0};

void on_signal(int signal) {
  // A second signal means it: the default action.
  if (stop_signal.exchange(signal) != 0) std::signal(signal, SIG_DFL);
}

const std::atomic<int>& catch_signals() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  return stop_signal;
}

int report(bool json, int code, const std::string& message, const std::string& hint) {
  if (json) {
    discreet::cli::print_document({{"error", {{"code", code}, {"message", message}, {"hint", hint}}}});
  } else {
    fmt::print(stderr, "error: {}\n", message);
    if (!hint.empty()) fmt::print(stderr, "  hint: {}\n", hint);
  }
  return code;
}

bool asked_for_json(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--json") == 0) return true;
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  const bool json = asked_for_json(argc, argv);

  CLI::App app("Trains, federates, attacks, measures and debiases language models.", "discreet");
  try {
    discreet::cli::Program program(app, catch_signals);
    discreet::register_all_verb(program);
    program.check_verb(argc, argv);
    try {
      app.parse(argc, argv);
    } catch (const CLI::CallForHelp& e) {
      return app.exit(e);
    } catch (const CLI::CallForAllHelp& e) {
      return app.exit(e);
    } catch (const CLI::CallForVersion& e) {
      return app.exit(e);
    } catch (const CLI::ParseError& e) {
      return report(json, 2, e.what(), program.parse_hint(argc, argv));
    }
    const int code = program.run();
    return code == 0 && std::fflush(stdout) != 0 ? 1 : code;
  } catch (const discreet::Error& e) {
    return report(json, e.exit_code(), e.what(), e.hint());
  } catch (const std::exception& e) {
    return report(json, 70, e.what(), "This is a bug in discreet; please report it.");
  }
}
