#include "discreet/app/data_sets.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>

#include "discreet/core/error.h"
#include "discreet/core/fields.h"
#include "discreet/text/built_in_columns.h"

namespace discreet::app {

/// discreet/app/data_catalogue.json, put in by the build.
extern const char* const kDataCatalogue;

namespace {

text::ReaderOptions reader_options(const Json& options) {
  core::Config config;
  config.add_toml_text(core::to_toml({{"data", options}}), "data_catalogue.json");
  return text::reader_fields().parse(config);
}

std::vector<DataSet> parse_catalogue() {
  std::vector<DataSet> sets;
  const Json catalogue = Json::parse(kDataCatalogue);
  for (const Json& entry : catalogue.at("data_sets")) {
    DataSet set{.name = entry.at("name"),
                .summary = entry.at("summary"),
                .origin = entry.at("origin"),
                .revision = entry.at("revision"),
                .licence = entry.at("licence"),
                .note = entry.value("note", ""),
                .format = entry.value("format", "")};
    if (entry.contains("options")) set.options = reader_options(entry["options"]);
    if (entry.contains("splits")) set.splits = entry["splits"];
    for (const Json& file : entry.at("files")) {
      const std::string at = file.value("at", "");
      set.files.push_back({.path = file.at("path"),
                           .bytes = file.at("bytes"),
                           .sha256 = file.at("sha256"),
                           .url = at.empty() ? "" : entry.at("address").get<std::string>() + at});
    }
    sets.push_back(std::move(set));
  }
  return sets;
}

std::vector<std::string> data_set_names() {
  std::vector<std::string> names = {"assistant", "biographies", "questions", "details"};
  for (const DataSet& set : data_catalogue()) names.push_back(set.name);
  return names;
}

// What the caller set wins; what it left open comes from the catalogue.
text::ReaderOptions merged_columns(text::ReaderOptions options,
                                   const text::ReaderOptions& defaults) {
  const text::ReaderOptions untouched;
  const auto fill = [&](auto member) {
    if (options.*member == untouched.*member) options.*member = defaults.*member;
  };
  fill(&text::ReaderOptions::text);
  fill(&text::ReaderOptions::label);
  fill(&text::ReaderOptions::slots);
  fill(&text::ReaderOptions::user);
  fill(&text::ReaderOptions::group);
  fill(&text::ReaderOptions::encoding);
  fill(&text::ReaderOptions::header);
  fill(&text::ReaderOptions::quotes);
  fill(&text::ReaderOptions::question);
  fill(&text::ReaderOptions::answers);
  fill(&text::ReaderOptions::coarse);
  return options;
}

/// Whether the name of a built-in corpus names its split.
bool says_split(const std::string& source) {
  return source.find(":split=") != std::string::npos || source.find(",split=") != std::string::npos;
}

/// "rows.csv?split=train": the path, and what to keep of it.
std::string without_filter(const std::string& source, DataSource& found) {
  const std::size_t mark = source.rfind('?');
  const std::size_t equals = mark == std::string::npos ? mark : source.find('=', mark);
  if (equals == std::string::npos) return source;
  found.column = source.substr(mark + 1, equals - mark - 1);
  found.value = source.substr(equals + 1);
  return source.substr(0, mark);
}

/// Keeps the examples with one value in a column.
class FilteredReader final : public text::Reader {
 public:
  FilteredReader(std::unique_ptr<text::Reader> reader, std::string column, std::string value)
      : reader_(std::move(reader)), column_(std::move(column)), value_(std::move(value)) {}

  bool next(text::Example& example) override {
    while (reader_->next(example)) {
      const auto extra = example.extra.find(column_), group = example.groups.find(column_);
      const bool in_extra = extra != example.extra.end();
      if (!in_extra && group == example.groups.end()) {
        throw bad_data(fmt::format("line {}: no column '{}' to choose rows by", example.line, column_),
                       "A column that holds text, label or user cannot be chosen by.");
      }
      if ((in_extra ? extra->second : group->second) == value_) return true;
    }
    return false;
  }

 private:
  std::unique_ptr<text::Reader> reader_;
  std::string column_, value_;
};

DataSource known_source(const DataSet& set, const std::string& asked) {
  DataSource found{.kind = DataSource::Kind::kKnown, .data_set = &set};
  const std::string path = without_filter(asked, found);
  const auto full = data_cache() / set.name / path;
  if (!std::filesystem::exists(full)) {
    throw bad_data(fmt::format("data set '{}': {} is not there", set.name, full.string()),
                   fmt::format("Run `discreet data get {}`{}.", set.name,
                               set.note.empty() ? "" : " with --mirror"));
  }
  found.path = full;
  return found;
}

}  // namespace

std::uint64_t DataSet::bytes() const {
  std::uint64_t total = 0;
  for (const DataFile& file : files) total += file.bytes;
  return total;
}

const std::vector<DataSet>& data_catalogue() {
  static const std::vector<DataSet> sets = parse_catalogue();
  return sets;
}

const DataSet* find_data_set(const std::string& name) {
  for (const DataSet& set : data_catalogue()) {
    if (set.name == name) return &set;
  }
  return nullptr;
}

const DataSet& data_set(const std::string& name) {
  if (const DataSet* set = find_data_set(name)) return *set;
  const auto near = core::nearest(name, data_set_names());
  throw usage_error(
      fmt::format("no data set is called '{}'", name),
      near ? fmt::format("Did you mean '{}'?", *near) : "`discreet data list` names them all.");
}

std::filesystem::path data_cache() {
  const char* cache = std::getenv("DISCREET_CACHE");
  return std::filesystem::path(cache != nullptr && *cache != '\0' ? cache : "cache") / "data";
}

DataSource resolve_data(const std::string& source, text::Split split) {
  if (text::is_corpus_spec(source)) {
    DataSource found{.kind = DataSource::Kind::kCorpus, .corpus = text::parse_corpus_spec(source)};
    if (!says_split(source)) found.corpus.split = split;
    return found;
  }
  if (text::is_question_spec(source)) {
    DataSource found{.kind = DataSource::Kind::kQuestions, .questions = text::parse_question_spec(source)};
    if (!says_split(source)) found.questions.split = split;
    return found;
  }
  if (text::is_detail_spec(source)) {
    DataSource found{.kind = DataSource::Kind::kDetails, .details = text::parse_detail_spec(source)};
    if (!says_split(source)) found.details.split = split;
    return found;
  }
  if (text::is_biography_spec(source)) {
    DataSource found{.kind = DataSource::Kind::kBiographies, .biographies = text::parse_biography_spec(source)};
    if (!says_split(source)) found.biographies.split = split;
    return found;
  }
  // A path that exists means itself, whatever it is called.
  if (std::filesystem::exists(source)) return {.kind = DataSource::Kind::kFile, .path = source};
  DataSource chosen{.kind = DataSource::Kind::kFile};
  chosen.path = without_filter(source, chosen);
  if (!chosen.column.empty() && std::filesystem::exists(chosen.path)) return chosen;
  const std::size_t end = source.find_first_of(":/");
  const std::string name = source.substr(0, end);
  const std::string rest = end == std::string::npos ? "" : source.substr(end + 1);
  const DataSet* set = find_data_set(name);
  if (set == nullptr) {
    // What lies beside the data sets without being one: models.
    const std::filesystem::path beside = data_cache() / source;
    if (end != std::string::npos && std::filesystem::exists(beside)) {
      return {.kind = DataSource::Kind::kFile, .path = beside};
    }
    const auto near = core::nearest(name, data_set_names());
    throw usage_error(
        fmt::format("data '{}': no such file or folder, and no known data set", source),
        near ? fmt::format("Did you mean '{}'?", *near)
             : "`discreet data list` names the data sets; `assistant` is built in.");
  }
  if (end != std::string::npos && source[end] == '/') return known_source(*set, rest);
  const std::string wanted = rest.empty() ? text::to_string(split) : rest;
  const auto found = set->splits.find(wanted);
  if (found == set->splits.end()) {
    std::vector<std::string> splits;
    for (const auto& [known, path] : set->splits) splits.push_back(known);
    throw usage_error(fmt::format("data set '{}' has no split '{}'", name, wanted),
                      splits.empty()
                          ? fmt::format("Name one of its files: {}/{}", name, set->files[0].path)
                          : fmt::format("It has: {}.", fmt::join(splits, ", ")));
  }
  return known_source(*set, found->second);
}

std::unique_ptr<text::Reader> open_data(const std::string& source, text::Split split,
                                        const std::string& format,
                                        const text::ReaderOptions& options) {
  const DataSource found = resolve_data(source, split);
  const auto chosen = [&](std::unique_ptr<text::Reader> reader) -> std::unique_ptr<text::Reader> {
    if (found.column.empty()) return reader;
    return std::make_unique<FilteredReader>(std::move(reader), found.column, found.value);
  };
  switch (found.kind) {
    case DataSource::Kind::kCorpus:
      return text::with_columns(text::make_corpus_reader(found.corpus), options);
    case DataSource::Kind::kQuestions:
      return text::with_columns(text::make_question_reader(found.questions), options);
    case DataSource::Kind::kDetails:
      return text::with_columns(text::make_detail_reader(found.details), options);
    case DataSource::Kind::kBiographies:
      return text::with_columns(text::make_biography_reader(found.biographies), options);
    case DataSource::Kind::kFile:
      return chosen(text::make_reader(format, found.path, options));
    default:
      return chosen(text::make_reader(format.empty() ? found.data_set->format : format, found.path,
                                      merged_columns(options, found.data_set->options)));
  }
}

Json describe_data_set(const DataSet& set) {
  const auto folder = data_cache() / set.name;
  std::size_t present = 0, with_url = 0;
  Json files = Json::array();
  for (const DataFile& file : set.files) {
    std::error_code ignored;
    present += std::filesystem::file_size(folder / file.path, ignored) == file.bytes && !ignored;
    with_url += !file.url.empty();
    Json entry = {{"path", file.path}, {"bytes", file.bytes}, {"sha256", file.sha256}};
    if (!file.url.empty()) entry["url"] = file.url;
    files.push_back(std::move(entry));
  }
  Json splits = Json::object();
  for (const auto& [split, path] : set.splits) splits[split] = path;
  return {{"name", set.name},
          {"summary", set.summary},
          {"origin", set.origin},
          {"revision", set.revision},
          {"licence", set.licence},
          {"note", set.note},
          {"bytes", set.bytes()},
          {"splits", splits},
          {"needs_mirror", with_url < set.files.size()},
          {"cached", present == set.files.size()},
          {"files", files}};
}

Json list_data() {
  Json results = Json::array();
  results.push_back({{"name", "assistant"},
                     {"summary", "The built-in corpus: utterances to a home assistant"},
                     {"origin", "generated"},
                     {"revision", ""},
                     {"licence", "as the program"},
                     {"note", ""},
                     {"bytes", 0},
                     {"splits", {{"train", ""}, {"dev", ""}, {"test", ""}}},
                     {"needs_mirror", false},
                     {"cached", true},
                     {"files", Json::array()}});
  results.push_back(results.back());
  results.back()["name"] = "questions";
  results.back()["summary"] = "Built-in paragraphs of small events with questions about them";
  results.push_back(results.back());
  results.back()["name"] = "details";
  results.back()["summary"] = "Built-in messages with private details, tagged by kind";
  results.push_back(results.back());
  results.back()["name"] = "biographies";
  results.back()["summary"] = "Built-in biographies with planted genders of professions";
  for (const DataSet& set : data_catalogue()) results.push_back(describe_data_set(set));
  return {
      {"schema", "discreet.data.list/1"}, {"cache", data_cache().string()}, {"results", results}};
}

}  // namespace discreet::app
