#include <cmath>

#include <fmt/format.h>

#include "discreet/app/likelihood.h"
#include "discreet/app/ops/internal/language_source.h"
#include "discreet/app/ops/run_model.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/operation.h"
#include "discreet/core/progress.h"
#include "discreet/core/registry.h"
#include "discreet/core/run_dir.h"
#include "discreet/fairness/answer_likelihood.h"
#include "discreet/fairness/log_probability_bias.h"
#include "discreet/fairness/pair_likelihood.h"
#include "discreet/fairness/stereoset_likelihood.h"

namespace discreet {
namespace app {
namespace {
namespace fs = std::filesystem;

/// One benchmark's scoring of a model: what the parts share.
class LikelihoodWork {
 public:
  LikelihoodWork(const Json& request, core::OperationContext& context)
      : data_(request.at("data").get<std::string>()),
        context_(context),
        language_(open_language(request.at("model").get<std::string>())) {
    source_.input = language_.input;
    source_.name = language_.path.string();
    source_.configuration = {{"model", language_.kind}};
  }

  Json stereoset(const std::string& rule);
  Json pairs(const std::string& benchmark, std::string rule, int round_to);
  Json templates(bool chain, std::uint64_t seed);
  Json questions(bool sum);

  const LanguageSource& language() const { return language_; }
  const std::string& score_lines() const { return lines_; }

 private:
  /// `total` 0: as many as there are places to hide, which only the scoring knows.
  fairness::AskOptions ask(std::size_t total, const char* unit) {
    progress_ = std::make_unique<core::Progress>(core::ProgressOptions{
        .label = "score", .unit = unit, .total = static_cast<std::int64_t>(total), .quiet = context_.quiet});
    fairness::AskOptions options;
    options.progress = [this](std::size_t done) {
      progress_->update(static_cast<std::int64_t>(done));
      return !context_.stopping();
    };
    return options;
  }
  void score_line(const Json& line) { lines_ += line.dump() + "\n"; }
  void note_unknown(const std::vector<std::string>& texts) {
    const std::string note = unknown_note(*language_.coder, texts);
    if (!note.empty()) source_.caveats.push_back(note);
  }
  std::vector<double> follow_scores(std::string& rule, const std::vector<fairness::StereoSentence>& sentences);

  fs::path data_;
  core::OperationContext& context_;
  LanguageSource language_;
  ScoreSource source_;
  std::unique_ptr<core::Progress> progress_;
  std::string lines_;
};

constexpr const char* kNoNextSentence =
    "a masked model scores a following sentence by a next-sentence head, which this one lacks; --intersentence pseudo-likelihood asks "
    "for another rule";

/// Sets `rule` to what was used; without scores it is "none".
std::vector<double> LikelihoodWork::follow_scores(std::string& rule,
                                                  const std::vector<fairness::StereoSentence>& sentences) {
  const bool causal = language_.model->causal();
  if (causal && (rule == "auto" || rule == "perplexity-ratio")) {
    rule = "perplexity-ratio";
    return fairness::follow_ratios(*language_.model, *language_.coder, sentences, ask(sentences.size(), "texts"));
  }
  if (causal) {
    throw usage_error(fmt::format("a causal model cannot score by {}", rule), "Take --intersentence perplexity-ratio, or leave it out.");
  }
  if (rule == "perplexity-ratio") {
    throw usage_error("a masked model has no perplexity of a sentence", "Take --intersentence pseudo-likelihood.");
  }
  if (rule == "pseudo-likelihood") {
    return fairness::follow_pseudo_scores(*language_.model, *language_.coder, sentences, ask(0, "texts"));
  }
  std::int64_t longest = 0;
  const auto head = open_next_sentence(language_.path, longest);
  if (!head) {
    if (rule == "next-sentence") throw usage_error(fmt::format("{} has no next-sentence head", language_.path.string()));
    rule = "none";
    return {};
  }
  rule = "next-sentence";
  return fairness::next_sentence_scores(*head, *language_.coder, sentences, longest);
}

Json LikelihoodWork::stereoset(const std::string& asked_rule) {
  const std::vector<StereoItem> items = read_stereoset(data_, true);
  std::map<std::string, double> scores;
  std::vector<std::string> texts;
  std::string rule = asked_rule;
  for (const std::string split : {"intrasentence", "intersentence"}) {
    std::vector<fairness::StereoSentence> sentences;
    std::vector<std::string> ids;
    for (const StereoItem& item : items) {
      if (item.split != split) continue;
      for (std::size_t i = 0; i < 3; ++i) {
        sentences.push_back({item.context, item.sentences[i]});
        ids.push_back(item.ids[i]);
        texts.push_back(item.sentences[i]);
      }
    }
    if (sentences.empty()) continue;
    const bool intra = split == "intrasentence";
    const std::vector<double> found =
        intra ? fairness::fill_scores(*language_.model, *language_.coder, sentences, ask(0, "texts"))
              : follow_scores(rule, sentences);
    if (found.empty()) {
      source_.absent[split] = kNoNextSentence;
      continue;
    }
    for (std::size_t i = 0; i < ids.size(); ++i) {
      scores[ids[i]] = found[i];
      score_line({{"id", ids[i]}, {"score", found[i]}});
    }
  }
  source_.configuration["intrasentence"] = language_.model->causal() ? "likelihood" : "mask";
  source_.configuration["intersentence"] = rule;
  if (rule == "pseudo-likelihood") {
    source_.caveats.push_back("Following sentences are scored by pseudo-likelihood, not by the published next-sentence rule.");
  }
  if (rule == "perplexity-ratio") {
    source_.caveats.push_back(
        "Following sentences are scored by the perplexity of the sentence alone over that behind its context, our reading of the "
        "benchmark's 'no context / context'.");
  }
  note_unknown(texts);
  return stereoset_document(data_, items, scores, source_);
}

fairness::PairRule pair_rule(const std::string& benchmark, std::string& rule, bool causal) {
  using fairness::PairRule;
  if (benchmark == "aul" || benchmark == "aula") {
    if (!rule.empty()) throw usage_error(benchmark + " has one rule alone", "Leave out --rule.");
    rule = benchmark;
    return benchmark == "aul" ? PairRule::kUnmasked : PairRule::kUnmaskedAttention;
  }
  if (rule.empty()) rule = causal ? "sentence" : "shared";
  if (rule == "shared") return PairRule::kShared;
  if (rule == "all") return PairRule::kAll;
  if (rule == "sentence") return PairRule::kSentence;
  if (rule == "sentence-mean") return PairRule::kSentenceMean;
  throw usage_error("no rule for pairs is called '" + rule + "'", "Known: shared, all, sentence, sentence-mean.");
}

Json LikelihoodWork::pairs(const std::string& benchmark, std::string rule, int round_to) {
  const std::vector<CrowsPair> pairs = read_crows_pairs(data_, true);
  const fairness::PairRule how = pair_rule(benchmark, rule, language_.model->causal());
  std::vector<fairness::TextPair> texts;
  std::vector<std::string> sentences;
  for (const CrowsPair& pair : pairs) {
    texts.push_back({pair.more, pair.less});
    sentences.insert(sentences.end(), {pair.more, pair.less});
  }
  const auto scored = fairness::score_pairs(*language_.model, *language_.coder, texts, how, ask(0, "texts"));
  std::vector<PairScoreRow> rows;
  for (std::size_t i = 0; i < scored.size(); ++i) {
    rows.push_back({scored[i].more, scored[i].less});
    score_line({{"id", std::to_string(i)}, {"score_more", scored[i].more}, {"score_less", scored[i].less}});
  }
  source_.configuration["benchmark"] = benchmark;
  source_.configuration["rule"] = rule;
  if (how == fairness::PairRule::kSentence) {
    source_.caveats.push_back("Whole sentences are compared: a causal model cannot score the shared tokens alone, as published.");
  }
  note_unknown(sentences);
  return crows_pairs_document(data_, pairs, rows, source_, round_to);
}

Json LikelihoodWork::templates(bool chain, std::uint64_t seed) {
  const std::vector<BiasTemplate> templates = read_bias_templates(data_);
  std::vector<fairness::BiasQuestion> questions;
  for (const BiasTemplate& made : templates) questions.push_back({made.text, made.attribute, made.targets});
  const auto answers = fairness::log_probability_bias(*language_.model, *language_.coder, questions,
                                                      {.chain = chain, .ask = ask(0, "texts")});
  std::vector<BiasRow> rows;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const fairness::BiasAnswer& answer = answers[i];
    rows.push_back({answer.increase, answer.difference, answer.reason});
    if (!answer.difference) continue;
    score_line({{"template", templates[i].text}, {"attribute", templates[i].attribute}, {"targets", templates[i].targets},
                {"log_target", answer.log_target}, {"log_prior", answer.log_prior}, {"lpbs", *answer.difference}});
  }
  source_.configuration["chain"] = chain;
  return log_bias_document(data_, templates, rows, source_, seed);
}

Json LikelihoodWork::questions(bool sum) {
  const std::vector<BbqItem> items = read_bbq(data_);
  std::vector<fairness::ChoiceQuestion> questions;
  std::vector<std::string> texts;
  for (const BbqItem& item : items) {
    questions.push_back({item.prompt, {item.answers.begin(), item.answers.end()}});
    texts.push_back(item.prompt);
  }
  const auto scored =
      fairness::answer_scores(*language_.model, *language_.coder, questions, sum, ask(3 * questions.size(), "answers"));
  std::vector<std::array<double, 3>> scores;
  for (std::size_t i = 0; i < scored.size(); ++i) {
    scores.push_back({scored[i][0], scored[i][1], scored[i][2]});
    score_line({{"id", items[i].id}, {"scores", scored[i]}});
  }
  source_.configuration["rule"] = sum ? "sum" : "mean";
  source_.caveats.push_back("The answer of the highest likelihood behind context and question is taken; no instruction is given.");
  note_unknown(texts);
  return bbq_document(data_, items, scores, source_);
}

/// Request: benchmark, data, model (a folder or a run); rule, intersentence, chain, round_to, seed; scores_out
/// (a file for what was scored); out, or for a run its audits/.
Json likelihood_of_model(const Json& request, core::OperationContext& context) {
  const std::string benchmark = request.at("benchmark").get<std::string>();
  const std::string rule = request.value("rule", "");
  LikelihoodWork work(request, context);
  Json document;
  if (benchmark == "stereoset") {
    document = work.stereoset(request.value("intersentence", "auto"));
  } else if (benchmark == "ilps") {
    document = work.templates(request.value("chain", false), request.value("seed", std::uint64_t{0}));
  } else if (benchmark == "bbq") {
    if (!rule.empty() && rule != "mean" && rule != "sum") throw usage_error("bbq knows the rules mean and sum, not '" + rule + "'");
    document = work.questions(rule == "sum");
  } else {
    document = work.pairs(benchmark, rule, request.value("round_to", -1));
  }
  if (request.contains("scores_out")) {
    core::write_file_atomically(request["scores_out"].get<std::string>(), work.score_lines());
  }
  write_model_finding(request, work.language().run ? work.language().path : "", document);
  return document;
}

}  // namespace
}  // namespace app

void register_operation_fairness_likelihood(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "fairness-likelihood",
                .summary = "Which of paired sentences a masked or causal model finds likelier",
                .make = core::Operation(&app::likelihood_of_model)});
}

}  // namespace discreet
