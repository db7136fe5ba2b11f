#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace discreet::formats {

/// An HDF5 file, for reading. Paths inside the file have '/' between names ("uniform/n_clients").
/// Every error names the file and the path in it. Not for use by several threads at once.
class Hdf5Reader {
 public:
  /// Throws: kBadData if this is no HDF5 file; kRuntime if there is no file.
  explicit Hdf5Reader(const std::filesystem::path& path);
  ~Hdf5Reader();
  Hdf5Reader(Hdf5Reader&&) noexcept;

  bool contains(const std::string& name) const;
  /// Names of the members of a group ("" is the root), by their numbers where all are numbers (0, 1,
  /// 10 in the order 0, 1, 10), else as strings. HDF5 itself lists 0, 1, 10, 2.
  std::vector<std::string> members(const std::string& group) const;
  /// A scalar or an array of integers of any width, flat. Throws: kBadData for other types.
  std::vector<std::int64_t> integers(const std::string& name) const;
  /// A scalar or an array of numbers.
  std::vector<double> doubles(const std::string& name) const;
  /// A scalar or an array of strings, of fixed or variable length.
  std::vector<std::string> strings(const std::string& name) const;
  bool is_group(const std::string& name) const;
  const std::filesystem::path& path() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A new HDF5 file, written whole or not at all: `close` puts it in its place.
class Hdf5Writer {
 public:
  explicit Hdf5Writer(const std::filesystem::path& path);
  ~Hdf5Writer();  ///< Without `close`: nothing is left.
  void integer(const std::string& name, std::int64_t value);
  void number(const std::string& name, double value);
  void integers(const std::string& name, std::span<const std::int64_t> values);
  void string(const std::string& name, const std::string& value);
  void strings(const std::string& name, std::span<const std::string> values);
  void close();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace discreet::formats
