#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <functional>

#include "discreet/core/error.h"
#include "discreet/formats/internal/bpe_json.h"
#include "discreet/formats/internal/rotary_rows.h"
#include "discreet/formats/model_import.h"

// The checkpoint (run.c of llama2.c, its first version): seven int32 (width, feed-forward width,
// layers, heads, key/value heads, tokens, positions; tokens are negative if the output layer has
// its own weights), then float32: the embedding; of all layers the attention norm, the four
// projections, the feed-forward norm and its three matrices; the last norm; two unused tables of
// rotations; the output layer. The tokenizer: an int32, then for each token a float32 score, an
// int32 length, bytes.

namespace discreet::formats {
namespace {

constexpr std::size_t kLlama2cHeaderBytes = 7 * sizeof(std::int32_t);
constexpr std::uint32_t kVersionedMagic = 0x616b3432;  // "ak42": versions 1 and 2
constexpr std::int64_t kFirstByteToken = 3, kByteTokens = 256;

std::int32_t int32_at(std::span<const std::byte> bytes, std::size_t at) {
  std::int32_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

/// Hands out one matrix after the other; the sizes were checked to fit.
class FloatCursor {
 public:
  explicit FloatCursor(const std::byte* at) : at_(at) {}
  const std::byte* take(std::int64_t floats) {
    const std::byte* here = at_;
    at_ += static_cast<std::size_t>(floats) * sizeof(float);
    return here;
  }

 private:
  const std::byte* at_;
};

struct Llama2cSizes {
  std::int64_t width, inner, layers, heads, key_value_heads, tokens, positions;
  bool tied;
  std::int64_t head() const { return width / heads; }
  std::int64_t key_value_width() const { return head() * key_value_heads; }
  std::int64_t floats() const {
    const std::int64_t attention = width * (2 * width + 2 * key_value_width());
    const std::int64_t layer = 2 * width + attention + 3 * inner * width;
    return tokens * width * (tied ? 1 : 2) + layers * layer + width + positions * head();
  }
};

Llama2cSizes read_sizes_of(const std::string& name, std::span<const std::byte> bytes) {
  if (bytes.size() < kLlama2cHeaderBytes) {
    throw bad_data(fmt::format("{}: has {} bytes, less than a header", name, bytes.size()));
  }
  if (static_cast<std::uint32_t>(int32_at(bytes, 0)) == kVersionedMagic) {
    throw bad_data(fmt::format("{}: version {} of llama2.c's checkpoints is not read", name,
                               int32_at(bytes, 4)),
                   "Export it as version 0 (float32 without a header's magic number).");
  }
  std::array<std::int64_t, 7> n;
  for (std::size_t i = 0; i < n.size(); ++i) n[i] = int32_at(bytes, i * sizeof(std::int32_t));
  const Llama2cSizes sizes = {n[0], n[1], n[2], n[3], n[4], std::abs(n[5]), n[6], n[5] > 0};
  // Products of three of these stay below 2^62.
  for (const std::int64_t size : {sizes.width, sizes.inner, sizes.heads, sizes.key_value_heads}) {
    if (size < 1 || size > 1 << 20) {
      throw bad_data(fmt::format("{}: the header has a size of {}", name, size),
                     "It is damaged or not a checkpoint of llama2.c.");
    }
  }
  const bool plausible = sizes.layers >= 1 && sizes.layers <= 1 << 14 && sizes.tokens >= 1 &&
                         sizes.tokens <= 1 << 24 && sizes.positions >= 1 &&
                         sizes.positions <= 1 << 24 && sizes.width % sizes.heads == 0 &&
                         sizes.head() % 2 == 0 && sizes.heads % sizes.key_value_heads == 0;
  if (!plausible) {
    throw bad_data(
        fmt::format("{}: {} layers, {} of {} heads of {} values, {} tokens, {} positions "
                    "are no model",
                    name, sizes.layers, sizes.key_value_heads, sizes.heads, sizes.width,
                    sizes.tokens, sizes.positions));
  }
  const auto expected =
      kLlama2cHeaderBytes + static_cast<std::uint64_t>(sizes.floats()) * sizeof(float);
  if (bytes.size() != expected) {
    throw bad_data(
        fmt::format("{}: has {} bytes; its header asks for {}", name, bytes.size(), expected));
  }
  return sizes;
}

void add_llama2c_weights(ImportedModel& model, const Llama2cSizes& s, FloatCursor floats) {
  const auto plain = [](const std::byte* from) {
    return [from](std::span<float> out) { std::memcpy(out.data(), from, out.size_bytes()); };
  };
  const auto add = [&](const std::string& name, std::vector<std::int64_t> shape,
                       std::function<void(std::span<float>)> fill) {
    model.weights.push_back({name, std::move(shape), std::move(fill)});
  };
  const std::byte* embedding = floats.take(s.tokens * s.width);
  add("model.embed_tokens.weight", {s.tokens, s.width}, plain(embedding));
  struct Part {
    const char* name;
    std::vector<std::int64_t> shape;
    std::int64_t heads;  ///< Rows are rotated; 0 for none.
  };
  const std::int64_t kv = s.key_value_width();
  const std::vector<Part> parts = {
      {"input_layernorm", {s.width}, 0},
      {"self_attn.q_proj", {s.width, s.width}, s.heads},
      {"self_attn.k_proj", {kv, s.width}, s.key_value_heads},
      {"self_attn.v_proj", {kv, s.width}, 0},
      {"self_attn.o_proj", {s.width, s.width}, 0},
      {"post_attention_layernorm", {s.width}, 0},
      {"mlp.gate_proj", {s.inner, s.width}, 0},
      {"mlp.down_proj", {s.width, s.inner}, 0},
      {"mlp.up_proj", {s.inner, s.width}, 0},
  };
  for (const Part& part : parts) {
    const std::int64_t size = part.shape[0] * (part.shape.size() > 1 ? part.shape[1] : 1);
    for (std::int64_t layer = 0; layer < s.layers; ++layer) {
      const std::byte* from = floats.take(size);
      const std::string name = fmt::format("model.layers.{}.{}.weight", layer, part.name);
      if (part.heads == 0) {
        add(name, part.shape, plain(from));
      } else {
        add(name, part.shape, [from, heads = part.heads, width = s.width](std::span<float> out) {
          std::memcpy(out.data(), from, out.size_bytes());
          internal::split_rotary_pairs(out, heads, width);
        });
      }
    }
  }
  add("model.norm.weight", {s.width}, plain(floats.take(s.width)));
  floats.take(s.positions * s.head());
  if (!s.tied) {
    add("lm_head.weight", {s.tokens, s.width}, plain(floats.take(s.tokens * s.width)));
  }
}

/// Tokens 0 to 2 are <unk>, <s>, </s>, whatever the file calls them, then come the bytes.
void read_llama2c_tokens(internal::BpeModel& model, std::vector<float>& scores,
                         std::span<const std::byte> bytes, std::int64_t tokens) {
  const auto fail = [&](std::size_t at, const std::string& what) {
    return bad_data(fmt::format("{}: byte {}: {}", model.origin, at, what),
                    "It is damaged or not the tokenizer of this checkpoint.");
  };
  std::size_t at = sizeof(std::int32_t);
  for (std::int64_t id = 0; id < tokens; ++id) {
    if (bytes.size() < at || bytes.size() - at < 8) {
      throw fail(at, fmt::format("ends at token {} of {}", id, tokens));
    }
    float score = 0;
    std::memcpy(&score, bytes.data() + at, sizeof(score));
    const std::int32_t length = int32_at(bytes, at + 4);
    at += 8;
    if (length < 0 || static_cast<std::size_t>(length) > bytes.size() - at) {
      throw fail(at, fmt::format("token {} claims {} bytes", id, length));
    }
    std::string text(reinterpret_cast<const char*>(bytes.data()) + at,
                     static_cast<std::size_t>(length));
    at += static_cast<std::size_t>(length);
    auto kind = internal::TokenKind::kNormal;
    if (id < kFirstByteToken) {
      text = id == 0 ? "<unk>" : id == 1 ? "<s>" : "</s>";
      kind = id == 0 ? internal::TokenKind::kUnknown : internal::TokenKind::kControl;
    } else if (id < kFirstByteToken + kByteTokens) {
      text = fmt::format("<0x{:02X}>", id - kFirstByteToken);
      kind = internal::TokenKind::kByte;
    }
    std::string spelled;
    for (const char c : text) spelled += c == ' ' ? "\xE2\x96\x81" : std::string(1, c);
    model.tokens.push_back(std::move(spelled));
    model.kinds.push_back(kind);
    scores.push_back(score);
  }
  if (at != bytes.size()) {
    throw fail(at, fmt::format("{} bytes behind the {} tokens of the checkpoint", bytes.size() - at,
                               tokens));
  }
}

}  // namespace

ImportedModel import_llama2c(const std::string& checkpoint_name,
                             std::span<const std::byte> checkpoint,
                             const std::string& tokenizer_name,
                             std::span<const std::byte> tokenizer) {
  const Llama2cSizes sizes = read_sizes_of(checkpoint_name, checkpoint);
  ImportedModel model;
  model.form = "llama2.c";
  PretrainedConfig& config = model.config;
  config = default_pretrained_config(ModelForm::kLlama);
  config.architectures = {"LlamaForCausalLM"};
  config.vocab_size = sizes.tokens;
  config.hidden_size = sizes.width;
  config.intermediate_size = sizes.inner;
  config.layers = sizes.layers;
  config.heads = sizes.heads;
  config.llama.key_value_heads = sizes.key_value_heads;
  config.llama.head_size = sizes.head();
  config.max_position_embeddings = sizes.positions;
  config.norm_eps = 1e-5;
  config.tie_word_embeddings = sizes.tied;
  model.generation.bos_token_id = 1;
  model.generation.eos_token_ids = {2};
  add_llama2c_weights(model, sizes, FloatCursor(checkpoint.data() + kLlama2cHeaderBytes));

  internal::BpeModel vocabulary;
  vocabulary.origin = tokenizer_name;
  std::vector<float> scores;
  read_llama2c_tokens(vocabulary, scores, tokenizer, sizes.tokens);
  vocabulary.unknown = 0;
  vocabulary.bos = 1;
  vocabulary.eos = 2;
  vocabulary.add_bos = true;
  vocabulary.max_tokens = sizes.positions;
  model.tokenizer = internal::sentence_piece_tokenizer_json(vocabulary, scores, true);
  model.tokenizer_config = internal::tokenizer_config_json(vocabulary);
  return model;
}

}  // namespace discreet::formats
