#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "discreet/core/files.h"
#include "discreet/core/json.h"

namespace discreet::nn::test {

/// A folder with nothing but a config.json of a small model of that type: 12 wide, 2 layers, 3 heads;
/// "albert": one block for both. `more` is merged into it.
inline std::filesystem::path tiny_pretrained(const std::string& type, std::int64_t vocabulary,
                                             const Json& more = Json::object()) {
  Json config = {{"model_type", type}, {"vocab_size", vocabulary}};
  if (type == "gpt2") {
    config.update(Json{{"n_embd", 12}, {"n_layer", 2}, {"n_head", 3}, {"n_positions", 24}, {"n_inner", 16}});
  } else if (type == "distilbert") {
    config.update(Json{{"dim", 12}, {"n_layers", 2}, {"n_heads", 3}, {"hidden_dim", 16},
                       {"max_position_embeddings", 24}});
  } else {
    config.update(Json{{"hidden_size", 12},
                       {"num_hidden_layers", 2},
                       {"num_attention_heads", 3},
                       {"intermediate_size", 16},
                       {"max_position_embeddings", 24}});
  }
  if (type == "llama") config.update(Json{{"num_key_value_heads", 1}, {"head_dim", 4}});
  if (type == "albert" || type == "electra") config["embedding_size"] = 8;
  config.update(more);
  static int number = 0;
  const auto folder = std::filesystem::path(::testing::TempDir()) /
                      ("discreet-" + type + "-" + std::to_string(::getpid()) + "-" +
                       std::to_string(number++));
  std::filesystem::create_directories(folder);
  core::write_file_atomically(folder / "config.json", config.dump());
  return folder;
}

}  // namespace discreet::nn::test
