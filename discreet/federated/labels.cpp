#include "discreet/federated/labels.h"

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/core/registry.h"

namespace discreet::federated {

const core::Fields<LabelOptions>& label_fields() {
  static const auto fields =
      core::Fields<LabelOptions>("labels")
          .add("labels", &LabelOptions::labels,
               {.doc = "Where a client's labels come from: see `discreet list labels`."})
          .add("label_noise", &LabelOptions::label_noise,
               {.min = 0, .max = 1, .doc = "Mean share of people's answers that are wrong; for feedback each user has a rate of their own."})
          .add("label_noise_kind", &LabelOptions::label_noise_kind,
               {.choices = {"symmetric", "pair", "confusion", "instance"},
                .doc = "How they are wrong: any other class alike, the next class, by label_confusion, or by the text."})
          .add("label_confusion", &LabelOptions::label_confusion,
               {.doc = "Chances of each label by right class, row by row: classes times classes numbers."})
          .add("label_given", &LabelOptions::label_given,
               {.min = 0, .max = 1, .doc = "Share of examples whose right label is on the device anyhow."})
          .add("label_response", &LabelOptions::label_response,
               {.min = 0, .max = 1, .doc = "feedback: share of predictions that users answer."})
          .add("label_threshold", &LabelOptions::label_threshold,
               {.min = 0, .max = 1, .doc = "pseudo: least confidence of the model received for its prediction to become a label.",
                .reference = "Sohn et al. 2020 (FixMatch)"})
          .add("label_rules", &LabelOptions::label_rules, {.doc = "weak: a file with lines \"class: word word …\"."})
          .add("label_model", &LabelOptions::label_model,
               {.choices = {"em", "majority"}, .doc = "weak: how votes of rules become a label.", .reference = "Dawid and Skene 1979"})
          .add("label_loss", &LabelOptions::label_loss,
               {.choices = {"cross-entropy", "generalised", "symmetric", "forward", "backward", "peer"},
                .doc = "What clients minimise; all but the first bear wrong labels. forward and backward know the noise.",
                .reference = "Zhang and Sabuncu 2018; Wang et al. 2019; Patrini et al. 2017; Liu and Guo 2020"})
          .add("label_gce", &LabelOptions::label_gce,
               {.min = 0, .max = 1, .above_min = true, .doc = "generalised: q of (1 - p^q)/q; 1 is the mean absolute error."})
          .add("label_reverse", &LabelOptions::label_reverse, {.min = 0, .doc = "symmetric: weight of the reverse cross entropy."})
          .add("label_forward_weight", &LabelOptions::label_forward_weight,
               {.min = 0, .doc = "symmetric: weight of the plain cross entropy."});
  return fields;
}

LabelNoise label_noise_of(const LabelOptions& options, std::int64_t classes) {
  static const std::vector<std::string> kKinds = {"symmetric", "pair", "confusion", "instance"};
  LabelNoise noise{.kind = LabelNoiseKind::kSymmetric, .rate = options.label_noise, .confusion = options.label_confusion};
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    if (kKinds[i] == options.label_noise_kind) noise.kind = static_cast<LabelNoiseKind>(i);
  }
  check_label_noise(noise, classes);
  return noise;
}

const LabelProvider& label_provider(const std::string& name) {
  return *std::any_cast<LabelProvider>(&core::registry().find("labels", name).make);
}

std::vector<DeviceLabel> make_labels(const LabelInput& input, const LabelOptions& options, std::uint64_t seed) {
  const LabelProvider& provider = label_provider(options.labels);
  if (provider.reads_model && input.probabilities.size() != input.examples.size() * static_cast<std::size_t>(input.classes)) {
    throw internal_error("labels of a model's predictions without the predictions");
  }
  std::vector<DeviceLabel> labels = provider.make(input, options, seed);
  for (std::size_t i = 0; i < labels.size() && options.label_given > 0; ++i) {
    core::ReproducibleRng rng(seed, fmt::format("given.{}", input.examples[i]));
    if (rng.uniform() < options.label_given) labels[i] = {.label = input.truth[i], .weight = 1, .says = LabelSays::kCertain};
  }
  for (DeviceLabel& label : labels) {
    if (label.label < 0) label = {};  // a class that the model does not have can't be learned
  }
  return labels;
}

LabelQuality& LabelQuality::operator+=(const LabelQuality& other) {
  examples += other.examples;
  labelled += other.labelled;
  right += other.right;
  negative += other.negative;
  return *this;
}

LabelQuality label_quality(std::span<const DeviceLabel> labels, std::span<const std::int64_t> truth) {
  LabelQuality quality{.examples = static_cast<std::int64_t>(labels.size())};
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i].weight <= 0) continue;
    if (labels[i].says == LabelSays::kNo) {
      ++quality.negative;
      continue;
    }
    ++quality.labelled;
    if (labels[i].label == truth[i]) ++quality.right;
  }
  return quality;
}

}  // namespace discreet::federated
