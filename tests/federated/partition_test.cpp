#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>

#include "discreet/core/files.h"
#include "discreet/core/registry.h"
#include "discreet/federated/partition_files.h"
#include "discreet/federated/partition_statistics.h"
#include "discreet/formats/hdf5.h"
#include "discreet/formats/npy.h"
#include "tests/core/temporary_folder.h"

namespace discreet::federated {
namespace {

std::string message_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return std::to_string(error.exit_code()) + " " + error.what();
  }
  return "nothing was thrown";
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

PartitionInput numbered(std::int64_t train, std::int64_t test = 0) {
  PartitionInput input;
  input.train = train;
  input.test = test;
  return input;
}

std::vector<std::size_t> train_sizes(const Partition& partition) {
  std::vector<std::size_t> sizes;
  for (const ClientPart& client : partition.clients) sizes.push_back(client.train.size());
  return sizes;
}

TEST(Partition, FednlpChunksMayLeaveAnEmptyClientAndSayIt) {
  PartitionOptions options{.clients = 6, .mode = PartitionMode::kFednlp, .test_share = 0};
  const Partition partition = make_partition("uniform", numbered(10), options);
  EXPECT_EQ(train_sizes(partition), (std::vector<std::size_t>{2, 2, 2, 2, 2, 0}));
  ASSERT_EQ(partition.notes.size(), 1u);
  EXPECT_EQ(partition.notes[0], "1 of 6 clients have no training examples.");
  options.min_train = 1;
  EXPECT_EQ(train_sizes(make_partition("uniform", numbered(10), options)),
            (std::vector<std::size_t>{1, 2, 2, 2, 2, 1}));
  options.mode = PartitionMode::kCoherent;
  for (const std::size_t size : train_sizes(make_partition("uniform", numbered(10), options))) {
    EXPECT_TRUE(size == 1 || size == 2);
  }
}

TEST(Partition, FednlpTakesTheLastTenthAsTest) {
  const Partition partition = make_partition(
      "uniform", numbered(100), {.clients = 5, .mode = PartitionMode::kFednlp});
  for (const ClientPart& client : partition.clients) {
    EXPECT_EQ(client.train.size(), 18u);
    EXPECT_EQ(client.test.size(), 2u);
    for (const std::int64_t item : client.test) EXPECT_GE(item, 90);
  }
}

TEST(Partition, MinimaThatCannotBeReachedAreRefusedBeforehand) {
  EXPECT_TRUE(has(message_of([] { make_partition("uniform", numbered(9), {.clients = 5}); }),
                  "3 9 examples cannot give 5 clients 2 each"));
  EXPECT_TRUE(has(message_of([] {
                    make_partition("quantity-dirichlet", numbered(100, 3), {.clients = 5});
                  }),
                  "3 3 test examples cannot give 5 clients 1 each"));
  EXPECT_TRUE(has(message_of([] { make_partition("uniform", numbered(9), {}); }), "2 method uniform needs"));
  EXPECT_TRUE(has(message_of([] { make_partition("label-dirichlet", numbered(9), {.clients = 2}); }),
                  "3 label-dirichlet needs a label"));
}

TEST(Partition, NaturalLeavesOutSmallValues) {
  PartitionInput input = numbered(7);
  input.factor = {"b", "a", "b", "", "b", "c", "a"};
  PartitionOptions options{.min_train = 2, .test_share = 0};
  const Partition partition = make_partition("natural", input, options);
  ASSERT_EQ(partition.clients.size(), 2u);
  EXPECT_EQ(partition.clients[0].name, "a");
  EXPECT_EQ(partition.clients[0].train, (std::vector<std::int64_t>{1, 6}));
  EXPECT_EQ(partition.clients[1].train, (std::vector<std::int64_t>{0, 2, 4}));
  EXPECT_EQ(partition.left_out, (std::vector<std::int64_t>{3, 5}));
  EXPECT_EQ(partition.notes.size(), 2u);
  options.clients = 3;
  EXPECT_TRUE(has(message_of([&] { make_partition("natural", input, options); }), "makes 2 clients"));
}

TEST(Partition, MissingDoubledAndForeignIndicesAreNamed) {
  Partition partition;
  partition.clients = {{"0", {0, 1, 2}, {}}, {"1", {2, 9}, {4}}};
  const std::string message = message_of([&] { check_partition(partition, 6, "p.h5"); });
  EXPECT_TRUE(has(message, "3 p.h5: ")) << message;
  EXPECT_TRUE(has(message, "indices outside 0 … 5: 9")) << message;
  EXPECT_TRUE(has(message, "doubled indices: 2")) << message;
  EXPECT_TRUE(has(message, "missing indices: 3, 5")) << message;
}

TEST(Partition, IndicesOfDamagedFilesAskForNoMemory) {
  Partition partition;
  partition.clients = {{"0", {0, 1, 1, 1}, {}}, {"1", {-3, 4'000'000'000'000'000'000}, {1}}};
  const std::string message = message_of([&] { check_partition(partition, items_of(partition), "p.h5"); });
  EXPECT_TRUE(has(message, "outside 0 … 4000000000000000000: -3")) << message;
  EXPECT_TRUE(has(message, "doubled indices: 1;")) << message;
  EXPECT_TRUE(has(message, "missing indices: 2, 3, 4, 5, 6 and 3999999999999999993 more")) << message;
  partition.clients = {{"0", {INT64_MAX}, {}}};
  EXPECT_TRUE(has(message_of([&] { check_partition(partition, items_of(partition), "p.h5"); }), "outside"));
}

TEST(PartitionFiles, EveryMethodComesBackFromBothForms) {
  const core::TemporaryFolder folder;
  PartitionInput input = numbered(60, 12);
  for (std::size_t i = 0; i < 72; ++i) {
    input.label.push_back(static_cast<std::int32_t>(i % 3));
    input.factor.push_back(i % 2 == 0 ? "right" : "left");
  }
  input.label_names = {"a", "b", "c"};
  input.features = [] {
    FeatureRows rows;
    rows.width = 4;
    for (std::int32_t i = 0; i < 72; ++i) {
      rows.columns.push_back(i % 4);
      rows.values.push_back(1);
      rows.offsets.push_back(rows.columns.size());
    }
    return rows;
  };
  for (const char* method : {"uniform", "label-dirichlet", "cluster-dirichlet", "quantity-dirichlet", "natural"}) {
    PartitionOptions options{.alpha = 0.5, .clusters = 4};
    if (std::string(method) != "natural") options.clients = 4;
    const Partition made = make_partition(method, input, options);
    write_fednlp_h5(folder / "p.h5", made, 0.5);
    Json document = {{"clients", clients_json(made)}, {"left_out", made.left_out},
                     {"configuration", {{"method", method}, {"alpha", 0.5}}}};
    for (const Partition& read : {read_partition(folder / "p.h5"), partition_from_json(document, "p.json")}) {
      check_partition(read, 72, "again");
      ASSERT_EQ(read.clients.size(), made.clients.size()) << method;
      for (std::size_t k = 0; k < read.clients.size(); ++k) {
        EXPECT_EQ(read.clients[k].name, made.clients[k].name) << method;
        EXPECT_EQ(read.clients[k].train, made.clients[k].train) << method;
        EXPECT_EQ(read.clients[k].test, made.clients[k].test) << method;
      }
      if (std::string(method).ends_with("dirichlet")) {
        EXPECT_EQ(read.alpha, 0.5) << method;
      }
    }
    EXPECT_EQ(read_partition(folder / "p.h5").cluster, made.cluster) << method;
    std::filesystem::remove(folder / "p.h5");
  }
}

TEST(PartitionFiles, HostileFilesAreRefusedByName) {
  const core::TemporaryFolder folder;
  const auto of_json = [](const char* text) {
    return message_of([&] { partition_from_json(core::parse_json(text, "p.json"), "p.json"); });
  };
  EXPECT_TRUE(has(of_json("[]"), "3 p.json: no list 'clients'"));
  EXPECT_TRUE(has(of_json(R"({"clients": [{"client": "a", "train": [0], "test": []}, {"client": "a", "train": [1], "test": []}]})"),
                  "client 'a' stands there twice"));
  EXPECT_TRUE(has(of_json(R"({"clients": [{"client": 7, "train": [], "test": []}]})"), "clients[0]: no name"));
  EXPECT_TRUE(has(of_json(R"({"clients": [{"client": "a", "train": [0.5], "test": []}]})"), "'train' holds no integer"));
  EXPECT_TRUE(has(of_json(R"({"clients": [{"client": "a", "train": 3, "test": []}]})"), "no list 'train'"));
  {
    formats::Hdf5Writer file(folder / "clusters.h5");
    file.integer("niid_cluster_clients=1_alpha=1/n_clients", 1);
    file.integers("niid_cluster_clients=1_alpha=1/partition_data/0/train", std::vector<std::int64_t>{0});
    file.integers("kmeans_clusters=2/client_assignment", std::vector<std::int64_t>{-1});
    file.close();
  }
  EXPECT_TRUE(has(message_of([&] { read_partition(folder / "clusters.h5"); }), "cluster -1 is outside"));
  {
    formats::Hdf5Writer file(folder / "empty.h5");
    file.integer("uniform/n_clients", 1);
    file.integers("uniform/partition_data/0/test", std::vector<std::int64_t>{0});
    file.close();
  }
  EXPECT_TRUE(has(message_of([&] { read_partition(folder / "empty.h5"); }), "/uniform/partition_data/0/train: no such data set"));
}

TEST(PartitionFiles, H5GoesByNumbersNotByNames) {
  const core::TemporaryFolder folder;
  Partition partition;
  partition.method = "uniform";
  for (std::int64_t k = 0; k < 12; ++k) {
    partition.clients.push_back({std::to_string(k), {2 * k}, {2 * k + 1}});
  }
  write_fednlp_h5(folder / "p.h5", partition, 1);
  const Partition read = read_partition(folder / "p.h5");
  ASSERT_EQ(read.clients.size(), 12u);
  for (std::int64_t k = 0; k < 12; ++k) {
    const ClientPart& client = read.clients[static_cast<std::size_t>(k)];
    EXPECT_EQ(client.name, std::to_string(k));
    EXPECT_EQ(client.train, (std::vector<std::int64_t>{2 * k}));
    EXPECT_EQ(client.test, (std::vector<std::int64_t>{2 * k + 1}));
  }
  EXPECT_FALSE(std::filesystem::exists(folder / ".tmp-p.h5"));
}

TEST(PartitionFiles, GroupsAreFoundByTheirNumbers) {
  const core::TemporaryFolder folder;
  {
    formats::Hdf5Writer file(folder / "old.h5");
    for (const std::string group : {"niid_label_clients=2_alpha=1.0", "niid_label_clients=2_alpha=10.0"}) {
      file.integer(group + "/n_clients", 2);
      for (std::int64_t k = 0; k < 2; ++k) {
        file.integers(group + "/partition_data/" + std::to_string(k) + "/train", std::vector<std::int64_t>{k});
      }
    }
    file.close();
  }
  EXPECT_EQ(read_fednlp_h5(folder / "old.h5", "niid_label_clients=2_alpha=10").clients.size(), 2u);
  EXPECT_TRUE(has(message_of([&] { read_fednlp_h5(folder / "old.h5"); }), "2 partitions, none was named"));
  EXPECT_TRUE(has(message_of([&] { read_fednlp_h5(folder / "old.h5", "uniform"); }), "no partition 'uniform'"));
  {
    formats::Hdf5Writer file(folder / "wrong.h5");
    file.integer("uniform/n_clients", 3);
    file.integers("uniform/partition_data/0/train", std::vector<std::int64_t>{0});
    file.close();
  }
  EXPECT_TRUE(has(message_of([&] { read_fednlp_h5(folder / "wrong.h5"); }), "n_clients is 3, but there are 1"));
  std::ofstream(folder / "no.h5") << "\x89HDF but not really";
  EXPECT_TRUE(has(message_of([&] { read_partition(folder / "no.h5"); }), "3 "));
}

TEST(PartitionFiles, JsonComesBack) {
  Partition partition;
  partition.clients = {{"ann", {0, 3}, {1}}, {"bob", {2}, {}}};
  partition.left_out = {4};
  Json document = {{"clients", clients_json(partition)}, {"left_out", partition.left_out}};
  const Partition read = partition_from_json(document, "p.json");
  EXPECT_EQ(read.clients[0].train, partition.clients[0].train);
  EXPECT_EQ(read.clients[1].name, "bob");
  EXPECT_EQ(read.left_out, partition.left_out);
  document["clients"][1]["train"][0] = "x";
  EXPECT_TRUE(has(message_of([&] { partition_from_json(document, "p.json"); }), "clients[1]: 'train' holds no integer"));
}

TEST(PartitionStatistics, EmptyClientsHaveNoDistance) {
  Partition partition;
  partition.method = "uniform";
  partition.clients = {{"0", {0, 1}, {2}}, {"1", {}, {}}, {"2", {3}, {}}};
  const std::vector<std::int32_t> label = {0, 1, 0, 1};
  const auto distances = partition_distances(partition, label, 2);
  EXPECT_EQ(distances.clients, (std::vector<std::size_t>{0, 2}));
  EXPECT_TRUE(distances.train_test[0].has_value());
  EXPECT_FALSE(distances.to_all[1].has_value());
  const Json json = partition_statistics(partition, distances, true);
  EXPECT_EQ(json["train"]["empty"], 1);
  EXPECT_EQ(json["train"]["median"], 1);
  const std::string map = distance_heat_map(partition, distances, 2.718281828459045);
  EXPECT_TRUE(has(map, "<svg xmlns=") && has(map, "<desc>"));
  EXPECT_TRUE(has(size_histogram(partition), "3 clients"));
}

TEST(Npy, ReadsWhatNumpyWrites) {
  std::string header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2), }";
  header += std::string(64 - (10 + header.size() + 1) % 64, ' ') + "\n";
  std::string bytes = "\x93NUMPY";
  bytes += '\x01';
  bytes += '\x00';
  bytes += static_cast<char>(header.size());
  bytes += '\x00';
  bytes += header;
  const double values[] = {1.5, -2};
  bytes.append(reinterpret_cast<const char*>(values), sizeof values);
  const auto array = formats::parse_npy(bytes, "a.npy");
  EXPECT_EQ(array.shape, (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(array.values, (std::vector<float>{1.5f, -2.0f}));
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    EXPECT_THROW(formats::parse_npy(bytes.substr(0, cut), "a.npy"), Error);
  }
}

}  // namespace
}  // namespace discreet::federated
