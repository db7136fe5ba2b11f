#include "discreet/privacy/types.h"

#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "discreet/core/error.h"

namespace discreet::privacy {
namespace {

constexpr std::pair<Unit, std::string_view> kUnits[] = {{Unit::kExample, "example"},
                                                        {Unit::kUser, "user"}};
constexpr std::pair<Relation, std::string_view> kRelations[] = {
    {Relation::kAddOrRemoveOne, "add_or_remove_one"},
    {Relation::kZeroOut, "zero_out"},
    {Relation::kReplaceOne, "replace_one"}};
constexpr std::pair<Sampling, std::string_view> kSamplings[] = {
    {Sampling::kPoisson, "poisson"},
    {Sampling::kFullBatch, "full_batch"},
    {Sampling::kShuffled, "shuffled"},
    {Sampling::kFixedOrder, "fixed_order"},
    {Sampling::kCyclicPoisson, "cyclic_poisson"},
    {Sampling::kTruncatedPoisson, "truncated_poisson"},
    {Sampling::kWithoutReplacement, "without_replacement"}};

template <class Table, class Value>
std::string_view name_in(const Table& table, Value value) {
  for (const auto& [known, text] : table) {
    if (known == value) return text;
  }
  throw internal_error("a privacy enumeration holds a value without a name");
}

template <class Table>
auto value_in(const Table& table, const char* what, const std::string& name) {
  std::string names;
  for (const auto& [value, text] : table) {
    if (text == name) return value;
    names += (names.empty() ? "" : ", ") + std::string(text);
  }
  throw usage_error(fmt::format("{} '{}' is not known", what, name), "One of: " + names + ".");
}

}  // namespace

namespace internal {

double checked(double value, const Interval& interval) {
  const bool low = interval.above_min ? value > interval.min : value >= interval.min;
  const bool high = interval.below_max ? value < interval.max : value <= interval.max;
  if (low && high) return value;
  throw usage_error(fmt::format("{} = {}: expected a number in {}{}, {}{}", interval.name, value,
                                interval.above_min ? '(' : '[', interval.min, interval.max,
                                interval.below_max ? ')' : ']'));
}

}  // namespace internal

std::string_view name(Unit unit) { return name_in(kUnits, unit); }
std::string_view name(Relation relation) { return name_in(kRelations, relation); }
std::string_view name(Sampling sampling) { return name_in(kSamplings, sampling); }
Unit unit_of(const std::string& name) { return value_in(kUnits, "unit", name); }
Relation relation_of(const std::string& name) { return value_in(kRelations, "relation", name); }
Sampling sampling_of(const std::string& name) { return value_in(kSamplings, "sampling", name); }

double sensitivity_factor(Relation relation) { return relation == Relation::kReplaceOne ? 2 : 1; }

}  // namespace discreet::privacy
