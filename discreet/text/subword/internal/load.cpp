#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/lines.h"
#include "discreet/text/subword/internal/json_fields.h"
#include "discreet/text/subword/internal/pipeline.h"
#include "discreet/text/subword/internal/sentence_piece.h"
#include "discreet/text/subword/internal/special_tokens.h"
#include "discreet/text/subword/internal/tokenizer_file.h"
#include "discreet/text/unicode.h"

namespace discreet::text::subword {
namespace {
namespace fs = std::filesystem;

TokenIds ids_of(TokenizerLists& lists) {
  TokenIds ids;
  for (auto& [token, id] : lists.vocabulary) ids.add(std::move(token), static_cast<std::int32_t>(id));
  return ids;
}

ModelPtr model_of(const JsonFields& f, TokenizerLists& lists) {
  std::string type = f.text("type", "");
  if (type.empty()) {  // older files
    type = lists.has_merges ? "BPE" : lists.has_pieces ? "Unigram" : f.has("max_input_chars_per_word") ? "WordPiece" : "";
  }
  const auto needs = [&](bool there, const char* what) {
    if (!there) f.refuse(fmt::format("{} without {}", type, what));
  };
  if (type == "WordPiece") {
    f.only({"unk_token", "continuing_subword_prefix", "max_input_chars_per_word", "vocab"});
    needs(lists.has_vocabulary, "a vocab of tokens and ids");
    WordPieceOptions options;
    options.unknown = f.text("unk_token", options.unknown);
    options.prefix = f.text("continuing_subword_prefix", options.prefix);
    if (f.has("max_input_chars_per_word")) {
      options.longest_word = static_cast<std::size_t>(f.integer("max_input_chars_per_word", 0, INT32_MAX));
    }
    return make_word_piece(ids_of(lists), options);
  }
  if (type == "BPE") {
    f.only({"dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback",
            "ignore_merges", "vocab", "merges"});
    needs(lists.has_vocabulary, "a vocab of tokens and ids");
    needs(lists.has_merges, "merges");
    if (f.has("dropout") && f.json()["dropout"] != 0.0) f.fail("dropout", "null: ids here are the same each time");
    return make_bpe(ids_of(lists), lists.merges,
                    {.unknown = f.text("unk_token", ""),
                     .prefix = f.text("continuing_subword_prefix", ""),
                     .suffix = f.text("end_of_word_suffix", ""),
                     .fuse_unknown = f.boolean("fuse_unk", false),
                     .byte_fallback = f.boolean("byte_fallback", false),
                     .ignore_merges = f.boolean("ignore_merges", false)},
                    f.where());
  }
  if (type == "Unigram") {
    f.only({"unk_id", "byte_fallback", "vocab"});
    needs(lists.has_pieces, "a vocab of pieces and scores");
    UnigramOptions options{.byte_fallback = f.boolean("byte_fallback", false)};
    if (f.has("unk_id")) options.unknown = static_cast<std::int32_t>(f.integer("unk_id", 0, INT32_MAX));
    return make_unigram(lists.pieces, options, f.where());
  }
  if (type == "WordLevel") {
    f.only({"unk_token", "vocab"});
    needs(lists.has_vocabulary, "a vocab of tokens and ids");
    return make_word_level(ids_of(lists), f.text("unk_token", ""));
  }
  f.fail("type", "WordPiece, BPE, Unigram or WordLevel");
}

/// Tokens the model lacks get the ids behind its own, in their order, as there; what the file states is
/// only checked to be an id.
std::vector<AddedToken> added_of(const Json& list, const std::string& where, const Model& model) {
  std::vector<AddedToken> tokens;
  if (list.is_null()) return tokens;
  if (!list.is_array()) throw bad_data(fmt::format("{}: expected a list, got {}", where, shown(list)));
  auto next = static_cast<std::int32_t>(model.vocabulary().count());
  StringMap seen;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const JsonFields f(list[i], fmt::format("{}[{}]", where, i));
    f.only({"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
    AddedToken token = read_added_token(f);
    f.integer("id", 0, INT32_MAX - 1);
    if (token.content.empty()) continue;
    token.id = seen.find(token.content);
    if (token.id < 0) token.id = model.vocabulary().id_of(token.content);
    if (token.id < 0) token.id = next;
    next = std::max(next, token.id + 1);
    seen.set(token.content, token.id);
    tokens.push_back(std::move(token));
  }
  return tokens;
}

Json read_config(const fs::path& file) {
  if (!fs::is_regular_file(file)) return Json::object();
  Json config = read_small_json(core::read_file(file), file.string());
  if (!config.is_object()) throw bad_data(file.string() + ": expected an object");
  return config;
}

constexpr const char* kBuiltIn = "built-in components";

Parts bert_parts(const fs::path& file, const Json& config, const Json& map) {
  TokenIds ids;
  core::LineReader lines(file, 1 << 20);
  std::int32_t id = 0;
  for (std::string line; lines.next(line); ++id) {
    require_utf8(line, lines.where());
    ids.add(line, id);
  }
  if (id == 0) throw bad_data(file.string() + ": no tokens", "A vocab.txt has one token a line.");
  const JsonFields f(config, "tokenizer_config.json");
  const auto token = [&](const char* key, const char* otherwise) {
    std::string name = named_token(config, key);
    if (name.empty()) name = named_token(map, key);
    return name.empty() ? std::string(otherwise) : name;
  };
  const std::string unk = token("unk_token", "[UNK]"), cls = token("cls_token", "[CLS]"), sep = token("sep_token", "[SEP]");
  Parts parts;
  const bool lower = f.boolean("do_lower_case", true);
  parts.normalizer = make_normalizer({{"type", "BertNormalizer"},
                                      {"handle_chinese_chars", f.boolean("tokenize_chinese_chars", true)},
                                      {"strip_accents", f.boolean("strip_accents", lower)},
                                      {"lowercase", lower}},
                                     kBuiltIn);
  parts.pre_tokenizer = make_pre_tokenizer({{"type", "BertPreTokenizer"}}, kBuiltIn, false);
  parts.model = make_word_piece(std::move(ids), {.unknown = unk});
  const std::int32_t cls_id = parts.model->vocabulary().id_of(cls), sep_id = parts.model->vocabulary().id_of(sep);
  if (cls_id >= 0 && sep_id >= 0) {
    parts.post_processor = make_post_processor(
        {{"type", "BertProcessing"}, {"sep", Json::array({sep, sep_id})}, {"cls", Json::array({cls, cls_id})}}, kBuiltIn);
  }
  parts.decoder = make_decoder({{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}}, kBuiltIn);
  Json named = map;
  for (const auto& [key, name] : {std::pair("unk_token", unk), {"cls_token", cls}, {"sep_token", sep},
                                  {"pad_token", token("pad_token", "[PAD]")}, {"mask_token", token("mask_token", "[MASK]")}}) {
    named[key] = name;
  }
  parts.added = configured_tokens(config, named, *parts.model);
  find_special(parts, config, named);
  return parts;
}

Merges read_merges(const fs::path& file) {
  Merges merges;
  core::LineReader lines(file, 1 << 20);
  for (std::string line; lines.next(line);) {
    if (line.starts_with("#version") || line.empty()) continue;
    require_utf8(line, lines.where());
    const std::size_t space = line.find(' ');
    if (space == std::string::npos || line.find(' ', space + 1) != std::string::npos) {
      throw bad_data(lines.where() + ": expected two tokens with one space between them");
    }
    merges.emplace_back(line.substr(0, space), line.substr(space + 1));
  }
  return merges;
}

Parts byte_level_parts(const fs::path& vocabulary, const fs::path& merges, const Json& config, const Json& map) {
  TokenizerLists lists = read_vocabulary_json(core::read_file(vocabulary), vocabulary.string());
  const JsonFields f(config, "tokenizer_config.json");
  const std::string kind = f.text("tokenizer_class", "");
  const bool roberta = kind.starts_with("Roberta") || kind.starts_with("Bart") || kind.starts_with("Longformer") || kind.starts_with("LED");
  if (!kind.empty() && !roberta && !kind.starts_with("GPT2")) {
    f.fail("tokenizer_class", "a GPT-2, RoBERTa or BART tokeniser beside vocab.json and merges.txt, or a tokenizer.json");
  }
  Parts parts;
  const bool prefix = f.boolean("add_prefix_space", false);
  parts.model = make_bpe(ids_of(lists), read_merges(merges), {}, merges.string());
  parts.pre_tokenizer = make_pre_tokenizer({{"type", "ByteLevel"}, {"add_prefix_space", prefix}, {"trim_offsets", true}}, kBuiltIn, true);
  parts.decoder = make_decoder({{"type", "ByteLevel"}}, kBuiltIn);
  const TokenIds& ids = parts.model->vocabulary();
  Json named = map;
  const auto name = [&](const char* key, const char* otherwise) {
    if (named_token(config, key).empty() && named_token(map, key).empty() && ids.id_of(otherwise) >= 0) named[key] = otherwise;
    const std::string of_config = named_token(config, key);
    return of_config.empty() ? named_token(named, key) : of_config;
  };
  if (roberta) {
    const std::string cls = name("cls_token", "<s>"), sep = name("sep_token", "</s>");
    for (const auto& [key, token] : {std::pair("bos_token", "<s>"), {"eos_token", "</s>"}, {"unk_token", "<unk>"}, {"pad_token", "<pad>"}, {"mask_token", "<mask>"}}) name(key, token);
    if (ids.id_of(cls) < 0 || ids.id_of(sep) < 0) throw bad_data(fmt::format("{}: no tokens '{}' and '{}'", vocabulary.string(), cls, sep));
    parts.post_processor = make_post_processor({{"type", "RobertaProcessing"},
                                                {"sep", Json::array({sep, ids.id_of(sep)})},
                                                {"cls", Json::array({cls, ids.id_of(cls)})},
                                                {"trim_offsets", true},
                                                {"add_prefix_space", prefix}},
                                               kBuiltIn);
  } else {
    for (const char* key : {"bos_token", "eos_token", "unk_token"}) name(key, "<|endoftext|>");
    parts.post_processor = make_post_processor({{"type", "ByteLevel"}, {"add_prefix_space", prefix}, {"trim_offsets", false}}, kBuiltIn);
  }
  parts.added = configured_tokens(config, named, *parts.model);
  if (roberta) {
    for (AddedToken& token : parts.added) {
      if (token.content == name("mask_token", "<mask>") && !config.contains("added_tokens_decoder")) token.lstrip = true;
    }
  }
  find_special(parts, config, named);
  return parts;
}

}  // namespace

Parts parts_from_json(const std::string& text, const std::string& origin) {
  TokenizerFile file = read_tokenizer_json(text, origin);
  const JsonFields f(file.rest, origin);
  f.only({"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder", "model"});
  if (f.has("version") && f.text("version") != "1.0") f.fail("version", "\"1.0\"");
  const auto part = [&](const char* key) -> const Json& {
    static const Json none = nullptr;
    return f.has(key) ? file.rest[key] : none;
  };
  const auto at = [&](const char* key) { return origin + ": " + key; };
  Parts parts;
  parts.model = model_of(JsonFields(f.object("model"), at("model")), file.lists);
  const std::string kind = parts.model->kind();
  parts.added = added_of(part("added_tokens"), at("added_tokens"), *parts.model);
  parts.normalizer = make_normalizer(part("normalizer"), at("normalizer"));
  parts.pre_tokenizer = make_pre_tokenizer(part("pre_tokenizer"), at("pre_tokenizer"), kind == "BPE" || kind == "WordLevel");
  parts.needs_origins = parts.pre_tokenizer != nullptr && parts.pre_tokenizer->needs_origins();
  parts.post_processor = make_post_processor(part("post_processor"), at("post_processor"));
  parts.decoder = make_decoder(part("decoder"), at("decoder"));
  find_special(parts, Json::object(), Json::object());
  return parts;
}

Parts load_parts(const fs::path& path) {
  fs::path folder = path, file;
  if (fs::is_regular_file(path)) {
    file = path;
    folder = path.parent_path();
  } else {
    for (const char* name : {"tokenizer.json", "vocab.txt", "vocab.json", "tokenizer.model", "spiece.model", "tokenizer.bin"}) {
      if (fs::is_regular_file(path / name)) {
        file = path / name;
        break;
      }
    }
  }
  if (file.empty()) {
    throw runtime_failure(fmt::format("{}: no tokenizer.json, vocab.txt, vocab.json, tokenizer.model, spiece.model or tokenizer.bin", path.string()),
                          "Name a model folder or one of these files.");
  }
  const Json config = read_config(folder / "tokenizer_config.json");
  const Json map = read_config(folder / "special_tokens_map.json");
  const std::string extension = file.extension().string();
  if (extension == ".model" || extension == ".bin") return sentence_piece_parts(file, config, map);
  if (extension == ".txt") return bert_parts(file, config, map);
  const fs::path merges = fs::is_regular_file(folder / "merges.txt") ? folder / "merges.txt" : folder / "vocab.bpe";
  if (file.filename() == "vocab.json" && !fs::is_regular_file(merges)) {
    throw runtime_failure(fmt::format("{}: no merges.txt beside it", file.string()));
  }
  if (file.filename() == "vocab.json") return byte_level_parts(file, merges, config, map);
  Parts parts = parts_from_json(core::read_file(file), file.string());
  find_special(parts, config, map);
  return parts;
}

}  // namespace discreet::text::subword
