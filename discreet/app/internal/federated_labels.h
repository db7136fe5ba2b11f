#pragma once

#include "discreet/app/settings.h"
#include "discreet/federated/labels.h"

namespace discreet::app {

/// Whether clients train on anything but the labels of the data under the model's own loss.
bool makes_labels(const federated::LabelOptions& labels);

/// What of [federated] labels=… fits neither itself nor the task. Throws: kUsage.
void check_federated_labels(const federated::LabelOptions& labels, const std::string& strategy, const Settings& settings);

}  // namespace discreet::app
