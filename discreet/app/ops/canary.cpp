#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>

#include <fmt/format.h>

#include "discreet/app/canaries.h"
#include "discreet/app/ops/internal/canary_losses.h"
#include "discreet/app/ops/internal/learnt_canaries.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/operation.h"
#include "discreet/core/random.h"
#include "discreet/core/registry.h"
#include "discreet/core/run_dir.h"
#include "discreet/stats/exposure.h"
#include "discreet/stats/intervals.h"
#include "discreet/stats/two_samples.h"

namespace discreet {
namespace app {
namespace {

namespace fs = std::filesystem;

struct ExposureOptions {
  double exact = 1e6;             ///< Spaces up to so many are enumerated.
  std::int64_t samples = 10000;   ///< References for sampling and for the fit.
  std::uint64_t seed = 0;
  double confidence = 0.95;
  bool show_text = false;
  std::string store;
};

ExposureOptions exposure_options(const Json& request) {
  ExposureOptions options;
  options.exact = request.value("exact", options.exact);
  options.samples = request.value("samples", options.samples);
  options.seed = request.value("seed", options.seed);
  options.confidence = request.value("confidence", options.confidence);
  options.show_text = request.value("show_text", options.show_text);
  options.store = request.value("store", options.store);
  return options;
}

Json exposure_configuration(const ExposureOptions& options) {
  return {{"exact", options.exact},
          {"samples", options.samples},
          {"seed", options.seed},
          {"confidence", options.confidence},
          {"show_text", options.show_text}};
}

std::string text_of(const Canary& canary) { return canary.example.text; }

Json start_row(const Canary& canary, const ExposureOptions& options) {
  Json row = {{"canary", canary.id}, {"kind", canary.kind}, {"planted", canary.planted}, {"repetitions", canary.repetitions}};
  if (options.show_text) row["text"] = text_of(canary);
  return row;
}

/// One canary's figures, and the score by which others may tell planted ones from the rest.
struct Exposed {
  const Canary* canary;
  Json row;
  double score;
};

/// Losses of references, none of them a canary's own code.
struct References {
  std::vector<double> every;  ///< By the code's number, or empty.
  std::vector<double> sample;
  std::optional<stats::SkewNormal> fit;
  std::string no_fit;
};

References references_of(const PatternLosses& losses, const std::vector<audit::Code>& own, const ExposureOptions& options) {
  References refs;
  const text::CanaryPattern& pattern = losses.pattern();
  core::ReproducibleRng rng(options.seed, "canary/references");
  std::vector<audit::Code> drawn;
  // Few candidates beside the canaries themselves: drawing again and again would not end.
  const bool enough = pattern.space() > 2.0 * static_cast<double>(own.size());
  while (enough && static_cast<std::int64_t>(drawn.size()) < options.samples) {
    audit::Code code = pattern.draw(rng);
    if (std::ranges::find(own, code) == own.end()) drawn.push_back(std::move(code));
  }
  if (pattern.space() <= options.exact) {
    std::vector<audit::Code> codes;
    for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(pattern.space()); ++i) {
      codes.push_back(pattern.code_of(i));
      if (codes.size() < 65536 && i + 1 < static_cast<std::uint64_t>(pattern.space())) continue;
      const std::vector<double> some = losses.losses(codes);
      refs.every.insert(refs.every.end(), some.begin(), some.end());
      codes.clear();
    }
    for (const audit::Code& code : drawn) refs.sample.push_back(refs.every[pattern.number_of(code)]);
  } else {
    refs.sample = losses.losses(drawn);
  }
  if (refs.sample.size() < 3 || std::ranges::min(refs.sample) == std::ranges::max(refs.sample)) {
    refs.no_fit = "the references' losses do not vary";
  } else {
    refs.fit = stats::fit_skew_normal(refs.sample);
  }
  return refs;
}

void add_exposures(const References& refs, double space, double loss, Json& row) {
  row["loss"] = loss;
  if (refs.every.empty()) {
    core::set_absent(row, "rank", fmt::format("{:g} candidates were not enumerated", space));
    row["method"] = refs.fit ? "extrapolation" : "sampling";
  } else {
    std::uint64_t others = 0;
    for (const double other : refs.every) others += other <= loss ? 1 : 0;  // itself once
    row["rank"] = others;
    row["method"] = "exact";
    row["exposure"] = stats::exposure_of_rank(others, space);
  }
  if (refs.sample.empty()) {
    core::set_absent(row, "exposure_sampled", "too few candidates beside the canaries");
  } else {
    // Of fewer candidates than draws, draws repeat: no rank is better than the first of all candidates.
    row["exposure_sampled"] = std::min(stats::exposure_by_rank(loss, refs.sample), std::log2(space));
  }
  if (refs.fit) {
    row["exposure_extrapolated"] = stats::exposure_by_fit(loss, *refs.fit);
  } else {
    core::set_absent(row, "exposure_extrapolated", refs.no_fit);
  }
  if (refs.every.empty()) row["exposure"] = refs.fit ? row["exposure_extrapolated"] : row["exposure_sampled"];
}

/// The canaries that share one pattern and labels.
std::vector<Exposed> expose_pattern(const RunModel& run, const std::vector<const Canary*>& canaries,
                                    const ExposureOptions& options, Json& document) {
  const PatternLosses losses(run, *canaries.front());
  std::vector<audit::Code> codes;
  for (const Canary* canary : canaries) codes.push_back(losses.code_of(*canary));
  const References refs = references_of(losses, codes, options);
  const std::vector<double> own = refs.every.empty() ? losses.losses(codes) : std::vector<double>();
  const double space = losses.pattern().space();
  const double n = static_cast<double>(refs.sample.size());
  const double mean = std::accumulate(refs.sample.begin(), refs.sample.end(), 0.0) / std::max(n, 1.0);
  double variance = 0;
  for (const double loss : refs.sample) variance += (loss - mean) * (loss - mean) / std::max(n, 1.0);
  std::vector<Exposed> exposed;
  for (std::size_t i = 0; i < canaries.size(); ++i) {
    Json row = start_row(*canaries[i], options);
    row["pattern"] = canaries[i]->pattern;
    row["candidates"] = core::number(space);
    // Of the same pass as the others where all were enumerated: in another batch the last bits differ, and its rank.
    const double loss = refs.every.empty() ? own[i] : refs.every[losses.pattern().number_of(codes[i])];
    add_exposures(refs, space, loss, row);
    // In deviations of the references, so that patterns can stand in one list.
    exposed.push_back({canaries[i], std::move(row), variance > 0 ? (mean - loss) / std::sqrt(variance) : 0.0});
  }
  Json group = {{"pattern", canaries.front()->pattern}, {"candidates", core::number(space)}, {"references", refs.sample.size()}};
  if (refs.fit) {
    group["fit"] = {{"location", refs.fit->location}, {"scale", refs.fit->scale}, {"shape", refs.fit->shape}};
  } else {
    core::set_absent(group, "fit", refs.no_fit);
  }
  group["unknown_candidates"] = losses.unknown_candidates();
  document["patterns"].push_back(group);
  return exposed;
}

std::vector<Exposed> expose_mislabelled(const RunModel& run, const std::vector<const Canary*>& canaries,
                                        const ExposureOptions& options) {
  const std::vector<double> losses = canary_example_losses(run, canaries);
  std::vector<double> left_out;
  for (std::size_t i = 0; i < canaries.size(); ++i) {
    if (!canaries[i]->planted) left_out.push_back(losses[i]);
  }
  std::vector<Exposed> exposed;
  for (std::size_t i = 0; i < canaries.size(); ++i) {
    Json row = start_row(*canaries[i], options);
    row["loss"] = losses[i];
    row["method"] = "references";
    std::vector<double> others = left_out;
    if (!canaries[i]->planted) others.erase(std::ranges::find(others, losses[i]));
    if (others.empty()) {
      core::set_absent(row, "exposure", "no other mislabelled canary was left out to compare with");
    } else {
      row["exposure"] = stats::exposure_by_rank(losses[i], others);
    }
    exposed.push_back({canaries[i], std::move(row), -losses[i]});
  }
  return exposed;
}

/// Means and shares of planted canaries and of the others, and a test between them.
Json exposure_summary(const std::vector<Exposed>& exposed, double confidence) {
  Json summary = Json::object();
  std::vector<double> sides[2];
  for (const bool planted : {true, false}) {
    std::vector<double> exposures;
    std::uint64_t first = 0, ranked = 0;
    for (const Exposed& one : exposed) {
      if (one.canary->planted != planted) continue;
      if (one.row["exposure"].is_number()) exposures.push_back(one.row["exposure"].get<double>());
      if (!one.row.contains("rank") || !one.row["rank"].is_number()) continue;
      ++ranked;
      first += one.row["rank"] == 1 ? 1 : 0;
    }
    sides[planted ? 0 : 1] = exposures;
    Json side = {{"n", exposures.size()}};
    if (exposures.empty()) {
      core::set_absent(side, "mean_exposure", planted ? "no canary was planted" : "every canary was planted");
    } else {
      const stats::MeanEstimate mean = stats::mean_interval(exposures, confidence);
      side["mean_exposure"] = mean.mean;
      if (mean.ci) side["ci"] = {mean.ci->low, mean.ci->high};
    }
    if (ranked > 0) {
      const stats::Interval share = stats::clopper_pearson(first, ranked, confidence);
      side["rank_1"] = {{"n", ranked}, {"count", first}, {"share", static_cast<double>(first) / static_cast<double>(ranked)},
                        {"ci", {share.low, share.high}}};
    }
    summary[planted ? "planted" : "not_planted"] = side;
  }
  if (!sides[0].empty() && !sides[1].empty()) {
    summary["p_value"] = stats::mann_whitney(sides[0], sides[1]).greater;
    summary["test"] = "Mann-Whitney, exposures of planted canaries larger";
  }
  return summary;
}

Json exposure_caveats(const CanaryFile& file, const Json& document, const ExposureOptions& options) {
  Json caveats = Json::array();
  bool extrapolated = false;
  for (const Json& row : document["results"]) extrapolated = extrapolated || row["method"] == "extrapolation";
  if (extrapolated) {
    caveats.push_back(fmt::format("Exposures above {:.1f} bits are extrapolated by a skew-normal fit to the references' losses: as good as that fit.",
                                  std::log2(static_cast<double>(options.samples))));
  }
  for (const Json& group : document["patterns"]) {
    if (group["unknown_candidates"].get<std::int64_t>() == 0) continue;
    caveats.push_back(fmt::format(
        "\"{}\": {} candidates share their token with another one (unknown words or buckets): the vocabulary tells which "
        "words the training data hold, and ranks among the others are ties.",
        group["pattern"].get<std::string>(), group["unknown_candidates"].get<std::int64_t>()));
  }
  caveats.push_back("Canaries are not private: nothing here is covered by a guarantee.");
  caveats.push_back("A low exposure says that this attack, the loss of the final model, found nothing; it bounds no other.");
  if (file.inclusion > 0 && file.inclusion < 1 && file.inclusion != 0.5) {
    caveats.push_back(fmt::format("Each canary was planted with chance {:g}: bounds from one run need .5.", file.inclusion));
  }
  return caveats;
}

void store_scores(const std::string& path, const std::vector<Exposed>& exposed) {
  std::string lines;
  for (const Exposed& one : exposed) {
    const Json line = {{"id", one.canary->id}, {"member", one.canary->planted ? 1 : 0}, {"score", one.score}};
    lines += line.dump() + "\n";
  }
  core::write_file_atomically(path, lines);
}

/// Request: run; canaries (a file of `audit plant`); exact, samples, seed, confidence, show_text; store (a
/// file for the scores); out (a file instead of RUN/audits).
Json canary_of_run(const Json& request, core::OperationContext& context) {
  const fs::path path = request.at("run").get<std::string>();
  const core::RunDir directory = core::RunDir::open(path);
  CanaryFile file = read_canaries(request.at("canaries").get<std::string>());
  const std::string held_back = take_held_back(path, file.canaries);
  const ExposureOptions options = exposure_options(request);
  const RunModel run = open_run_model(path);

  Json document = core::make_document({.schema = "discreet.audit.canary/1",
                                       .configuration = exposure_configuration(options),
                                       .inputs = {core::describe_input("model", path / "model"), file.input}});
  document["run"] = path.string();
  document["not_private"] = true;
  document["inclusion"] = file.inclusion;
  document["patterns"] = Json::array();
  std::vector<Exposed> exposed;
  std::vector<const Canary*> mislabelled;
  std::vector<std::vector<const Canary*>> groups;
  for (const Canary& canary : file.canaries) {
    if (canary.kind == "mislabelled") {
      mislabelled.push_back(&canary);
      continue;
    }
    const auto group = std::ranges::find_if(groups, [&](const auto& g) { return same_sentences(*g.front(), canary); });
    if (group == groups.end()) {
      groups.push_back({&canary});
    } else {
      group->push_back(&canary);
    }
  }
  for (const auto& group : groups) {
    if (context.stopping()) throw core::interrupted(context, "Nothing was kept.");
    std::ranges::move(expose_pattern(run, group, options, document), std::back_inserter(exposed));
  }
  if (!mislabelled.empty()) std::ranges::move(expose_mislabelled(run, mislabelled, options), std::back_inserter(exposed));
  document["summary"] = exposure_summary(exposed, options.confidence);
  for (Exposed& one : exposed) document["results"].push_back(one.row);
  document["caveats"] = exposure_caveats(file, document, options);
  if (!held_back.empty()) document["caveats"].push_back(held_back);
  if (!options.store.empty()) {
    store_scores(options.store, exposed);
    document["stored"] = core::to_json(core::describe_input("scores", options.store));
  }
  if (const std::string elsewhere = planted_elsewhere(file, directory.manifest()); !elsewhere.empty()) {
    document["caveats"].push_back(elsewhere);
  }
  write_finding(request, directory, document);
  return document;
}

}  // namespace
}  // namespace app

void register_operation_canary(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "canary",
                .summary = "Exposure of planted canaries: by rank in the whole space, by sampling, by a fit",
                .reference = "Carlini et al. 2019",
                .make = core::Operation(&app::canary_of_run)});
}

}  // namespace discreet
