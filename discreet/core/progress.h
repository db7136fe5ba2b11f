#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace discreet::core {

/// Where progress goes; a test gives its own.
struct ProgressScreen {
  bool terminal = false;  ///< One line rewritten; else plain lines now and then.
  int columns = 80;
  std::function<double()> seconds;                   ///< A clock that only rises.
  std::function<void(const std::string&)> draw;      ///< Rewrites the line; empty removes it.
  std::function<void(std::string_view)> print_line;  ///< Writes a line that stays.
};

/// stderr, as it is.
ProgressScreen stderr_screen();

/// What is known beside how far the work is.
struct ProgressFacts {
  std::optional<double> loss;
  std::optional<double> epsilon;  ///< Spent so far.
  std::string note;
};

struct ProgressOptions {
  std::string label;           ///< "train"
  std::string unit = "steps";  ///< What is counted.
  std::int64_t total = 0;      ///< 0: unknown.
  std::int64_t start = 0;      ///< Done before this run of the program (resume).
  bool quiet = false;          ///< Shows nothing.
};

/// Progress of long work on stderr:
///
///   train  1200/4000 steps  30%  152/s  loss 0.4321  epsilon 3.21  left 0:18
///
/// On a terminal one line, rewritten at most ten times a second; in a log a plain line every five
/// seconds at most, and a last one. `update` costs a clock reading.
class Progress {
 public:
  explicit Progress(ProgressOptions options, ProgressScreen screen = stderr_screen());
  /// Takes the line off the terminal if `finish` was not called (an exception).
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(std::int64_t done, const ProgressFacts& facts = {});
  /// Leaves a last line: what was done and how long it took.
  void finish(const ProgressFacts& facts = {});

 private:
  std::string line(double now, const ProgressFacts& facts) const;
  double rate(double now) const;

  ProgressOptions options_;
  ProgressScreen screen_;
  double begun_;
  double last_shown_;
  std::int64_t done_;
  std::deque<std::pair<double, std::int64_t>> history_;  ///< For the rate of the last half minute.
  bool finished_ = false;
};

/// "0:18", "12:05", "3:04:05".
std::string clock_time(double seconds);

}  // namespace discreet::core
