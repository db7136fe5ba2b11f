#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "discreet/app/internal/document_stream.h"
#include "discreet/app/outcome_files.h"
#include "discreet/app/table.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/mitigate/outcomes/reweighing.h"

namespace discreet::app {
namespace {

namespace fs = std::filesystem;

/// Names as numbers, in alphabetical order.
struct NamedClasses {
  std::vector<std::string> names;
  std::vector<std::uint32_t> numbers;
};

NamedClasses numbered(const std::vector<std::string>& cells) {
  NamedClasses classes;
  std::map<std::string, std::uint32_t> index;
  for (const std::string& cell : cells) index.emplace(cell, 0);
  for (auto& [name, number] : index) {
    number = static_cast<std::uint32_t>(classes.names.size());
    classes.names.push_back(name);
  }
  for (const std::string& cell : cells) classes.numbers.push_back(index.at(cell));
  return classes;
}

/// The row with one more cell.
std::string with_cell(std::string_view line, const std::string& kind, const std::string& name, const std::string& value) {
  if (kind == ".csv" || kind == ".tsv") return fmt::format("{}{}{}", line, kind == ".csv" ? ',' : '\t', value);
  const std::size_t end = line.rfind('}');
  const std::size_t last = line.find_last_not_of(" \t", end - 1);
  return fmt::format("{}{}\"{}\": {}}}", line.substr(0, last + 1), line[last] == '{' ? "" : ", ", name, value);
}

double phi_squared(const NamedClasses& group, const NamedClasses& label) {
  const auto n = static_cast<double>(group.numbers.size());
  std::vector<double> cells(group.names.size() * label.names.size(), 0), g(group.names.size(), 0), y(label.names.size(), 0);
  for (std::size_t i = 0; i < group.numbers.size(); ++i) {
    cells[group.numbers[i] * y.size() + label.numbers[i]] += 1 / n;
    g[group.numbers[i]] += 1 / n;
    y[label.numbers[i]] += 1 / n;
  }
  double sum = 0;
  for (std::size_t a = 0; a < g.size(); ++a) {
    for (std::size_t b = 0; b < y.size(); ++b) sum += std::pow(cells[a * y.size() + b] - g[a] * y[b], 2) / (g[a] * y[b]);
  }
  return sum;
}

}  // namespace

Json reweigh_file(const ReweighRequest& request) {
  if (request.group.empty()) throw usage_error("mitigate reweigh needs --group", "Name one or more columns: --group g,h");
  internal::refuse_input_as_output({request.input}, request.output);
  const std::vector<std::string> known = table_columns(request.input);
  if (std::find(known.begin(), known.end(), request.column) != known.end()) {
    throw usage_error(fmt::format("{} has a column '{}' already", request.input.string(), request.column), "Choose another with --column.");
  }
  std::vector<std::string> names = {request.label};
  names.insert(names.end(), request.group.begin(), request.group.end());
  const Table table = read_table(request.input, names);
  if (table.rows() == 0) throw bad_data(request.input.string() + ": no rows");
  std::vector<std::string> keys;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    std::string key;
    for (const std::string& name : names) {
      const std::string& cell = table.column(name)[row];
      if (cell.empty()) throw bad_data(fmt::format("{}: no value in column '{}'", table.where(row), name));
      if (name != request.label) key += (key.empty() ? "" : " & ") + cell;
    }
    keys.push_back(key);
  }
  const NamedClasses group = numbered(keys), label = numbered(table.column(request.label));
  const mitigate::Reweighing weights = mitigate::reweigh(group.numbers, group.names.size(), label.numbers, label.names.size());

  const std::string kind = row_kind(request.input);
  {
    internal::BlockFile file(request.output);
    std::size_t row = 0;
    // No column is changed: the lines come as they are.
    internal::stream_documents(
        request.input, {request.label},
        {.document =
             [&](const internal::StreamedDocument& line, const internal::DocumentChange&) {
               file.buffer += with_cell(line.text, kind, request.column,
                                        fmt::format("{}", weights.weight(group.numbers.at(row), label.numbers.at(row))));
               file.buffer += line.ending;
               file.flush_if_full();
               ++row;
             },
         .header =
             [&](const internal::StreamedDocument& line) {
               file.buffer += with_cell(line.text, kind, request.column, request.column);
               file.buffer += line.ending;
             },
         .other = [&](std::string_view bytes) { file.buffer += bytes; }});
    file.finish();
  }

  Json document = core::make_document({.schema = "discreet.mitigate.reweigh/1",
                                       .configuration = {{"label", request.label}, {"group", request.group}, {"column", request.column}},
                                       .inputs = {core::describe_input("input", request.input)}});
  document["n"] = table.rows();
  document["weights"] = Json::array();
  for (std::uint32_t g = 0; g < group.names.size(); ++g) {
    for (std::uint32_t y = 0; y < label.names.size(); ++y) {
      const bool empty = std::any_of(weights.empty.begin(), weights.empty.end(),
                                     [&](const mitigate::EmptyCell& cell) { return cell.group == g && cell.label == y; });
      Json cell = {{"group", group.names[g]}, {"label", label.names[y]}};
      if (empty) core::set_absent(cell, "weight", "no row has this group and label");
      else cell["weight"] = weights.weight(g, y);
      document["weights"].push_back(cell);
    }
  }
  document["results"] = {{{"metric", "dependence_before"}, {"value", phi_squared(group, label)}, {"n", table.rows()}}};
  document["caveats"] = {"dependence_before is the chi-squared statistic over n: 0 where label and group are independent.",
                         "Weights make label and group independent in the training rows, not in what a model predicts.",
                         "Weights are made from counts over all rows: a private run refuses them."};
  if (!weights.empty.empty()) {
    document["caveats"].push_back(fmt::format("{} cells of group and label are empty: no weight makes the two independent.", weights.empty.size()));
  }
  document["output"] = core::to_json(core::describe_input("output", request.output));
  return document;
}

}  // namespace discreet::app
