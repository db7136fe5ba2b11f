#include "discreet/app/filter_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "discreet/app/internal/detail_finder.h"
#include "discreet/app/internal/document_stream.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/mitigate/secrets/name_lists.h"

namespace discreet::app {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFilterBatch = 512;  // documents

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
  internal::DetailFinder finder_;
  internal::BlockFile file_;
  core::SecureRng rng_;
  std::vector<internal::WaitingDocument> batch_;
  std::vector<std::string> texts_;
};

}  // namespace

Json filter_file(const FilterRequest& request) {
  if (request.output.empty()) throw usage_error("mitigate filter needs --out FILE", "The filtered text goes there.");
  std::vector<fs::path> read = request.names;
  read.push_back(request.input);
  internal::refuse_input_as_output(read, request.output);
  std::vector<core::InputFile> inputs = {core::describe_input("input", request.input)};
  for (const fs::path& path : request.names) inputs.push_back(core::describe_input("names", path));
  if (!request.tagger.empty()) inputs.push_back(core::describe_input("tagger", request.tagger / "model"));
  Json document = core::make_document({.schema = "discreet.mitigate.filter/1", .configuration = internal::filter_configuration(request), .inputs = inputs});
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

}  // namespace discreet::app
