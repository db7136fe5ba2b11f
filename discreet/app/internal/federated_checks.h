#pragma once

#include "discreet/app/federated_settings.h"

namespace discreet::app {

/// Refuses keys that the other ones leave without effect: those of another strategy, selection, partition or
/// compression, of a clock that does not run, and of `discreet train`. Who sets one believes in what is not there.
/// Throws: kUsage.
void check_unread_keys(const FederatedSettings& f, const Settings& s, const core::Config& config);

/// Refuses private federations whose guarantee cannot be stated, and keys of privacy without a mechanism.
/// Throws: kPrivacyRefused, kUsage.
void check_federated_privacy(const FederatedSettings& f, const Settings& s);

}  // namespace discreet::app
