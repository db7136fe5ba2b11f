#include "discreet/privacy/event.h"

#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "discreet/core/error.h"

namespace discreet::privacy {

struct Event::Node {
  Kind kind = Kind::kComposed;
  double number = 0;
  std::int64_t count = 0;
  std::string what;
  std::vector<Event> children;
};

Event::Event(std::shared_ptr<const Node> node) : node_(std::move(node)) {}

Event Event::gaussian(NoiseMultiplier noise_multiplier) {
  return Event(std::make_shared<const Node>(Node{Kind::kGaussian, noise_multiplier.value()}));
}

Event Event::poisson_sampled(SamplingRate sampling_rate, Event event) {
  return Event(std::make_shared<const Node>(
      Node{Kind::kPoissonSampled, sampling_rate.value(), 0, {}, {std::move(event)}}));
}

Event Event::self_composed(Event event, std::int64_t count) {
  if (count < 0) throw usage_error(fmt::format("steps = {}: expected an integer >= 0", count));
  return Event(
      std::make_shared<const Node>(Node{Kind::kSelfComposed, 0, count, {}, {std::move(event)}}));
}

Event Event::composed(std::vector<Event> events) {
  return Event(std::make_shared<const Node>(Node{Kind::kComposed, 0, 0, {}, std::move(events)}));
}

Event Event::non_private() { return Event(std::make_shared<const Node>(Node{Kind::kNonPrivate})); }

Event Event::unsupported(std::string what) {
  return Event(std::make_shared<const Node>(Node{Kind::kUnsupported, 0, 0, std::move(what)}));
}

Event::Kind Event::kind() const { return node_->kind; }

double Event::noise_multiplier() const {
  if (kind() != Kind::kGaussian) throw internal_error("event has no noise multiplier");
  return node_->number;
}

double Event::sampling_rate() const {
  if (kind() != Kind::kPoissonSampled) throw internal_error("event has no sampling rate");
  return node_->number;
}

std::int64_t Event::count() const {
  if (kind() != Kind::kSelfComposed) throw internal_error("event has no count");
  return node_->count;
}

const std::string& Event::what() const { return node_->what; }
const std::vector<Event>& Event::children() const { return node_->children; }

bool Event::operator==(const Event& other) const {
  if (node_ == other.node_) return true;
  const Node &a = *node_, &b = *other.node_;
  return a.kind == b.kind && a.number == b.number && a.count == b.count && a.what == b.what &&
         a.children == b.children;
}

Json Event::to_json() const {
  switch (kind()) {
    case Kind::kGaussian:
      return {{"kind", "gaussian"}, {"noise_multiplier", node_->number}};
    case Kind::kPoissonSampled:
      return {{"kind", "poisson_sampled"},
              {"sampling_rate", node_->number},
              {"event", children()[0].to_json()}};
    case Kind::kSelfComposed:
      return {
          {"kind", "self_composed"}, {"count", node_->count}, {"event", children()[0].to_json()}};
    case Kind::kComposed: {
      Json events = Json::array();
      for (const Event& child : children()) events.push_back(child.to_json());
      return {{"kind", "composed"}, {"events", std::move(events)}};
    }
    case Kind::kNonPrivate:
      return {{"kind", "non_private"}};
    case Kind::kUnsupported:
      return {{"kind", "unsupported"}, {"what", node_->what}};
  }
  throw internal_error("event of unknown kind");
}

namespace {

const Json& event_member(const Json& json, const char* key) {
  if (!json.contains(key)) {
    throw bad_data(fmt::format("privacy event {}: '{}' is missing", json.dump(), key));
  }
  return json[key];
}

double event_number(const Json& json, const char* key) {
  const Json& value = event_member(json, key);
  if (!value.is_number()) {
    throw bad_data(fmt::format("privacy event: {} = {}: expected a number", key, value.dump()));
  }
  return value.get<double>();
}

Event parse_event(const Json& json, int depth) {
  if (depth > 64) throw bad_data("privacy event: nested more than 64 deep");
  if (!json.is_object() || !event_member(json, "kind").is_string()) {
    throw bad_data(fmt::format("privacy event: expected an object with a kind, got {}",
                               json.dump().substr(0, 80)));
  }
  const std::string kind = json["kind"];
  if (kind == "gaussian") {
    return Event::gaussian(NoiseMultiplier(event_number(json, "noise_multiplier")));
  }
  if (kind == "poisson_sampled") {
    return Event::poisson_sampled(SamplingRate(event_number(json, "sampling_rate")),
                                  parse_event(event_member(json, "event"), depth + 1));
  }
  if (kind == "self_composed") {
    const Json& count = event_member(json, "count");
    if (!count.is_number_integer()) {
      throw bad_data("privacy event: count = " + count.dump() + ": expected an integer");
    }
    return Event::self_composed(parse_event(event_member(json, "event"), depth + 1),
                                count.get<std::int64_t>());
  }
  if (kind == "composed") {
    const Json& list = event_member(json, "events");
    if (!list.is_array()) throw bad_data("privacy event: 'events' is not a list");
    std::vector<Event> events;
    for (const Json& child : list) events.push_back(parse_event(child, depth + 1));
    return Event::composed(std::move(events));
  }
  if (kind == "non_private") return Event::non_private();
  if (kind == "unsupported" && json.contains("what") && json["what"].is_string()) {
    return Event::unsupported(json["what"].get<std::string>());
  }
  return Event::unsupported(kind);
}

/// Sum of z^-2 over Gaussians of one batch; infinity if any is without noise.
struct OneBatch {
  double inverse_squares = 0;
  bool non_private = false;
  std::string unsupported;
};

void add_one_batch(const Event& event, double times, OneBatch& sum) {
  if (times == 0) return;
  switch (event.kind()) {
    case Event::Kind::kGaussian: {
      const double z = event.noise_multiplier();
      sum.inverse_squares += times / (z * z);
      return;
    }
    case Event::Kind::kSelfComposed:
      return add_one_batch(event.children()[0], times * static_cast<double>(event.count()), sum);
    case Event::Kind::kComposed:
      for (const Event& child : event.children()) add_one_batch(child, times, sum);
      return;
    case Event::Kind::kNonPrivate:
      sum.non_private = true;
      return;
    case Event::Kind::kPoissonSampled:
      sum.unsupported = "Poisson sampling inside of Poisson sampling";
      return;
    case Event::Kind::kUnsupported:
      sum.unsupported = event.what();
      return;
  }
}

void add_phase(FlatEvent& flat, const Phase& phase) {
  if (phase.steps == 0 || phase.sampling_rate == 0 || std::isinf(phase.noise_multiplier)) return;
  if (phase.noise_multiplier == 0) {
    flat.non_private = true;
    return;
  }
  for (Phase& known : flat.phases) {
    if (known.noise_multiplier != phase.noise_multiplier) continue;
    if (known.sampling_rate != phase.sampling_rate) continue;
    if (__builtin_add_overflow(known.steps, phase.steps, &known.steps)) {
      flat.unsupported = "more than 2^63 steps";
    }
    return;
  }
  flat.phases.push_back(phase);
}

void flatten_into(const Event& event, std::int64_t times, FlatEvent& flat) {
  if (times == 0) return;
  switch (event.kind()) {
    case Event::Kind::kGaussian:
      return add_phase(flat, {event.noise_multiplier(), 1.0, times});
    case Event::Kind::kPoissonSampled: {
      if (event.sampling_rate() == 0) return;
      OneBatch batch;
      add_one_batch(event.children()[0], 1, batch);
      if (!batch.unsupported.empty()) flat.unsupported = batch.unsupported;
      if (batch.non_private) flat.non_private = true;
      const Event& child = event.children()[0];
      const double z = child.kind() == Event::Kind::kGaussian
                           ? child.noise_multiplier()
                           : 1.0 / std::sqrt(batch.inverse_squares);
      return add_phase(flat, {z, event.sampling_rate(), times});
    }
    case Event::Kind::kSelfComposed: {
      std::int64_t product;
      if (__builtin_mul_overflow(times, event.count(), &product)) {
        flat.unsupported = "more than 2^63 steps";
        return;
      }
      return flatten_into(event.children()[0], product, flat);
    }
    case Event::Kind::kComposed:
      for (const Event& child : event.children()) flatten_into(child, times, flat);
      return;
    case Event::Kind::kNonPrivate:
      flat.non_private = true;
      return;
    case Event::Kind::kUnsupported:
      flat.unsupported = event.what().empty() ? "an event without a name" : event.what();
      return;
  }
}

}  // namespace

Event Event::from_json(const Json& json) {
  try {
    return parse_event(json, 0);
  } catch (const Error& e) {
    if (e.code() == ErrorCode::kBadData) throw;
    throw bad_data(std::string("privacy event: ") + e.what(), e.hint());
  }
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

std::int64_t FlatEvent::steps() const {
  std::int64_t sum = 0;
  for (const Phase& phase : phases) sum += phase.steps;
  return sum;
}

FlatEvent flatten(const Event& event) {
  FlatEvent flat;
  flatten_into(event, 1, flat);
  return flat;
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
