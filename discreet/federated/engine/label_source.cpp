#include "discreet/federated/engine/label_source.h"

#include <fmt/format.h>

namespace discreet::federated {
namespace {

std::vector<std::vector<std::string>> words_at(const std::vector<std::vector<std::string>>& words,
                                               std::span<const std::int64_t> places) {
  std::vector<std::vector<std::string>> own;
  for (const std::int64_t place : places) own.push_back(words[static_cast<std::size_t>(place)]);
  return own;
}

}  // namespace

std::vector<DeviceLabel> LabelSource::labels_of(std::int64_t client, std::span<const std::int64_t> examples,
                                                std::span<const float> probabilities) const {
  std::vector<std::int64_t> right;
  std::vector<std::string> own;
  for (const std::int64_t place : examples) {
    right.push_back(truth[static_cast<std::size_t>(place)]);
    own.push_back(names[static_cast<std::size_t>(place)]);
  }
  const auto texts = words_at(words, examples);
  return make_labels({.client = clients.at(static_cast<std::size_t>(client)),
                      .classes = classes,
                      .examples = own,
                      .truth = right,
                      .words = texts,
                      .probabilities = probabilities,
                      .model = model.classes > 0 ? &model : nullptr,
                      .rules = rules.empty() ? nullptr : &rules},
                     options, seed);
}

std::shared_ptr<const LabelSource> make_label_source(const LabelOptions& options, std::uint64_t seed,
                                                     const std::vector<std::string>& class_names,
                                                     std::vector<std::int64_t> truth,
                                                     std::vector<std::vector<std::string>> words,
                                                     std::span<const std::vector<std::int64_t>> clients,
                                                     std::vector<std::string> client_names) {
  auto source = std::make_shared<LabelSource>();
  source->options = options;
  source->seed = seed;
  source->classes = static_cast<std::int64_t>(class_names.size());
  source->truth = std::move(truth);
  source->words = std::move(words);
  source->clients = std::move(client_names);
  source->names.resize(source->truth.size());
  for (std::size_t k = 0; k < clients.size(); ++k) {
    std::size_t place = 0;
    for (const std::int64_t example : clients[k]) {
      source->names[static_cast<std::size_t>(example)] = fmt::format("{}.{}", source->clients.at(k), place++);
    }
  }
  if (label_provider(options.labels).keeps_loss) return source;
  const LabelNoise noise = label_noise_of(options, source->classes);
  if (options.labels == "weak") {
    source->rules = read_label_rules(options.label_rules, class_names);
    if (options.label_model == "em") {
      std::vector<Votes> votes;
      for (const auto& client : clients) votes.push_back(vote_by_rules(source->rules, words_at(source->words, client)));
      source->model = fit_label_model(votes, source->classes);
    }
  }
  source->loss = std::make_shared<const RobustLoss>(options, source->classes, transition_matrix(noise, source->classes));
  return source;
}

}  // namespace discreet::federated
