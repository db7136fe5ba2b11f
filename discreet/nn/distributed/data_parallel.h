#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "discreet/nn/distributed/flat_layout.h"
#include "discreet/nn/distributed/process_group.h"

namespace discreet::nn {

/// What a step and its loop share with the other processes of the run.
struct ParallelRun {
  std::shared_ptr<ProcessGroup> group = make_lonely_group();
  core::ProcessPlace place;
  /// Each process keeps and applies the optimiser's state for its part of the parameters alone (ZeRO
  /// stage 1).
  bool sharded_optimizer = false;
  std::function<bool()> asked_to_stop;  ///< This process; may be empty.
  bool stop = false;                    ///< Any process was asked before the last step: agreed upon.

  bool alone() const { return group->alone(); }
};

/// The exchange of gradients: one flat buffer, reduced to the owners of its parts and gathered again.
///
/// Process r owns part r of the flat parameter vector. `reduce` leaves there the sum over all
/// processes, added in the order of ranks, so that it is the same in each run. The owner then does what
/// may be done only once (noise), and either `gather` brings the result back to all, or (sharded
/// optimiser) the owner moves its part of the parameters and `gather_parameters` brings those. In both
/// cases as many bytes travel as in one all-reduce.
///
/// Ref: Rajbhandari et al. 2020 (ZeRO), section 5.
/// Shapes: R processes, P parameters, S elements in a part.
class DataParallel {
 public:
  /// `parameters` share memory with the model's. Throws: kInternal as FlatLayout does.
  DataParallel(std::shared_ptr<ParallelRun> run, NamedTensors parameters);

  int rank() const { return run_->group->rank(); }
  int size() const { return run_->group->size(); }
  bool sharded() const { return run_->sharded_optimizer; }
  const NamedTensors& parameters() const { return parameters_; }

  /// What this process's optimiser moves: the parameters, or flat views of the pieces that it owns.
  NamedTensors optimizer_parameters() const;

  /// Sends `gradients` (one per parameter, undefined for zeros) to the owners. Afterwards `piece(i)`
  /// is piece i's part of the sum, for the pieces of this process.
  void reduce(std::span<const at::Tensor> gradients);
  std::span<const ParameterPiece> pieces() const { return layout_.pieces(rank()); }
  /// [size] a view, to be changed in place.
  at::Tensor piece(std::size_t index);
  /// All pieces of this process as flat gradients for an optimiser of `optimizer_parameters`.
  std::vector<at::Tensor> owned_gradients();
  /// Brings the owners' pieces to all; returns [P] views in the parameters' shapes, valid until the
  /// next `reduce`.
  std::vector<at::Tensor> gather();
  /// Brings the owners' parts of the parameters themselves to all.
  void gather_parameters();

  /// values[i] becomes its sum over processes, added in the order of ranks. All come before any returns:
  /// what rank 0 did before (the ledger) is done. Also agrees on ParallelRun::stop.
  void add_up(std::span<double> values);

  /// Rank 0's values, on every process.
  void share(std::span<double> values) const;

  /// The optimiser's state in whole tensors, as an optimiser that works alone names them; on rank 0,
  /// elsewhere nothing. Collective if sharded.
  NamedTensors whole_state(const Optimizer& optimizer) const;
  /// The reverse; every process passes the whole state.
  void load_state(Optimizer& optimizer, const NamedTensors& whole) const;

 private:
  at::Tensor part_of(at::Tensor& buffer, const ParameterPiece& piece) const;

  std::shared_ptr<ParallelRun> run_;
  NamedTensors parameters_;
  FlatLayout layout_;
  at::Tensor sent_, received_;  // [R, S]
  at::Tensor mine_;             // [S]
};

/// The examples of a list that process `rank` of `size` takes: every size-th, so that loads are even.
std::vector<std::int64_t> share_of(std::span<const std::int64_t> all, int rank, int size);

}  // namespace discreet::nn
