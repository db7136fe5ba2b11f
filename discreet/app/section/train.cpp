#include "discreet/app/internal/section.h"
#include "discreet/app/settings.h"

namespace discreet {
namespace app {

namespace {

struct OptimizerRow {
  const char *name, *summary, *reference;
};
// The names that nn/optimizer.cpp has rules for; a test holds the two together.
constexpr OptimizerRow kOptimizers[] = {
    {"sgd", "Gradient descent", "Robbins and Monro 1951"},
    {"momentum", "Gradient descent with a decaying sum of gradients", "Polyak 1964"},
    {"nesterov", "Momentum that looks one step ahead", "Sutskever et al. 2013"},
    {"adam", "Steps scaled by moving averages of the gradient and its square",
     "Kingma and Ba 2015"},
    {"adamw", "Adam with weight decay beside the moments", "Loshchilov and Hutter 2019"},
    {"adam-bc", "AdamW with the noise's variance taken out of the second moment; private runs only",
     "Tang, Shpilevskiy and Lecuyer 2024, DP-AdamBC"}};

std::vector<std::string> optimizer_choices() {
  std::vector<std::string> names;
  for (const OptimizerRow& row : kOptimizers) names.emplace_back(row.name);
  return names;
}

}  // namespace

const core::Fields<TrainOptions>& train_fields() {
  static const auto fields =
      core::Fields<TrainOptions>("train")
          .add("batch_size", &TrainOptions::batch_size,
               {.min = 1, .max = 1 << 24, .unit = "units",
                .doc = "Examples of a step; with a privacy mechanism the expected number of units "
                       "(examples or users) that Poisson sampling draws, which is also the public "
                       "divisor.",
                .reference = "Abadi et al. 2016, Algorithm 1"})
          .add("epochs", &TrainOptions::epochs,
               {.min = 1, .max = 1000000,
                .doc = "Passes over the training data; give epochs or steps, neither means 10."})
          .add("steps", &TrainOptions::steps,
               {.min = 1, .max = 1e9, .doc = "Updates; give epochs or steps."})
          .add("optimizer", &TrainOptions::optimizer,
               {.choices = optimizer_choices(),
                .doc = "Update rule (`discreet list optimizer`); a privacy mechanism puts its noisy "
                       "gradient into the same one.",
                .reference = "Kingma and Ba 2015; Loshchilov and Hutter 2019 (AdamW)"})
          .add("learning_rate", &TrainOptions::learning_rate,
               {.min = 0, .max = 1000, .above_min = true, .doc = "At its peak."})
          .add("schedule", &TrainOptions::schedule,
               {.choices = {"constant", "linear", "cosine"},
                .doc = "How the learning rate falls after the warm-up.",
                .reference = "Loshchilov and Hutter 2017, equation 5, without restarts (cosine)"})
          .add("final_fraction", &TrainOptions::final_fraction,
               {.min = 0, .max = 1, .unit = "share of the peak",
                .doc = "Where a linear or cosine schedule ends."})
          .add("warmup", &TrainOptions::warmup,
               {.min = 0, .unit = "steps", .doc = "The learning rate rises linearly for so long."})
          .add("patience", &TrainOptions::patience,
               {.min = 0, .unit = "evaluations",
                .doc = "Stop after so many evaluations on data.dev without a better metric; 0: "
                       "never."})
          .add("metric", &TrainOptions::metric,
               {.doc = "What patience looks at, for example intent_accuracy; empty: the task's "
                       "own."})
          .add("threads", &TrainOptions::threads,
               {.min = 0, .max = 4096,
                .doc = "Threads of tensor operations; 0: one for each core."})
          .add("weight_decay", &TrainOptions::weight_decay,
               {.min = 0, .doc = "L2 added to the gradient; adamw and adam-bc shrink the weights instead."})
          .add("momentum", &TrainOptions::momentum,
               {.min = 0, .max = 1, .below_max = true, .doc = "Of optimizer = \"momentum\" and \"nesterov\"."})
          .add("beta1", &TrainOptions::beta1,
               {.min = 0, .max = 1, .below_max = true, .doc = "Adam: decay of the first moment."})
          .add("beta2", &TrainOptions::beta2,
               {.min = 0, .max = 1, .below_max = true, .doc = "Adam: decay of the second moment."})
          .add("second_moment_floor", &TrainOptions::second_moment_floor,
               {.min = 0,
                .doc = "adam-bc: the second moment without the noise's variance is held above this; "
                       "0: above the standard error that noise alone gives it.",
                .reference = "Tang, Shpilevskiy and Lecuyer 2024, gamma' of Algorithm 1"})
          .add("average", &TrainOptions::average,
               {.min = 0, .max = 1, .below_max = true,
                .doc = "Decay of a moving average of the weights, for example 0.999: the average is "
                       "what is evaluated and saved. It costs no privacy. 0: none.",
                .reference = "Polyak and Juditsky 1992; De et al. 2022, section 3.3"})
          .add("trainable", &TrainOptions::trainable,
               {.doc = "Patterns of parameters that move, for example \"*.bias\"; the others stay as "
                       "they are and nothing is spent on them. Empty: all.",
                .reference = "Ben Zaken et al. 2022, BitFit; Bu et al. 2022 (private)"})
          .add("layer_decay", &TrainOptions::layer_decay,
               {.min = 0, .max = 1, .above_min = true,
                .doc = "Of a transformer's blocks: each learns at this times the rate of the one above it, "
                       "its embeddings slowest; heads learn at train.learning_rate.",
                .reference = "Howard and Ruder 2018, section 3.2; Clark et al. 2020, appendix B"})
          .add("recompute", &TrainOptions::recompute,
               {.doc = "A pretrained model's blocks are computed again in the backward pass instead of "
                       "being kept: less memory, about a third more time, the same result.",
                .reference = "Chen et al. 2016"})
          .add("physical_tokens", &TrainOptions::physical_tokens,
               {.min = 1, .max = 1 << 30, .unit = "tokens",
                .doc = "A step works its batch off in parts of about so many tokens; the result "
                       "does not depend on it beyond rounding, memory and time do. A language model's parts "
                       "are also kept so small that their logits take 256 MiB. A loss of mitigate takes its "
                       "batch whole."})
          .add("gradient_clip", &TrainOptions::gradient_clip,
               {.min = 0,
                .doc = "The mean gradient is scaled down to this norm, without privacy; 0: left "
                       "alone. Private runs clip each unit by privacy.clip_norm.",
                .reference = "Pascanu et al. 2013"})
          .add("eval_every", &TrainOptions::eval_every,
               {.min = 0, .unit = "steps",
                .doc = "Evaluate on data.dev so often; 0: after each pass over the data."})
          .add("checkpoint_every", &TrainOptions::checkpoint_every,
               {.min = 0, .unit = "steps",
                .doc = "Write a checkpoint so often; 0: with each evaluation."})
          .add("log_every", &TrainOptions::log_every,
               {.min = 1, .unit = "steps", .doc = "Write a line of metrics.jsonl so often."})
          .add("sharded_optimizer", &TrainOptions::sharded_optimizer,
               {.doc = "With several processes (docs/distributed.md): each keeps and applies the "
                       "optimiser's state for its part of the parameters alone.",
                .reference = "Rajbhandari et al. 2020, ZeRO stage 1"})
          .add("process_timeout", &TrainOptions::process_timeout,
               {.min = 1, .max = 86400, .unit = "seconds",
                .doc = "With several processes: how long one may keep the others waiting before it "
                       "counts as lost. One that ends is noticed at once."});
  return fields;
}

}  // namespace app

void register_section_train(core::Registry& registry) {
  app::add_section(registry, "train", "How parameters move.", app::train_fields().info());
  for (const auto& row : app::kOptimizers) {
    registry.add({.kind = "optimizer", .name = row.name, .summary = row.summary, .reference = row.reference});
  }
}

}  // namespace discreet
