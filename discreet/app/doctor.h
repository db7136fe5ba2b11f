#pragma once

#include <string>
#include <vector>

#include "discreet/core/json.h"

namespace discreet::app {

/// What the program was built with and what it runs on: {"schema":"discreet.doctor/1","version",
/// "build","cpu","threads","entropy","tools","tensors","warnings"}. Loads libdiscreet if it is there
/// and lets it measure its matrix product (about half a second).
Json examine_machine();

/// The facts that `warnings_of` looks at, apart from the machine so that tests can make them up.
struct MachineFacts {
  bool optimised = true;   ///< The build optimises.
  bool sanitized = false;  ///< The build checks itself while it runs.
  std::vector<std::string> cpu_features;
  std::string architecture = "x86_64";
  double cores = 1;        ///< What the process may use: affinity, and a container's quota.
  std::string omp_num_threads;  ///< The environment's; empty: unset.
  bool tensors = true;     ///< libdiscreet is there.
  double gflops_one_thread = 0;  ///< 0: not measured.
  bool cuda_device = false;      ///< The system has an NVIDIA device …
  bool cuda_in_torch = false;    ///< … and libtorch can use it.
  bool ccache = true;
};

/// What costs speed or is missing, each with what to do about it.
std::vector<std::string> warnings_of(const MachineFacts& facts);

/// The document for a terminal.
std::string doctor_as_text(const Json& document);

}  // namespace discreet::app
