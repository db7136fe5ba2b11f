#include "discreet/core/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "discreet/core/internal/terminal.h"

namespace discreet::core {
namespace {

constexpr double kTerminalSeconds = 0.1;
constexpr double kLogSeconds = 5.0;
constexpr double kWindowSeconds = 30.0;

std::string rate_text(double rate) {
  // Slow work is better told as seconds for one.
  if (rate >= 100) return fmt::format("{:.0f}/s", rate);
  if (rate >= 1) return fmt::format("{:.1f}/s", rate);
  return fmt::format("{:.1f} s each", 1 / rate);
}

std::string facts_text(const ProgressFacts& facts) {
  std::string text;
  if (facts.loss) text += fmt::format("  loss {:.4f}", *facts.loss);
  if (facts.epsilon) text += fmt::format("  epsilon {:.3g}", *facts.epsilon);
  if (!facts.note.empty()) text += "  " + facts.note;
  return text;
}

}  // namespace

std::string clock_time(double seconds) {
  const auto total = static_cast<std::int64_t>(std::llround(std::max(0.0, seconds)));
  const auto hours = total / 3600, minutes = total / 60 % 60, rest = total % 60;
  if (hours > 0) return fmt::format("{}:{:02}:{:02}", hours, minutes, rest);
  return fmt::format("{}:{:02}", minutes, rest);
}

ProgressScreen stderr_screen() {
  return {.terminal = internal::stderr_is_terminal(),
          .columns = internal::stderr_columns(),
          .seconds =
              [] {
                const auto now = std::chrono::steady_clock::now().time_since_epoch();
                return std::chrono::duration<double>(now).count();
              },
          .draw = internal::draw_progress,
          .print_line = internal::print_line};
}

Progress::Progress(ProgressOptions options, ProgressScreen screen)
    : options_(std::move(options)),
      screen_(std::move(screen)),
      begun_(screen_.seconds()),
      last_shown_(screen_.terminal ? -INFINITY : begun_),
      done_(options_.start) {
  history_.emplace_back(begun_, done_);
}

Progress::~Progress() {
  if (!finished_ && !options_.quiet && screen_.terminal) screen_.draw("");
}

double Progress::rate(double now) const {
  const auto [then, done] = history_.front();
  return now > then ? static_cast<double>(done_ - done) / (now - then) : 0.0;
}

std::string Progress::line(double now, const ProgressFacts& facts) const {
  std::string text = options_.label;
  const double speed = rate(now);
  if (options_.total > 0) {
    text += fmt::format("  {}/{} {}  {}%", done_, options_.total, options_.unit,
                        std::min<std::int64_t>(100, 100 * done_ / options_.total));
  } else {
    text += fmt::format("  {} {}", done_, options_.unit);
  }
  if (speed > 0) text += "  " + rate_text(speed);
  text += facts_text(facts);
  if (speed > 0 && options_.total > done_) {
    text += "  left " + clock_time(static_cast<double>(options_.total - done_) / speed);
  }
  return text;
}

void Progress::update(std::int64_t done, const ProgressFacts& facts) {
  done_ = done;
  if (options_.quiet) return;
  const double now = screen_.seconds();
  if (now - last_shown_ < (screen_.terminal ? kTerminalSeconds : kLogSeconds)) return;
  last_shown_ = now;
  const std::string text = line(now, facts);
  if (screen_.terminal) {
    // A line that wraps cannot be rewritten.
    screen_.draw(text.substr(0, static_cast<std::size_t>(std::max(1, screen_.columns - 1))));
  } else {
    screen_.print_line(text);
  }
  if (now - history_.back().first >= 1) history_.emplace_back(now, done_);
  while (history_.size() > 1 && now - history_[1].first >= kWindowSeconds) history_.pop_front();
}

void Progress::finish(const ProgressFacts& facts) {
  if (finished_) return;
  finished_ = true;
  if (options_.quiet) return;
  if (screen_.terminal) screen_.draw("");
  const double seconds = screen_.seconds() - begun_;
  screen_.print_line(fmt::format("{}  {} {}{}  in {}", options_.label, done_, options_.unit,
                                 facts_text(facts), clock_time(seconds)));
}

}  // namespace discreet::core
