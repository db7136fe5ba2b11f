#include "discreet/app/canaries.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include <fmt/format.h>

#include "discreet/app/data_sets.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/random.h"
#include "discreet/core/sha256.h"
#include "discreet/text/join_words.h"
#include "discreet/text/writer.h"

namespace discreet::app {
namespace fs = std::filesystem;
namespace {

bool writes_plain_text(const fs::path& out) { return out.extension() == ".txt"; }

fs::path canary_path(const PlantRequest& request) {
  if (!request.canaries.empty()) return request.canaries;
  return fs::path(request.out).replace_extension(".canaries.json");
}

void check_plant(const PlantRequest& request) {
  if (request.out.empty()) throw usage_error("audit plant needs --out FILE");
  const std::string form = request.out.extension().string();
  if (form != ".jsonl" && form != ".txt") {
    throw usage_error(fmt::format("{}: canaries are written as .jsonl, or as .txt for language models",
                                  request.out.string()));
  }
  if (request.patterns.empty() && request.mislabelled == 0) {
    throw usage_error("audit plant needs --pattern or --mislabelled", "For example: --pattern \"call {digit:4}\".");
  }
  if (request.mislabelled > 0 && request.data.empty()) {
    throw usage_error("--mislabelled takes examples of --data, which is not given");
  }
  if (!request.decoy.empty() && request.inclusion == 1) {
    throw usage_error("--decoy stands for canaries that are not planted, but --inclusion 1 plants all");
  }
  if (writes_plain_text(request.out) && (request.mislabelled > 0 || !request.slot.empty() || !request.label.empty())) {
    throw usage_error(fmt::format("{}: plain text has no labels and no slots", request.out.string()),
                      "Write .jsonl.");
  }
  for (const fs::path& file : {request.out, canary_path(request)}) {
    if (fs::exists(file) && !request.force) {
      throw usage_error(fmt::format("{}: exists already", file.string()), "Name another file, or --force.");
    }
  }
}

std::vector<text::Example> read_data(const PlantRequest& request) {
  std::vector<text::Example> examples;
  if (request.data.empty()) return examples;
  const auto reader = open_data(request.data, text::Split::kTrain);
  examples = text::read_all(*reader);
  if (examples.empty()) throw bad_data(fmt::format("{}: there are no examples in it", request.data));
  if (request.lines == 0) return examples;
  if (request.lines > static_cast<std::int64_t>(examples.size())) {
    throw usage_error(fmt::format("--lines {} of {}, which has {} examples", request.lines, request.data, examples.size()));
  }
  core::ReproducibleRng rng(request.seed, "canary/lines");
  std::vector<std::size_t> order(examples.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  core::shuffle(std::span(order), rng);
  order.resize(static_cast<std::size_t>(request.lines));
  std::ranges::sort(order);
  std::vector<text::Example> drawn;
  for (const std::size_t i : order) drawn.push_back(std::move(examples[i]));
  return drawn;
}

std::vector<std::string> labels_of(const std::vector<text::Example>& data) {
  std::set<std::string> labels;
  for (const text::Example& example : data) {
    if (!example.label.empty()) labels.insert(example.label);
  }
  return {labels.begin(), labels.end()};
}

/// Different codes of one pattern.
std::vector<std::vector<std::int64_t>> draw_codes(const text::CanaryPattern& pattern, std::int64_t count,
                                                  const std::string& written, core::ReproducibleRng& rng) {
  if (static_cast<double>(count) > pattern.space() / 2) {
    throw usage_error(fmt::format("{} different canaries of \"{}\", which has {:g} sentences", count, written,
                                  pattern.space()),
                      "At most half of them can be canaries: ask for fewer, or for more secret places.");
  }
  std::set<std::vector<std::int64_t>> seen;
  std::vector<std::vector<std::int64_t>> codes;
  while (static_cast<std::int64_t>(codes.size()) < count) {
    auto code = pattern.draw(rng);
    if (seen.insert(code).second) codes.push_back(std::move(code));
  }
  return codes;
}

void set_words(text::Example& example, std::vector<std::string> words) {
  example.words = std::move(words);
  example.text.clear();
  for (const std::string& word : example.words) example.text += (example.text.empty() ? "" : " ") + word;
}

struct PlantedCanaries {
  std::vector<Canary> canaries;
  std::vector<text::Example> lines;       ///< To be put among the data.
  std::set<std::size_t> taken_out;        ///< Places of the data that mislabelled canaries had.
};

class Planter {
 public:
  Planter(const PlantRequest& request, const std::vector<text::Example>& data)
      : request_(request), data_(data), labels_(labels_of(data)), coins_(request.seed, "canary/coins") {
    users_ = !data.empty() && !data.front().user.empty();
    tagged_ = std::ranges::any_of(data, [](const auto& example) { return !example.tags.empty(); });
  }

  PlantedCanaries plant() {
    for (std::size_t p = 0; p < request_.patterns.size(); ++p) plant_pattern(p);
    if (request_.mislabelled > 0) plant_mislabelled();
    return std::move(planted_);
  }

 private:
  /// The class of pattern lines: as given; else, where the data have classes, one of theirs.
  std::string label_of_lines(core::ReproducibleRng& rng) const {
    if (!request_.label.empty() || labels_.empty() || writes_plain_text(request_.out)) return request_.label;
    return labels_[rng.below(labels_.size())];
  }

  std::string slot() const {
    // Lines without tags among tagged ones could not be learnt from.
    return request_.slot.empty() && tagged_ && !writes_plain_text(request_.out) ? "canary" : request_.slot;
  }

  Canary next_canary(const std::string& kind) const {
    Canary canary;
    canary.id = fmt::format("canary-{}", planted_.canaries.size() + 1);
    canary.kind = kind;
    return canary;
  }

  void plant_pattern(std::size_t p) {
    const std::string& written = request_.patterns[p];
    const text::CanaryPattern pattern = text::parse_canary_pattern(written);
    core::ReproducibleRng rng(request_.seed, fmt::format("canary/pattern/{}", p));
    const std::string label = label_of_lines(rng);
    for (const auto& code : draw_codes(pattern, request_.count, written, rng)) {
      Canary canary = next_canary("pattern");
      canary.pattern = written;
      canary.example = line_of(pattern, code, label);
      add(std::move(canary));
    }
  }

  text::Example line_of(const text::CanaryPattern& pattern, const std::vector<std::int64_t>& code,
                        const std::string& label) const {
    text::Example line;
    set_words(line, pattern.sentence(code));
    if (const std::string type = slot(); !type.empty()) line.tags = pattern.tags(type);
    line.label = label;
    return line;
  }

  void plant_mislabelled() {
    if (labels_.size() < 2) {
      throw bad_data(fmt::format("{}: mislabelled canaries need data with at least two labels", request_.data));
    }
    if (request_.mislabelled > static_cast<std::int64_t>(data_.size()) / 2) {
      throw usage_error(fmt::format("{} mislabelled canaries of {} examples", request_.mislabelled, data_.size()),
                        "At most half of the examples can be mislabelled.");
    }
    core::ReproducibleRng rng(request_.seed, "canary/mislabelled");
    while (static_cast<std::int64_t>(planted_.taken_out.size()) < request_.mislabelled) {
      const std::size_t place = rng.below(data_.size());
      if (data_[place].label.empty() || !planted_.taken_out.insert(place).second) continue;
      Canary canary = next_canary("mislabelled");
      canary.example = data_[place];
      canary.example.extra.clear();
      while (canary.example.label == data_[place].label) canary.example.label = labels_[rng.below(labels_.size())];
      add(std::move(canary));
    }
  }

  void add(Canary canary) {
    if (users_ && canary.kind == "pattern") canary.example.user = canary.id;
    canary.planted = coins_.uniform() < request_.inclusion;
    const std::int64_t copies = canary.kind == "pattern" ? request_.repetitions : 1;
    canary.repetitions = canary.planted ? copies : 0;
    for (std::int64_t i = 0; i < canary.repetitions; ++i) planted_.lines.push_back(canary.example);
    if (!canary.planted && canary.kind == "pattern" && !request_.decoy.empty()) {
      const text::CanaryPattern decoy = text::parse_canary_pattern(request_.decoy);
      core::ReproducibleRng rng(request_.seed, "canary/decoy/" + canary.id);
      text::Example line = line_of(decoy, decoy.draw(rng), canary.example.label);
      line.user = canary.example.user;
      for (std::int64_t i = 0; i < copies; ++i) planted_.lines.push_back(line);
    }
    planted_.canaries.push_back(std::move(canary));
  }

  const PlantRequest& request_;
  const std::vector<text::Example>& data_;
  std::vector<std::string> labels_;
  core::ReproducibleRng coins_;
  bool users_ = false, tagged_ = false;
  PlantedCanaries planted_;
};

std::string written_lines(const PlantRequest& request, const std::vector<text::Example>& data, PlantedCanaries& planted) {
  core::ReproducibleRng rng(request.seed, "canary/places");
  core::shuffle(std::span(planted.lines), rng);
  std::multimap<std::size_t, std::size_t> before;  // place in the data to canary line
  for (std::size_t i = 0; i < planted.lines.size(); ++i) before.emplace(rng.below(data.size() + 1), i);
  std::string out;
  const auto write = [&](const text::Example& example) {
    if (writes_plain_text(request.out)) {
      out += example.text.empty() ? text::join_words(example.words) : example.text;
      out += '\n';
    } else {
      text::append_jsonl(example, out);
    }
  };
  for (std::size_t place = 0; place <= data.size(); ++place) {
    const auto [first, last] = before.equal_range(place);
    for (auto it = first; it != last; ++it) write(planted.lines[it->second]);
    if (place < data.size() && !planted.taken_out.contains(place)) write(data[place]);
  }
  return out;
}

Json row_of(const Canary& canary) {
  Json row = {{"id", canary.id}, {"kind", canary.kind}};
  if (canary.kind == "pattern") row["pattern"] = canary.pattern;
  if (canary.example.words.empty()) {
    row["text"] = canary.example.text;
  } else {
    row["words"] = canary.example.words;
  }
  if (!canary.example.tags.empty()) row["tags"] = canary.example.tags;
  if (!canary.example.label.empty()) row["label"] = canary.example.label;
  if (!canary.example.user.empty()) row["user"] = canary.example.user;
  row["planted"] = canary.planted;
  row["repetitions"] = canary.repetitions;
  if (canary.kind == "pattern") {
    row["candidates"] = core::number(text::parse_canary_pattern(canary.pattern).space());
  }
  return row;
}

Canary canary_of(const Json& row, const std::string& origin) {
  Canary canary;
  canary.id = row.at("id").get<std::string>();
  canary.kind = row.at("kind").get<std::string>();
  canary.pattern = row.value("pattern", "");
  canary.planted = row.at("planted").get<bool>();
  canary.repetitions = row.at("repetitions").get<std::int64_t>();
  if (row.contains("words")) set_words(canary.example, row["words"].get<std::vector<std::string>>());
  if (row.contains("text")) canary.example.text = row["text"].get<std::string>();
  canary.example.tags = row.value("tags", std::vector<std::string>{});
  canary.example.label = row.value("label", "");
  canary.example.user = row.value("user", "");
  const auto broken = [&](const std::string& why) {
    return bad_data(fmt::format("{}: {}: {}", origin, canary.id, why));
  };
  if (!canary.example.tags.empty() && canary.example.tags.size() != canary.example.words.size()) {
    throw broken(fmt::format("{} tags for {} words", canary.example.tags.size(), canary.example.words.size()));
  }
  if (canary.planted != (canary.repetitions > 0)) {
    throw broken("what is planted stands in the data at least once, what is not never");
  }
  if (canary.kind == "pattern") {
    try {
      text::parse_canary_pattern(canary.pattern).code_in(canary.example.words);
    } catch (const Error& error) {
      throw broken(error.what());
    }
  } else if (canary.example.label.empty()) {
    throw broken("a mislabelled canary without a label");
  }
  return canary;
}

}  // namespace

Json plant_canaries(const PlantRequest& request) {
  check_plant(request);
  for (const std::string& pattern : request.patterns) text::parse_canary_pattern(pattern);
  const std::vector<text::Example> data = read_data(request);
  PlantedCanaries planted = Planter(request, data).plant();
  if (request.out.has_parent_path()) fs::create_directories(request.out.parent_path());
  core::write_file_atomically(request.out, written_lines(request, data, planted));

  Json document = core::make_document(
      {.schema = "discreet.audit.canaries/1",
       .configuration = {{"data", request.data},
                         {"lines", request.lines},
                         {"patterns", request.patterns},
                         {"count", request.count},
                         {"repetitions", request.repetitions},
                         {"inclusion", request.inclusion},
                         {"slot", request.slot},
                         {"label", request.label},
                         {"mislabelled", request.mislabelled},
                         {"decoy", request.decoy},
                         {"seed", request.seed}},
       .inputs = {}});
  if (!request.data.empty() && fs::exists(request.data)) {
    document["inputs"].push_back(core::to_json(core::describe_input("data", request.data)));
  }
  document["not_private"] = true;
  document["file"] = request.out.string();
  document["sha256"] = core::sha256_file(request.out);
  document["examples"] = data.size() - planted.taken_out.size();
  document["lines"] = planted.lines.size();
  for (const Canary& canary : planted.canaries) document["results"].push_back(row_of(canary));
  document["caveats"] = {
      "This file holds the canaries themselves: who has it needs no attack. Keep it apart from the data.",
      "Coins, codes and places come from the seed: an audit that rests on them takes a seed that nobody knew."};
  if (request.repetitions > 1) {
    document["caveats"].push_back(fmt::format(
        "A canary stands in {} lines: a guarantee for one example says little of it; {} times epsilon at most.",
        request.repetitions, request.repetitions));
  }
  core::write_document(canary_path(request), document);
  return document;
}

std::string planted_elsewhere(const CanaryFile& canaries, const Json& manifest) {
  if (canaries.sha256.empty() || !manifest.contains("inputs")) return "";
  for (const Json& input : manifest["inputs"]) {
    if (input.value("sha256", "") == canaries.sha256) return "";
  }
  return fmt::format("No file that this run read is the one in which the canaries were planted ({}): where it holds none of their "
                     "lines, nothing here says what the model remembers.",
                     canaries.planted_in);
}

CanaryFile read_canaries(const fs::path& path) {
  const Json document = core::read_document(path);
  if (core::schema_name(document) != "audit.canaries") {
    throw bad_data(fmt::format("{}: its schema is {}, expected discreet.audit.canaries/1", path.string(),
                               document.value("schema", "none")),
                   "`discreet audit plant` writes such files.");
  }
  CanaryFile file;
  std::set<std::string> ids;
  for (const Json& row : document["results"]) {
    file.canaries.push_back(canary_of(row, path.string()));
    if (!ids.insert(file.canaries.back().id).second) {
      throw bad_data(fmt::format("{}: two canaries are called '{}'", path.string(), file.canaries.back().id));
    }
  }
  if (file.canaries.empty()) throw bad_data(fmt::format("{}: there are no canaries in it", path.string()));
  file.inclusion = document["configuration"].value("inclusion", 1.0);
  file.planted_in = document.value("file", "");
  file.sha256 = document.value("sha256", "");
  file.input = core::describe_input("canaries", path);
  return file;
}

}  // namespace discreet::app
