#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace discreet::formats {

/// Builds GGUF files for tests, well formed unless told otherwise.
class GgufBytes {
 public:
  explicit GgufBytes(std::uint32_t version = 3) : version_(version) {}

  template <class T>
  static std::string raw(T value) {
    return std::string(reinterpret_cast<const char*>(&value), sizeof(T));
  }
  static std::string raw_text(const std::string& text) {
    return raw<std::uint64_t>(text.size()) + text;
  }

  /// A key with the bytes of its value, behind the number of its kind.
  GgufBytes& key(const std::string& name, std::uint32_t kind, const std::string& value) {
    keys_ += raw_text(name) + raw(kind) + value;
    ++key_count;
    return *this;
  }
  GgufBytes& integer(const std::string& name, std::uint32_t value) {
    return key(name, 4, raw(value));
  }
  GgufBytes& real(const std::string& name, float value) { return key(name, 6, raw(value)); }
  GgufBytes& boolean(const std::string& name, bool value) {
    return key(name, 7, std::string(1, value ? '\1' : '\0'));
  }
  GgufBytes& text(const std::string& name, const std::string& value) {
    return key(name, 8, raw_text(value));
  }
  GgufBytes& texts(const std::string& name, const std::vector<std::string>& values) {
    std::string bytes = raw<std::uint32_t>(8) + raw<std::uint64_t>(values.size());
    for (const auto& value : values) bytes += raw_text(value);
    return key(name, 9, bytes);
  }
  template <class T>
  GgufBytes& list(const std::string& name, std::uint32_t kind, const std::vector<T>& values) {
    std::string bytes = raw(kind) + raw<std::uint64_t>(values.size());
    for (const T value : values) bytes += raw(value);
    return key(name, 9, bytes);
  }

  /// `shape` row-major; `data` goes to the next multiple of 32 bytes.
  GgufBytes& tensor(const std::string& name, const std::vector<std::uint64_t>& shape,
                    std::uint32_t type, const std::string& data) {
    data_.resize((data_.size() + 31) / 32 * 32);
    entry(name, shape, type, data_.size());
    data_ += data;
    return *this;
  }
  GgufBytes& tensor(const std::string& name, const std::vector<std::uint64_t>& shape,
                    const std::vector<float>& values) {
    return tensor(
        name, shape, 0,
        std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)));
  }
  void entry(const std::string& name, const std::vector<std::uint64_t>& shape, std::uint32_t type,
             std::uint64_t offset) {
    entries_ += raw_text(name) + raw<std::uint32_t>(static_cast<std::uint32_t>(shape.size()));
    for (auto size = shape.rbegin(); size != shape.rend(); ++size) entries_ += raw(*size);
    entries_ += raw(type) + raw(offset);
    ++tensor_count;
  }

  std::string bytes(std::size_t alignment = 32) const {
    std::string header =
        "GGUF" + raw(version_) + raw(tensor_count) + raw(key_count) + keys_ + entries_;
    header.resize((header.size() + alignment - 1) / alignment * alignment);
    return header + data_;
  }

  std::uint64_t tensor_count = 0, key_count = 0;

 private:
  std::uint32_t version_;
  std::string keys_, entries_, data_;
};

/// A llama of one layer: width 8, two heads of four values, one key/value head, five tokens or
/// more, untied, weights 0, 1, 2 … in the order of the file.
inline GgufBytes small_llama_gguf(bool with_tokenizer = true, float theta = 1e5f) {
  GgufBytes file;
  file.text("general.architecture", "llama")
      .integer("llama.embedding_length", 8)
      .integer("llama.feed_forward_length", 6)
      .integer("llama.block_count", 1)
      .integer("llama.attention.head_count", 2)
      .integer("llama.attention.head_count_kv", 1)
      .integer("llama.context_length", 16)
      .real("llama.attention.layer_norm_rms_epsilon", 1e-5f)
      .real("llama.rope.freq_base", theta);
  if (with_tokenizer) {
    file.text("tokenizer.ggml.model", "gpt2")
        .text("tokenizer.ggml.pre", "smollm")
        .texts("tokenizer.ggml.tokens", {"<|end|>", "a", "b", "ab", "abab"})
        .list<std::int32_t>("tokenizer.ggml.token_type", 5, {3, 1, 1, 1, 4})
        .texts("tokenizer.ggml.merges", {"a b", "ab ab"})
        .integer("tokenizer.ggml.eos_token_id", 0);
  }
  float next = 0;
  const auto add = [&](const std::string& name, const std::vector<std::uint64_t>& shape) {
    std::uint64_t count = 1;
    for (const auto size : shape) count *= size;
    std::vector<float> values(count);
    for (float& value : values) value = next++;
    file.tensor(name, shape, values);
  };
  add("token_embd.weight", {5, 8});
  add("output_norm.weight", {8});
  add("output.weight", {5, 8});
  add("blk.0.attn_norm.weight", {8});
  add("blk.0.attn_q.weight", {8, 8});
  add("blk.0.attn_k.weight", {4, 8});
  add("blk.0.attn_v.weight", {4, 8});
  add("blk.0.attn_output.weight", {8, 8});
  add("blk.0.ffn_norm.weight", {8});
  add("blk.0.ffn_gate.weight", {6, 8});
  add("blk.0.ffn_up.weight", {6, 8});
  add("blk.0.ffn_down.weight", {8, 6});
  return file;
}

}  // namespace discreet::formats
