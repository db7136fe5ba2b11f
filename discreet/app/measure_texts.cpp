#include "discreet/app/measure_texts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "discreet/app/before_after.h"
#include "discreet/app/internal/bag_classifier.h"
#include "discreet/app/table.h"
#include "discreet/core/error.h"
#include "discreet/core/lines.h"
#include "discreet/stats/roc.h"
#include "discreet/text/tokenizer.h"
#include "discreet/text/unicode.h"

namespace discreet::app {
namespace {

constexpr const char* kUsualLabel = "label";

using WordRows = std::vector<std::vector<std::string>>;

struct MeasuredRows {
  WordRows words;
  std::vector<std::string> label;  ///< Empty: the file has none.
};

/// Lines of a text file.
MeasuredRows read_lines(const std::filesystem::path& path, std::size_t most, const text::Tokenizer& tokenizer) {
  MeasuredRows rows;
  core::LineReader lines(path);
  for (std::string line; rows.words.size() < most && lines.next(line);) {
    text::require_utf8(line, fmt::format("{}:{}", path.string(), rows.words.size() + 1));
    rows.words.push_back(tokenizer.words(line));
  }
  return rows;
}

MeasuredRows read_rows(const std::filesystem::path& path, std::size_t most, const MeasureRequest& request, const text::Tokenizer& tokenizer) {
  const std::string label = request.label.empty() ? kUsualLabel : request.label;
  const std::vector<std::string> columns = table_columns(path);
  const bool labelled = !request.label.empty() || std::find(columns.begin(), columns.end(), label) != columns.end();
  std::vector<std::string> names = {request.text};
  if (labelled) names.push_back(label);
  const Table table = read_table(path, names);
  MeasuredRows rows;
  for (std::size_t row = 0; row < std::min(table.rows(), most); ++row) {
    rows.words.push_back(tokenizer.words(table.column(request.text)[row]));
    if (!labelled) continue;
    if (table.column(label)[row].empty()) throw bad_data(fmt::format("{}: no value in column '{}'", table.where(row), label));
    rows.label.push_back(table.column(label)[row]);
  }
  return rows;
}

MeasuredRows read_measured(const std::filesystem::path& path, const MeasureRequest& request, const text::Tokenizer& tokenizer) {
  const std::string kind = row_kind(path);
  const bool is_table = kind == ".jsonl" || kind == ".json" || kind == ".csv" || kind == ".tsv";
  const auto most = static_cast<std::size_t>(request.limit);
  MeasuredRows rows = is_table ? read_rows(path, most, request, tokenizer) : read_lines(path, most, tokenizer);
  if (rows.words.empty()) throw bad_data(path.string() + ": no rows");
  return rows;
}

/// Texts as weighted words of length 1, and who is nearest: a word weighs the logarithm of how rare it is.
class NearestText {
 public:
  explicit NearestText(const WordRows& published) : lists_() {
    std::unordered_map<std::string, std::size_t> documents;
    for (const auto& text : published) {
      std::map<std::string, int> once;
      for (const std::string& word : text) once[word] = 1;
      for (const auto& [word, one] : once) ++documents[word];
    }
    for (const auto& [word, n] : documents) weight_[word] = std::log1p(static_cast<double>(published.size()) / static_cast<double>(n));
    size_ = published.size();
    for (std::size_t i = 0; i < published.size(); ++i) {
      for (const auto& [word, w] : vector_of(published[i])) lists_[word].emplace_back(i, w);
    }
  }

  struct Near {
    std::size_t text = 0;
    double cosine = 0;
    bool alone = true;  ///< No other text is as near.
  };
  Near nearest(const std::vector<std::string>& text) const {
    std::vector<double> cosines(size_, 0);
    for (const auto& [word, w] : vector_of(text)) {
      const auto list = lists_.find(word);
      if (list == lists_.end()) continue;
      for (const auto& [i, other] : list->second) cosines[i] += w * other;
    }
    Near near;
    for (std::size_t i = 0; i < size_; ++i) {
      if (cosines[i] > near.cosine + 1e-12) near = {i, cosines[i], true};
      else if (near.cosine > 0 && cosines[i] >= near.cosine - 1e-12) near.alone = false;
    }
    return near;
  }

 private:
  std::map<std::string, double> vector_of(const std::vector<std::string>& text) const {
    std::map<std::string, double> vector;
    double square = 0;
    for (const std::string& word : text) {
      const auto weight = weight_.find(word);
      if (weight != weight_.end()) vector[word] = weight->second;
    }
    for (const auto& [word, w] : vector) square += w * w;
    for (auto& [word, w] : vector) w /= std::sqrt(square);
    return vector;
  }

  std::unordered_map<std::string, double> weight_;
  std::unordered_map<std::string, std::vector<std::pair<std::size_t, double>>> lists_;
  std::size_t size_ = 0;
};

struct Counted {
  std::uint64_t hits = 0, n = 0;
  std::vector<std::uint8_t> each;
  void add(bool hit) {
    hits += hit ? 1 : 0;
    ++n;
    each.push_back(hit ? 1 : 0);
  }
};

/// Of paired hits: the interval of the difference rests on the rows where both differ.
Effect counted_effect(const char* aspect, const char* metric, const Counted& before, const Counted& after, const char* unit) {
  Effect effect;
  effect.aspect = aspect;
  effect.metric = metric;
  effect.better = std::string(aspect) == "utility" ? "higher" : "lower";
  effect.n = after.n;
  effect.unit = unit;
  if (before.n == 0 || after.n == 0) {
    effect.reason = "no row could be asked about";
    return effect;
  }
  const double n = static_cast<double>(after.n);
  effect.before = static_cast<double>(before.hits) / static_cast<double>(before.n);
  effect.after = static_cast<double>(after.hits) / n;
  effect.before_ci = stats::wilson(before.hits, before.n);
  effect.after_ci = stats::wilson(after.hits, after.n);
  double mean = 0, square = 0;
  for (std::size_t i = 0; i < after.each.size(); ++i) {
    const double d = static_cast<double>(after.each[i]) - static_cast<double>(before.each[i]);
    mean += d / n;
    square += d * d / n;
  }
  const double half = 1.959963985 * std::sqrt(std::max(0.0, square - mean * mean) / n);
  effect.difference_ci = stats::Interval{mean - half, mean + half};
  return effect;
}

Effect auc_effect(const char* metric, const std::vector<double>& before_in, const std::vector<double>& before_out,
                  const std::vector<double>& after_in, const std::vector<double>& after_out) {
  const stats::AucEstimate before = stats::delong(before_in, before_out), after = stats::delong(after_in, after_out);
  Effect effect;
  effect.aspect = "privacy";
  effect.metric = metric;
  effect.before = before.auc;
  effect.after = after.auc;
  effect.before_ci = before.ci;
  effect.after_ci = after.ci;
  // As of independent estimates: wider than the paired ones are.
  const double half = 1.959963985 * std::sqrt(before.variance + after.variance);
  effect.difference_ci = stats::Interval{after.auc - before.auc - half, after.auc - before.auc + half};
  effect.better = "neutral";
  effect.neutral = 0.5;
  effect.n = after_in.size() + after_out.size();
  effect.unit = "text";
  return effect;
}

/// Published words of one half of the rows say what original words they stand for; asked about the other half.
Counted recovered_words(const WordRows& original, const WordRows& published, std::size_t& rows) {
  std::unordered_map<std::string, std::unordered_map<std::string, std::uint64_t>> seen;
  Counted counted;
  rows = 0;
  for (int pass = 0; pass < 2; ++pass) {
    for (std::size_t i = 0; i < original.size(); ++i) {
      if (original[i].size() != published[i].size()) continue;
      if (pass == 1) ++rows;
      for (std::size_t k = 0; k < original[i].size(); ++k) {
        if (pass == 0 && i % 2 == 0) ++seen[published[i][k]][original[i][k]];
        if (pass == 0 || i % 2 == 0) continue;
        const auto known = seen.find(published[i][k]);
        std::string guess = published[i][k];  // what was never seen: the word itself
        if (known != seen.end()) {
          std::uint64_t most = 0;
          for (const auto& [word, n] : known->second) {
            if (n > most || (n == most && word < guess)) {
              most = n;
              guess = word;
            }
          }
        }
        counted.add(guess == original[i][k]);
      }
    }
  }
  return counted;
}

/// Of classifiers of words that were trained on either form of the texts: their accuracy on others, and the loss attack.
std::vector<Effect> classifier_effects(const MeasuredRows& original, const MeasuredRows& changed, const MeasuredRows& others, std::uint64_t seed) {
  std::map<std::string, std::uint32_t> classes;
  for (const std::string& label : original.label) classes.emplace(label, 0);
  std::uint32_t number = 0;
  for (auto& [name, n] : classes) n = number++;
  const auto numbers = [&](const std::vector<std::string>& labels) {
    std::vector<std::uint32_t> list;
    for (const std::string& label : labels) list.push_back(classes.contains(label) ? classes.at(label) : number);
    return list;
  };
  const std::vector<std::uint32_t> labels = numbers(original.label), other_labels = numbers(others.label);
  if (numbers(changed.label) != labels) throw bad_data("the two files' labels differ: their rows do not belong together");

  const internal::BagClassifier::Options options{.seed = seed};
  const internal::BagClassifier plain(original.words, labels, classes.size(), options);
  const internal::BagClassifier trained(changed.words, labels, classes.size(), options);
  Counted right_before, right_after;
  std::vector<double> in_before, out_before, in_after, out_after;
  for (std::size_t i = 0; i < others.words.size(); ++i) {
    right_before.add(plain.predict(others.words[i]) == other_labels[i]);
    right_after.add(trained.predict(others.words[i]) == other_labels[i]);
    if (other_labels[i] == number) continue;
    out_before.push_back(-plain.loss(others.words[i], other_labels[i]));
    out_after.push_back(-trained.loss(others.words[i], other_labels[i]));
  }
  for (std::size_t i = 0; i < original.words.size(); ++i) {
    in_before.push_back(-plain.loss(original.words[i], labels[i]));
    in_after.push_back(-trained.loss(original.words[i], labels[i]));
  }
  return {counted_effect("utility", "classifier_accuracy", right_before, right_after, "text"),
          auc_effect("model_membership_auc", in_before, out_before, in_after, out_after)};
}

/// Of the published texts themselves: was this text among them, which is it, which word stood here.
std::vector<Effect> publication_effects(const MeasuredRows& original, const MeasuredRows& changed, const MeasuredRows& others, std::size_t& aligned) {
  const NearestText published_plain(original.words), published(changed.words);
  Counted linked_before, linked_after;
  std::vector<double> in_before, out_before, in_after, out_after;
  for (std::size_t i = 0; i < original.words.size(); ++i) {
    const auto old = published_plain.nearest(original.words[i]), fresh = published.nearest(original.words[i]);
    in_before.push_back(old.cosine);
    in_after.push_back(fresh.cosine);
    linked_before.add(old.text == i && old.alone && old.cosine > 0);
    linked_after.add(fresh.text == i && fresh.alone && fresh.cosine > 0);
  }
  for (const auto& text : others.words) {
    out_before.push_back(published_plain.nearest(text).cosine);
    out_after.push_back(published.nearest(text).cosine);
  }
  const Counted recovered = recovered_words(original.words, changed.words, aligned);
  Counted all;
  for (std::size_t i = 0; i < recovered.n; ++i) all.add(true);
  Effect recovery = counted_effect("privacy", "word_recovery", all, recovered, "word");
  recovery.reason = "no row keeps its number of words";
  return {auc_effect("text_membership_auc", in_before, out_before, in_after, out_after),
          counted_effect("privacy", "linkage", linked_before, linked_after, "text"), recovery};
}

}  // namespace

Json measure_texts(const MeasureRequest& request) {
  const auto tokenizer = text::make_tokenizer("word");
  const MeasuredRows original = read_measured(request.original, request, *tokenizer);
  const MeasuredRows changed = read_measured(request.changed, request, *tokenizer);
  const MeasuredRows others = read_measured(request.others, request, *tokenizer);
  if (original.words.size() != changed.words.size()) {
    throw bad_data(fmt::format("{} has {} rows, {} has {}", request.original.string(), original.words.size(), request.changed.string(),
                               changed.words.size()),
                   "The same rows in the same order are compared; drop-document has no counterpart.");
  }
  const bool labelled = !original.label.empty();
  if (labelled == changed.label.empty() || labelled == others.label.empty()) {
    throw bad_data("some of the three files have classes, others have none",
                   fmt::format("Give all of them a column '{}', or none.", request.label.empty() ? kUsualLabel : request.label));
  }
  std::vector<Effect> effects;
  if (labelled) effects = classifier_effects(original, changed, others, request.seed);
  std::size_t aligned = 0;
  for (Effect& effect : publication_effects(original, changed, others, aligned)) effects.push_back(std::move(effect));

  Mitigation mitigation;
  mitigation.name = request.method;
  mitigation.configuration = {{"text", request.text}, {"label", request.label}, {"limit", request.limit}, {"seed", request.seed}};
  mitigation.inputs = {core::describe_input("original", request.original), core::describe_input("changed", request.changed),
                       core::describe_input("others", request.others)};
  mitigation.caveats = {
      "Attacks that fail prove nothing; the guarantee that the mechanism states holds whatever is tried.",
      "Each attack is given the original texts that it asks about, in the same words.",
      fmt::format("word_recovery is of the {} rows of {} that keep their number of words; the attacker learnt from half of them.", aligned,
                  original.words.size())};
  if (!labelled) {
    mitigation.caveats.push_back("The texts have no classes: what a classifier still learns from them was not measured (--label names their column).");
  }
  return before_after(mitigation, effects);
}

}  // namespace discreet::app
