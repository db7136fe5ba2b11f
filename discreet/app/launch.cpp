#include "discreet/app/launch.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/threads.h"

namespace discreet::app {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMostProcesses = 1024;

Error system_failure(const std::string& what) {
  return runtime_failure(fmt::format("{}: {}", what, std::strerror(errno)));
}

/// A file descriptor that is closed with its owner and by exec.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() { close(); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

struct MeetingPoint {
  Descriptor socket;
  int port = 0;
};

MeetingPoint open_meeting_point() {
  MeetingPoint point{Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  if (point.socket.get() < 0 || ::bind(point.socket.get(), plain, length) != 0 ||
      ::listen(point.socket.get(), kMostProcesses) != 0 ||
      ::getsockname(point.socket.get(), plain, &length) != 0) {
    throw system_failure("launch: cannot listen on loopback");
  }
  point.port = ntohs(address.sin_port);
  return point;
}

struct Child {
  int rank = 0;
  pid_t pid = -1;
  Descriptor output;      // what ranks other than 0 print; -1 once it has ended
  std::string unfinished;  // a line that has not ended yet
  bool running = false;
};

/// Writes whole lines with the rank before them.
void pass_on(Child& child, std::string_view text) {
  child.unfinished += text;
  std::size_t begin = 0;
  for (std::size_t end; (end = child.unfinished.find('\n', begin)) != std::string::npos; begin = end + 1) {
    fmt::print(stderr, "[{}] {}\n", child.rank, child.unfinished.substr(begin, end - begin));
  }
  child.unfinished.erase(0, begin);
}

/// Reads what there is; closes the pipe at its end.
void read_output(Child& child) {
  char buffer[4096];
  const ssize_t got = ::read(child.output.get(), buffer, sizeof(buffer));
  if (got > 0) return pass_on(child, {buffer, static_cast<std::size_t>(got)});
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (!child.unfinished.empty()) pass_on(child, "\n");
  child.output.close();
}

void set_default(const char* name, const std::string& value) { ::setenv(name, value.c_str(), 0); }
void set(const char* name, const std::string& value) { ::setenv(name, value.c_str(), 1); }

/// In the new process: its place in the environment, its descriptors, and the program.
[[noreturn]] void become(const LaunchOptions& options, int rank, const MeetingPoint& point,
                         int output, pid_t launcher) {
  // Its own group: Ctrl-C reaches the launcher alone, which passes it on once.
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != launcher) ::_exit(1);
  ::signal(SIGINT, SIG_DFL);
  ::signal(SIGTERM, SIG_DFL);
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "TORCHELASTIC_USE_AGENT_STORE",
                           "TORCHELASTIC_RESTART_COUNT", "DISCREET_LISTEN_FD"}) {
    ::unsetenv(name);
  }
  set("RANK", std::to_string(rank));
  set("LOCAL_RANK", std::to_string(rank));
  set("WORLD_SIZE", std::to_string(options.processes));
  set("LOCAL_WORLD_SIZE", std::to_string(options.processes));
  set("MASTER_ADDR", "127.0.0.1");
  set("MASTER_PORT", std::to_string(point.port));
  set_default("OMP_NUM_THREADS",
              std::to_string(std::max(1, core::available_threads() / options.processes)));
  // What libtorch logs of a lost connection says less than our error does.
  set_default("TORCH_CPP_LOG_LEVEL", "ERROR");
  if (rank == 0) {
    ::fcntl(point.socket.get(), F_SETFD, 0);
    set("DISCREET_LISTEN_FD", std::to_string(point.socket.get()));
  } else {
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
  }
  const int nothing = ::open("/dev/null", O_RDONLY);
  if (nothing >= 0) ::dup2(nothing, STDIN_FILENO);

  std::vector<char*> words;
  std::string name = "discreet";
  words.push_back(name.data());
  std::vector<std::string> arguments = options.arguments;
  for (std::string& argument : arguments) words.push_back(argument.data());
  words.push_back(nullptr);
  ::execv(options.program.c_str(), words.data());
  fmt::print(stderr, "error: {}: {}\n", options.program.string(), std::strerror(errno));
  ::_exit(70);
}

Child start(const LaunchOptions& options, int rank, const MeetingPoint& point) {
  Child child{.rank = rank};
  Descriptor writer;
  if (rank > 0) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw system_failure("launch: no pipe");
    child.output = Descriptor(ends[0]);
    writer = Descriptor(ends[1]);
  }
  std::fflush(nullptr);
  const pid_t launcher = ::getpid();
  child.pid = ::fork();
  if (child.pid < 0) throw system_failure("launch: no process");
  if (child.pid == 0) become(options, rank, point, writer.get(), launcher);
  child.running = true;
  return child;
}

/// How a process failed; nullopt if it did not.
struct Failure {
  int rank = 0;
  int code = 0;
  bool by_signal = false;
};

std::optional<Failure> failure_of(const Child& child, int status) {
  if (WIFSIGNALED(status)) return Failure{child.rank, 128 + WTERMSIG(status), true};
  const int code = WEXITSTATUS(status);
  if (code == 0) return std::nullopt;
  return Failure{child.rank, code, false};
}

class Launch {
 public:
  explicit Launch(const LaunchOptions& options) : options_(options) {}

  ~Launch() {  // left by an exception: nothing may stay behind
    send(SIGKILL);
    for (Child& child : children_) {
      if (child.running) ::waitpid(child.pid, nullptr, 0);
    }
  }

  int run() {
    {
      const MeetingPoint point = open_meeting_point();
      for (int rank = 0; rank < options_.processes; ++rank) children_.push_back(start(options_, rank, point));
    }
    while (anything_left()) {
      poll_outputs();
      collect();
      pass_on_signal();
      end_the_rest();
    }
    if (!first_failure_) return 0;
    if (!leader_finished_) return first_failure_->code;
    // Rank 0 speaks for the run: it went on without the other, and its work is done.
    if (!options_.quiet) fmt::print(stderr, "launch: rank 0 finished what all were at\n");
    return 0;
  }

 private:
  bool anything_left() const {
    return std::ranges::any_of(children_, [](const Child& child) {
      return child.running || child.output.get() >= 0;
    });
  }

  void send(int signal) {
    for (const Child& child : children_) {
      if (child.running) ::kill(child.pid, signal);
    }
  }

  void poll_outputs() {
    constexpr int kTickMilliseconds = 50;
    std::vector<pollfd> waiting;
    std::vector<Child*> whose;
    for (Child& child : children_) {
      if (child.output.get() < 0) continue;
      waiting.push_back({child.output.get(), POLLIN, 0});
      whose.push_back(&child);
    }
    if (::poll(waiting.data(), waiting.size(), kTickMilliseconds) <= 0) return;
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      if (waiting[i].revents != 0) read_output(*whose[i]);
    }
  }

  void collect() {
    std::vector<Failure> failures;
    for (Child& child : children_) {
      int status = 0;
      if (!child.running || ::waitpid(child.pid, &status, WNOHANG) != child.pid) continue;
      child.running = false;
      const auto failure = failure_of(child, status);
      if (failure) failures.push_back(*failure);
      if (child.rank == 0) leader_finished_ = !failure;
    }
    if (failures.empty() || first_failure_) return;
    // Of several in one tick, the one that a signal ended was the cause: its peers noticed.
    std::ranges::stable_sort(failures, [](const Failure& a, const Failure& b) {
      return a.by_signal > b.by_signal;
    });
    first_failure_ = failures.front();
    failed_at_ = Clock::now();
    const bool asked = options_.stop != nullptr && options_.stop->load() != 0;
    if (options_.quiet || asked || !std::ranges::any_of(children_, &Child::running)) return;
    fmt::print(stderr, "launch: rank {} {} {}; the others have {:g} s to save and end\n",
               first_failure_->rank,
               first_failure_->by_signal ? "was ended by signal" : "ended with exit code",
               first_failure_->by_signal ? first_failure_->code - 128 : first_failure_->code,
               options_.grace_seconds);
  }

  void pass_on_signal() {
    const int signal = options_.stop == nullptr ? 0 : options_.stop->load();
    if (signal == passed_on_) return;
    passed_on_ = signal;
    send(signal);
  }

  /// Once one has failed: SIGTERM after the grace, SIGKILL after that.
  void end_the_rest() {
    if (!first_failure_) return;
    const double waited = std::chrono::duration<double>(Clock::now() - failed_at_).count();
    if (waited > options_.grace_seconds && !terminated_) {
      terminated_ = true;
      send(SIGTERM);
    }
    if (waited > options_.grace_seconds + options_.kill_seconds && !killed_) {
      killed_ = true;
      send(SIGKILL);
      // Something that a process started may still hold its pipe: nobody waits for that.
      for (Child& child : children_) child.output.close();
    }
  }

  const LaunchOptions& options_;
  std::vector<Child> children_;
  std::optional<Failure> first_failure_;
  Clock::time_point failed_at_;
  int passed_on_ = 0;
  bool terminated_ = false, killed_ = false, leader_finished_ = false;
};

}  // namespace

int launch(const LaunchOptions& options) {
  if (options.processes < 1 || options.processes > kMostProcesses) {
    throw usage_error(fmt::format("--processes = {}: expected a number in [1, {}]", options.processes,
                                  kMostProcesses));
  }
  return Launch(options).run();
}

}  // namespace discreet::app
