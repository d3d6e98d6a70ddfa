/* Every kernel: include this one file.
 *
 * Each takes a const table (edge_types.h says what it must hold), its inputs and its output.
 * "in place": the output may be the very memory of the input (of either input).
 * Convolutions, but for transposed ones, and pools write pixel after pixel, and read from the front
 * to the back: their output may lie over the input as long as it starts so many bytes before it
 * that no pixel is written over one that is still to be read (firmware_export/overlap.py).
 * Never may they overlap otherwise. Only the kernels that name it need scratch memory.
 *
 *   edge_conv_s8(const edge_conv_t *, const int8_t *input, int8_t *scratch, int8_t *output)
 *   edge_pointwise_conv_s8(const edge_conv_t *, const int8_t *input, int8_t *output)
 *   edge_depthwise_conv_s8(const edge_conv_t *, const int8_t *input, int8_t *scratch,
 *                          int8_t *output)
 *   edge_transpose_conv_s8(const edge_transpose_conv_t *, const int8_t *input, int8_t *output)
 *   edge_fully_connected_s8(const edge_fully_connected_t *, const int8_t *input, int8_t *output)
 *   edge_add_s8(const edge_add_t *, const int8_t *left, const int8_t *right, int8_t *output)
 *       in place where `broadcast` is NULL
 *   edge_mul_s8(const edge_mul_t *, const int8_t *left, const int8_t *right, int8_t *output)
 *       in place where `broadcast` is NULL
 *   edge_sub_s8(const edge_add_t *, const int8_t *left, const int8_t *right, int8_t *output)
 *   edge_minimum_s8(const edge_extremum_t *, const int8_t *left, const int8_t *right,
 *                   int8_t *output), and edge_maximum_s8
 *   edge_prelu_s8(const edge_prelu_t *, const int8_t *input, const int8_t *slope, int8_t *output)
 *       all four in place where `broadcast` is NULL
 *   edge_average_pool_s8(const edge_pool_t *, const int8_t *input, int8_t *output)
 *   edge_max_pool_s8(const edge_pool_t *, const int8_t *input, int8_t *output)
 *   edge_mean_s8(const edge_mean_t *, const int8_t *input, int8_t *output)
 *   edge_pad_s8(const edge_pad_t *, const int8_t *input, int8_t *output)
 *   edge_transpose_s8(const edge_transpose_t *, const int8_t *input, int8_t *output)
 *   edge_concat_s8(const edge_concat_t *, const int8_t *input, int8_t *output), once per input
 *   edge_slice_s8(const edge_slice_t *, const int8_t *input, int8_t *output)
 *   edge_gather_s8(const edge_gather_t *, const int8_t *input, int8_t *output)
 *   edge_resize_nearest_s8(const edge_resize_nearest_t *, const int8_t *input, int8_t *output)
 *   edge_resize_bilinear_s8(const edge_resize_bilinear_t *, const int8_t *input, int8_t *output)
 *   edge_softmax_s8(const edge_softmax_t *, const int8_t *input, int8_t *output)       in place
 *   edge_log_softmax_s8(const edge_log_softmax_t *, const int8_t *input, int8_t *output) in place
 *   edge_l2_normalization_s8(const edge_l2_normalization_t *, const int8_t *input,
 *                            int8_t *output)                                           in place
 *   edge_arg_max_s8(const edge_arg_max_t *, const int8_t *input, int8_t *output)
 *       `output` holds int32
 *   edge_lookup_s8(const edge_lookup_t *, const int8_t *input, int8_t *output)         in place
 *   edge_rescale_s8(const edge_rescale_t *, const int8_t *input, int8_t *output)       in place
 *   edge_copy_s8(int32_t size, const int8_t *input, int8_t *output)
 *
 * With activations of int16, tables alike, one tier: edge_conv_s16 (without scratch memory; also
 * 1 x 1), edge_depthwise_conv_s16 (likewise), edge_fully_connected_s16, edge_add_s16, edge_sub_s16,
 * edge_mul_s16, edge_minimum_s16, edge_maximum_s16 (these five in place where `broadcast` is NULL),
 * edge_average_pool_s16, edge_max_pool_s16, edge_mean_s16, edge_pad_s16, edge_rescale_s16 (in place),
 * edge_rescale_s8_s16 and edge_rescale_s16_s8 (from one type to the other), and in place
 *   edge_softmax_s16(const edge_softmax_s16_t *, const int16_t *input, int16_t *output)
 *   edge_logistic_s16(const edge_curve_s16_t *, const int16_t *input, int16_t *output)
 *   edge_tanh_s16(const edge_curve_s16_t *, const int16_t *input, int16_t *output)
 * The kernels that move values move bytes: int16 go through them as two of them.
 *
 * For cores with SMLAD (arch/dsp), with tables of their own; right, if slow, with any compiler:
 *
 *   edge_conv_dsp_s8(const edge_conv_dsp_t *, const int8_t *input, int8_t *scratch, int8_t *output)
 *   edge_depthwise_conv_dsp_s8(const edge_conv_dsp_t *, const int8_t *input, int8_t *scratch,
 *                              int8_t *output)
 *   edge_fully_connected_dsp_s8(const edge_fully_connected_dsp_t *, const int8_t *input,
 *                               int8_t *output)
 *
 * For cores with Helium (arch/mve), likewise:
 *
 *   edge_conv_mve_s8(const edge_conv_mve_t *, const int8_t *input, int8_t *scratch, int8_t *output)
 *   edge_pointwise_conv_mve_s8(const edge_conv_mve_t *, const int8_t *input, int8_t *output)
 *   edge_depthwise_conv_mve_s8(const edge_conv_mve_t *, const int8_t *input, int8_t *scratch,
 *                              int8_t *output)
 *   edge_fully_connected_mve_s8(const edge_fully_connected_mve_t *, const int8_t *input,
 *                               int8_t *output)
 *
 * Arithmetic: bit for bit that of TensorFlow Lite Micro's reference kernels and of CMSIS-NN's
 * default build. Floats only in edge_io_f32.h, which is not included here.
 */
#ifndef EDGE_KERNELS_H
#define EDGE_KERNELS_H

#include "arch/dsp/edge_conv_dsp_s8.h"
#include "arch/dsp/edge_depthwise_conv_dsp_s8.h"
#include "arch/dsp/edge_fully_connected_dsp_s8.h"
#include "arch/mve/edge_conv_mve_s8.h"
#include "arch/mve/edge_depthwise_conv_mve_s8.h"
#include "arch/mve/edge_fully_connected_mve_s8.h"
#include "edge_arg_max_s8.h"
#include "edge_conv_s16.h"
#include "edge_conv_s8.h"
#include "edge_curves_s16.h"
#include "edge_depthwise_conv_s8.h"
#include "edge_elementwise_s16.h"
#include "edge_elementwise_s8.h"
#include "edge_fully_connected_s8.h"
#include "edge_layout_s8.h"
#include "edge_mean_s8.h"
#include "edge_moving_s8.h"
#include "edge_pad_s16.h"
#include "edge_pairwise_s8.h"
#include "edge_pool_s8.h"
#include "edge_reduction_s16.h"
#include "edge_rows_s8.h"
#include "edge_softmax_s8.h"
#include "edge_transpose_conv_s8.h"
#include "edge_types.h"

#endif /* EDGE_KERNELS_H */
