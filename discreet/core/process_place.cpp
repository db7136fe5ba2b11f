#include "discreet/core/process_place.h"

#include <charconv>
#include <cstdint>
#include <cstdlib>

#include <fmt/format.h>

#include "discreet/core/error.h"

namespace discreet::core {
namespace {

// Below the ports that Linux gives to outgoing connections (32768 and up).
constexpr int kFirstPort = 20000, kPorts = 12000;

int number_of(const std::string& name, const std::string& text, int least, int most) {
  int value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || rest != end || value < least || value > most) {
    throw usage_error(fmt::format("environment: {} = \"{}\": expected a whole number in [{}, {}]", name,
                                  text, least, most),
                      "A launcher sets it; unset it to run one process alone.");
  }
  return value;
}

class Variables {
 public:
  explicit Variables(const Environment& environment) : environment_(environment) {}
  bool has(const std::string& name) const { return environment_(name).has_value(); }
  std::string text(const std::string& name) const { return environment_(name).value_or(""); }
  int number(const std::string& name, int least, int most) const {
    const auto value = environment_(name);
    if (!value) {
      throw usage_error(fmt::format("environment: {} is missing beside its sisters", name),
                        "Start the processes by `discreet launch`, torchrun, mpirun or srun.");
    }
    return number_of(name, *value, least, most);
  }

 private:
  const Environment& environment_;
};

constexpr int kMostProcesses = 1 << 16;

void read_rank(const Variables& variables, ProcessPlace& place, const char* rank, const char* size) {
  place.size = variables.number(size, 1, kMostProcesses);
  place.rank = variables.number(rank, 0, place.size - 1);
}

/// The same on every process of a job, and seldom that of another job.
int port_of_job(const std::string& job) {
  std::uint64_t hash = 14695981039346656037ull;  // FNV-1a
  for (const unsigned char c : job) hash = (hash ^ c) * 1099511628211ull;
  return kFirstPort + static_cast<int>(hash % kPorts);
}

/// MASTER_ADDR and MASTER_PORT, else what the launcher's own variables allow to conclude.
void meet_at(const Variables& variables, ProcessPlace& place, const std::string& address,
             const std::string& job) {
  place.address = variables.has("MASTER_ADDR") ? variables.text("MASTER_ADDR") : address;
  place.port = variables.has("MASTER_PORT") ? variables.number("MASTER_PORT", 1, 65535)
                                            : port_of_job(job);
  if (!place.address.empty()) return;
  throw usage_error("environment: MASTER_ADDR is missing, and the processes are on several machines",
                    "Give the address of rank 0's machine: mpirun -x MASTER_ADDR=… -x MASTER_PORT=…");
}

}  // namespace

std::string first_slurm_host(const std::string& node_list) {
  const auto bracket = node_list.find('['), comma = node_list.find(',');
  if (bracket == std::string::npos || comma < bracket) return node_list.substr(0, comma);
  const auto end = node_list.find_first_of(",-]", bracket);
  return node_list.substr(0, bracket) + node_list.substr(bracket + 1, end - bracket - 1);
}

ProcessPlace process_place(const Environment& environment) {
  const Variables variables(environment);
  ProcessPlace place;
  if (variables.has("RANK") || variables.has("WORLD_SIZE")) {
    place.launcher = "torchrun";
    read_rank(variables, place, "RANK", "WORLD_SIZE");
    if (variables.has("LOCAL_RANK")) {
      place.local_rank = variables.number("LOCAL_RANK", 0, kMostProcesses);
    }
    place.agent_store = variables.text("TORCHELASTIC_USE_AGENT_STORE") == "True";
    place.round = variables.text("TORCHELASTIC_RESTART_COUNT");
    if (variables.has("DISCREET_LISTEN_FD")) {
      place.listen_fd = variables.number("DISCREET_LISTEN_FD", 3, 1 << 20);
    }
    if (place.alone()) return place;
    place.address = variables.text("MASTER_ADDR");
    if (place.address.empty()) {
      throw usage_error("environment: MASTER_ADDR is missing beside RANK and WORLD_SIZE",
                        "Start the processes by `discreet launch` or torchrun.");
    }
    place.port = variables.number("MASTER_PORT", 1, 65535);
    return place;
  }
  if (variables.has("OMPI_COMM_WORLD_SIZE")) {
    place.launcher = "mpirun";
    read_rank(variables, place, "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE");
    place.local_rank = variables.number("OMPI_COMM_WORLD_LOCAL_RANK", 0, kMostProcesses);
    if (place.alone()) return place;
    const bool one_machine = variables.text("OMPI_COMM_WORLD_LOCAL_SIZE") == std::to_string(place.size);
    meet_at(variables, place, one_machine ? "127.0.0.1" : "",
            "mpirun " + variables.text("PMIX_NAMESPACE") + variables.text("OMPI_MCA_ess_base_jobid"));
    return place;
  }
  if (variables.has("SLURM_PROCID") && variables.has("SLURM_STEP_NUM_TASKS")) {
    place.launcher = "slurm";
    read_rank(variables, place, "SLURM_PROCID", "SLURM_STEP_NUM_TASKS");
    if (variables.has("SLURM_LOCALID")) {
      place.local_rank = variables.number("SLURM_LOCALID", 0, kMostProcesses);
    }
    if (place.alone()) return place;
    meet_at(variables, place, first_slurm_host(variables.text("SLURM_STEP_NODELIST")),
            "slurm " + variables.text("SLURM_JOB_ID") + "." + variables.text("SLURM_STEP_ID"));
    return place;
  }
  return place;
}

ProcessPlace process_place() {
  return process_place([](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return value;
  });
}

}  // namespace discreet::core
