#include "discreet/app/data_info.h"

#include <algorithm>
#include <functional>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "discreet/app/data_sets.h"
#include "discreet/core/progress.h"
#include "discreet/text/tokenizer.h"

namespace discreet::app {
namespace {

constexpr char kUserWarning[] =
    "The data name their users: several examples of one user need privacy.unit = \"user\" to be "
    "protected together.";

class ExampleCounter {
 public:
  void add(text::Example example) {
    const std::string key = example.text + '\x1f' + example.label;
    duplicates_ += !seen_.insert(std::hash<std::string>{}(key)).second;
    text::tokenize_example(*tokenizer_, example);
    ++examples_;
    words_ += example.words.size();
    fewest_ = examples_ == 1 ? example.words.size() : std::min(fewest_, example.words.size());
    most_ = std::max(most_, example.words.size());
    types_.insert(example.words.begin(), example.words.end());
    if (!example.label.empty()) ++labels_[example.label];
    tagged_ += !example.tags.empty();
    for (const std::string& tag : example.tags) ++tags_[tag];
    if (!example.user.empty()) ++users_[example.user];
    for (const auto& [group, value] : example.groups) ++groups_[group][value];
  }

  Json to_json() const {
    Json result = {{"examples", examples_},
                   {"words",
                    {{"all", words_},
                     {"types", types_.size()},
                     {"mean", examples_ == 0 ? 0.0 : double(words_) / double(examples_)},
                     {"fewest", fewest_},
                     {"most", most_}}},
                   {"labels", counts(labels_)},
                   {"tagged", tagged_},
                   {"tags", counts(tags_)},
                   {"duplicates", duplicates_}};
    if (users_.empty()) {
      core::set_absent(result, "users", "no column names a user");
    } else {
      std::int64_t most = 0, named = 0;
      for (const auto& [user, count] : users_) {
        most = std::max(most, count);
        named += count;
      }
      result["users"] = {{"users", users_.size()}, {"examples", named}, {"most", most}};
    }
    Json groups = Json::object();
    for (const auto& [group, values] : groups_) groups[group] = counts(values);
    result["groups"] = groups;
    return result;
  }

  bool has_users() const { return !users_.empty(); }

 private:
  static Json counts(const std::map<std::string, std::int64_t>& of) {
    Json object = Json::object();
    for (const auto& [name, count] : of) object[name] = count;
    return object;
  }

  std::unique_ptr<text::Tokenizer> tokenizer_ = text::make_tokenizer("word");
  std::uint64_t examples_ = 0, words_ = 0, duplicates_ = 0, tagged_ = 0;
  std::size_t fewest_ = 0, most_ = 0;
  std::unordered_set<std::size_t> seen_;
  std::unordered_set<std::string> types_;
  std::map<std::string, std::int64_t> labels_, tags_;
  std::unordered_map<std::string, std::int64_t> users_;
  std::map<std::string, std::map<std::string, std::int64_t>> groups_;
};

}  // namespace

Json describe_examples(text::Reader& reader, core::OperationContext& context) {
  core::Progress progress({.label = "read", .unit = "examples", .quiet = context.quiet});
  ExampleCounter counter;
  std::int64_t done = 0;
  for (text::Example example; reader.next(example);) {
    counter.add(std::move(example));
    if (++done % 1024 == 0) {
      progress.update(done);
      if (context.stopping()) throw core::interrupted(context, "Nothing was written.");
    }
  }
  return counter.to_json();
}

Json data_info(const std::string& source, const std::string& format,
               const text::ReaderOptions& options, core::OperationContext& context) {
  Json document = {{"schema", "discreet.data.info/1"}, {"source", source}};
  Json results = Json::array(), caveats = Json::array();
  const auto describe = [&](const std::string& name, text::Split split, const std::string& label) {
    Json result = {{"split", label}};
    result.update(describe_examples(*open_data(name, split, format, options), context));
    if (!result["users"].is_null() && caveats.empty()) caveats.push_back(kUserWarning);
    results.push_back(std::move(result));
  };
  const DataSet* set = std::filesystem::exists(source) ? nullptr : find_data_set(source);
  if (set == nullptr) {
    const DataSource found = resolve_data(source, text::Split::kTrain);
    describe(source, text::Split::kTrain,
             found.kind == DataSource::Kind::kCorpus      ? text::to_string(found.corpus.split)
             : found.kind == DataSource::Kind::kQuestions ? text::to_string(found.questions.split)
             : found.kind == DataSource::Kind::kDetails     ? text::to_string(found.details.split)
             : found.kind == DataSource::Kind::kBiographies ? text::to_string(found.biographies.split)
                                                            : "");
  } else {
    document["data_set"] = describe_data_set(*set);
    for (const auto split : {text::Split::kTrain, text::Split::kDev, text::Split::kTest}) {
      const auto known = set->splits.find(text::to_string(split));
      if (known == set->splits.end()) continue;
      if (!std::filesystem::exists(data_cache() / set->name / known->second.substr(0, known->second.find('?')))) {
        caveats.push_back("Not fetched yet: `discreet data get " + set->name + "`.");
        break;
      }
      describe(source, split, known->first);
    }
  }
  document["results"] = std::move(results);
  document["caveats"] = std::move(caveats);
  return document;
}

}  // namespace discreet::app
