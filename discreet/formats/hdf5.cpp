#include "discreet/formats/hdf5.h"

#include <fmt/format.h>
#include <hdf5.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "discreet/core/error.h"
#include "discreet/core/files.h"

namespace discreet::formats {
namespace {

/// An HDF5 handle, closed by its own function.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle& operator=(Handle&&) = delete;
  hid_t get() const { return id_; }
  bool ok() const { return id_ >= 0; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

/// Most values that one data set may hold: a damaged file must not ask for all memory.
constexpr hssize_t kMostValues = hssize_t{1} << 31;

void quiet_library() { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

bool all_digits(const std::string& name) {
  return !name.empty() && name.size() < 19 &&
         std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

struct Hdf5Reader::State {
  std::filesystem::path path;
  Handle file;

  [[noreturn]] void fail(const std::string& name, const std::string& what) const {
    throw bad_data(fmt::format("{}: /{}: {}", path.string(), name, what));
  }
  Handle open_data(const std::string& name) const {
    Handle data(H5Dopen2(file.get(), ("/" + name).c_str(), H5P_DEFAULT), H5Dclose);
    if (!data.ok()) fail(name, "no such data set");
    return data;
  }
  std::size_t count(const Handle& data, const std::string& name) const {
    const Handle space(H5Dget_space(data.get()), H5Sclose);
    const hssize_t values = space.ok() ? H5Sget_simple_extent_npoints(space.get()) : -1;
    if (values < 0 || values > kMostValues) fail(name, "its size cannot be read");
    // What was never written takes no room in the file; the shape alone must not fill the memory.
    const hsize_t stored = H5Dget_storage_size(data.get());
    if (values > 1 << 20 && stored < static_cast<hsize_t>(values) / 2048) {
      fail(name, fmt::format("{} values in {} bytes", values, stored));
    }
    return static_cast<std::size_t>(values);
  }
  template <class T>
  std::vector<T> numbers(const std::string& name, hid_t memory_type, bool whole) const {
    const Handle data = open_data(name);
    const Handle type(H5Dget_type(data.get()), H5Tclose);
    const H5T_class_t kind = type.ok() ? H5Tget_class(type.get()) : H5T_NO_CLASS;
    if (kind != H5T_INTEGER && (whole || kind != H5T_FLOAT)) {
      fail(name, whole ? "expected integers" : "expected numbers");
    }
    std::vector<T> values(count(data, name));
    if (!values.empty() && H5Dread(data.get(), memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                                   values.data()) < 0) {
      fail(name, "it cannot be read");
    }
    return values;
  }
};

Hdf5Reader::Hdf5Reader(const std::filesystem::path& path) {
  quiet_library();
  if (!std::filesystem::exists(path)) {
    throw runtime_failure(path.string() + ": no such file");
  }
  Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  if (!file.ok()) throw bad_data(path.string() + ": this is no HDF5 file, or it is damaged");
  state_ = std::unique_ptr<State>(new State{path, std::move(file)});
}
Hdf5Reader::~Hdf5Reader() = default;
Hdf5Reader::Hdf5Reader(Hdf5Reader&&) noexcept = default;

const std::filesystem::path& Hdf5Reader::path() const { return state_->path; }

bool Hdf5Reader::contains(const std::string& name) const {
  // Each part must exist before the next is asked for.
  for (std::size_t end = 0; end != std::string::npos;) {
    end = name.find('/', end + 1);
    const std::string part = name.substr(0, end);
    if (H5Lexists(state_->file.get(), ("/" + part).c_str(), H5P_DEFAULT) <= 0) return false;
  }
  return true;
}

bool Hdf5Reader::is_group(const std::string& name) const {
  if (!contains(name)) return false;
  const Handle group(H5Gopen2(state_->file.get(), ("/" + name).c_str(), H5P_DEFAULT), H5Gclose);
  return group.ok();
}

std::vector<std::string> Hdf5Reader::members(const std::string& name) const {
  const Handle group(H5Gopen2(state_->file.get(), ("/" + name).c_str(), H5P_DEFAULT), H5Gclose);
  if (!group.ok()) state_->fail(name, "no such group");
  H5G_info_t info{};
  if (H5Gget_info(group.get(), &info) < 0) state_->fail(name, "its members cannot be read");
  std::vector<std::string> names;
  for (hsize_t i = 0; i < info.nlinks; ++i) {
    const ssize_t length = H5Lget_name_by_idx(group.get(), ".", H5_INDEX_NAME, H5_ITER_INC, i,
                                              nullptr, 0, H5P_DEFAULT);
    if (length < 0) state_->fail(name, "its members cannot be read");
    std::string member(static_cast<std::size_t>(length) + 1, '\0');
    H5Lget_name_by_idx(group.get(), ".", H5_INDEX_NAME, H5_ITER_INC, i, member.data(),
                       member.size(), H5P_DEFAULT);
    member.pop_back();
    names.push_back(std::move(member));
  }
  if (std::all_of(names.begin(), names.end(), all_digits)) {
    std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
      return std::stoll(a) < std::stoll(b);
    });
  }
  return names;
}

std::vector<std::int64_t> Hdf5Reader::integers(const std::string& name) const {
  return state_->numbers<std::int64_t>(name, H5T_NATIVE_INT64, true);
}

std::vector<double> Hdf5Reader::doubles(const std::string& name) const {
  return state_->numbers<double>(name, H5T_NATIVE_DOUBLE, false);
}

std::vector<std::string> Hdf5Reader::strings(const std::string& name) const {
  const Handle data = state_->open_data(name);
  const Handle type(H5Dget_type(data.get()), H5Tclose);
  if (!type.ok() || H5Tget_class(type.get()) != H5T_STRING) state_->fail(name, "expected strings");
  const std::size_t count = state_->count(data, name);
  std::vector<std::string> values;
  if (count == 0) return values;
  const Handle memory(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_cset(memory.get(), H5Tget_cset(type.get()));
  if (H5Tis_variable_str(type.get()) > 0) {
    H5Tset_size(memory.get(), H5T_VARIABLE);
    std::vector<char*> pointers(count, nullptr);
    const Handle space(H5Dget_space(data.get()), H5Sclose);
    if (H5Dread(data.get(), memory.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()) < 0) {
      state_->fail(name, "it cannot be read");
    }
    for (const char* pointer : pointers) values.emplace_back(pointer == nullptr ? "" : pointer);
    H5Dvlen_reclaim(memory.get(), space.get(), H5P_DEFAULT, pointers.data());
    return values;
  }
  const std::size_t width = H5Tget_size(type.get());
  if (width == 0 || width > static_cast<std::size_t>(kMostValues) / count) {
    state_->fail(name, "strings of this length cannot be read");
  }
  H5Tset_size(memory.get(), width);
  H5Tset_strpad(memory.get(), H5Tget_strpad(type.get()));
  std::string bytes(count * width, '\0');
  if (H5Dread(data.get(), memory.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()) < 0) {
    state_->fail(name, "it cannot be read");
  }
  for (std::size_t i = 0; i < count; ++i) {
    std::string value = bytes.substr(i * width, width);
    value.resize(std::min(value.size(), value.find('\0')));
    values.push_back(std::move(value));
  }
  return values;
}

struct Hdf5Writer::State {
  std::filesystem::path path;
  std::filesystem::path temporary;
  Handle file;
  Handle links;  // groups on the way are made
  bool closed = false;

  [[noreturn]] void fail(const std::string& name) const {
    throw runtime_failure(fmt::format("{}: /{} cannot be written", path.string(), name));
  }
  void write(const std::string& name, hid_t type, const Handle& space, const void* values) {
    const Handle data(H5Dcreate2(file.get(), ("/" + name).c_str(), type, space.get(), links.get(),
                                 H5P_DEFAULT, H5P_DEFAULT),
                      H5Dclose);
    if (!data.ok()) fail(name);
    if (values != nullptr &&
        H5Dwrite(data.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0) {
      fail(name);
    }
  }
};

namespace {

Handle array_space(std::size_t n) {
  const hsize_t extent = n;
  return {H5Screate_simple(1, &extent, nullptr), H5Sclose};
}
Handle scalar_space() { return {H5Screate(H5S_SCALAR), H5Sclose}; }

Handle utf8_type() {
  Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.get(), H5T_VARIABLE);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  return type;
}

}  // namespace

Hdf5Writer::Hdf5Writer(const std::filesystem::path& path) {
  quiet_library();
  std::filesystem::path temporary = path;
  temporary.replace_filename(fmt::format(".tmp-{}-{}", ::getpid(), path.filename().string()));
  Handle file(H5Fcreate(temporary.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose);
  if (!file.ok()) throw runtime_failure(path.string() + ": the file cannot be made");
  Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  H5Pset_create_intermediate_group(links.get(), 1);
  state_ = std::unique_ptr<State>(
      new State{path, temporary, std::move(file), std::move(links), false});
}

Hdf5Writer::~Hdf5Writer() {
  if (!state_ || state_->closed) return;
  const std::filesystem::path temporary = state_->temporary;
  state_.reset();
  std::error_code ignored;
  std::filesystem::remove(temporary, ignored);
}

void Hdf5Writer::integer(const std::string& name, std::int64_t value) {
  state_->write(name, H5T_NATIVE_INT64, scalar_space(), &value);
}
void Hdf5Writer::number(const std::string& name, double value) {
  state_->write(name, H5T_NATIVE_DOUBLE, scalar_space(), &value);
}
void Hdf5Writer::integers(const std::string& name, std::span<const std::int64_t> values) {
  state_->write(name, H5T_NATIVE_INT64, array_space(values.size()),
                values.empty() ? nullptr : values.data());
}
void Hdf5Writer::string(const std::string& name, const std::string& value) {
  const char* pointer = value.c_str();
  state_->write(name, utf8_type().get(), scalar_space(), &pointer);
}
void Hdf5Writer::strings(const std::string& name, std::span<const std::string> values) {
  std::vector<const char*> pointers;
  for (const std::string& value : values) pointers.push_back(value.c_str());
  state_->write(name, utf8_type().get(), array_space(values.size()),
                values.empty() ? nullptr : static_cast<const void*>(pointers.data()));
}

void Hdf5Writer::close() {
  if (H5Fflush(state_->file.get(), H5F_SCOPE_GLOBAL) < 0) state_->fail("");
  const std::filesystem::path path = state_->path;
  const std::filesystem::path temporary = state_->temporary;
  state_->closed = true;
  state_.reset();  // closes the file before its bytes are read
  const std::string bytes = core::read_file(temporary);
  std::error_code ignored;
  std::filesystem::remove(temporary, ignored);
  core::write_file_atomically(path, bytes);
}

}  // namespace discreet::formats
