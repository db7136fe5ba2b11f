#include "discreet/app/model_info.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/formats/generation_config.h"
#include "discreet/formats/gguf.h"
#include "discreet/formats/model_import.h"
#include "discreet/formats/pretrained_config.h"
#include "discreet/formats/weight_folder.h"

namespace discreet::app {
namespace {
namespace fs = std::filesystem;

constexpr std::uintmax_t kMaxTokenizerBytes = 256 << 20;

/// "bert.encoder.layer" of "bert.encoder.layer.3.output.dense.weight": what lies before the first
/// number, or else the part that the weight belongs to.
std::string group_of(const std::string& name) {
  std::string group, part;
  std::size_t begin = 0;
  while (begin < name.size()) {
    const std::size_t dot = std::min(name.find('.', begin), name.size());
    part = name.substr(begin, dot - begin);
    const bool number = !part.empty() && part.find_first_not_of("0123456789") == std::string::npos;
    if (number && !group.empty()) return group;
    if (dot == name.size() && !group.empty()) return group;
    group += (group.empty() ? "" : ".") + part;
    begin = dot + 1;
  }
  return group;
}

class WeightCounter {
 public:
  void add(const std::string& name, std::string_view dtype, std::int64_t values,
           std::uint64_t bytes) {
    ++tensors_;
    values_ += values;
    bytes_ += bytes;
    dtypes_[std::string(dtype)] += values;
    const std::string group = group_of(name);
    if (groups_.count(group) == 0) order_.push_back(group);
    groups_[group].first += 1;
    groups_[group].second += values;
  }

  Json to_json() const {
    Json groups = Json::array(), dtypes = Json::object();
    for (const std::string& name : order_) {
      const auto& [tensors, values] = groups_.at(name);
      groups.push_back({{"group", name}, {"tensors", tensors}, {"parameters", values}});
    }
    for (const auto& [name, values] : dtypes_) dtypes[name] = values;
    return {{"tensors", tensors_},
            {"parameters", values_},
            {"bytes", bytes_},
            {"dtypes", dtypes},
            {"groups", groups}};
  }

 private:
  std::int64_t tensors_ = 0, values_ = 0;
  std::uint64_t bytes_ = 0;
  std::map<std::string, std::int64_t> dtypes_;
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> groups_;
  std::vector<std::string> order_;
};

Json count_weights(const fs::path& path) {
  const formats::WeightFolder weights(path);
  WeightCounter counter;
  for (const std::string& name : weights.names()) {
    const formats::TensorView& view = weights.at(name);
    counter.add(name, formats::dtype_name(view.dtype), view.count(), view.bytes.size());
  }
  return counter.to_json();
}

Json count_gguf(const formats::GgufFile& file) {
  WeightCounter counter;
  for (const std::string& name : file.names()) {
    const formats::GgufTensor& tensor = file.at(name);
    counter.add(name, formats::ggml_type_name(tensor.type), tensor.count(), tensor.bytes.size());
  }
  return counter.to_json();
}

/// Looks for model.type in a tokenizer.json and ends there; the vocabulary is never kept.
class TokenizerKind : public nlohmann::json_sax<nlohmann::json> {
 public:
  const std::string& kind() const { return kind_; }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return ++depth_ > 0; }
  bool start_array(std::size_t) override { return ++depth_ > 0; }
  bool end_object() override { return --depth_ >= 0; }
  bool end_array() override { return --depth_ >= 0; }
  bool key(string_t& name) override {
    if (depth_ == 1) in_model_ = name == "model";
    is_type_ = depth_ == 2 && in_model_ && name == "type";
    return true;
  }
  bool string(string_t& value) override {
    if (!is_type_ || depth_ != 2) return true;
    kind_ = value;
    return false;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override {
    kind_ = "damaged";
    return false;
  }

 private:
  int depth_ = 0;
  bool in_model_ = false, is_type_ = false;
  std::string kind_ = "BPE or WordPiece";  // Files of old versions name none.
};

std::string tokenizer_json_kind(const fs::path& file) {
  if (fs::file_size(file) > kMaxTokenizerBytes) return "too large";
  TokenizerKind finder;
  nlohmann::json::sax_parse(core::read_file(file), &finder);
  return finder.kind();
}

Json describe_tokenizer(const fs::path& folder) {
  const auto found = [](const char* file, const std::string& kind) {
    return Json{{"file", file}, {"kind", kind}};
  };
  if (fs::exists(folder / "tokenizer.json")) {
    return found("tokenizer.json", tokenizer_json_kind(folder / "tokenizer.json"));
  }
  for (const char* name : {"spiece.model", "tokenizer.model", "sentencepiece.bpe.model"}) {
    if (fs::exists(folder / name)) return found(name, "SentencePiece");
  }
  if (fs::exists(folder / "vocab.txt")) return found("vocab.txt", "WordPiece");
  if (fs::exists(folder / "vocab.json") && fs::exists(folder / "merges.txt")) {
    return found("vocab.json", "BPE");
  }
  return Json();
}

void put_config(Json& document, const formats::PretrainedConfig& config) {
  document["model_type"] = std::string(formats::model_type_name(config.form));
  document["architectures"] = config.architectures;
  document["sizes"] = {{"vocabulary", config.vocab_size},
                       {"hidden", config.hidden_size},
                       {"layers", config.layers},
                       {"heads", config.heads},
                       {"intermediate", config.intermediate_size}};
  Json& sizes = document["sizes"];
  if (config.max_tokens()) sizes["tokens"] = *config.max_tokens();
  if (config.form == formats::ModelForm::kBart) {
    sizes["decoder_layers"] = config.bart.decoder_layers;
  }
  if (config.form == formats::ModelForm::kT5) sizes["decoder_layers"] = config.t5.decoder_layers;
  if (config.form == formats::ModelForm::kLlama || config.form == formats::ModelForm::kMistral) {
    sizes["key_value_heads"] = config.llama.key_value_heads;
  }
  // Every configuration has two labels by default; a model without a head for them has none.
  const bool named = config.labels != formats::default_pretrained_config(config.form).labels;
  const bool classifies =
      std::any_of(config.architectures.begin(), config.architectures.end(),
                  [](const std::string& name) { return name.ends_with("Classification"); });
  if (named || classifies) document["labels"] = config.labels;
  for (const auto& [key, value] : config.ignored.items()) document["ignored"].push_back(key);
}

/// The first reason stands.
void set_unsupported(Json& document, const Error& error) {
  if (!document["supported"].get<bool>()) return;
  document["supported"] = false;
  document["supported_reason"] = error.hint().empty()
                                     ? std::string(error.what())
                                     : fmt::format("{}. {}", error.what(), error.hint());
}

/// A configuration that asks for what we lack is a finding, not a failure.
void try_config(Json& document, const fs::path& path) {
  try {
    const formats::PretrainedConfig config = formats::read_pretrained_config(path);
    put_config(document, config);
    formats::check_model_class(config);
    const auto generation = fs::is_directory(path) ? formats::read_generation_config(path)
                                                   : formats::GenerationConfig();
    for (const auto& [key, value] : generation.ignored.items()) {
      document["ignored"].push_back("generation_config." + key);
    }
    for (const auto& [key, value] : generation.unsupported.items()) {
      document["caveats"].push_back(
          fmt::format("Generation asks for {} = {}, which is not supported.", key, value.dump()));
    }
  } catch (const Error& e) {
    if (e.code() != ErrorCode::kBadData) throw;
    set_unsupported(document, e);
  }
}

void describe_gguf(Json& document, const fs::path& path) {
  const formats::GgufFile file(path);
  document["form"] = "gguf";
  document["weights"] = count_gguf(file);
  try {
    const formats::ImportedModel model = formats::import_gguf(file);
    put_config(document, model.config);
    document["tokenizer"] = {{"file", path.filename().string()},
                             {"kind", model.tokenizer["model"]["type"]}};
    document["caveats"].push_back(
        "A GGUF file is imported before it is used: `discreet model "
        "import`.");
  } catch (const Error& e) {
    if (e.code() != ErrorCode::kBadData) throw;
    set_unsupported(document, e);
  }
}

bool begins_with_gguf(const fs::path& path) {
  char magic[4] = {};
  std::ifstream(path, std::ios::binary).read(magic, sizeof(magic));
  return std::string_view(magic, sizeof(magic)) == "GGUF";
}

void describe_folder(Json& document, const fs::path& path) {
  document["form"] = "hugging-face";
  if (!fs::exists(path / "config.json")) {
    document["supported"] = false;
    document["supported_reason"] = fmt::format("{}: has no config.json", path.string());
  } else {
    try_config(document, path);
  }
  document["tokenizer"] = describe_tokenizer(path);
  try {
    document["weights"] = count_weights(path);
  } catch (const Error& e) {
    // No weights, or weights in another format; damaged ones are an error.
    if (fs::exists(path / "model.safetensors") ||
        fs::exists(path / "model.safetensors.index.json") || e.code() != ErrorCode::kBadData) {
      throw;
    }
    set_unsupported(document, e);
  }
}

}  // namespace

Json model_info(const fs::path& path) {
  if (!fs::exists(path)) {
    throw usage_error(fmt::format("{}: no such file or folder", path.string()),
                      "Name a folder with config.json, a .gguf file or a .safetensors file.");
  }
  Json document = {{"schema", "discreet.model.info/1"},
                   {"source", path.string()},
                   {"form", nullptr},
                   {"model_type", nullptr},
                   {"architectures", Json::array()},
                   {"supported", true},
                   {"supported_reason", nullptr},
                   {"sizes", nullptr},
                   {"labels", Json::array()},
                   {"ignored", Json::array()},
                   {"tokenizer", nullptr},
                   {"weights", nullptr},
                   {"caveats", Json::array()}};
  if (fs::is_directory(path)) {
    describe_folder(document, path);
  } else if (begins_with_gguf(path)) {
    describe_gguf(document, path);
  } else if (path.extension() == ".json") {
    document["form"] = "config";
    try_config(document, path);
  } else {
    document["form"] = "safetensors";
    document["weights"] = count_weights(path);
    document["supported"] = false;
    document["supported_reason"] =
        "weights alone: which model they belong to stands in config.json";
  }
  return document;
}

}  // namespace discreet::app
