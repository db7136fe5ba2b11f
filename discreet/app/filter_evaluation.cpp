#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <span>
#include <utility>

#include "discreet/app/data_sets.h"
#include "discreet/app/filter_files.h"
#include "discreet/app/internal/detail_finder.h"
#include "discreet/app/internal/written_messages.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/core/operation.h"
#include "discreet/stats/chunks.h"
#include "discreet/stats/intervals.h"
#include "discreet/text/corpus.h"
#include "discreet/text/details.h"

namespace discreet::app {
namespace {

constexpr std::size_t kTextsAtOnce = 512;
constexpr std::size_t kGenitive = 4;       // bytes of an apostrophe and s, which are no part of a name

Json share_json(std::uint64_t part, std::uint64_t whole, const char* reason) {
  Json result = {{"n", whole}};
  if (whole == 0) {
    core::set_absent(result, "value", reason);
    return result;
  }
  const stats::Interval ci = stats::wilson(part, whole);
  result["value"] = static_cast<double>(part) / static_cast<double>(whole);
  result["ci"] = {ci.low, ci.high};
  return result;
}

/// What was planted in a text, by kind.
struct Planted {
  std::string text, kind;
  std::size_t begin = 0, end = 0;
};

std::vector<Planted> planted_messages(const FilterEvaluation& evaluation) {
  std::vector<Planted> texts;
  text::Example example;
  const auto messages = text::make_detail_reader(
      {.lines = evaluation.lines, .seed = evaluation.seed, .split = text::Split::kTest, .kinds = "all"});
  while (messages->next(example)) {
    Planted planted{example.text, example.label};
    if (example.label != "plain") {
      planted.begin = std::stoul(example.extra.at("begin"));
      planted.end = std::stoul(example.extra.at("end"));
    }
    texts.push_back(std::move(planted));
  }
  const auto corpus = text::make_corpus_reader({.lines = std::max<std::int64_t>(evaluation.lines, 2000), .seed = evaluation.seed, .secrets = 200});
  while (corpus->next(example)) {
    if (!example.extra.contains("secret")) continue;
    // "call 4 0 9 2": all but the first word.
    texts.push_back({example.text, "planted-secret", example.text.find(' ') + 1, example.text.size()});
  }
  return texts;
}

/// The written messages' texts, and the bytes of their details.
struct WrittenMessage {
  std::string text;
  std::vector<std::pair<std::size_t, std::size_t>> details;
};

std::vector<WrittenMessage> written_messages() {
  std::vector<WrittenMessage> messages;
  for (const std::string_view marked : internal::kWrittenMessages) {
    WrittenMessage message;
    for (const char c : marked) {
      if (c == '{') message.details.emplace_back(message.text.size(), 0);
      else if (c == '}') message.details.back().second = message.text.size();
      else message.text += c;
    }
    messages.push_back(std::move(message));
  }
  return messages;
}

/// Details found whole, findings that touch one, messages without any in which something is found; each of how many.
struct WrittenCounts {
  std::uint64_t found = 0, details = 0, right = 0, findings = 0, alarmed = 0, plain = 0;
};

WrittenCounts count_written(const internal::DetailFinder& finder) {
  const std::vector<WrittenMessage> messages = written_messages();
  std::vector<std::string> texts;
  for (const WrittenMessage& message : messages) texts.push_back(message.text);
  const auto findings = finder.find(texts);
  WrittenCounts counts;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const auto touches = [](const mitigate::Finding& f, const auto& detail) { return f.begin < detail.second && detail.first < f.end; };
    for (const auto& detail : messages[i].details) {
      ++counts.details;
      counts.found += std::any_of(findings[i].begin(), findings[i].end(), [&](const auto& f) {
                        return f.begin <= detail.first && detail.second <= f.end + (f.kind == "name" ? kGenitive : 0);
                      }) ? 1 : 0;
    }
    for (const mitigate::Finding& finding : findings[i]) {
      ++counts.findings;
      counts.right += std::any_of(messages[i].details.begin(), messages[i].details.end(), [&](const auto& detail) { return touches(finding, detail); }) ? 1 : 0;
    }
    if (!messages[i].details.empty()) continue;
    ++counts.plain;
    counts.alarmed += findings[i].empty() ? 0 : 1;
  }
  return counts;
}

/// Of a text whose words have tags: the bytes of what counts as private, by type.
struct LabelledText {
  std::string text;
  std::vector<std::pair<std::string, std::pair<std::size_t, std::size_t>>> details;
};

LabelledText labelled_text(const text::Example& example, const std::vector<std::string>& private_tags) {
  LabelledText labelled;
  std::vector<std::size_t> begins, ends;
  for (const std::string& word : example.words) {
    if (!labelled.text.empty()) labelled.text += ' ';
    begins.push_back(labelled.text.size());
    labelled.text += word;
    ends.push_back(labelled.text.size());
  }
  for (const stats::Chunk& chunk : stats::chunks(example.tags)) {
    if (!private_tags.empty() && std::find(private_tags.begin(), private_tags.end(), chunk.type) == private_tags.end()) continue;
    labelled.details.push_back({chunk.type, {begins[chunk.first], ends[chunk.last]}});
  }
  return labelled;
}

Json evaluate_on_labelled(const FilterRequest& request, const FilterEvaluation& evaluation) {
  const internal::DetailFinder finder(request);
  Json configuration = internal::filter_configuration(request);
  configuration["labelled"] = evaluation.labelled;
  configuration["private_tags"] = evaluation.private_tags;
  const DataSource source = resolve_data(evaluation.labelled, text::Split::kTest);
  std::vector<core::InputFile> inputs;
  if (!source.path.empty()) inputs.push_back(core::describe_input("labelled", source.path));
  if (!request.tagger.empty()) inputs.push_back(core::describe_input("tagger", request.tagger / "model"));
  Json document = core::make_document({.schema = "discreet.mitigate.filter/1", .configuration = configuration, .inputs = inputs});

  std::vector<LabelledText> texts;
  std::set<std::string> types;
  const auto reader = open_data(evaluation.labelled, text::Split::kTest);
  for (text::Example example; reader->next(example);) {
    if (example.tags.empty() && !example.words.empty()) {
      throw bad_data(fmt::format("{}: line {} has no tags", evaluation.labelled, example.line), "Name data whose words have BIO tags, as CoNLL files have.");
    }
    for (const stats::Chunk& chunk : stats::chunks(example.tags)) types.insert(chunk.type);
    texts.push_back(labelled_text(example, evaluation.private_tags));
  }
  for (const std::string& tag : evaluation.private_tags) {
    if (types.contains(tag)) continue;
    throw usage_error(fmt::format("--private-tags {}: no word of {} has this tag", tag, evaluation.labelled), fmt::format("It has: {}.", fmt::join(types, ", ")));
  }
  std::map<std::string, std::array<std::uint64_t, 2>> recall;  // found whole, of how many
  std::uint64_t right = 0, found = 0, alarmed = 0, plain = 0;
  for (std::size_t begin = 0; begin < texts.size(); begin += kTextsAtOnce) {
    const core::OperationContext context{.emit = {}, .stop = request.stop, .quiet = true};
    if (context.stopping()) throw core::interrupted(context, "Nothing was written.");
    const std::span<const LabelledText> batch = std::span(texts).subspan(begin, std::min(kTextsAtOnce, texts.size() - begin));
    std::vector<std::string> plain_texts;
    for (const LabelledText& labelled : batch) plain_texts.push_back(labelled.text);
    const auto findings = finder.find(plain_texts);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const auto& details = batch[i].details;
      for (const auto& [type, bytes] : details) {
        ++recall[type][1];
        recall[type][0] += std::any_of(findings[i].begin(), findings[i].end(), [&](const auto& f) { return f.begin <= bytes.first && bytes.second <= f.end; }) ? 1 : 0;
      }
      for (const mitigate::Finding& f : findings[i]) {
        ++found;
        right += std::any_of(details.begin(), details.end(), [&](const auto& detail) { return f.begin < detail.second.second && detail.second.first < f.end; }) ? 1 : 0;
      }
      if (!details.empty()) continue;
      ++plain;
      alarmed += findings[i].empty() ? 0 : 1;
    }
  }
  const auto add = [&](const char* metric, const std::string& kind, Json share) {
    share["metric"] = metric;
    share["kind"] = kind;
    share["shown"] = "labelled";
    document["results"].push_back(std::move(share));
  };
  std::array<std::uint64_t, 2> sum{};
  for (const auto& [type, counts] : recall) {
    add("recall", type, share_json(counts[0], counts[1], "none is there"));
    sum[0] += counts[0];
    sum[1] += counts[1];
  }
  add("recall", "all", share_json(sum[0], sum[1], "none is there"));
  add("precision", "all", share_json(right, found, "nothing was found"));
  add("false_alarms", "texts without any", share_json(alarmed, plain, "every text has one"));
  document["documents"] = texts.size();
  document["caveats"] = {
      "Found is what one finding covers whole; a finding is right if it overlaps what the tags mark. Details that the tags do not mark, as links "
      "and numbers often are, count as wrong: --kinds leaves kinds out."};
  return document;
}

}  // namespace

Json evaluate_filter(const FilterRequest& request, const FilterEvaluation& evaluation) {
  if (!evaluation.labelled.empty()) return evaluate_on_labelled(request, evaluation);
  if (!evaluation.private_tags.empty()) throw usage_error("--private-tags says which tags of --labelled count", "Give --labelled DATA too.");
  const internal::DetailFinder finder(request);
  Json configuration = internal::filter_configuration(request);
  configuration["lines"] = evaluation.lines;
  configuration["seed"] = evaluation.seed;
  std::vector<core::InputFile> inputs;
  if (!request.tagger.empty()) inputs.push_back(core::describe_input("tagger", request.tagger / "model"));
  Json document = core::make_document({.schema = "discreet.mitigate.filter/1", .configuration = configuration, .inputs = inputs});

  const std::vector<Planted> planted = planted_messages(evaluation);
  std::map<std::string, std::array<std::uint64_t, 2>> recall;  // found, planted
  // Of findings, right ones and all: in messages of known kinds, and in those of held-back kinds.
  std::array<std::uint64_t, 2> known_findings{}, held_findings{};
  std::uint64_t false_plain = 0, plain = 0;
  const auto& known = text::known_details();
  const auto is_held_back = [](const std::string& kind) {
    const auto& held = text::held_back_details();
    return std::find(held.begin(), held.end(), kind) != held.end();
  };
  for (std::size_t begin = 0; begin < planted.size(); begin += kTextsAtOnce) {
    const core::OperationContext context{.emit = {}, .stop = request.stop, .quiet = true};
    if (context.stopping()) throw core::interrupted(context, "Nothing was written.");
    const std::size_t end = std::min(begin + kTextsAtOnce, planted.size());
    std::vector<std::string> texts;
    for (std::size_t i = begin; i < end; ++i) texts.push_back(planted[i].text);
    const auto findings = finder.find(texts);
    for (std::size_t i = begin; i < end; ++i) {
      const Planted& detail = planted[i];
      std::size_t covered = 0;
      for (const mitigate::Finding& finding : findings[i - begin]) {
        const std::size_t from = std::max(finding.begin, detail.begin), to = std::min(finding.end, detail.end);
        if (from < to) covered += to - from;
        auto& findings_of_kind = is_held_back(detail.kind) ? held_findings : known_findings;
        findings_of_kind[0] += from < to ? 1 : 0;
        ++findings_of_kind[1];
      }
      if (detail.kind == "plain") {
        ++plain;
        false_plain += findings[i - begin].empty() ? 0 : 1;
        continue;
      }
      // Blanks and punctuation between the parts of a detail tell nothing.
      std::size_t silent = 0;
      for (std::size_t b = detail.begin; b < detail.end; ++b) {
        const char c = detail.text[b];
        const bool inside = std::any_of(findings[i - begin].begin(), findings[i - begin].end(),
                                        [&](const mitigate::Finding& f) { return f.begin <= b && b < f.end; });
        silent += !inside && (c == ' ' || c == '-' || c == '.' || c == '+') ? 1 : 0;
      }
      auto& counts = recall[detail.kind];
      counts[0] += covered + silent >= detail.end - detail.begin ? 1 : 0;
      ++counts[1];
    }
  }
  const auto add = [&](const std::string& metric, const std::string& kind, const char* shown, Json share) {
    share["metric"] = metric;
    share["kind"] = kind;
    if (*shown != '\0') share["shown"] = shown;
    document["results"].push_back(std::move(share));
  };
  std::array<std::uint64_t, 2> known_sum{}, held_sum{};
  for (const auto& [kind, counts] : recall) {
    const bool was_known = std::find(known.begin(), known.end(), kind) != known.end();
    const bool secret = kind == "planted-secret";
    add("recall", kind, secret ? "corpus" : was_known ? "known" : "held-back", share_json(counts[0], counts[1], "none was planted"));
    if (secret) continue;
    auto& sum = was_known ? known_sum : held_sum;
    sum[0] += counts[0];
    sum[1] += counts[1];
  }
  add("recall", "all known", "known", share_json(known_sum[0], known_sum[1], "none was planted"));
  add("recall", "all held-back", "held-back", share_json(held_sum[0], held_sum[1], "none was planted"));
  const char* nothing = "nothing was found";
  add("precision", "all", "", share_json(known_findings[0] + held_findings[0], known_findings[1] + held_findings[1], nothing));
  add("precision", "in known or plain", "known", share_json(known_findings[0], known_findings[1], nothing));
  add("precision", "in held-back", "held-back", share_json(held_findings[0], held_findings[1], nothing));
  add("false_alarms", "plain", "", share_json(false_plain, plain, "no message is plain"));
  const WrittenCounts written = count_written(finder);
  add("recall", "all written by hand", "written", share_json(written.found, written.details, "none is there"));
  add("precision", "in those written by hand", "written", share_json(written.right, written.findings, nothing));
  add("false_alarms", "written by hand", "written", share_json(written.alarmed, written.plain, "no message is plain"));
  document["documents"] = planted.size();
  document["caveats"] = {
      "The messages are made by a grammar of the project's own, on people and streets that the training split lacks: real text is harder.",
      "The few messages written by hand have forms that people use, some beyond the rules' reach; they are a check, not a sample.",
      "Held-back kinds are found by chance and by likeness alone: no form, list or training example of them exists, but for IBANs with "
      "right check digits, which made-up ones lack."};
  return document;
}

}  // namespace discreet::app
