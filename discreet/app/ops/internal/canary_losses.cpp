#include "discreet/app/ops/internal/canary_losses.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/nn/model.h"

namespace discreet::app {
namespace {

/// The encoder for sentences that stand alone: a language model of blocks reads each as a line.
Encoder for_sentences(const RunModel& run) {
  static const std::set<std::string> kTasks = {"text-classification", "tagging", "intent-slot", "language-model"};
  if (!kTasks.contains(run.settings.task)) {
    throw usage_error(fmt::format("canaries are for classification, slots and language models, this run's task is \"{}\"",
                                  run.settings.task));
  }
  Encoder encoder = run.encoder;
  encoder.language.blocks = false;
  return encoder;
}

text::Example as_read(const RunModel& run, text::Example example) {
  if (run.settings.data.tokenizer == "character") {
    example.words.clear();
    example.tags.clear();
  }
  text::tokenize_example(*run.encoder.tokenizer, example);
  return example;
}

void check_labels(const Encoder& encoder, const EncodedData& data, const std::vector<std::string>& ids) {
  const std::string hint = "Train on the file that `discreet audit plant` wrote beside the canary file.";
  for (std::size_t i = 0; i < data.intents.size(); ++i) {
    if (data.intents[i] >= 0) continue;
    const std::string& label = data.examples[i].label;
    throw bad_data(label.empty() ? fmt::format("{} has no label, but the model predicts one", ids[i])
                                 : fmt::format("{}: the model does not know the label '{}'", ids[i], label),
                   hint);
  }
  if (encoder.tags.size() == 0) return;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    for (auto n = data.offsets[i]; n < data.offsets[i + 1]; ++n) {
      if (data.tags[static_cast<std::size_t>(n)] == -1) {
        throw bad_data(fmt::format("{}: the model does not know one of its tags", ids[static_cast<std::size_t>(i)]), hint);
      }
    }
  }
}

std::vector<double> checked(std::vector<double> losses) {
  for (const double loss : losses) {
    if (std::isnan(loss)) throw bad_data("the model's loss of a canary is not a number", "Was its training stable?");
  }
  return losses;
}

/// The one place at which `b` differs from `a`, -1 if none does; -2 if several do.
std::int64_t place_of_change(std::span<const std::int64_t> a, std::span<const std::int64_t> b) {
  std::int64_t place = -1;
  for (std::size_t n = 0; n < a.size(); ++n) {
    if (a[n] == b[n]) continue;
    if (place >= 0) return -2;
    place = static_cast<std::int64_t>(n);
  }
  return place;
}

}  // namespace

bool same_sentences(const Canary& a, const Canary& b) {
  return a.pattern == b.pattern && a.example.label == b.example.label && a.example.tags == b.example.tags;
}

PatternLosses::PatternLosses(const RunModel& run, const Canary& canary)
    : run_(run),
      encoder_(for_sentences(run)),
      canary_(canary),
      pattern_(text::parse_canary_pattern(canary.pattern)) {
  const EncodedData one = encode(encoder_, {sentence(audit::Code(pattern_.secret.size(), 0))});
  check_labels(encoder_, one, {canary.id});
  make_problem();
}

text::Example PatternLosses::sentence(const audit::Code& code) const {
  text::Example example = canary_.example;
  example.words = pattern_.sentence(code);
  example.text.clear();
  for (const std::string& word : example.words) example.text += (example.text.empty() ? "" : " ") + word;
  return as_read(run_, std::move(example));
}

void PatternLosses::make_problem() {
  // The sentence with every candidate at every place, all else the first ones: what changes in the encoded form
  // is what the model sees of the place.
  std::vector<text::Example> examples{sentence(audit::Code(pattern_.secret.size(), 0))};
  for (std::size_t p = 0; p < pattern_.secret.size(); ++p) {
    for (std::size_t c = 0; c < pattern_.candidates[p].size(); ++c) {
      audit::Code code(pattern_.secret.size(), 0);
      code[p] = static_cast<std::int64_t>(c);
      examples.push_back(sentence(code));
    }
  }
  const EncodedData data = encode(encoder_, std::move(examples));
  const auto row = [&](const std::vector<std::int64_t>& of, std::int64_t i) {
    return of.empty() ? std::span<const std::int64_t>()
                      : std::span(of).subspan(static_cast<std::size_t>(data.offsets[i]),
                                              static_cast<std::size_t>(data.offsets[i + 1] - data.offsets[i]));
  };
  const auto tokens = row(data.tokens, 0), tags = row(data.tags, 0);
  problem_.model = run_.model;
  problem_.next_token = run_.settings.task == "language-model";
  problem_.example = to_examples(select(data, {0}));
  std::int64_t at = 1;
  for (std::size_t p = 0; p < pattern_.secret.size(); ++p) {
    audit::SecretPlace place;
    std::set<std::int64_t> different;
    for (std::size_t c = 0; c < pattern_.candidates[p].size(); ++c, ++at) {
      if (data.offsets[at + 1] - data.offsets[at] != static_cast<std::int64_t>(tokens.size())) return;
      const auto own_tokens = row(data.tokens, at), own_tags = row(data.tags, at);
      const std::int64_t changed = place_of_change(tokens, own_tokens), label = place_of_change(tags, own_tags);
      if (changed == -2 || label == -2) return;
      if (changed >= 0) place.row = changed;
      if (problem_.next_token && label >= 0) place.label_row = label;
    }
    const std::int64_t first = at - static_cast<std::int64_t>(pattern_.candidates[p].size());
    // A word of a place that no candidate changes cannot be told apart by its token; its characters may tell.
    if (place.row < 0 && place.label_row < 0) {
      if (run_.encoder.subwords || problem_.next_token) return;
      place.row = pattern_.secret[p];
    }
    for (std::int64_t i = first; i < at; ++i) {
      const std::int64_t id = place.label_row >= 0 ? row(data.tags, i)[static_cast<std::size_t>(place.label_row)]
                                                   : row(data.tokens, i)[static_cast<std::size_t>(place.row)];
      place.ids.push_back(id);
      different.insert(id);
      if (data.character_offsets.empty()) continue;
      const auto n = static_cast<std::size_t>(data.offsets[i] + place.row);
      place.characters.emplace_back(data.characters.begin() + data.character_offsets[n],
                                    data.characters.begin() + data.character_offsets[n + 1]);
    }
    unknown_ += static_cast<std::int64_t>(place.ids.size() - different.size());
    problem_.places.push_back(std::move(place));
  }
  available_ = true;
}

std::vector<double> PatternLosses::losses(std::span<const audit::Code> codes) const {
  if (available_) return checked(audit::code_losses(problem_, codes));
  std::vector<double> all;
  for (std::size_t begin = 0; begin < codes.size(); begin += 4096) {
    std::vector<text::Example> examples;
    for (const audit::Code& code : codes.subspan(begin, std::min<std::size_t>(4096, codes.size() - begin))) {
      examples.push_back(sentence(code));
    }
    const auto some = audit::example_losses(*run_.model, to_examples(encode(encoder_, std::move(examples))));
    all.insert(all.end(), some.begin(), some.end());
  }
  return checked(std::move(all));
}

std::vector<double> canary_example_losses(const RunModel& run, const std::vector<const Canary*>& canaries) {
  if (canaries.empty()) return {};
  const Encoder encoder = for_sentences(run);
  std::vector<text::Example> examples;
  std::vector<std::string> ids;
  for (const Canary* canary : canaries) {
    examples.push_back(as_read(run, canary->example));
    ids.push_back(canary->id);
  }
  const EncodedData data = encode(encoder, std::move(examples));
  check_labels(encoder, data, ids);
  return checked(audit::example_losses(*run.model, to_examples(data)));
}

}  // namespace discreet::app
