#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "discreet/core/random.h"
#include "discreet/federated/labels.h"
#include "discreet/nn/batch.h"
#include "discreet/nn/optimizer.h"
#include "discreet/nn/schedule.h"

namespace discreet::nn {
class Model;
}

namespace discreet::federated {

/// A learning rate that moves within each client's local training and begins anew in every round.
struct LocalSchedule {
  nn::ScheduleKind kind = nn::ScheduleKind::kConstant;
  double warmup_share = 0;    ///< Of the local steps.
  double final_fraction = 0;  ///< Of the round's rate, at the last step.
};

struct LabelSource;

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
  /// Names of the clients, which key their random streams: a client that is not there moves no other's draws, so that the
  /// sum differs by its own update alone. Null: a client's number is its name.
  std::shared_ptr<const std::vector<std::string>> names{};
  LocalSchedule schedule{};
  /// Patterns of parameters that stay on the client (partial personalisation): trained there, never
  /// sent. Empty: all that are trained travel.
  std::vector<std::string> personal{};
  /// lambda of Ditto's personal models, (lambda/2) |v - w_t|^2; 0: there are none.
  double ditto = 0;
  /// What clients' LoRA factors make of the weights beside them, scale (B_k A_k - B A), is added up
  /// too, so that the server can put right what averaging the factors gets wrong (FedEx-LoRA).
  bool exact_lora = false;
  /// Where labels come from and what the loss makes of them (label_source.h); null: the data's labels and
  /// the model's own loss. A client trains on those of its examples that have a label.
  std::shared_ptr<const LabelSource> labels{};
};

/// One client's work in one round.
struct LocalWork {
  std::int64_t client = 0;
  std::int64_t round = 0;
  std::span<const std::int64_t> examples;  ///< Their places in the data set.
  std::span<const float> start;            ///< [P] the server's model.
  std::span<const float> correction;       ///< [P] added to every gradient (SCAFFOLD), or empty.
  double learning_rate = 0;                ///< Of this round; 0: the options'.
  std::span<float> personal{};             ///< [Q] personal parameters, moved in place; or empty.
  std::span<const float> anchor{};         ///< [P] where the quadratic term pulls to; empty: start.
  double pull = -1;                        ///< Its mu; below 0: the options' proximal.
  const char* stream = "client";           ///< Names the random stream.
  const nn::EncodedExamples* data = nullptr;  ///< In place of the common data set.
};

struct LocalResult {
  std::int64_t steps = 0;
  double loss = 0;                   ///< At the model received if measured, else over the first pass.
  double root_mean_square_loss = 0;  ///< Over the examples of the first pass.
};

/// What keys a client's random streams.
std::string stream_name(const LocalOptions& options, std::int64_t client);
/// The stream of a client's round, from which every trainer draws in the same order.
core::ReproducibleRng local_rng(const LocalOptions& options, const LocalWork& work);
/// Steps that a client with so many examples takes.
std::int64_t planned_steps(const LocalOptions& options, std::size_t examples);
/// The learning rate over them.
nn::Schedule local_schedule(const LocalOptions& options, const LocalWork& work, std::int64_t planned);

/// A model on which clients train one after another: the client code of simulation and deployment.
///
/// What a client does is a function of its work and of (seed, round, client): order of examples and
/// dropout are drawn from a stream of that name, the optimiser starts anew. So it does not matter which
/// trainer, on which thread or process, trains whom. Not for use by two threads at once.
class ClientTrainer {
 public:
  ClientTrainer(std::shared_ptr<nn::Model> model, std::shared_ptr<const nn::EncodedExamples> data,
                const LocalOptions& options);

  /// P: values of the parameters that are trained and shared, and behind them, with exact_lora, those of
  /// the weights that LoRA stands beside. Frozen and personal ones are neither read nor sent.
  std::int64_t values() const { return values_; }
  /// Of P, what a client sends: all but the weights of exact_lora, which the server makes from factors.
  std::int64_t sent_values() const { return sent_; }
  /// Q: values of the personal parameters.
  std::int64_t personal_values() const { return personal_values_; }
  void read(std::span<float> flat) const;
  void write(std::span<const float> flat);
  void read_personal(std::span<float> flat) const;
  void write_personal(std::span<const float> flat);
  /// difference [P] = model after local work - start.
  LocalResult train(const LocalWork& work, std::span<float> difference);
  /// Adds what exact_lora's weights lack, now that the factors are averaged: w [P] after the server's
  /// step, its tail being W + mean of scale (B_k A_k - B A) as the sum of differences made it.
  void settle_lora(std::span<double> w, std::span<const double> before) const;

  /// gradient [P] of the mean loss of `examples` at `start`, without dropout. Zeros without examples.
  void gradient(std::span<const float> start, std::span<const std::int64_t> examples,
                std::span<float> gradient);
  /// Each example's gradient [P] at `start` as `width` numbers: coordinates fall into buckets with signs,
  /// by a hash (count sketch), so that inner products are right on average. Shapes: [examples, width].
  /// Ref: Charikar, Chen and Farach-Colton 2002.
  std::vector<float> gradient_sketches(std::span<const float> start,
                                       std::span<const std::int64_t> examples, std::int64_t width);
  /// Numbers that each client must be sent beside the factors, so that its weights are the server's: of
  /// each layer of exact_lora its weights, or their change as a product if that is smaller.
  std::int64_t residual_values(std::int64_t cohort) const;
  nn::Model& model() { return *model_; }
  const std::shared_ptr<nn::Model>& shared_model() const { return model_; }

 private:
  struct LoraLayer {
    at::Tensor weight, a, b;
    double scale = 0;
    std::size_t a_place = 0, b_place = 0, weight_place = 0;  // in the flat vector
  };
  double measure(const nn::EncodedExamples& data, std::span<const std::int64_t> examples);
  /// The labels of a client's examples, by place, at the model received. Those without one are left out.
  std::map<std::int64_t, DeviceLabel> device_labels(const LocalWork& work);
  at::Tensor losses_of(std::span<const std::int64_t> part, const nn::EncodedExamples& data,
                       const std::map<std::int64_t, DeviceLabel>& labels,
                       const std::map<std::int64_t, std::int64_t>& places, core::ReproducibleRng& rng);
  void move_gradients(const LocalWork& work, std::span<const at::Tensor> gradients);
  void find_lora();
  double pull_of(const LocalWork& work) const {
    return work.pull >= 0 ? work.pull : options_.proximal;
  }

  std::shared_ptr<nn::Model> model_;
  std::shared_ptr<const nn::EncodedExamples> data_;
  LocalOptions options_;
  nn::NamedTensors parameters_;  // shared, then personal
  std::size_t shared_ = 0;       // of them
  std::vector<LoraLayer> lora_;
  std::int64_t values_ = 0, sent_ = 0, personal_values_ = 0;
};

/// The bucket and sign of coordinate `place` of a count sketch of `width` numbers.
struct SketchPlace {
  std::int64_t bucket;
  float sign;
};
SketchPlace sketch_place(std::uint64_t place, std::int64_t width);

}  // namespace discreet::federated
