#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "discreet/nn/batch.h"
#include "discreet/nn/optimizer.h"

namespace discreet::nn {
class Model;
}

namespace discreet::federated {

/// How every client trains.
struct LocalOptions {
  nn::OptimizerOptions optimizer;  ///< Fresh in every round.
  double learning_rate = 0.1;
  std::int64_t batch_size = 32;
  std::int64_t epochs = 1;
  std::int64_t most_steps = 0;  ///< 0: as many as the epochs have.
  double gradient_clip = 0;
  double proximal = 0;  ///< mu of (mu/2) |w - w_t|^2.
  bool measure_loss = false;  ///< The loss at the model received, by a pass without gradients.
  std::uint64_t seed = 1;
};

/// One client's work in one round.
struct LocalWork {
  std::int64_t client = 0;
  std::int64_t round = 0;
  std::span<const std::int64_t> examples;  ///< Their places in the data set.
  std::span<const float> start;            ///< [P] the server's model.
  std::span<const float> correction;       ///< [P] added to every gradient (SCAFFOLD), or empty.
};

struct LocalResult {
  std::int64_t steps = 0;
  double loss = 0;                   ///< At the model received if measured, else over the first pass.
  double root_mean_square_loss = 0;  ///< Over the examples of the first pass.
};

/// A model on which clients train one after another: the client code of simulation and deployment.
///
/// What a client does is a function of its work and of (seed, round, client): order of examples and
/// dropout are drawn from a stream of that name, the optimiser starts anew. So it does not matter which
/// trainer, on which thread, trains whom. Not for use by two threads at once.
class ClientTrainer {
 public:
  ClientTrainer(std::shared_ptr<nn::Model> model, std::shared_ptr<const nn::EncodedExamples> data,
                const LocalOptions& options);

  /// P: values of the parameters that are trained. Frozen ones are neither read nor sent.
  std::int64_t values() const { return values_; }
  void read(std::span<float> flat) const;
  void write(std::span<const float> flat);
  /// difference [P] = model after local work - start.
  LocalResult train(const LocalWork& work, std::span<float> difference);
  nn::Model& model() { return *model_; }

 private:
  double measure(std::span<const std::int64_t> examples);
  void move_gradients(const LocalWork& work, std::span<const at::Tensor> gradients);

  std::shared_ptr<nn::Model> model_;
  std::shared_ptr<const nn::EncodedExamples> data_;
  LocalOptions options_;
  nn::NamedTensors parameters_;
  std::int64_t values_ = 0;
};

}  // namespace discreet::federated
