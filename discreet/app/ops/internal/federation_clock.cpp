#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "discreet/app/ops/internal/federation.h"
#include "discreet/core/error.h"
#include "discreet/core/random.h"

namespace discreet::app {
namespace {

constexpr double kLost = std::numeric_limits<double>::infinity();
constexpr std::size_t kDeciles = 10;
constexpr std::int64_t kMostLost = 5000;

/// Where a client is lost, if it is.
enum class Loss { kNone, kDownload, kTrain, kUpload };

Loss draw_loss(const Federation& federation, std::int64_t client, std::int64_t draw) {
  const FederatedOptions& own = federation.federated.own;
  if (own.drop_download == 0 && own.drop_train == 0 && own.drop_upload == 0) return Loss::kNone;
  core::ReproducibleRng rng(static_cast<std::uint64_t>(federation.settings.run.seed),
                            fmt::format("loss.{}.{}", draw, federation.clients[static_cast<std::size_t>(client)].name));
  const double download = rng.uniform(), train = rng.uniform(), upload = rng.uniform();
  if (download < own.drop_download) return Loss::kDownload;
  if (train < own.drop_train) return Loss::kTrain;
  return upload < own.drop_upload ? Loss::kUpload : Loss::kNone;
}

std::int64_t epochs_of(const Federation& federation, std::int64_t examples) {
  const FederatedOptions& own = federation.federated.own;
  if (own.local_steps == 0 || examples == 0) return own.local_epochs;
  const double most = static_cast<double>(own.local_steps * federation.settings.train.batch_size);
  return std::min<std::int64_t>(own.local_epochs, std::max<std::int64_t>(1, std::llround(most / static_cast<double>(examples))));
}

double seconds_of(const Federation& federation, const federated::ClientJob& job) {
  if (federation.devices.empty()) return 0;
  const auto examples = static_cast<std::int64_t>(job.examples.size());
  return federation.devices[static_cast<std::size_t>(job.client)].round_seconds(
      examples, epochs_of(federation, examples), federation.update_bytes, federation.runner->sent_values() * 4);
}

void count_loss(Json& line, Loss loss) {
  if (loss == Loss::kNone) return;
  const char* key = loss == Loss::kDownload ? "lost_download" : loss == Loss::kTrain ? "lost_train" : "lost_upload";
  line[key] = line.value(key, 0) + 1;
}

/// Bytes of clients whose work did not count.
void add_waste(Json& line, std::int64_t down, std::int64_t up) {
  line["wasted_bytes_down"] = line.value("wasted_bytes_down", std::int64_t{0}) + down;
  line["wasted_bytes_up"] = line.value("wasted_bytes_up", std::int64_t{0}) + up;
}

std::int64_t version_of(const Federation& federation) { return federation.round; }

/// Sends the model of now to one more client, if there is one that can take it. False if nobody can.
bool send_one(Federation& federation, const std::vector<char>& reported_now, Json& line) {
  std::vector<char> busy = absent_devices(federation);
  if (busy.empty()) busy.assign(federation.clients.size(), 0);
  for (const Flight& flight : federation.flights) busy[static_cast<std::size_t>(flight.client)] = 1;
  for (std::size_t k = 0; k < reported_now.size(); ++k) busy[k] |= reported_now[k];
  std::vector<std::string> notes;
  const Cohort cohort = choose_clients(federation, notes, busy, 1, ++federation.departures);
  if (cohort.jobs.empty()) return false;
  const federated::ClientJob& job = cohort.jobs.front();
  const Loss loss = draw_loss(federation, job.client, federation.departures);
  count_loss(line, loss);
  const std::int64_t version = version_of(federation);
  auto& model = federation.versions[version];
  if (model == nullptr) {
    model = std::make_shared<const std::vector<float>>(federation.weights.begin(), federation.weights.end());
  }
  federation.flights.push_back({.client = job.client,
                                .version = version,
                                .arrival = federation.seconds + seconds_of(federation, job),
                                .lost = loss != Loss::kNone});
  ++federation.selected[static_cast<std::size_t>(job.client)];
  return true;
}

void fill_flights(Federation& federation, const std::vector<char>& reported_now, Json& line) {
  const FederatedOptions& own = federation.federated.own;
  const std::int64_t wanted = own.concurrency > 0 ? own.concurrency : federation.federated.selection.cohort;
  while (static_cast<std::int64_t>(federation.flights.size()) < wanted) {
    if (!send_one(federation, reported_now, line)) break;
  }
}

/// Versions that no client works on any more are let go.
void drop_versions(Federation& federation) {
  std::int64_t oldest = version_of(federation);
  for (const Flight& flight : federation.flights) oldest = std::min(oldest, flight.version);
  federation.versions.erase(federation.versions.begin(), federation.versions.lower_bound(oldest));
}

/// The first moment at which a device is there that holds something.
double next_presence(const Federation& federation) {
  double first = kLost;
  for (std::size_t k = 0; k < federation.devices.size(); ++k) {
    if (federation.stores[k].count() == 0) continue;
    first = std::min(first, federation.devices[k].next_available(federation.seconds));
  }
  return first;
}

}  // namespace

void draw_devices(Federation& federation) {
  const FederatedOptions& own = federation.federated.own;
  const std::int64_t plain = federation.runner->sent_values() * 4;
  federation.update_bytes = plain;
  if (!federation.compressor->keeps_zeros()) {
    std::vector<float> zeros(static_cast<std::size_t>(federation.runner->sent_values()), 0.0F), memory;
    core::ReproducibleRng rng(1, "size");
    federation.update_bytes = federation.compressor->apply(zeros, memory, rng);
  }
  if (!own.clock && !federation.strategy->is_asynchronous()) return;
  const federated::DeviceModel model = {.median_seconds_per_example = own.seconds_per_example,
                                        .speed_spread = own.speed_spread,
                                        .median_bytes_per_second = own.bytes_per_second,
                                        .network_spread = own.network_spread,
                                        .active_share = own.active_share};
  for (const FederatedClient& client : federation.clients) {
    federation.devices.push_back(
        federated::draw_device(model, static_cast<std::uint64_t>(federation.settings.run.seed), client.name));
  }
}

std::vector<char> absent_devices(Federation& federation) {
  if (federation.devices.empty() || federation.federated.own.active_share == 1) return {};
  // With nobody at work, time goes on to the next device that comes.
  const double first = federation.flights.empty() ? next_presence(federation) : kLost;
  if (std::isfinite(first) && first > federation.seconds) federation.seconds = first;
  std::vector<char> absent;
  for (const federated::DeviceProfile& device : federation.devices) {
    absent.push_back(device.available(federation.seconds) ? 0 : 1);
  }
  return absent;
}

bool run_clock(Federation& federation, Cohort& cohort, Json& line) {
  const FederatedOptions& own = federation.federated.own;
  const std::int64_t down = federation.runner->sent_values() * 4;
  std::vector<double> seconds;
  for (const federated::ClientJob& job : cohort.jobs) {
    const Loss loss = draw_loss(federation, job.client, federation.round + 1);
    count_loss(line, loss);
    seconds.push_back(loss == Loss::kNone ? seconds_of(federation, job) : kLost);
    if (loss == Loss::kTrain || loss == Loss::kUpload) add_waste(line, down, 0);
  }
  if (!own.clock && std::ranges::none_of(seconds, [](double s) { return s == kLost; })) return true;
  const bool is_private = federation.settings.privacy.is_private();
  const federated::RoundPolicy policy = {
      .goal = own.clock && !is_private ? federation.federated.selection.cohort : 0,
      .deadline = own.deadline,
      .least_share = own.clock && !is_private ? own.least_reports : 0};
  federated::RoundOutcome outcome = federated::close_round(seconds, policy);
  federation.seconds += outcome.seconds;
  if (own.clock) {
    line["seconds"] = outcome.seconds;
    line["virtual_time"] = federation.seconds;
    line["ended"] = outcome.ended;
  }
  std::sort(outcome.reported.begin(), outcome.reported.end());
  for (std::size_t place = 0, next = 0; place < seconds.size(); ++place) {
    const bool counts = next < outcome.reported.size() && outcome.reported[next] == place;
    next += counts ? 1 : 0;
    if (!counts && seconds[place] != kLost) {  // late
      line["late"] = line.value("late", 0) + 1;
      add_waste(line, down, federation.update_bytes);
    }
  }
  Cohort kept = {.jobs = {}, .inclusion = {}, .all_examples = cohort.all_examples, .cost = cohort.cost};
  for (const std::size_t place : outcome.reported) {
    kept.jobs.push_back(std::move(cohort.jobs[place]));
    if (!cohort.inclusion.empty()) kept.inclusion.push_back(cohort.inclusion[place]);
  }
  cohort = std::move(kept);
  if (outcome.ended != "abandoned") return true;
  ++federation.abandoned;
  return is_private;  // a private round takes place whoever comes: its noise and its event are due
}

Cohort next_arrivals(Federation& federation, Json& line) {
  const FederatedOptions& own = federation.federated.own;
  const auto buffer = static_cast<std::size_t>(federation.strategy->buffer());
  std::vector<char> reported_now(federation.clients.size(), 0);
  Cohort arrived;
  const double started = federation.seconds;
  fill_flights(federation, reported_now, line);
  // Who was lost is noticed when it should have come.
  std::int64_t empty_turns = 0, lost_in_a_row = 0;
  while (arrived.jobs.size() < buffer) {
    if (federation.flights.empty()) {
      if (++empty_turns > 1000 || !arrived.jobs.empty()) break;
      fill_flights(federation, reported_now, line);
      if (federation.flights.empty()) break;
      continue;
    }
    const auto first = std::min_element(federation.flights.begin(), federation.flights.end(),
                                        [](const Flight& a, const Flight& b) { return a.arrival < b.arrival; });
    const Flight flight = *first;
    federation.flights.erase(first);
    federation.seconds = std::max(federation.seconds, flight.arrival);
    const std::int64_t lag = version_of(federation) - flight.version;
    const bool old = own.most_lag > 0 && lag > own.most_lag;
    if (old) line["too_old"] = line.value("too_old", 0) + 1;
    if (!flight.lost && !old) {
      const auto place = static_cast<std::size_t>(flight.client);
      reported_now[place] = 1;
      lost_in_a_row = 0;
      arrived.jobs.push_back({.client = flight.client,
                              .examples = federation.stores[place].items(),
                              .weight = 1,
                              .start = federation.versions.at(flight.version),
                              .lag = static_cast<double>(lag)});
    } else {
      add_waste(line, federation.runner->sent_values() * 4, old ? federation.update_bytes : 0);
      if (++lost_in_a_row > kMostLost) {
        throw runtime_failure(fmt::format("{} clients in a row were lost or too late", lost_in_a_row),
                              "Lower federated.drop_download, drop_train and drop_upload, or raise most_lag.");
      }
    }
    if (arrived.jobs.size() < buffer) fill_flights(federation, reported_now, line);
  }
  line["seconds"] = federation.seconds - started;
  line["virtual_time"] = federation.seconds;
  double lags = 0;
  for (const federated::ClientJob& job : arrived.jobs) lags += job.lag;
  if (!arrived.jobs.empty()) line["mean_lag"] = lags / static_cast<double>(arrived.jobs.size());
  drop_versions(federation);
  return arrived;
}

Json clock_of(const Federation& federation) {
  if (federation.devices.empty()) return nullptr;
  // Deciles of speed, the fastest first: which share of all reports each gave.
  std::vector<std::size_t> order(federation.devices.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return federation.devices[a].seconds_per_example < federation.devices[b].seconds_per_example;
  });
  std::vector<double> deciles(kDeciles, 0.0);
  double all = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto reports = static_cast<double>(federation.reported[order[i]]);
    deciles[i * kDeciles / order.size()] += reports;
    all += reports;
  }
  for (double& share : deciles) share = all > 0 ? share / all : 0;
  return {{"virtual_seconds", federation.seconds},
          {"abandoned_rounds", federation.abandoned},
          {"reports", all},
          {"reports_by_speed_decile", deciles}};
}

}  // namespace discreet::app
