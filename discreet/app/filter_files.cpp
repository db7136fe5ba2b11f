#include "discreet/app/filter_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "discreet/app/internal/document_stream.h"
#include "discreet/app/internal/written_messages.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/core/lines.h"
#include "discreet/core/operation.h"
#include "discreet/core/random.h"
#include "discreet/mitigate/secrets/name_lists.h"
#include "discreet/stats/intervals.h"
#include "discreet/text/corpus.h"
#include "discreet/text/details.h"

namespace discreet::app {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFilterBatch = 512;  // documents
constexpr std::size_t kGenitive = 4;       // bytes of an apostrophe and s, which are no part of a name

mitigate::Detector detector_of(const FilterRequest& request) {
  const auto has = [&](const char* kind) { return std::find(request.kinds.begin(), request.kinds.end(), kind) != request.kinds.end(); };
  std::vector<std::string> names;
  for (const fs::path& path : request.names) {
    core::LineReader lines(path);
    for (std::string line; lines.next(line);) {
      if (!line.empty()) names.push_back(line);
    }
  }
  return mitigate::Detector({.names = has("names"), .emails = has("emails"), .numbers = has("numbers"), .addresses = has("addresses"), .dates = has("dates"),
                             .least_digits = static_cast<std::size_t>(request.least_digits)},
                            names);
}

/// Forms and lists, and the tagger, over a batch of texts.
class Finder {
 public:
  explicit Finder(const FilterRequest& request) : request_(request), detector_(detector_of(request)) {
    if (!request.patterns && !request.tag) throw usage_error("nothing is left to find details with", "Give --tagger, or leave out --no-patterns.");
  }

  std::vector<std::vector<mitigate::Finding>> find(const std::vector<std::string>& texts) const {
    std::vector<std::vector<mitigate::Finding>> findings(texts.size());
    if (request_.patterns) {
      for (std::size_t i = 0; i < texts.size(); ++i) detector_.find(texts[i], findings[i]);
    }
    if (request_.tag) request_.tag(texts, findings);
    for (auto& list : findings) list = mitigate::without_overlaps(std::move(list));
    return findings;
  }

 private:
  const FilterRequest& request_;
  mitigate::Detector detector_;
};

/// Another of the same form: letters for letters, digits for digits; for a name a given name of the list.
std::string replacement(std::string_view detail, const std::string& kind, core::SecureRng& rng) {
  const auto below = [&](std::size_t n) { return std::min(static_cast<std::size_t>(rng.uniform() * static_cast<double>(n)), n - 1); };
  if (kind == "name") {
    const auto& names = mitigate::built_in_given_names();
    static const std::vector<std::string> sorted = [&] {
      std::vector<std::string> list(names.begin(), names.end());
      std::sort(list.begin(), list.end());
      return list;
    }();
    std::string name = sorted[below(sorted.size())];
    const bool lower = !detail.empty() && detail.front() >= 'a' && detail.front() <= 'z';
    if (!lower) name[0] = static_cast<char>(name[0] - 'a' + 'A');
    return name;
  }
  std::string out;
  for (const char c : detail) {
    if (c >= '0' && c <= '9') out += static_cast<char>('0' + below(10));
    else if (c >= 'a' && c <= 'z') out += static_cast<char>('a' + below(26));
    else if (c >= 'A' && c <= 'Z') out += static_cast<char>('A' + below(26));
    else if (static_cast<unsigned char>(c) >= 0xC0) out += static_cast<char>('a' + below(26));  // a letter's first byte
    else if (static_cast<unsigned char>(c) < 128) out += c;
  }
  return out;
}

std::string upper(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

class FilterStream {
 public:
  explicit FilterStream(const FilterRequest& request) : request_(request), finder_(request), file_(request.output) {}

  void document(const internal::StreamedDocument& row, const internal::DocumentChange& change) {
    std::string ignored;
    const std::size_t before = texts_.size();
    change(
        [&](std::string_view text, std::string&) {
          texts_.emplace_back(text);
          return false;
        },
        row.text, ignored);
    batch_.push_back({std::string(row.text), change, std::string(row.ending), {}, texts_.size() - before});
    ++documents_;
    if (batch_.size() == kFilterBatch) flush();
  }
  void as_it_is(std::string_view bytes) { internal::pass_on(bytes, batch_, file_); }
  void finish() {
    flush();
    if (documents_ == 0) throw bad_data(request_.input.string() + ": no documents");
    file_.finish();
  }

  std::uint64_t documents_ = 0, changed_ = 0, dropped_ = 0, found_ = 0;
  std::map<std::string, std::map<std::string, std::uint64_t>> counts_;  // kind, source

 private:
  void flush() {
    const auto findings = finder_.find(texts_);
    std::size_t next = 0;
    for (const internal::WaitingDocument& waiting : batch_) {
      std::size_t details = 0;
      for (std::size_t k = next; k < next + waiting.texts; ++k) {
        details += findings[k].size();
        for (const auto& finding : findings[k]) ++counts_[finding.kind][finding.source];
      }
      found_ += details;
      if (details > 0) ++changed_;
      if (details > 0 && request_.action == "drop-document") {
        next += waiting.texts;
        ++dropped_;
        file_.buffer += waiting.other;
        continue;
      }
      waiting.change([&](std::string_view text, std::string& out) { return write(text, findings[next++], out); }, waiting.line, file_.buffer);
      file_.buffer += waiting.ending;
      file_.buffer += waiting.other;
      file_.flush_if_full();
    }
    batch_.clear();
    texts_.clear();
  }

  bool write(std::string_view text, const std::vector<mitigate::Finding>& findings, std::string& out) {
    std::size_t copied = 0;
    for (const mitigate::Finding& finding : findings) {
      out.append(text.substr(copied, finding.begin - copied));
      copied = finding.end;
      if (request_.action == "mask") out += "[" + upper(finding.kind) + "]";
      if (request_.action == "replace") out += replacement(text.substr(finding.begin, finding.end - finding.begin), finding.kind, rng_);
      // Of two blanks around what is gone one stays.
      if (request_.action == "drop" && !out.empty() && out.back() == ' ' && copied < text.size() && text[copied] == ' ') ++copied;
    }
    out.append(text.substr(copied));
    return !findings.empty();
  }

  const FilterRequest& request_;
  Finder finder_;
  internal::BlockFile file_;
  core::SecureRng rng_;
  std::vector<internal::WaitingDocument> batch_;
  std::vector<std::string> texts_;
};

Json filter_configuration(const FilterRequest& request) {
  return {{"action", request.action}, {"columns", request.columns}, {"kinds", request.kinds}, {"patterns", request.patterns},
          {"least_digits", request.least_digits}, {"tagger", request.tagger.string()}};
}

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

WrittenCounts count_written(const Finder& finder) {
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

}  // namespace

Json filter_file(const FilterRequest& request) {
  if (request.output.empty()) throw usage_error("mitigate filter needs --out FILE", "The filtered text goes there.");
  std::vector<fs::path> read = request.names;
  read.push_back(request.input);
  internal::refuse_input_as_output(read, request.output);
  std::vector<core::InputFile> inputs = {core::describe_input("input", request.input)};
  for (const fs::path& path : request.names) inputs.push_back(core::describe_input("names", path));
  if (!request.tagger.empty()) inputs.push_back(core::describe_input("tagger", request.tagger / "model"));
  Json document = core::make_document({.schema = "discreet.mitigate.filter/1", .configuration = filter_configuration(request), .inputs = inputs});
  FilterStream stream(request);
  internal::stream_documents(request.input, request.columns, internal::sink_into(stream), request.stop);
  stream.finish();
  document["documents"] = stream.documents_;
  document["changed_documents"] = stream.changed_;
  document["dropped_documents"] = stream.dropped_;
  for (const auto& [kind, sources] : stream.counts_) {
    std::uint64_t count = 0;
    Json by = Json::object();
    for (const auto& [source, n] : sources) {
      by[source] = n;
      count += n;
    }
    document["results"].push_back({{"kind", kind}, {"count", count}, {"by", by}});
  }
  document["caveats"] = {
      "What is not found stays: a filter gives no guarantee. `mitigate filter --evaluate` prints how much of each kind is found.",
      "Who a text is about may be told from the rest of it."};
  if (stream.found_ == 0) document["caveats"].push_back("Nothing was found: the output says what the input said.");
  document["output"] = core::to_json(core::describe_input("output", request.output));
  return document;
}

Json evaluate_filter(const FilterRequest& request, const FilterEvaluation& evaluation) {
  const Finder finder(request);
  Json configuration = filter_configuration(request);
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
  for (std::size_t begin = 0; begin < planted.size(); begin += kFilterBatch) {
    const core::OperationContext context{.emit = {}, .stop = request.stop, .quiet = true};
    if (context.stopping()) throw core::interrupted(context, "Nothing was written.");
    const std::size_t end = std::min(begin + kFilterBatch, planted.size());
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
