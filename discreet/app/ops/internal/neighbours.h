#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "discreet/app/run_data.h"

namespace discreet::nn {
class Model;
}  // namespace discreet::nn

namespace discreet::app {

/// How texts are perturbed for the neighbourhood attack.
struct NeighbourOptions {
  std::int64_t count = 10;      ///< Copies of each text.
  double share = 0.1;           ///< Of a text's words that are replaced in a copy; at least one is.
  std::filesystem::path model;  ///< A masked language model that proposes words; empty: words as common as the
                                ///< one that they replace, among the texts themselves.
  std::uint64_t seed = 0;
};

/// "neighbours", "neighbour_share", "neighbour_model" of a request. Throws: kUsage out of bounds.
NeighbourOptions neighbour_options(const Json& request, std::uint64_t seed);
Json to_json(const NeighbourOptions& options);

/// [texts][count] perturbed copies. Words stand between blanks.
///
/// With a model: the chosen tokens of a text are hidden at once, and each is replaced by one of the ten tokens
/// that the model finds likeliest there, drawn by its probability; the token itself is none of them.
/// A function of the arguments alone. An empty text has no copies. Ref: Mattern et al. 2023.
std::vector<std::vector<std::string>> neighbours_of(const std::vector<std::string>& texts,
                                                    const NeighbourOptions& options);

/// Mean log-probability of each copy under `model`. `encode` gives one example with targets for each text.
std::vector<std::vector<double>> neighbour_log_probs(
    nn::Model& model, const std::vector<std::string>& texts, std::int64_t vocabulary,
    const std::function<EncodedData(const std::vector<std::string>& texts)>& encode, const NeighbourOptions& options);

}  // namespace discreet::app
