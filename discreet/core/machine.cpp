#include "discreet/core/machine.h"

#include <sched.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "discreet/core/version.h"

namespace discreet::core {
namespace {

const std::vector<std::string> kFeatures = {"avx2", "fma",  "avx512f",  "avx512_bf16",
                                            "aes",  "vaes", "amx_bf16", "asimd"};

std::string cpu_line(const std::string& key) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(':');
    if (line.rfind(key, 0) == 0 && colon != std::string::npos && colon + 2 <= line.size()) {
      return line.substr(colon + 2);
    }
  }
  return "";
}

std::vector<std::string> cpu_features() {
  std::string flags = cpu_line("flags");
  if (flags.empty()) flags = cpu_line("Features");  // ARM's spelling
  std::istringstream stream(flags);
  const std::set<std::string> all{std::istream_iterator<std::string>(stream), {}};
  std::vector<std::string> found;
  for (const auto& feature : kFeatures) {
    if (all.count(feature) > 0) found.push_back(feature);
  }
  return found;
}

}  // namespace

double usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  double cores = 1;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) cores = CPU_COUNT(&set);
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (file >> quota >> period && quota != "max" && period > 0) {
    cores = std::min(cores, std::strtod(quota.c_str(), nullptr) / period);
  }
  return cores;
}

Json cpu_facts() {
  utsname system{};
  uname(&system);
  return {{"model", cpu_line("model name")},
          {"architecture", system.machine},
          {"features", cpu_features()}};
}

Json measurement_stamp() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char date[32];
  std::strftime(date, sizeof date, "%Y-%m-%d", &utc);
  return {{"version", version()},
          {"revision", git_revision()},
          {"date", date},
          {"cpu", cpu_facts()},
          {"cores", usable_cores()}};
}

}  // namespace discreet::core
