#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "discreet/core/fields.h"
#include "discreet/text/example.h"

namespace discreet::text {

enum class FileEncoding { kUtf8, kLatin1 };

/// Which columns hold what. An empty name means: take the first of the usual names that the source
/// has, else leave the member empty. A name that is set must be in the source, else it's an error.
///
/// Usual names: text: words, tokens, text, sentence, utterance; label: label, intent, class; slots:
/// slots, tags, ner_tags; user: user, user_id, client, speaker. In CoNLL files a name is a column's
/// number from 1; in the parallel form it is a file of the folder.
struct ReaderOptions {
  std::string text;
  std::string label;
  std::string slots;
  std::string user;
  std::vector<std::string> group;  ///< These columns stand in Example::groups, not in extra.
  FileEncoding encoding = FileEncoding::kUtf8;
  bool header = true;  ///< CSV, TSV: the first row names the columns; else they are 1, 2, …
  bool quotes = true;  ///< CSV, TSV: a field that begins with '"' ends at the next single '"'.
  std::string question;  ///< Empty: none is read, there is no usual name.
  std::string answers;   ///< Empty: none are read. See Example::answers.
  bool coarse = false;   ///< Labels end before their first ':'.
};

/// The description of these options, for the configuration's section `data`.
const core::Fields<ReaderOptions>& reader_fields();

/// A stream of examples. Memory does not grow with the file.
class Reader {
 public:
  virtual ~Reader() = default;
  /// Fills `example` anew and returns true, or returns false at the end.
  /// Throws: kBadData naming file, line, what was expected and how to mend it.
  virtual bool next(Example& example) = 0;
};

/// Registered under kind "reader".
using MakeReader = std::unique_ptr<Reader> (*)(const std::filesystem::path& path,
                                               const ReaderOptions& options);

/// The format that a path's name says (`.jsonl`, `.csv`, `.tsv`, `.conll`, each also with `.gz`; a
/// folder is `parallel`; `.json` is `squad`). Throws: kUsage if the name says nothing.
std::string guess_format(const std::filesystem::path& path);

/// Opens `path` in `format` (jsonl, csv, tsv, conll, labelled, parallel, text, squad; empty: by the name).
/// Throws: kUsage for an unknown format, kBadData if the file is missing or does not begin as it
/// must.
std::unique_ptr<Reader> make_reader(const std::string& format, const std::filesystem::path& path,
                                    const ReaderOptions& options = {});

/// All examples at once, for small files.
std::vector<Example> read_all(Reader& reader);

}  // namespace discreet::text
