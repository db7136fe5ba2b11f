#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "discreet/federated/engine/client_trainer.h"
#include "discreet/federated/fixed_point.h"
#include "discreet/nn/stacked/model.h"
#include "discreet/nn/stacked/pass.h"

namespace discreet::federated {

/// The local training of a ClientTrainer for models of a few layers (nn/stacked: linear heads on frozen
/// vectors, bags of words, LSTMs over words), without autograd, and for a table of word vectors on the
/// rows alone whose words the client has: only these are copied, trained and sent.
///
/// Guarantee: the same batches, in the same order, as ClientTrainer's; results equal its own up to
/// rounding, and are the same bits on every thread. Not for SCAFFOLD, personal parameters or a loss
/// that is measured first; the root mean square of losses is not known (NaN).
/// Cost: memory of the dense layers and of a client's rows; a client's work does not grow with the
/// vocabulary.
class SmallTrainer {
 public:
  SmallTrainer(nn::stacked::Shape shape, std::shared_ptr<const nn::StackedData> data,
               const LocalOptions& options);

  std::int64_t values() const { return values_; }
  /// Trains. The update is what `pieces` say, apart, in no order, valid until the next client; `meter` has
  /// measured it.
  LocalResult train(const LocalWork& work);
  std::span<const FlatPiece> pieces() const { return pieces_; }
  const UpdateMeter& meter() const { return meter_; }
  /// Writes the parts of `difference` [P] that may change; all others must be zero, and stay so.
  LocalResult train(const LocalWork& work, std::span<float> difference);
  /// Those parts, of the client trained last: rising, apart.
  std::span<const FlatRange> parts() const { return parts_; }

 private:
  void take_rows(const LocalWork& work, const nn::stacked::DataView& all);
  void take_start(std::span<const float> start);
  void make_pieces();
  void plain_step(double rate);
  void general_step(double rate, double pull);

  nn::stacked::Shape shape_;
  std::shared_ptr<const nn::StackedData> data_;
  LocalOptions options_;
  nn::stacked::Pass pass_;
  std::int64_t values_ = 0;
  std::vector<std::size_t> places_;           // of each parameter in the flat vector
  std::vector<std::vector<float>> own_;       // the client's parameters, in the end their change; of the table, its rows
  std::vector<std::vector<float>> start_;     // the same as they came
  std::vector<std::vector<float>> gradients_;
  std::vector<float*> own_pointers_, gradient_pointers_;
  std::vector<std::int64_t> rows_;            // of the table that the client has, in order of meeting
  std::vector<std::int32_t> seat_;            // [V] a row's seat, where stamp_ says that it has one
  std::vector<std::uint32_t> stamp_;          // [V]
  std::uint32_t turn_ = 0;
  std::vector<std::int64_t> tokens_, offsets_, labels_, order_;
  std::vector<FlatPiece> pieces_;
  UpdateMeter meter_;
  std::vector<FlatRange> parts_;
  std::unique_ptr<nn::Optimizer> optimizer_;
};

}  // namespace discreet::federated
