#pragma once

#include <functional>
#include <string>
#include <vector>

#include "discreet/core/json.h"

namespace discreet::core {

/// Finds the schema that `$ref` names by file ("common.json"); null if there is none.
using SchemaLookup = std::function<const Json*(const std::string& file)>;

/// Everything in which `value` departs from `schema`, each as "results/0/epsilon: expected number,
/// got "x""; empty if nothing.
///
/// Knows this part of JSON Schema draft 7: type, enum, const, minimum, maximum, exclusiveMinimum,
/// exclusiveMaximum, minLength, maxLength, pattern (ECMAScript, unanchored), items (one schema),
/// minItems, maxItems, properties, required, additionalProperties, patternProperties,
/// minProperties, maxProperties, anyOf, oneOf, allOf, not, $ref to "#/definitions/x" and
/// "file.json#/definitions/x"; and what only annotates. Throws: kInternal for any other keyword, so
/// that no rule is silently ignored.
std::vector<std::string> schema_problems(const Json& schema, const Json& value,
                                         const SchemaLookup& lookup = {});

}  // namespace discreet::core
