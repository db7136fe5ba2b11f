#pragma once

#include <cstddef>
#include <functional>

namespace discreet::core {

/// Processors this process may run on (its affinity mask), at least 1.
int available_threads();

/// Calls work(0) … work(count - 1), each once, on up to `threads` threads (0: available_threads()),
/// the caller's among them. Which thread takes which index is not determined: let each index write
/// its own place and seed its own generator, and the result is the same for any number of threads.
/// The first exception stops the handing out of further work and is thrown again here.
void parallel_for(std::size_t count, int threads, const std::function<void(std::size_t)>& work);

}  // namespace discreet::core
