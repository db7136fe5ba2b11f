#include "discreet/app/run_data.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>

#include <fmt/format.h>

#include "discreet/app/data_sets.h"
#include "discreet/app/internal/counterfactual.h"
#include "discreet/app/internal/encoder.h"
#include "discreet/app/internal/text_coin.h"
#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/core/run_dir.h"
#include "discreet/core/sha256.h"
#include "discreet/mitigate/words/swapper.h"
#include "discreet/text/frame.h"
#include "discreet/text/references.h"

namespace discreet::app {
namespace fs = std::filesystem;
namespace {

/// Those of data.group; of training data the columns that [mitigate] reads, too.
std::vector<std::string> group_columns_of(const Settings& settings, const std::string& role) {
  std::vector<std::string> columns = settings.data.group;
  if (role != "train") return columns;
  for (const std::string* name : {&settings.mitigate.weight, &settings.mitigate.attribute}) {
    if (!name->empty() && std::ranges::find(columns, *name) == columns.end()) columns.push_back(*name);
  }
  return columns;
}

text::ReaderOptions reader_options(const Settings& settings, const std::string& role) {
  return {.text = settings.data.text,
          .label = settings.data.label,
          .slots = settings.data.slots,
          .user = settings.data.user,
          .group = group_columns_of(settings, role),
          .encoding = settings.data.encoding,
          .header = settings.data.header,
          .quotes = settings.data.quotes,
          .question = settings.data.question,
          .answers = settings.data.answers,
          .coarse = settings.data.coarse};
}

/// Columns by the names that the task gives them.
text::ReaderOptions task_options(const Settings& settings, const std::string& role) {
  text::ReaderOptions options = reader_options(settings, role);
  const auto or_usual = [](const std::string& name, const char* usual) { return name.empty() ? usual : name; };
  if (settings.task == "span-qa") {
    options.text = or_usual(settings.data.context, "context");
    options.question = or_usual(settings.data.question, "question");
    options.answers = or_usual(settings.data.answers, "answers");
  } else if (settings.task == "seq2seq") {
    options.text = or_usual(settings.data.source, "source");
    options.answers = or_usual(settings.data.target, "target");
  }
  return options;
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(' ');
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

/// Sources of one split, separated by " + ".
std::vector<std::string> sources_of(const std::string& list) {
  std::vector<std::string> sources;
  std::size_t begin = 0;
  while (begin <= list.size()) {
    std::size_t end = list.find(" + ", begin);
    if (end == std::string::npos) end = list.size();
    sources.push_back(trimmed(list.substr(begin, end - begin)));
    begin = end + 3;
  }
  return sources;
}

struct Source {
  std::string role;
  std::string list;
  text::Split split;
};

/// Words of consecutive examples, each user's apart, cut into examples of `block` words; lines end with
/// the word "\n". The last block of a user may be shorter.
std::vector<text::Example> cut_into_blocks(const std::vector<text::Example>& lines, std::int64_t block) {
  std::vector<text::Example> blocks;
  std::map<std::string, std::size_t> open;  // user to the block being filled
  for (const text::Example& line : lines) {
    std::vector<std::string> words = line.words;
    words.emplace_back("\n");
    for (std::string& word : words) {
      const auto [place, fresh] = open.try_emplace(line.user, blocks.size());
      if (fresh || static_cast<std::int64_t>(blocks[place->second].words.size()) >= block) {
        place->second = blocks.size();
        blocks.emplace_back();
        blocks.back().user = line.user;
        blocks.back().groups = line.groups;
        blocks.back().line = line.line;
      }
      blocks[place->second].words.push_back(std::move(word));
    }
  }
  return blocks;
}

std::vector<text::Example> read_examples(const Settings& settings, const Source& source,
                                         const text::Tokenizer& tokenizer) {
  std::vector<text::Example> examples;
  for (const std::string& name : sources_of(source.list)) {
    const auto reader = open_data(name, source.split, settings.data.format, task_options(settings, source.role));
    text::Example example;
    while (reader->next(example)) {
      if (settings.data.tokenizer == "character") {
        example.words.clear();  // the words that a source gives are no tokens of this run
        example.tags.clear();
      }
      text::tokenize_example(tokenizer, example);
      if (settings.task == "seq2seq" && settings.data.target == "frame" && example.answers.empty()) {
        if (const std::string frame = text::frame_of(example); !frame.empty()) {
          example.answers = {frame};
          example.answer_begins = {-1};
        }
      }
      for (const std::string& group : settings.data.group) {  // the built-in corpus has columns of its own
        const auto found = example.extra.find(group);
        if (found != example.extra.end()) example.groups[group] = found->second;
      }
      example.extra.clear();
      examples.push_back(example);
    }
  }
  if (examples.empty()) {
    throw bad_data(fmt::format("data.{} = \"{}\": there are no examples in it", source.role, source.list));
  }
  // Several targets of one source are references to be measured against; each is an example to learn.
  if (settings.task == "seq2seq" && source.role != "train") return text::merged_by_text(std::move(examples));
  // Subwords are cut into blocks when they are known.
  if (settings.data.block > 0 && settings.data.tokenizer != "subword") {
    return cut_into_blocks(examples, settings.data.block);
  }
  return examples;
}

/// Files by their bytes; what is generated or known by name by the examples that came out.
void add_inputs(const Source& source, const std::vector<text::Example>& examples,
                std::vector<core::InputFile>& inputs) {
  for (const std::string& name : sources_of(source.list)) {
    if (fs::exists(name)) inputs.push_back(core::describe_input(source.role, name));
  }
  const bool all_files = std::ranges::all_of(sources_of(source.list), [](const std::string& name) {
    return fs::exists(name);
  });
  if (!all_files) {
    inputs.push_back({.role = source.role,
                      .path = source.list,
                      .bytes = 0,
                      .sha256 = content_sha256(examples)});
  }
}

/// The supervised task that an example's columns are of; empty if there is none.
const char* task_of(const text::Example& example) {
  if (!example.question.empty()) return "span-qa";
  if (!example.tags.empty()) return example.label.empty() ? "tagging" : "intent-slot";
  if (!example.label.empty()) return "text-classification";
  return example.answers.empty() ? "" : "seq2seq";
}

void check_columns(const Settings& settings, const Source& source,
                   const std::vector<text::Example>& examples) {
  const text::Example& first = examples.front();
  const auto missing = [&](const char* what, const char* key) {
    const std::string fits = task_of(first);
    return usage_error(
        fmt::format("data.{} = \"{}\": task \"{}\" needs {}, which the first example has not", source.role,
                    source.list, settings.task, what),
        fmt::format("Name the column with data.{}, or choose another task{}.", key,
                    fits.empty() ? "" : fmt::format(": these are data for task = \"{}\"", fits)));
  };
  if (needs_intents(settings) && first.label.empty()) throw missing("a label", "label");
  const bool any_tags = std::ranges::any_of(examples, [](const auto& e) { return !e.tags.empty(); });
  if (needs_tags(settings) && !any_tags) throw missing("slots", "slots");
  if (settings.task == "span-qa" && first.question.empty()) throw missing("a question", "question");
  if (settings.task == "seq2seq" && first.answers.empty()) throw missing("a target", "target");
  if (needs_tags(settings)) {
    for (const text::Example& example : examples) {
      for (const std::string& tag : example.tags) {
        const bool bio = tag == "O" || (tag.size() > 2 && (tag.starts_with("B-") || tag.starts_with("I-")));
        if (bio) continue;
        throw bad_data(fmt::format("{}: line {} has the tag '{}', which is not of the BIO scheme", source.list, example.line, tag),
                       "Tags are O, B-type or I-type; write E- and S- of the BIOES scheme as I- and B-.");
      }
    }
  }
  if (source.role != "train") return;
  for (const text::Example& example : examples) {
    if (needs_intents(settings) && example.label.empty()) {
      throw bad_data(fmt::format("{}: line {} has no label", source.list, example.line),
                     "Every training example needs one: fill it in, or take the line out.");
    }
    if (privacy_unit_is_user(settings) && example.user.empty()) {
      throw bad_data(fmt::format("{}: line {} has no user, but privacy.unit is \"user\"", source.list,
                                 example.line),
                     "Name the column with data.user, or protect examples: privacy.unit = \"example\".");
    }
  }
}

std::vector<text::Example> load_split(const Settings& settings, const Source& source,
                                      const text::Tokenizer& tokenizer, RunData& data) {
  if (source.list.empty()) return {};
  std::vector<text::Example> examples = read_examples(settings, source, tokenizer);
  check_columns(settings, source, examples);
  add_inputs(source, examples, data.inputs);
  return examples;
}

/// What has one answer teaches nothing.
void check_answers(const Settings& settings, const Encoder& encoder) {
  if (settings.task == "text-classification" && encoder.intents.size() == 1) {
    throw bad_data(fmt::format("data.train = \"{}\": every example has the label '{}'",
                               settings.data.train, encoder.intents.name(0)),
                   "A classifier needs examples of at least two classes.");
  }
  if (settings.task == "tagging" && encoder.tags.size() == 1) {
    throw bad_data(fmt::format("data.train = \"{}\": every word has the tag '{}'", settings.data.train,
                               encoder.tags.name(0)),
                   "Tagging needs words with tags such as B-name.");
  }
}

text::Split split_of_role(const std::string& role) {
  if (role == "dev") return text::Split::kDev;
  return role == "test" ? text::Split::kTest : text::Split::kTrain;
}

/// Moves the examples at `indices` (rising) out of `examples`.
std::vector<text::Example> take_out(std::vector<text::Example>& examples,
                                    const std::vector<std::int64_t>& indices) {
  std::vector<text::Example> taken, kept;
  std::size_t next = 0;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    const bool out = next < indices.size() && indices[next] == static_cast<std::int64_t>(i);
    (out ? taken : kept).push_back(std::move(examples[i]));
    next += out ? 1 : 0;
  }
  examples = std::move(kept);
  return taken;
}

/// The example with its gendered words exchanged; nothing if it has none, or if words would fall apart and
/// tags with them.
std::optional<text::Example> counterfactual_of(const mitigate::Swapper& swapper, const text::Tokenizer& tokenizer,
                                               const text::Example& example) {
  mitigate::SwapCounts counts = swapper.no_counts();
  text::Example copy = example;
  copy.text.clear();
  if (example.tags.empty() && !example.text.empty()) {
    swapper.swap(example.text, copy.text, counts);
    if (counts.changed() == 0) return std::nullopt;
    copy.words.clear();
    text::tokenize_example(tokenizer, copy);
    return copy;
  }
  std::string joined, swapped;
  for (const std::string& word : example.words) joined += word + ' ';
  swapper.swap(joined, swapped, counts);
  if (counts.changed() == 0) return std::nullopt;
  copy.words.clear();
  for (std::size_t begin = 0, end; (end = swapped.find(' ', begin)) != std::string::npos; begin = end + 1) {
    copy.words.push_back(swapped.substr(begin, end - begin));
  }
  if (copy.words.size() != example.words.size()) return std::nullopt;
  for (const std::string& word : copy.words) copy.text += (copy.text.empty() ? "" : " ") + word;
  return copy;
}

/// [mitigate] counterfactual: copies stand behind the examples, so that places in the file stay.
void add_exchanged_texts(const Settings& settings, const text::Tokenizer& tokenizer, std::vector<text::Example>& train,
                         RunData& data) {
  const std::string& mode = settings.mitigate.counterfactual;
  if (mode == "none") return;
  const mitigate::Swapper swapper(mitigate::default_gender_lists());
  std::vector<text::Example> copies;
  std::size_t changed = 0;
  for (text::Example& example : train) {
    if (mode == "substitute" &&
        coin_of("counterfactual", static_cast<std::uint64_t>(settings.run.seed), example) >= settings.mitigate.share) {
      continue;
    }
    auto copy = counterfactual_of(swapper, tokenizer, example);
    if (!copy) continue;
    ++changed;
    if (mode == "augment") copies.push_back(std::move(*copy));
    else example = std::move(*copy);
  }
  data.notes.push_back(fmt::format("{} of {} training examples have gendered words and were {}.", changed, train.size(),
                                   mode == "augment" ? "added once more with them exchanged" : "exchanged"));
  std::ranges::move(copies, std::back_inserter(train));
}

RunData load(const Settings& settings, const DistillOptions& distill, const Encoder* known,
             const std::vector<std::int64_t>* known_hold_out) {
  RunData data;
  // A language model's student reads what its teacher reads.
  const bool taught = known == nullptr && takes_teacher_vocabulary(settings, distill);
  const auto tokenizer = known    ? known->tokenizer
                         : taught ? teacher_encoder(settings, distill).tokenizer
                                  : make_run_tokenizer(settings);
  const Source train_source{"train", settings.data.train, text::Split::kTrain};
  if (settings.data.train.empty()) {
    throw usage_error("data.train is not set", "Name a file, a known data set, or \"assistant\".");
  }
  auto train = load_split(settings, train_source, *tokenizer, data);
  auto dev = load_split(settings, {"dev", settings.data.dev, text::Split::kDev}, *tokenizer, data);
  auto test = load_split(settings, {"test", settings.data.test, text::Split::kTest}, *tokenizer, data);
  data.has_user_column = std::ranges::any_of(train, [](const text::Example& example) { return !example.user.empty(); });

  data.hold_out_indices = known_hold_out
                              ? *known_hold_out
                              : (settings.privacy.is_private() ? draw_hold_out_by_content : draw_hold_out)(
                                    train, settings.data.hold_out, static_cast<std::uint64_t>(settings.run.seed),
                                    privacy_unit_is_user(settings));
  if (!data.hold_out_indices.empty() &&
      data.hold_out_indices.back() >= static_cast<std::int64_t>(train.size())) {
    throw bad_data(fmt::format("data.train = \"{}\": holdout.json names example {}, the file has {}",
                               settings.data.train, data.hold_out_indices.back(), train.size()),
                   "The training data changed since the run; restore them.");
  }
  auto hold_out = take_out(train, data.hold_out_indices);
  if (train.empty()) throw usage_error("data.hold_out leaves nothing to train on");
  for (const fs::path& file : counterfactual_files(distill)) {
    data.inputs.push_back(core::describe_input("pairs", file));
  }
  add_counterfactuals(settings, distill, *tokenizer, train, data.notes);
  add_exchanged_texts(settings, *tokenizer, train, data);

  data.encoder = known ? *known : build_encoder(settings, distill, train, tokenizer, data.inputs);
  if (known == nullptr) check_answers(settings, data.encoder);
  data.train = encode(data.encoder, std::move(train), EncodeFor::kTraining);
  data.hold_out = encode(data.encoder, std::move(hold_out), EncodeFor::kTraining);
  data.dev = encode(data.encoder, std::move(dev));
  data.test = encode(data.encoder, std::move(test));
  for (const auto& [part, name] : {std::pair{&data.train, "training"}, {&data.hold_out, "held-out"},
                                   {&data.dev, "development"}, {&data.test, "test"}}) {
    if (std::string note = cut_note(*part, name); !note.empty()) data.notes.push_back(std::move(note));
  }
  return data;
}

}  // namespace

Settings load_run_settings(const fs::path& run) {
  const core::RunDir opened = core::RunDir::open(run);
  core::Config config;
  config.add_toml_file(opened.config_file().string());
  return parse_settings(config);
}

void check_inputs(const Json& manifest, const std::vector<core::InputFile>& now) {
  for (const Json& input : manifest.at("inputs")) {
    const core::InputFile before = core::input_from_json(input);
    for (const core::InputFile& file : now) {
      if (file.role != before.role || file.path != before.path || file.sha256 == before.sha256) continue;
      throw bad_data(fmt::format("{}: its SHA-256 is {}, it was {} when the run read it", file.path,
                                 file.sha256, before.sha256),
                     "Restore the data of the run.");
    }
  }
}

RunData load_run_data(const Settings& settings) { return load(settings, {}, nullptr, nullptr); }

RunData load_run_data(const Settings& settings, const DistillOptions& distill) {
  return load(settings, distill, nullptr, nullptr);
}

RunData load_data_of_run(const fs::path& run) {
  const Settings settings = load_run_settings(run);
  const Encoder encoder = load_encoder(run / "model");
  std::vector<std::int64_t> hold_out;
  const fs::path file = run / "holdout.json";
  if (fs::exists(file)) hold_out = core::read_document(file).at("indices").get<std::vector<std::int64_t>>();
  RunData data = load(settings, {}, &encoder, &hold_out);
  check_inputs(core::read_document(run / "manifest.json"), data.inputs);
  return data;
}

core::InputFile describe_source(const Settings& settings, const Encoder& encoder,
                                const core::InputFile& before) {
  if (fs::exists(before.path)) return core::describe_input(before.role, before.path);
  core::InputFile now = before;
  now.sha256 = content_sha256(read_examples(
      settings, {before.role, before.path, split_of_role(before.role)}, *encoder.tokenizer));
  return now;
}

EncodedData load_examples(const Settings& settings, const Encoder& encoder, const std::string& source,
                          text::Split split) {
  return encode(encoder, read_examples(settings, {"test", source, split}, *encoder.tokenizer));
}

EncodedData select(const EncodedData& data, const std::vector<std::int64_t>& indices) {
  if (!data.owners.empty()) throw internal_error("a part of data that are windows of longer texts");
  EncodedData chosen;
  const bool characters = !data.character_offsets.empty();
  if (characters) chosen.character_offsets.push_back(0);
  for (const std::int64_t i : indices) {
    const auto begin = data.offsets.at(i), end = data.offsets.at(i + 1);
    chosen.examples.push_back(data.examples.at(i));
    chosen.tokens.insert(chosen.tokens.end(), data.tokens.begin() + begin, data.tokens.begin() + end);
    chosen.offsets.push_back(static_cast<std::int64_t>(chosen.tokens.size()));
    for (std::int64_t n = begin; characters && n < end; ++n) {
      chosen.characters.insert(chosen.characters.end(),
                               data.characters.begin() + data.character_offsets[n],
                               data.characters.begin() + data.character_offsets[n + 1]);
      chosen.character_offsets.push_back(static_cast<std::int64_t>(chosen.characters.size()));
    }
    if (!data.intents.empty()) chosen.intents.push_back(data.intents[i]);
    const auto take_rows = [&](const auto& from, auto& to) {
      if (!from.empty()) to.insert(to.end(), from.begin() + begin, from.begin() + end);
    };
    take_rows(data.tags, chosen.tags);
    take_rows(data.token_types, chosen.token_types);
    take_rows(data.places, chosen.places);
  }
  return chosen;
}

std::vector<std::int64_t> draw_hold_out(const std::vector<text::Example>& examples, double fraction,
                                        std::uint64_t seed, bool whole_users) {
  const auto wanted = static_cast<std::size_t>(
      std::llround(fraction * static_cast<double>(examples.size())));
  core::ReproducibleRng rng(seed, "hold-out");
  // Units of one or more examples, in a random order, until there are enough.
  std::vector<std::vector<std::int64_t>> units;
  std::map<std::string, std::size_t> unit_of_user;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    std::size_t unit = units.size();
    if (whole_users) unit = unit_of_user.try_emplace(examples[i].user, unit).first->second;
    if (unit == units.size()) units.emplace_back();
    units[unit].push_back(static_cast<std::int64_t>(i));
  }
  core::shuffle(std::span(units), rng);
  std::vector<std::int64_t> chosen;
  for (const auto& unit : units) {
    if (chosen.size() >= wanted) break;
    chosen.insert(chosen.end(), unit.begin(), unit.end());
  }
  std::ranges::sort(chosen);
  return chosen;
}

std::vector<std::int64_t> draw_hold_out_by_content(const std::vector<text::Example>& examples, double fraction,
                                                   std::uint64_t seed, bool whole_users) {
  std::vector<std::int64_t> chosen;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    text::Example unit;
    if (whole_users) unit.user = examples[i].user;
    if (coin_of("hold-out", seed, whole_users ? unit : examples[i]) < fraction) chosen.push_back(static_cast<std::int64_t>(i));
  }
  return chosen;
}

std::string content_sha256(const std::vector<text::Example>& examples) {
  // Lengths before strings: no two different data sets have the same bytes.
  std::string bytes;
  const auto add = [&](const std::string& text) { bytes += fmt::format("{}:{}", text.size(), text); };
  for (const text::Example& example : examples) {
    bytes += fmt::format("{};{};", example.words.size(), example.tags.size());
    for (const std::string& word : example.words) add(word);
    for (const std::string& tag : example.tags) add(tag);
    add(example.label);
    add(example.user);
  }
  return core::sha256(bytes);
}

}  // namespace discreet::app
