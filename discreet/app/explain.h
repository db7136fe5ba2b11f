#pragma once

#include <string>

#include "discreet/core/json.h"

namespace discreet::app {

/// What is registered under `kind`, or under every kind if it is empty, as rows
/// {"kind":…,"name":…,"summary":…}. Loads libdiscreet where the base does not know the kind.
/// Throws: kUsage for an unknown kind, naming the nearest.
Json list_entries(const std::string& kind);

/// Everything called `name`: an entry ("prv"), an entry of a kind ("accountant/prv"), a section
/// ("train") or one of its keys ("train.batch_size"). Each result has kind, name, summary, reference
/// and fields; a key has its type, default, bounds and unit. Loads libdiscreet only if the base has
/// nothing of that name. Throws: kUsage, naming the nearest.
Json explain(const std::string& name);

/// The same for all entries of all kinds but operations, in the order of kinds and names.
Json explain_all();

/// What `explain` gave, for a terminal and for docs/reference.md.
std::string explanation_as_text(const Json& results);
std::string explanation_as_markdown(const Json& results);

}  // namespace discreet::app
