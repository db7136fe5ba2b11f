#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "discreet/core/document.h"
#include "discreet/core/json.h"

namespace discreet::app {

/// An example of StereoSet; sentences in the order stereotype, anti-stereotype, unrelated. Texts are
/// empty where the file has none: scores alone can do without.
struct StereoItem {
  std::string split, bias_type, term, context;
  std::array<std::string, 3> ids, sentences;
};

/// JSON lines with type, id, bias_type, target and three sentences with id and gold_label, or the
/// benchmark's own JSON.
/// Throws: kBadData naming file and entry: an example without its three labels, a doubled id; with
/// `need_texts` also a missing context or sentence.
std::vector<StereoItem> read_stereoset(const std::filesystem::path& path, bool need_texts);

/// A pair of CrowS-Pairs; its id is its place in the file, from 0.
struct CrowsPair {
  std::string bias_type, more, less;
  bool stereo = true;
};

/// The benchmark's CSV. Throws: kBadData naming file and line: a kind that is neither stereo nor
/// antistereo, an empty file; with `need_texts` missing columns or empty sentences.
std::vector<CrowsPair> read_crows_pairs(const std::filesystem::path& path, bool need_texts);

/// A template, an attribute and two sets of targets, of which the first is said to go with it.
struct BiasTemplate {
  std::string bias_type, group, text, attribute;
  std::array<std::vector<std::string>, 2> targets;
};

/// JSON lines {"template": "[TARGET] is a [ATTRIBUTE].", "attributes": […], "targets": [["he"], ["she"]],
/// "bias_type": "gender", "group": "male jobs"} (bias_type and group may be left out; a target may be a
/// list of words), or BEC-Pro's TSV, whose sentences are paired by template, profession and determiner into
/// female against male.
/// Throws: kBadData naming file and line: a template without the target or the attribute, no targets.
std::vector<BiasTemplate> read_bias_templates(const std::filesystem::path& path);

/// A question of BBQ.
struct BbqItem {
  std::string id, category, prompt;
  bool ambiguous = true, negative = true;
  std::array<std::string, 3> answers;
  int label = 0;                       ///< The right one.
  int unknown = 0;                     ///< The one of the unknown kind.
  std::array<bool, 3> stereotyped{};   ///< Answers that name a stereotyped group.
};

/// The benchmark's JSON lines (example_id, question_polarity, context_condition, category, answer_info,
/// additional_metadata.stereotyped_groups, context, question, ans0 … ans2, label). Groups are compared
/// in lower case.
/// Throws: kBadData naming file and line: a missing key, a doubled id, no answer of the unknown kind, none
/// of a stereotyped group or all.
std::vector<BbqItem> read_bbq(const std::filesystem::path& path);

/// Lines {"id", "score"}, or {"split": [{"id", "score"}, …]} as one JSON value. Throws: kBadData naming
/// the place of what is no finite number, and a doubled id.
std::map<std::string, double> read_sentence_scores(const std::filesystem::path& path);

}  // namespace discreet::app
