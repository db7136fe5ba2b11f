#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "discreet/core/document.h"
#include "discreet/text/canary_pattern.h"
#include "discreet/text/example.h"

namespace discreet::app {

/// What `audit plant` was asked for.
struct PlantRequest {
  std::string data;                 ///< As data.train names data; empty: the canaries' lines alone.
  std::int64_t lines = 0;           ///< So many examples of the data, drawn at random; 0: all.
  std::filesystem::path out;        ///< .jsonl, or .txt (one line a text, for language models).
  std::filesystem::path canaries;   ///< The canary file; empty: OUT with .canaries.json at its end.
  std::vector<std::string> patterns;
  std::int64_t count = 1;           ///< Canaries of each pattern, all different.
  std::int64_t repetitions = 1;     ///< Lines of a canary that is planted.
  double inclusion = 1;             ///< Chance that a canary is planted, by a coin of its own.
  std::string slot;                 ///< Type of the secret words' tags; empty: lines without tags.
  std::string label;                ///< Class of the canaries' lines; empty: none, or one of the data's.
  std::int64_t mislabelled = 0;     ///< Examples of the data that get another label.
  std::string decoy;  ///< Pattern of the lines that stand for canaries that are not planted; empty: none.
  std::uint64_t seed = 1;
  bool force = false;               ///< Existing files are replaced.
};

/// A canary: a sentence that an audit looks for.
struct Canary {
  std::string id;
  std::string kind;        ///< "pattern", "mislabelled"
  std::string pattern;     ///< Of kind pattern.
  text::Example example;   ///< As its lines have it: words (or the text), tags, label, user.
  bool planted = true;
  std::int64_t repetitions = 1;  ///< 0 if it is not planted.
};

struct CanaryFile {
  std::vector<Canary> canaries;
  double inclusion = 1;    ///< Below 1: each was planted by its own coin, as one-run audits need it.
  std::string planted_in;  ///< The file that was written beside it,
  std::string sha256;      ///< and what it held.
  core::InputFile input;
};

/// Writes the data with the canaries' lines at random places among them, and the canary file
/// (discreet.audit.canaries/1): patterns, sentences, what was planted how often, seeds. Each line's user, where the
/// data have users, is the canary's id. A mislabelled example that its coin leaves out stands in the data not at
/// all. A function of the request and the data alone. Returns the document.
/// Throws: kUsage for a pattern or number that does not fit, or files that exist; kBadData where the data have
/// no labels to change, or too few examples.
Json plant_canaries(const PlantRequest& request);

/// Why these canaries may not be in the run's training data, as a caveat; empty where its manifest has their file.
std::string planted_elsewhere(const CanaryFile& canaries, const Json& manifest);

/// Throws: kBadData naming the file and the canary that is not what it should be.
CanaryFile read_canaries(const std::filesystem::path& path);

}  // namespace discreet::app
