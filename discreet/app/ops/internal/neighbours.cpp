#include "discreet/app/ops/internal/neighbours.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include <fmt/format.h>

#include "discreet/app/ops/internal/model_signals.h"
#include "discreet/app/subwords.h"
#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/nn/batch.h"
#include "discreet/nn/pretrained/model.h"

namespace discreet::app {
namespace {

constexpr std::size_t kNearRanks = 25;       // words taken for as common as another
constexpr std::int64_t kCandidates = 10;     // of the masked model

/// At blanks alone: a line's end may be a word.
std::vector<std::string> words_between_blanks(const std::string& text) {
  std::vector<std::string> words;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    if (end > begin) words.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

std::string between_blanks(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

/// Places to change, rising.
std::vector<std::size_t> draw_places(std::size_t size, double share, core::ReproducibleRng& rng) {
  std::vector<std::size_t> places(size);
  std::iota(places.begin(), places.end(), 0);
  core::shuffle(std::span<std::size_t>(places), rng);
  places.resize(std::clamp<std::size_t>(static_cast<std::size_t>(std::lround(share * static_cast<double>(size))), 1, size));
  std::sort(places.begin(), places.end());
  return places;
}

/// Words in the order of how often they occur.
class CommonWords {
 public:
  explicit CommonWords(const std::vector<std::string>& texts) {
    std::map<std::string, std::size_t> counts;
    for (const std::string& text : texts) {
      for (const std::string& word : words_between_blanks(text)) ++counts[word];
    }
    std::vector<std::pair<std::string, std::size_t>> sorted(counts.begin(), counts.end());
    std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    for (auto& [word, count] : sorted) {
      rank_[word] = words_.size();
      words_.push_back(word);
    }
  }
  std::size_t size() const { return words_.size(); }

  /// Another word of about the same rank.
  const std::string& like(const std::string& word, core::ReproducibleRng& rng) const {
    const std::size_t rank = rank_.at(word), first = rank > kNearRanks ? rank - kNearRanks : 0;
    const std::size_t last = std::min(words_.size(), rank + kNearRanks + 1);
    std::size_t drawn = first + rng.below(last - first - 1);
    if (drawn >= rank) ++drawn;
    return words_[drawn];
  }

 private:
  std::vector<std::string> words_;
  std::map<std::string, std::size_t> rank_;
};

std::vector<std::vector<std::string>> by_common_words(const std::vector<std::string>& texts,
                                                      const NeighbourOptions& options) {
  const CommonWords common(texts);
  if (common.size() < 2) throw bad_data("the texts have fewer than two words: no word can be replaced");
  std::vector<std::vector<std::string>> all(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::vector<std::string> words = words_between_blanks(texts[i]);
    core::ReproducibleRng rng(options.seed, fmt::format("neighbours of {}", i));
    for (std::int64_t n = 0; n < options.count && !words.empty(); ++n) {
      std::vector<std::string> copy = words;
      for (const std::size_t place : draw_places(words.size(), options.share, rng)) {
        copy[place] = common.like(words[place], rng);
      }
      all[i].push_back(between_blanks(copy));
    }
  }
  return all;
}

/// One of the likeliest tokens of a row of logits, drawn by probability.
std::int64_t draw_candidate(const float* row, std::int64_t vocabulary, std::int64_t itself, const Subwords& subwords,
                            core::ReproducibleRng& rng) {
  std::vector<std::int64_t> ids(static_cast<std::size_t>(vocabulary));
  std::iota(ids.begin(), ids.end(), 0);
  std::erase_if(ids, [&](std::int64_t id) { return id == itself || (id < subwords.size() && subwords.is_special(id)); });
  const auto kept = static_cast<std::ptrdiff_t>(std::min<std::size_t>(kCandidates, ids.size()));
  std::partial_sort(ids.begin(), ids.begin() + kept, ids.end(), [&](auto a, auto b) { return row[a] > row[b]; });
  std::vector<double> weights;
  double sum = 0;
  for (std::ptrdiff_t k = 0; k < kept; ++k) {
    weights.push_back(std::exp(static_cast<double>(row[ids[k]] - row[ids[0]])));
    sum += weights.back();
  }
  double left = rng.uniform() * sum;
  for (std::ptrdiff_t k = 0; k < kept; ++k) {
    left -= weights[k];
    if (left < 0) return ids[k];
  }
  return ids[kept - 1];
}

std::vector<std::vector<std::string>> by_masked_model(const std::vector<std::string>& texts,
                                                      const NeighbourOptions& options) {
  const auto model = nn::open_pretrained(options.model);
  if (model->head().head != nn::PretrainedHead::kMaskedTokens) {
    throw usage_error(options.model.string() + ": not a masked language model (" + model->head().class_name + ")",
                      "Neighbours are proposed by a model such as BertForMaskedLM.");
  }
  const auto subwords = Subwords::load(options.model);
  if (subwords->mask() < 0) throw usage_error(options.model.string() + ": its tokenizer has no mask token");
  const Frame& frame = subwords->single();
  const auto room = static_cast<std::size_t>(model->source().form.longest - frame.size());
  const at::NoGradGuard no_gradients;
  std::vector<std::vector<std::string>> all(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::vector<std::int64_t> ids;
    for (const Piece& piece : subwords->pieces(texts[i])) ids.push_back(piece.id);
    if (ids.empty()) continue;
    const std::size_t seen = std::min(ids.size(), room);  // the rest of a long text stays as it is
    core::ReproducibleRng rng(options.seed, fmt::format("neighbours of {}", i));
    std::vector<std::vector<std::size_t>> places;
    nn::EncodedExamples copies;
    for (std::int64_t n = 0; n < options.count; ++n) {
      places.push_back(draw_places(seen, options.share, rng));
      std::vector<std::int64_t> hidden(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(seen));
      for (const std::size_t place : places.back()) hidden[place] = subwords->mask();
      copies.tokens.insert(copies.tokens.end(), frame.before.begin(), frame.before.end());
      copies.tokens.insert(copies.tokens.end(), hidden.begin(), hidden.end());
      copies.tokens.insert(copies.tokens.end(), frame.after.begin(), frame.after.end());
      copies.offsets.push_back(static_cast<std::int64_t>(copies.tokens.size()));
    }
    std::vector<std::int64_t> indices(static_cast<std::size_t>(options.count));
    std::iota(indices.begin(), indices.end(), 0);
    const nn::PackedBatch batch = nn::collate(copies, indices);
    const at::Tensor logits = model->forward(batch).emissions.to(at::kFloat).contiguous();
    for (std::int64_t n = 0; n < options.count; ++n) {
      std::vector<std::int64_t> copy = ids;
      const std::int64_t first = batch.offsets[n] + static_cast<std::int64_t>(frame.before.size());
      for (const std::size_t place : places[static_cast<std::size_t>(n)]) {
        const float* row = logits.const_data_ptr<float>() + (first + static_cast<std::int64_t>(place)) * logits.size(1);
        copy[place] = draw_candidate(row, logits.size(1), ids[place], *subwords, rng);
      }
      all[i].push_back(subwords->decode(copy));
    }
  }
  return all;
}

}  // namespace

NeighbourOptions neighbour_options(const Json& request, std::uint64_t seed) {
  NeighbourOptions options;
  options.count = request.value("neighbours", options.count);
  options.share = request.value("neighbour_share", options.share);
  options.model = request.value("neighbour_model", std::string());
  options.seed = seed;
  if (options.count < 1 || options.count > 1000) {
    throw usage_error(fmt::format("{} neighbours of each text, expected 1 to 1000", options.count));
  }
  if (!(options.share > 0 && options.share <= 1)) {
    throw usage_error(fmt::format("a share of {} of the words, expected above 0 and at most 1", options.share));
  }
  return options;
}

Json to_json(const NeighbourOptions& options) {
  Json json = {{"count", options.count}, {"share", options.share}};
  if (!options.model.empty()) json["model"] = options.model.string();
  return json;
}

std::vector<std::vector<std::string>> neighbours_of(const std::vector<std::string>& texts,
                                                    const NeighbourOptions& options) {
  return options.model.empty() ? by_common_words(texts, options) : by_masked_model(texts, options);
}

std::vector<std::vector<double>> neighbour_log_probs(
    nn::Model& model, const std::vector<std::string>& texts, std::int64_t vocabulary,
    const std::function<EncodedData(const std::vector<std::string>&)>& encode, const NeighbourOptions& options) {
  const auto copies = neighbours_of(texts, options);
  std::vector<std::vector<double>> log_probs(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (copies[i].empty()) continue;
    const EncodedData data = encode(copies[i]);
    if (data.size() != static_cast<std::int64_t>(copies[i].size())) {
      throw usage_error("the neighbourhood attack needs examples that are texts of their own",
                        "A run with data.block over subwords cuts its examples from running text.");
    }
    for (const double loss : signals_of(model, data, SignalForm::kTokens, vocabulary).loss) {
      if (std::isfinite(loss)) log_probs[i].push_back(-loss);
    }
  }
  return log_probs;
}

}  // namespace discreet::app
