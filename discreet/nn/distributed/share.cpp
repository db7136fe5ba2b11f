#include "discreet/nn/distributed/share.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "discreet/core/sha256.h"

namespace discreet::nn {
namespace {

std::int64_t share_number(ProcessGroup& group, std::int64_t number) {
  at::Tensor value = at::full({1}, number, at::kLong);
  group.share(value);
  return value.data_ptr<std::int64_t>()[0];
}

/// Memory of trivially copyable things as a tensor of bytes that owns nothing.
at::Tensor bytes_of(const void* data, std::size_t size) {
  return at::from_blob(const_cast<void*>(data), {static_cast<std::int64_t>(size)}, at::kByte);
}

template <class T>
std::vector<T> join_vectors(ProcessGroup& group, const std::vector<T>& mine) {
  if (group.alone()) return mine;
  at::Tensor sizes = at::empty({group.size(), 1}, at::kLong);
  group.gather_all(at::full({1}, static_cast<std::int64_t>(mine.size()), at::kLong), sizes);
  const std::int64_t* size = sizes.data_ptr<std::int64_t>();
  const std::int64_t longest = *std::max_element(size, size + group.size());
  if (longest == 0) return {};
  const auto row_bytes = static_cast<std::size_t>(longest) * sizeof(T);
  at::Tensor padded = at::zeros({static_cast<std::int64_t>(row_bytes)}, at::kByte);
  std::memcpy(padded.data_ptr(), mine.data(), mine.size() * sizeof(T));
  at::Tensor all = at::empty({group.size(), static_cast<std::int64_t>(row_bytes)}, at::kByte);
  group.gather_all(padded, all);
  std::vector<T> joined;
  for (int rank = 0; rank < group.size(); ++rank) {
    const std::size_t before = joined.size(), more = static_cast<std::size_t>(size[rank]);
    joined.resize(before + more);
    std::memcpy(joined.data() + before,
                static_cast<const char*>(all.data_ptr()) + static_cast<std::size_t>(rank) * row_bytes,
                more * sizeof(T));
  }
  return joined;
}

}  // namespace

std::string share_text(ProcessGroup& group, std::string text) {
  if (group.alone()) return text;
  text.resize(static_cast<std::size_t>(share_number(group, static_cast<std::int64_t>(text.size()))));
  if (text.empty()) return text;
  at::Tensor bytes = bytes_of(text.data(), text.size());
  group.share(bytes);
  return text;
}

Json share_json(ProcessGroup& group, const Json& document) {
  if (group.alone()) return document;
  return Json::parse(share_text(group, group.leads() ? document.dump() : ""));
}

Json share_made(ProcessGroup& group, const std::function<Json()>& make) {
  return share_json(group, group.leads() ? make() : Json());
}

NamedTensors share_tensors(ProcessGroup& group, NamedTensors tensors) {
  if (group.alone()) return tensors;
  Json header = Json::array();
  if (group.leads()) {
    for (const auto& [name, tensor] : tensors) {
      header.push_back({{"name", name},
                        {"type", static_cast<int>(tensor.scalar_type())},
                        {"shape", tensor.sizes().vec()}});
    }
  }
  header = share_json(group, header);
  NamedTensors shared;
  for (std::size_t i = 0; i < header.size(); ++i) {
    const auto shape = header[i]["shape"].get<std::vector<std::int64_t>>();
    const auto type = static_cast<at::ScalarType>(header[i]["type"].get<int>());
    at::Tensor tensor = group.leads() ? tensors[i].second.detach().to(at::kCPU).contiguous()
                                      : at::empty(shape, type);
    group.share(tensor);
    shared.emplace_back(header[i]["name"].get<std::string>(), tensor);
  }
  return shared;
}

void share_values(ProcessGroup& group, const NamedTensors& tensors) {
  if (group.alone()) return;
  const at::NoGradGuard no_gradients;
  for (const auto& [name, tensor] : tensors) {
    at::Tensor values = tensor.detach().contiguous();
    group.share(values);
    if (values.data_ptr() != tensor.data_ptr()) tensor.copy_(values);
  }
}

std::vector<double> join(ProcessGroup& group, const std::vector<double>& mine) {
  return join_vectors(group, mine);
}
std::vector<float> join(ProcessGroup& group, const std::vector<float>& mine) {
  return join_vectors(group, mine);
}
std::vector<std::int64_t> join(ProcessGroup& group, const std::vector<std::int64_t>& mine) {
  return join_vectors(group, mine);
}

void check_same(ProcessGroup& group, const std::string& text, const std::string& what) {
  if (group.alone()) return;
  const std::string hash = core::sha256(text);
  const auto length = static_cast<std::int64_t>(hash.size());
  at::Tensor all = at::empty({group.size(), length}, at::kByte);
  group.gather_all(bytes_of(hash.data(), hash.size()), all);
  const char* rows = static_cast<const char*>(all.data_ptr());
  for (int rank = 1; rank < group.size(); ++rank) {
    if (std::memcmp(rows, rows + rank * length, hash.size()) == 0) continue;
    throw usage_error(fmt::format("rank {} has other {} than rank 0", rank, what),
                      "Start every process with the same command, and give each the same files.");
  }
}

}  // namespace discreet::nn
