#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "discreet/core/files.h"
#include "discreet/core/registry.h"
#include "discreet/text/internal/columns.h"

namespace discreet::text {
namespace {

namespace fs = std::filesystem;

constexpr char kLeafForm[] =
    "Expected {\"users\": [names], \"num_samples\": [counts], \"user_data\": {name: {\"x\": [inputs], "
    "\"y\": [targets]}}}.";

/// One file or a folder of them, each read whole: LEAF's files are single JSON objects.
class LeafReader final : public Reader {
 public:
  LeafReader(const fs::path& path, const ReaderOptions& options) : options_(options) {
    if (fs::is_directory(path)) {
      for (const auto& entry : fs::directory_iterator(path)) {
        if (entry.path().extension() == ".json") files_.push_back(entry.path());
      }
      std::sort(files_.begin(), files_.end());
      if (files_.empty()) throw bad_data(path.string() + ": no .json file in this folder", kLeafForm);
    } else {
      files_.push_back(path);
    }
  }

  bool next(Example& example) override {
    while (user_ == users_.size()) {
      if (file_ == files_.size()) return false;
      open(files_[file_++]);
    }
    const Json& data = document_["user_data"][users_[user_]];
    example = Example{};
    example.line = ++number_;
    example.user = users_[user_];
    const std::string where = fmt::format("{}: user '{}', sample {}", files_[file_ - 1].string(),
                                          users_[user_], sample_);
    read_input(data["x"][sample_], where, example);
    example.label = plain(data["y"][sample_]);
    if (groups_.size() == users_.size()) example.groups["hierarchy"] = groups_[user_];
    if (++sample_ == counts_[user_]) skip_to_user(user_ + 1);
    return true;
  }

 private:
  static std::string plain(const Json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
  }

  /// Text, a list of words, or a list of columns of which `options.text` names one by its number.
  void read_input(const Json& x, const std::string& where, Example& example) const {
    if (x.is_string()) {
      example.text = x.get<std::string>();
    } else if (x.is_array() && !options_.text.empty()) {
      std::size_t column = 0;
      try {
        column = std::stoul(options_.text);
      } catch (const std::exception&) {
      }
      if (column == 0 || column > x.size() || !x[column - 1].is_string()) {
        throw bad_data(fmt::format("{}: x has no text in column {}", where, options_.text),
                       "Columns count from 1; tweets of Sent140 stand in column 5.");
      }
      example.text = x[column - 1].get<std::string>();
    } else if (x.is_array() && std::all_of(x.begin(), x.end(), [](const Json& w) { return w.is_string(); })) {
      for (const Json& word : x) example.words.push_back(word.get<std::string>());
      example.text = internal::join_words(example.words);
    } else {
      throw bad_data(where + ": x is neither a text nor a list of words",
                     "This reader is for text; numbers are no words.");
    }
  }

  void open(const fs::path& path) {
    const std::string origin = path.string();
    document_ = core::parse_json(core::read_file(path), origin);
    const auto wrong = [&](const std::string& what) { return bad_data(origin + ": " + what, kLeafForm); };
    if (!document_.is_object() || !document_.contains("users") || !document_["users"].is_array() ||
        !document_.contains("user_data") || !document_["user_data"].is_object()) {
      throw wrong("not a file of LEAF");
    }
    users_.clear();
    counts_.clear();
    groups_.clear();
    for (const Json& user : document_["users"]) {
      if (!user.is_string()) throw wrong("a user's name is no string");
      if (!seen_.insert(user.get<std::string>()).second) {
        throw wrong(fmt::format("user '{}' stands in this split twice", user.get<std::string>()));
      }
      users_.push_back(user.get<std::string>());
    }
    if (document_.contains("hierarchies") && document_["hierarchies"].is_array()) {
      for (const Json& group : document_["hierarchies"]) groups_.push_back(plain(group));
    }
    const Json* counts = document_.contains("num_samples") ? &document_["num_samples"] : nullptr;
    if (counts == nullptr || !counts->is_array() || counts->size() != users_.size()) {
      throw wrong("num_samples is not a list as long as users");
    }
    for (std::size_t u = 0; u < users_.size(); ++u) {
      if (!document_["user_data"].contains(users_[u])) {
        throw wrong(fmt::format("user '{}' has no data", users_[u]));
      }
      const Json& data = document_["user_data"][users_[u]];
      if (!data.is_object() || !data.contains("x") || !data["x"].is_array() ||
          !data.contains("y") || !data["y"].is_array() || data["x"].size() != data["y"].size()) {
        throw wrong(fmt::format("user '{}': x and y are not lists of one length", users_[u]));
      }
      counts_.push_back(data["x"].size());
      if ((*counts)[u] != counts_.back()) {
        throw wrong(fmt::format("user '{}': num_samples is {}, but there are {}", users_[u],
                                (*counts)[u].dump(), counts_.back()));
      }
    }
    skip_to_user(0);
  }

  void skip_to_user(std::size_t user) {
    user_ = user;
    sample_ = 0;
    while (user_ < users_.size() && counts_[user_] == 0) ++user_;
  }

  ReaderOptions options_;
  std::vector<fs::path> files_;
  std::size_t file_ = 0;
  Json document_;
  std::vector<std::string> users_, groups_;
  std::vector<std::size_t> counts_;
  std::set<std::string> seen_;
  std::size_t user_ = 0, sample_ = 0;
  std::int64_t number_ = 0;
};

}  // namespace
}  // namespace discreet::text

namespace discreet {

void register_reader_leaf(core::Registry& registry) {
  registry.add({.kind = "reader",
                .name = "leaf",
                .summary = "LEAF's JSON (users, num_samples, user_data), a file or a folder of files",
                .reference = "Caldas et al. 2018",
                .fields = text::reader_fields().info(),
                .make = text::MakeReader(
                    [](const std::filesystem::path& path, const text::ReaderOptions& options) {
                      return std::unique_ptr<text::Reader>(new text::LeafReader(path, options));
                    })});
}

}  // namespace discreet
