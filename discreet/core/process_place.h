#pragma once

#include <functional>
#include <optional>
#include <string>

namespace discreet::core {

/// Where this process stands among those that work on one run, and where they meet.
struct ProcessPlace {
  int rank = 0;        ///< 0 .. size - 1.
  int size = 1;        ///< 1: it works alone.
  int local_rank = 0;  ///< Among the processes of this machine; picks the device.
  std::string address;       ///< Host of the store where the processes meet.
  int port = 0;
  bool agent_store = false;  ///< The launcher keeps the store; else rank 0 opens it.
  int listen_fd = -1;        ///< Rank 0: a listening socket that the launcher opened; -1: none.
  std::string round;         ///< Tells restarts that share one store apart.
  std::string launcher = "none";  ///< "torchrun", "mpirun", "slurm": whose variables were read.

  bool alone() const { return size == 1; }
};

/// Looks up a variable of the environment; nullopt if it is absent.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// Reads what launchers say, the first that says anything:
///   torchrun, `discreet launch` and the like: RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT,
///     TORCHELASTIC_USE_AGENT_STORE, TORCHELASTIC_RESTART_COUNT;
///   OpenMPI's mpirun: OMPI_COMM_WORLD_{RANK,SIZE,LOCAL_RANK,LOCAL_SIZE};
///   Slurm's srun: SLURM_PROCID, SLURM_STEP_NUM_TASKS, SLURM_LOCALID, SLURM_STEP_NODELIST. A batch
///     script's own process has no SLURM_STEP_NUM_TASKS, and is alone.
/// MASTER_ADDR and MASTER_PORT win over what would be concluded from the others. Without them the
/// address is the first node's (Slurm) or this machine's (mpirun with all processes on it), and the port
/// a function of the job's name.
/// Throws: kUsage naming a variable that is missing, no number or out of bounds.
ProcessPlace process_place(const Environment& environment);
/// The same from the process's own environment.
ProcessPlace process_place();

/// The first host of a Slurm node list: "n[003-004,9],m1" gives "n003".
std::string first_slurm_host(const std::string& node_list);

}  // namespace discreet::core
