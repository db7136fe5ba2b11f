#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "discreet/core/json.h"
#include "discreet/text/biographies.h"
#include "discreet/text/corpus.h"
#include "discreet/text/details.h"
#include "discreet/text/questions.h"
#include "discreet/text/reader.h"

namespace discreet::app {

/// A file of a public data set, as it must arrive.
struct DataFile {
  std::string path;  ///< Below the data set's folder, '/' between names.
  std::uint64_t bytes = 0;
  std::string sha256;
  std::string url;  ///< Empty: no stable address is known.
};

/// A public data set that `data get` knows. Nothing of it is stored in the program.
struct DataSet {
  std::string name;
  std::string summary;
  std::string origin;    ///< Where it comes from, for people.
  std::string revision;  ///< Of a repository; empty for other origins.
  std::string licence;
  std::string note;                           ///< Why there is no address; empty if there is one.
  std::string format;                         ///< Of the splits; empty if no reader reads it.
  text::ReaderOptions options;                ///< Which column holds what.
  std::map<std::string, std::string> splits;  ///< train, dev, test: paths.
  std::vector<DataFile> files;

  std::uint64_t bytes() const;
};

const std::vector<DataSet>& data_catalogue();
/// Null if there is none.
const DataSet* find_data_set(const std::string& name);
/// Throws: kUsage naming the nearest.
const DataSet& data_set(const std::string& name);

/// Where `data get` puts data sets: `$DISCREET_CACHE/data`, or `cache/data`.
std::filesystem::path data_cache();

/// What a name in a configuration stands for.
struct DataSource {
  enum class Kind { kCorpus, kQuestions, kDetails, kBiographies, kFile, kKnown };
  Kind kind = Kind::kFile;
  text::CorpusOptions corpus;         ///< Of kCorpus.
  text::QuestionOptions questions;    ///< Of kQuestions.
  text::BiographyOptions biographies;  ///< Of kBiographies.
  text::DetailOptions details;        ///< Of kDetails.
  std::filesystem::path path;         ///< Of kFile and kKnown: to be hashed for the manifest.
  const DataSet* data_set = nullptr;  ///< Of kKnown.
  std::string column, value;          ///< Only the rows with this value there; empty: all.
};

/// Finds out what `source` names: `assistant` or `assistant:lines=…,seed=…` (the built-in corpus);
/// `questions`, `biographies` and `details` likewise (built-in questions, biographies, messages with private details);
/// a file or folder that exists; a data set known to `discreet data list`, with `:dev` behind it
/// for another split than `split`, or with the path of one of its files (`winobias/data/x.txt`); or a path
/// below the folder of the data sets (`models/x`). `?column=value` behind a file keeps the rows that have this
/// value in a column that is neither text, label nor user.
/// Throws: kUsage for a name that is nothing of these, kBadData if a known data set was not
/// fetched.
DataSource resolve_data(const std::string& source, text::Split split);

/// Opens it. Columns that `options` leave open are those of the catalogue.
std::unique_ptr<text::Reader> open_data(const std::string& source, text::Split split,
                                        const std::string& format = "",
                                        const text::ReaderOptions& options = {});

/// The document of `data list`.
Json list_data();
/// A data set as `data list` and `data info` describe it.
Json describe_data_set(const DataSet& set);

}  // namespace discreet::app
