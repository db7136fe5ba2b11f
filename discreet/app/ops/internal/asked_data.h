#pragma once

#include <string>
#include <vector>

#include "discreet/app/run_data.h"
#include "discreet/core/json.h"

namespace discreet::app {

struct RunModel;

/// Data that a request asks a run's model about, and how they are read.
struct AskedData {
  Settings settings;  ///< The run's, with what the request says of the data.
  std::string source;
  text::Split split = text::Split::kTest;
  std::string role;  ///< "data", "test" or "dev".
};

/// request["data"] if given, in request["format"] (else by its name) with request["text_column"] and
/// request["label_column"] as columns where given; else what the run tests on: request["split"] (test), or dev
/// where it has no test data. Group columns of the configuration are read, and `columns` beside them.
/// Throws: kUsage if the run names neither.
AskedData asked_data(const Json& request, const RunModel& run, const std::string& path,
                     const std::vector<std::string>& columns);

/// A column of groups of an example; "user" is its user where no column bears that name.
std::string group_cell(const text::Example& example, const std::string& column);

/// Throws kBadData, naming the known columns, if no example has a value in one of `columns`.
void check_group_columns(const std::vector<std::string>& columns, const EncodedData& data,
                         const std::string& source);

/// The input of a document.
core::InputFile describe_asked(const AskedData& asked, const Encoder& encoder);

}  // namespace discreet::app
