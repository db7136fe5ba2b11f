#include "discreet/app/distill_options.h"
#include "discreet/app/internal/section.h"

namespace discreet {
namespace app {

const core::Fields<DistillOptions>& distill_fields() {
  static const auto fields =
      core::Fields<DistillOptions>("distill")
          .add("teacher", &DistillOptions::teacher,
               {.doc = "Run, or folder of the Hugging Face layout, that the student learns from; empty: none. A language "
                       "model's student takes its vocabulary, a classifier's student its labels.",
                .reference = "Hinton, Vinyals and Dean 2015"})
          .add("temperature", &DistillOptions::temperature,
               {.min = 0, .max = 1000, .above_min = true, .doc = "Of the soft loss, for teacher and student."})
          .add("soft", &DistillOptions::soft,
               {.min = 0, .max = 1e6, .doc = "Weight of T^2 KL(teacher || student).", .reference = "Sanh et al. 2019"})
          .add("hard", &DistillOptions::hard, {.min = 0, .max = 1e6, .doc = "Weight of the cross-entropy of the text itself."})
          .add("hidden_cosine", &DistillOptions::hidden_cosine,
               {.min = 0, .max = 1e6,
                .doc = "Weight of 1 - cosine of the last hidden rows; the student must be as wide as the teacher.",
                .reference = "Sanh et al. 2019"})
          .add("hidden_squared", &DistillOptions::hidden_squared,
               {.min = 0, .max = 1e6, .doc = "Weight of the mean squared difference of the last hidden rows."})
          .add("combination", &DistillOptions::combination,
               {.choices = {"none", "max", "mean", "log-mean-exp", "swap"},
                .doc = "Target of the soft loss from the teacher's predictions after the text and after its role-reversed "
                       "copy, where both prefixes end at the same boundary; elsewhere the prediction after the text. "
                       "The target token is not reversed.",
                .reference = "Gupta et al. 2022, in our reading"})
          .add("combine_on", &DistillOptions::combine_on,
               {.choices = {"log-probs", "logits"},
                .doc = "What is combined; max and log-mean-exp differ, by the normaliser of each prediction. Our reading: "
                       "log-probs."})
          .add("augment", &DistillOptions::augment,
               {.choices = {"none", "augment", "substitute"},
                .doc = "Training text: augment adds the exchanged copy of each example that has one, substitute exchanges "
                       "half of the examples, chosen by their text. Works without a teacher too.",
                .reference = "Lu et al. 2020; Hall Maudslay et al. 2019"})
          .add("layers", &DistillOptions::layers,
               {.doc = "Blocks of the teacher, from 0, that the student's blocks begin as, one for each; all else that has "
                       "its name and shape is copied too. Empty: the student begins at random.",
                .reference = "Sanh et al. 2019"})
          .add("kept", &DistillOptions::kept,
               {.min = 1, .max = 1 << 20, .unit = "tokens",
                .doc = "Largest log-probabilities kept of each prediction of the teacher, in half precision; the rest of "
                       "the mass is spread evenly. At least the vocabulary: all are kept."})
          .add("cache", &DistillOptions::cache,
               {.doc = "Folder of the teacher's outputs, which runs on the same text may share; empty: RUN/teacher."})
          .add("pairs", &DistillOptions::pairs,
               {.doc = "Files of word pairs to exchange (docs/mitigation.md); a pair replaces what the built-in lists say."})
          .add("names", &DistillOptions::names,
               {.doc = "Files of pairs of names, in place of the built-in ones; in lower-cased words they are exchanged "
                       "like other words."})
          .add("held_out", &DistillOptions::held_out,
               {.doc = "Words that are never exchanged, nor their partners: what is measured on them was not balanced by "
                       "construction."})
          .add("built_in", &DistillOptions::built_in, {.doc = "Exchange the project's own lists."})
          .add("pronouns", &DistillOptions::pronouns, {.doc = "Exchange he, she and their forms."});
  return fields;
}

}  // namespace app

void register_section_distill(core::Registry& registry) {
  app::add_section(registry, "distill", "A teacher to learn from, and counterfactual text (`mitigate distill`).",
                   app::distill_fields().info());
}

}  // namespace discreet
