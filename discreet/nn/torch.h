#pragma once

// The one way into libtorch for this project: what is needed and no more, since torch/torch.h costs
// half a minute and 1.4 GiB per translation unit.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/grad_mode.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>
