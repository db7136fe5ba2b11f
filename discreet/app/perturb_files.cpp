#include "discreet/app/perturb_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <functional>
#include <map>
#include <set>

#include "discreet/app/internal/document_stream.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/core/registry.h"
#include "discreet/formats/word_vectors.h"
#include "discreet/mitigate/words/perturbation.h"
#include "discreet/text/letters.h"
#include "discreet/text/tokenizer.h"
#include "discreet/text/unicode.h"

namespace discreet::app {
namespace {

constexpr std::size_t kWordsInBatch = 8192;
constexpr std::size_t kSampledWords = 50, kDrawsOfAWord = 40;

/// Whether a token is punctuation and blanks alone; letters, digits, signs of money, pictures and all else tell something.
bool tells_nothing(std::string_view token) {
  for (std::size_t at = 0; at < token.size();) {
    const char32_t c = text::next_code_point(token, at);
    if (!text::is_space(c) && !text::is_punctuation(c)) return false;
  }
  return true;
}

bool has_blank(std::string_view word) {
  for (std::size_t at = 0; at < word.size();) {
    if (text::is_space(text::next_code_point(word, at))) return true;
  }
  return false;
}

mitigate::WordSpace read_space(const PerturbRequest& request) {
  formats::WordVectors vectors = formats::read_word_vectors(
      request.vectors, {.limit = static_cast<std::size_t>(request.limit),
                        .wanted = [](const std::string& word) {
                          return text::find_invalid_utf8(word) == std::string::npos && !tells_nothing(word) && !has_blank(word) &&
                                 text::lowercase(word) == word;
                        }});
  return mitigate::WordSpace(std::move(vectors.words), std::move(vectors.values), vectors.dimension);
}

/// Documents in batches, so that equal words share their distances.
class PerturbStream {
 public:
  PerturbStream(const PerturbRequest& request, const mitigate::WordSpace& space, mitigate::Perturbation& mechanism)
      : request_(request), space_(space), mechanism_(mechanism), tokenizer_(text::make_tokenizer("word")),
        file_(request.output) {}

  void document(const internal::StreamedDocument& row, const internal::DocumentChange& change) {
    std::string ignored;
    batch_.push_back({std::string(row.text), change, std::string(row.ending), {}});
    // First walk: the words.
    change([&](std::string_view text, std::string&) { return collect(text, row.line); }, row.text, ignored);
    ++documents_;
    if (words_.size() >= kWordsInBatch) flush();
  }
  void as_it_is(std::string_view bytes) { internal::pass_on(bytes, batch_, file_); }
  void finish() {
    flush();
    if (documents_ == 0) throw bad_data(request_.input.string() + ": no documents");
    file_.finish();
  }

  std::uint64_t documents_ = 0, replaced_ = 0, kept_ = 0, unknown_ = 0;

 private:
  bool collect(std::string_view text, std::uint64_t line) {
    if (text::find_invalid_utf8(text) != std::string_view::npos) text::require_utf8(text, fmt::format("{}:{}", request_.input.string(), line));
    for (const text::Token& token : tokenizer_->tokenize(text)) {
      if (tells_nothing(token.text)) continue;
      const std::size_t word = space_.find(token.text);
      if (word < space_.size()) words_.push_back(word);
      else ++unknown_;
    }
    return false;
  }

  bool write(std::string_view text, std::string& out) {
    std::size_t copied = 0;
    for (const text::Token& token : tokenizer_->tokenize(text)) {
      if (tells_nothing(token.text)) continue;
      const std::size_t word = space_.find(token.text);
      if (word == space_.size() && request_.unknown == "keep") continue;
      append_gap(text.substr(copied, token.begin - copied), out);
      copied = token.end;
      if (word < space_.size()) {
        const std::size_t drawn = drawn_[next_++];
        ++replaced_;
        kept_ += drawn == word ? 1 : 0;
        out += space_.word(drawn);
      } else if (request_.unknown == "random") {
        out += space_.word(std::min(static_cast<std::size_t>(rng_.uniform() * static_cast<double>(space_.size())), space_.size() - 1));
      }
    }
    append_gap(text.substr(copied), out);
    return true;
  }

  /// What stands between words: blanks and punctuation, without marks that a blank may carry.
  void append_gap(std::string_view gap, std::string& out) const {
    for (std::size_t at = 0; at < gap.size();) {
      const std::size_t begin = at;
      const char32_t c = text::next_code_point(gap, at);
      if (text::is_space(c) || text::is_punctuation(c) || request_.unknown == "keep") out.append(gap.substr(begin, at - begin));
    }
  }

  void flush() {
    drawn_ = mechanism_.replace(words_, rng_);
    next_ = 0;
    for (const internal::WaitingDocument& waiting : batch_) {
      waiting.change([&](std::string_view text, std::string& out) { return write(text, out); }, waiting.line, file_.buffer);
      file_.buffer += waiting.ending;
      file_.buffer += waiting.other;
      file_.flush_if_full();
    }
    batch_.clear();
    words_.clear();
  }

  const PerturbRequest& request_;
  const mitigate::WordSpace& space_;
  mitigate::Perturbation& mechanism_;
  std::unique_ptr<text::Tokenizer> tokenizer_;
  internal::BlockFile file_;
  core::SecureRng rng_;
  std::vector<internal::WaitingDocument> batch_;
  std::vector<std::size_t> words_, drawn_;
  std::size_t next_ = 0;
};

core::Config mechanism_options(const PerturbRequest& request) {
  core::Config config;
  for (const std::string& assignment : request.set) config.add_assignment(assignment);
  for (const auto& [name, value] : config.values().items()) {
    if (!core::registry().contains("perturbation", name)) {
      throw usage_error(fmt::format("--set {}: no mechanism is called that", name), "`discreet list perturbation` names them.");
    }
    if (name != request.mechanism) {
      throw usage_error(fmt::format("--set {}: its options are passed over by --mechanism {}", name, request.mechanism),
                        fmt::format("Leave it out, or take --mechanism {}.", name));
    }
  }
  return config;
}

/// One row of the table: a sample of words, their outcomes exact or drawn.
Json calibration_row(const mitigate::WordSpace& space, mitigate::Perturbation& mechanism, double epsilon, std::uint64_t seed) {
  core::ReproducibleRng sample(seed, "perturbation table");
  core::SecureRng noise;
  double kept = 0, distance = 0, outcomes = 0;
  const std::size_t n = std::min(kSampledWords, space.size());
  bool exact = true;
  std::vector<float> distances(space.size());
  for (std::size_t k = 0; k < n; ++k) {
    const std::size_t word = sample.below(space.size());
    space.distances(space.row(word), std::span(&word, 1), distances);
    if (const auto p = mechanism.distribution(word)) {
      double entropy = 0;
      kept += (*p)[word];
      for (std::size_t i = 0; i < p->size(); ++i) {
        distance += (*p)[i] * distances[i];
        if ((*p)[i] > 0) entropy -= (*p)[i] * std::log((*p)[i]);
      }
      outcomes += std::exp(entropy);
      continue;
    }
    exact = false;
    const std::vector<std::size_t> drawn = mechanism.replace(std::vector<std::size_t>(kDrawsOfAWord, word), noise);
    std::set<std::size_t> distinct(drawn.begin(), drawn.end());
    for (const std::size_t out : drawn) {
      kept += (out == word ? 1.0 : 0.0) / static_cast<double>(kDrawsOfAWord);
      distance += distances[out] / static_cast<double>(kDrawsOfAWord);
    }
    outcomes += static_cast<double>(distinct.size());
  }
  const double count = static_cast<double>(n);
  Json row = {{"epsilon", epsilon}, {"share_kept", kept / count}, {"mean_distance", distance / count}};
  row[exact ? "effective_outcomes" : "distinct_outcomes"] = outcomes / count;
  row["method"] = exact ? "exact" : fmt::format("{} draws of a word", kDrawsOfAWord);
  row["n_words"] = n;
  return row;
}

Json calibration_table(const PerturbRequest& request, const mitigate::WordSpace& space, mitigate::MakePerturbation make,
                       const core::Config& options) {
  Json rows = Json::array();
  for (const double epsilon : request.calibrate) {
    if (!(epsilon > 0) || !std::isfinite(epsilon)) throw usage_error(fmt::format("epsilon {} is not above 0", epsilon));
    try {
      rows.push_back(calibration_row(space, *make(space, epsilon, options), epsilon, request.seed));
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kPrivacyRefused) throw;
      Json row = {{"epsilon", epsilon}};
      core::set_absent(row, "share_kept", error.what());
      rows.push_back(row);
    }
  }
  return rows;
}

}  // namespace

Json perturb_file(const PerturbRequest& request) {
  const bool writes = !request.input.empty();
  if (!writes && request.calibrate.empty()) {
    throw usage_error("mitigate perturb needs an input, or --calibrate with epsilons", "For example: --calibrate 1,2,5,10");
  }
  if (writes && (request.output.empty() || !(request.epsilon > 0) || !std::isfinite(request.epsilon))) {
    throw usage_error("mitigate perturb needs --out and an --epsilon above 0", "--calibrate prints what epsilons mean for these vectors.");
  }
  internal::refuse_input_as_output({request.input, request.vectors}, request.output);
  const auto make = core::registry().make<mitigate::MakePerturbation>("perturbation", request.mechanism);
  const core::Config options = mechanism_options(request);
  const mitigate::WordSpace space = read_space(request);
  Json configuration = {{"mechanism", request.mechanism}, {"set", options.values()}, {"limit", request.limit},
                        {"unknown", request.unknown}, {"calibrate", request.calibrate}, {"seed", request.seed}};
  if (writes) configuration["epsilon"] = request.epsilon;
  std::vector<core::InputFile> inputs = {core::describe_input("vectors", request.vectors)};
  if (writes) inputs.push_back(core::describe_input("input", request.input));
  Json document = core::make_document({.schema = "discreet.mitigate.perturb/1", .configuration = configuration, .inputs = inputs});
  document["vocabulary"] = space.size();
  document["dimension"] = space.dimension();
  if (!request.calibrate.empty()) document["calibration"] = calibration_table(request, space, make, options);
  if (!writes) return document;

  const auto mechanism = make(space, request.epsilon, options);
  if (request.unknown == "keep" && mechanism->proven()) {
    throw privacy_refused("words without a vector would be written as they are, and no guarantee covers them",
                          "Use --unknown random or drop; names and numbers are the words that vectors lack.");
  }
  PerturbStream stream(request, space, *mechanism);
  const std::clock_t begin = std::clock();
  internal::stream_documents(request.input, request.columns, internal::sink_into(stream), request.stop);
  stream.finish();
  document["processor_seconds"] = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  document["documents"] = stream.documents_;
  document["guarantee"] = {{"proven", mechanism->proven()}, {"unit", "word"}, {"definition", "metric differential privacy"},
                           {"statement", "Each word: " + mechanism->statement() + "."}};
  if (mechanism->proven()) document["guarantee"]["epsilon_per_distance"] = request.epsilon;
  document["results"] = {{{"metric", "share_kept"}, {"n", stream.replaced_}}};
  if (stream.replaced_ > 0) {
    document["results"][0]["value"] = static_cast<double>(stream.kept_) / static_cast<double>(stream.replaced_);
  } else {
    core::set_absent(document["results"][0], "value", "no word has a vector");
  }
  document["replaced_words"] = stream.replaced_;
  document["unknown_words"] = stream.unknown_;
  document["caveats"] = {
      "The number of words, blanks and punctuation between them and all other columns are written as they were: no guarantee covers them.",
      "Words compose: two texts of n words differ by at most the sum of epsilon times the distances of their words, place by "
      "place; a long text is hardly protected by what protects a word.",
      "share_kept and the counts of words are made from the private texts and not private themselves: of a short text they say which "
      "words stayed.",
      fmt::format("{} words have no vector: {}.", stream.unknown_,
                  request.unknown == "random" ? "each became a word drawn uniformly, which says that it had none and nothing else"
                  : request.unknown == "drop" ? "they were left out, which says that they had none"
                                              : "they were kept")};
  document["output"] = core::to_json(core::describe_input("output", request.output));
  return document;
}

}  // namespace discreet::app
