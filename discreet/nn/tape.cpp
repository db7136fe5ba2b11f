#include "discreet/nn/tape.h"

namespace discreet::nn {
namespace {
thread_local Recorder* active_recorder = nullptr;
}

Recorder* Recorder::current() { return active_recorder; }

RecordingScope::RecordingScope(Recorder& recorder) : previous_(active_recorder) {
  active_recorder = &recorder;
}

RecordingScope::~RecordingScope() { active_recorder = previous_; }

}  // namespace discreet::nn
