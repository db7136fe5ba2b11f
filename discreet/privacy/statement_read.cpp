#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/privacy/statement.h"

namespace discreet::privacy {
namespace {

const Json& statement_member(const Json& document, const char* key) {
  if (!document.is_object() || !document.contains(key)) {
    throw bad_data(fmt::format("privacy document: '{}' is missing", key));
  }
  return document[key];
}

std::string statement_text(const Json& document, const char* key) {
  const Json& value = statement_member(document, key);
  if (!value.is_string()) {
    throw bad_data(fmt::format("privacy document: {} = {}: expected a string", key, value.dump()));
  }
  return value.get<std::string>();
}

double statement_number(const Json& document, const char* key) {
  const Json& value = statement_member(document, key);
  if (!value.is_number()) {
    throw bad_data(fmt::format("privacy document: {} = {}: expected a number", key, value.dump()));
  }
  return value.get<double>();
}

std::optional<double> statement_optional(const Json& document, const char* key) {
  if (!document.contains(key) || document[key].is_null()) return std::nullopt;
  return statement_number(document, key);
}

std::vector<Phase> statement_phases(const Json& list) {
  if (!list.is_array()) throw bad_data("privacy document: phases is not a list");
  std::vector<Phase> phases;
  for (const Json& row : list) {
    phases.push_back({statement_number(row, "noise_multiplier"),
                      statement_number(row, "sampling_rate"),
                      static_cast<std::int64_t>(statement_number(row, "steps"))});
  }
  return phases;
}

}  // namespace

PrivacyRun privacy_run_of(const Json& document) {
  PrivacyRun run;
  if (statement_text(document, "schema") != "discreet.privacy/1") {
    throw bad_data("privacy document: schema is " + document["schema"].dump() +
                   ", expected \"discreet.privacy/1\"");
  }
  try {
    run.unit = unit_of(statement_text(document, "unit"));
    run.relation = relation_of(statement_text(document, "relation"));
    run.sampling = sampling_of(statement_text(document, "sampling"));
  } catch (const Error& e) {
    throw bad_data(std::string("privacy document: ") + e.what(), e.hint());
  }
  run.mechanism = statement_text(document, "mechanism");
  run.clipping = statement_text(document, "clipping");
  if (document.contains("details")) run.details = statement_text(document, "details");
  run.accountant = statement_text(document, "accountant");
  run.delta = statement_number(document, "delta");
  run.phases = statement_phases(statement_member(document, "phases"));
  if (document.contains("matrix")) {
    const Json& matrix = document["matrix"];
    run.steps = static_cast<std::int64_t>(statement_number(document, "steps"));
    run.matrix = {.strategy = statement_text(matrix, "strategy"),
                  .memory = static_cast<std::int64_t>(statement_number(matrix, "memory")),
                  .participations = static_cast<std::int64_t>(statement_number(matrix, "participations")),
                  .separation = static_cast<std::int64_t>(statement_number(matrix, "separation")),
                  .prefix_noise = core::to_double(statement_member(matrix, "prefix_noise")),
                  .independent_prefix_noise =
                      core::to_double(statement_member(matrix, "independent_prefix_noise")),
                  .draws_per_step = statement_number(matrix, "draws_per_step")};
  }
  if (document.value("whole_event", false)) {
    run.event = Event::from_json(statement_member(document, "event"));
  }
  run.clip_norm = statement_optional(document, "clip_norm").value_or(0);
  if (const auto units = statement_optional(document, "units")) {
    run.units = static_cast<std::uint64_t>(*units);
  }
  run.expected_batch_size = statement_optional(document, "expected_batch_size");
  if (const auto parameters = statement_optional(document, "parameters")) {
    run.parameters = static_cast<std::uint64_t>(*parameters);
  }
  run.target_epsilon = statement_optional(document, "target_epsilon");
  if (document.contains("as_published")) {
    run.phases_as_published =
        statement_phases(statement_member(document["as_published"], "phases"));
  }
  const Json& flags = statement_member(document, "assumptions");
  const auto flag = [&](const char* key) {
    const Json& value = statement_member(flags, key);
    if (!value.is_boolean()) {
      throw bad_data(fmt::format("privacy document: assumptions.{}: expected true or false", key));
    }
    return value.get<bool>();
  };
  run.insecure_seed = flag("insecure_seed");
  run.floating_point_protection = flag("floating_point_protection");
  run.vocabulary_from_private_text = flag("vocabulary_from_private_text");
  run.labels_from_private_text = flag("labels_from_private_text");
  run.development_data_private = flag("development_data_private");
  // Documents from before data.dev_public do not have it.
  run.development_data_public =
      flags.contains("development_data_public") && flag("development_data_public");
  run.tuned_on_same_data = flag("tuned_on_same_data");
  run.has_user_column = flag("has_user_column");
  run.user_contributions_capped = flag("user_contributions_capped");
  if (flags.contains("processes")) {
    run.processes = statement_member(flags["processes"], "size").get<std::uint64_t>();
  }
  if (flags.contains("gaps") && flags["gaps"].is_string()) {
    run.gaps = flags["gaps"].get<std::string>();
  }
  return run;
}

}  // namespace discreet::privacy
