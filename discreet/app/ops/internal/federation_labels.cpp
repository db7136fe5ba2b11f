#include <algorithm>

#include "discreet/app/internal/federated_labels.h"
#include "discreet/app/ops/internal/federation.h"
#include "discreet/federated/engine/label_source.h"

namespace discreet::app {

void prepare_labels(Federation& federation) {
  const federated::LabelOptions& options = federation.federated.labels;
  if (!makes_labels(options)) return;
  const EncodedData& train = federation.data.train;
  std::vector<std::vector<std::string>> words;
  for (const text::Example& example : train.examples) words.push_back(example.words);
  std::vector<std::vector<std::int64_t>> clients;
  std::vector<std::string> names;
  for (const FederatedClient& client : federation.clients) {
    clients.push_back(client.items);
    names.push_back(client.name);
  }
  federation.labels = federated::make_label_source(options, static_cast<std::uint64_t>(federation.settings.run.seed),
                                                   federation.data.encoder.intents.names(), train.intents, std::move(words), clients,
                                                   std::move(names));
}

Json labels_of(Federation& federation) {
  const federated::LabelSource& source = *federation.labels;
  const EncodedData& train = federation.data.train;
  std::vector<float> probabilities;
  if (source.reads_model()) probabilities = score(federation.runner->first().model(), train).intent_probabilities;
  const auto classes = static_cast<std::size_t>(source.classes);
  federated::LabelQuality quality;
  for (std::size_t k = 0; k < federation.clients.size(); ++k) {
    const auto& items = federation.clients[k].items;
    std::vector<float> own;
    std::vector<std::int64_t> truth;
    for (const std::int64_t item : items) {
      const auto place = static_cast<std::size_t>(item);
      truth.push_back(train.intents[place]);
      if (!probabilities.empty()) {
        own.insert(own.end(), probabilities.begin() + static_cast<std::ptrdiff_t>(place * classes),
                   probabilities.begin() + static_cast<std::ptrdiff_t>((place + 1) * classes));
      }
    }
    quality += federated::label_quality(source.labels_of(static_cast<std::int64_t>(k), items, own), truth);
  }
  Json labels = {{"examples", quality.examples}, {"labelled", quality.labelled}, {"negative", quality.negative}};
  if (quality.labelled > 0) {
    labels["right"] = double(quality.right) / double(quality.labelled);
  } else {
    core::set_absent(labels, "right", "no example has a label");
  }
  if (source.model.classes > 0) labels["rule_accuracies"] = federated::rule_accuracies(source.model);
  return labels;
}

}  // namespace discreet::app
