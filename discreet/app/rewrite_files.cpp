#include "discreet/app/rewrite_files.h"

#include <fmt/format.h>

#include "discreet/app/internal/document_stream.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"

namespace discreet::app {
namespace {

constexpr std::size_t kRewrittenTexts = 256;  // at a time

class RewriteStream {
 public:
  explicit RewriteStream(const RewriteRequest& request) : request_(request), file_(request.output) {}

  void document(const internal::StreamedDocument& row, const internal::DocumentChange& change) {
    std::string ignored;
    change(
        [&](std::string_view text, std::string&) {
          texts_.emplace_back(text);
          return false;
        },
        row.text, ignored);
    batch_.push_back({std::string(row.text), change, std::string(row.ending), {}});
    ++documents_;
    if (texts_.size() >= kRewrittenTexts) flush();
  }
  void as_it_is(std::string_view bytes) { internal::pass_on(bytes, batch_, file_); }
  void finish() {
    flush();
    if (documents_ == 0) throw bad_data(request_.input.string() + ": no documents");
    file_.finish();
  }

  std::uint64_t documents_ = 0, kept_ = 0, words_ = 0;

 private:
  void flush() {
    if (batch_.empty()) return;
    const Json done = request_.rewrite(texts_);
    kept_ += done["kept_words"].get<std::uint64_t>();
    words_ += done["words"].get<std::uint64_t>();
    std::size_t next = 0;
    for (const internal::WaitingDocument& waiting : batch_) {
      waiting.change(
          [&](std::string_view, std::string& out) {
            out += done["texts"].at(next++).get<std::string>();
            return true;
          },
          waiting.line, file_.buffer);
      file_.buffer += waiting.ending;
      file_.buffer += waiting.other;
      file_.flush_if_full();
    }
    batch_.clear();
    texts_.clear();
  }

  const RewriteRequest& request_;
  internal::BlockFile file_;
  std::vector<internal::WaitingDocument> batch_;
  std::vector<std::string> texts_;
};

}  // namespace

Json rewrite_file(const RewriteRequest& request) {
  if (request.output.empty()) throw usage_error("mitigate rewrite needs --out FILE", "The rewritten text goes there.");
  internal::refuse_input_as_output({request.input}, request.output);
  // What is wrong with the mechanism is said before anything is written.
  const Json guarantee = request.rewrite({})["guarantee"];
  const bool proven = guarantee["proven"].get<bool>();
  Json configuration = {{"mechanism", request.mechanism}, {"columns", request.columns}};
  configuration[proven ? "epsilon" : "noise_parameter"] = request.epsilon;
  if (request.mechanism == "gaussian") configuration["delta"] = request.delta;
  Json document = core::make_document({.schema = "discreet.mitigate.rewrite/1",
                                       .configuration = configuration,
                                       .inputs = {core::describe_input("input", request.input), core::describe_input("model", request.model)}});
  RewriteStream stream(request);
  internal::stream_documents(request.input, request.columns, internal::sink_into(stream), request.stop);
  stream.finish();
  document["documents"] = stream.documents_;
  document["guarantee"] = {{"proven", proven},
                           {"unit", "text"},
                           {"neighbours", "replace-one"},
                           {"definition", "local differential privacy"},
                           {"statement", "Each text: " + guarantee["statement"].get<std::string>() + "."}};
  if (proven) {
    document["guarantee"]["epsilon"] = request.epsilon;
    document["guarantee"]["delta"] = request.mechanism == "gaussian" ? request.delta : 0.0;
  }
  document["results"] = {{{"metric", "share_kept"}, {"n", stream.words_}}};
  if (stream.words_ > 0) {
    document["results"][0]["value"] = static_cast<double>(stream.kept_) / static_cast<double>(stream.words_);
  } else {
    core::set_absent(document["results"][0], "value", "no text has a word");
  }
  document["caveats"] = {
      "Other columns, the number and the order of the rows are written as they were: no guarantee covers them.",
      "Who wrote several texts is protected by the sum of their epsilons (and deltas).",
      "share_kept counts words of a text that stand anywhere in its rewriting; like all figures of this document it is made from the "
      "private texts, and not private itself.",
      "The auto-encoder's own training texts need a protection of their own, or must be public."};
  if (const std::size_t texts = request.columns.size(); proven && texts > 1) {
    document["guarantee"]["texts_of_a_row"] = texts;
    document["caveats"].push_back(fmt::format("A row has {} texts, one in each column: together they are protected by epsilon {:g}{}.", texts,
                                              static_cast<double>(texts) * request.epsilon,
                                              request.mechanism == "gaussian" ? fmt::format(", delta {:g}", static_cast<double>(texts) * request.delta) : ""));
  }
  if (!proven) document["caveats"].push_back("The parameter called epsilon in the publication bounds nothing here; none is stated.");
  document["output"] = core::to_json(core::describe_input("output", request.output));
  return document;
}

}  // namespace discreet::app
