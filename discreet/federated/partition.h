#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "discreet/core/fields.h"
#include "discreet/core/random.h"
#include "discreet/federated/features.h"

namespace discreet::federated {

/// Whose rules divide the data.
/// - coherent: one draw per client for its train and its test part, sizes by largest remainder, no
///   client below the minimum;
/// - fednlp: the rules of the FedNLP benchmark, which draws train and test independently, rounds
///   label by label, and may leave a client empty.
enum class PartitionMode { kCoherent, kFednlp };

struct PartitionOptions {
  std::int64_t clients = 0;  ///< 0: as many as the method finds (natural).
  double alpha = 1;          ///< Concentration of the Dirichlet distribution; infinity: no skew.
  std::uint64_t seed = 1;
  PartitionMode mode = PartitionMode::kCoherent;
  std::optional<std::int64_t> min_train;  ///< Items; unset: 1, in mode fednlp 0.
  std::optional<std::int64_t> min_test;   ///< Unset: 1, in mode fednlp and method natural 0.
  double test_share = 0.1;                ///< Of each client's items, where there is no test part.
  std::int64_t clusters = 10;             ///< cluster-dirichlet: k of k-means.
  std::int64_t kmeans_steps = 100;        ///< cluster-dirichlet: most steps of k-means.
};

/// Their one description: bounds, help, documentation.
const core::Fields<PartitionOptions>& partition_fields();
/// Whether a method looks at this key of theirs: the others have no effect on it.
bool partition_uses(std::string_view method, std::string_view key);

/// What is divided. Items have indices 0 .. train-1 (training part), then train .. train+test-1.
struct PartitionInput {
  std::int64_t train = 0;
  std::int64_t test = 0;                ///< 0: each client's test part is taken from its items.
  std::vector<std::int32_t> label;      ///< [train + test], or empty: there are no labels.
  std::vector<std::string> label_names;
  std::vector<std::string> factor;      ///< [train + test]: the column of method natural.
  std::function<FeatureRows()> features;  ///< [train + test] rows; called by cluster-dirichlet.

  std::int64_t size() const { return train + test; }
};

struct ClientPart {
  std::string name;                 ///< "0", "1", …; a factor's value in method natural.
  std::vector<std::int64_t> train;  ///< Indices, rising.
  std::vector<std::int64_t> test;
};

struct Partition {
  std::string method;
  std::vector<ClientPart> clients;
  std::vector<std::int64_t> left_out;  ///< Indices that no client has, rising.
  std::vector<std::int32_t> cluster;   ///< [items], cluster-dirichlet only.
  std::int64_t clusters = 0;
  std::optional<double> alpha;     ///< Of a partition that was read, where its file says so.
  std::vector<std::string> notes;  ///< What a reader must know: empty clients, what was left out.
};

/// One method. Registered under kind "partition". `options` has clients and minima resolved; where
/// `input.test` is 0 it divides the training part alone.
using DividePartition = Partition (*)(const PartitionInput& input, const PartitionOptions& options);

/// Divides `input` by the method of that name, gives each client its test part and checks the result:
/// every index with exactly one client or in `left_out`. A function of its arguments alone.
/// Throws: kUsage for an unknown method and options that contradict it; kBadData if there are too few
/// items for the minima, or the input lacks labels or the factor.
Partition make_partition(const std::string& method, PartitionInput input, PartitionOptions options);

/// Throws: kBadData naming `origin` and the indices that are missing, doubled or out of range.
void check_partition(const Partition& partition, std::int64_t items, const std::string& origin);

}  // namespace discreet::federated
