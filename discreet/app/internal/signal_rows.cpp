#include "discreet/app/internal/signal_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <optional>
#include <set>

#include "discreet/app/internal/signal_files.h"
#include "discreet/core/error.h"
#include "discreet/core/lines.h"
#include "discreet/formats/safetensors.h"
#include "discreet/text/unicode.h"

namespace discreet::app::internal {
namespace {

constexpr double kRounding = 1e-6;

double finite_number(const Json& value, const std::string& where) {
  if (!value.is_number() || !std::isfinite(value.get<double>())) {
    throw bad_data(fmt::format("{} is {}, expected a finite number", where, value.dump()),
                   "Leave examples without a finite output out of the file.");
  }
  return value.get<double>();
}

std::vector<double> finite_numbers(const Json& value, const std::string& where) {
  std::vector<double> numbers;
  if (!value.is_array()) return {finite_number(value, where)};
  for (std::size_t i = 0; i < value.size(); ++i) {
    numbers.push_back(finite_number(value[i], fmt::format("{}[{}]", where, i)));
  }
  return numbers;
}

bool flag_of(const Json& value, const std::string& where) {
  if (value == 1 || value == true) return true;
  if (value == 0 || value == false) return false;
  throw bad_data(fmt::format("{} is {}, expected 0 or 1", where, value.dump()));
}

std::string text_of(const Json& value, const std::string& where) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_structured()) throw bad_data(fmt::format("{} is not a string or a number", where));
  return value.is_null() ? "" : value.dump();
}

/// One line after another; what the first has, all must have.
class LineSignals {
 public:
  LineSignals(const std::filesystem::path& path, const std::vector<std::string>& slices)
      : lines_(path), slices_(slices) {
    std::sort(slices_.begin(), slices_.end());
    slices_.erase(std::unique(slices_.begin(), slices_.end()), slices_.end());
  }

  MembershipSignals read() {
    for (std::string line; lines_.next(line);) {
      if (line.find_first_not_of(" \t") == std::string::npos) continue;
      row_ = core::parse_json(line, lines_.where());
      if (!row_.is_object()) throw bad_data(lines_.where() + ": expected a JSON object");
      if (read_.rows.size() == 0) learn_shape();
      add_row();
    }
    stats::AttackData& data = read_.data;
    data.examples = read_.rows.size();
    if (data.examples == 0) throw bad_data(lines_.path().string() + ": no examples");
    for (const std::string& name : slices_) {
      if (name == "length" || seen_.count(name) != 0) continue;
      throw usage_error(fmt::format("{}: no row has a \"{}\", which --slice or --blind names", lines_.path().string(), name),
                        "A column stands in the rows beside their outputs.");
    }
    if (std::none_of(data.population.begin(), data.population.end(), [](auto flag) { return flag != 0; })) {
      data.population.clear();
    }
    choose_signal(kind_, data);
    return std::move(read_);
  }

 private:
  std::string at(const std::string& key) const { return lines_.where() + ": " + key; }

  const Json& need(const std::string& key) const {
    const auto found = row_.find(key);
    if (found == row_.end() || found->is_null()) {
      throw bad_data(fmt::format("{}: no '{}', which the first row has or the audit asks for", lines_.where(), key),
                     "Each row needs the same keys.");
    }
    return *found;
  }

  bool has(const char* key) const { return row_.contains(key) && !row_[key].is_null(); }

  void learn_shape() {
    std::vector<std::string> found;
    for (std::size_t k = 0; k < std::size(kOutputKeys); ++k) {
      if (!has(kOutputKeys[k])) continue;
      found.emplace_back(kOutputKeys[k]);
      kind_ = static_cast<OutputKind>(k);
    }
    if (found.size() != 1) {
      throw bad_data(fmt::format("{}: {} of logits, probabilities, loss, log_prob, signal and token_log_probs, expected one",
                                 lines_.where(), found.size()),
                     "They are outputs of the model that is attacked.");
    }
    models_ = has("shadow") ? need("shadow").size() : 0;
    features_ = has("features") ? need("features").size() : 0;
    for (const char* key : {"id", "text", "user", "length", "label", "neighbours", "token_means", "token_deviations",
                            "zlib_bytes", "in"}) {
      if (has(key)) known_.emplace_back(key);
    }
    read_.data.models = models_;
    read_.data.feature_count = features_;
    if (kind_ == OutputKind::kTokens) read_.data.offsets.push_back(0);
  }

  bool known(const char* key) const { return std::find(known_.begin(), known_.end(), key) != known_.end(); }

  void add_identity() {
    AuditedRows& rows = read_.rows;
    const bool population = has("population") && flag_of(row_["population"], at("population"));
    if (population && has("member") && flag_of(row_["member"], at("member"))) {
      throw bad_data(lines_.where() + ": a member that belongs to the population", "The population is what the attacker has: no member is in it.");
    }
    rows.member.push_back(population ? std::int8_t{-1} : flag_of(need("member"), at("member")) ? std::int8_t{1} : std::int8_t{0});
    read_.data.population.push_back(population ? 1 : 0);
    rows.id.push_back(known("id") ? text_of(need("id"), at("id")) : fmt::format("{}", rows.id.size() + 1));
    if (known("text")) rows.text.push_back(text_of(need("text"), at("text")));
    if (known("user")) rows.user.push_back(has("user") ? text_of(row_["user"], at("user")) : "");
    if (known("length")) rows.length.push_back(finite_number(need("length"), at("length")));
    else if (kind_ == OutputKind::kTokens) rows.length.push_back(static_cast<double>(need("token_log_probs").size()));
    else if (known("text")) rows.length.push_back(static_cast<double>(text::split_spaces(rows.text.back()).size()));
    if (known("label")) {
      rows.columns["label"].push_back(text_of(need("label"), at("label")));
      seen_.insert("label");
    }
    for (const std::string& name : slices_) {
      if (name == "label" || name == "length") continue;
      if (has(name.c_str())) seen_.insert(name);
      rows.columns[name].push_back(has(name.c_str()) ? text_of(row_[name], at(name)) : "");
    }
  }

  std::int64_t label() const {
    if (kind_ != OutputKind::kLogits && kind_ != OutputKind::kProbabilities) return -1;
    const Json& value = need("label");
    if (!value.is_number_integer()) {
      throw bad_data(fmt::format("{} is {}, expected the number of a class, from 0", at("label"), value.dump()));
    }
    return value.get<std::int64_t>();
  }

  void add_shadow(std::int64_t label) {
    stats::AttackData& data = read_.data;
    const Json& shadow = need("shadow");
    const Json none = Json::array();
    const Json& in = known("in") ? need("in") : none;
    if (!shadow.is_array() || shadow.size() != models_ || (known("in") && in.size() != models_)) {
      throw bad_data(fmt::format("{}: shadow has {} models and in {}, expected {} as in the first row", lines_.where(),
                                 shadow.size(), in.size(), models_));
    }
    for (std::size_t m = 0; m < models_; ++m) {
      const std::string where = fmt::format("{}[{}]", at("shadow"), m);
      // A model of text may give the mean over its tokens instead of each.
      const bool mean = kind_ == OutputKind::kTokens && !shadow[m].is_array();
      const ModelOutput output =
          read_output(mean ? OutputKind::kLogProb : kind_, finite_numbers(shadow[m], where), label, where);
      data.shadow_log_prob.push_back(output.log_prob);
      data.shadow_signal.push_back(output.signal);
      if (output.log_posterior.size() != data.classes) throw other_classes(where, output.log_posterior.size());
      data.shadow_log_posterior.insert(data.shadow_log_posterior.end(), output.log_posterior.begin(), output.log_posterior.end());
      data.in.push_back(known("in") && flag_of(in[m], fmt::format("{}[{}]", at("in"), m)) ? 1 : 0);
    }
  }

  Error other_classes(const std::string& where, std::size_t found) const {
    return bad_data(fmt::format("{} has {} classes, expected {} as in the first row", where, found, read_.data.classes));
  }

  void add_tokens() {
    stats::AttackData& data = read_.data;
    const std::vector<double> tokens = finite_numbers(need("token_log_probs"), at("token_log_probs"));
    data.token_log_prob.insert(data.token_log_prob.end(), tokens.begin(), tokens.end());
    for (const auto& [key, values] : {std::pair("token_means", &data.token_mean), std::pair("token_deviations", &data.token_deviation)}) {
      if (!known("token_means") && !known("token_deviations")) continue;
      const std::vector<double> own = finite_numbers(need(key), at(key));
      if (own.size() != tokens.size()) {
        throw bad_data(fmt::format("{} has {} values for {} tokens", at(key), own.size(), tokens.size()));
      }
      values->insert(values->end(), own.begin(), own.end());
    }
    data.offsets.push_back(data.token_log_prob.size());
  }

  void add_row() {
    add_identity();
    stats::AttackData& data = read_.data;
    const char* key = kOutputKeys[static_cast<std::size_t>(kind_)];
    const std::int64_t own = label();
    const ModelOutput output = read_output(kind_, finite_numbers(need(key), at(key)), own, at(key));
    data.log_prob.push_back(output.log_prob);
    data.signal.push_back(output.signal);
    if (own >= 0) {
      if (data.label.empty()) data.classes = output.log_posterior.size();
      if (output.log_posterior.size() != data.classes) throw other_classes(at(key), output.log_posterior.size());
      data.label.push_back(own);
      data.log_posterior.insert(data.log_posterior.end(), output.log_posterior.begin(), output.log_posterior.end());
    }
    if (kind_ == OutputKind::kTokens) add_tokens();
    if (models_ > 0) add_shadow(own);
    if (features_ > 0) {
      const std::vector<double> values = finite_numbers(need("features"), at("features"));
      if (values.size() != features_) {
        throw bad_data(fmt::format("{}: {} features, expected {} as in the first row", lines_.where(), values.size(), features_));
      }
      data.features.insert(data.features.end(), values.begin(), values.end());
    }
    if (known("neighbours")) {
      const Json& neighbours = need("neighbours");
      double sum = 0;
      const std::vector<double> values = finite_numbers(neighbours, at("neighbours"));
      for (const double value : values) sum += kind_ == OutputKind::kLoss ? -value : value;
      data.neighbour_log_prob.push_back(values.empty() ? std::numeric_limits<double>::quiet_NaN()
                                                       : sum / static_cast<double>(values.size()));
    }
    if (known("zlib_bytes")) data.compressed_bytes.push_back(finite_number(need("zlib_bytes"), at("zlib_bytes")));
    else if (known("text")) data.compressed_bytes.push_back(zlib_bytes_of(read_.rows.text.back()));
  }

  core::LineReader lines_;
  std::vector<std::string> slices_, known_;
  std::set<std::string> seen_;  // of the slices
  Json row_;
  OutputKind kind_ = OutputKind::kLoss;
  std::size_t models_ = 0, features_ = 0;
  MembershipSignals read_;
};

std::vector<double> doubles_of(const formats::TensorView& tensor, const std::string& where) {
  std::vector<double> values(static_cast<std::size_t>(tensor.count()));
  if (tensor.dtype == formats::DType::kF64) {
    std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  } else if (tensor.dtype == formats::DType::kI64 || tensor.dtype == formats::DType::kI32) {
    // By way of float, ids and users from 2^24 on would run together.
    for (std::size_t i = 0; i < values.size(); ++i) {
      std::int64_t wide = 0;
      std::int32_t narrow = 0;
      if (tensor.dtype == formats::DType::kI64) std::memcpy(&wide, tensor.bytes.data() + 8 * i, 8);
      else std::memcpy(&narrow, tensor.bytes.data() + 4 * i, 4);
      values[i] = tensor.dtype == formats::DType::kI64 ? static_cast<double>(wide) : narrow;
      if (std::abs(values[i]) > 0x1p53) throw bad_data(fmt::format("{}: element {} is {}, beyond 2^53", where, i, wide));
    }
  } else {
    std::vector<float> floats(values.size());
    formats::copy_to_floats(tensor, floats);
    std::copy(floats.begin(), floats.end(), values.begin());
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      throw bad_data(fmt::format("{}: element {} is not finite", where, i),
                     "Leave examples without a finite output out of the file.");
    }
  }
  return values;
}

/// A tensor of a .safetensors file whose first dimension is the examples.
struct NamedNumbers {
  std::vector<std::int64_t> shape;
  std::vector<double> values;
};

class TensorSignals {
 public:
  explicit TensorSignals(const std::filesystem::path& path) : path_(path.string()), file_(path) {}

  MembershipSignals read() {
    const NamedNumbers member = numbers("member", {});
    n_ = static_cast<std::size_t>(member.shape.empty() ? 0 : member.shape[0]);
    std::optional<OutputKind> kind;
    for (std::size_t k = 0; k + 1 < std::size(kOutputKeys); ++k) {  // no tokens: they are ragged
      if (!file_.contains(kOutputKeys[k])) continue;
      if (kind) throw bad_data(path_ + ": several of logits, probabilities, loss, log_prob and signal, expected one");
      kind = static_cast<OutputKind>(k);
    }
    if (!kind) throw bad_data(path_ + ": none of logits, probabilities, loss, log_prob and signal");
    const bool classes = *kind == OutputKind::kLogits || *kind == OutputKind::kProbabilities;
    MembershipSignals read;
    stats::AttackData& data = read.data;
    data.examples = n_;
    add_identity(member, read);
    const char* key = kOutputKeys[static_cast<std::size_t>(*kind)];
    const auto n = static_cast<std::int64_t>(n_);
    const NamedNumbers output = numbers(key, classes ? std::vector<std::int64_t>{n, -1} : std::vector<std::int64_t>{n});
    const std::size_t width = classes ? static_cast<std::size_t>(output.shape[1]) : 1;
    data.classes = classes ? width : 0;
    std::vector<double> labels;
    if (classes) {
      labels = numbers("label", {n}).values;
      for (std::size_t i = 0; i < labels.size(); ++i) data.label.push_back(whole(labels[i], "label", i));
    }
    const auto add = [&](const NamedNumbers& from, std::size_t place, std::size_t example, std::vector<double>& log_prob,
                         std::vector<double>& signal, std::vector<float>& posterior, const char* name) {
      const auto first = from.values.begin() + static_cast<std::ptrdiff_t>(place * width);
      const ModelOutput one =
          read_output(*kind, std::vector<double>(first, first + static_cast<std::ptrdiff_t>(width)),
                      classes ? data.label[example] : -1, fmt::format("{}: {}[{}]", path_, name, place));
      log_prob.push_back(one.log_prob);
      signal.push_back(one.signal);
      posterior.insert(posterior.end(), one.log_posterior.begin(), one.log_posterior.end());
    };
    for (std::size_t i = 0; i < n_; ++i) add(output, i, i, data.log_prob, data.signal, data.log_posterior, key);
    if (file_.contains("shadow")) {
      const NamedNumbers shadow = numbers(
          "shadow", classes ? std::vector<std::int64_t>{n, -1, output.shape[1]} : std::vector<std::int64_t>{n, -1});
      data.models = static_cast<std::size_t>(shadow.shape[1]);
      for (std::size_t at = 0; at < n_ * data.models; ++at) {
        add(shadow, at, at / data.models, data.shadow_log_prob, data.shadow_signal, data.shadow_log_posterior, "shadow");
      }
      data.in.assign(n_ * data.models, 0);
      if (file_.contains("in")) {
        const NamedNumbers in = numbers("in", {n, shadow.shape[1]});
        for (std::size_t at = 0; at < data.in.size(); ++at) data.in[at] = flag(in.values[at], "in", at);
      }
    }
    if (file_.contains("features")) {
      NamedNumbers features = numbers("features", {n, -1});
      data.feature_count = static_cast<std::size_t>(features.shape[1]);
      data.features = std::move(features.values);
    }
    choose_signal(*kind, data);
    return read;
  }

 private:
  /// -1 in `expected` fits any length; an empty one any shape.
  NamedNumbers numbers(const std::string& name, const std::vector<std::int64_t>& expected) const {
    const formats::TensorView& tensor = file_.at(name);
    bool fits = expected.empty() || tensor.shape.size() == expected.size();
    for (std::size_t d = 0; fits && d < expected.size(); ++d) {
      fits = expected[d] < 0 || tensor.shape[d] == expected[d];
    }
    if (!fits) {
      throw bad_data(fmt::format("{}: {} has another shape than the examples, models or classes ask for", path_, name));
    }
    return {tensor.shape, doubles_of(tensor, path_ + ": " + name)};
  }

  std::int64_t whole(double value, const char* name, std::size_t place) const {
    if (value != std::floor(value)) throw bad_data(fmt::format("{}: {}[{}] is {}, expected a whole number", path_, name, place, value));
    return static_cast<std::int64_t>(value);
  }

  std::uint8_t flag(double value, const char* name, std::size_t place) const {
    if (value != 0 && value != 1) {
      throw bad_data(fmt::format("{}: {}[{}] is {}, expected 0 or 1", path_, name, place, value));
    }
    return value == 1 ? 1 : 0;
  }

  void add_identity(const NamedNumbers& member, MembershipSignals& read) const {
    std::vector<double> ids;
    if (file_.contains("id")) ids = numbers("id", {static_cast<std::int64_t>(n_)}).values;
    for (std::size_t i = 0; i < n_; ++i) {
      read.rows.id.push_back(fmt::format("{}", ids.empty() ? static_cast<std::int64_t>(i) : whole(ids[i], "id", i)));
      const bool population = member.values[i] == -1;
      read.rows.member.push_back(population ? std::int8_t{-1} : static_cast<std::int8_t>(flag(member.values[i], "member", i)));
      read.data.population.push_back(population ? 1 : 0);
    }
    if (std::count(read.rows.member.begin(), read.rows.member.end(), -1) == 0) read.data.population.clear();
    for (const char* name : {"label", "user", "length"}) {
      if (!file_.contains(name)) continue;
      const NamedNumbers column = numbers(name, {static_cast<std::int64_t>(n_)});
      for (std::size_t i = 0; i < n_; ++i) {
        if (name == std::string("length")) read.rows.length.push_back(column.values[i]);
        else (name == std::string("user") ? read.rows.user : read.rows.columns["label"]).push_back(fmt::format("{}", whole(column.values[i], name, i)));
      }
    }
  }

  std::string path_;
  formats::SafetensorsFile file_;
  std::size_t n_ = 0;
};

}  // namespace

ModelOutput read_output(OutputKind kind, const std::vector<double>& values, std::int64_t label,
                        const std::string& where) {
  ModelOutput output;
  if (kind == OutputKind::kTokens) {
    if (values.empty()) throw bad_data(where + " is empty, expected a log-probability for each token");
    for (const double value : values) {
      if (value > kRounding) throw bad_data(fmt::format("{}: a log-probability of {} is above 0", where, value));
    }
    output.log_prob = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
    output.signal = output.log_prob;
    return output;
  }
  if (kind != OutputKind::kLogits && kind != OutputKind::kProbabilities) {
    if (values.size() != 1) throw bad_data(fmt::format("{} has {} values, expected one", where, values.size()));
    output.log_prob = kind == OutputKind::kLoss ? -values[0] : values[0];
    if (kind != OutputKind::kSignal && output.log_prob > kRounding) {
      throw bad_data(kind == OutputKind::kLoss ? fmt::format("{}: a loss of {} is below 0, so it is no negative log-probability", where, values[0])
                                               : fmt::format("{}: a log-probability of {} is above 0", where, values[0]),
                     "Losses are -log p of the right answer. Another loss, or a density, goes in as \"signal\", higher for members.");
    }
    if (output.log_prob > 0 && output.log_prob < kRounding) output.log_prob = 0;
    output.signal = output.log_prob;
    return output;
  }
  if (values.size() < 2 || label < 0 || static_cast<std::size_t>(label) >= values.size()) {
    throw bad_data(fmt::format("{}: label {} of {} classes", where, label, values.size()),
                   "Outputs need at least two classes, and the label is one of 0..K-1.");
  }
  const auto own = static_cast<std::size_t>(label);
  if (kind == OutputKind::kLogits) {
    const double most = *std::max_element(values.begin(), values.end());
    double sum = 0;
    for (const double value : values) sum += std::exp(value - most);
    const double scale = most + std::log(sum);
    for (const double value : values) output.log_posterior.push_back(static_cast<float>(value - scale));
    output.log_prob = values[own] - scale;
    output.signal = stats::label_logit(values, own);
    return output;
  }
  double sum = 0, others = 0;
  for (std::size_t k = 0; k < values.size(); ++k) {
    if (values[k] < 0) throw bad_data(fmt::format("{}: the probability {} is negative", where, values[k]));
    sum += values[k];
    if (k != own) others += values[k];
    output.log_posterior.push_back(static_cast<float>(std::log(values[k] + 1e-45)));
  }
  if (std::abs(sum - 1) > 1e-3) throw bad_data(fmt::format("{}: probabilities sum to {}, expected 1", where, sum));
  output.log_prob = std::log(values[own] + 1e-45);
  output.signal = output.log_prob - std::log(others + 1e-45);
  return output;
}

void choose_signal(OutputKind kind, stats::AttackData& data) {
  if (kind == OutputKind::kSignal) {  // no probability, so nothing that needs one
    data.log_prob.clear();
    data.shadow_log_prob.clear();
    return;
  }
  if (kind != OutputKind::kLoss && kind != OutputKind::kLogProb) return;
  for (double& value : data.signal) value = stats::logit_of_log_prob(value);
  for (double& value : data.shadow_signal) value = stats::logit_of_log_prob(value);
}

MembershipSignals signals_from_lines(const std::filesystem::path& path, const std::vector<std::string>& slices) {
  return LineSignals(path, slices).read();
}

MembershipSignals signals_from_tensors(const std::filesystem::path& path) { return TensorSignals(path).read(); }

}  // namespace discreet::app::internal
