#include <fmt/format.h>

#include <algorithm>

#include "discreet/report/chart.h"
#include "discreet/report/html.h"
#include "discreet/report/internal/sections.h"
#include "discreet/report/internal/style.h"
#include "discreet/report/report.h"

namespace discreet::report {
namespace {

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : ""; }

std::string badge(const Json& entry) {
  if (!entry["private"].get<bool>()) return "<span class=\"badge open\">no guarantee</span>";
  const Json& privacy = entry["privacy"];
  return fmt::format("<span class=\"badge private\">ε = {}, δ = {}</span>",
                     privacy.contains("epsilon") ? show_upper(privacy["epsilon"]) : "n/a",
                     privacy.contains("delta") ? show_upper(privacy["delta"]) : "n/a");
}

std::string verdict(const Json& entry) {
  const Json& summary = entry["summary"];
  std::string html = "<dl class=\"verdict card\">";
  for (const auto& [key, title] :
       {std::pair("trained", "What it is"), std::pair("private", "How private"),
        std::pair("leaks", "What leaks"), std::pair("fair", "How fair")}) {
    html += fmt::format("<dt>{}</dt><dd>{}</dd>", title, escape(text_of(summary[key])));
  }
  return html + "</dl>\n";
}

std::string caveats(const Json& entry) {
  if (entry["caveats"].empty() && entry["not_private"].empty()) return "";
  std::string html = "<h3>Caveats</h3><div class=\"card warn\">";
  if (!entry["not_private"].empty()) {
    html += "<p><b>Not private:</b> ";
    for (std::size_t i = 0; i < entry["not_private"].size(); ++i) {
      html += (i > 0 ? ", " : "") + escape(text_of(entry["not_private"][i]));
    }
    html +=
        " in the training log and the curves above come from private examples and are not covered "
        "by the guarantee. So are all figures of audits.</p>";
  }
  html += "<ul class=\"caveats\">";
  for (const Json& caveat : entry["caveats"]) {
    html += fmt::format("<li>{} <span class=\"note\">({})</span></li>",
                        escape(text_of(caveat["text"])), escape(text_of(caveat["about"])));
  }
  return html + "</ul></div>\n";
}

std::string facts(const Json& entry) {
  std::string html = "<ul class=\"facts\">";
  const Json& training = entry["training"];
  if (training.contains("metrics") && training["metrics"].is_object()) {
    for (const auto& [name, value] : training["metrics"].items()) {
      html += fmt::format("<li><b>{}</b><span>{}</span></li>", show(value), escape(spaced(name)));
    }
  }
  return html + "</ul>\n";
}

std::string run_section(const Json& entry, bool heading) {
  std::string html = "<section>";
  if (heading)
    html += fmt::format("<h2>{} {}</h2>\n", escape(text_of(entry["name"])), badge(entry));
  html += verdict(entry) + facts(entry) + (entry.contains("federation") ? "" : internal::charts(entry)) +
          internal::federation(entry) + internal::privacy(entry) +
          internal::membership(entry) + internal::canaries(entry) + internal::groups(entry) +
          internal::language_fairness(entry) +
          internal::sensitivity(entry) + internal::mitigations(entry) + caveats(entry);
  html += fmt::format(
      "<p class=\"note\">{}: discreet {}{}, started {}, {} with {} thread(s){}.</p>",
      escape(text_of(entry["run"])), escape(text_of(entry.value("version", Json()))),
      entry.value("git_revision", Json()).is_string()
          ? ", revision " + escape(text_of(entry["git_revision"]))
          : "",
      escape(text_of(entry.value("started", Json()))),
      escape(text_of(entry.value("device", Json()))), show(entry.value("threads", Json())),
      entry.value("libtorch", Json()).is_string()
          ? ", libtorch " + escape(text_of(entry["libtorch"]))
          : "");
  return html + "</section>\n";
}

}  // namespace

std::string render_page(const Json& report) {
  const Json& results = report["results"];
  const bool several = results.size() > 1;
  const std::string title =
      several ? fmt::format("{} runs compared", results.size()) : text_of(results[0]["name"]);
  std::string html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'\">\n<title>{0}</title>\n<style>{1}</style></head>\n<body><main>\n<h1>{0} "
      "{2}</h1>\n<p class=\"sub\">Trust report of discreet {3}. The same numbers as data: the "
      ".json "
      "file beside this page.</p>\n",
      escape(title), internal::kStyle, several ? "" : badge(results[0]),
      escape(text_of(report.value("version", Json()))));
  if (several) html += internal::comparison(results);
  if (report.contains("repeats")) html += internal::repeats(report["repeats"]);
  for (const Json& entry : results) html += run_section(entry, several);
  html += "<ul class=\"caveats note\">";
  for (const Json& caveat : report["caveats"]) {
    html += fmt::format("<li>{}</li>", escape(text_of(caveat)));
  }
  return html + "</ul>\n</main></body></html>\n";
}

}  // namespace discreet::report
