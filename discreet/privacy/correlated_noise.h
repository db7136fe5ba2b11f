#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "discreet/privacy/matrix_mechanism.h"
#include "discreet/privacy/noise.h"

namespace discreet::privacy {

/// The noise of a matrix mechanism, step by step: C^+ Z for a strategy C (DP-FTRL).
///
/// `add_gaussian(values, std)` adds noise whose Z has the size std times the strategy's sensitivity
/// for one of `participation.most` participations, so that std over the norm of one contribution is
/// the noise multiplier of one participation: the whole stream costs `most` Gaussian events of it.
/// A step's calls must cover the same coordinates in the same order as those of every other step.
///
/// What leaves the object is computed from the rows of C X + Z that its sources noised, and from
/// nothing else: where these round to a grid, the release is as safe in its bits (NoiseProtection).
/// Doubles are taken as floats.
///
/// Guarantee: as that of the strategy; the stds must be the same in each step (checked), since
/// noise that was added is taken back later. The state holds past sums and what was released of
/// them: it is as secret as the noise and is held in memory alone, unless the sources are insecure.
/// Where it is lost, a new object starts the mechanism anew for the steps that are left; a unit's
/// participations in the two together cost no more than planned, since the sensitivity of parts
/// never adds up to more than that of the whole. Cost: strategy.memory() float32 vectors as long as
/// what is noised.
class CorrelatedNoise final : public NoiseSource {
 public:
  /// `source(i)` makes the generator of the i-th draw of each step; each must have its own key or
  /// stream.
  CorrelatedNoise(std::shared_ptr<const NoiseStrategy> strategy, const Participation& participation,
                  const std::function<std::unique_ptr<NoiseSource>(std::int64_t)>& source);

  /// Throws: kInternal if a step is left out or repeated, or the step before did not noise as many
  /// coordinates as the first.
  void begin_step(std::uint64_t step) override;
  void add_gaussian(std::span<float> values, double std) override;
  void add_gaussian(std::span<double> values, double std) override;
  bool secure() const override { return sources_.front()->secure(); }
  bool floating_point_safe() const override { return sources_.front()->floating_point_safe(); }
  double step_deviation(double std) const override;
  /// Of several processes each keeps the state of its own parts alone.
  std::optional<std::uint64_t> reserve_shared(std::uint64_t count) override;
  void add_shared(const ReservedNoise& part) override;

  const NoiseStrategy& strategy() const { return *strategy_; }
  /// Z's size for one participation: sensitivity / sqrt(most).
  double scale() const { return scale_; }

  /// Where the stream stands, for checkpoints of runs with an insecure seed.
  struct State {
    std::int64_t position = 0;  ///< Steps done.
    std::vector<double> stds;   ///< Of a step's calls.
    std::vector<float> past;    ///< [strategy.memory(), coordinates]
  };
  /// Throws: kPrivacyRefused if the noise is secure: its state must not leave the memory.
  State state() const;
  /// Goes on from `state`; the next step has the number state.position. Throws: kBadData if it does
  /// not fit.
  void restore(const State& state);

 private:
  /// `place`: in what was reserved; none: what comes next in each source.
  template <class T>
  void add(std::span<T> values, double std, std::optional<std::uint64_t> place = {});

  std::shared_ptr<const NoiseStrategy> strategy_;
  double scale_;
  std::vector<std::unique_ptr<NoiseSource>> sources_;
  std::vector<std::vector<float>> first_past_;  // the first step's blocks, until the size is known
  std::vector<float> past_;                     // [memory, size_]
  std::vector<float> block_;
  std::size_t size_ = 0;        // coordinates; 0 until the first step has ended
  std::size_t offset_ = 0;      // of the next coordinate of this step
  std::int64_t position_ = -1;  // of this step in the mechanism
  std::uint64_t last_step_ = 0;
  std::vector<double> stds_;  // of the first step's calls
  std::size_t call_ = 0;      // of this step
};

}  // namespace discreet::privacy
