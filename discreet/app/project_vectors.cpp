#include "discreet/app/project_vectors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "discreet/app/internal/document_stream.h"
#include "discreet/app/probe_report.h"
#include "discreet/app/word_lists.h"
#include "discreet/core/error.h"
#include "discreet/core/lines.h"
#include "discreet/core/registry.h"
#include "discreet/formats/word_vectors.h"
#include "discreet/mitigate/vectors/equalize.h"
#include "discreet/mitigate/words/swap_lists.h"

namespace discreet::app {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLeastWords = 10;       // of an attribute
constexpr std::size_t kSidedWords = 500;      // of a side, at most

core::Config projection_options(const std::vector<std::string>& set) {
  core::Config config;
  for (const std::string& assignment : set) config.add_assignment(assignment);
  for (const auto& [name, value] : config.values().items()) {
    if (!core::registry().contains("projection", name)) {
      throw usage_error(fmt::format("--set {}: no projection is called that", name), "`discreet list projection` names them.");
    }
  }
  return config;
}

/// Words of the attribute: their rows in the file, class, and which belong together.
struct AttributeWords {
  std::vector<std::size_t> row;
  std::vector<std::uint32_t> label, unit;
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  std::vector<std::string> lost;
  std::size_t classes = 0;
};

mitigate::WordPairs pairs_of(const std::vector<std::string>& sources, std::vector<std::string>& left_out) {
  mitigate::WordPairs pairs;
  if (sources.empty()) {
    pairs = mitigate::default_gender_lists().pairs;
    for (const auto& pair : {std::pair("he", "she"), std::pair("him", "her"), std::pair("his", "hers"), std::pair("himself", "herself")}) {
      pairs.emplace_back(pair.first, pair.second);
    }
  }
  for (const std::string& source : sources) mitigate::read_pairs(source, mitigate::PairConflict::kError, false, pairs, left_out);
  return pairs;
}

AttributeWords words_of_pairs(const ProjectVectorsRequest& request, const std::unordered_map<std::string, std::size_t>& index) {
  AttributeWords words;
  words.classes = 2;
  for (const auto& [first, second] : pairs_of(request.pairs, words.lost)) {
    const auto a = index.find(first), b = index.find(second);
    if (a == index.end() || b == index.end()) {
      words.lost.push_back(first + "/" + second);
      continue;
    }
    const auto unit = static_cast<std::uint32_t>(words.pairs.size());
    words.pairs.emplace_back(words.row.size(), words.row.size() + 1);
    words.row.insert(words.row.end(), {a->second, b->second});
    words.label.insert(words.label.end(), {0, 1});
    words.unit.insert(words.unit.end(), {unit, unit});
  }
  return words;
}

AttributeWords words_of_lists(const ProjectVectorsRequest& request, const std::unordered_map<std::string, std::size_t>& index) {
  const auto lists = read_word_lists(request.word_lists);
  AttributeWords words;
  std::set<std::string> seen;
  for (const std::string& name : request.classes) {
    const auto list = lists.find(name);
    if (list == lists.end()) throw usage_error(fmt::format("{}: no list '{}'", request.word_lists.string(), name));
    for (const std::string& word : list->second.words) {
      if (!seen.insert(word).second) {
        throw bad_data(fmt::format("{}: '{}' stands in two classes or twice in one", request.word_lists.string(), word));
      }
      const auto found = index.find(word);
      if (found == index.end()) {
        words.lost.push_back(word);
        continue;
      }
      words.unit.push_back(static_cast<std::uint32_t>(words.row.size()));
      words.row.push_back(found->second);
      words.label.push_back(static_cast<std::uint32_t>(words.classes));
    }
    ++words.classes;
  }
  return words;
}

class VectorProjector {
 public:
  explicit VectorProjector(const ProjectVectorsRequest& request)
      : request_(request), method_(core::registry().make<mitigate::ProjectionMethod>("projection", request.method)),
        options_(projection_options(request.set)) {
    const formats::WordVectors file = formats::read_word_vectors(request.vectors, {.limit = static_cast<std::size_t>(request.limit), .wanted = {}});
    index_ = file.index();
    words_ = file.words;
    dimension_ = file.dimension;
    values_.assign(file.values.begin(), file.values.end());
    if (method_.unit_length) zero_rows_ = mitigate::scale_to_unit(values_, dimension_);
    attribute_ = request.classes.empty() ? words_of_pairs(request, index_) : words_of_lists(request, index_);
    if (attribute_.row.size() < kLeastWords) {
      throw bad_data(fmt::format("{} words of the attribute have vectors, at least {} are needed", attribute_.row.size(), kLeastWords),
                     "Check the case of the words; --pairs or --word-lists name others.");
    }
    if (method_.needs_pairs && attribute_.pairs.empty()) {
      throw usage_error(fmt::format("{} needs pairs of words, not classes", request.method), "Name them with --pairs.");
    }
    data_ = {.dimension = dimension_, .rows = {}, .labels = attribute_.label, .classes = attribute_.classes, .pairs = attribute_.pairs};
    for (const std::size_t row : attribute_.row) {
      data_.rows.insert(data_.rows.end(), values_.begin() + static_cast<std::ptrdiff_t>(row * dimension_),
                        values_.begin() + static_cast<std::ptrdiff_t>((row + 1) * dimension_));
    }
    map_ = method_.fit(data_, options_);
  }

  Json run() {
    after_ = map_.apply(values_);
    Json projection = describe_projection(request_.method, map_, data_);
    projection["vocabulary"] = words_.size();
    projection["lost"] = attribute_.lost;
    if (method_.unit_length) finish_hard(projection);
    std::vector<Effect> effects;
    // Hard debiasing leaves the attribute's own words alone: what it does to others is the question.
    if (!method_.unit_length) effects = attribute_effects();
    if (attribute_.classes == 2) {
      for (Effect& effect : side_effects()) effects.push_back(std::move(effect));
    }
    effects.push_back(nearest_ten_kept("word", values_, after_, dimension_));
    write();

    Mitigation mitigation;
    mitigation.name = request_.method;
    mitigation.configuration = {{"method", request_.method}, {"set", options_.values()}, {"pairs", request_.pairs},
                                {"classes", request_.classes}, {"limit", request_.limit}, {"hidden", request_.hidden},
                                {"folds", request_.folds}, {"seed", request_.seed}};
    mitigation.before = request_.vectors;
    mitigation.after = request_.output;
    mitigation.inputs = {core::describe_input("vectors", request_.vectors)};
    for (const std::string& source : request_.pairs) {
      for (const fs::path& path : mitigate::pair_files(source)) mitigation.inputs.push_back(core::describe_input("pairs", path));
    }
    if (!request_.word_lists.empty()) mitigation.inputs.push_back(core::describe_input("word-lists", request_.word_lists));
    mitigation.caveats = caveats();
    Json document = before_after(mitigation, effects);
    document["projection"] = projection;
    return document;
  }

 private:
  std::vector<double> row_of(const std::vector<double>& values, std::size_t i) const {
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>(i * dimension_);
    return {begin, begin + static_cast<std::ptrdiff_t>(dimension_)};
  }

  void finish_hard(Json& projection) {
    std::set<std::size_t> named(attribute_.row.begin(), attribute_.row.end());
    for (const fs::path& path : request_.keep) {
      core::LineReader lines(path);
      for (std::string line; lines.next(line);) {
        if (const auto found = index_.find(line); found != index_.end()) named.insert(found->second);
      }
    }
    mitigate::scale_to_unit(after_, dimension_);
    for (const std::size_t row : named) {
      std::copy_n(values_.begin() + static_cast<std::ptrdiff_t>(row * dimension_), dimension_,
                  after_.begin() + static_cast<std::ptrdiff_t>(row * dimension_));
    }
    std::vector<std::string> ignored;
    std::size_t equalized = 0, same = 0;
    const mitigate::WordPairs pairs = pairs_of(request_.equalize.empty() ? request_.pairs : request_.equalize, ignored);
    std::set<std::size_t> done;
    for (const auto& [first, second] : pairs) {
      const auto a = index_.find(first), b = index_.find(second);
      if (a == index_.end() || b == index_.end()) continue;
      if (!done.insert(a->second).second || !done.insert(b->second).second) continue;
      const bool changed = mitigate::equalize_pair(map_, std::span(after_).subspan(a->second * dimension_, dimension_),
                                                   std::span(after_).subspan(b->second * dimension_, dimension_));
      ++(changed ? equalized : same);
      named.insert({a->second, b->second});
    }
    projection["kept_words"] = named.size();
    projection["equalized_pairs"] = equalized;
    projection["pairs_without_difference"] = same;
    projection["zero_vectors"] = zero_rows_;
  }

  std::vector<Effect> attribute_effects() const {
    const ProbePlan plan{static_cast<std::size_t>(request_.folds), static_cast<std::size_t>(request_.hidden), request_.seed};
    const std::vector<std::uint32_t> fold = probe_folds(attribute_.unit, plan.folds, plan.seed);
    return probe_effects("attribute", data_, fold, plan, [&](std::size_t k) {
      return method_.fit(without_fold(data_, fold, k), options_).apply(data_.rows);
    });
  }

  /// Words that are not of the attribute, by the side on which they lay: can it still be told?
  std::vector<Effect> side_effects() const {
    std::vector<double> direction(dimension_, 0);
    for (std::size_t i = 0; i < data_.size(); ++i) {
      const auto row = data_.row(i);
      for (std::size_t k = 0; k < dimension_; ++k) direction[k] += data_.labels[i] == 0 ? row[k] : -row[k];
    }
    const std::set<std::size_t> named(attribute_.row.begin(), attribute_.row.end());
    std::vector<std::pair<double, std::size_t>> sides;
    for (std::size_t i = 0; i < words_.size(); ++i) {
      if (named.count(i) > 0) continue;
      double dot = 0, square = 0;
      for (std::size_t k = 0; k < dimension_; ++k) {
        dot += values_[i * dimension_ + k] * direction[k];
        square += values_[i * dimension_ + k] * values_[i * dimension_ + k];
      }
      if (square > 0) sides.emplace_back(dot / std::sqrt(square), i);
    }
    std::sort(sides.begin(), sides.end());
    const std::size_t many = std::min(kSidedWords, sides.size() / 4);
    if (many < kLeastWords) return {};
    mitigate::ProjectionData data{.dimension = dimension_, .rows = {}, .labels = {}, .classes = 2, .pairs = {}};
    std::vector<double> after;
    std::vector<std::uint32_t> unit;
    for (std::size_t s = 0; s < 2 * many; ++s) {
      const std::size_t word = s < many ? sides[s].second : sides[sides.size() - 1 - (s - many)].second;
      const std::vector<double> a = row_of(values_, word), b = row_of(after_, word);
      data.rows.insert(data.rows.end(), a.begin(), a.end());
      after.insert(after.end(), b.begin(), b.end());
      data.labels.push_back(s < many ? 0 : 1);
      unit.push_back(static_cast<std::uint32_t>(s));
    }
    const ProbePlan plan{static_cast<std::size_t>(request_.folds), static_cast<std::size_t>(request_.hidden), request_.seed};
    auto effects = probe_effects("side_of_neutral_words", data, probe_folds(unit, plan.folds, plan.seed), plan,
                                 [&](std::size_t) { return after; });
    for (Effect& effect : effects) effect.unit = "word";
    return effects;
  }

  void write() const {
    internal::BlockFile file(request_.output);
    file.line(fmt::format("{} {}", words_.size(), dimension_));
    for (std::size_t i = 0; i < words_.size(); ++i) {
      std::string line = words_[i];
      for (std::size_t k = 0; k < dimension_; ++k) line += fmt::format(" {}", static_cast<float>(after_[i * dimension_ + k]));
      file.line(line);
    }
    file.finish();
  }

  std::vector<std::string> caveats() const {
    std::vector<std::string> list = {
        "A probe shows what can be told, not what a later model will use; a probe that fails proves nothing about stronger ones.",
        "side_of_neutral_words: the words that lay farthest on either side before; a probe that still tells them apart reads it from "
        "their neighbours (Gonen and Goldberg 2019)."};
    if (method_.unit_length) {
      list.push_back("All vectors were scaled to length 1; words of the pairs and of --keep are not neutralised.");
    } else {
      list.push_back("Each fold's words are probed under a projection that was fitted without them.");
    }
    if (!attribute_.lost.empty()) {
      list.push_back(fmt::format("{} pairs or words of the attribute have no vector.", attribute_.lost.size()));
    }
    return list;
  }

  const ProjectVectorsRequest& request_;
  mitigate::ProjectionMethod method_;
  core::Config options_;
  std::vector<std::string> words_;
  std::unordered_map<std::string, std::size_t> index_;
  std::size_t dimension_ = 0, zero_rows_ = 0;
  std::vector<double> values_, after_;
  AttributeWords attribute_;
  mitigate::ProjectionData data_;
  mitigate::AffineMap map_;
};

}  // namespace

Json project_vectors(const ProjectVectorsRequest& request) {
  if (request.output.empty()) throw usage_error("mitigate project needs --out", "The projected vectors go there.");
  std::vector<fs::path> inputs = {request.vectors, request.word_lists};
  inputs.insert(inputs.end(), request.keep.begin(), request.keep.end());
  internal::refuse_input_as_output(inputs, request.output);
  if (fs::exists(request.output) && !request.force) {
    throw usage_error(request.output.string() + " exists already", "Choose another --out, or replace it with --force.");
  }
  if (request.classes.empty() != request.word_lists.empty()) {
    throw usage_error("--word-lists and --classes go together", "The lists of the file that are the attribute's classes.");
  }
  if (request.classes.size() == 1) throw usage_error("--classes needs two lists or more");
  return VectorProjector(request).run();
}

}  // namespace discreet::app
