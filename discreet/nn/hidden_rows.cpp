#include "discreet/nn/hidden_rows.h"

namespace discreet::nn {
namespace {

thread_local HiddenRowsScope* current_hidden_rows = nullptr;

}  // namespace

HiddenRowsScope::HiddenRowsScope() : outer_(current_hidden_rows) { current_hidden_rows = this; }

HiddenRowsScope::~HiddenRowsScope() { current_hidden_rows = outer_; }

void HiddenRowsScope::keep(const at::Tensor& rows) {
  if (current_hidden_rows != nullptr) current_hidden_rows->rows_ = rows;
}

}  // namespace discreet::nn
