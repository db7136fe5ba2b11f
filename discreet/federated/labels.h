#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "discreet/core/fields.h"
#include "discreet/federated/label_model.h"
#include "discreet/federated/label_noise.h"

namespace discreet::federated {

/// Where the labels of devices come from, and what the loss does about those that are wrong.
struct LabelOptions {
  std::string labels = "given";
  double label_noise = 0;                  ///< Mean share of wrong answers of people.
  std::string label_noise_kind = "symmetric";
  std::vector<double> label_confusion;     ///< kind confusion: [C * C] row by row.
  double label_given = 0;                  ///< Share of examples whose right label is there anyhow.
  double label_response = 1;               ///< feedback: share of predictions that get an answer.
  double label_threshold = 0.95;           ///< pseudo
  std::string label_rules;                 ///< weak: file of rules
  std::string label_model = "em";          ///< weak: em, majority
  std::string label_loss = "cross-entropy";
  double label_gce = 0.7;                  ///< generalised: q
  double label_reverse = 1;                ///< symmetric: weight of the reverse cross entropy
  double label_forward_weight = 0.1;       ///< symmetric: weight of the plain one
};

/// Keys of [federated], as `discreet explain` shows them.
const core::Fields<LabelOptions>& label_fields();

/// Noise by these options. Throws: kUsage as check_label_noise.
LabelNoise label_noise_of(const LabelOptions& options, std::int64_t classes);

/// One client's examples. Truth is what the simulator knows and people would say.
struct LabelInput {
  std::string client;
  std::int64_t classes = 0;
  std::span<const std::string> examples;        ///< Their names, which no other client's data change; each says the same each time.
  std::span<const std::int64_t> truth;          ///< [n]
  std::span<const std::vector<std::string>> words;  ///< [n]
  std::span<const float> probabilities;         ///< [n, C] of the model received; empty: not asked for.
  const LabelModel* model = nullptr;            ///< weak, with label_model em.
  const std::vector<LabelRule>* rules = nullptr;
};

enum class LabelSays {
  kIs,       ///< The class, with the noise of its source.
  kCertain,  ///< The class, without noise.
  kYes,      ///< A user says that this class is right,
  kNo,       ///< or that it is not.
};

/// What a device trains on for one example.
struct DeviceLabel {
  std::int64_t label = -1;
  double weight = 0;  ///< 0: the example is left out.
  LabelSays says = LabelSays::kIs;
};

using MakeLabels = std::vector<DeviceLabel> (*)(const LabelInput&, const LabelOptions&, std::uint64_t seed);

/// A label provider (kind "labels").
struct LabelProvider {
  MakeLabels make = nullptr;
  bool reads_model = false;   ///< Needs probabilities.
  bool keeps_loss = false;    ///< The text labels itself: the model's own loss stands.
};

const LabelProvider& label_provider(const std::string& name);

/// The labels of these examples: a share of label_given has the right one, the others what the provider
/// says. A function of its arguments: a device says the same of an example in every round, except of what
/// a model predicts. Throws: kInternal if the provider needs probabilities and there are none.
std::vector<DeviceLabel> make_labels(const LabelInput& input, const LabelOptions& options, std::uint64_t seed);

/// What provider and truth came to: of examples with a weight and a plain label, the share that is right.
struct LabelQuality {
  std::int64_t examples = 0, labelled = 0, right = 0, negative = 0;
  LabelQuality& operator+=(const LabelQuality& other);
};
LabelQuality label_quality(std::span<const DeviceLabel> labels, std::span<const std::int64_t> truth);

}  // namespace discreet::federated
