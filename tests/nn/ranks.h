#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "discreet/nn/distributed/data_parallel.h"

// Ranks of a process group as threads of one process, over Gloo on loopback.
namespace discreet::nn::testing {

/// A listening socket on loopback that rank 0's store takes over.
inline core::ProcessPlace meeting_place(int size) {
  core::ProcessPlace place{.size = size, .address = "127.0.0.1"};
  place.listen_fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  if (::bind(place.listen_fd, plain, length) != 0 || ::listen(place.listen_fd, 64) != 0 ||
      ::getsockname(place.listen_fd, plain, &length) != 0) {
    throw std::runtime_error("no socket on loopback");
  }
  place.port = ntohs(address.sin_port);
  return place;
}

/// Runs work(group) for each rank at once; the first rank's exception is thrown again.
inline void run_ranks(int size, const std::function<void(std::shared_ptr<ProcessGroup>)>& work,
                      std::chrono::milliseconds timeout = std::chrono::seconds(20)) {
  const core::ProcessPlace meeting = meeting_place(size);
  std::vector<std::exception_ptr> failures(static_cast<std::size_t>(size));
  {
    std::vector<std::jthread> threads;
    for (int rank = 0; rank < size; ++rank) {
      threads.emplace_back([&, rank] {
        try {
          core::ProcessPlace place = meeting;
          place.rank = place.local_rank = rank;
          place.round = "test";
          work(make_process_group(place, timeout));
        } catch (...) {
          failures[static_cast<std::size_t>(rank)] = std::current_exception();
        }
      });
    }
  }
  for (const auto& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

}  // namespace discreet::nn::testing
