#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "discreet/app/membership_rows.h"

namespace discreet::app {

/// What models say of the examples of an audit.
struct MembershipSignals {
  AuditedRows rows;
  stats::AttackData data;
};

/// Reads a file of outputs of a target model and of shadow models (docs/audits.md): JSON lines with one
/// example a line, or a .safetensors file with tensors of the same names.
///
/// Keys: `member` 0 or 1, or `population` true; one of `logits`, `probabilities` (with `label`), `loss`,
/// `log_prob`, `signal`, `token_log_probs`; `shadow`, the same of M models; `in`, M numbers 0 or 1 (absent:
/// reference models that saw none of the examples); `features`; `neighbours`; `token_means` and
/// `token_deviations`; `zlib_bytes` or `text`; `id`, `label`, `user`, `length` and the columns `slices`.
/// Throws: kBadData naming file, line and key for what is missing, of another length than in the first row,
/// or not finite; kRuntime.
MembershipSignals read_membership_signals(const std::filesystem::path& path, const std::vector<std::string>& slices);

struct SignalAuditOptions {
  std::vector<std::string> attacks;  ///< Empty: all that the file allows.
  std::vector<std::string> set;      ///< "lira-offline.variance=fixed"
  std::vector<std::string> slices;
  double population = 0;  ///< Share of the non-members, drawn by the seed, that the attacker is given.
  MembershipReportOptions report;
};

/// The options as they stand in a request to the operation "membership", and back.
Json to_request(const SignalAuditOptions& options);
SignalAuditOptions signal_audit_options(const Json& request);

/// The options as a document's configuration. Throws: kUsage for a `set` that names no attack or option.
Json signal_configuration(const SignalAuditOptions& options);

/// Runs the attacks on what was read from `origin` and fills a document's `n_population`, `n_models`,
/// `unavailable` and what report_membership fills. Throws: as below.
void attack_signals(MembershipSignals signals, const SignalAuditOptions& options, const std::string& origin,
                    Json& document);

/// Names of all attacks.
std::vector<std::string> attack_names();
/// Whether the attack needs shadow or reference models, what models say of tokens, or perturbed copies.
/// Throws: kUsage for an unknown attack, naming the nearest.
bool needs_shadow_models(const std::string& attack);
bool needs_tokens(const std::string& attack);
bool needs_neighbours(const std::string& attack);

/// discreet.audit.membership/1 from such a file. An attack that was asked for by name and cannot run is an
/// error, one that was not is listed under `unavailable`. Throws: kUsage, kBadData as above.
Json membership_of_signals(const std::filesystem::path& path, const SignalAuditOptions& options);

}  // namespace discreet::app
