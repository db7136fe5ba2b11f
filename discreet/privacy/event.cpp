#include "discreet/privacy/event.h"

#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/privacy/internal/event_node.h"

namespace discreet::privacy {
namespace {

constexpr std::pair<Event::Kind, std::string_view> kEventKinds[] = {
    {Event::Kind::kGaussian, "gaussian"},
    {Event::Kind::kLaplace, "laplace"},
    {Event::Kind::kPureDp, "pure_dp"},
    {Event::Kind::kPoissonSampled, "poisson_sampled"},
    {Event::Kind::kTruncatedPoissonSampled, "truncated_poisson_sampled"},
    {Event::Kind::kSampledWithoutReplacement, "sampled_without_replacement"},
    {Event::Kind::kShuffledEpoch, "shuffled_epoch"},
    {Event::Kind::kMatrixMechanism, "matrix_mechanism"},
    {Event::Kind::kCyclicPoissonBanded, "cyclic_poisson_banded"},
    {Event::Kind::kRepeatAndSelect, "repeat_and_select"},
    {Event::Kind::kSelfComposed, "self_composed"},
    {Event::Kind::kComposed, "composed"},
    {Event::Kind::kNonPrivate, "non_private"},
    {Event::Kind::kUnsupported, "unsupported"}};

std::int64_t checked_count(const char* what, std::int64_t value, std::int64_t least) {
  if (value >= least) return value;
  throw usage_error(fmt::format("{} = {}: expected an integer >= {}", what, value, least));
}

}  // namespace

std::string_view name(Event::Kind kind) {
  for (const auto& [known, text] : kEventKinds) {
    if (known == kind) return text;
  }
  throw internal_error("event of unknown kind");
}

Event::Event(std::shared_ptr<const Node> node) : node_(std::move(node)) {}

Event Event::gaussian(NoiseMultiplier noise_multiplier) {
  return Event(std::make_shared<const Node>(
      Node{.kind = Kind::kGaussian, .number = noise_multiplier.value()}));
}

Event Event::laplace(NoiseMultiplier noise_multiplier) {
  return Event(std::make_shared<const Node>(
      Node{.kind = Kind::kLaplace, .number = noise_multiplier.value()}));
}

Event Event::pure_dp(Epsilon epsilon) {
  return Event(
      std::make_shared<const Node>(Node{.kind = Kind::kPureDp, .number = epsilon.value()}));
}

Event Event::poisson_sampled(SamplingRate sampling_rate, Event event) {
  return Event(std::make_shared<const Node>(Node{.kind = Kind::kPoissonSampled,
                                                 .number = sampling_rate.value(),
                                                 .children = {std::move(event)}}));
}

Event Event::truncated_poisson_sampled(SamplingRate sampling_rate, std::int64_t units,
                                       std::int64_t cap, Event event) {
  return Event(std::make_shared<const Node>(Node{.kind = Kind::kTruncatedPoissonSampled,
                                                 .number = sampling_rate.value(),
                                                 .units = checked_count("units", units, 1),
                                                 .batch = checked_count("cap", cap, 1),
                                                 .children = {std::move(event)}}));
}

Event Event::sampled_without_replacement(std::int64_t units, std::int64_t batch, Event event) {
  checked_count("units", units, 1);
  checked_count("batch", batch, 0);
  if (batch > units) {
    throw usage_error(fmt::format("batch = {}: expected at most the {} units", batch, units));
  }
  return Event(std::make_shared<const Node>(Node{.kind = Kind::kSampledWithoutReplacement,
                                                 .units = units,
                                                 .batch = batch,
                                                 .children = {std::move(event)}}));
}

Event Event::shuffled_epoch(Event event) {
  return Event(std::make_shared<const Node>(
      Node{.kind = Kind::kShuffledEpoch, .children = {std::move(event)}}));
}

Event Event::matrix_mechanism(NoiseMultiplier noise_multiplier, MatrixProvenance provenance) {
  checked_count("steps", provenance.steps, 0);
  checked_count("participations", provenance.participations, 1);
  checked_count("separation", provenance.separation, 0);
  if (!(provenance.sensitivity > 0) || std::isinf(provenance.sensitivity)) {
    throw usage_error(fmt::format("sensitivity = {}: expected a number in (0, inf)",
                                  provenance.sensitivity));
  }
  return Event(std::make_shared<const Node>(Node{.kind = Kind::kMatrixMechanism,
                                                 .number = noise_multiplier.value(),
                                                 .provenance = std::move(provenance)}));
}

Event Event::cyclic_poisson_banded(NoiseMultiplier noise_multiplier, SamplingRate sampling_rate,
                                   std::int64_t steps, std::int64_t bands) {
  return Event(std::make_shared<const Node>(Node{.kind = Kind::kCyclicPoissonBanded,
                                                 .number = noise_multiplier.value(),
                                                 .rate = sampling_rate.value(),
                                                 .count = checked_count("steps", steps, 0),
                                                 .units = checked_count("bands", bands, 1)}));
}

Event Event::repeat_and_select(RunCount runs, Event event) {
  if (!(runs.mean >= 1) || std::isinf(runs.mean)) {
    throw usage_error(
        fmt::format("mean number of runs = {}: expected a number in [1, inf)", runs.mean));
  }
  if (!(runs.shape >= 0)) {
    throw usage_error(fmt::format("shape of the number of runs = {}: expected a number in [0, inf]",
                                  runs.shape));
  }
  return Event(std::make_shared<const Node>(
      Node{.kind = Kind::kRepeatAndSelect, .runs = runs, .children = {std::move(event)}}));
}

Event Event::self_composed(Event event, std::int64_t count) {
  if (count < 0) throw usage_error(fmt::format("steps = {}: expected an integer >= 0", count));
  return Event(std::make_shared<const Node>(
      Node{.kind = Kind::kSelfComposed, .count = count, .children = {std::move(event)}}));
}

Event Event::composed(std::vector<Event> events) {
  return Event(std::make_shared<const Node>(
      Node{.kind = Kind::kComposed, .children = std::move(events)}));
}

Event Event::non_private() {
  return Event(std::make_shared<const Node>(Node{.kind = Kind::kNonPrivate}));
}

Event Event::unsupported(std::string what) {
  return Event(
      std::make_shared<const Node>(Node{.kind = Kind::kUnsupported, .what = std::move(what)}));
}

Event::Kind Event::kind() const { return node_->kind; }

const Event::Node& Event::node_of(Kind kind, const char* what) const {
  if (node_->kind == kind) return *node_;
  throw internal_error(fmt::format("an event of kind {} has no {}", name(node_->kind), what));
}

double Event::noise_multiplier() const {
  const Kind k = kind();
  if (k == Kind::kLaplace || k == Kind::kMatrixMechanism || k == Kind::kCyclicPoissonBanded) {
    return node_->number;
  }
  return node_of(Kind::kGaussian, "noise multiplier").number;
}

double Event::sampling_rate() const {
  if (kind() == Kind::kCyclicPoissonBanded) return node_->rate;
  if (kind() == Kind::kTruncatedPoissonSampled) return node_->number;
  return node_of(Kind::kPoissonSampled, "sampling rate").number;
}

std::int64_t Event::units() const {
  if (kind() == Kind::kTruncatedPoissonSampled) return node_->units;
  return node_of(Kind::kSampledWithoutReplacement, "number of units").units;
}

std::int64_t Event::batch() const {
  if (kind() == Kind::kTruncatedPoissonSampled) return node_->batch;
  return node_of(Kind::kSampledWithoutReplacement, "batch").batch;
}

double Event::epsilon() const { return node_of(Kind::kPureDp, "epsilon").number; }
std::int64_t Event::steps() const { return node_of(Kind::kCyclicPoissonBanded, "steps").count; }
std::int64_t Event::bands() const { return node_of(Kind::kCyclicPoissonBanded, "bands").units; }
RunCount Event::runs() const { return node_of(Kind::kRepeatAndSelect, "runs").runs; }
const MatrixProvenance& Event::provenance() const {
  return node_of(Kind::kMatrixMechanism, "provenance").provenance;
}
std::int64_t Event::count() const { return node_of(Kind::kSelfComposed, "count").count; }
const std::string& Event::what() const { return node_->what; }
const std::vector<Event>& Event::children() const { return node_->children; }

bool Event::operator==(const Event& other) const {
  if (node_ == other.node_) return true;
  const Node &a = *node_, &b = *other.node_;
  return a.kind == b.kind && a.number == b.number && a.rate == b.rate && a.count == b.count &&
         a.units == b.units && a.batch == b.batch && a.runs == b.runs &&
         a.provenance == b.provenance && a.what == b.what && a.children == b.children;
}

Event event_of(const std::vector<Phase>& phases) {
  std::vector<Event> events;
  for (const Phase& phase : phases) {
    Event event = Event::gaussian(NoiseMultiplier(phase.noise_multiplier));
    const SamplingRate rate(phase.sampling_rate);
    if (rate.value() != 1) event = Event::poisson_sampled(rate, std::move(event));
    events.push_back(Event::self_composed(std::move(event), phase.steps));
  }
  return events.size() == 1 ? events[0] : Event::composed(std::move(events));
}

double effective_multiplier(const std::vector<double>& sensitivities,
                            const std::vector<double>& stds) {
  if (sensitivities.size() != stds.size()) {
    throw usage_error(
        fmt::format("{} sensitivities for {} noise levels", sensitivities.size(), stds.size()));
  }
  double sum = 0;
  for (std::size_t i = 0; i < stds.size(); ++i) {
    if (!(sensitivities[i] >= 0) || !(stds[i] >= 0)) {
      throw usage_error(fmt::format("part {}: sensitivity {} and noise {}: expected numbers >= 0",
                                    i, sensitivities[i], stds[i]));
    }
    if (sensitivities[i] == 0) continue;
    const double ratio = sensitivities[i] / stds[i];
    sum += ratio * ratio;
  }
  return 1.0 / std::sqrt(sum);
}

double adaptive_clipping_multiplier(double total, double count_std) {
  if (!(total > 0) || std::isinf(total)) {
    throw usage_error(fmt::format("noise_multiplier = {}: expected a number in (0, inf)", total));
  }
  if (!(count_std > 0)) {
    throw usage_error(
        fmt::format("noise on the private count = {}: expected a number in (0, inf]", count_std));
  }
  if (total >= 2 * count_std) {
    throw privacy_refused(
        fmt::format("the private count with noise {} spends as much as a multiplier of {} in all: "
                    "nothing is left for the gradients",
                    count_std, total),
        fmt::format("Give the count noise above {} (half the multiplier), usually a twentieth of "
                    "the batch.",
                    total / 2));
  }
  const double rest = 1 / (total * total) - 1 / (4 * count_std * count_std);
  return 1 / std::sqrt(rest);
}

Event adaptive_clipping_step(SamplingRate sampling_rate, NoiseMultiplier gradients,
                             double count_std) {
  Event both = Event::composed(
      {Event::gaussian(gradients), Event::gaussian(NoiseMultiplier(2 * count_std))});
  if (sampling_rate.value() == 1) return both;
  return Event::poisson_sampled(sampling_rate, std::move(both));
}

Json phases_json(const std::vector<Phase>& phases) {
  Json list = Json::array();
  for (const Phase& phase : phases) {
    list.push_back({{"noise_multiplier", phase.noise_multiplier},
                    {"sampling_rate", phase.sampling_rate},
                    {"steps", phase.steps}});
  }
  return list;
}

}  // namespace discreet::privacy
