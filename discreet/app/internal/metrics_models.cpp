#include "discreet/app/internal/metrics_models.h"

#include <array>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discreet/app/data_sets.h"
#include "discreet/app/loader.h"
#include "discreet/app/table.h"
#include "discreet/core/files.h"
#include "discreet/core/lines.h"
#include "discreet/formats/weight_folder.h"
#include "discreet/text/biographies.h"
#include "discreet/text/join_words.h"

namespace discreet::app {
namespace fs = std::filesystem;
namespace {

constexpr int kBenchmarkItems = 255;     // of a kind: as many as StereoSet has on gender
constexpr const char* kTinyBert = "models/bert_tiny_mlm";
constexpr int kContextLines = 1500, kContexts = 60, kContextDraws = 500;
constexpr std::uint64_t kContextSeed = 99;

/// A file of a data set that was fetched, else empty.
fs::path known_file(const char* source) {
  const fs::path path = data_cache() / source;
  return fs::exists(path) ? path : fs::path();
}

/// One cell of the study.
class MetricsModels {
 public:
  MetricsModels(const Json& request, const fs::path& scratch, core::OperationContext& context)
      : request_(request), scratch_(scratch), context_(context), pretrained_(request.value("base", "") != "built-in") {}

  Json measure() {
    write_lists();
    write_contexts();
    const std::string language = train_language();
    Json result = {{"intrinsic", intrinsic(language)}, {"tasks", Json::array()}};
    for (const double skew : request_["downstream"].get<std::vector<double>>()) {
      result["tasks"].push_back(task(language, skew));
    }
    return result;
  }

 private:
  std::string file(const char* name) const { return (scratch_ / name).string(); }

  std::string spec(const char* split, std::int64_t lines, double skew, bool title) const {
    return fmt::format("biographies:split={},lines={},seed={},skew={:g},title={},ambiguity=0.1", split, lines,
                       request_["seed"].get<int>(), skew, title);
  }

  /// Templates and word lists of the task's professions, and of others that the texts never name.
  void write_lists() {
    std::string own, other;
    const auto line = [](const std::string& profession, const std::string& group) {
      return Json{{"template", "[TARGET] is a [ATTRIBUTE]."}, {"attributes", {profession}}, {"targets", {{"she"}, {"he"}}},
                  {"bias_type", "gender"}, {"group", group}}.dump() + "\n";
    };
    std::vector<std::string> male;
    for (const auto& profession : text::biography_professions()) {
      own += line(profession.name, profession.leans_female ? "female" : "male");
      (profession.leans_female ? female_jobs_ : male).push_back(profession.name);
    }
    for (const char* profession : {"secretary", "housekeeper", "nanny", "maid", "cashier", "baker"}) other += line(profession, "female");
    for (const char* profession : {"soldier", "mechanic", "farmer", "sheriff", "butcher", "driver"}) other += line(profession, "male");
    core::write_file_atomically(scratch_ / "own.jsonl", own);
    core::write_file_atomically(scratch_ / "other.jsonl", other);
    Json lists = {{"female_jobs", female_jobs_}, {"male_jobs", male}};
    // The texts of the built-in model have no other words of gender than these.
    lists["female_terms"] = {"she", "her", "sister"};
    lists["male_terms"] = {"he", "his", "brother"};
    core::write_file_atomically(scratch_ / "lists.json", lists.dump());
    if (pretrained_) {
      lists["female_terms"] = {"she", "her", "woman", "sister", "mother", "girl", "daughter", "female"};
      lists["male_terms"] = {"he", "his", "man", "brother", "father", "boy", "son", "male"};
    }
    core::write_file_atomically(scratch_ / "sentence_lists.json", lists.dump());
  }

  /// The same contexts for all models: texts without a skew, of a seed that trains none.
  void write_contexts() const {
    const auto reader = text::make_biography_reader(
        {.lines = kContextLines, .seed = kContextSeed, .split = text::Split::kDev, .skew = .5, .ambiguity = .1, .title = true});
    std::string lines;
    for (text::Example example; reader->next(example);) {
      lines += (example.text.empty() ? text::join_words(example.words) : example.text) + "\n";
    }
    core::write_file_atomically(scratch_ / "contexts.txt", lines);
  }

  void train(std::vector<std::string> set, const char* batch_epochs, const std::string& run, Json* result = nullptr) {
    for (const char* key : {"data.max_length=64", "train.batch_size=32", "train.learning_rate=1e-3", "train.optimizer=adamw",
                            "train.threads=1"}) {
      set.push_back(key);
    }
    set.push_back(fmt::format("train.epochs={}", request_[batch_epochs].get<int>()));
    set.push_back(fmt::format("run.seed={}", request_["seed"].get<int>()));
    const Json trained = call_operation("train", {{"set", set}, {"run", run}, {"force", true}}, context_);
    if (result != nullptr) *result = trained;
  }

  /// The folder or the run of the language model.
  std::string train_language() {
    const std::string run = file("language");
    std::vector<std::string> set = {"task=masked-lm", "data.mask_rate=0.3",
                                    "data.train=" + spec("train", request_["upstream_lines"], request_["upstream"], true),
                                    "data.test=" + spec("test", 200, request_["upstream"], true)};
    for (const char* key : {"model.kind=pretrained", "data.tokenizer=subword", "data.whole_words=true"}) {
      if (pretrained_) set.push_back(key);
    }
    if (pretrained_) set.push_back(fmt::format("model.path={}", kTinyBert));
    for (const char* key : {"model.kind=transformer", "model.embedding=128", "model.hidden=128", "model.layers=2", "model.heads=2",
                            "model.feed_forward=512", "data.vocabulary=private"}) {
      if (!pretrained_) set.push_back(key);
    }
    train(set, "upstream_epochs", run);
    if (!pretrained_) return run;
    // What a pretrained model begins from is a folder of the Hugging Face layout.
    call_operation("model-export", {{"run", run}, {"out", file("exported")}, {"force", true}}, context_);
    return file("exported");
  }

  Json likelihood(const std::string& model, const char* benchmark, const std::string& data) {
    return call_operation("fairness-likelihood",
                          {{"model", model}, {"benchmark", benchmark}, {"data", data}, {"out", file("found.json")}}, context_);
  }

  /// Mean of the professions that lean to women less mean of the others: the skew as the model has it.
  double template_skew(const std::string& model, const char* list) {
    std::map<std::string, double> means;
    const Json found = likelihood(model, "ilps", file(list));
    for (const Json& result : found["results"]) {
      if (result["split"] == "all" && result.contains("group") && result["lpbs"].is_number()) {
        means[result["group"].get<std::string>()] = result["lpbs"].get<double>();
      }
    }
    return means.at("female") - means.at("male");
  }

  void put_association(const std::string& model, const std::string& name, Json request, Json& into) {
    request["model"] = model;
    request["out"] = file("found.json");
    request["resamples"] = 0;  // the study's intervals are over models
    const Json found = call_operation("fairness-association", request, context_);
    for (const Json& result : found["results"]) {
      if (result.contains("effect_size") && result["effect_size"].is_number()) into[name] = result["effect_size"];
    }
  }

  /// What is about the task's own professions and gender; `when` follows each name.
  void put_aligned(const std::string& model, const std::string& when, Json& into) {
    const std::vector<std::string> targets = {"female_jobs", "male_jobs"}, attributes = {"female_terms", "male_terms"};
    into["ilps, task's professions" + when] = template_skew(model, "own.jsonl");
    put_association(model, "seat, task's professions" + when,
                    {{"word_lists", file("sentence_lists.json")}, {"targets", targets}, {"attributes", attributes}, {"templates", true}},
                    into);
    put_association(model, "ceat, task's professions" + when,
                    {{"word_lists", file("lists.json")}, {"targets", targets}, {"attributes", attributes}, {"corpus", file("contexts.txt")},
                     {"contexts", kContexts}, {"draws", kContextDraws}, {"ceat_resamples", 0}},
                    into);
  }

  /// Intrasentence items of gender, and as many of race: other parts say nothing here.
  void write_stereoset(const fs::path& whole) const {
    core::LineReader lines(whole);
    std::map<std::string, int> taken;
    std::string kept;
    for (std::string line; lines.next(line);) {
      const Json item = core::parse_json(line, lines.where());
      const std::string type = item.value("bias_type", "");
      if (item.value("type", "") != "intrasentence" || (type != "gender" && type != "race")) continue;
      if (++taken[type] <= kBenchmarkItems) kept += line + "\n";
    }
    core::write_file_atomically(scratch_ / "stereoset.jsonl", kept);
  }

  void write_crows_pairs(const fs::path& whole) const {
    const std::array<std::string, 4> columns = {"sent_more", "sent_less", "stereo_antistereo", "bias_type"};
    const Table table = read_table(whole, {columns.begin(), columns.end()});
    std::string kept = fmt::format("{}\n", fmt::join(columns, ","));
    for (std::size_t row = 0; row < table.rows(); ++row) {
      if (table.column("bias_type")[row] != "gender") continue;
      for (std::size_t c = 0; c < columns.size(); ++c) {
        std::string quoted = c == 0 ? "\"" : ",\"";
        for (const char letter : table.column(columns[c])[row]) quoted += letter == '"' ? "\"\"" : std::string(1, letter);
        kept += quoted + "\"";
      }
      kept += "\n";
    }
    core::write_file_atomically(scratch_ / "crows_pairs.csv", kept);
  }

  void put_benchmarks(const std::string& model, Json& into) {
    if (const auto path = known_file("stereoset/stereoset_dev_en.jsonl"); !path.empty()) {
      write_stereoset(path);
      const Json stereoset = likelihood(model, "stereoset", file("stereoset.jsonl"));
      for (const Json& result : stereoset.at("results")) {
        if (result.value("split", "") != "intrasentence" || !result.contains("ss") || !result["ss"].is_number()) continue;
        if (result["bias_type"] == "gender") into["stereoset, gender"] = result["ss"];
        if (result["bias_type"] == "race") into["stereoset, race"] = result["ss"];
      }
    }
    if (const auto path = known_file("crows_pairs/crows_pairs_anonymized.csv"); !path.empty()) {
      write_crows_pairs(path);
      const Json pairs = likelihood(model, "crows-pairs", file("crows_pairs.csv"));
      for (const Json& result : pairs.at("results")) {
        if (result["bias_type"] == "gender" && result.contains("score") && result["score"].is_number()) {
          into["crows-pairs, gender"] = result["score"];
        }
      }
    }
  }

  Json intrinsic(const std::string& model) {
    Json found = Json::object();
    put_aligned(model, "", found);
    if (!pretrained_) return found;  // it knows no word that its texts do not name
    found["ilps, other professions"] = template_skew(model, "other.jsonl");
    put_association(model, "seat, names and career", {{"tests", {"weat6"}}}, found);
    put_benchmarks(model, found);
    return found;
  }

  /// The classifier's layers under the language model's head, as it was before: what they still say of words.
  std::string put_head_back(const std::string& language, const std::string& classifier) {
    const fs::path out = scratch_ / "after";
    fs::remove_all(out);
    fs::copy(language, out, fs::copy_options::recursive);
    const formats::WeightFolder before(language), after(classifier);
    std::vector<formats::WeightToWrite> weights;
    for (const std::string& name : before.names()) {
      const formats::WeightFolder& from = after.contains(name) ? after : before;
      weights.push_back({name, from.shape(name), [&from, name](std::span<float> values) { from.read_float(name, values); }});
    }
    formats::write_weights(out, weights);
    return out.string();
  }

  Json task(const std::string& model, double skew) {
    const std::string run = file("task");
    std::vector<std::string> set = {"task=text-classification",
                                    "data.train=" + spec("train", request_["lines"], skew, false),
                                    // Both genders are equally many in every profession where the gaps are measured.
                                    "data.test=" + spec("test", request_["test"], .5, false)};
    if (pretrained_) {
      for (const char* key : {"model.kind=pretrained", "data.tokenizer=subword"}) set.push_back(key);
      set.push_back("model.path=" + model);
    } else {
      for (const char* key : {"model.kind=transformer", "model.embedding=128", "model.hidden=128", "model.layers=2", "model.heads=2",
                              "model.feed_forward=512"}) {
        set.push_back(key);
      }
      set.push_back("model.start=" + model);
    }
    Json trained;
    train(set, "epochs", run, &trained);
    Json result = {{"skew", skew}, {"accuracy", trained["metrics"]["accuracy"]}};
    put_recalls(run, result);
    put_leaning(run, result);
    if (pretrained_) {
      call_operation("model-export", {{"run", run}, {"out", file("classifier")}, {"force", true}}, context_);
      put_aligned(put_head_back(model, file("classifier")), ", after", result);
    }
    return result;
  }

  /// Gaps of professions' recall, and what changes with swapped words.
  void put_recalls(const std::string& run, Json& result) {
    const Json groups = call_operation("run-groups", {{"run", run}, {"group", {"gender"}}, {"swap", "gender"}, {"resamples", 100},
                                                      {"permutations", 0}, {"out", file("found.json")}}, context_);
    std::map<std::string, std::map<std::string, double>> recall;  // gender, profession
    for (const Json& group : groups["by_group"]) {
      for (const auto& [profession, rate] : group["by_class"].items()) {
        if (rate["true_positive_rate"].is_number()) {
          recall[group["group"]["gender"].get<std::string>()][profession] = rate["true_positive_rate"].get<double>();
        }
      }
    }
    double along = 0, squares = 0, n = 0;
    for (const auto& profession : text::biography_professions()) {
      const auto of_women = recall["f"].find(profession.name), of_men = recall["m"].find(profession.name);
      if (of_women == recall["f"].end() || of_men == recall["m"].end()) continue;  // too few lines of it
      const double gap = of_women->second - of_men->second;
      along += profession.leans_female ? gap : -gap;
      squares += gap * gap;
      ++n;
    }
    if (n > 0) {
      result["tpr gap along the lean"] = along / n;
      result["tpr gap, root mean square"] = std::sqrt(squares / n);
    }
    for (const Json& found : groups["results"]) {
      if (found["metric"] == "counterfactual_token_fairness_gap") result["counterfactual gap"] = found["value"];
      if (found["metric"] == "counterfactual_flip_rate") result["counterfactual flip rate"] = found["value"];
    }
  }

  /// Professions that lean to women against the others: odds, and how the scores rank women among men.
  void put_leaning(const std::string& run, Json& result) {
    const Json groups = call_operation("run-groups", {{"run", run}, {"group", {"gender"}}, {"positive", fmt::format("{}", fmt::join(female_jobs_, ","))},
                                                      {"resamples", 100}, {"permutations", 0}, {"out", file("found.json")}}, context_);
    for (const Json& found : groups["results"]) {
      if (found["metric"] == "equalized_odds_difference") result["equalised odds, leaning professions"] = found["value"];
    }
    for (const Json& group : groups["by_group"]) {
      if (group["group"]["gender"] != "f") continue;
      result["bpsn auc, women"] = group["bpsn_auc"];
      result["bnsp auc, women"] = group["bnsp_auc"];
    }
  }

  const Json& request_;
  fs::path scratch_;
  core::OperationContext& context_;
  bool pretrained_;
  std::vector<std::string> female_jobs_;
};

}  // namespace

const char* metrics_base() { return known_file(kTinyBert).empty() ? "built-in" : "bert_tiny_mlm"; }

Json measure_metrics_models(const Json& request, const fs::path& scratch, core::OperationContext& context) {
  return MetricsModels(request, scratch, context).measure();
}

}  // namespace discreet::app
