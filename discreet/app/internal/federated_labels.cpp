#include "discreet/app/internal/federated_labels.h"

#include <fmt/format.h>

#include "discreet/core/error.h"

namespace discreet::app {

bool makes_labels(const federated::LabelOptions& labels) {
  if (federated::label_provider(labels.labels).keeps_loss) return false;
  return labels.labels != "given" || labels.label_noise > 0 || labels.label_noise_kind == "confusion" ||
         labels.label_loss != "cross-entropy";
}

void check_federated_labels(const federated::LabelOptions& labels, const std::string& strategy, const Settings& settings) {
  const federated::LabelProvider& provider = federated::label_provider(labels.labels);
  const bool texts = settings.task == "language-model" || settings.task == "masked-lm";
  if (provider.keeps_loss && !texts) {
    throw usage_error(fmt::format("federated.labels = \"{}\": the task \"{}\" does not learn from the text alone", labels.labels, settings.task),
                      "Take the task language-model or masked-lm, or other labels.");
  }
  if (!makes_labels(labels)) return;
  if (settings.task != "text-classification") {
    throw usage_error(fmt::format("federated.labels, label_noise and label_loss are of one class for each text, and the task is \"{}\"", settings.task),
                      "Set task = \"text-classification\", or leave them out.");
  }
  if (strategy == "scaffold" || strategy == "fednova") {
    throw usage_error(fmt::format("federated.strategy = \"{}\" divides by local steps, and a client without labels makes none", strategy),
                      "Take fedavg or another strategy.");
  }
  if ((labels.labels == "weak") != !labels.label_rules.empty()) {
    throw usage_error(labels.label_rules.empty() ? "federated.labels = \"weak\" needs federated.label_rules"
                                                 : "federated.label_rules belongs to federated.labels = \"weak\"",
                      "The file has lines \"class: word word …\".");
  }
  const bool corrects = labels.label_loss == "forward" || labels.label_loss == "backward";
  if (corrects && (labels.labels == "weak" || labels.labels == "pseudo")) {
    throw usage_error(fmt::format("federated.label_loss = \"{}\" needs to know the noise, which nobody does of federated.labels = \"{}\"",
                                  labels.label_loss, labels.labels),
                      "Take generalised, symmetric or peer.");
  }
  if (labels.labels != "given" && labels.label_noise_kind != "symmetric") {
    throw usage_error(fmt::format("federated.label_noise_kind = \"{}\" is of labels that are given", labels.label_noise_kind),
                      "Feedback is wrong at a rate of each user; leave it out.");
  }
}

}  // namespace discreet::app
