#include "discreet/app/doctor.h"

#include <sys/random.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discreet/app/loader.h"
#include "discreet/core/error.h"
#include "discreet/core/machine.h"
#include "discreet/core/version.h"

namespace discreet::app {
namespace {

namespace fs = std::filesystem;

// Below this a core multiplies matrices several times slower than any of the last ten years should.
constexpr double kSlowGflops = 20;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool on_path(const std::string& program) {
  std::istringstream folders(environment("PATH"));
  for (std::string folder; std::getline(folders, folder, ':');) {
    std::error_code ignored;
    if (fs::exists(fs::path(folder) / program, ignored)) return true;
  }
  return false;
}

Json build_facts() {
#ifdef __OPTIMIZE__
  const bool optimised = true;
#else
  const bool optimised = false;
#endif
#ifdef __SANITIZE_ADDRESS__
  const bool sanitized = true;
#else
  const bool sanitized = false;
#endif
#ifdef __clang__
  const std::string compiler = "clang " __clang_version__;
#else
  const std::string compiler = "gcc " __VERSION__;
#endif
  return {{"compiler", compiler}, {"optimised", optimised}, {"sanitized", sanitized}};
}

/// Draws from the system, as the noise generator does for its key.
Json entropy_facts() {
  unsigned char bytes[32];
  const bool works = getrandom(bytes, sizeof(bytes), 0) == static_cast<ssize_t>(sizeof(bytes));
  return {{"source", "getrandom"}, {"works", works}};
}

}  // namespace

std::vector<std::string> warnings_of(const MachineFacts& facts) {
  std::vector<std::string> warnings;
  const auto has = [&](const char* feature) {
    return std::find(facts.cpu_features.begin(), facts.cpu_features.end(), feature) !=
           facts.cpu_features.end();
  };
  if (!facts.optimised) {
    warnings.push_back("this build is not optimised: build with the release preset (`make`)");
  }
  if (facts.sanitized) {
    warnings.push_back("this build checks its memory while it runs: fine for tests, slow for work");
  }
  if (facts.architecture == "x86_64" && !has("avx2")) {
    warnings.push_back("this CPU has no AVX2: matrix products and noise run at a fraction of the "
                       "usual speed; a newer machine is the only cure");
  }
  if (!facts.omp_num_threads.empty()) {
    const double threads = std::strtod(facts.omp_num_threads.c_str(), nullptr);
    if (threads > facts.cores) {
      warnings.push_back(fmt::format("OMP_NUM_THREADS={} is more than the {:g} cores this process "
                                     "may use: threads then wait for each other; unset it",
                                     facts.omp_num_threads, facts.cores));
    } else if (threads >= 1 && threads < facts.cores) {
      warnings.push_back(fmt::format("OMP_NUM_THREADS={} leaves some of {:g} cores idle: right beside "
                                     "other work, slow for one run alone",
                                     facts.omp_num_threads, facts.cores));
    }
  }
  if (!facts.tensors) {
    warnings.push_back("libdiscreet was not found: verbs that train or run models will fail; build "
                       "with libtorch (`make`)");
  }
  if (facts.gflops_one_thread > 0 && facts.gflops_one_thread < kSlowGflops) {
    warnings.push_back(fmt::format("a matrix product reaches {:.1f} GFLOP/s on one thread, below {:g}: "
                                   "is the machine busy, or libtorch built without a fast BLAS?",
                                   facts.gflops_one_thread, kSlowGflops));
  }
  if (facts.cuda_device && facts.tensors && !facts.cuda_in_torch) {
    warnings.push_back("there is an NVIDIA device, but this libtorch cannot use it: name one built "
                       "with CUDA by DISCREET_TORCH and build again");
  }
  if (!facts.ccache) warnings.push_back("ccache is not installed: every rebuild compiles everything");
  return warnings;
}

Json examine_machine() {
  utsname system{};
  uname(&system);
  const Json cpu = core::cpu_facts();
  const double cores = core::usable_cores();
  std::error_code ignored;
  MachineFacts facts{.cpu_features = cpu["features"],
                     .architecture = system.machine,
                     .cores = cores,
                     .omp_num_threads = environment("OMP_NUM_THREADS"),
                     .tensors = fs::exists(tensor_library_path(), ignored),
                     .cuda_device = fs::exists("/dev/nvidia0", ignored),
                     .ccache = on_path("ccache")};
  const Json build = build_facts();
  facts.optimised = build["optimised"];
  facts.sanitized = build["sanitized"];

  Json document = {{"schema", "discreet.doctor/1"},
                   {"version", core::version()},
                   {"revision", core::git_revision()},
                   {"build", build},
                   {"system", fmt::format("{} {}", system.sysname, system.release)},
                   {"cpu", cpu},
                   {"threads", {{"cores", cores}, {"OMP_NUM_THREADS", facts.omp_num_threads}}},
                   {"entropy", entropy_facts()},
                   {"tools", {{"ccache", facts.ccache}}}};
  if (facts.tensors) {
    core::OperationContext context;
    document["tensors"] = call_operation("doctor_tensors", Json::object(), context);
    facts.gflops_one_thread = document["tensors"]["gflops_one_thread"];
    facts.cuda_in_torch = document["tensors"]["cuda_devices"].get<int>() > 0;
  } else {
    core::set_absent(document, "tensors", "libdiscreet was not found");
  }
  std::vector<std::string> warnings = warnings_of(facts);
  if (!document["entropy"]["works"].get<bool>()) {
    warnings.push_back("the system gives no random bytes: private training will refuse to start");
  }
  document["warnings"] = warnings;
  return document;
}

std::string doctor_as_text(const Json& document) {
  std::string text;
  const auto line = [&](const std::string& name, const std::string& value) {
    text += fmt::format("{:<12}{}\n", name, value);
  };
  const Json& build = document["build"];
  line("discreet", fmt::format("{} {}", document["version"].get<std::string>(),
                               document["revision"].get<std::string>()));
  line("compiler", fmt::format("{}{}{}", build["compiler"].get<std::string>(),
                               build["optimised"].get<bool>() ? ", optimised" : ", not optimised",
                               build["sanitized"].get<bool>() ? ", sanitizers" : ""));
  line("system", document["system"]);
  const Json& cpu = document["cpu"];
  line("cpu", fmt::format("{} ({}{}{})", cpu["model"].get<std::string>(),
                          cpu["architecture"].get<std::string>(),
                          cpu["features"].empty() ? "" : ": ",
                          fmt::join(cpu["features"].get<std::vector<std::string>>(), " ")));
  const Json& tensors = document["tensors"];
  line("cores", fmt::format("{:g}", document["threads"]["cores"].get<double>()));
  if (tensors.is_null()) {
    line("libtorch", "not there: " + document["tensors_reason"].get<std::string>());
  } else {
    line("libtorch", fmt::format("{}, {} threads, code for {}", tensors["libtorch"].get<std::string>(),
                                 tensors["threads"].get<int>(),
                                 tensors["cpu_capability"].get<std::string>()));
    const Json& by = tensors["blas_code_by"];
    line("blas", fmt::format("{}{}: {:.0f} GFLOP/s on one thread, {:.0f} on all",
                             tensors["blas"].get<std::string>(),
                             by.is_null() ? "" : ", code chosen by " + by.get<std::string>(),
                             tensors["gflops_one_thread"].get<double>(),
                             tensors["gflops"].get<double>()));
    line("cuda", tensors["cuda_devices"] == 0
                     ? "no device that this libtorch can use"
                     : fmt::format("{} devices", tensors["cuda_devices"].get<int>()));
    const auto backends = tensors["process_backends"].get<std::vector<std::string>>();
    line("processes", backends.empty() ? "one: this libtorch has no Gloo"
                                       : fmt::format("several, over {}", fmt::join(backends, " and ")));
  }
  line("entropy", document["entropy"]["works"].get<bool>() ? "getrandom works" : "getrandom FAILS");
  line("ccache", document["tools"]["ccache"].get<bool>() ? "found" : "not found");
  for (const auto& warning : document["warnings"]) {
    text += fmt::format("warning: {}\n", warning.get<std::string>());
  }
  return text;
}

}  // namespace discreet::app
