#include "discreet/text/reader.h"

#include <fmt/format.h>

#include "discreet/core/registry.h"
#include "discreet/text/internal/any_label.h"

namespace discreet::text {

const core::Fields<ReaderOptions>& reader_fields() {
  static const auto fields =
      core::Fields<ReaderOptions>("data")
          .add("text", &ReaderOptions::text,
               {.doc = "Column of the text or words. Empty: words, tokens, text, sentence or "
                       "utterance, whichever comes first."})
          .add("label", &ReaderOptions::label,
               {.doc = "Column of the class or intent. Empty: label, intent or class, if there. Several with | "
                       "(toxic|obscene|threat): the first one's name where any is from .5 on, else not NAME."})
          .add("slots", &ReaderOptions::slots,
               {.doc = "Column of the BIO tags. Empty: slots, tags or ner_tags, if there."})
          .add("user", &ReaderOptions::user,
               {.doc = "Column that names who wrote the text. Empty: user, user_id, client or "
                       "speaker, if there."})
          .add("group", &ReaderOptions::group,
               {.doc = "Columns that name groups of speakers or subjects, for fairness metrics."})
          .add("encoding", &ReaderOptions::encoding,
               {.choices = {"utf-8", "latin-1"}, .doc = "How bytes stand for characters."})
          .add("header", &ReaderOptions::header,
               {.doc = "CSV, TSV: the first row names the columns; without it they are 1, 2, …"})
          .add("quotes", &ReaderOptions::quotes,
               {.doc = "CSV, TSV: fields may be quoted (RFC 4180); without it '\"' is a character "
                       "like others."})
          .add("question", &ReaderOptions::question, {.doc = "Column of a question about the text."})
          .add("answers", &ReaderOptions::answers,
               {.doc = "Column of the answers to it, or of what the text is to become."})
          .add("coarse", &ReaderOptions::coarse,
               {.doc = "A label of two levels is read up to its first colon."});
  return fields;
}

std::string guess_format(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return "parallel";
  std::filesystem::path name = path.filename();
  if (name.extension() == ".gz") name = name.stem();
  const std::string extension = name.extension().string();
  if (extension == ".jsonl" || extension == ".ndjson") return "jsonl";
  if (extension == ".csv") return "csv";
  if (extension == ".tsv") return "tsv";
  if (extension == ".conll" || extension == ".bio" || extension == ".iob") return "conll";
  if (extension == ".txt") return "text";
  if (extension == ".json") return "squad";
  throw usage_error(fmt::format("{}: the name does not say the format", path.string()),
                    "Set data.format to jsonl, csv, tsv, conll, labelled, parallel, text or squad.");
}

std::unique_ptr<Reader> make_reader(const std::string& format, const std::filesystem::path& path,
                                    const ReaderOptions& options) {
  const auto make =
      core::registry().make<MakeReader>("reader", format.empty() ? guess_format(path) : format);
  if (!std::filesystem::exists(path)) {
    throw bad_data(fmt::format("{}: no such file or folder", path.string()),
                   "Check data.train, data.dev and data.test; `discreet data list` names the data "
                   "sets that need no path.");
  }
  if (!internal::names_several(options.label)) return make(path, options);
  return internal::make_any_label_reader(make(path, internal::any_label_options(options)), path.string(), options);
}

std::vector<Example> read_all(Reader& reader) {
  std::vector<Example> examples;
  for (Example example; reader.next(example);) examples.push_back(std::move(example));
  return examples;
}

}  // namespace discreet::text
