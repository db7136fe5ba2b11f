#include "discreet/app/swap_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <set>

#include "discreet/app/internal/document_stream.h"
#include "discreet/app/table.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/mitigate/words/swapper.h"
#include "discreet/text/unicode.h"

namespace discreet::app {
namespace {

namespace fs = std::filesystem;
struct DocumentCounts {
  std::uint64_t documents = 0, changed = 0, written = 0, substituted = 0, bytes = 0;
  std::uint64_t not_utf8 = 0, first_not_utf8 = 0;  ///< Texts, and the line of the first.
};

mitigate::SwapLists lists_of(const SwapRequest& request) {
  mitigate::SwapLists lists;
  if (request.built_in) lists = mitigate::default_gender_lists();
  lists.pronouns = request.pronouns;
  const auto conflict =
      request.on_conflict == "first" ? mitigate::PairConflict::kFirst : mitigate::PairConflict::kError;
  // A file's pair replaces what the project's own lists say of its words.
  const auto override_own = [](const mitigate::WordPairs& given, bool both, mitigate::WordPairs& own) {
    std::set<std::string> words;
    for (const auto& [first, second] : given) {
      words.insert(first);
      if (both) words.insert(second);
    }
    std::erase_if(own, [&](const auto& pair) { return words.contains(pair.first) || words.contains(pair.second); });
  };
  mitigate::WordPairs pairs, one_way, names;
  for (const std::string& source : request.pairs) {
    mitigate::read_pairs(source, conflict, request.pronouns, pairs, lists.left_out);
  }
  for (const std::string& source : request.one_way) {
    mitigate::read_one_way(source, conflict, request.pronouns, one_way, lists.left_out);
  }
  for (const std::string& source : request.names) mitigate::read_pairs(source, conflict, false, names, lists.left_out);
  if (!names.empty()) lists.names.clear();  // other pairs of names would take partners away
  for (mitigate::WordPairs* own : {&lists.pairs, &lists.one_way, &lists.names, &lists.titles, &lists.one_way_titles}) {
    override_own(pairs, true, *own);
    override_own(one_way, false, *own);
    if (own != &lists.titles && own != &lists.one_way_titles) override_own(names, true, *own);
  }
  override_own(pairs, true, names);
  override_own(one_way, false, names);
  lists.pairs.insert(lists.pairs.end(), pairs.begin(), pairs.end());
  lists.one_way.insert(lists.one_way.end(), one_way.begin(), one_way.end());
  lists.names.insert(lists.names.end(), names.begin(), names.end());
  if (lists.pairs.empty() && lists.one_way.empty() && lists.names.empty() && !lists.pronouns) {
    throw usage_error("there is nothing to exchange", "Name pairs with --pairs, or leave out --no-built-in.");
  }
  return lists;
}

/// Documents through the swapper, as the mode asks.
class Stream {
 public:
  Stream(const SwapRequest& request, const mitigate::Swapper& swapper)
      : request_(request), swapper_(swapper), rng_(request.seed, "substitute"), file_(request.output),
        counts_(swapper.no_counts()) {}

  /// `change` appends the exchanged document and says whether anything changed.
  template <class Change>
  void document(const internal::StreamedDocument& original, const Change& change) {
    ++numbers_.documents;
    numbers_.bytes += original.text.size() + original.ending.size();
    line_ = original.line;
    std::string& out = file_.buffer;
    const bool chosen = request_.mode != "substitute" || rng_.uniform() < request_.share;
    if (request_.mode == "augment" || !chosen) {
      out += original.text;
      out += original.ending;
      ++numbers_.written;
    }
    if (chosen) {
      const std::size_t before = out.size();
      // The copy of a last line without an end stands on a line of its own.
      if (request_.mode == "augment" && original.ending.empty()) out += '\n';
      const bool changed = change(out);
      numbers_.changed += changed ? 1 : 0;
      numbers_.substituted += request_.mode == "substitute" ? 1 : 0;
      if (request_.mode == "augment" && !changed) {
        out.resize(before);
      } else {
        out += original.ending;
        ++numbers_.written;
      }
    }
    file_.flush_if_full();
  }

  void as_it_is(std::string_view bytes) { file_.buffer += bytes; }

  bool text(std::string_view text, std::string& out) {
    const std::uint64_t before = changes_;
    const std::size_t begin = out.size();
    if (text::find_invalid_utf8(text) != std::string_view::npos && numbers_.not_utf8++ == 0) numbers_.first_not_utf8 = line_;
    swapper_.swap(text, out, counts_);
    changes_ += std::string_view(out).substr(begin) != text ? 1 : 0;
    return changes_ != before;
  }

  void finish() {
    if (numbers_.documents == 0) throw bad_data(request_.input.string() + ": no documents");
    if (numbers_.changed == 0 && request_.mode != "substitute") {
      throw bad_data(fmt::format("{}: no document has a word of the lists", request_.input.string()),
                     "Look at --column and --pairs; nothing was written.");
    }
    file_.finish();
  }
  const mitigate::SwapCounts& counts() const { return counts_; }
  const DocumentCounts& numbers() const { return numbers_; }

 private:
  const SwapRequest& request_;
  const mitigate::Swapper& swapper_;
  core::ReproducibleRng rng_;
  internal::BlockFile file_;
  mitigate::SwapCounts counts_;
  DocumentCounts numbers_;
  std::uint64_t changes_ = 0, line_ = 0;
};

Json pair_counts(const mitigate::WordPairs& pairs, const std::vector<std::array<std::uint64_t, 2>>& counts) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (counts[i][0] + counts[i][1] > 0) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return counts[a][0] + counts[a][1] > counts[b][0] + counts[b][1];
  });
  Json list = Json::array();
  for (const std::size_t i : order) {
    list.push_back({{"first", pairs[i].first}, {"second", pairs[i].second}, {"to_second", counts[i][0]}, {"to_first", counts[i][1]}});
  }
  return list;
}

void report_swap(const mitigate::Swapper& swapper, const Stream& stream, Json& document) {
  const mitigate::SwapLists& lists = swapper.lists();
  const mitigate::SwapCounts& c = stream.counts();
  const DocumentCounts& n = stream.numbers();
  document["documents"] = n.documents;
  document["changed_documents"] = n.changed;
  document["written_documents"] = n.written;
  if (n.substituted > 0) document["substituted_documents"] = n.substituted;
  document["words"] = c.words;
  document["changed_words"] = c.changed();
  document["results"] = pair_counts(lists.pairs, c.pairs);
  document["names"] = pair_counts(lists.names, c.names);
  document["one_way"] = Json::array();
  for (std::size_t i = 0; i < lists.one_way.size(); ++i) {
    if (c.one_way[i] == 0) continue;
    document["one_way"].push_back({{"from", lists.one_way[i].first}, {"to", lists.one_way[i].second}, {"count", c.one_way[i]}});
  }
  document["pronouns"] = {{"he", {{"she", c.he}}},
                          {"she", {{"he", c.she}}},
                          {"him", {{"her", c.him}}},
                          {"hers", {{"his", c.hers}}},
                          {"himself", {{"herself", c.himself}}},
                          {"herself", {{"himself", c.herself}}},
                          {"her", {{"his", c.her_to_his}, {"him", c.her_to_him}}},
                          {"his", {{"her", c.his_to_her}, {"hers", c.his_to_hers}}}};
  document["decided_by_context"] = c.her_to_his + c.her_to_him + c.his_to_her + c.his_to_hers;
  document["titles"] = c.titles;
  document["untouched"] = {{"surnames", c.surnames}, {"names_or_words", c.names_or_words}, {"in_addresses", c.in_addresses},
                           {"of_both", c.of_both}};
  document["lists"] = {{"pairs", lists.pairs.size()}, {"one_way", lists.one_way.size()}, {"names", lists.names.size()}, {"left_out", lists.left_out}};
  document["caveats"] = {
      "her and his are resolved by rules on the words around them; docs/mitigation.md says how often they are right.",
      "Words are exchanged, not meanings: facts, first names outside the lists and surnames stay."};
  if (n.not_utf8 > 0) {
    document["not_utf8_texts"] = n.not_utf8;
    document["caveats"].push_back(fmt::format("{} texts are not UTF-8, the first in line {}: a word with such a byte in it is none of "
                                              "the lists', and stays byte for byte. Convert the file if it is of another encoding.",
                                              n.not_utf8, n.first_not_utf8));
  }
  if (!document["one_way"].empty()) {
    document["caveats"].push_back("Words of one_way do not come back when the text is swapped again.");
  }
}

}  // namespace

Json swap_file(const SwapRequest& request) {
  if (request.output.empty()) throw usage_error("mitigate swap needs --out FILE", "The exchanged text goes there.");
  std::vector<fs::path> read = {request.input};
  for (const auto* sources : {&request.pairs, &request.one_way, &request.names}) {
    for (const std::string& source : *sources) {
      for (const fs::path& file : mitigate::pair_files(source)) read.push_back(file);
    }
  }
  internal::refuse_input_as_output(read, request.output);
  const mitigate::Swapper swapper(lists_of(request));
  Json configuration = {{"mode", request.mode}, {"pronouns", request.pronouns}, {"built_in", request.built_in},
                        {"on_conflict", request.on_conflict}};
  if (request.mode == "substitute") {
    configuration["share"] = request.share;
    configuration["seed"] = request.seed;
  }
  const std::string kind = row_kind(request.input);
  const bool text = kind != ".jsonl" && kind != ".csv" && kind != ".tsv";
  if (!text) configuration["columns"] = request.columns;
  std::vector<core::InputFile> inputs = {core::describe_input("input", request.input)};
  for (const auto& [role, sources] : {std::pair("pairs", &request.pairs), std::pair("one-way", &request.one_way), std::pair("names", &request.names)}) {
    for (const std::string& source : *sources) {
      for (const fs::path& file : mitigate::pair_files(source)) inputs.push_back(core::describe_input(role, file));
    }
  }
  Json document = core::make_document({.schema = "discreet.mitigate.swap/1", .configuration = configuration, .inputs = inputs});
  {
    const std::clock_t begin = std::clock();
    Stream stream(request, swapper);
    const internal::TextChange exchange = [&](std::string_view from, std::string& to) { return stream.text(from, to); };
    internal::stream_documents(
        request.input, request.columns,
        {.document =
             [&](const internal::StreamedDocument& row, const internal::DocumentChange& change) {
               stream.document(row, [&](std::string& out) { return change(exchange, row.text, out); });
             },
         .header =
             [&](const internal::StreamedDocument& row) {
               stream.as_it_is(row.text);
               stream.as_it_is(row.ending);
             },
         .other = [&](std::string_view bytes) { stream.as_it_is(bytes); }},
        request.stop);
    stream.finish();
    report_swap(swapper, stream, document);
    document["bytes"] = stream.numbers().bytes;
    document["processor_seconds"] = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  }
  document["output"] = core::to_json(core::describe_input("output", request.output));
  return document;
}

}  // namespace discreet::app
