#pragma once

namespace discreet::nn {

/// Whether MKL, where libtorch has it, is told to choose its code by the instructions of the processor alone.
///
/// MKL asks who made the processor before it asks what it can do, and gives AVX-512 code to Intel's alone; on others its
/// products take about twice as long as they need. This library answers that question in MKL's place: on a processor with
/// AVX-512 (F, BW, DQ, VL) as if it were Intel's, on others by the truth, so that nothing changes there or on Intel's.
/// `DISCREET_MKL=vendor` in the environment gives the truth everywhere. Decided once, at the first product.
bool dispatches_by_instructions();

}  // namespace discreet::nn
