#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace discreet::federated {

/// Numbers that examples, or whole devices, add to: counts of classes, a sum of losses, a histogram.
struct MetricBlock {
  std::string name;
  std::size_t size = 1;
  /// Bits behind the binary point; 0: counts. At 40 a sum of losses is right to 5e-13 an example.
  int fraction_bits = 0;
  /// Largest L2 norm of what one example (one device, if `per_device`) adds; 0: there is none, and the
  /// block can't be released under privacy.
  double bound = 0;
  bool per_device = false;
};

/// The blocks of an evaluation, end to end in one vector. Server and devices must have the same.
class MetricLayout {
 public:
  /// Throws: kInternal for an empty block or a name that is there already.
  void add(MetricBlock block);
  std::size_t size() const { return size_; }
  const std::vector<MetricBlock>& blocks() const { return blocks_; }
  bool has(const std::string& name) const;
  /// Throws: kInternal for a name that is not there.
  std::size_t place(const std::string& name) const;
  std::size_t offset(std::size_t place) const { return offsets_[place]; }

 private:
  std::vector<MetricBlock> blocks_;
  std::vector<std::size_t> offsets_;
  std::size_t size_ = 0;
};

/// A number for one entry of a block.
struct MetricEntry {
  std::size_t index = 0;
  double value = 1;
};

/// What one device reports of a model: sums over its examples, nothing else.
///
/// Guarantee: what an example adds to a block has norm at most the block's bound; a longer one is scaled
/// down and counted in `clipped`. Sums are integers in fixed point, rounded example by example, so any
/// split of the examples over devices, in any order, gives the same total bit for bit.
class MetricSums {
 public:
  explicit MetricSums(std::shared_ptr<const MetricLayout> layout);

  /// What one example (the device: `per_device`) adds to a block; at most once, where the block has a
  /// bound. A value that is not finite counts as 0 and makes the contribution clipped. Throws:
  /// kInternal for a second contribution; kRuntime if a sum would leave 62 bits.
  void add(std::size_t place, std::span<const MetricEntry> entries);
  void add(std::size_t place, std::initializer_list<MetricEntry> entries) {
    add(place, std::span<const MetricEntry>(entries.begin(), entries.size()));
  }
  /// Ends an example: contributions since the last call were its own.
  void count_example() { ++examples_; }

  const MetricLayout& layout() const { return *layout_; }
  const std::shared_ptr<const MetricLayout>& shared_layout() const { return layout_; }
  std::int64_t examples() const { return examples_; }
  std::int64_t clipped() const { return clipped_; }
  /// The vector as secure aggregation adds it: integers modulo 2^64.
  const std::vector<std::uint64_t>& encoded() const { return sums_; }
  std::vector<double> values() const;
  /// Joins what two processes counted on one device.
  void merge(const MetricSums& other);

 private:
  void put(std::size_t place, std::size_t index, double value);

  std::shared_ptr<const MetricLayout> layout_;
  std::vector<std::uint64_t> sums_;
  std::vector<std::int64_t> last_;  // example that last added to each block
  std::int64_t examples_ = 0;
  std::int64_t clipped_ = 0;
};

/// Integers modulo 2^64 as numbers again.
std::vector<double> decode_sums(const MetricLayout& layout, std::span<const std::uint64_t> sums);

}  // namespace discreet::federated
