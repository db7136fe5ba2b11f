#include "discreet/core/process_place.h"

#include <gtest/gtest.h>

#include <map>

#include "discreet/core/error.h"

namespace discreet::core {
namespace {

using Values = std::map<std::string, std::string>;

ProcessPlace place_of(const Values& values) {
  return process_place([&](const std::string& name) -> std::optional<std::string> {
    const auto found = values.find(name);
    if (found == values.end()) return std::nullopt;
    return found->second;
  });
}

const Values kTorchrun = {{"RANK", "3"}, {"WORLD_SIZE", "4"}, {"LOCAL_RANK", "1"},
                          {"MASTER_ADDR", "node7"}, {"MASTER_PORT", "29500"},
                          {"TORCHELASTIC_USE_AGENT_STORE", "True"}, {"TORCHELASTIC_RESTART_COUNT", "2"}};

TEST(ProcessPlace, NothingInTheEnvironmentIsOneProcessAlone) {
  const ProcessPlace place = place_of({});
  EXPECT_TRUE(place.alone());
  EXPECT_EQ(place.launcher, "none");
}

TEST(ProcessPlace, Torchrun) {
  const ProcessPlace place = place_of(kTorchrun);
  EXPECT_EQ(place.rank, 3);
  EXPECT_EQ(place.size, 4);
  EXPECT_EQ(place.local_rank, 1);
  EXPECT_EQ(place.address, "node7");
  EXPECT_EQ(place.port, 29500);
  EXPECT_TRUE(place.agent_store);
  EXPECT_EQ(place.round, "2");
  EXPECT_EQ(place.launcher, "torchrun");
}

TEST(ProcessPlace, MpirunOnOneMachineAndOnSeveral) {
  Values values = {{"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "2"},
                   {"OMPI_COMM_WORLD_LOCAL_RANK", "1"}, {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"},
                   {"PMIX_NAMESPACE", "prterun-host-77@1"}};
  const ProcessPlace one = place_of(values);
  EXPECT_EQ(one.launcher, "mpirun");
  EXPECT_EQ(one.address, "127.0.0.1");
  EXPECT_GE(one.port, 20000);
  EXPECT_LT(one.port, 32768);
  values["OMPI_COMM_WORLD_RANK"] = "0";
  EXPECT_EQ(place_of(values).port, one.port) << "all processes of a job meet at one port";
  values["OMPI_COMM_WORLD_LOCAL_SIZE"] = "1";
  EXPECT_THROW(place_of(values), Error);
  values["MASTER_ADDR"] = "10.0.0.1";
  values["MASTER_PORT"] = "4000";
  EXPECT_EQ(place_of(values).address, "10.0.0.1");
  EXPECT_EQ(place_of(values).port, 4000);
}

TEST(ProcessPlace, SlurmStepsButNotTheBatchScriptItself) {
  Values values = {{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}, {"SLURM_JOB_ID", "123"}};
  EXPECT_TRUE(place_of(values).alone()) << "a batch script outside srun is one process";
  values["SLURM_STEP_NUM_TASKS"] = "8";
  values["SLURM_PROCID"] = "5";
  values["SLURM_LOCALID"] = "1";
  values["SLURM_STEP_ID"] = "0";
  values["SLURM_STEP_NODELIST"] = "gpu[07-08]";
  const ProcessPlace place = place_of(values);
  EXPECT_EQ(place.launcher, "slurm");
  EXPECT_EQ(place.rank, 5);
  EXPECT_EQ(place.size, 8);
  EXPECT_EQ(place.address, "gpu07");
  values["SLURM_STEP_ID"] = "1";
  EXPECT_NE(place_of(values).port, place.port) << "two steps of a job may run at once";
}

TEST(ProcessPlace, FirstHostOfANodeList) {
  EXPECT_EQ(first_slurm_host("a1"), "a1");
  EXPECT_EQ(first_slurm_host("a1,b[2-3]"), "a1");
  EXPECT_EQ(first_slurm_host("n[003-004,9],m1"), "n003");
  EXPECT_EQ(first_slurm_host("n[12]"), "n12");
  EXPECT_EQ(first_slurm_host(""), "");
}

TEST(ProcessPlace, WhatIsMissingOrWrongIsNamed) {
  const auto message = [](Values changes) {
    Values values = kTorchrun;
    for (const auto& [name, value] : changes) {
      if (value.empty()) values.erase(name); else values[name] = value;
    }
    try {
      place_of(values);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kUsage);
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_NE(message({{"RANK", ""}}).find("RANK"), std::string::npos);
  EXPECT_NE(message({{"WORLD_SIZE", ""}}).find("WORLD_SIZE"), std::string::npos);
  EXPECT_NE(message({{"RANK", "4"}}).find("[0, 3]"), std::string::npos);
  EXPECT_NE(message({{"RANK", "1x"}}).find("1x"), std::string::npos);
  EXPECT_NE(message({{"MASTER_ADDR", ""}}).find("MASTER_ADDR"), std::string::npos);
  EXPECT_NE(message({{"MASTER_PORT", "70000"}}).find("MASTER_PORT"), std::string::npos);
}

}  // namespace
}  // namespace discreet::core
