#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "discreet/core/json.h"

namespace discreet::report {

/// discreet.report/1: everything that the page shows, one entry of `results` for each run: what was
/// trained, how private it is, what audits found, how groups fare, with curves and caveats.
///
/// `runs`: run directories; a folder that is none stands for the runs in it (`train --repeat`).
/// Only their files are read: config.toml, manifest.json, metrics.jsonl, privacy.json, result.json,
/// audits/. Whatever is missing is null with a reason. Throws: kUsage for a path that is no run and
/// holds none; kBadData naming a file that is not what it should be.
Json build_report(const std::vector<std::filesystem::path>& runs);

/// One self-contained page: no script, no request to anywhere. Every string is escaped.
std::string render_page(const Json& report);

/// Where `report` puts its page: RUN/report.html for one run, else report.html here.
std::filesystem::path default_page(const std::vector<std::filesystem::path>& runs);

/// Writes the page, and beside it the same numbers as .json; both whole or not at all.
void write_report(const std::filesystem::path& page, const Json& report);

}  // namespace discreet::report
