#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "discreet/core/json.h"

namespace discreet::mitigate {

/// Every second of a teacher's layers, first and last among them, spread evenly: of 12 the layers 0, 2, 4, 7, 9, 11.
/// Ref: Sanh et al. 2019 (DistilBERT, DistilGPT2).
std::vector<std::int64_t> every_second(std::int64_t layers);

/// What the teacher calls the parameter that a student's parameter begins as: "encoder.block4.x" for
/// "encoder.block2.x" where the student's third block is the teacher's fifth; other names stay.
std::string name_at_teacher(const std::string& name, const std::vector<std::int64_t>& layers);

/// Writes the student of a folder of the Hugging Face layout: its layers at `layers`, all else as it is, tokenizer
/// files included, so that any tool loads it, and `made_of` as its note. Whole or not at all; replaces what is there.
/// Throws: kUsage for a layer that the teacher lacks, or forms whose layers share weights; kBadData.
void write_student(const std::filesystem::path& teacher, const std::vector<std::int64_t>& layers,
                   const std::filesystem::path& out, const Json& made_of = Json::object());
inline constexpr const char* kStudentNote = "student.json";

}  // namespace discreet::mitigate
