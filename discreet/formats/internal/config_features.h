#pragma once

#include <string>

#include "discreet/core/error.h"
#include "discreet/core/json.h"
#include "discreet/formats/internal/json_fields.h"
#include "discreet/formats/pretrained_config.h"

// What a config.json may ask for that we lack, and what of it changes nothing.
namespace discreet::formats::internal {

/// "ORIGIN: KEY = VALUE is not supported: WHY", bad data.
Error unsupported(const std::string& origin, const std::string& key, const Json& value,
                  const std::string& why);

/// Nothing, false, zero or empty: what a feature is that is switched off.
bool is_off(const Json& value);

/// Throws `unsupported` for what no form here has.
void refuse_common(JsonFieldReader& fields);
/// The same for what this form lacks; skips what it ignores.
void refuse_of_form(JsonFieldReader& fields, ModelForm form);

/// Skips keys that change nothing that is computed here: how a run was started, what a call returns, how
/// memory is used, how weights were first drawn, and defaults of generation, which generation_config.h
/// reads.
void skip_harmless(JsonFieldReader& fields);

}  // namespace discreet::formats::internal
