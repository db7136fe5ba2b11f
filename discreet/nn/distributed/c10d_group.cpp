#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discreet/core/json.h"
#include "discreet/nn/distributed/process_group.h"

#ifdef USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#endif
#if defined(USE_C10D_NCCL) && __has_include(<nccl.h>)
#define DISCREET_NCCL 1
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

namespace discreet::nn {

#ifdef USE_C10D_GLOO
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

/// How long the others' reports are waited for before a silent one is called lost.
constexpr milliseconds kReportTime{3000};
constexpr milliseconds kPollTime{20};

std::string backend_error(const std::exception& e) {
  // c10d's messages carry a stack behind the first line.
  const std::string text = e.what();
  return text.substr(0, text.find('\n'));
}

const char* environment_or_null(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != 0 ? value : nullptr;
}

/// Loopback stays loopback; else the interface that GLOO_SOCKET_IFNAME names, or the host name's.
std::shared_ptr<gloo::transport::Device> gloo_device(const std::string& address) {
  using Group = c10d::ProcessGroupGloo;
  if (const char* name = environment_or_null("GLOO_SOCKET_IFNAME")) {
    return Group::createDeviceForInterface(name);
  }
  const bool loopback = address == "localhost" || address == "::1" || address.starts_with("127.");
  return loopback ? Group::createDeviceForHostname("127.0.0.1") : Group::createDefaultDevice();
}

c10::intrusive_ptr<c10d::Store> open_store(const core::ProcessPlace& place, milliseconds timeout) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(place.port);
  options.isServer = place.rank == 0 && !place.agent_store;
  options.waitWorkers = false;
  options.timeout = timeout;
  if (options.isServer && place.listen_fd >= 0) options.masterListenFd = place.listen_fd;
  return c10::make_intrusive<c10d::TCPStore>(place.address, options);
}

class C10dGroup final : public ProcessGroup {
 public:
  C10dGroup(const core::ProcessPlace& place, milliseconds timeout) : place_(place) {
    // c10d writes to its store without MSG_NOSIGNAL, as Python ignores this signal: a store that closed
    // must be an error that can be told, not the end of the process.
    std::signal(SIGPIPE, SIG_IGN);
    // One after another in one store; by thread, so that threads may stand for processes.
    thread_local int groups = 0;
    try {
      const auto tcp = open_store(place, timeout);
      store_ = c10::make_intrusive<c10d::PrefixStore>(
          fmt::format("discreet/{}/{}", place.round, groups++), tcp);
      auto options = c10d::ProcessGroupGloo::Options::create(timeout);
      options->devices.push_back(gloo_device(place.address));
      gloo_ = c10::make_intrusive<c10d::ProcessGroupGloo>(
          c10::make_intrusive<c10d::PrefixStore>("gloo", store_), place.rank, place.size, options);
#ifdef DISCREET_NCCL
      if (all_have_a_device()) {
        auto nccl = c10d::ProcessGroupNCCL::Options::create();
        nccl->timeout = timeout;
        nccl_ = c10::make_intrusive<c10d::ProcessGroupNCCL>(
            c10::make_intrusive<c10d::PrefixStore>("nccl", store_), place.rank, place.size, nccl);
      }
#endif
    } catch (const std::exception& e) {
      if (store_) throw lost("the processes did not all meet: " + backend_error(e));
      throw LostProcess(
          ErrorCode::kRuntime,
          fmt::format("rank {} of {} could not meet the others at {}:{}: {}", place.rank, place.size,
                      place.address, place.port, backend_error(e)),
          "Start all processes with the same MASTER_ADDR and MASTER_PORT; the port must be free on rank "
          "0's machine and open to the others.",
          {});
    }
  }

  int rank() const override { return place_.rank; }
  int size() const override { return place_.size; }
  std::string backend() const override { return nccl_ ? "nccl and gloo" : "gloo"; }

  void exchange(const at::Tensor& rows, at::Tensor& received) override {
    if (rows.numel() == 0) return;
    at::Tensor mine = staged(rows), theirs = staged(received);
    std::vector<std::int64_t> equal_parts;
    wait_for([&](c10d::Backend& b) { return b.alltoall_base(theirs, mine, equal_parts, equal_parts); }, mine);
    bring_back(theirs, received);
  }

  void gather_all(const at::Tensor& mine, at::Tensor& all) override {
    if (mine.numel() == 0) return;
    at::Tensor sent = staged(mine), theirs = staged(all);
    at::Tensor flat = theirs.view({-1});  // Gloo wants the pieces' own shape, end to end
    wait_for([&](c10d::Backend& b) { return b._allgather_base(flat, sent); }, sent);
    bring_back(theirs, all);
  }

  at::Tensor gather(const at::Tensor& mine) override {
    if (mine.numel() == 0) return leads() ? at::empty({size(), 0}, mine.options()) : at::Tensor();
    std::vector<at::Tensor> sent = {staged(mine)};
    at::Tensor all;
    std::vector<std::vector<at::Tensor>> received;
    if (leads()) {
      all = at::empty({size(), mine.numel()}, sent.front().options());
      received.push_back(all.unbind());
    }
    wait_for([&](c10d::Backend& b) { return b.gather(received, sent); }, sent.front());
    return leads() ? all.to(mine.device()) : at::Tensor();
  }

  void share(at::Tensor& values) override {
    if (values.numel() == 0) return;
    std::vector<at::Tensor> sent = {staged(values)};
    wait_for([&](c10d::Backend& b) { return b.broadcast(sent); }, sent.front());
    bring_back(sent.front(), values);
  }

  void leave(const Error& reason) noexcept override {
    try {
      if (left_) return;
      report({{"code", reason.exit_code()}, {"message", reason.what()}, {"hint", reason.hint()}});
      store_->set(read_key(rank()), "");
    } catch (const std::exception&) {
      // The store is gone: then nobody is there to be told.
    }
  }

  ~C10dGroup() override {
    // Whoever keeps the store stays until the others have read what was said, or can be presumed dead.
    try {
      if (left_ && leads() && !place_.agent_store) wait_for_readers();
    } catch (const std::exception&) {
    }
  }

 private:
#ifdef DISCREET_NCCL
  /// NCCL refuses two processes on one device; those share it over Gloo.
  bool all_have_a_device() {
    const auto key = [](int rank) { return fmt::format("device/{}", rank); };
    const bool own = at::hasCUDA() && place_.local_rank < static_cast<int>(at::getNumGPUs());
    store_->set(key(place_.rank), own ? "own" : "shared");
    bool all = true;
    for (int r = 0; r < place_.size; ++r) all = store_->get_to_str({key(r)}) == "own" && all;
    return all;
  }
#endif

  /// Contiguous, and where a backend can send it from.
  at::Tensor staged(const at::Tensor& values) const {
    const at::Tensor plain = values.detach().contiguous();
    return nccl_ ? plain : plain.to(at::kCPU);
  }

  /// `staged` gave the tensor itself or a copy of it: a copy goes back.
  static void bring_back(const at::Tensor& staged, at::Tensor& values) {
    if (staged.data_ptr() != values.data_ptr()) values.copy_(staged);
  }

  void wait_for(const std::function<c10::intrusive_ptr<c10d::Work>(c10d::Backend&)>& start,
                const at::Tensor& where) {
    if (left_) throw internal_error("a process group was used after it had failed");
    try {
      start(where.is_cuda() ? *nccl_ : *gloo_)->wait();
    } catch (const std::exception& e) {
      throw lost(backend_error(e));
    }
  }

  static std::string report_key(int rank) { return fmt::format("left/{}", rank); }
  static std::string read_key(int rank) { return fmt::format("read/{}", rank); }

  /// Says in the store that this process leaves; closes its connections, so that the others notice.
  void report(const Json& reason) {
    left_ = true;
    store_->setTimeout(kReportTime);
    store_->set(report_key(rank()), reason.dump());
    gloo_.reset();
    nccl_.reset();
  }

  void wait_for_readers() {
    const auto end = Clock::now() + kReportTime;
    for (int i = 1; i < size(); ++i) {
      while (!store_->check({read_key(i)})) {
        if (Clock::now() > end) return;
        std::this_thread::sleep_for(kPollTime);
      }
    }
  }

  /// What each process reported, by rank; null for one that did not within kReportTime. Stops early at
  /// a reason.
  std::vector<Json> wait_for_reports() {
    std::vector<Json> reports(static_cast<std::size_t>(size()));
    const auto end = Clock::now() + kReportTime;
    while (true) {
      bool complete = true;
      for (int i = 0; i < size(); ++i) {
        Json& report = reports[static_cast<std::size_t>(i)];
        if (report.is_null() && store_->check({report_key(i)})) {
          report = Json::parse(store_->get_to_str(report_key(i)));
        }
        if (report.is_object() && report.contains("message")) return reports;
        complete = complete && !report.is_null();
      }
      if (complete || Clock::now() > end) return reports;
      std::this_thread::sleep_for(kPollTime);
    }
  }

  LostProcess lost(const std::string& what) {
    std::vector<Json> reports;
    try {
      report({{"noticed", what}});
      reports = wait_for_reports();
      store_->set(read_key(rank()), "");
    } catch (const std::exception&) {
      const bool by_rank_0 = !place_.agent_store;
      return LostProcess(ErrorCode::kRuntime,
                         fmt::format("rank {} of {}: {} was lost: {}", rank(), size(),
                                     by_rank_0 ? "rank 0, which kept the store," : "the launcher's store", what),
                         kLostHint, by_rank_0 ? std::vector<int>{0} : std::vector<int>{});
    }
    std::vector<int> silent;
    for (int i = 0; i < size(); ++i) {
      const Json& report = reports[static_cast<std::size_t>(i)];
      if (report.is_null()) silent.push_back(i);
      if (report.is_null() || !report.contains("message")) continue;
      return LostProcess(static_cast<ErrorCode>(report["code"].get<int>()),
                         fmt::format("rank {} of {}: rank {} ended: {}", rank(), size(), i,
                                     report["message"].get<std::string>()),
                         report["hint"].get<std::string>(), {i});
    }
    if (silent.empty()) {
      return LostProcess(ErrorCode::kRuntime,
                         fmt::format("rank {} of {}: the connection to the others broke, though all of "
                                     "them still run: {}", rank(), size(), what),
                         "Look at the network; a process that is slow needs a larger "
                         "train.process_timeout.", {});
    }
    return LostProcess(ErrorCode::kRuntime,
                       fmt::format("rank {} of {}: rank {} was lost: {}", rank(), size(),
                                   fmt::join(silent, ", "), what),
                       kLostHint, silent);
  }

  static constexpr const char* kLostHint =
      "Look at what that process wrote, and whether the system ended it (memory).";

  core::ProcessPlace place_;
  c10::intrusive_ptr<c10d::Store> store_;
  c10::intrusive_ptr<c10d::Backend> gloo_, nccl_;
  bool left_ = false;
};

}  // namespace

std::shared_ptr<ProcessGroup> make_process_group(const core::ProcessPlace& place, milliseconds timeout) {
  if (place.alone()) return make_lonely_group();
  return std::make_shared<C10dGroup>(place, timeout);
}

#else  // USE_C10D_GLOO

std::shared_ptr<ProcessGroup> make_process_group(const core::ProcessPlace& place,
                                                 std::chrono::milliseconds) {
  if (place.alone()) return make_lonely_group();
  throw runtime_failure("this libtorch was built without Gloo: there is one process at most",
                        "Build against a libtorch with USE_DISTRIBUTED, or start one process.");
}

#endif  // USE_C10D_GLOO

std::vector<std::string> process_backends() {
  std::vector<std::string> names;
#ifdef USE_C10D_GLOO
  names.push_back("gloo");
#endif
#ifdef DISCREET_NCCL
  if (at::hasCUDA() && at::getNumGPUs() > 0) names.push_back("nccl");
#endif
  return names;
}

}  // namespace discreet::nn
