#include "discreet/federated/evaluation/model_metrics.h"

#include <algorithm>
#include <cmath>

#include "discreet/core/error.h"

namespace discreet::federated {
namespace {

constexpr int kFractionBits = 40;

std::size_t bin_of(double value, double end, std::size_t bins) {
  const double place = value / end * static_cast<double>(bins);
  return static_cast<std::size_t>(std::clamp(place, 0.0, static_cast<double>(bins - 1)));
}

/// (low, high], the first bin closed below: as stats::calibration bins confidences.
std::size_t confidence_bin(double confidence, std::size_t bins) {
  const double place = std::ceil(confidence * static_cast<double>(bins)) - 1;
  return static_cast<std::size_t>(std::clamp(place, 0.0, static_cast<double>(bins - 1)));
}

void add_class_sums(const MetricProgram& program, const MetricLayout& layout,
                    const EvaluatedExample& example, MetricSums& sums) {
  if (!example.gold || !example.predicted) return;
  const std::size_t n = program.classes.size();
  const auto predicted = static_cast<std::size_t>(*example.predicted);
  // A class that nobody knows is gold of its own row, so that accuracy counts it as wrong.
  const auto gold = *example.gold < 0 ? n : static_cast<std::size_t>(*example.gold);
  const std::size_t width = n + 1;
  if (gold == predicted) {
    sums.add(layout.place("classes"), {{gold}, {width + predicted}, {2 * width + gold}});
  } else {
    sums.add(layout.place("classes"), {{gold}, {width + predicted}});
  }
  if (program.calibration_bins > 0 && example.confidence) {
    const std::size_t bins = program.calibration_bins, bin = confidence_bin(*example.confidence, bins);
    sums.add(layout.place("calibration"),
             {{bin}, {bins + bin, *example.confidence}, {2 * bins + bin, gold == predicted ? 1.0 : 0.0}});
  }
}

void add_example_sums(const MetricProgram& program, const MetricLayout& layout,
                      const EvaluatedExample& example, MetricSums& sums) {
  sums.add(layout.place("examples"), {{0}, {1, example.right ? 1.0 : 0.0}});
  if (!program.classes.empty()) add_class_sums(program, layout, example, sums);
  if (example.loss && std::isfinite(*example.loss)) {
    const double loss = program.bounded ? std::min(*example.loss, program.most_loss) : *example.loss;
    sums.add(layout.place("loss"), {{0, loss}, {1}});
    sums.add(layout.place("loss_histogram"), {{bin_of(loss, program.most_loss, program.loss_bins)}});
  }
  if (program.chunks) {
    sums.add(layout.place("chunks"), {{0, double(example.gold_chunks)},
                                      {1, double(example.predicted_chunks)},
                                      {2, double(example.right_chunks)}});
  }
  if (program.tokens) sums.add(layout.place("tokens"), {{0, example.log_loss_sum}, {1, example.tokens}});
  if (example.group && *example.group < program.groups.size()) {
    sums.add(layout.place("groups"), {{2 * *example.group}, {2 * *example.group + 1, example.right ? 1.0 : 0.0}});
  }
  sums.count_example();
}

double entropy_term(double score) { return score > 0 ? score * std::log(score) : 0; }

std::optional<double> evenness(double sum, double sum_of_logs, double devices) {
  if (!(sum > 0) || !(devices > 1)) return std::nullopt;
  return (std::log(sum) - sum_of_logs / sum) / std::log(devices);
}

/// Mean of the `share` of a weighted, rising list that comes first.
double mean_of_first(std::span<const double> value, std::span<const double> weight, double share) {
  double left = share, sum = 0;
  for (std::size_t i = 0; i < value.size() && left > 0; ++i) {
    const double taken = std::min(left, weight[i]);
    sum += taken * value[i];
    left -= taken;
  }
  return sum / (share - std::max(0.0, left));
}

/// Deciles and Gini of devices of weight `weight` at rising values.
void set_order_statistics(std::span<const double> value, std::span<const double> weight, ClientSpread& spread) {
  double devices = 0, total = 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    devices += weight[i];
    total += weight[i] * value[i];
  }
  if (!(devices > 0)) return;
  const double tenth = std::max(std::min(1.0, devices), devices / 10);
  spread.worst_decile = mean_of_first(value, weight, tenth);
  std::vector<double> fallen(value.rbegin(), value.rend()), fallen_weight(weight.rbegin(), weight.rend());
  spread.gap = mean_of_first(fallen, fallen_weight, tenth) - *spread.worst_decile;
  double below = 0;
  for (std::size_t i = 0; i < value.size() && !spread.first_decile; ++i) {
    below += weight[i];
    if (below >= devices / 10) spread.first_decile = value[i];
  }
  if (!(total > 0)) {
    spread.gini = 0;
    return;
  }
  // Sum over pairs of |a - b|, by one pass over the rising values.
  double pairs = 0, before = 0, sum_before = 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    pairs += weight[i] * (value[i] * before - sum_before);
    before += weight[i];
    sum_before += weight[i] * value[i];
  }
  spread.gini = pairs / (devices * total);
}

void set_or_absent(Json& object, const char* key, const std::optional<double>& value, const char* reason) {
  if (value && std::isfinite(*value)) {
    object[key] = *value;
  } else {
    core::set_absent(object, key, reason);
  }
}

class SumReader {
 public:
  SumReader(const MetricLayout& layout, std::span<const double> values, std::span<const double> deviation)
      : layout_(layout), values_(values), deviation_(deviation) {}
  std::span<const double> block(const char* name) const {
    const std::size_t place = layout_.place(name);
    return values_.subspan(layout_.offset(place), layout_.blocks()[place].size);
  }
  double noise(const char* name) const { return deviation_.empty() ? 0 : deviation_[layout_.place(name)]; }

 private:
  const MetricLayout& layout_;
  std::span<const double> values_, deviation_;
};

void set_class_metrics(const MetricProgram& program, const SumReader& sums, Json& metrics) {
  const std::size_t width = program.classes.size() + 1;
  const auto counts = sums.block("classes");
  const double floor = 3 * sums.noise("classes");
  double all = 0, right = 0, f1 = 0, predicted_all = 0;
  std::size_t scored = 0;
  for (std::size_t c = 0; c < width; ++c) {
    const double gold = counts[c], predicted = counts[width + c], correct = counts[2 * width + c];
    all += gold;
    right += correct;
    predicted_all += predicted;
    // Under noise a class counts as present only where that can be told.
    if (c + 1 == width || gold + predicted <= floor) continue;
    f1 += std::clamp(2 * correct / (gold + predicted), 0.0, 1.0);
    ++scored;
  }
  metrics["n_classes"] = scored;
  const bool told = all > floor * std::sqrt(double(width));
  const char* drowned = all > 0 ? "the noise is as large as the number of examples" : "no examples with classes";
  set_or_absent(metrics, "accuracy", told ? std::optional(std::clamp(right / all, 0.0, 1.0)) : std::nullopt,
                drowned);
  set_or_absent(metrics, "macro_f1", scored > 0 ? std::optional(f1 / double(scored)) : std::nullopt,
                "no class can be told from noise");
  set_or_absent(metrics, "micro_f1",
                told ? std::optional(std::clamp(2 * right / (all + predicted_all), 0.0, 1.0))
                                        : std::nullopt,
                drowned);
  if (program.calibration_bins == 0) return;
  const auto bins = sums.block("calibration");
  const std::size_t b = program.calibration_bins;
  double n = 0, error = 0;
  for (std::size_t i = 0; i < b; ++i) {
    if (bins[i] <= 3 * sums.noise("calibration")) continue;
    n += bins[i];
    error += std::abs(bins[2 * b + i] - bins[b + i]);
  }
  const bool counted = n > 3 * sums.noise("calibration") * std::sqrt(double(b));
  set_or_absent(metrics, "calibration_error", counted ? std::optional(std::min(1.0, error / n)) : std::nullopt,
                n > 0 ? "the noise is as large as the number of examples" : "every bin is empty");
}

/// The value below which half of a histogram lies, linear inside its bin.
std::optional<double> histogram_median(std::span<const double> bins, double end) {
  double all = 0;
  for (const double bin : bins) all += std::max(0.0, bin);
  if (!(all > 0)) return std::nullopt;
  double below = 0;
  for (std::size_t i = 0; i < bins.size(); ++i) {
    const double bin = std::max(0.0, bins[i]);
    if (below + bin >= all / 2) {
      return (double(i) + (all / 2 - below) / bin) * end / double(bins.size());
    }
    below += bin;
  }
  return end;
}

Json group_metrics(const MetricProgram& program, const SumReader& sums, double least) {
  const auto counts = sums.block("groups");
  const double floor = std::max(least, 3 * sums.noise("groups"));
  Json groups = Json::array();
  std::vector<double> rates;
  std::int64_t hidden = 0;
  for (std::size_t g = 0; g < program.groups.size(); ++g) {
    if (counts[2 * g] < floor || counts[2 * g] <= 0) {
      ++hidden;
      continue;
    }
    rates.push_back(std::clamp(counts[2 * g + 1] / counts[2 * g], 0.0, 1.0));
    groups.push_back({{"group", program.groups[g]}, {"n", counts[2 * g]}, {"accuracy", rates.back()}});
  }
  Json result = {{"by_group", groups}, {"groups_left_out", hidden}, {"least", floor}};
  if (rates.size() > 1) {
    const auto [low, high] = std::minmax_element(rates.begin(), rates.end());
    result["accuracy_difference"] = *high - *low;
    result["spread"] = to_json(spread_of(rates));
  } else {
    core::set_absent(result, "accuracy_difference", "fewer than two groups are large enough");
  }
  return result;
}

}  // namespace

std::shared_ptr<const MetricLayout> metric_layout(const MetricProgram& program) {
  auto layout = std::make_shared<MetricLayout>();
  layout->add({.name = "examples", .size = 2, .bound = std::sqrt(2.0)});
  if (!program.classes.empty()) {
    layout->add({.name = "classes", .size = 3 * (program.classes.size() + 1), .bound = std::sqrt(3.0)});
    if (program.calibration_bins > 0) {
      layout->add({.name = "calibration", .size = 3 * program.calibration_bins,
                   .fraction_bits = kFractionBits, .bound = 1.7321});
    }
  }
  layout->add({.name = "loss", .size = 2, .fraction_bits = kFractionBits,
               .bound = program.bounded ? std::hypot(program.most_loss, 1) * (1 + 1e-9) : 0});
  layout->add({.name = "loss_histogram", .size = program.loss_bins, .bound = 1});
  if (program.chunks) layout->add({.name = "chunks", .size = 3, .bound = program.bounded ? program.most_chunks : 0});
  if (program.tokens) {
    layout->add({.name = "tokens", .size = 2, .fraction_bits = 32,
                 .bound = program.bounded ? std::hypot(program.most_tokens * program.most_loss, program.most_tokens) : 0});
  }
  if (!program.groups.empty()) {
    layout->add({.name = "groups", .size = 2 * program.groups.size(), .bound = std::sqrt(2.0)});
  }
  layout->add({.name = "device_histogram", .size = program.client_bins, .bound = 1, .per_device = true});
  // 1, a, a^2 and a log a >= -1/e of a score in [0, 1]: squared norm at most 3 + 1/e^2.
  layout->add({.name = "device_moments", .size = 4, .fraction_bits = kFractionBits, .bound = 1.78, .per_device = true});
  return layout;
}

double device_score(const MetricProgram& program, std::span<const EvaluatedExample> examples) {
  double right = 0, log_loss = 0, tokens = 0;
  for (const EvaluatedExample& example : examples) {
    right += example.right ? 1 : 0;
    log_loss += example.log_loss_sum;
    tokens += example.tokens;
  }
  if (program.tokens && program.classes.empty()) {
    return tokens > 0 ? std::clamp(std::exp(-log_loss / tokens), 0.0, 1.0) : 0;
  }
  return examples.empty() ? 0 : right / static_cast<double>(examples.size());
}

MetricSums device_sums(const MetricProgram& program, std::shared_ptr<const MetricLayout> layout,
                       std::span<const EvaluatedExample> examples) {
  const MetricLayout& of = *layout;
  MetricSums sums(layout);
  for (const EvaluatedExample& example : examples) add_example_sums(program, of, example, sums);
  if (examples.empty()) return sums;
  const double score = device_score(program, examples);
  sums.add(of.place("device_histogram"), {{bin_of(score, 1, program.client_bins)}});
  sums.add(of.place("device_moments"), {{0}, {1, score}, {2, score * score}, {3, entropy_term(score)}});
  return sums;
}

ClientSpread spread_of(std::span<const double> scores) {
  ClientSpread spread;
  spread.devices = static_cast<double>(scores.size());
  if (scores.empty()) return spread;
  std::vector<double> value(scores.begin(), scores.end());
  std::sort(value.begin(), value.end());
  const std::vector<double> weight(value.size(), 1);
  double sum = 0, squares = 0, logs = 0;
  for (const double score : value) {
    if (!(score >= 0) || std::isinf(score)) throw internal_error("a score below 0");
    sum += score;
    logs += entropy_term(score);
  }
  spread.mean = sum / spread.devices;
  for (const double score : value) squares += (score - *spread.mean) * (score - *spread.mean);
  spread.variance = squares / spread.devices;
  spread.entropy = evenness(sum, logs, spread.devices);
  set_order_statistics(value, weight, spread);
  return spread;
}

ClientSpread spread_of_sums(const MetricLayout& layout, std::span<const double> values) {
  const SumReader sums(layout, values, {});
  const auto histogram = sums.block("device_histogram");
  const auto moments = sums.block("device_moments");
  ClientSpread spread;
  spread.devices = moments[0];
  spread.resolution = 1 / static_cast<double>(histogram.size());
  if (!(moments[0] > 0)) return spread;
  spread.mean = std::clamp(moments[1] / moments[0], 0.0, 1.0);
  spread.variance = std::max(0.0, moments[2] / moments[0] - *spread.mean * *spread.mean);
  spread.entropy = evenness(moments[1], moments[3], moments[0]);
  std::vector<double> value, weight;
  for (std::size_t i = 0; i < histogram.size(); ++i) {
    value.push_back((double(i) + 0.5) / double(histogram.size()));
    weight.push_back(std::max(0.0, histogram[i]));
  }
  // The sum of all scores is known beside the histogram: the outermost bins, where scores are often exactly 0 or 1, take the
  // values within their width that come nearest to it.
  double missing = moments[1];
  for (std::size_t i = 0; i < value.size(); ++i) missing -= weight[i] * value[i];
  for (const std::size_t end : {std::size_t{0}, value.size() - 1}) {
    if (!(weight[end] > 0)) continue;
    const double half = 0.5 / double(histogram.size()), moved = std::clamp(missing / weight[end], -half, half);
    value[end] += moved;
    missing -= moved * weight[end];
  }
  set_order_statistics(value, weight, spread);
  return spread;
}

Json to_json(const ClientSpread& spread) {
  Json json = {{"clients", spread.devices}};
  const char* reason = "too few clients";
  set_or_absent(json, "mean", spread.mean, reason);
  set_or_absent(json, "variance", spread.variance, reason);
  set_or_absent(json, "gini", spread.gini, reason);
  set_or_absent(json, "entropy", spread.entropy, reason);
  set_or_absent(json, "first_decile", spread.first_decile, reason);
  set_or_absent(json, "worst_decile", spread.worst_decile, reason);
  set_or_absent(json, "gap", spread.gap, reason);
  if (spread.resolution > 0) json["resolution"] = spread.resolution;
  return json;
}

Json metrics_of_sums(const MetricProgram& program, const MetricLayout& layout, std::span<const double> values,
                     std::span<const double> deviation, double least) {
  const SumReader sums(layout, values, deviation);
  Json metrics = Json::object();
  const auto examples = sums.block("examples");
  metrics["n"] = examples[0];
  set_or_absent(metrics, "right", examples[0] > 0 ? std::optional(std::clamp(examples[1] / examples[0], 0.0, 1.0)) : std::nullopt,
                "no examples");
  if (!program.classes.empty()) set_class_metrics(program, sums, metrics);
  const auto loss = sums.block("loss");
  set_or_absent(metrics, "loss", loss[1] > 0 ? std::optional(std::max(0.0, loss[0] / loss[1])) : std::nullopt, "no losses");
  set_or_absent(metrics, "loss_median", histogram_median(sums.block("loss_histogram"), program.most_loss), "no losses");
  if (program.chunks) {
    const auto chunks = sums.block("chunks");
    const double either = chunks[0] + chunks[1];
    set_or_absent(metrics, "entity_f1", either > 0 ? std::optional(std::clamp(2 * chunks[2] / either, 0.0, 1.0)) : std::nullopt,
                  "no entities");
  }
  if (program.tokens) {
    const auto tokens = sums.block("tokens");
    set_or_absent(metrics, "perplexity", tokens[1] > 0 ? std::optional(std::exp(tokens[0] / tokens[1])) : std::nullopt,
                  "no tokens");
  }
  if (!program.groups.empty()) metrics["groups"] = group_metrics(program, sums, least);
  return metrics;
}

}  // namespace discreet::federated
