#include "discreet/app/internal/signal_files.h"

#include <zlib.h>

#include <span>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/json.h"
#include "discreet/formats/safetensors.h"

namespace discreet::app::internal {
namespace {

class TensorWriter {
 public:
  template <class T>
  void add(const std::string& name, const std::vector<T>& values, std::vector<std::int64_t> shape,
           formats::DType dtype) {
    if (values.empty()) return;
    std::int64_t count = 1;
    for (const std::int64_t size : shape) count *= size;
    if (count != static_cast<std::int64_t>(values.size())) throw internal_error("signals: " + name + " does not fit");
    tensors_.push_back({name, {dtype, std::move(shape), std::as_bytes(std::span<const T>(values))}});
  }
  void write(const std::filesystem::path& path) const { formats::write_safetensors(path, tensors_); }

 private:
  std::vector<formats::NamedTensorView> tensors_;
};

void write_tensor_signals(const std::filesystem::path& path, const SignalTable& table) {
  using formats::DType;
  const auto n = static_cast<std::int64_t>(table.size()), m = static_cast<std::int64_t>(table.models),
             k = static_cast<std::int64_t>(table.classes);
  TensorWriter writer;
  writer.add("member", table.member, {n}, DType::kI8);
  writer.add("id", table.id, {n}, DType::kI64);
  writer.add("label", table.label, {n}, DType::kI64);
  writer.add("user", table.user, {n}, DType::kI64);
  writer.add("length", table.length, {n}, DType::kF64);
  writer.add("logits", table.logits, {n, k}, DType::kF32);
  writer.add("loss", table.loss, {n}, DType::kF64);
  writer.add("shadow", table.shadow_logits, {n, m, k}, DType::kF32);
  writer.add("shadow", table.shadow_loss, {n, m}, DType::kF64);
  writer.add("in", table.in, {n, m}, DType::kU8);
  writer.add("features", table.features, {n, static_cast<std::int64_t>(table.feature_count)}, DType::kF64);
  writer.write(path);
}

template <class T>
std::vector<T> part(const std::vector<T>& values, std::size_t first, std::size_t last) {
  return {values.begin() + static_cast<std::ptrdiff_t>(first), values.begin() + static_cast<std::ptrdiff_t>(last)};
}

void write_token_signals(const std::filesystem::path& path, const SignalTable& table) {
  std::string lines;
  for (std::size_t i = 0; i < table.size(); ++i) {
    const auto first = static_cast<std::size_t>(table.offsets[i]), last = static_cast<std::size_t>(table.offsets[i + 1]);
    Json line = {{"id", table.id[i]}, {"token_log_probs", part(table.token_log_probs, first, last)}};
    if (table.member[i] < 0) line["population"] = true;
    else line["member"] = table.member[i];
    if (!table.user.empty()) line["user"] = table.user[i];
    if (!table.length.empty()) line["length"] = table.length[i];
    if (!table.token_means.empty()) {
      line["token_means"] = part(table.token_means, first, last);
      line["token_deviations"] = part(table.token_deviations, first, last);
    }
    if (!table.zlib_bytes.empty()) line["zlib_bytes"] = table.zlib_bytes[i];
    if (!table.neighbours.empty()) line["neighbours"] = table.neighbours[i];
    if (table.models > 0) {
      Json shadow = Json::array();
      for (std::size_t m = 0; m < table.models; ++m) shadow.push_back(-table.shadow_loss[i * table.models + m]);
      line["shadow"] = std::move(shadow);
      if (!table.in.empty()) line["in"] = part(table.in, i * table.models, (i + 1) * table.models);
    }
    if (table.feature_count > 0) {
      line["features"] = part(table.features, i * table.feature_count, (i + 1) * table.feature_count);
    }
    lines += line.dump() + "\n";
  }
  core::write_file_atomically(path, lines);
}

}  // namespace

std::filesystem::path write_signals(std::filesystem::path path, const SignalTable& table) {
  path += table.tokens() ? ".jsonl" : ".safetensors";
  if (table.tokens()) write_token_signals(path, table);
  else write_tensor_signals(path, table);
  return path;
}

double zlib_bytes_of(const std::string& text) {
  uLongf size = ::compressBound(static_cast<uLong>(text.size()));
  std::vector<Bytef> packed(size);
  ::compress(packed.data(), &size, reinterpret_cast<const Bytef*>(text.data()), static_cast<uLong>(text.size()));
  return static_cast<double>(size);
}

}  // namespace discreet::app::internal
