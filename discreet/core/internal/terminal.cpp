#include "discreet/core/internal/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <mutex>

namespace discreet::core::internal {
namespace {

constexpr std::string_view kWipe = "\r\x1b[2K";

struct Screen {
  std::mutex mutex;
  std::string progress;
};

Screen& screen() {
  static Screen* instance = new Screen;  // outlives every thread that may still log
  return *instance;
}

// One write, so that lines of several processes do not mix. A closed stderr stops nobody's work.
void write_stderr(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

bool stderr_is_terminal() { return ::isatty(STDERR_FILENO) == 1; }

bool stderr_has_colour() {
  const char* none = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return stderr_is_terminal() && (none == nullptr || *none == '\0') &&
         (terminal == nullptr || std::string_view(terminal) != "dumb");
}

int stderr_columns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

void print_line(std::string_view text) {
  Screen& s = screen();
  const std::lock_guard lock(s.mutex);
  std::string out;
  if (!s.progress.empty()) out += kWipe;
  out.append(text).append("\n");
  out += s.progress;
  write_stderr(out);
}

void draw_progress(const std::string& text) {
  Screen& s = screen();
  const std::lock_guard lock(s.mutex);
  if (text.empty() && s.progress.empty()) return;
  s.progress = text;
  write_stderr(std::string(kWipe) + text);
}

}  // namespace discreet::core::internal
