#pragma once

#include <string>

#include "discreet/core/document.h"
#include "discreet/core/operation.h"
#include "discreet/federated/partition.h"
#include "discreet/text/reader.h"

namespace discreet::app {

/// What `federated partition` asks.
struct PartitionQuestion {
  std::string input;   ///< A file, a known data set or the built-in corpus.
  std::string test;    ///< The same, for the test part; empty: taken from the clients' examples.
  std::string format;  ///< Empty: by the name; .json is LEAF's.
  text::ReaderOptions reader;
  std::string method;
  std::string by;          ///< Column of method natural; empty: the users.
  std::string embeddings;  ///< .npy or .safetensors [examples, d]; empty: hashed TF-IDF.
  std::string from;        ///< A partition to check instead of drawing one: FedNLP's h5 or a document.
  std::string from_name;   ///< Which one of an h5 file.
  federated::PartitionOptions options;
  int log_base = 0;  ///< Of Jensen-Shannon distances: 0 for e, 2.
  std::string out;   ///< .h5 or .hdf5: FedNLP's form; .json: the document.
  std::string leaf;  ///< LEAF's JSON, with the examples: FILE.json, or FILE-test.json for test parts.
  std::string heat_map, histogram;  ///< SVG files.
};

/// Divides, checks, counts, writes what was asked for, and gives the document
/// (discreet.federated.partition/1).
Json partition_data(const PartitionQuestion& question, core::OperationContext& context);

}  // namespace discreet::app
