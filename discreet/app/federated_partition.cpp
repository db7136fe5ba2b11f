#include "discreet/app/federated_partition.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "discreet/app/data_sets.h"
#include "discreet/app/run_data.h"
#include "discreet/core/files.h"
#include "discreet/core/progress.h"
#include "discreet/federated/partition_files.h"
#include "discreet/federated/partition_statistics.h"
#include "discreet/text/tokenizer.h"

namespace discreet::app {
namespace {

namespace fs = std::filesystem;
using federated::ClientPart;
using federated::Partition;
using federated::PartitionInput;

/// Examples of both parts, training first, with what names them.
struct DividedData {
  std::vector<text::Example> examples;
  std::int64_t train = 0;
  std::vector<core::InputFile> inputs;
};

bool is_hdf5_name(const fs::path& path) {
  return path.extension() == ".h5" || path.extension() == ".hdf5";
}

void read_part(const PartitionQuestion& question, const std::string& source, text::Split split,
               core::OperationContext& context, DividedData& data) {
  core::Progress progress({.label = "read", .unit = "examples", .quiet = context.quiet});
  text::ReaderOptions options = question.reader;
  if (!question.by.empty() && question.by != "user" && question.by != "label" &&
      !text::is_corpus_spec(source)) {
    options.group = {question.by};
  }
  const bool leaf = question.format.empty() && fs::path(source).extension() == ".json";
  const auto reader = open_data(source, split, leaf ? "leaf" : question.format, options);
  const std::size_t begin = data.examples.size();
  for (text::Example example; reader->next(example);) {
    data.examples.push_back(std::move(example));
    if (data.examples.size() % 1024 != 0) continue;
    progress.update(static_cast<std::int64_t>(data.examples.size()));
    if (context.stopping()) throw core::interrupted(context, "Nothing was written.");
  }
  if (data.examples.size() == begin) throw bad_data(source + ": there are no examples in it");
  const std::string role = split == text::Split::kTest ? "test" : "input";
  if (fs::exists(source)) {
    data.inputs.push_back(core::describe_input(role, source));
  } else {
    const std::vector<text::Example> part(data.examples.begin() + static_cast<std::ptrdiff_t>(begin),
                                          data.examples.end());
    data.inputs.push_back(
        {.role = role, .path = source, .bytes = 0, .sha256 = content_sha256(part)});
  }
}

/// The kinds of entity of a sentence, as FedNLP makes one label of a sequence of tags.
std::string entity_label(const std::vector<std::string>& tags) {
  static const std::set<std::string> kLeftOut = {
      "CARDINAL", "DATE",     "MONEY",       "QUANTITY", "ORDINAL",
      "TIME",     "LANGUAGE", "WORK_OF_ART", "LAW",      "PERCENT"};
  std::set<std::string> kinds;
  for (const std::string& tag : tags) {
    if (tag.size() < 3 || tag[1] != '-') continue;
    if (!kLeftOut.count(tag.substr(2))) kinds.insert(tag.substr(2));
  }
  std::string label;
  for (const std::string& kind : kinds) label += (label.empty() ? "" : "-") + kind;
  return label.empty() ? "NULL" : label;
}

void set_labels(const DividedData& data, const std::string& method, PartitionInput& input,
                std::vector<std::string>& notes) {
  std::vector<std::string> of;
  std::int64_t without = 0;
  std::int64_t first_line = 0;
  const bool tagged = std::any_of(data.examples.begin(), data.examples.end(),
                                  [](const text::Example& e) { return !e.tags.empty(); });
  const bool labelled = std::any_of(data.examples.begin(), data.examples.end(),
                                    [](const text::Example& e) { return !e.label.empty(); });
  if (!labelled && !tagged) return;
  for (const text::Example& example : data.examples) {
    of.push_back(labelled ? example.label : entity_label(example.tags));
    if (!of.back().empty()) continue;
    if (without++ == 0) first_line = example.line;
  }
  if (without > 0) {
    const std::string what = fmt::format("{} of {} examples have no label, the first in line {}",
                                         without, of.size(), first_line);
    if (method == "label-dirichlet") throw bad_data(what, "Give every example a label.");
    notes.push_back(what + ": labels are left out of account.");
    return;
  }
  if (!labelled) notes.push_back("The label of an example is the set of its kinds of entity.");
  std::map<std::string, std::int32_t> ids;
  for (const std::string& label : of) ids.emplace(label, 0);
  for (auto& [label, id] : ids) {
    id = static_cast<std::int32_t>(input.label_names.size());
    input.label_names.push_back(label);
  }
  for (const std::string& label : of) input.label.push_back(ids[label]);
}

std::string factor_of(const text::Example& example, const std::string& by) {
  if (by.empty() || by == "user") return example.user;
  if (by == "label") return example.label;
  if (const auto group = example.groups.find(by); group != example.groups.end()) {
    return group->second;
  }
  const auto extra = example.extra.find(by);
  return extra == example.extra.end() ? "" : extra->second;
}

void set_factor(const DividedData& data, const PartitionQuestion& question, PartitionInput& input) {
  for (const text::Example& example : data.examples) {
    input.factor.push_back(factor_of(example, question.by));
  }
  if (std::all_of(input.factor.begin(), input.factor.end(),
                  [](const std::string& value) { return value.empty(); })) {
    throw bad_data(fmt::format("{}: no example has a value for {}", question.input,
                               question.by.empty() ? "the user" : "'" + question.by + "'"),
                   "Name the column whose values are the clients with --by.");
  }
}

void set_features(DividedData& data, const PartitionQuestion& question, PartitionInput& input) {
  input.features = [&data, &question] {
    if (!question.embeddings.empty()) {
      data.inputs.push_back(core::describe_input("embeddings", question.embeddings));
      return federated::read_features(question.embeddings,
                                      static_cast<std::int64_t>(data.examples.size()));
    }
    const auto tokenizer = text::make_tokenizer("word");
    std::vector<std::vector<std::string>> words;
    for (text::Example example : data.examples) {
      text::tokenize_example(*tokenizer, example);
      words.push_back(std::move(example.words));
    }
    return federated::hashed_tf_idf(words);
  };
}

Json leaf_document(const DividedData& data, const Partition& partition,
                   std::vector<std::int64_t> ClientPart::*part) {
  Json document = {{"users", Json::array()}, {"num_samples", Json::array()},
                   {"user_data", Json::object()}};
  for (const ClientPart& client : partition.clients) {
    Json x = Json::array(), y = Json::array();
    for (const std::int64_t item : client.*part) {
      const text::Example& example = data.examples[static_cast<std::size_t>(item)];
      x.push_back(example.text);
      if (!example.label.empty() || example.tags.empty()) {
        y.push_back(example.label);
      } else {
        y.push_back(example.tags);
      }
    }
    document["users"].push_back(client.name);
    document["num_samples"].push_back(x.size());
    document["user_data"][client.name] = {{"x", std::move(x)}, {"y", std::move(y)}};
  }
  return document;
}

void write_leaf(const PartitionQuestion& question, const DividedData& data,
                const Partition& partition) {
  const fs::path path = question.leaf;
  core::write_file_atomically(path, leaf_document(data, partition, &ClientPart::train).dump());
  const bool tested = std::any_of(partition.clients.begin(), partition.clients.end(),
                                  [](const ClientPart& client) { return !client.test.empty(); });
  if (!tested) return;
  fs::path test = path;
  test.replace_filename(path.stem().string() + "-test" + path.extension().string());
  core::write_file_atomically(test, leaf_document(data, partition, &ClientPart::test).dump());
}

void check_question(const PartitionQuestion& question) {
  if (question.from.empty() == question.method.empty()) {
    throw usage_error("federated partition needs --method or --from, and not both",
                      "`discreet list partition` names the methods.");
  }
  if (question.input.empty() && question.from.empty()) {
    throw usage_error("federated partition needs --input", "Name a file, a data set or assistant.");
  }
  if (question.input.empty() && !question.leaf.empty()) {
    throw usage_error("--leaf writes the examples, so it needs --input");
  }
  if (!question.by.empty() && question.method != "natural") {
    throw usage_error(fmt::format("--by belongs to method natural, not to '{}'", question.method));
  }
  if (!question.embeddings.empty() && question.method != "cluster-dirichlet") {
    throw usage_error("--embeddings belongs to method cluster-dirichlet");
  }
  if (question.out.empty()) return;
  const fs::path out = question.out;
  if (!is_hdf5_name(out) && out.extension() != ".json") {
    throw usage_error(fmt::format("--out {}: the name does not say the form", question.out),
                      "End it in .h5 for FedNLP's form, or in .json.");
  }
}

Json configuration_of(const PartitionQuestion& question, const Partition& partition) {
  Json json = {{"method", partition.method}};
  if (!question.from.empty()) return json;
  const Json options = federated::partition_fields().dump(question.options);
  for (const auto& [key, value] : options.items()) {
    if (!federated::partition_uses(question.method, key)) continue;
    if (key == "test_share" && !question.test.empty()) continue;
    json[key] = value;
  }
  json["clients"] = partition.clients.size();
  if (!question.by.empty()) json["by"] = question.by;
  return json;
}

}  // namespace

Json partition_data(const PartitionQuestion& question, core::OperationContext& context) {
  check_question(question);
  DividedData data;
  if (!question.input.empty()) {
    read_part(question, question.input, text::Split::kTrain, context, data);
    data.train = static_cast<std::int64_t>(data.examples.size());
    if (!question.test.empty()) {
      read_part(question, question.test, text::Split::kTest, context, data);
    }
  }
  PartitionInput input;
  input.train = data.train;
  input.test = static_cast<std::int64_t>(data.examples.size()) - data.train;
  std::vector<std::string> notes;
  set_labels(data, question.method, input, notes);
  Partition partition;
  if (!question.from.empty()) {
    partition = federated::read_partition(question.from, question.from_name);
    data.inputs.push_back(core::describe_input("partition", question.from));
    federated::check_partition(
        partition, question.input.empty() ? federated::items_of(partition) : input.size(),
        question.from);
    if (!partition.cluster.empty() && std::ssize(partition.cluster) != federated::items_of(partition)) {
      throw bad_data(fmt::format("{}: {} examples have a cluster, {} are divided", question.from,
                                 partition.cluster.size(), federated::items_of(partition)));
    }
  } else {
    if (question.method == "natural") set_factor(data, question, input);
    set_features(data, question, input);
    partition = federated::make_partition(question.method, input, question.options);
  }

  const bool clusters = !partition.cluster.empty();
  const auto& strata = clusters ? partition.cluster : input.label;
  const federated::DistanceOptions distance_options{
      .log_base = question.log_base == 2 ? 2.0 : 2.718281828459045};
  const auto distances = federated::partition_distances(
      partition, strata,
      clusters ? static_cast<std::size_t>(partition.clusters) : input.label_names.size(),
      distance_options);

  Json document = core::make_document({.schema = "discreet.federated.partition/1",
                                       .configuration = configuration_of(question, partition),
                                       .inputs = data.inputs});
  Json statistics = federated::partition_statistics(partition, distances, !strata.empty());
  statistics["js_of"] = clusters ? "clusters" : "labels";
  statistics["js_log_base"] = question.log_base == 2 ? "2" : "e";
  if (strata.empty() && (!question.heat_map.empty())) {
    throw usage_error("--heat-map needs labels", "Name the labels' column with --label.");
  }
  document["n"] = question.input.empty() ? federated::items_of(partition) : input.size();
  document["labels"] = input.label_names;
  document["results"] = Json::array({statistics});
  document["clients"] = federated::clients_json(partition);
  document["left_out"] = partition.left_out;
  if (clusters) document["cluster"] = partition.cluster;
  for (const auto* list : {&notes, &partition.notes}) {
    for (const std::string& note : *list) document["caveats"].push_back(note);
  }
  core::validate_document(document, "the partition");

  if (!question.out.empty()) {
    if (is_hdf5_name(question.out)) {
      federated::write_fednlp_h5(question.out, partition, partition.alpha.value_or(question.options.alpha));
    } else {
      core::write_document(question.out, document);
    }
  }
  if (!question.leaf.empty()) write_leaf(question, data, partition);
  if (!question.heat_map.empty()) {
    core::write_file_atomically(
        question.heat_map,
        federated::distance_heat_map(partition, distances, distance_options.log_base));
  }
  if (!question.histogram.empty()) {
    core::write_file_atomically(question.histogram, federated::size_histogram(partition));
  }
  return document;
}

}  // namespace discreet::app
