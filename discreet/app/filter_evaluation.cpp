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
constexpr std::size_t kGenitive = 4;  // bytes of an apostrophe and s, which are no part of a name

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

/// A text, and the bytes and kinds of its details.
struct MarkedText {
  struct Detail {
    std::string kind;
    std::size_t begin = 0, end = 0;
  };
  std::string text;
  std::vector<Detail> details;
};

std::vector<MarkedText> written_messages() {
  std::vector<MarkedText> messages;
  for (const std::string_view marked : internal::kWrittenMessages) {
    MarkedText message;
    for (const char c : marked) {
      if (c == '{') message.details.push_back({"written", message.text.size(), 0});
      else if (c == '}') message.details.back().end = message.text.size();
      else message.text += c;
    }
    messages.push_back(std::move(message));
  }
  return messages;
}

/// Of a text whose words have tags: those of `private_tags`, or all.
MarkedText labelled_text(const text::Example& example, const std::vector<std::string>& private_tags) {
  MarkedText labelled;
  std::vector<std::size_t> begins, ends;
  for (const std::string& word : example.words) {
    if (!labelled.text.empty()) labelled.text += ' ';
    begins.push_back(labelled.text.size());
    labelled.text += word;
    ends.push_back(labelled.text.size());
  }
  for (const stats::Chunk& chunk : stats::chunks(example.tags)) {
    if (!private_tags.empty() && std::find(private_tags.begin(), private_tags.end(), chunk.type) == private_tags.end()) continue;
    labelled.details.push_back({chunk.type, begins[chunk.first], ends[chunk.last]});
  }
  return labelled;
}

void stop_if_asked(const FilterRequest& request) {
  const core::OperationContext context{.emit = {}, .stop = request.stop, .quiet = true};
  if (context.stopping()) throw core::interrupted(context, "Nothing was written.");
}

/// Details that one finding covers whole, findings that touch a detail, texts without any in which something is found; each of how many.
struct MarkedCounts {
  std::map<std::string, std::array<std::uint64_t, 2>> recall;  ///< By kind: found, of how many.
  std::uint64_t right = 0, findings = 0, alarmed = 0, plain = 0;

  std::array<std::uint64_t, 2> all() const {
    std::array<std::uint64_t, 2> sum{};
    for (const auto& [kind, counts] : recall) {
      sum[0] += counts[0];
      sum[1] += counts[1];
    }
    return sum;
  }
};

/// `genitive`: how many bytes behind a name may be missing.
MarkedCounts count_marked(const internal::DetailFinder& finder, const std::vector<MarkedText>& marked, std::size_t genitive, const FilterRequest& request) {
  MarkedCounts counts;
  for (std::size_t begin = 0; begin < marked.size(); begin += kTextsAtOnce) {
    stop_if_asked(request);
    const std::span<const MarkedText> batch = std::span(marked).subspan(begin, std::min(kTextsAtOnce, marked.size() - begin));
    std::vector<std::string> texts;
    for (const MarkedText& one : batch) texts.push_back(one.text);
    const auto findings = finder.find(texts);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const std::vector<MarkedText::Detail>& details = batch[i].details;
      for (const MarkedText::Detail& detail : details) {
        const bool whole = std::any_of(findings[i].begin(), findings[i].end(), [&](const mitigate::Finding& f) {
          return f.begin <= detail.begin && detail.end <= f.end + (f.kind == "name" ? genitive : 0);
        });
        counts.recall[detail.kind][0] += whole ? 1 : 0;
        ++counts.recall[detail.kind][1];
      }
      for (const mitigate::Finding& f : findings[i]) {
        const bool right = std::any_of(details.begin(), details.end(), [&](const auto& detail) { return f.begin < detail.end && detail.begin < f.end; });
        counts.right += right ? 1 : 0;
        ++counts.findings;
      }
      if (!details.empty()) continue;
      ++counts.plain;
      counts.alarmed += findings[i].empty() ? 0 : 1;
    }
  }
  return counts;
}

void add_result(Json& document, const char* metric, const std::string& kind, const char* shown, Json share) {
  share["metric"] = metric;
  share["kind"] = kind;
  if (*shown != '\0') share["shown"] = shown;
  document["results"].push_back(std::move(share));
}

Json new_document(const FilterRequest& request, const Json& of_evaluation, std::vector<core::InputFile> inputs) {
  Json configuration = internal::filter_configuration(request);
  configuration.update(of_evaluation);
  if (!request.tagger.empty()) inputs.push_back(core::describe_input("tagger", request.tagger / "model"));
  return core::make_document({.schema = "discreet.mitigate.filter/1", .configuration = configuration, .inputs = inputs});
}

Json evaluate_on_labelled(const FilterRequest& request, const FilterEvaluation& evaluation) {
  const internal::DetailFinder finder(request);
  const DataSource source = resolve_data(evaluation.labelled, text::Split::kTest);
  std::vector<core::InputFile> inputs;
  if (!source.path.empty()) inputs.push_back(core::describe_input("labelled", source.path));
  Json document = new_document(request, {{"labelled", evaluation.labelled}, {"private_tags", evaluation.private_tags}}, std::move(inputs));

  std::vector<MarkedText> texts;
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
  const MarkedCounts counts = count_marked(finder, texts, 0, request);
  const auto add = [&](const char* metric, const std::string& kind, Json share) { add_result(document, metric, kind, "labelled", std::move(share)); };
  for (const auto& [type, found] : counts.recall) add("recall", type, share_json(found[0], found[1], "none is there"));
  const auto [found, details] = counts.all();
  add("recall", "all", share_json(found, details, "none is there"));
  add("precision", "all", share_json(counts.right, counts.findings, "nothing was found"));
  add("false_alarms", "texts without any", share_json(counts.alarmed, counts.plain, "every text has one"));
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
  Json document = new_document(request, {{"lines", evaluation.lines}, {"seed", evaluation.seed}}, {});

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
    stop_if_asked(request);
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
  const auto add = [&](const char* metric, const std::string& kind, const char* shown, Json share) {
    add_result(document, metric, kind, shown, std::move(share));
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
  const MarkedCounts written = count_marked(finder, written_messages(), kGenitive, request);
  const auto [written_found, written_details] = written.all();
  add("recall", "all written by hand", "written", share_json(written_found, written_details, "none is there"));
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
