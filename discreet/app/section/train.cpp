#include "discreet/app/internal/section.h"
#include "discreet/app/settings.h"

namespace discreet {
namespace app {

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
               {.choices = {"sgd", "momentum", "adam", "adamw"},
                .doc = "Update rule; a privacy mechanism puts its noisy gradient into the same one.",
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
               {.min = 0, .doc = "L2 added to the gradient; adamw shrinks the weights instead."})
          .add("momentum", &TrainOptions::momentum,
               {.min = 0, .max = 1, .below_max = true, .doc = "Of optimizer = \"momentum\"."})
          .add("beta1", &TrainOptions::beta1,
               {.min = 0, .max = 1, .below_max = true, .doc = "Adam: decay of the first moment."})
          .add("beta2", &TrainOptions::beta2,
               {.min = 0, .max = 1, .below_max = true, .doc = "Adam: decay of the second moment."})
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
               {.min = 1, .unit = "steps", .doc = "Write a line of metrics.jsonl so often."});
  return fields;
}

}  // namespace app

void register_section_train(core::Registry& registry) {
  app::add_section(registry, "train", "How parameters move.", app::train_fields().info());
}

}  // namespace discreet
