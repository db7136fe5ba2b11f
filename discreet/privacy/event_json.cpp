#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/privacy/event.h"
#include "discreet/privacy/internal/event_node.h"

namespace discreet::privacy {
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

/// A number or "inf".
double event_real(const Json& json, const char* key) {
  const Json& value = event_member(json, key);
  return value.is_string() ? core::to_double(value) : event_number(json, key);
}

std::int64_t event_count(const Json& json, const char* key) {
  const Json& value = event_member(json, key);
  if (!value.is_number_integer()) {
    throw bad_data(fmt::format("privacy event: {} = {}: expected an integer", key, value.dump()));
  }
  return value.get<std::int64_t>();
}

std::string event_text(const Json& json, const char* key) {
  const Json& value = event_member(json, key);
  if (!value.is_string()) {
    throw bad_data(fmt::format("privacy event: {} = {}: expected a string", key, value.dump()));
  }
  return value.get<std::string>();
}

/// Kinds that hold one other event and the numbers of its sampling.
Event parse_around(const std::string& kind, const Json& json, Event inside) {
  if (kind == "poisson_sampled") {
    return Event::poisson_sampled(SamplingRate(event_number(json, "sampling_rate")),
                                  std::move(inside));
  }
  if (kind == "truncated_poisson_sampled") {
    return Event::truncated_poisson_sampled(SamplingRate(event_number(json, "sampling_rate")),
                                            event_count(json, "units"), event_count(json, "cap"),
                                            std::move(inside));
  }
  if (kind == "sampled_without_replacement") {
    return Event::sampled_without_replacement(event_count(json, "units"),
                                              event_count(json, "batch"), std::move(inside));
  }
  if (kind == "shuffled_epoch") return Event::shuffled_epoch(std::move(inside));
  if (kind == "repeat_and_select") {
    return Event::repeat_and_select({event_real(json, "shape"), event_number(json, "mean")},
                                    std::move(inside));
  }
  return Event::self_composed(std::move(inside), event_count(json, "count"));
}

bool holds_one(const std::string& kind) {
  for (const char* known : {"poisson_sampled", "truncated_poisson_sampled", "self_composed",
                            "sampled_without_replacement", "shuffled_epoch", "repeat_and_select"}) {
    if (kind == known) return true;
  }
  return false;
}

Event parse_leaf(const std::string& kind, const Json& json) {
  if (kind == "gaussian" || kind == "laplace") {
    const NoiseMultiplier z(event_number(json, "noise_multiplier"));
    return kind == "gaussian" ? Event::gaussian(z) : Event::laplace(z);
  }
  if (kind == "pure_dp") return Event::pure_dp(Epsilon(event_real(json, "epsilon")));
  if (kind == "matrix_mechanism") {
    return Event::matrix_mechanism(
        NoiseMultiplier(event_number(json, "noise_multiplier")),
        {event_text(json, "strategy"), event_count(json, "steps"),
         event_count(json, "participations"), event_count(json, "separation"),
         event_number(json, "sensitivity")});
  }
  if (kind == "cyclic_poisson_banded") {
    return Event::cyclic_poisson_banded(NoiseMultiplier(event_number(json, "noise_multiplier")),
                                        SamplingRate(event_number(json, "sampling_rate")),
                                        event_count(json, "steps"), event_count(json, "bands"));
  }
  if (kind == "non_private") return Event::non_private();
  if (kind == "unsupported" && json.contains("what") && json["what"].is_string()) {
    return Event::unsupported(json["what"].get<std::string>());
  }
  return Event::unsupported(kind);
}

Event parse_event(const Json& json, int depth) {
  if (depth > 64) throw bad_data("privacy event: nested more than 64 deep");
  if (!json.is_object() || !event_member(json, "kind").is_string()) {
    throw bad_data(fmt::format("privacy event: expected an object with a kind, got {}",
                               json.dump().substr(0, 80)));
  }
  const std::string kind = json["kind"];
  if (holds_one(kind)) {
    return parse_around(kind, json, parse_event(event_member(json, "event"), depth + 1));
  }
  if (kind == "composed") {
    const Json& list = event_member(json, "events");
    if (!list.is_array()) throw bad_data("privacy event: 'events' is not a list");
    std::vector<Event> events;
    for (const Json& child : list) events.push_back(parse_event(child, depth + 1));
    return Event::composed(std::move(events));
  }
  return parse_leaf(kind, json);
}

}  // namespace

Json Event::to_json() const {
  const Node& n = *node_;
  Json json{{"kind", name(n.kind)}};
  switch (n.kind) {
    case Kind::kGaussian:
    case Kind::kLaplace:
      json["noise_multiplier"] = n.number;
      break;
    case Kind::kPureDp:
      json["epsilon"] = core::number(n.number);
      break;
    case Kind::kPoissonSampled:
      json["sampling_rate"] = n.number;
      break;
    case Kind::kTruncatedPoissonSampled:
      json.update({{"sampling_rate", n.number}, {"units", n.units}, {"cap", n.batch}});
      break;
    case Kind::kSampledWithoutReplacement:
      json.update({{"units", n.units}, {"batch", n.batch}});
      break;
    case Kind::kMatrixMechanism:
      json.update({{"noise_multiplier", n.number},
                   {"strategy", n.provenance.strategy},
                   {"steps", n.provenance.steps},
                   {"participations", n.provenance.participations},
                   {"separation", n.provenance.separation},
                   {"sensitivity", n.provenance.sensitivity}});
      break;
    case Kind::kCyclicPoissonBanded:
      json.update({{"noise_multiplier", n.number},
                   {"sampling_rate", n.rate},
                   {"steps", n.count},
                   {"bands", n.units}});
      break;
    case Kind::kRepeatAndSelect:
      json.update({{"shape", core::number(n.runs.shape)}, {"mean", n.runs.mean}});
      break;
    case Kind::kSelfComposed:
      json["count"] = n.count;
      break;
    case Kind::kComposed: {
      Json events = Json::array();
      for (const Event& child : n.children) events.push_back(child.to_json());
      json["events"] = std::move(events);
      return json;
    }
    case Kind::kUnsupported:
      json["what"] = n.what;
      break;
    case Kind::kShuffledEpoch:
    case Kind::kNonPrivate:
      break;
  }
  if (!n.children.empty()) json["event"] = n.children[0].to_json();
  return json;
}

Event Event::from_json(const Json& json) {
  try {
    return parse_event(json, 0);
  } catch (const Error& e) {
    if (e.code() == ErrorCode::kBadData) throw;
    throw bad_data(std::string("privacy event: ") + e.what(), e.hint());
  }
}

}  // namespace discreet::privacy
