#include "discreet/app/correlate.h"

#include <algorithm>

#include <fmt/format.h>

#include "discreet/app/table.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/stats/correlation.h"
#include "discreet/stats/corrections.h"

namespace discreet::app {
namespace {

constexpr std::uint64_t kLeastForVerdict = 30;

using ColumnPairs = std::vector<std::pair<std::string, std::string>>;

/// The columns to read: those asked for, or all.
std::vector<std::string> columns_of(const std::filesystem::path& path, const CorrelateQuestion& question) {
  if (question.x.empty() != question.y.empty()) {
    throw usage_error("--x and --y go together", "Leave both out to correlate every column with every other.");
  }
  std::vector<std::string> names = question.x.empty() ? table_columns(path) : question.x;
  names.insert(names.end(), question.y.begin(), question.y.end());
  names.insert(names.end(), question.flip.begin(), question.flip.end());
  std::vector<std::string> distinct;
  for (const std::string& name : names) {
    if (std::find(distinct.begin(), distinct.end(), name) == distinct.end()) distinct.push_back(name);
  }
  return distinct;
}

/// Empty cells aside, a column of numbers; names of models are none.
bool is_numeric(const Table& table, const std::string& name) {
  bool any = false;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (table.column(name)[row].empty()) continue;
    if (!table.is_number(row, name)) return false;
    any = true;
  }
  return any;
}

ColumnPairs pairs_of(const Table& table, const CorrelateQuestion& question) {
  ColumnPairs pairs;
  for (const std::string& x : question.x) {
    for (const std::string& y : question.y) pairs.emplace_back(x, y);
  }
  if (!question.x.empty()) return pairs;
  std::vector<std::string> numeric;
  for (const std::string& name : table.names) {
    if (is_numeric(table, name)) numeric.push_back(name);
  }
  for (std::size_t i = 0; i < numeric.size(); ++i) {
    for (std::size_t j = i + 1; j < numeric.size(); ++j) pairs.emplace_back(numeric[i], numeric[j]);
  }
  if (pairs.empty()) throw bad_data(table.path + ": fewer than two columns of numbers", "Name columns with --x and --y.");
  return pairs;
}

void put(Json& result, const char* key, const std::optional<double>& value, const std::string& reason) {
  if (value) result[key] = *value;
  else core::set_absent(result, key, reason);
}

}  // namespace

Json correlations_of_table(const std::filesystem::path& path, const CorrelateQuestion& question) {
  const Table table = read_table(path, columns_of(path, question));
  const ColumnPairs pairs = pairs_of(table, question);
  const auto sign_of = [&](const std::string& name) {
    return std::find(question.flip.begin(), question.flip.end(), name) == question.flip.end() ? 1.0 : -1.0;
  };

  core::DocumentStart start;
  start.schema = "discreet.fairness.correlate/1";
  start.configuration = {{"x", question.x}, {"y", question.y}, {"flip", question.flip}, {"confidence", question.confidence}};
  start.inputs = {core::describe_input("table", path)};
  Json document = core::make_document(start);
  std::vector<double> p_values;
  std::vector<std::size_t> tested;
  std::uint64_t least = table.rows();
  for (const auto& [x, y] : pairs) {
    std::vector<double> a, b;
    for (std::size_t row = 0; row < table.rows(); ++row) {
      if (table.column(x)[row].empty() || table.column(y)[row].empty()) continue;
      a.push_back(sign_of(x) * table.number(row, x));
      b.push_back(sign_of(y) * table.number(row, y));
    }
    const stats::Correlation found = stats::correlate(a, b, question.confidence);
    least = std::min(least, found.n);
    Json result = {{"x", x}, {"y", y}};
    put(result, "pearson", found.pearson, found.reason);
    put(result, "spearman", found.spearman, found.reason);
    put(result, "kendall_b", found.kendall_b, found.reason);
    result["n"] = found.n;
    result["left_out"] = table.rows() - a.size();
    Json ci = Json::object(), p = Json::object();
    if (found.pearson_ci) ci["pearson"] = {found.pearson_ci->low, found.pearson_ci->high};
    if (found.spearman_ci) ci["spearman"] = {found.spearman_ci->low, found.spearman_ci->high};
    if (found.pearson_p) p["pearson"] = *found.pearson_p;
    if (found.spearman_p) p["spearman"] = *found.spearman_p;
    if (found.kendall_p) p["kendall_b"] = *found.kendall_p;
    result["ci"] = ci;
    result["p"] = p;
    if (found.pearson_p) {
      tested.push_back(document["results"].size());
      p_values.push_back(*found.pearson_p);
    }
    document["results"].push_back(std::move(result));
  }
  const std::vector<double> corrected = stats::holm(p_values);
  for (std::size_t i = 0; i < tested.size(); ++i) document["results"][tested[i]]["p"]["pearson_holm"] = corrected[i];
  document["caveats"] = {
      "p-values are for no association, two-sided; pearson_holm is corrected for all pairs of this document.",
      "A correlation over models says how metrics go together over these models alone; models of one family are not independent."};
  if (least < kLeastForVerdict) {
    document["caveats"].push_back(fmt::format(
        "With {} rows a true correlation of .3 is missed more often than not: the absence of one cannot be concluded below {} rows, "
        "and hardly there.",
        least, kLeastForVerdict));
  }
  return document;
}

}  // namespace discreet::app
